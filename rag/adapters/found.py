"""What every framework is told of a hit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from index.retrieve import Retriever, search
from index.types import Document, Filter, Hit


def find(
    retriever: Retriever, question: str, k: int, where: Filter | None = None
) -> list[tuple[Hit, dict[str, Any]]]:
    """`Retriever.search`, each hit with its metadata; all of it of one generation."""
    with retriever.generation() as found:
        (hits,) = search(found, retriever.encoder, [question], k, where or Filter())
        documents = {ident: found.document(ident) for ident in {h.passage.doc_id for h in hits}}
    return [(hit, metadata(hit, documents[hit.passage.doc_id])) for hit in hits]


def metadata(hit: Hit, document: Document) -> dict[str, Any]:
    """Where a hit stands, as plain data: ``document.text[start:end]`` is its text.

    `page` counts from 1, that on which the passage begins; `via` holds the rank that each channel
    gave it. `title`, `date` (ISO 8601) and `page` are None where the document has none.
    """
    passage = hit.passage
    return {
        "passage_id": passage.id,
        "document_id": passage.doc_id,
        "path": passage.path,
        "title": document.title,
        "date": document.date,
        "page": document.page(passage.start),
        "start": passage.start,
        "end": passage.end,
        "section": passage.section,
        "rank": hit.rank,
        "score": hit.score,
        "via": dict(hit.via),
    }


def to_plain(where: Filter) -> dict[str, Any]:
    """A filter as JSON or YAML holds it; `from_plain` makes it a filter again."""
    plain = {}
    for name, value in asdict(where).items():
        if isinstance(value, date):
            value = value.isoformat()
        plain[name] = list(value) if isinstance(value, tuple) else value
    return plain


def from_plain(plain: Mapping[str, Any]) -> Filter:
    """The filter that `to_plain` gave, or one written by hand.

    Raises:
        TypeError, ValueError: a name that no filter has, or a day that is none.
    """
    days = {
        name: date.fromisoformat(plain[name])
        for name in ("after", "before")
        if isinstance(plain.get(name), str)
    }
    return Filter(**{**plain, **days})
