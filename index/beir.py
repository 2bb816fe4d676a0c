"""A BEIR corpus: ``corpus.jsonl``, each line a document ``{"_id", "title", "text"}``.

A row is indexed as a document of its own, whose path is that of the file, ``#`` and the row's id:
``scifact/corpus.jsonl#4983``. The layout is that of Thakur et al. 2021, "BEIR".
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader

from index.parsed import MAX_TITLE, UnreadableError
from index.types import Skipped

CORPUS = "corpus.jsonl"
BESIDE = ("queries.jsonl", "queries.jsonl.gz", "qrels")
"""What lies beside a corpus and is no document."""
NOT_A_ROW = "no JSON object with _id and text"
_SEPARATOR = f"{CORPUS}#"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row lies in the file: `size` bytes from `start`, with their hash."""

    id: str
    start: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Row:
    """A document of the corpus. A row without text but with a title has the title as its text."""

    id: str
    title: str | None
    text: str


def places(
    file: BufferedReader, path: str, longest: int, taken: set[str]
) -> Iterator[Place | Skipped]:
    """Every row of a corpus, and every line that is none; blank lines are passed over.

    If the first line is no row, the whole file is skipped. One line is in memory at a time.

    Args:
        file: at its beginning.
        path: of the file, for what is skipped.
        longest: bytes; a longer line is skipped.
        taken: names in the folder; those of the rows, NFC, are added.

    Raises:
        OSError: the file cannot be read.
    """
    known = False
    for number, start, data in _lines(file, longest):
        found = _place(f"{path}, line {number}", start, data, longest, taken)
        if not known and isinstance(found, Skipped):
            yield Skipped(path, f"not a BEIR corpus: line {number}: {found.reason}", found.mend)
            return
        known = True
        yield found
    if not known:
        yield Skipped(path, "empty")


def row(data: bytes) -> Row:
    """The row in a line.

    >>> row(b'{"_id": "7", "title": "Dams", "text": "The dam broke."}')
    Row(id='7', title='Dams', text='The dam broke.')

    Raises:
        UnreadableError: it is none.
    """
    try:
        found = json.loads(data.decode("utf-8-sig"))
        ident, text, title = found["_id"], found["text"], found.get("title")
        if not isinstance(ident, str | int) or isinstance(ident, bool) or not str(ident).strip():
            raise TypeError
        str(ident).encode()  # half of a surrogate pair is no character of a path
        if not isinstance(text, str):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        mend = "Correct the line, or take it out."
        raise UnreadableError(NOT_A_ROW, mend) from None
    title = " ".join(_characters(title).split()) if isinstance(title, str) else ""
    return Row(str(ident), title[:MAX_TITLE] or None, _characters(text) if text.strip() else title)


def path_of(file: str, ident: str) -> str:
    """Path of the document that is a row of the corpus at the path `file`."""
    return f"{file}#{ident}"


def id_of(path: str) -> str | None:
    """Id of the row at a document's path; None if the document is a whole file.

    >>> id_of("scifact/corpus.jsonl#4983"), id_of("seeds/a#b.txt")
    ('4983', None)
    """
    before, found, ident = path.partition(_SEPARATOR)
    return ident if found and (not before or before.endswith("/")) else None


def file_of(path: str) -> str:
    """Path of the file that a document's path is about: without the row, if it names one."""
    ident = id_of(path)
    return path if ident is None else path[: -len(ident) - 1]


def _lines(file: BufferedReader, longest: int) -> Iterator[tuple[int, int, bytes | None]]:
    """(number from 1, start in bytes, the line without its break; None for one too long)."""
    number = start = 0
    most = longest + 2  # the line break may be two bytes
    while data := file.readline(most):
        number, begun, piece = number + 1, start, data
        start += len(data)
        while len(piece) == most and not piece.endswith(b"\n"):
            piece = file.readline(most)
            start += len(piece)
        stripped = data.rstrip(b"\r\n")
        if piece is not data or len(stripped) > longest:
            yield number, begun, None
        elif stripped.strip():
            yield number, begun, stripped


def _place(
    where: str, start: int, data: bytes | None, longest: int, taken: set[str]
) -> Place | Skipped:
    if data is None:
        return Skipped(where, f"longer than {longest:,} bytes", "Raise the limit: --max-bytes")
    try:
        ident = row(data).id
    except UnreadableError as error:
        return Skipped(where, error.reason, error.mend)
    name = unicodedata.normalize("NFC", path_of(CORPUS, ident))
    if name in taken:
        return Skipped(where, f"the _id {ident!r} is another document's", "Give it its own.")
    taken.add(name)
    return Place(ident, start, len(data), hashlib.sha256(data).hexdigest())


def _characters(text: str) -> str:
    r"""The text with U+FFFD for halves of surrogate pairs, which JSON can write: ``"\ud800"``."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
