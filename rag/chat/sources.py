"""HTML of the sources: one card a document, cited ones first, the other hits folded.

Made from the record of an answer alone (`rag.types.to_json` and what `asking` adds), so that a
remembered answer shows the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from rag.chat.marks import about, address, day, deed, excerpt, name, named, plural

Record = Mapping[str, Any]
CHANNELS = {"lexical_rank": "words", "dense_rank": "meaning"}


def given(record: Record) -> list[Mapping[str, Any]]:
    """The answers that stand as equals, best first; none when abstaining.

    Those that pass the threshold, but for one that stands only in sentences of better ones: there
    the documents do not differ.
    """
    if record["answer"] is None:
        return []
    threshold = record.get("beside", {}).get("threshold")
    kept: list[Mapping[str, Any]] = []
    sentences: set[tuple[str, int]] = set()
    for answer in [record, *record["others"]]:
        stands = {(c["document_id"], c["sentence_start"]) for c in answer["citations"]}
        enough = threshold is None or (answer["confidence"] or 0) >= threshold
        if answer is record or (enough and not stands <= sentences):
            kept.append(answer)
            sentences |= stands
    return kept


def cited(record: Record) -> dict[str, list[Mapping[str, Any]]]:
    """Document id → its citations, in the order of the answers: the numbers of the sources."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for answer in given(record):
        for citation in answer["citations"]:
            found.setdefault(citation["document_id"], []).append(citation)
    return found


def expected(record: Record, document_id: str) -> list[tuple[int, int]]:
    """Where the answers that a question set expects stand in a document; see `rag.chat.replay`."""
    golds = record.get("beside", {}).get("golds", {}).get(document_id, [])
    return [(start, end) for start, end in golds]


def panel(record: Record | None) -> str:
    """The whole panel for one answer, or what it is for."""
    if record is None or not record.get("hits"):
        return (
            '<h2>Sources</h2><p class="quiet">The passages that an answer stands on appear here, '
            "each with the words marked.</p>"
        )
    numbered = cited(record)
    known = {hit["passage_id"]: hit for hit in record["hits"]}
    cards = [
        _cited_card(record, number, citations, known)
        for number, citations in enumerate(numbered.values(), start=1)
    ]
    used = {c["passage_id"] for citations in numbered.values() for c in citations}
    rest = _by_document(hit for hit in record["hits"] if hit["passage_id"] not in used)
    folded = "".join(_other_card(record, hits) for hits in rest.values())
    count = sum(map(len, rest.values()))
    if not cards:
        reading = record.get("state") == "reading"
        return f"<h2>{'Passages found' if reading else 'Nearest passages'}</h2><ol>{folded}</ol>"
    more = plural(count, "more passage")
    tail = f"<details><summary>{more}</summary><ol>{folded}</ol></details>" if folded else ""
    return f"<h2>Sources</h2><ol>{''.join(cards)}</ol>{tail}"


def _by_document(hits: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for hit in hits:
        found.setdefault(hit["document_id"], []).append(hit)
    return found


def _cited_card(
    record: Record,
    number: int,
    citations: Sequence[Mapping[str, Any]],
    known: Mapping[str, Mapping[str, Any]],
) -> str:
    first = citations[0]
    first_answer = [
        (c["start"], c["end"])
        for c in record["citations"]
        if c["document_id"] == first["document_id"]
    ]
    quoted = []
    for ident in dict.fromkeys(c["passage_id"] for c in citations):
        hit = known.get(ident)
        here = [(c["start"], c["end"]) for c in citations if c["passage_id"] == ident]
        spans = [span for span in here if span in first_answer]
        others = [span for span in here if span not in first_answer]
        spans, others = (spans, others) if spans else (others, [])
        others += expected(record, first["document_id"])
        if hit:
            shown = excerpt(hit["text"], hit["start"], spans, others)
            quoted.append(_quotation(shown, record["collection"], hit))
    line = about(first["path"], first["date"], first["page"])
    title = first["title"] or name(first["path"])
    head = f'<span class="number">{number}</span> <span dir="auto">{escape(title)}</span>'
    deeds = _deeds_of_answers(record, first["document_id"])
    return _card(f'id="source-{number}" tabindex="-1"', head, line, "".join(quoted), deeds)


def _deeds_of_answers(record: Record, document_id: str) -> str:
    """The deeds of each answer that a document gives, at the first place where it does."""
    firsts = [
        (answer["answer"], next(c for c in answer["citations"] if c["document_id"] == document_id))
        for answer in given(record)
        if any(c["document_id"] == document_id for c in answer["citations"])
    ]
    alone = len(firsts) == 1
    return "".join(
        _deeds(record, citation, citation["quote"], "quote", "" if alone else said)
        for said, citation in firsts
    )


def _other_card(record: Record, hits: Sequence[Mapping[str, Any]]) -> str:
    first = hits[0]
    beside = record.get("beside", {})
    known = beside.get("documents", {}).get(first["document_id"], {})
    page = beside.get("pages", {}).get(first["passage_id"])
    title = known.get("title") or name(first["path"])
    golds = expected(record, first["document_id"])
    quoted = "".join(
        _quotation(excerpt(h["text"], h["start"], [], golds), record["collection"], h) for h in hits
    )
    deeds = _deeds(record, {**first, "page": page, **known}, first["text"], "passage")
    line = about(first["path"], known.get("date"), page)
    return _card("", f'<span dir="auto">{escape(title)}</span>', line, quoted, deeds)


def _card(attributes: str, head: str, line: str, quoted: str, deeds: str) -> str:
    return (
        f'<li class="card" {attributes}><h3>{head}</h3><p class="about">{line}</p>'
        f"{quoted}{deeds}</li>"
    )


def _quotation(html: str, collection: str, hit: Mapping[str, Any]) -> str:
    return (
        f'<blockquote dir="auto" data-document="{escape(hit["document_id"])}" '
        f'data-collection="{escape(collection)}">{html}</blockquote><p class="via">{_via(hit)}</p>'
    )


def _via(hit: Mapping[str, Any]) -> str:
    """Why a passage was found: its rank by words and by meaning."""
    ranks = [f"{word} #{hit[key]}" for key, word in CHANNELS.items() if hit[key]]
    return escape(" · ".join(ranks))


def _deeds(record: Record, place: Mapping[str, Any], quote: str, noun: str, of: str = "") -> str:
    """Open, copy and link a quote at its place; of several in a card, `of` says which it is."""
    where = address(record["collection"], place["document_id"], place["start"], place["end"], quote)
    said = f'<q class="about" dir="auto">{escape(of)}</q>' if of else ""
    return (
        f'<p class="deeds">{said}<a data-act="open" href="{escape(where)}"{named("Open", of)}>Open'
        f"</a>{deed('copy', f'Copy {noun}', of, text=_copied(place, quote))}"
        f"{deed('copy-link', 'Copy link', of, text=where)}</p>"
    )


def _copied(place: Mapping[str, Any], quote: str) -> str:
    """Quote and citation, as plain text."""
    page = f"p. {place['page']}" if place.get("page") else ""
    parts = (place.get("title"), day(place.get("date")), place["path"], page)
    return f"“{quote}” ({', '.join(part for part in parts if part)})"
