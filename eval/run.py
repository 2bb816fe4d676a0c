"""Ask questions of a collection; a row a question, and the figures made from the rows."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from eval import retrieval
from eval.confidence import calibration_figures
from eval.doubts import of_golds
from eval.judge import NAMES, error_class, judge
from eval.measures import Figure, auroc_figure, best_threshold, mean_figure
from eval.records import Ask, Kind, Record, Unit
from eval.sets import Example, Gold, of_documents, units
from index.errors import QuestionError
from index.snapshot import Snapshot
from index.types import Hit
from rag.service import Service
from rag.settings import Settings
from rag.types import Answer, Citation, Turn

DEPTH = 20
"""Passages of each channel that are kept of a question."""
AROUND = 400
"""Characters shown on either side of a gold that stands in no passage that was read."""


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one question: a line of ``run.jsonl``.

    Attributes:
        asked_as: the question as it was searched.
        answer: the top answer, given or withheld (`given` says which); None where there was none.
        confidence: of the top answer; None where the reader is not calibrated.
        citations: of the top answer: path, title, page, start, end, quote, passage_id.
        others: the other answers, best first: answer, confidence, path, start, end.
        hits: the passages read: rank, score, passage_id, path, start, end, lexical_rank,
            dense_rank, and whether it `bears` a gold.
        error: see `eval.judge.error_class`.
        measures: see `eval.judge.judge`.
        excerpts: the text around the top answer's first citation and around a gold: path, start,
            text, and `of` ("answer" or "gold").
        elapsed_ms: the asking alone.
    """

    id: str
    question: str
    asked_as: str
    tags: tuple[str, ...]
    conversation: str | None
    golds: tuple[Gold, ...]
    answer: str | None
    given: bool
    confidence: float | None
    reason: str
    citations: tuple[dict[str, Any], ...]
    others: tuple[dict[str, Any], ...]
    hits: tuple[dict[str, Any], ...]
    error: str
    measures: dict[str, float]
    excerpts: tuple[dict[str, Any], ...]
    elapsed_ms: float

    @property
    def right(self) -> bool:
        """Whether the top answer, given or withheld, is right."""
        return bool(self.measures.get("right answer at the top"))

    @classmethod
    def of(cls, row: dict[str, Any]) -> Row:
        """From a line of ``run.jsonl``."""
        return cls(**{**row, "golds": tuple(Gold(**gold) for gold in row["golds"])})


@dataclass(frozen=True, slots=True)
class Asking:
    """The job of asking a collection."""

    settings: Settings
    kind: Kind = "asked"

    def units(self, examples: Sequence[Example]) -> list[Unit]:
        """Each conversation, else each question."""
        return units(examples)

    @contextmanager
    def open(self) -> Iterator[Ask]:
        """Open the collection; ask a conversation in its order, each turn after the last."""
        with Service.open(settings=self.settings) as service:
            service.warm_up()
            with service.retriever.generation() as found:
                bearing = retrieval.Bearing(found)
                yield lambda unit: list(ask(service, unit, bearing))

    def check(self, examples: Sequence[Example]) -> list[str]:
        """That the golds stand in the collection where the set says."""
        retrieval.require()
        with Service.open(settings=self.settings) as service:
            with service.retriever.generation() as found:
                return of_golds(found, examples)

    def environment(self) -> dict[str, Any]:
        """The settings, the reader and its calibration, and the index."""
        with Service.open(settings=self.settings) as service:
            calibrator = service.calibrator()
            return {
                "passages": self.settings.passages,
                "max_risk": self.settings.max_risk,
                "reader": {"name": service.reader.name, "sha256": service.reader.fingerprint},
                "calibrator": calibrator
                and {
                    "fitted_on": calibrator.fitted_on,
                    "sha256": retrieval.digest(calibrator),
                    "threshold": calibrator.threshold(self.settings.max_risk),
                },
                "index": index_of(service),
            }


def index_of(service: Service) -> dict[str, Any]:
    """What the collection was made with and of, without where it lies."""
    with service.retriever.generation() as found:
        manifest = asdict(found.manifest)
    kept = ("schema", "encoder", "tokeniser", "bm25", "chunking", "documents", "passages")
    made = {name: manifest[name] for name in kept}
    files = {name: file["sha256"] for name, file in sorted(manifest["files"].items())}
    return {"collection": service.retriever.collection, **made, "files": files}


def ask(service: Service, unit: Unit, bearing: retrieval.Bearing) -> Iterator[Record]:
    """Ask the questions of a unit, one after the other; a record each.

    Raises:
        QuestionError: the collection is no longer that of `bearing`.
    """
    turns: list[Turn] = []
    for example in map(of_documents, unit):
        begun = time.perf_counter()
        answer = service.ask(example.question, turns=turns)
        elapsed = (time.perf_counter() - begun) * 1000
        if answer.generation != bearing.generation:
            raise QuestionError(
                "The collection has changed since the run began", where=answer.collection,
                mend="What was asked before is of another index: run the set anew.",
            )  # fmt: skip
        if example.conversation is not None:
            turns.append(Turn(answer.question.text, answer.text))
        yield _record(service, example, answer, bearing, round(elapsed, 1))


