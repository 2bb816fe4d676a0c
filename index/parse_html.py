"""HTML: trafilatura's main text, or else all that shows. Runs in the process of `index.parse`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import trafilatura
from lxml import etree, html

from index.byline import full_date
from index.decode import decode
from index.parsed import Parsed, UnreadableError, real_title

# Both vocabularies: HTML's own, and that of the trees trafilatura gives back.
_HEADINGS = frozenset(["head", "h1", "h2", "h3", "h4", "h5", "h6"])
_PARAGRAPHS = _HEADINGS | frozenset(
    "address article aside blockquote body caption details div dl fieldset figcaption figure footer"
    " form header hr list main nav ol p pre quote section summary table ul".split()
)
_LINES = frozenset(["br", "dd", "dt", "item", "lb", "li", "option", "row", "td", "th", "tr"])
_ROWS, _CELLS = frozenset(["row", "tr"]), frozenset(["cell", "td", "th"])
_AS_TYPED = frozenset(["code", "pre", "quote"])  # line breaks in them count
_UNSEEN = (
    "//script|//style|//noscript|//template|//svg|//math|//iframe|//object|//head|//textarea"
    "|//*[@hidden]|//*[contains(translate(@style, ' ', ''), 'display:none')]"
)
# In a cell of a layout table stand whole parts of the page; a row of data has none of these.
_LAYOUT = ("table", "list", "ul", "ol", "head", "h1", "h2", "h3", "h4", "quote", "blockquote")

_CHARSET = re.compile(rb"<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)")
_PUBLISHED = frozenset(
    """
    article:published_time og:article:published_time article:published article.published
    datepublished date pubdate publishdate publish-date publish_date publication_date
    publication-date citation_publication_date citation_date citation_online_date
    dc.date dc.date.issued dcterms.date dcterms.issued dcterms.available prism.publicationdate
    parsely-pub-date sailthru.date published published_at release_date
    """.split()
)
_JSON_PUBLISHED = re.compile(r'"datePublished"\s*:\s*"([^"]{4,40})"')

MOST_ELEMENTS = 50_000
"""Of a page whose main text is looked for: trafilatura's time grows with their square."""

# What lxml refuses to put into a tree, though libxml2 reads it.
_NOT_XML = dict.fromkeys(
    [*(c for c in range(32) if c not in b"\t\n\f\r"), 0xFFFE, 0xFFFF], "\ufffd"
)
_SPACES = re.compile(r"[ \t\r\n\f]+")


def parse(data: bytes, max_bytes: int) -> Parsed:
    """Blocks are set apart by a blank line; a table's row is a line, cells between " | "."""
    page = _page(data)
    title, date = _title(page), _publication_date(page)
    body = _main(page)
    text = _Text()
    if body is not None:
        text.read(body)
    if body is None or len(body) <= 1:
        everything = _Text()
        everything.read(page, set(page.xpath(_UNSEEN)))
        # One block is what trafilatura makes of a page it does not understand.
        if everything.length <= 2 * text.length or not text.parts:
            text = everything
    if not text.parts:
        raise UnreadableError("no text (scripts only?)", "Save the page from the browser as text.")
    return Parsed("".join(text.parts), title, date, headings=tuple(text.headings))


def _page(data: bytes) -> Any:  # noqa: ANN401
    """The page as a tree. UnreadableError if it has no text or cannot be read to its end."""
    charset = _CHARSET.search(data, 0, 4096)
    text = decode(data, charset[1].decode("ascii") if charset else None)
    if text is None:
        raise UnreadableError("binary content", "Is it HTML?")
    # One encoding for the parser, so that no declaration in the page can change what is decoded;
    # huge_tree, since without it libxml2 drops what follows a text of 10 MB.
    parser = html.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        page = html.document_fromstring(text.translate(_NOT_XML).encode(), parser=parser)
    except etree.ParserError:
        raise UnreadableError("no text") from None
    except etree.XMLSyntaxError:  # libxml2 recovers from all but a lack of memory
        raise MemoryError from None
    trouble = {entry.type_name for entry in parser.error_log}
    if "ERR_NO_MEMORY" in trouble:
        raise MemoryError
    if "ERR_RESOURCE_LIMIT" in trouble:
        reason = "its elements are nested too deep to be read to the end"
        raise UnreadableError(reason, "Save the page from the browser as text.")
    return page


