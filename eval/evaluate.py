"""A whole run: ask, keep, measure, report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval import reading, report, retrieval, run, searching
from eval.confidence import reliability, risk_coverage
from eval.environment import environment, peak_mb
from eval.judge import ERRORS
from eval.measures import Figure
from eval.records import Job
from eval.runs import (
    ENVIRONMENT,
    METRICS,
    QRELS,
    bare_rows_of,
    on_disk,
    read_json,
    write_json,
    writing,
)
from eval.sets import Example
from eval.workers import records
from index.errors import QuestionError

DEPTHS = {"asked": run.DEPTH, "searched": searching.DEPTH}
"""How deep the rankings of a kind of run are."""
POINTS = 200
"""Of a curve, at most."""


def evaluate(
    job: Job,
    examples: Sequence[Example],
    name: str,
    folder: Path,
    *,
    drawn: Mapping[str, Any] | None = None,
    workers: int = 1,
    resume: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Do the job with every example, and write the run's folder; what ``metrics.json`` holds.

    Stopped at any point, it goes on by `resume` and ends in the same files, timings apart. The
    rows are those of the set's order, but that a conversation stands where it begins.

    Args:
        job: `eval.run.Asking`, `eval.reading.ReadingAlone` or `eval.searching.Searching`.
        examples: the questions.
        name: of the set.
        folder: of this run alone.
        drawn: how the examples were drawn from the set.
        workers: processes; see `eval.workers`.
        resume: go on with the run in the folder.
        progress: called with (done, total).

    Raises:
        SpanwiseError: each says what is in the way.
    """
    notes = job.check(examples)
    if drawn and drawn.get("left out"):
        notes.insert(0, f"{drawn['left out']:,} rows of the set cannot be used and count nowhere")
    told = {**environment(job, name, examples, drawn or {}), "notes": notes}
    with writing(folder, told, resume) as kept:
        everything = job.units(examples)
        whole = [unit for unit in everything if all(e.id in kept.done for e in unit)]
        if resume:
            kept.keep({example.id for unit in whole for example in unit})
        left = everything[len(whole) :]
        progress(len(kept.done), len(examples))
        clock = _Clock()
        for found in records(job, left, workers):
            for record in found:
                kept.add(record)
            clock.tick(len(found))
            progress(len(kept.done), len(examples))
        _unchanged(job, told, folder)
        metrics = summary(folder)
        if clock.asked:
            metrics["speed"] = {
                "workers": workers,
                "asked": clock.asked,
                "questions_per_s": clock.rate(),
                "peak_memory_mb": peak_mb(),
            }
        elif (folder / METRICS).exists():  # a finished run, measured again
            metrics |= {k: v for k, v in read_json(folder / METRICS).items() if k == "speed"}
        with on_disk(folder):
            write_json(folder / METRICS, metrics)
            report.write(folder)
    return metrics


def _unchanged(job: Job, told: Mapping[str, Any], folder: Path) -> None:
    if job.environment() != told["made with"]:
        raise QuestionError(
            "The collection, a model or the calibration has changed since the run began",
            where=folder, mend="What was asked is of both states: run the set anew with --out.",
        )  # fmt: skip


class _Clock:
    """Questions a second, from the end of the first unit on: before it, models load."""

    def __init__(self) -> None:
        self.asked = 0
        self._begun = time.perf_counter()
        self._first: tuple[int, float] | None = None
        self._last = self._begun

    def tick(self, asked: int) -> None:
        """So many more have been asked."""
        self.asked += asked
        self._last = time.perf_counter()
        self._first = self._first or (self.asked, self._last)

    def rate(self) -> float:
        """Of a single unit, with the loading."""
        before, begun = self._first or (0, self._begun)
        if before == self.asked:
            before, begun = 0, self._begun
        return round((self.asked - before) / (self._last - begun), 3)


def summary(folder: Path) -> dict[str, Any]:
    """The figures of a run, from its rows and rankings."""
    environment = read_json(folder / ENVIRONMENT)
    kind = environment["kind"]
    rows = list(bare_rows_of(folder))
    errors = Counter(row["error"] for row in rows)
    found: dict[str, Any] = {
        "schema": 1,
        "kind": kind,
        "questions": len(rows),
        "answerable": sum(bool(row["golds"]) for row in rows),
        "figures": _figures(kind, rows),
        "retrieval": {
            channel: retrieval.figures(values)
            for channel, values in channels(folder, rows, kind).items()
        },
        "errors": {name: errors[name] for name in ERRORS if kind != "searched"},
        "notes": environment.get("notes", []),
    }
    if kind == "asked":
        found |= _curves([run.Row.of(row) for row in rows])
    times = [row["elapsed_ms"] for row in rows if "elapsed_ms" in row]
    if times:
        found["latency_ms"] = {
            f"p{share}": round(float(np.percentile(times, share)), 1) for share in (50, 95, 99)
        }
    return found


def channels(
    folder: Path, rows: Sequence[Mapping[str, Any]], kind: str
) -> dict[str, retrieval.Values]:
    """Channel → measure → question → value, over the answerable questions or the topics."""
    idents = [row["id"] for row in rows if row["golds"] or kind == "searched"]
    depth = DEPTHS.get(kind, 0)
    return {
        channel: retrieval.measure(folder / QRELS, folder / f"{channel}.trec", idents, depth)
        for channel in retrieval.CHANNELS
        if idents and (folder / f"{channel}.trec").exists() and (folder / QRELS).exists()
    }


def _figures(kind: str, rows: Sequence[dict[str, Any]]) -> dict[str, Figure]:
    if kind == "asked":
        return run.figures([run.Row.of(row) for row in rows])
    if kind == "read":
        return reading.figures([reading.of_row(row) for row in rows])
    return {}


def _curves(rows: Sequence[run.Row]) -> dict[str, Any]:
    sure = [row.confidence for row in rows if row.confidence is not None]
    if not rows or len(sure) < len(rows):
        return {}
    right = [row.right for row in rows]
    curve = risk_coverage(sure, right)
    places = np.unique(np.linspace(0, len(curve) - 1, POINTS).astype(int))
    given = [row.confidence for row in rows if row.given and row.confidence is not None]
    return {
        "risk_coverage": [[round(value, 6) for value in curve[place]] for place in places],
        "reliability": [[b.confidence, b.right, b.n] for b in reliability(sure, right)],
        "lowest_given": min(given, default=None),
    }
