"""What a run makes of a question, and what makes it: the contract between jobs and run folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from eval.sets import Example
from index.types import Ranking

Kind = Literal["asked", "read", "searched"]
Unit = tuple[Example, ...]
"""Questions that are handed out together."""


@dataclass(frozen=True, slots=True)
class Record:
    """One question of a run.

    Attributes:
        row: its line of ``run.jsonl``: plain data with ``id``, ``question``, ``error`` (a class of
            error or "") and ``measures`` (name → number; a measure that does not apply is absent).
        rankings: channel → what it found, best first.
        relevant: what should be found → how relevant it is.
    """

    row: dict[str, Any]
    rankings: Mapping[str, Ranking] = field(default_factory=dict)
    relevant: Mapping[str, int] = field(default_factory=dict)


Ask = Callable[[Unit], list[Record]]


class Job(Protocol):
    """What is done with each unit of a set. Picklable, so that worker processes can open it."""

    @property
    def kind(self) -> Kind:
        """Which figures its rows give."""
        ...

    def units(self, examples: Sequence[Example]) -> list[Unit]:
        """The examples in their order, those together that must be, or had better be."""
        ...

    def open(self) -> AbstractContextManager[Ask]:
        """Load what is needed; the records of a unit do not depend on the units before it."""
        ...

    def check(self, examples: Sequence[Example]) -> list[str]:
        """What is doubtful about asking these, in sentences.

        Raises:
            QuestionError: they cannot be asked at all.
        """
        ...

    def environment(self) -> dict[str, Any]:
        """What its rows depend on, besides the set: settings, models, the index. Plain data."""
        ...
