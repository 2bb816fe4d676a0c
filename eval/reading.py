"""The reader alone, on the passage that comes with each question: SQuAD's own task."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any

from eval.judge import FALSE_ABSTENTION, FALSE_ANSWER, READING_MISS
from eval.measures import (
    Figure,
    auroc_figure,
    best_threshold,
    exact_match,
    is_right,
    mean_figure,
    token_f1,
)
from eval.records import Ask, Kind, Record, Unit
from eval.sets import Example
from index.errors import QuestionError
from index.types import Hit, Passage
from rag.read import Reader
from rag.types import Span

AT_ONCE = 16
"""Passages that are read side by side."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The best span that the reader found in an example's context.

    Attributes:
        golds: the right answers; none: it is unanswerable.
        answer: the best span, whatever its score; None where the reader found none at all.
        start, end: where it stands in the context.
        margin: span score minus null score: how much speaks for there being an answer.
        exact, f1: against the golds; False and 0 where it is unanswerable.
    """

    id: str
    question: str
    golds: tuple[str, ...]
    answer: str | None
    start: int | None
    end: int | None
    margin: float | None
    exact: bool
    f1: float


def read_given(
    reader: Reader,
    examples: Sequence[Example],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Reading]:
    """Read every example's own context, whole, by the reader alone.

    Raises:
        QuestionError: an example has no context.
        ModelError: the reader cannot be loaded.
    """
    require_contexts(examples)
    readings: list[Reading] = []
    for unit in _parts(examples):
        progress(len(readings), len(examples))
        readings += _read(reader, unit)
    progress(len(examples), len(examples))
    return readings


def _parts(examples: Sequence[Example]) -> list[Unit]:
    firsts = range(0, len(examples), AT_ONCE)
    return [tuple(examples[first : first + AT_ONCE]) for first in firsts]


def require_contexts(examples: Sequence[Example]) -> None:
    """Say so before anything is read.

    Raises:
        QuestionError: an example has no context.
    """
    bare = [example.id for example in examples if example.context is None]
    if bare:
        raise QuestionError(
            f"{len(bare):,} questions come without a passage to read", where=bare[0],
            mend="Ask them of a collection instead: leave out --gold-passage.",
        )  # fmt: skip


def figures(readings: Sequence[Reading]) -> dict[str, Figure]:
    """Name → value, n and 95% interval.

    Exact match and F1 of the answerable count the best span whether or not it beats the null
    score. Where there are unanswerable ones: exact match and F1 over all at the threshold of the
    margin that is best for each (SQuAD 2.0's ``best_exact`` and ``best_f1``; chosen on these very
    questions), the same at threshold 0, and how well the margin tells answerable from
    unanswerable.
    """
    answerable = [reading for reading in readings if reading.golds]
    found = {
        "exact match": mean_figure([reading.exact for reading in answerable]),
        "token F1": mean_figure([reading.f1 for reading in answerable]),
    }
    told = [bool(reading.golds) for reading in readings]
    if all(told):
        return found
    margins = [-math.inf if r.margin is None else r.margin for r in readings]
    given = [margin > 0 for margin in margins]
    for name, scores in (
        ("exact match", [float(reading.exact) for reading in readings]),
        ("token F1", [reading.f1 for reading in readings]),
    ):
        best = best_threshold(margins, scores, told)
        found[f"best {name} with unanswerables"] = {
            "value": best.value,
            "n": len(readings),
            "interval": best.interval,
            "threshold": best.threshold if math.isfinite(best.threshold) else None,
        }
        found[f"{name} with unanswerables, at threshold 0"] = mean_figure(
            [score if say else float(not t)
             for score, say, t in zip(scores, given, told, strict=True)]
        )  # fmt: skip
    found["AUROC of answerable by margin"] = auroc_figure(margins, told)
    return found


def to_json(readings: Sequence[Reading]) -> dict[str, Any]:
    """Figures and rows as plain data."""
    return {"schema": 1, "figures": figures(readings), "rows": [asdict(r) for r in readings]}


@dataclass(frozen=True, slots=True)
class ReadingAlone:
    """The job of reading the passages of a set; `model` as of `Reader`."""

    model: str | None = None
    kind: Kind = "read"

    def units(self, examples: Sequence[Example]) -> list[Unit]:
        """As many as are read side by side."""
        return _parts(examples)

    @contextmanager
    def open(self) -> Iterator[Ask]:
        """Load the reader."""
        reader = Reader(self.model)
        reader.warm_up()
        yield lambda unit: list(map(_record, unit, _read(reader, unit)))

    def check(self, examples: Sequence[Example]) -> list[str]:
        """That each comes with its passage."""
        require_contexts(examples)
        return []

    def environment(self) -> dict[str, Any]:
        """The reader."""
        reader = Reader(self.model)
        return {"reader": {"name": reader.name, "sha256": reader.fingerprint}}


def of_row(row: Mapping[str, Any]) -> Reading:
    """The reading that a row of a run tells."""
    golds = tuple(gold["text"] for gold in row["golds"])
    kept = {f.name: row[f.name] for f in fields(Reading) if f.name in row}
    measures = row["measures"]
    return Reading(**{
        **kept,
        "golds": golds,
        "exact": bool(measures.get("exact match")),
        "f1": measures.get("token F1", 0.0),
    })  # fmt: skip


def _record(example: Example, found: Reading) -> Record:
    given = found.margin is not None and found.margin > 0
    right = found.answer is not None and is_right(found.answer, found.golds)
    measures = {"right decisions": float(right and given if found.golds else not given)}
    if found.golds:
        measures |= {
            "right answer at the top": float(right),
            "token F1": found.f1,
            "exact match": float(found.exact),
        }
    place = {"path": "", "start": found.start, "end": found.end}
    row = {
        "id": found.id,
        "question": found.question,
        "tags": list(example.tags),
        "golds": [asdict(gold) for gold in example.golds],
        "answer": found.answer,
        "given": given,
        "margin": found.margin,
        "start": found.start,
        "end": found.end,
        "citations": [place] if found.answer else [],
        "error": _error_class(bool(found.golds), given, right),
        "measures": measures,
        "excerpts": [{"of": "answer", "path": "", "start": 0, "text": example.context}],
    }
    return Record(row)


def _error_class(answerable: bool, given: bool, right: bool) -> str:
    """As in `eval.judge.error_class`, of what a reader alone can do wrong."""
    if not answerable:
        return FALSE_ANSWER if given else ""
    if not right:
        return READING_MISS
    return "" if given else FALSE_ABSTENTION


def _read(reader: Reader, examples: Sequence[Example]) -> list[Reading]:
    asked = [(example.question, [_given(example)]) for example in examples]
    return [_reading(*found) for found in zip(examples, reader.read(asked, top=1), strict=True)]


def _given(example: Example) -> Hit:
    context = example.context or ""
    return Hit(Passage(example.id, example.id, 0, len(context), context), 0.0, 1)


def _reading(example: Example, spans: Sequence[Span]) -> Reading:
    best = spans[0] if spans else None
    golds = tuple(dict.fromkeys(gold.text for gold in example.golds))
    return Reading(
        id=example.id,
        question=example.question,
        golds=golds,
        answer=best.text if best else None,
        start=best.start if best else None,
        end=best.end if best else None,
        margin=round(best.score - best.null_score, 6) if best else None,
        exact=best is not None and exact_match(best.text, golds),
        f1=token_f1(best.text, golds) if best else 0.0,
    )
