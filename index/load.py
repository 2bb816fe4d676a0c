"""A folder's files as documents: one small loader per format, and none can stop a build.

>>> for item in load_folder(Path("seeds")):                          # doctest: +SKIP
...     print(item.path, item.reason if isinstance(item, Skipped) else item.title)
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from bisect import bisect_right
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Self

from index import beir, byline, clean
from index.child import Child, ChildDiedError
from index.decode import decode
from index.parsed import Parsed, UnreadableError, check_length
from index.scan import DEFAULT_LIMITS, Entry, Found, Limits, open_regular, scan
from index.types import HEADING, Document, Mark, Skipped, document_id

log = logging.getLogger("spanwise.load")

_MARKDOWN = (".md", ".markdown")
_PARSED_BY = {".pdf": "pdf", ".docx": "docx", ".html": "html", ".htm": "html"}
_HASHES_OR_FENCE = re.compile(r"^ {0,3}(#{1,6}(?=[ \t])|```+|~~~+)", re.MULTILINE)
_MAX_HEADING = 300


def load_folder(root: Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[Document | Skipped]:
    """Every document of `root`, in the order of `scan`. Raises FolderError, at the call."""
    return _load_all(scan(root, None, limits), limits)


def _load_all(entries: Iterator[Entry], limits: Limits) -> Iterator[Document | Skipped]:
    with Loader(limits) as loader:
        for entry in entries:
            if isinstance(entry, Found):
                yield loader.load(entry)
            elif isinstance(entry, Skipped):
                yield entry


class Loader:
    """Reads files that `scan` found. Owns the parser's process, which starts at first need.

    For one thread at a time. Close it, or use it in a ``with`` statement.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._child: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the parser's process. The loader can be used again all the same."""
        if self._child:
            self._child.close()
            self._child = None

    def load(self, found: Found) -> Document | Skipped:
        """The document, or why there is none. No file, however bad, raises."""
        try:
            data = _read(found)
            if not data:
                raise UnreadableError("empty")
            parsed = self._parsed(found, data)
            if parsed.lost:
                log.warning("%s: %s", found.path, parsed.lost)
            return _document(found, data, parsed, self._limits)
        except UnreadableError as error:
            passing = isinstance(error, _PassingError)
            return Skipped(found.path, error.reason, error.mend, passing)

    def _parsed(self, found: Found, data: bytes) -> Parsed:
        if found.sha256:
            row = beir.row(data)
            return Parsed(row.text, row.title)
        ending = found.file.suffix.lower()
        if ending in _PARSED_BY:
            return self._parsed_apart(_PARSED_BY[ending], data)
        text = decode(data)
        if text is None:
            mend = "Is it text? Give it the ending of its type."
            raise UnreadableError("binary content", mend)
        return Parsed(text, headings=_atx_headings(text) if ending in _MARKDOWN else ())

    def _parsed_apart(self, kind: str, data: bytes) -> Parsed:
        fresh = self._child is None
        try:
            return self._asked(kind, data)
        except ChildDiedError as error:
            if fresh or error.slow:
                raise
        # The files before it may have worn the child out; the verdict must not depend on them.
        return self._asked(kind, data)

    def _asked(self, kind: str, data: bytes) -> Parsed:
        self._child = self._child or Child(self._limits)
        try:
            return self._child.parse(kind, data)
        except UnreadableError as error:
            if isinstance(error, ChildDiedError):
                self.close()
            raise
        except BaseException:  # interrupted: whatever it sends next would answer this file
            self.close()
            raise


class _PassingError(UnreadableError):
    """The file cannot be read just now."""


def _read(found: Found) -> bytes:
    """The bytes of the file, all of one moment; of a row of a BEIR corpus those of its line."""
    try:
        with open_regular(found.file) as handle:
            if found.sha256:
                handle.seek(found.start)
                return _as_scanned(found, handle.read(found.size))
            before = os.fstat(handle.fileno())
            data = handle.read(found.size + 1)
            after = os.fstat(handle.fileno())
    except FileNotFoundError:
        raise _PassingError("vanished while it was being read", "Run the command again.") from None
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise _PassingError(reason, "Check its permissions.") from None
    unchanged = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if len(data) != found.size or not unchanged:
        raise _PassingError("changed while it was being read", "Run the command again.")
    return data


def _as_scanned(found: Found, data: bytes) -> bytes:
    if hashlib.sha256(data).hexdigest() != found.sha256:
        raise _PassingError("changed while it was being read", "Run the command again.")
    return data


def _document(found: Found, data: bytes, parsed: Parsed, limits: Limits) -> Document:
    text = parsed.text
    check_length(text, limits.max_chars)
    if not text.strip():
        raise UnreadableError("empty: nothing but white space")
    boilerplate = clean.mark(text)
    headings = _headings_outside(boilerplate, parsed)
    marks = tuple(sorted(boilerplate + headings, key=attrgetter("start")))
    title, date, at = parsed.title, parsed.date, 0
    ending = found.file.suffix.lower()
    if ending in _MARKDOWN:
        fields, at = byline.front_matter(text)
        title = fields.get("title")
        date = byline.full_date(fields.get("date") or fields.get("published") or "")
    if ending not in _PARSED_BY and not found.sha256:
        title = title or byline.title(text, marks, at)
    return Document(
        id=document_id(found.path),
        path=found.path,
        text=text,
        sha256=hashlib.sha256(data).hexdigest(),
        title=title,
        date=date or byline.publication_date(text, marks, at),
        page_starts=parsed.page_starts,
        marks=marks,
    )


def _headings_outside(boilerplate: list[Mark], parsed: Parsed) -> list[Mark]:
    """The headings that are not themselves boilerplate, such as "Related articles"."""
    starts = [mark.start for mark in boilerplate]
    headings = []
    for start, end in parsed.headings:
        before = bisect_right(starts, start) - 1
        if before < 0 or boilerplate[before].end <= start:
            headings.append(Mark(start, end, HEADING))
    return headings


def _atx_headings(text: str) -> tuple[tuple[int, int], ...]:
    """(start, end) of the words of each ``# heading`` of a Markdown text outside its code."""
    found = []
    fence = ""
    for match in _HASHES_OR_FENCE.finditer(text):
        sign = match[1]
        if sign[0] != "#":
            if not fence:
                fence = sign
            elif sign.startswith(fence):
                fence = ""
        elif not fence:
            end = text.find("\n", match.end())
            line = text[match.end() : end if end >= 0 else len(text)]
            words = line.rstrip().rstrip("#").rstrip() or line.strip()
            start = match.end() + len(line) - len(line.lstrip())
            end = match.end() + len(words)
            if 0 < end - start <= _MAX_HEADING:
                found.append((start, end))
    return tuple(found)
