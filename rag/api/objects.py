"""The JSON objects of the API, as its schema describes them.

Answers are what `rag.types.to_json` makes: these models describe them and never make them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

Schema = Annotated[int, Field(ge=1, description="Version of this object.")]
Offset = Annotated[int, Field(ge=0, description="Counted in Unicode code points of the text.")]
Rank = Annotated[int, Field(ge=1)]


class Hit(BaseModel):
    """A passage that was found: `text` is the document's text from `start` to `end`."""

    rank: Rank
    passage_id: str
    document_id: str
    path: str
    start: Offset
    end: Offset
    text: str
    score: float = Field(description="Of the fusion, or of the one channel; higher is better.")
    lexical_rank: Rank | None = Field(description="By BM25; null if that did not find it.")
    dense_rank: Rank | None = Field(description="By the vectors; null if they did not find it.")


class Citation(BaseModel):
    """Where an answer stands: `quote` is the document's text from `start` to `end`."""

    document_id: str
    path: str
    title: str | None
    date: str | None
    page: Rank | None
    start: Offset
    end: Offset
    quote: str
    sentence_start: Offset
    sentence_end: Offset
    passage_id: str


class OtherAnswer(BaseModel):
    """Another answer that was found, or the one that was withheld."""

    answer: str | None
    confidence: float | None
    citations: list[Citation]


class Answer(BaseModel):
    """What the documents say, word for word; `answer` is null with a `reason` if they do not."""

    schema_: Schema = Field(alias="schema")
    question: str
    asked_as: str = Field(description="The question as it was searched and read.")
    carried: list[str] = Field(description="Its words that come from earlier turns.")
    collection: str
    generation: int = Field(description="Of the collection; all offsets belong to it.")
    answer: str | None
    confidence: float | None = Field(description="Probability that the top answer is right.")
    reason: str = Field(
        description="Empty if answered; else empty_index, no_evidence, below_threshold or "
        "question_unreadable."
    )
    citations: list[Citation]
    others: list[OtherAnswer]
    hits: list[Hit] = Field(description="The passages that were read, best first.")
    elapsed_ms: int


class AnswerList(BaseModel):
    """The answers of a batch, in the order of its questions; each tells the batch's time."""

    schema_: Schema = Field(alias="schema")
    answers: list[Answer]


class HitList(BaseModel):
    """What a search found, best first."""

    schema_: Schema = Field(alias="schema")
    question: str
    collection: str
    hits: list[Hit]


class DocumentEntry(BaseModel):
    """A document as listed."""

    document_id: str
    path: str
    title: str | None
    date: str | None
    passages: int


class DocumentList(BaseModel):
    """A page of a collection's documents; `next` is null on the last one."""

    schema_: Schema = Field(alias="schema")
    collection: str
    generation: int
    total: int = Field(description="Documents of the whole collection.")
    documents: list[DocumentEntry]
    next: str | None = Field(description="What to give as `after` for the page after this.")


class DocumentText(BaseModel):
    """A document's text from `start` to `end`, as it was extracted."""

    schema_: Schema = Field(alias="schema")
    collection: str
    generation: int
    document_id: str
    path: str
    title: str | None
    date: str | None
    length: int = Field(description="Of the whole text.")
    start: Offset
    end: Offset
    text: str


class CollectionEntry(BaseModel):
    """A collection as listed."""

    name: str
    documents: int
    passages: int


class CollectionList(BaseModel):
    """Every collection, by name."""

    schema_: Schema = Field(alias="schema")
    collections: list[CollectionEntry]


class Health(BaseModel):
    """The server answers."""

    status: str
    version: str


class Problem(BaseModel):
    """What is wrong, and the mend (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    mend: str
    errors: list[dict[str, Any]] | None = Field(
        default=None, description="Each field that does not fit."
    )


_ENTRY = {
    "document_id": "0f3a52cd81b9e467", "path": "papers/harbour.txt",
    "title": "The harbour", "date": "2017-08-07",
}  # fmt: skip
_HIT = {
    "rank": 1, "passage_id": "6d0b8d5f4a7c91e2b3f0", "document_id": _ENTRY["document_id"],
    "path": _ENTRY["path"], "start": 0, "end": 41,
    "text": "The ferry Aurora sank in Porto on Monday.",
    "score": 0.975, "lexical_rank": 1, "dense_rank": 2,
}  # fmt: skip
_CITATION = {
    **_ENTRY, "page": None, "start": 25, "end": 30, "quote": "Porto",
    "sentence_start": 0, "sentence_end": 41, "passage_id": _HIT["passage_id"],
}  # fmt: skip
_ANSWER = {
    "schema": 1, "question": "Where did the ferry sink?", "asked_as": "Where did the ferry sink?",
    "carried": [], "collection": "default", "generation": 3, "answer": "Porto",
    "confidence": 0.912, "reason": "", "citations": [_CITATION], "others": [], "hits": [_HIT],
    "elapsed_ms": 240,
}  # fmt: skip
_FOUND = {"schema": 1, "question": _ANSWER["question"], "collection": "default", "hits": [_HIT]}
EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    Answer: _ANSWER,
    AnswerList: {"schema": 1, "answers": [_ANSWER]},
    HitList: _FOUND,
    DocumentList: {
        "schema": 1, "collection": "default", "generation": 3, "total": 1,
        "documents": [{**_ENTRY, "passages": 1}], "next": None,
    },
    DocumentText: {
        "schema": 1, "collection": "default", "generation": 3, **_ENTRY,
        "length": 41, "start": 0, "end": 41, "text": _HIT["text"],
    },
    CollectionList: {
        "schema": 1, "collections": [{"name": "default", "documents": 1, "passages": 1}]
    },
    Health: {"status": "ok", "version": "0.1.0"},
    Problem: {
        "type": "about:blank", "title": "Not Found", "status": 404,
        "detail": "No such collection: harbor.", "mend": "There are: default.",
    },
}  # fmt: skip
