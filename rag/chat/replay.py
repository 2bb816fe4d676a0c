"""A question of a run, as the sources panel shows it: what was said beside what was expected.

A row of ``run.jsonl`` names passages; their text is that of the collection as it is now, where it
still holds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from index.snapshot import Snapshot
from index.types import Document, Passage
from rag.chat import runs
from rag.chat.answer import sure
from rag.chat.evaluate import ERRORS
from rag.chat.library import Library
from rag.chat.marks import address, deed, excerpt, plural
from rag.chat.runs import Run
from rag.chat.sources import Record, panel

MOST_GOLDS = 5
"""Expected answers that are shown."""


def question(library: Library, name: str, place: int) -> str:
    """HTML of the sources panel for the question at a place of a run, from 0.

    Raises:
        QuestionError: there is no such run or question.
        CollectionError, CorruptIndexError: the run's collection cannot be read any longer.
    """
    run = runs.find(library.home, name)
    row = runs.row(run, place)
    with library.service(run.collection).retriever.generation() as found:
        record = _record(found, run, row)
        expected = _expected(found, record, row)
    return (
        f'<section id="evaluated" class="evaluated" tabindex="-1" data-run="{escape(name)}" '
        f'data-row="{place}"><h2>Question of a run</h2>{_ways(run, place)}'
        f'<p class="asked" dir="auto">{escape(row["question"])}</p>{_asked_as(row)}'
        f"{_error(row)}<dl>{_said(row)}{expected}</dl>{_gone(record, row)}</section>"
        f"{panel(record)}"
    )


def _record(found: Snapshot, run: Run, row: Mapping[str, Any]) -> dict[str, Any]:
    """The record that `rag.chat.sources` takes; its answer is the top one, given or withheld."""
    passages = _passages(found, [hit["passage_id"] for hit in row["hits"]])
    documents = {doc.path: doc for doc in _documents(found, row)}
    hits = [
        {**hit, "document_id": passages[ident].doc_id, "text": passages[ident].text}
        for hit in row["hits"]
        if (ident := hit["passage_id"]) in passages
    ]
    cited = [_cited(c, documents.get(c["path"])) for c in row["citations"]]
    known = {d.id: {"title": d.title, "date": d.date} for d in documents.values()}
    pages = {
        p.id: documents[p.path].page(p.start) for p in passages.values() if p.path in documents
    }
    return {
        "question": row["question"],
        "collection": run.collection,
        "answer": row["answer"] if cited else None,
        "confidence": row["confidence"],
        "citations": cited,
        "others": [],
        "hits": hits,
        "beside": {
            "documents": known,
            "pages": pages,
            "golds": _golds(row["golds"], passages.values()),
        },
    }


def _passages(found: Snapshot, idents: Iterable[str]) -> dict[str, Passage]:
    """Those that the collection still holds."""
    kept = {}
    for ident in idents:
        try:
            (kept[ident],) = found.passages([ident])
        except KeyError:
            continue
    return kept


def _documents(found: Snapshot, row: Mapping[str, Any]) -> list[Document]:
    """Those of the row that the collection still holds."""
    paths = [each["path"] for each in (*row["hits"], *row["citations"])]
    paths += [gold["document"] for gold in row["golds"] if gold["document"]]
    documents = (found.store.document_by_path(path) for path in dict.fromkeys(paths))
    return [document for document in documents if document is not None]


def _cited(citation: Mapping[str, Any], document: Document | None) -> dict[str, Any]:
    """A citation as an answer has it; of a document that is gone the link says so."""
    return {
        **citation,
        "document_id": document.id if document else "gone",
        "date": document.date if document else None,
        "sentence_start": citation["start"],  # a row does not tell its sentence
        "sentence_end": citation["end"],
    }


def _golds(
    golds: Sequence[Mapping[str, Any]], passages: Iterable[Passage]
) -> dict[str, list[tuple[int, int]]]:
    """Document id → where the expected answers stand in the passages that were read."""
    found: dict[str, list[tuple[int, int]]] = {}
    for passage in passages:
        spans = found.setdefault(passage.doc_id, [])
        for gold in golds:
            if gold["document"] not in (None, passage.path):
                continue
            if gold["start"] is not None:
                spans.append((gold["start"], gold["end"]))
                continue
            for match in re.finditer(re.escape(gold["text"]), passage.text, re.IGNORECASE):
                spans.append((passage.start + match.start(), passage.start + match.end()))
    return found


def _asked_as(row: Mapping[str, Any]) -> str:
    if row["asked_as"] == row["question"]:
        return ""
    return f'<p class="asked-as">asked as: <q dir="auto">{escape(row["asked_as"])}</q></p>'


def _error(row: Mapping[str, Any]) -> str:
    if not row["error"]:
        return '<p class="note">This question went as it should.</p>'
    said = escape(ERRORS.get(row["error"], ""))
    return f'<p class="note"><strong>{escape(row["error"].capitalize())}</strong>: {said}</p>'


def _said(row: Mapping[str, Any]) -> str:
    """The answer given, or the one withheld."""
    if row["answer"] is None:
        return "<dt>Answer</dt><dd>No answer was found.</dd>"
    label = "Answer given" if row["given"] else "Answer withheld"
    return (
        f'<dt>{label}</dt><dd><mark dir="auto">{escape(row["answer"])}</mark>'
        f'<span class="sure">{sure(row["confidence"])}</span></dd>'
    )


def _expected(found: Snapshot, record: Record, row: Mapping[str, Any]) -> str:
    """The answers of the set, and where they stand."""
    if not row["golds"]:
        return "<dt>Expected</dt><dd>No answer: the set says that the documents have none.</dd>"
    unlike: dict[str, Mapping[str, Any]] = {}
    for gold in row["golds"]:
        unlike.setdefault(gold["text"], gold)
    shown = [
        _gold(found, record, gold, quoted=number == 0)
        for number, gold in enumerate(list(unlike.values())[:MOST_GOLDS])
    ]
    more = len(unlike) - MOST_GOLDS
    tail = f'<dd class="quiet">and {more:,} more</dd>' if more > 0 else ""
    return f"<dt>Expected</dt>{''.join(shown)}{tail}"


def _gold(found: Snapshot, record: Record, gold: Mapping[str, Any], quoted: bool) -> str:
    said = f'<mark class="other" dir="auto">{escape(gold["text"])}</mark>'
    document = found.store.document_by_path(gold["document"]) if gold["document"] else None
    start, end = gold["start"], gold["end"]
    if document is None or start is None or document.text[start:end] != gold["text"]:
        gone = gold["document"] and document is None
        why = ' <span class="quiet">(its document is not in the collection)</span>' if gone else ""
        return f"<dd>{said}{why}</dd>"
    where = address(record["collection"], document.id, start, end, gold["text"])
    quotation = (
        f'<blockquote dir="auto">{excerpt(document.text, 0, [], [(start, end)])}</blockquote>'
        f'<span class="about" dir="auto">{escape(document.path)}</span>'
    )
    opens = f'<a data-act="open" href="{escape(where)}">Open</a>'
    return f"<dd>{said} {opens}{quotation if quoted else ''}</dd>"


def _gone(record: Record, row: Mapping[str, Any]) -> str:
    gone = len(row["hits"]) - len(record["hits"])
    if not gone:
        return ""
    said = f"{plural(gone, 'passage')} that it read then: the collection has changed since."
    return f'<p class="note">Not shown: {said}</p>'


def _ways(run: Run, place: int) -> str:
    """To the failed questions before and after it, and back."""
    places = [each.place for each in runs.failed(run)]
    at = places.index(place) if place in places else None
    deeds = []
    if at is not None and at > 0:
        deeds.append(_way("Previous", run, places[at - 1]))
    if at is not None and at + 1 < len(places):
        deeds.append(_way("Next", run, places[at + 1]))
    deeds.append(deed("evaluate", "The run", collection=run.collection, run=run.name))
    deeds.append(deed("sources", "The conversation’s sources"))
    count = f"<span>{at + 1:,} of {len(places):,} that went wrong</span>" if at is not None else ""
    return f'<p class="deeds">{count}{"".join(deeds)}</p>'


def _way(label: str, run: Run, place: int) -> str:
    return deed("evaluated", label, run=run.name, row=place, name=label)
