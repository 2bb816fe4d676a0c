"""The nouns of answering, and `to_json`, the one JSON form that every face shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from index.types import Hit

Reason = Literal["", "empty_index", "no_evidence", "below_threshold", "question_unreadable"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the user typed it (`asked`), and as it is searched and read (`text`).

    `carried` are the words that `text` has from earlier turns; see `rag.converse.standalone`.
    """

    text: str
    asked: str
    carried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question, as it was searched, and the answer given; None if there was none."""

    question: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class Span:
    """A candidate answer: ``document.text[start:end]``, inside the passage of `hit`.

    `score` is start logit + end logit, `null_score` the same sum at the first token for the
    passage's windows (Devlin et al. 2019, section 4.3); both unnormalised, so that spans of
    different passages compare.
    """

    hit: Hit
    start: int
    end: int
    score: float
    null_score: float

    @property
    def text(self) -> str:
        """The span itself, as it stands in the document."""
        offset = self.hit.passage.start
        return self.hit.passage.text[self.start - offset : self.end - offset]


@dataclass(frozen=True, slots=True)
class Citation:
    """Where an answer stands: ``document.text[start:end] == quote``, always.

    `sentence_start` and `sentence_end` bound the sentence around it in the same document.
    """

    doc_id: str
    path: str
    title: str | None
    date: str | None
    page: int | None
    start: int
    end: int
    quote: str
    sentence: str
    sentence_start: int
    sentence_end: int
    passage_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the documents say, or that they do not.

    Abstaining is ``text=None`` with a reason. `confidence` is the probability that the top
    answer, given or withheld, is right; None where the reader has no calibration.
    `others` are the other distinct answers found, best first, each with its own citations; when
    abstaining, the first of them is the one withheld. Those that the threshold would withhold
    say so in their own `reason`. `hits` are the passages that were read, best first. All of it,
    offsets included, belongs to one generation of the collection.
    """

    question: Question
    text: str | None
    confidence: float | None
    citations: tuple[Citation, ...] = ()
    others: tuple[Answer, ...] = ()
    hits: tuple[Hit, ...] = ()
    reason: Reason = ""
    collection: str = ""
    generation: int = 0


def to_json(answer: Answer, elapsed_ms: int) -> dict[str, Any]:
    """The JSON object of an answer, schema 1: the same for command line, API and runs.

    Args:
        answer: what `Service.ask` gave.
        elapsed_ms: how long it took; the only part that differs between two runs.
    """
    return {
        "schema": 1,
        "question": answer.question.asked,
        "asked_as": answer.question.text,
        "carried": list(answer.question.carried),
        "collection": answer.collection,
        "generation": answer.generation,
        "answer": answer.text,
        "confidence": answer.confidence,
        "reason": answer.reason,
        "citations": [_citation(citation) for citation in answer.citations],
        "others": [
            {
                "answer": other.text,
                "confidence": other.confidence,
                "citations": [_citation(citation) for citation in other.citations],
            }
            for other in answer.others
        ],
        "hits": [hit_to_json(hit) for hit in answer.hits],
        "elapsed_ms": elapsed_ms,
    }


def hit_to_json(hit: Hit) -> dict[str, Any]:
    """The JSON object of a hit; a channel that did not find it has rank null."""
    return {
        "rank": hit.rank,
        "passage_id": hit.passage.id,
        "document_id": hit.passage.doc_id,
        "path": hit.passage.path,
        "start": hit.passage.start,
        "end": hit.passage.end,
        "text": hit.passage.text,
        "score": hit.score,
        "lexical_rank": hit.via.get("lexical"),
        "dense_rank": hit.via.get("dense"),
    }


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "document_id": citation.doc_id,
        "path": citation.path,
        "title": citation.title,
        "date": citation.date,
        "page": citation.page,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "sentence_start": citation.sentence_start,
        "sentence_end": citation.sentence_end,
        "passage_id": citation.passage_id,
    }
