"""Question sets on disk → `Example`. Malformed rows are told by line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from index.errors import QuestionError


@dataclass(frozen=True, slots=True)
class Gold:
    """A right answer; where it stands, if the set says so, as offsets of the document's text."""

    text: str
    document: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its right answers; none of them means that it is unanswerable."""

    id: str
    question: str
    golds: tuple[Gold, ...]
    tags: tuple[str, ...] = ()


def read_set(file: Path) -> tuple[list[Example], list[str]]:
    """Examples of a JSONL set, and a sentence for every row that cannot be used.

    A row is ``{"id", "question", "answers": [{"text", "document"?, "start"?, "end"?}], "tags"?}``;
    an empty list of answers means unanswerable. ``.gz`` is unpacked.

    Raises:
        QuestionError: the file cannot be read, or holds no usable row.
    """
    examples: dict[str, Example] = {}
    complaints = []
    for number, line in _lines(file):
        try:
            example = _example(json.loads(line))
            if example.id in examples:
                raise ValueError(f"the id {example.id!r} is taken by an earlier row")
            examples[example.id] = example
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            complaints.append(f"{file.name}, line {number}: {said}")
    if not examples:
        raise QuestionError(
            "The question set holds no usable row",
            where=file,
            mend=complaints[0] if complaints else "It is empty.",
        )
    return list(examples.values()), complaints


def write_set(file: Path, examples: Iterable[Example]) -> None:
    """Write a set that `read_set` reads back."""
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        for example in examples:
            answers = [
                {key: value for key, value in asdict(gold).items() if value is not None}
                for gold in example.golds
            ]
            row = {"id": example.id, "question": example.question, "answers": answers}
            if example.tags:
                row["tags"] = list(example.tags)
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        opened = gzip.open(file, "rt", encoding="utf-8-sig") if file.suffix == ".gz" else None
        with opened or file.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise QuestionError(
            f"The question set cannot be read ({error})", where=file, mend="It must be UTF-8 JSONL."
        ) from error


def _example(row: Any) -> Example:  # noqa: ANN401  whatever a line of JSON holds
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    question = row["question"]
    if not isinstance(question, str) or not question.strip():
        raise ValueError("the question is empty")
    if not isinstance(row["answers"], list):
        raise ValueError("answers is not a list")
    return Example(
        id=str(row["id"]),
        question=question,
        golds=tuple(_gold(answer) for answer in row["answers"]),
        tags=tuple(str(tag) for tag in row.get("tags", ())),
    )


def _gold(answer: dict[str, Any]) -> Gold:
    text = answer["text"]
    if not isinstance(text, str) or not text.strip():
        raise ValueError("an answer has no text")
    start, end = answer.get("start"), answer.get("end")
    if not all(v is None or (type(v) is int and v >= 0) for v in (start, end)):
        raise ValueError("start and end must be whole numbers")
    if not isinstance(answer.get("document"), str | None):
        raise ValueError("document must be a path")
    if (start is None) != (end is None):
        raise ValueError("an answer has a start without an end, or the reverse")
    return Gold(text, answer.get("document"), start, end)
