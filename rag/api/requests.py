"""What may be asked of the API and of the MCP tools, and how much of it."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from index.types import Channel, Filter
from rag.service import LONGEST_QUESTION
from rag.types import Turn

MOST_HITS = 100
MOST_QUESTIONS = 64
"""Of a batch."""
MOST_TURNS = 20
MOST_TERMS = 50
"""Globs, words or phrases of one part of a filter."""
LONGEST_TERM = 500
MOST_IDS = 1_000
LONGEST_SAID = 2 * LONGEST_QUESTION
"""A question as it was searched holds what was carried over too."""


def _day(value: object) -> object:
    """A day; pydantic alone would take numbers too."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return date.fromisoformat(value)
    raise ValueError("must be a day, YYYY-MM-DD")


def _whole(value: object) -> object:
    """10.0 is an integer in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Strict(BaseModel):
    """Nothing is guessed: no unknown fields, no numbers in strings."""

    model_config = ConfigDict(strict=True, extra="forbid")


Text = Annotated[str, Field(max_length=LONGEST_SAID)]
Terms = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=LONGEST_TERM)]],
    Field(max_length=MOST_TERMS),
]
DocumentId = Annotated[str, Field(pattern="^[0-9a-f]{16}$", description="As in hits, citations.")]
Day = Annotated[date, BeforeValidator(_day)]
Asked = Annotated[str, Field(max_length=LONGEST_QUESTION, description="A question, or words.")]
Collection = Annotated[
    str | None,
    Field(max_length=200, description="Its name; may be left out where there is only one."),
]


class Where(_Strict):
    """Which passages may be read. Every part that is given must hold."""

    paths: Terms = Field(
        default=[], description="Globs over the path; one must match: papers/*.txt"
    )
    types: Terms = Field(
        default=[], description="Endings of files without the dot; one must match."
    )
    after: Day | None = Field(default=None, description="Only documents dated then or later.")
    before: Day | None = Field(default=None, description="Only documents dated then or earlier.")
    phrases: Terms = Field(default=[], description="Words in a row; the passage must hold each.")
    without: Terms = Field(default=[], description="Words in a row; the passage must hold none.")
    boilerplate: bool = Field(default=False, description="Let web boilerplate pass too.")
    documents: list[DocumentId] = Field(
        default=[],
        max_length=MOST_IDS,
        description="Only these, by id; those not there find nothing.",
    )
    titles: Terms = Field(default=[], description="Globs over the title, case ignored: *council*")

    def as_filter(self) -> Filter:
        """The filter of the index."""
        return Filter(
            paths=tuple(self.paths),
            types=tuple(self.types),
            after=self.after,
            before=self.before,
            phrases=tuple(self.phrases),
            without=tuple(self.without),
            boilerplate=self.boilerplate,
            documents=tuple(self.documents),
            titles=tuple(self.titles),
        )


class Said(_Strict):
    """An earlier turn of the conversation."""

    question: Text = Field(description="`asked_as` of the earlier answer.")
    answer: Text | None = Field(
        default=None, description="The answer given; null if there was none."
    )

    def as_turn(self) -> Turn:
        """The turn of the conversation."""
        return Turn(self.question, self.answer)


class _InCollection(_Strict):
    collection: Collection = None
    where: Where = Where()


class Search(_InCollection):
    """Passages that are wanted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "Where did the ferry sink?", "k": 3}]}
    )
    question: Asked
    k: Annotated[int, BeforeValidator(_whole)] = Field(
        default=10, ge=1, le=MOST_HITS, description="How many passages."
    )
    channel: Channel = Field(
        default="hybrid", description="Both channels, or only BM25 or the vectors."
    )


class Ask(_InCollection):
    """A question that wants an answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": "Where did the ferry Aurora sink?"},
                {
                    "question": "When did it sink?",
                    "turns": [{"question": "Where did the ferry Aurora sink?", "answer": "Porto"}],
                    "where": {"paths": ["papers/*.txt"], "after": "2017-01-01"},
                },
            ]
        }
    )
    question: Asked
    turns: list[Said] = Field(
        default=[], max_length=MOST_TURNS, description="The conversation before it, oldest first."
    )


class AskBatch(_InCollection):
    """Several questions, each of its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"questions": ["Where did the ferry sink?", "How is bread made?"]}]
        }
    )
    questions: list[Asked] = Field(min_length=1, max_length=MOST_QUESTIONS)


class _Lenient(BaseModel):
    """Numbers may stand in strings, as they do in an address."""

    model_config = ConfigDict(extra="forbid")


class ListDocuments(_Lenient):
    """A page of a collection's documents, in the order of their paths."""

    collection: Collection = None
    after: str = Field(
        default="", max_length=4096, description="`next` of the page before; else empty."
    )
    limit: int = Field(default=100, ge=1, le=1000, description="Documents of a page.")


class Window(_Lenient):
    """A window of a document's text."""

    collection: Collection = None
    start: int = Field(default=0, ge=0, description="First character of the window.")
    end: int | None = Field(default=None, ge=0, description="One past its last; null for the end.")


class OpenDocument(Window):
    """A document, or a window of its text."""

    document_id: DocumentId
