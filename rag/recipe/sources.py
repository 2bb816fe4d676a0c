"""What the shipped reader is trained on: the data sets by name and hash, and what is left out."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.corpora import read_rows
from index.errors import SettingsError
from rag.lessons import target
from rag.recipe.row import Row

SHINGLE = 13
"""Words in a row that two texts must share to count as overlapping (Brown et al. 2020, app. C)."""
HELD_OUT = 8
"""One article, or context, in so many is kept for the calibrator and never trained on."""


@dataclass(frozen=True, slots=True)
class Source:
    """A data set: file in ``train/``, its hash, its licence if one was stated, rows drawn of it.

    A context of a `lone` source is one sentence; it is put among others of its kind.
    """

    name: str
    sha256: str
    licence: str | None
    take: int
    lone: bool = False


SOURCES = tuple(
    Source(**known)
    for known in json.loads(Path(__file__).with_name("sources.json").read_text("utf-8"))
)


def read(source: Source, data: Path) -> list[Row]:
    """Every row of a data set, with one gold each: see `target`.

    Raises:
        SettingsError: the file is missing or not the one that the recipe names.
    """
    file = data / "train" / f"{source.name}.jsonl.gz"
    if not file.is_file():
        raise SettingsError("A data set is missing", where=file, mend="Name the data's folder.")
    if hashlib.sha256(file.read_bytes()).hexdigest() != source.sha256:
        raise SettingsError("Not the data set of the recipe", where=file, mend="Fetch it again.")
    return [
        Row(
            f"{source.name}|{raw['id']}", source.name, raw["title"], raw["question"].strip(),
            raw["context"], *target(raw["answers"]["text"], raw["answers"]["answer_start"]),
            tuple(raw["answers"]["text"]),
        )
        for raw in read_rows(file)
    ]  # fmt: skip


def is_held_out(row: Row) -> bool:
    """Whether a row belongs to the calibrator; decided by its article, or context where none."""
    group = row.title if row.source.startswith(("squad1", "squad2", "squadshifts_new")) else ""
    name = f"{row.source.split('_')[0]}|{group or row.context}"
    return hashlib.sha256(name.encode()).digest()[0] % HELD_OUT == 0


class Evaluation:
    """The questions and texts of ``dev/`` and ``retrieval/``, which nothing is trained on."""

    def __init__(self, data: Path) -> None:
        self._questions: set[str] = set()
        self._shingles: set[int] = set()
        for question, context in _evaluated(data):
            self._questions.add(_plain(question))
            self._shingles.update(_shingles(context))
        self._questions.discard("")

    def holds(self, row: Row) -> bool:
        """Whether the row's question, or `SHINGLE` words in a row of its context, stand there."""
        if _plain(row.question) in self._questions:
            return True
        return any(shingle in self._shingles for shingle in _shingles(row.context))


def draw(data: Path, seed: int, licensed_only: bool = False) -> dict[Source, list[Row]]:
    """The rows to train on, by source: no doubles, nothing held out, nothing of the evaluation."""
    evaluation = Evaluation(data)
    seen: set[tuple[str, str]] = set()
    drawn: dict[Source, list[Row]] = {}
    for source in SOURCES:
        if licensed_only and source.licence is None:
            continue
        rows = []
        for row in read(source, data):
            key = (_plain(row.question), _plain(row.context))
            if key in seen or is_held_out(row) or evaluation.holds(row):
                continue
            seen.add(key)
            rows.append(row)
        random.Random(f"{seed}|{source.name}").shuffle(rows)
        drawn[source] = rows[: source.take]
    return drawn


def _evaluated(data: Path) -> Iterator[tuple[str, str]]:
    """(question, text) of everything that is evaluated on; either may be empty."""
    for file in sorted((data / "dev").glob("*.jsonl.gz")):
        for raw in read_rows(file):
            yield raw["question"], raw["context"]
    for file in sorted((data / "retrieval").rglob("*")):
        if file.suffix == ".csv":
            with file.open(encoding="utf-8", newline="") as stream:
                yield from ((row["question"], "") for row in csv.DictReader(stream))
        elif file.suffix == ".jsonl":
            with file.open(encoding="utf-8") as stream:
                for line in stream:
                    yield from _strings(json.loads(line))
        elif file.is_file() and file.name != "README.md":
            yield "", file.read_text("utf-8", errors="replace")


def _strings(value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  whatever JSON holds
    if isinstance(value, str):
        yield value, value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _shingles(text: str) -> Iterable[int]:
    words = re.findall(r"\w+", text.lower())
    for i in range(len(words) - SHINGLE + 1):
        yield hash(" ".join(words[i : i + SHINGLE]))