def _main(page: Any) -> Any:  # noqa: ANN401
    """The tree of the main text; None if trafilatura finds none, or would take too long."""
    if sum(1 for _ in page.iter()) > MOST_ELEMENTS:
        return None
    try:
        found = trafilatura.bare_extraction(page, include_comments=False)
    except (ValueError, TypeError, AttributeError, LookupError, etree.LxmlError, RecursionError):
        return None  # it stumbled: all that shows is still there to be read
    return getattr(found, "body", None)


def _title(page: Any) -> str | None:  # noqa: ANN401
    """What the page calls itself, without the site's name where its heading tells them apart."""
    shared = page.xpath("string(//meta[@property='og:title']/@content)")
    if title := real_title(shared):
        return title
    title = real_title(page.findtext(".//title"))
    heading = real_title(" ".join(page.xpath("string(//h1)").split()))
    return heading if heading and (not title or heading in title) else title


def _publication_date(page: Any) -> str | None:  # noqa: ANN401
    """The first full date that the page gives as that of its publication."""
    for value in _date_candidates(page):
        if found := full_date(value):
            return found
    return None


def _date_candidates(page: Any) -> Iterator[str]:  # noqa: ANN401
    for element in page.iter("meta"):
        keys = {(element.get(key) or "").lower() for key in ("name", "property", "itemprop")}
        if keys & _PUBLISHED:
            yield element.get("content") or ""
    for script in page.iter("script"):
        if "json" in (script.get("type") or ""):
            yield from _JSON_PUBLISHED.findall(script.text or "")
    times = list(page.iter("time"))
    for element in times:
        if element.get("itemprop") == "datePublished" or element.get("pubdate") is not None:
            yield element.get("datetime") or element.text_content()
    # Of other times only the one that no second contradicts.
    yield " ; ".join((time.get("datetime") or "")[:10] for time in times)


class _Text:
    """Turns a tree into text: pieces, with the gap that the elements between them ask for."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.headings: list[tuple[int, int]] = []
        self.length = 0
        self._gap = ""
        self._heading_start: int | None = None
        self._in_heading = False

    def read(self, tree: Any, unseen: Collection[Any] = ()) -> None:  # noqa: ANN401
        """Add `tree` but for `unseen`, without recursion: pages nest deeper than Python does."""
        typed = 0  # how many elements are open whose line breaks count
        walk = etree.iterwalk(tree, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if event == "start":
                self._open(tag)
                typed += tag in _AS_TYPED
                if element in unseen:
                    walk.skip_subtree()
                elif tag in _ROWS and next(element.iter(*_LAYOUT), None) is None:
                    self._add(_row(element), typed=False)
                    walk.skip_subtree()
                else:
                    self._add(element.text, typed > 0)
            else:
                typed -= tag in _AS_TYPED
                self._close(tag)
                if element is not tree:
                    self._add(element.tail, typed > 0)

    def _open(self, tag: str) -> None:
        self._widen("\n\n" if tag in _PARAGRAPHS else "\n" if tag in _LINES else "")
        if tag in _HEADINGS:
            self._in_heading = True

    def _close(self, tag: str) -> None:
        if tag in _HEADINGS:
            if self._heading_start is not None:
                self.headings.append((self._heading_start, self.length))
            self._in_heading, self._heading_start = False, None
        self._widen("\n\n" if tag in _PARAGRAPHS else "\n" if tag in _LINES else "")

    def _widen(self, gap: str) -> None:
        if self._in_heading:
            gap = gap and " "  # a heading is one line
        if (gap.count("\n"), gap) > (self._gap.count("\n"), self._gap):
            self._gap = gap

    def _add(self, text: str | None, typed: bool) -> None:
        """Add a piece; white space at its ends widens the gaps around it instead."""
        text = text or ""
        if not typed:
            text = _SPACES.sub(" ", text)
        piece = text.strip(" \t\r\n\f")
        if piece:
            self._widen(_gap_of(text[: text.index(piece[0])]))
            if self.parts:
                self._put(self._gap)
            if self._in_heading and self._heading_start is None:
                self._heading_start = self.length
            self._put(piece)
            self._gap = ""
            text = text[text.rindex(piece[-1]) + 1 :]
        self._widen(_gap_of(text))

    def _put(self, piece: str) -> None:
        self.parts.append(piece)
        self.length += len(piece)


def _gap_of(white: str) -> str:
    return "\n" if "\n" in white else " " if white else ""


def _row(row: Any) -> str:  # noqa: ANN401
    """The cells of a row of data on one line, the empty ones too."""
    cells = []
    for cell in row.iterchildren(*_CELLS):
        text = _Text()
        text.read(cell)
        cells.append(" ".join("".join(text.parts).split()))
    return " | ".join(cells) if any(cells) else ""
