"""Question sets on disk → `Example`. Malformed rows are told by line, or by id in SQuAD's JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from eval.formats import Raw, raw_rows
from index.errors import QuestionError


@dataclass(frozen=True, slots=True)
class Gold:
    """A right answer; where it stands, if the set says so.

    `start` and `end` are offsets of the text of the document, or of the example's context where
    `document` is None and there is a context.
    """

    text: str
    document: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its right answers; none of them means that it is unanswerable.

    Attributes:
        id: unique in its set.
        question: as it is asked.
        golds: the right answers.
        tags: whatever the set says of the question; the title, where it has contexts with titles.
        context: a passage that comes with the question, for a reader to be measured alone.
        conversation: name of the conversation whose next question this is, in the set's order.
        title: of the document that the context is from.
    """

    id: str
    question: str
    golds: tuple[Gold, ...]
    tags: tuple[str, ...] = ()
    context: str | None = None
    conversation: str | None = None
    title: str | None = None


def read_set(file: Path) -> tuple[list[Example], list[str]]:
    """Examples of a set in any format of `eval.formats`, and a sentence for every unusable row.

    Raises:
        QuestionError: the file cannot be read, or holds no usable row.
    """
    examples: dict[str, Example] = {}
    complaints = []
    for place, raw in raw_rows(file):
        try:
            example = example_of(raw)
            if example.id in examples:
                raise ValueError(f"the id {example.id!r} is taken by an earlier row")
            examples[example.id] = example
        except ValueError as error:
            complaints.append(f"{file.name}, {place}: {error}")
    if not examples:
        raise QuestionError(
            "The question set holds no usable row",
            where=file,
            mend=complaints[0] if complaints else "It is empty.",
        )
    return list(examples.values()), complaints


def write_set(file: Path, examples: Iterable[Example]) -> None:
    """Write a set, as JSON lines, that `read_set` reads back."""
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(map(line_of, examples))


def line_of(example: Example) -> str:
    """The line of an example in a set of JSON lines, its end included."""
    answers = [
        {key: value for key, value in asdict(gold).items() if value is not None}
        for gold in example.golds
    ]
    row = {"id": example.id, "question": example.question, "answers": answers}
    for name in ("tags", "context", "conversation", "title"):
        if value := getattr(example, name):
            row[name] = value
    return json.dumps(row, ensure_ascii=False) + "\n"


def of_documents(example: Example) -> Example:
    """The example to be asked of a collection: offsets say nothing without their document."""
    golds = tuple(gold if gold.document is not None else Gold(gold.text) for gold in example.golds)
    return replace(example, golds=golds, context=None)


def units(examples: Sequence[Example]) -> list[tuple[Example, ...]]:
    """What must be asked in a row: each conversation whole, where it begins; else each question."""
    grouped: dict[object, list[Example]] = {}
    for place, example in enumerate(examples):
        grouped.setdefault(example.conversation or place, []).append(example)
    return [tuple(group) for group in grouped.values()]


def sample(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """`count` of the examples at random, in the set's order; all of them if there are no more.

    Of a set of conversations whole ones are drawn, until there are at least `count` questions.
    """
    grouped = units(examples)
    chosen: set[str] = set()
    for place in random.Random(seed).sample(range(len(grouped)), len(grouped)):
        if len(chosen) >= count:
            break
        chosen.update(example.id for example in grouped[place])
    return [example for example in examples if example.id in chosen]


def example_of(row: Raw) -> Example:
    """The example that a row of `eval.formats.raw_rows` tells.

    Raises:
        ValueError: why it cannot be used.
    """
    if isinstance(row, ValueError):
        raise row
    _check(row)
    question, answers, tags = row["question"], row["answers"], row.get("tags") or ()
    if not isinstance(question, str) or not question.strip():
        raise ValueError("the question is empty")
    if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
        raise ValueError("answers is not a list of objects")
    if isinstance(tags, str) or not isinstance(tags, list | tuple):
        raise ValueError("tags is not a list")
    context, conversation, title = (row.get(n) for n in ("context", "conversation", "title"))
    if not isinstance(context, str | None):
        raise ValueError("context must be text")
    return Example(
        id=str(row["id"]),
        question=question,
        golds=tuple(_gold(answer, context) for answer in answers),
        tags=tuple(str(tag) for tag in tags),
        context=context or None,
        conversation=None if conversation is None else str(conversation),
        title=str(title) if title else None,
    )


def _check(row: Raw) -> None:
    """That it is a JSON object that can be written again, with what every row needs."""
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    for name in ("id", "question", "answers"):
        if row.get(name) is None:
            raise ValueError(f"{name!r} is missing")
    if not str(row["id"]).strip():
        raise ValueError("the id is empty")


def _gold(answer: dict[str, Any], context: str | None) -> Gold:
    text, document = answer.get("text"), answer.get("document")
    if not isinstance(text, str) or not text.strip():
        raise ValueError("an answer has no text")
    start, end = answer.get("start"), answer.get("end")
    if not all(v is None or (type(v) is int and v >= 0) for v in (start, end)):
        raise ValueError("start and end must be whole numbers")
    if not isinstance(document, str | None):
        raise ValueError("document must be a path")
    if (start is None) != (end is None):
        raise ValueError("an answer has a start without an end, or the reverse")
    if start is not None and end is not None and end <= start:
        raise ValueError("an answer ends where it starts, or before")
    if context and document is None and start is not None and context[start:end] != text:
        raise ValueError(f"the answer {text[:40]!r} does not stand at {start} of its context")
    return Gold(text, document, start, end)
