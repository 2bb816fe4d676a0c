"""The arms of the comparison: each reads the same number of the same passages with one reader.

An arm is opened once and asked question by question. Each runs in a process of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.bench.apart import Job
from eval.peers.same import LONGEST, READ, STRIDE, WINDOW, Ask, Said
from index.types import Channel


def spanwise(job: Job) -> list[dict[str, Any]]:
    """Spanwise as it is: both channels."""
    return _asked(job, lambda: _spanwise(job, "hybrid"))


def lexical(job: Job) -> list[dict[str, Any]]:
    """Spanwise with the passages that its BM25 alone finds."""
    return _asked(job, lambda: _spanwise(job, "lexical"))


def dense(job: Job) -> list[dict[str, Any]]:
    """Spanwise with the passages that the vectors alone find."""
    return _asked(job, lambda: _spanwise(job, "dense"))


def plain(job: Job) -> list[dict[str, Any]]:
    """rank-bm25 and transformers, in a plain loop."""
    return _asked(job, lambda: _plain(job))


def haystack(job: Job) -> list[dict[str, Any]]:
    """A pipeline of Haystack: BM25 and its extractive reader."""
    from eval.peers.haystack import pipeline

    return _asked(job, lambda: pipeline(job["passages"], job["reader"]))


HAYSTACK = "Haystack, BM25 + extractive reader"
ARMS: Mapping[str, Callable[[Job], list[dict[str, Any]]]] = {
    "Spanwise": spanwise,
    "Spanwise, lexical alone": lexical,
    "Spanwise, dense alone": dense,
    "rank-bm25 + transformers": plain,
    HAYSTACK: haystack,
}


def _asked(job: Job, opened: Callable[[], Any]) -> list[dict[str, Any]]:
    """What the arm says of each question, and its seconds; the first is asked once before."""
    rows = []
    with opened() as ask:
        ask(job["questions"][0])
        for question in job["questions"]:
            begun = time.perf_counter()
            answer, read = ask(question)
            seconds = time.perf_counter() - begun
            rows.append({"answer": answer, "read": read, "seconds": seconds})
    return rows


@contextmanager
def _spanwise(job: Job, channel: Channel) -> Iterator[Ask]:
    from rag.service import Service
    from rag.settings import Settings

    with Service.open(settings=Settings(Path(job["home"]), passages=READ)) as service:
        service.warm_up()

        def ask(question: str) -> Said:
            hits = service.retriever.search(question, READ, channel=channel)
            if hits and channel != "hybrid":
                # On the scale that the reader is weighed against: the best hit is 1.
                best = hits[0].score
                hits = [replace(hit, score=round(hit.score / best, 6)) for hit in hits]
            answer = service.answer(question, hits)
            top = answer.text or next((other.text for other in answer.others), None)
            return top or "", [hit.passage.id for hit in hits]

        yield ask


@contextmanager
def _plain(job: Job) -> Iterator[Ask]:
    import numpy as np
    import torch
    from rank_bm25 import BM25Okapi
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    passages = job["passages"]
    bm25 = BM25Okapi([_words(f"{p['about']} {p['text']}") for p in passages])
    tokenizer = AutoTokenizer.from_pretrained(job["reader"], local_files_only=True)
    model = AutoModelForQuestionAnswering.from_pretrained(
        job["reader"], dtype=torch.float32, local_files_only=True
    ).eval()

    def ask(question: str) -> Said:
        order = np.argsort(-bm25.get_scores(_words(question)), kind="stable")[:READ]
        read = [passages[row] for row in order]
        best = max(best_span(tokenizer, model, question, p["text"]) for p in read)
        return best[1], [p["id"] for p in read]

    yield ask


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def best_span(tokenizer: Any, model: Any, question: str, text: str) -> tuple[float, str]:  # noqa: ANN401
    """The span with the highest start + end logit over all windows of a passage."""
    import numpy as np
    import torch

    windows = tokenizer(
        question, text, truncation="only_second", max_length=WINDOW, stride=STRIDE, padding=True,
        return_overflowing_tokens=True, return_offsets_mapping=True, return_tensors="pt",
    )  # fmt: skip
    names = tokenizer.model_input_names
    with torch.inference_mode():
        out = model(**{name: windows[name] for name in names if name in windows})
    best = (-np.inf, "")
    for row, (start, end) in enumerate(
        zip(out.start_logits.numpy(), out.end_logits.numpy(), strict=True)
    ):
        inside = np.array([part == 1 for part in windows.sequence_ids(row)])
        size = len(inside)
        near = np.tri(size, k=LONGEST - 1, dtype=bool) & ~np.tri(size, k=-1, dtype=bool)
        allowed = near & inside[:, None] & inside[None, :]
        sums = np.where(allowed, start[:, None] + end[None, :], -np.inf)
        first, last = divmod(int(sums.argmax()), size)
        (low, _), (_, high) = windows["offset_mapping"][row][[first, last]].tolist()
        best = max(best, (float(sums[first, last]), text[low:high]))
    return best
