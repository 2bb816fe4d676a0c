"""Settings chosen on one half of a question set, and reported on the other: `spanwise tune`.

In four steps, each with what the steps before it chose: BM25's k1 and b, and the weight of the
lexical channel, both by nDCG@10 of the answer-bearing passages; how many passages are read, by
right answers at the top; and the accepted risk, by right decisions. Of the settings within a
tolerance of the best the one in use is kept: what makes no difference is not changed.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from eval import retrieval
from eval.compare import Difference, difference
from eval.judge import judge
from eval.sets import Example, of_documents, units
from index.errors import QuestionError
from index.fuse import DEFAULT_METHOD, DEFAULT_WEIGHTS, fuse
from index.lexical import Analysis, Bm25, LexicalIndex
from index.retrieve import DEPTH
from index.snapshot import Snapshot
from index.types import Encoder, Filter, Hit, Ranking, Vectors
from rag.read import Reader
from rag.service import Service
from rag.types import Answer, Span

BM25 = tuple(itertools.product((0.6, 0.9, 1.2, 1.6), (0.4, 0.6, 0.75, 0.9)))
WEIGHTS = tuple(tenth / 10 for tenth in range(11))
PASSAGES = (2, 4, 6, 8, 12, 16)
RISKS = tuple(twentieth / 20 for twentieth in range(1, 21))
TOLERANCE = 0.002
FEWEST = 20
"""Answerable questions of each half; fewer choose by chance."""

NDCG = "nDCG@10 of answer-bearing passages"
REPORTED = (NDCG, "answer-bearing passage in the top 5", "right answer at the top", "token F1",
            "right decisions", "share answered", "wrong among the answers given")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setup:
    """What is tuned. `lexical` is the weight of that channel, of 1; `max_risk` as in `Settings`."""

    k1: float
    b: float
    lexical: float
    passages: int
    max_risk: float | None


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was chosen, and what it is worth on the questions that it was not chosen by.

    `tried`: step → setting → value on the choosing half.
    """

    in_use: Setup
    chosen: Setup
    choosing: int
    reporting: int
    tried: Mapping[str, Mapping[str, float]]
    differences: tuple[Difference, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"schema": 1, **asdict(self)}


