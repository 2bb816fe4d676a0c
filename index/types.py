"""The nouns of retrieval. This file imports nothing of ours.

All offsets count Unicode code points of `Document.text`, half open: ``text[start:end]``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:  # most of the time that `import index` would take
    import numpy as np
    from numpy.typing import NDArray

Vectors: TypeAlias = "NDArray[np.float32]"
Channel = Literal["hybrid", "lexical", "dense"]

BOILERPLATE = "boilerplate"
HEADING = "heading"


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a document of one kind: ``"boilerplate"`` or ``"heading"``."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Document:
    """One file, as extracted and never rewritten.

    Attributes:
        id: hash of `path`; a renamed file is a new document.
        path: the root's name and the path below it, POSIX, NFC: ``seeds/000.txt``; for a row of a
            BEIR corpus with its id: ``scifact/corpus.jsonl#4983``.
        text: for .txt and .md the decoded file without its byte-order mark; for a PDF each
            page's characters in the library's own order.
        sha256: of the bytes of the file, or of the row's line, hexadecimal.
        title: as the document gives it, or None.
        date: publication date as the document gives it, ISO 8601 (``2017-08-05``), or None.
        page_starts: offset at which each page begins; empty where there are no pages.
        marks: headings and boilerplate, sorted by start.
    """

    id: str
    path: str
    text: str
    sha256: str
    title: str | None = None
    date: str | None = None
    page_starts: tuple[int, ...] = ()
    marks: tuple[Mark, ...] = ()

    def page(self, offset: int) -> int | None:
        """Page number, from 1, of the character at `offset`; None where there are no pages."""
        if not self.page_starts:
            return None
        return max(1, sum(1 for start in self.page_starts if start <= offset))


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document, searched and read as one: ``text == document.text[start:end]``.

    `section` is the nearest heading above it, or "". `boilerplate` passages are returned only
    when the filter asks for them. `path` is the document's.
    """

    id: str
    doc_id: str
    start: int
    end: int
    text: str
    section: str = ""
    boilerplate: bool = False
    path: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question. `rank` counts from 1.

    `via` holds the rank that each channel gave it, for the channels that found it:
    ``{"lexical": 3, "dense": 1}``. `score` is that of the fusion (or of the one channel asked),
    higher is better, rounded to 6 digits.
    """

    passage: Passage
    score: float
    rank: int
    via: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that was not indexed, and why. `mend` is the deed that would change it.

    `passing`: it cannot be read just now, so that what was indexed of it before is kept.
    """

    path: str
    reason: str
    mend: str = ""
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """Which passages may be returned. Plain data; an empty filter lets every text passage pass.

    Attributes:
        paths: glob patterns over `Document.path` (``seeds/*.txt``), any of which must match.
        types: file endings without the dot (``pdf``), any of which must match.
        after, before: publication date, inclusive; undated documents fall out.
        phrases: each must stand in the passage, as whole words in a row; case, accents and what
            stands between the words are ignored.
        without: none may stand in the passage, compared in the same way.
        boilerplate: return passages of boilerplate too.
        documents: ids of documents; those that are not there find nothing.
        titles: glob patterns over `Document.title` (``*council*``), case ignored, any of which
            must match; documents without a title fall out.

    Raises:
        TypeError: a single text where several are meant, or a day that is no `datetime.date`.
    """

    paths: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    after: date | None = None
    before: date | None = None
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    boilerplate: bool = False
    documents: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("paths", "types", "phrases", "without", "documents", "titles"):
            given = getattr(self, name)
            if isinstance(given, str):  # would be taken letter by letter
                raise TypeError(f"Filter.{name} holds several: write ({given!r},)")
            object.__setattr__(self, name, tuple(given))
        for name in ("after", "before"):
            day = getattr(self, name)
            if isinstance(day, datetime):
                object.__setattr__(self, name, day.date())
            elif not (day is None or isinstance(day, date)):
                raise TypeError(f"Filter.{name} is a datetime.date, not {day!r}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation was made with and of. Written as JSON; see `index.snapshot`."""

    schema: int
    generation: int
    created: str
    encoder: Mapping[str, object]
    tokeniser: Mapping[str, object]
    bm25: Mapping[str, object]
    chunking: Mapping[str, object]
    roots: Mapping[str, str]
    """Name of each root, which begins the paths of its documents, to its folder."""
    excluded: Mapping[str, str]
    """Path of each document that the user removed, to the name of its root."""
    documents: int
    passages: int
    files: Mapping[str, Mapping[str, object]]
    """Of all but the manifest: ``{"store.sqlite": {"size": 4096, "mtime_ns": …, "sha256": …}}``."""


class Encoder(Protocol):
    """Text to vectors of any length, the same bits whatever the batch or the threads."""

    @property
    def name(self) -> str:
        """What `Retriever.open` finds the encoder by: a name or a folder."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """The most tokens of text it reads, special tokens not counted."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes when the vectors would: hash of weights, runtime and precision."""
        ...

    def passages(self, texts: Sequence[str]) -> Vectors:
        """float32 (len(texts), dim)."""
        ...

    def queries(self, texts: Sequence[str]) -> Vectors:
        """float32 (len(texts), dim)."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted, nothing truncated."""
        ...


Ranking = list[tuple[str, float]]
"""(passage id, score), best first, ties by id; a passage without evidence is not in it."""


class Backend(Protocol):
    """What can be searched: the local snapshot now, a remote engine later."""

    @property
    def manifest(self) -> Manifest:
        """What it was made with and of."""
        ...

    def search_text(self, text: str, k: int, where: Filter) -> Ranking:
        """The best `k` by BM25 among those that pass the filter."""
        ...

    def search_vector(self, vector: Vectors, k: int, where: Filter) -> Ranking:
        """The best `k` by cosine among those that pass the filter; `vector` is (dim,)."""
        ...

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """In the order asked; KeyError for an unknown id."""
        ...

    def document(self, doc_id: str) -> Document:
        """KeyError for an unknown id."""
        ...


def document_id(path: str) -> str:
    """Id of the document at `path` (root's name in front): it survives every rebuild."""
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def passage_id(doc_id: str, start: int, end: int, text: str) -> str:
    """Id of a passage: the same words at the same place of the same document, whenever built."""
    return hashlib.sha256(
        f"{doc_id}\0{start}\0{end}\0{text}".encode("utf-8", "surrogatepass")
    ).hexdigest()[:20]
