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
from eval.runs import METRICS, QRELS, bare_rows_of, read_json, write_json, writing
from eval.sets import Example, units
from eval.workers import records

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
    if job.kind == "read":
        reading.require_contexts(examples)
    else:
        retrieval.require()
    told = environment(job, name, examples, drawn or {})
    with writing(folder, told, resume) as kept:
        everything = units(examples)
        whole = [unit for unit in everything if all(e.id in kept.done for e in unit)]
        if resume:
            kept.keep({example.id for unit in whole for example in unit})
        left = everything[len(whole) :]
        before, begun = len(kept.done), time.perf_counter()
        progress(before, len(examples))
        for found in records(job, left, workers):
            for record in found:
                kept.add(record)
            progress(len(kept.done), len(examples))
        taken = time.perf_counter() - begun
        asked = len(kept.done) - before
    metrics = summary(folder)
    if asked:
        metrics["speed"] = {
            "workers": workers,
            "asked": asked,
            "questions_per_s": round(asked / taken, 3),
            "peak_memory_mb": peak_mb(),
        }
    write_json(folder / METRICS, metrics)
    report.write(folder)
    return metrics


def summary(folder: Path) -> dict[str, Any]:
    """The figures of a run, from its rows and rankings."""
    kind = read_json(folder / "environment.json")["kind"]
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
    }
    if kind == "asked":
        found |= _curves([run.Row.of(row) for row in rows])
    times = [row["elapsed_ms"] for row in rows]
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
