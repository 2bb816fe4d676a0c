"""HTML of a whole document as stored, with a span marked: what "Open" shows."""

from __future__ import annotations

from html import escape

from index.types import BOILERPLATE, Document
from rag.chat.marks import about, fingerprint, name, piece, plural, rolled

WINDOW = 200_000
"""Characters shown; of a longer document the part around the mark."""
NEAR = 500_000
"""Characters on either side of where words stood in which they are looked for."""
MOVED = "The document has changed since: the words are marked where they stand now."
GONE = "The document has changed since: the words that were quoted are not found in it any longer."


def followed(text: str, start: int, end: int, words: str) -> tuple[int, int] | None:
    """Where the words of an address stand: in their place, or at the nearest where they do now.

    Args:
        text: of the document as it is.
        start: where they began when the address was made.
        end: where they ended.
        words: their fingerprint; an address without one is taken at its word.

    Returns:
        (start, end), or None if they stand nowhere near.
    """
    if not words or fingerprint(text[start:end]) == words:
        return start, end
    length = end - start
    if not 0 < length <= len(text):
        return None
    stood = min(max(start, 0), len(text) - length)
    first = max(0, stood - NEAR)
    stretches = enumerate(rolled(text[first : stood + length + NEAR], length), first)
    places = [place for place, value in stretches if f"{value:x}" == words]
    nearest = min(places, key=lambda place: abs(place - stood), default=None)
    return None if nearest is None else (nearest, nearest + length)


def view(
    document: Document, collection: str, start: int, end: int, picture: str = "", note: str = ""
) -> str:
    """The document's text with ``[start, end)`` marked, and pages, headings, boilerplate told.

    Args:
        document: as stored; it is shown as it is.
        collection: that it belongs to.
        start: where the mark begins; beyond the text, nothing is marked.
        end: where it ends; nothing is marked if it is `start`.
        picture: address of the rendered page, if there is one.
        note: what is not as it was when it was quoted.
    """
    title = document.title or name(document.path)
    page = document.page(start) if start < end else None
    line = about(document.path, document.date, page)
    changed = f'<p class="note" role="alert">{escape(note)}</p>' if note else ""
    shown = ""
    if picture:
        shown = (
            f'<figure class="picture"><img src="{escape(picture)}" '
            f'alt="Page {page} as it looks, with the quoted words boxed"></figure>'
            "<h3>The text as it was read</h3>"
        )
    return (
        f'<header><h2 dir="auto">{escape(title)}</h2><p class="about">{line}</p>{changed}</header>'
        f"{shown}"
        f'<div class="paper" dir="auto" data-document="{document.id}" '
        f'data-collection="{escape(collection)}">{_body(document, start, end)}</div>'
    )


def _body(document: Document, start: int, end: int) -> str:
    text = document.text
    first = max(0, min(start - WINDOW // 2, len(text) - WINDOW))
    last = min(len(text), first + WINDOW)
    edges = {first, last, start, end, *document.page_starts}
    for mark in document.marks:
        edges |= {mark.start, mark.end}
    places = sorted(edge for edge in edges if first <= edge <= last)
    said = [_cut(first, "before")]
    for begin, stop in zip(places, places[1:], strict=False):
        if begin in document.page_starts:
            said.append(f'<span class="page">Page {document.page(begin)}</span>')
        said.append(_stretch(document, begin, stop, start, end))
    return "".join([*said, _cut(len(text) - last, "after")])


def _stretch(document: Document, begin: int, stop: int, start: int, end: int) -> str:
    """HTML of a stretch that is of one kind throughout."""
    html = escape(document.text[begin:stop])
    for mark in document.marks:
        if mark.start <= begin and stop <= mark.end:
            html = f'<span class="{"dim" if mark.kind == BOILERPLATE else "heading"}">{html}</span>'
    if start <= begin and stop <= end:
        first = ' id="mark" tabindex="-1"' if begin == start else ""
        html = f"<mark{first}>{html}</mark>"
    return piece(html, begin)


def _cut(count: int, where: str) -> str:
    if not count:
        return ""
    return f'<p class="quiet">{plural(count, "character")} {where} this are not shown here.</p>'
