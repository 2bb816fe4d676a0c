"""Speed and memory of asking, side by side with a plain baseline in the same run.

Arms: Spanwise, and rank-bm25 + brute-force cosine + the same reader in plain transformers over
the same passages. Each arm runs in a process of its own, the arms in turn, so that a machine
whose speed drifts drifts for both; the ratios are what to quote.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from eval.bench.apart import ROOT, Job, apart, peak_mb

READ = 8
"""Passages that each arm reads for a question."""
ROUNDS = 3


def asking(name: str, folder: Path, questions: Sequence[str], home: Path) -> Iterator[str]:
    """Rows of one corpus.

    Args:
        name: of the corpus, for people.
        folder: of its documents.
        questions: asked warm.
        home: a new folder.
    """
    job = {"folder": str(folder), "home": str(home), "questions": list(questions)}
    indexed = apart(index_folder, job)
    cold = [_cold(home, questions[n % len(questions)]) for n in range(ROUNDS)]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(apart(spanwise, job))
        theirs.append(apart(baseline, job))
    yield f"{name}: {indexed['passages']:,} passages, {len(questions)} questions, {READ} read each"
    yield f"  indexing      {indexed['rate']:8.1f} passages/s, peak {indexed['peak_mb']:.0f} MB"
    yield f"  cold ask      {median(cold):8.2f} s (median of {ROUNDS} whole processes)"
    for title, key in (("warm ask p50", "p50_ms"), ("warm ask p95", "p95_ms"),
                       ("peak memory", "peak_mb")):  # fmt: skip
        a, b = median(r[key] for r in ours), median(r[key] for r in theirs)
        ratios = sorted(x[key] / y[key] for x, y in zip(ours, theirs, strict=True))
        unit = key.rpartition("_")[2]
        yield (
            f"  {title:<13} {a:8.2f} {unit:<3} baseline {b:8.2f} {unit:<3} "
            f"ratio {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


def index_folder(job: Job) -> dict[str, float]:
    """Index ``folder`` into the only collection of ``home``; passages a second, peak memory."""
    from index import SentenceEncoder, sync

    encoder = SentenceEncoder()
    encoder.warm_up()
    start = time.perf_counter()
    report = sync(job["folder"], job["home"], encoder, job.get("collection"))
    taken = time.perf_counter() - start
    return {
        "passages": report.passages,
        "rate": report.passages / taken,
        "peak_mb": peak_mb(),
    }


def spanwise(job: Job) -> dict[str, float]:
    """Ask by `Service`."""
    from rag.service import Service
    from rag.settings import Settings

    service = Service.open(settings=Settings(Path(job["home"]), passages=READ))
    service.warm_up()
    return _warm(service.ask, job["questions"])


def baseline(job: Job) -> dict[str, float]:
    """What one would write in an afternoon; the passages are those of Spanwise's index."""
    import numpy as np
    import torch
    from rank_bm25 import BM25Okapi
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    from index.encode import _package_folder
    from index.home import existing_collection
    from index.snapshot import Snapshot
    from rag.read import Reader

    with Snapshot.open(existing_collection(Path(job["home"]), None)) as opened:
        rows = range(opened.manifest.passages)
        texts = [p.text for p in opened.passages(opened.store.ids(rows))]
        vectors = np.array(opened.dense.vectors)
    bm25 = BM25Okapi([text.lower().split() for text in texts])
    encoder = SentenceTransformer(str(_package_folder()), device="cpu", local_files_only=True)
    folder = Reader().folder
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32).eval()

    def best(scores: Any) -> Any:  # noqa: ANN401
        return np.argsort(-scores)[:READ]

    def ask(question: str) -> str:
        lexical = best(bm25.get_scores(question.lower().split()))
        dense = best(vectors @ encoder.encode([question])[0])
        ranks = {int(row): 0.0 for row in (*lexical, *dense)}
        for order in (lexical, dense):
            for rank, row in enumerate(order, start=1):
                ranks[int(row)] += 1 / (60 + rank)
        read = [texts[row] for row in sorted(ranks, key=lambda row: -ranks[row])[:READ]]
        pairs = tokenizer(
            [question] * len(read), read, padding=True, truncation="only_second", max_length=384,
            return_tensors="pt",
        )  # fmt: skip
        with torch.inference_mode():
            out = model(**pairs)
        sums = out.start_logits.max(1).values + out.end_logits.max(1).values
        row = int(sums.argmax())
        a, b = int(out.start_logits[row].argmax()), int(out.end_logits[row].argmax())
        return str(tokenizer.decode(pairs["input_ids"][row][a : b + 1]))

    return _warm(ask, job["questions"])


def _cold(home: Path, question: str) -> float:
    command = [sys.executable, "-m", "rag", "ask", question, "--home", str(home), "--json"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return time.perf_counter() - start


def _warm(ask: Callable[[str], object], questions: Sequence[str]) -> dict[str, float]:
    ask(questions[0])
    taken = []
    for question in questions:
        begun = time.perf_counter()
        ask(question)
        taken.append((time.perf_counter() - begun) * 1000)
    return {
        "p50_ms": median(taken),
        "p95_ms": quantiles(taken, n=20)[-1],
        "peak_mb": peak_mb(),
    }
