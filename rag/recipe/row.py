"""`Row`: a question, a context and where the answer stands in it; and cutting it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from index.sentences import sentences


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to learn from. `start` is -1 where the context does not answer the question.

    `golds` are all the right wordings, for telling whether another text answers too; `kind` says
    how a row was made.
    """

    id: str
    source: str
    title: str
    question: str
    context: str
    start: int
    end: int
    golds: tuple[str, ...]
    kind: str = "as found"

    @property
    def answerable(self) -> bool:
        """Whether the answer stands in the context."""
        return self.start >= 0

    def to_dict(self) -> dict[str, Any]:
        """As SQuAD has it, and `spanwise train` reads it."""
        text = [self.context[self.start : self.end]] if self.answerable else []
        at = [self.start] if self.answerable else []
        return {
            "id": self.id, "title": self.title, "context": self.context,
            "question": self.question, "answers": {"text": text, "answer_start": at},
        }  # fmt: skip


def cut(row: Row, words: int, rng: Random) -> Row:
    """The row with whole sentences of its context, about `words` of them, around the answer."""
    bounds = sentences(row.context)
    lengths = [len(row.context[low:high].split()) for low, high in bounds]
    if not bounds or sum(lengths) <= words:
        return row
    if row.answerable:
        inside = [i for i, (low, high) in enumerate(bounds) if low < row.end and row.start < high]
        first, last = inside[0], inside[-1]
    else:
        first = last = rng.randrange(len(bounds))
    size = sum(lengths[first : last + 1])
    while True:
        sides = [
            side for side, i in ((-1, first - 1), (1, last + 1))
            if 0 <= i < len(bounds) and size + lengths[i] <= words
        ]  # fmt: skip
        if not sides:
            break
        side = rng.choice(sides)
        first, last = (first - 1, last) if side < 0 else (first, last + 1)
        size += lengths[first if side < 0 else last]
    low = min(bounds[first][0], row.start) if row.answerable else bounds[first][0]
    high = max(bounds[last][1], row.end)
    return moved(replace(row, context=row.context[low:high]), -low)


def moved(row: Row, by: int) -> Row:
    """The row with its answer `by` characters later."""
    return replace(row, start=row.start + by, end=row.end + by) if row.answerable else row


def unanswerable(row: Row, kind: str, **changes: str) -> Row:
    """The row with another context or question, which no longer go together."""
    return replace(row, id=f"{row.id}|{kind}", kind=kind, start=-1, end=-1, **changes)  # type: ignore[arg-type]