def figures(rows: Sequence[Row]) -> dict[str, Figure]:
    """Name → value, n and 95% interval; over the questions that a measure applies to.

    After the means of `eval.judge.NAMES` come: SQuAD 2.0's F1 with unanswerable questions, at the
    threshold in use and at the best one; how well the confidence tells right from wrong, and
    answerable from unanswerable; and how far it can be taken at its word.
    """
    found: dict[str, Figure] = {}
    for name in NAMES:
        values = [row.measures[name] for row in rows if name in row.measures]
        if values or name in _ALWAYS:
            found[name] = mean_figure(values)
    sure = [row.confidence for row in rows if row.confidence is not None]
    told = [bool(row.golds) for row in rows]
    if len(sure) < len(rows):  # the reader is not calibrated
        return found
    right = [row.right for row in rows]
    found["AUROC of right by confidence"] = auroc_figure(sure, right)
    if any(told) and not all(told):
        found["AUROC of answerable by confidence"] = auroc_figure(sure, told)
        f1 = [row.measures.get("token F1", 0.0) for row in rows]
        margins = [c if r.answer else float("-inf") for c, r in zip(sure, rows, strict=True)]
        best = best_threshold(margins, f1, told)
        found["best token F1 with unanswerables"] = {
            "value": best.value, "n": len(rows), "interval": best.interval,
            "threshold": best.threshold if math.isfinite(best.threshold) else None,
        }  # fmt: skip
    return {**found, **calibration_figures(sure, right)}


_ALWAYS = ("right answer at the top", "right abstentions", "false abstentions")


def _record(
    service: Service,
    example: Example,
    answer: Answer,
    bearing: retrieval.Bearing,
    elapsed: float,
) -> Record:
    given = answer.text is not None
    top: Answer | None = answer if given else next(iter(answer.others), None)
    said = ([answer] if given else []) + list(answer.others)
    found, relevant = bearing.found, bearing(example.golds)
    rankings = retrieval.rank_channels(
        found, service.retriever.encoder, answer.question.text, DEPTH
    )
    stand = all(_stands(found, each) for each in said)
    excerpts = _excerpts(found, example.golds, top, answer.hits)
    judged = judge(example.golds, answer, stand)
    row = Row(
        id=example.id,
        question=example.question,
        asked_as=answer.question.text,
        tags=example.tags,
        conversation=example.conversation,
        golds=example.golds,
        answer=top.text if top else None,
        given=given,
        confidence=answer.confidence,
        reason=answer.reason,
        citations=tuple(map(_cited, top.citations if top else ())),
        others=tuple(_other(each) for each in said[1:]),
        hits=tuple(_hit(hit, example.golds) for hit in answer.hits),
        error=error_class(example.golds, answer),
        measures=judged,
        excerpts=excerpts,
        elapsed_ms=elapsed,
    )
    return Record(asdict(row), rankings, relevant)


def _stands(found: Snapshot, said: Answer) -> bool:
    if said.citations[0].quote != said.text:
        return False
    documents = {c.doc_id: found.document(c.doc_id).text for c in said.citations}
    return all(documents[c.doc_id][c.start : c.end] == c.quote for c in said.citations)


def _excerpts(
    found: Snapshot, golds: Sequence[Gold], top: Answer | None, hits: Sequence[Hit]
) -> tuple[dict[str, Any], ...]:
    shown = []
    if top:
        cited = top.citations[0].passage_id
        passage = next(hit.passage for hit in hits if hit.passage.id == cited)
        shown.append(_excerpt("answer", passage.path, passage.start, passage.text))
    borne = next((hit.passage for hit in hits if retrieval.bears(hit.passage, golds)), None)
    if borne:
        shown.append(_excerpt("gold", borne.path, borne.start, borne.text))
        return tuple(shown)
    for gold in golds:
        document = found.store.document_by_path(gold.document) if gold.document else None
        if document and gold.start is not None and gold.end is not None:
            start = max(0, gold.start - AROUND)
            text = document.text[start : gold.end + AROUND]
            shown.append(_excerpt("gold", document.path, start, text))
            break
    return tuple(shown)


def _excerpt(of: str, path: str, start: int, text: str) -> dict[str, Any]:
    return {"of": of, "path": path, "start": start, "text": text}


def _cited(citation: Citation) -> dict[str, Any]:
    names = ("path", "title", "page", "start", "end", "quote", "passage_id")
    return {name: getattr(citation, name) for name in names}


def _other(said: Answer) -> dict[str, Any]:
    first = said.citations[0]
    place = {"path": first.path, "start": first.start, "end": first.end}
    return {"answer": said.text, "confidence": said.confidence, **place}


def _hit(hit: Hit, golds: Sequence[Gold]) -> dict[str, Any]:
    passage = hit.passage
    return {
        "rank": hit.rank,
        "score": hit.score,
        "passage_id": passage.id,
        "path": passage.path,
        "start": passage.start,
        "end": passage.end,
        "lexical_rank": hit.via.get("lexical"),
        "dense_rank": hit.via.get("dense"),
        "bears": retrieval.bears(passage, golds),
    }
