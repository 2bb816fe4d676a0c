"""HTML of a whole document as stored, with a span marked: what "Open" shows."""

from __future__ import annotations

from html import escape

from index.types import BOILERPLATE, Document
from rag.chat.marks import about, name, piece, plural

WINDOW = 200_000
"""Characters shown; of a longer document the part around the mark."""


def view(
    document: Document, collection: str, start: int, end: int, picture: str = "", note: str = ""
) -> str:
    """The document's text with ``[start, end)`` marked, and pages, headings, boilerplate told.

    Args:
        document: as stored; it is shown as it is.
        collection: that it belongs to.
        start: where the mark begins; beyond the text, nothing is marked.
        end: where it ends.
        picture: address of the rendered page, if there is one.
        note: a line that says why there is none.
    """
    title = document.title or name(document.path)
    page = document.page(start)
    line = about(document.path, document.date, page)
    shown = f'<p class="quiet">{escape(note)}</p>' if note else ""
    if picture:
        shown += (
            f'<figure class="picture"><img src="{escape(picture)}" '
            f'alt="Page {page} as it looks, with the quoted words boxed"></figure>'
            "<h3>The text as it was read</h3>"
        )
    return (
        f'<header><h2 dir="auto">{escape(title)}</h2><p class="about">{line}</p></header>{shown}'
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
