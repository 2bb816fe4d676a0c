"""HTML of quoted text: escaped, with the span marked. Everything that a page quotes comes by here.

>>> marked("a < b", 10, [(14, 15)])
'a &lt; <mark>b</mark>'
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from urllib.parse import urlencode

AROUND = 200
"""Characters of a passage shown on either side of the span."""
BASE, MODULUS = 0x110000, 2**61 - 1
"""Of the rolling hash: a character is a figure, of as many as there are in Unicode."""

Spans = Sequence[tuple[int, int]]
"""(start, end) in a document."""


def marked(text: str, offset: int, spans: Spans, faintly: Spans = ()) -> str:
    """HTML of a text that begins at `offset` of its document, with the parts in `spans` marked.

    Args:
        text: a stretch of a document.
        offset: where in the document it begins.
        spans: what is marked; what lies outside the text, or in a mark already, is not.
        faintly: what is marked too, less strongly.
    """
    said, at = [], 0
    every = [(*span, "<mark>") for span in spans]
    every += [(*span, '<mark class="other">') for span in faintly]
    for start, end, tag in sorted(every, key=lambda each: (each[0], -each[1])):
        start, end = max(start - offset, at), min(end - offset, len(text))
        if start < end:
            said += [escape(text[at:start]), tag, escape(text[start:end]), "</mark>"]
            at = end
    html = "".join([*said, escape(text[at:])])
    return re.sub(r"\s*\n\s*", "\n", html)  # blank lines only take room; no tag of ours has one


def excerpt(text: str, offset: int, spans: Spans, faintly: Spans = ()) -> str:
    """HTML of the part of a passage around its spans, cut between words, with dots where cut.

    It says where in the document it begins, so that words selected in it can be found there.
    """
    within = range(offset, offset + len(text))
    inside = [(start, end) for start, end in spans if start in within]
    faintly = [(start, end) for start, end in faintly if start in within]
    around = inside or faintly
    first = min((start for start, _ in around), default=offset) - offset
    last = max((end for _, end in around), default=offset) - offset
    begin, end = _word_start(text, first - AROUND), _word_end(text, last + AROUND)
    shown = piece(marked(text[begin:end], offset + begin, inside, faintly), offset + begin)
    return f"{'… ' if begin else ''}{shown}{' …' if end < len(text) else ''}"


def piece(html: str, start: int) -> str:
    """HTML of a stretch of a document, which says at which offset it begins."""
    return f'<span data-start="{start}">{html}</span>'


def _word_start(text: str, at: int) -> int:
    if at <= 40:  # a few words more rather than dots
        return 0
    blank = text.find(" ", at)
    return blank + 1 if 0 <= blank < at + 40 else at


def _word_end(text: str, at: int) -> int:
    if at >= len(text) - 40:
        return len(text)
    blank = text.rfind(" ", at - 40, at)
    return blank if blank > 0 else at


def day(iso: str | None) -> str:
    """A date for people, the same in every locale.

    >>> day("2017-08-05")
    '5 Aug 2017'
    """
    try:
        at = date.fromisoformat((iso or "")[:10])
    except ValueError:
        return iso or ""
    month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[at.month - 1]
    return f"{at.day} {month} {at.year}"


def address(collection: str, document_id: str, start: int, end: int, quote: str) -> str:
    """The page's own address that opens a document at a span.

    It has the quote's fingerprint, so that words that have moved since are found again.
    """
    parts = {"collection": collection, "document": document_id, "start": start, "end": end}
    return "/?" + urlencode({**parts, "words": fingerprint(quote)})


def fingerprint(text: str) -> str:
    """What tells a quote from another of its length.

    >>> fingerprint("Porto")
    '123f80b20ae3a331'
    """
    return f"{next(rolled(text, len(text))):x}"


def rolled(text: str, length: int) -> Iterator[int]:
    """The fingerprints, as numbers, of every stretch of that length, in order.

    Each is made from the one before (Karp and Rabin 1987), so that the stretches' length costs
    nothing.
    """
    value = 0
    for char in text[:length]:
        value = (value * BASE + ord(char)) % MODULUS
    yield value
    gone = pow(BASE, length, MODULUS)
    for first, last in zip(text, text[length:], strict=False):
        value = (value * BASE + ord(last) - ord(first) * gone) % MODULUS
        yield value


def name(path: str) -> str:
    """The file's own name."""
    return path.rpartition("/")[2]


def about(path: str, day_of: str | None, page: int | None) -> str:
    """HTML of the line under a title: date, path, page."""
    parts = [day(day_of), path, f"page {page}" if page else ""]
    return " · ".join(f'<span dir="auto">{escape(part)}</span>' for part in parts if part)


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "document"), plural(1200, "passage")
    ('1 document', '1,200 passages')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def deed(act: str, label: str, of: str = "", /, **data: object) -> str:
    """HTML of a button; `data` goes along when it is pressed. The label is escaped.

    Of several alike `of` says to a screen reader which.
    """
    extra = "".join(f' data-{key}="{escape(str(value))}"' for key, value in data.items())
    extra += named(label, of)
    return f'<button type="button" data-act="{act}"{extra}>{escape(label)}</button>'


def named(label: str, of: str) -> str:
    """The attribute that names one of several alike; "" where `of` is."""
    return f' aria-label="{escape(f"{label}: {of}")}"' if of else ""