def tune(
    service: Service,
    examples: Sequence[Example],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tuned:
    """Choose on one half (by a hash of the ids), report on the other.

    Follow-up questions of a conversation are left out: how they are asked depends on the answers.

    Raises:
        QuestionError: too few answerable questions.
    """
    first = [of_documents(unit[0]) for unit in units(examples)]
    halves = [[e for e in first if _odd(e.id) == other] for other in (False, True)]
    if any(sum(bool(e.golds) for e in half) < FEWEST for half in halves):
        raise QuestionError(
            "Too few answerable questions to tune by",
            mend=f"Give enough for {FEWEST} in each half, 100 or more altogether.",
        )
    with tempfile.TemporaryDirectory() as scratch, service.retriever.generation() as found:
        in_use = Setup(
            float(str(found.manifest.bm25["k1"])), float(str(found.manifest.bm25["b"])),
            DEFAULT_WEIGHTS["lexical"], service.settings.passages, service.settings.max_risk,
        )  # fmt: skip
        encoder = service.retriever.encoder
        service.retriever.encoder = _OnceEncoded(encoder)
        try:
            bench = _Bench(service, found, Path(scratch), in_use)
            bench.tick = lambda done: progress(done, len(first))
            chosen, tried = _choose(bench, halves[0], in_use)
            before, after = (bench.report(halves[1], setup) for setup in (in_use, chosen))
            bench.close()
        finally:
            service.retriever.encoder = encoder
    differences = (difference(name, before, after) for name in REPORTED)
    return Tuned(
        in_use, chosen, len(halves[0]), len(halves[1]), tried,
        tuple(d for d in differences if d is not None),
    )  # fmt: skip


def _choose(
    bench: _Bench, half: Sequence[Example], in_use: Setup
) -> tuple[Setup, dict[str, dict[str, float]]]:
    tried: dict[str, dict[str, float]] = {}

    def best(step: str, setups: Sequence[Setup], values: Sequence[float], *names: str) -> Setup:
        tried[step] = {
            " ".join(f"{name}={getattr(setup, name)}" for name in names): round(value, 4)
            for setup, value in zip(setups, values, strict=True)
        }
        near = [s for s, v in zip(setups, values, strict=True) if v >= max(values) - TOLERANCE]
        used = [s for s in near if all(getattr(s, n) == getattr(in_use, n) for n in names)]
        return used[0] if used else setups[values.index(max(values))]

    pairs = sorted({(in_use.k1, in_use.b), *BM25})
    setups = [replace(in_use, k1=k1, b=b) for k1, b in pairs]
    chosen = best("BM25", setups, [bench.ndcg(half, s) for s in setups], "k1", "b")
    setups = [replace(chosen, lexical=w) for w in sorted({in_use.lexical, *WEIGHTS})]
    chosen = best("fusion", setups, [bench.ndcg(half, s) for s in setups], "lexical")
    setups = [
        replace(chosen, passages=n) for n in sorted({in_use.passages, *PASSAGES}, reverse=True)
    ]
    values = [_mean(bench.rows(half, s), "right answer at the top") for s in setups]
    chosen = best("passages read", setups, values, "passages")
    setups = [replace(chosen, max_risk=risk) for risk in (in_use.max_risk, *RISKS)]
    values = [_mean(bench.rows(half, s), "right decisions") for s in setups]
    return best("accepted risk", setups, values, "max_risk"), tried


class _Bench:
    """A collection searched and read under any `Setup`, each passage once for a question."""

    def __init__(self, service: Service, found: Snapshot, scratch: Path, in_use: Setup) -> None:
        self._found, self._scratch, self._in_use = found, scratch, in_use
        self._reader = _OnceRead(service)
        self._service = service
        self._texts = _texts(found)
        self._indexes: dict[tuple[float, float], LexicalIndex] = {}
        self._lexical: dict[tuple[str, float, float], Ranking] = {}
        self._dense: dict[str, Ranking] = {}
        self._relevant: dict[str, dict[str, int]] = {}
        self._bearing = retrieval.Bearing(found)
        self.tick: Callable[[int], None] = lambda done: None

    def close(self) -> None:
        """Let the files of the indexes go."""
        self._indexes.clear()

    def ndcg(self, examples: Sequence[Example], setup: Setup) -> float:
        """Mean over the answerable questions."""
        return fmean(self._ndcg(examples, setup).values())

    def rows(self, examples: Sequence[Example], setup: Setup) -> list[dict[str, Any]]:
        """A row a question, with the measures of its answer."""
        settings = replace(self._service.settings, passages=setup.passages, max_risk=setup.max_risk)
        service = Service(self._service.retriever, self._reader, settings)
        rows = []
        for example in examples:
            answer = self._ask(service, example, setup)
            rows.append({"id": example.id, "measures": judge(example.golds, answer, True)})
            self.tick(len(self._reader.questions))
        return rows

    def report(self, examples: Sequence[Example], setup: Setup) -> list[dict[str, Any]]:
        """`rows`, with the measure of retrieval."""
        rows, ndcg = self.rows(examples, setup), self._ndcg(examples, setup)
        for row in rows:
            if row["id"] in ndcg:
                row["measures"][NDCG] = ndcg[row["id"]]
        return rows

    def _ask(self, service: Service, example: Example, setup: Setup) -> Answer:
        ranking = self._ranked(example, setup)[: setup.passages]
        passages = self._found.passages([ident for ident, _ in ranking])
        return service.answer(
            example.question,
            [
                Hit(passage, round(score, 6), rank)
                for rank, (passage, (_, score)) in enumerate(
                    zip(passages, ranking, strict=True), start=1
                )
            ],
        )

    def _ndcg(self, examples: Sequence[Example], setup: Setup) -> dict[str, float]:
        answerable = [example for example in examples if example.golds]
        for example in answerable:
            if example.id not in self._relevant:
                self._relevant[example.id] = self._bearing(example.golds)
        rankings = {example.id: self._ranked(example, setup) for example in answerable}
        return retrieval.ndcg_at_10(rankings, {i: self._relevant[i] for i in rankings})

    def _ranked(self, example: Example, setup: Setup) -> Ranking:
        key = example.id, setup.k1, setup.b
        if key not in self._lexical:
            self._lexical[key] = self._searched(example.question, setup.k1, setup.b)
        if example.id not in self._dense:
            vector = self._service.retriever.encoder.queries([example.question])[0]
            self._dense[example.id] = self._found.search_vector(vector, DEPTH, Filter())
        rankings = {"lexical": self._lexical[key], "dense": self._dense[example.id]}
        weights = {"lexical": setup.lexical, "dense": round(1 - setup.lexical, 6)}
        return fuse(DEFAULT_METHOD, rankings, weights)[:DEPTH]

    def _searched(self, question: str, k1: float, b: float) -> Ranking:
        if (k1, b) not in self._indexes:
            folder = self._scratch / f"{k1}-{b}"
            analysis = Analysis.from_dict(self._found.manifest.tokeniser)
            LexicalIndex.build(self._texts, folder, analysis, Bm25(k1, b))
            self._indexes[k1, b] = LexicalIndex.open(folder)
        found = self._indexes[k1, b].search(question, DEPTH, self._found.store.rows(Filter()))
        ids = self._found.store.ids([row for row, _ in found])
        ranked = zip(ids, (score for _, score in found), strict=True)
        return sorted(ranked, key=lambda hit: (-hit[1], hit[0]))[:DEPTH]


class _OnceEncoded:
    """An encoder that encodes a text once: the same sentences are weighed under every setup."""

    def __init__(self, encoder: Encoder) -> None:
        self.name, self.dim = encoder.name, encoder.dim
        self.max_tokens, self.fingerprint = encoder.max_tokens, encoder.fingerprint
        self.count = encoder.count
        self._encoder = encoder
        self._passages: dict[str, Vectors] = {}
        self._queries: dict[str, Vectors] = {}

    def passages(self, texts: Sequence[str]) -> Vectors:
        """As the encoder does."""
        return self._once(texts, self._passages, self._encoder.passages)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """As the encoder does."""
        return self._once(texts, self._queries, self._encoder.queries)

    def _once(
        self,
        texts: Sequence[str],
        known: dict[str, Vectors],
        encode: Callable[[Sequence[str]], Vectors],
    ) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known |= zip(new, encode(new), strict=True)
        return np.array([known[text] for text in texts], np.float32).reshape(-1, self.dim)


class _OnceRead(Reader):
    """The service's reader, which reads a passage for a question once."""

    def __init__(self, service: Service) -> None:
        super().__init__(service.settings.reader)
        self._reader = service.reader
        self._known: dict[tuple[str, str], list[Span]] = {}
        self.questions: set[str] = set()

    def read(self, asked: Sequence[tuple[str, Sequence[Hit]]], top: int = 5) -> list[list[Span]]:
        """As the reader does, but the spans are in the order of the passages."""
        for question, hits in asked:
            self._read(question, hits, top)
        known = self._known
        return [
            [replace(span, hit=hit) for hit in hits for span in known[question, hit.passage.id]]
            for question, hits in asked
        ]

    def _read(self, question: str, hits: Sequence[Hit], top: int) -> None:
        """What of the passages has not been read for the question, side by side."""
        new = [hit for hit in hits if (question, hit.passage.id) not in self._known]
        if not new:
            return
        self.questions.add(question)
        found: dict[tuple[str, str], list[Span]] = {(question, hit.passage.id): [] for hit in new}
        for span in self._reader.read([(question, new)], top)[0]:
            found[question, span.hit.passage.id].append(span)
        self._known |= found


def _texts(found: Snapshot) -> list[str]:
    """What each row of the index was made of."""
    texts = [""] * found.manifest.passages
    for document, _ in found.store.documents():
        for place, row in found.store.rows_of(document.id):
            texts[place] = row.indexed_text
    return texts


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return fmean(row["measures"][name] for row in rows if name in row["measures"])


def _odd(name: str) -> bool:
    return bool(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[0] % 2)
