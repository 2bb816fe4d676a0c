"""The runs that are kept in ``home/runs``, as the page shows them.

A run is known by the name of its folder; what a browser names is looked up, never joined to a path.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.judge import ERRORS
from eval.runs import ENVIRONMENT, METRICS, ROWS, read_json, rows_of
from index.errors import QuestionError

SCHEMA = 1
"""Of the runs that can be shown; see `eval.environment`."""
LISTED = 50
"""Runs of a collection, the latest."""

log = logging.getLogger("spanwise.chat")


@dataclass(frozen=True, slots=True)
class Run:
    """A question set that was asked of a collection.

    Attributes:
        folder: its files; the folder's name is the run's.
        collection: what was asked.
        set: name of the question set's file.
        questions: how many are to be asked.
        started: when, ISO 8601 with its zone.
        seed: of the draw, where the questions are a sample of the set.
        reader: name of the reader.
        metrics: see `eval.evaluate.summary`; None while it is not finished.
        done: how many questions have been asked.
    """

    folder: Path
    collection: str
    set: str
    questions: int
    started: str
    seed: int | None
    reader: str
    metrics: Mapping[str, Any] | None
    done: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.folder.name


@dataclass(frozen=True, slots=True)
class Failed:
    """A question that became an error: its place among the rows, from 0, and what was said."""

    place: int
    question: str
    error: str
    answer: str | None
    given: bool
    golds: tuple[str, ...]


def runs(home: Path, collection: str) -> list[Run]:
    """The runs that asked a collection, the latest first; at most `LISTED`."""
    found = [run for folder in _folders(home).values() if (run := _run(folder))]
    found.sort(key=lambda run: (run.started, run.name), reverse=True)
    return [run for run in found if run.collection == collection][:LISTED]


def find(home: Path, name: str) -> Run:
    """The run of that name. QuestionError if there is none that asked a collection."""
    folder = _folders(home).get(name)
    run = _run(folder) if folder else None
    if run is None:
        raise QuestionError("No such run", where=ascii(name)[:200], mend="Choose one of the list.")
    return run


def failed(run: Run) -> list[Failed]:
    """The questions that became errors, by class of error."""
    wrong = [
        Failed(
            place, row["question"], row["error"], row["answer"], row["given"],
            tuple(dict.fromkeys(gold["text"] for gold in row["golds"])),
        )
        for place, row in enumerate(rows_of(run.folder)) if row["error"]
    ]  # fmt: skip
    order = {name: number for number, name in enumerate(ERRORS)}
    return sorted(wrong, key=lambda one: (order.get(one.error, len(order)), one.place))


def row(run: Run, place: int) -> dict[str, Any]:
    """The row at a place, from 0. QuestionError if there are fewer."""
    for number, found in enumerate(rows_of(run.folder)):
        if number == place:
            return found
    raise QuestionError("The run has no such question", where=place)


def _folders(home: Path) -> dict[str, Path]:
    return {file.parent.name: file.parent for file in (home / "runs").glob(f"*/{ENVIRONMENT}")}


def _run(folder: Path) -> Run | None:
    """None for a run of another kind (a reader's alone, a search's), or of another version."""
    try:
        told = read_json(folder / ENVIRONMENT)
        if told["kind"] != "asked" or told["schema"] != SCHEMA:
            return None
        asked, made = told["set"], told["made with"]
        metrics = read_json(folder / METRICS) if (folder / METRICS).is_file() else None
        return Run(
            folder=folder,
            collection=str(made["index"]["collection"]),
            set=str(asked["name"]),
            questions=int(asked["questions"]),
            started=str(told["started"]),
            seed=asked.get("seed"),
            reader=str(made["reader"]["name"]),
            metrics=metrics,
            done=int(metrics["questions"]) if metrics else _lines(folder / ROWS),
        )
    except (QuestionError, KeyError, TypeError, ValueError, AttributeError) as error:
        log.warning("the run in %s cannot be read (%s)", folder, type(error).__name__)
        return None


def _lines(file: Path) -> int:
    if not file.is_file():
        return 0
    with file.open("rb") as stream:
        return sum(line.endswith(b"\n") for line in stream)
