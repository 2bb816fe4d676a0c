"""Word documents: paragraphs and tables in their order. Runs in the process of `index.parse`."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import docx
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from lxml import etree

from index.parsed import Parsed, UnreadableError, real_title

UNPACKED = 10
"""Times `max_bytes` that the parts may hold together, unpacked."""

_OLE = b"\xd0\xcf\x11\xe0"  # an encrypted .docx, or an old .doc
_P, _TABLE, _ROW, _CELL = qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
_TEXTS = (qn("w:t"), qn("m:t"))
_SIGNS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
# Deleted text, the old half of a move, settings, and the second copy of a text box.
_UNSEEN = frozenset(
    [qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), qn("w:rPr"), qn("w:sectPr")]
    + ["{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"]
)
_HEADING = re.compile(r"title|heading \d", re.IGNORECASE)
# What python-docx has been seen to raise for files that are no Word documents.
_BREAKAGES = (
    *(ValueError, LookupError, AttributeError, TypeError),
    *(zipfile.BadZipFile, etree.LxmlError, OpcError),
)
_NO_MEMORY = etree.ErrorTypes.ERR_NO_MEMORY
_BROKEN = ("broken docx", "Open it in a word processor and save it anew.")


def parse(data: bytes, max_bytes: int) -> Parsed:
    """Paragraphs are set apart by a blank line; a table's row is a line, cells between " | ".

    No date: the file's properties tell when it was made and saved, not when it was published.
    """
    _check(data, UNPACKED * max_bytes)
    try:
        document = docx.Document(BytesIO(data))
    except _BREAKAGES as error:
        if getattr(error, "code", None) == _NO_MEMORY:
            raise MemoryError from None
        raise UnreadableError(*_BROKEN) from None
    heading_styles = _heading_styles(document)
    pieces: list[str] = []
    headings: list[tuple[int, int]] = []
    at = 0
    for block in _find(document.element.body, _P, _TABLE):
        if block.tag == _TABLE:
            text = "\n".join(filter(None, map(_row, _find(block, _ROW))))
        else:
            text = _text(block).strip("\n")
        if not text.strip():
            continue
        if block.tag == _P and block.style in heading_styles:
            start = at + len(text) - len(text.lstrip())
            headings.append((start, at + len(text.rstrip())))
        pieces.append(text)
        at += len(text) + 2
    if not pieces:
        raise UnreadableError("no text")
    text = "\n\n".join(pieces)
    title = real_title(document.core_properties.title)
    if not title and headings:
        title = real_title(text[slice(*headings[0])])
    return Parsed(text, title, headings=tuple(headings))


def _check(data: bytes, most: int) -> None:
    """Refuse, before any XML is parsed, what is encrypted, a bomb, or declares entities."""
    if data.startswith(_OLE):
        mend = "Save it as .docx without a password."
        raise UnreadableError("encrypted with a password, or an old .doc", mend)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            size = sum(info.file_size for info in archive.infolist())
            if size > most:
                mend = f"Raise the limit: --max-bytes {-(-size // UNPACKED)}"
                raise UnreadableError(f"unpacks to {size:,} bytes, over {most:,}", mend)
            for info in archive.infolist():
                _check_part(archive, info)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError):
        raise UnreadableError(*_BROKEN) from None


def _check_part(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    tail = b""
    with archive.open(info) as part:
        # In pieces: a part that holds more than it declares is never unpacked at once, and
        # its checksum fails at the end of what it declared.
        while piece := part.read(1 << 16):
            window = tail + piece.replace(b"\0", b"")  # UTF-16 is read as ASCII this way
            if b"<!DOCTYPE" in window:
                raise UnreadableError(f"{info.filename} declares a document type, as no docx does")
            tail = window[-8:]


def _heading_styles(document: Any) -> set[str]:  # noqa: ANN401
    """Ids of the styles that are headings or built on one."""
    found = set()
    for style in document.styles:
        if style.type != WD_STYLE_TYPE.PARAGRAPH:
            continue
        base = style
        for _ in range(10):  # styles may be based on one another in a circle
            if base is None:
                break
            if _HEADING.fullmatch(base.name or ""):
                found.add(style.style_id)
            base = base.base_style
    return found


def _find(parent: Any, *tags: str) -> Iterator[Any]:  # noqa: ANN401
    """The outermost elements of these tags, those in content controls and insertions too."""
    for child in parent:
        if child.tag in tags:
            yield child
        elif child.tag not in _UNSEEN:
            yield from _find(child, *tags)


def _text(element: Any) -> str:  # noqa: ANN401
    """What an element shows; a paragraph inside it (of a text box) is on lines of its own."""
    parts: list[str] = []
    for child in element:
        if child.tag in _TEXTS:
            parts.append(child.text or "")
        elif child.tag in _SIGNS:
            parts.append(_SIGNS[child.tag])
        elif child.tag == _P:
            parts.append(f"\n{_text(child)}\n")
        elif child.tag not in _UNSEEN:
            parts.append(_text(child))
    return "".join(parts)


def _row(row: Any) -> str:  # noqa: ANN401
    cells = [" ".join(_text(cell).split()) for cell in _find(row, _CELL)]
    return " | ".join(cells) if any(cells) else ""
