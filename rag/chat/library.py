"""The collections of a home as the page needs them: each opened when it is first used."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from index import snapshot
from index.errors import CollectionError, SpanwiseError
from index.home import collections, existing_collection
from index.retrieve import Retriever
from index.types import Document, Encoder, Manifest
from rag.abstain import FILE
from rag.chat.paint import paint
from rag.memory import Memory
from rag.read import Reader
from rag.service import Service
from rag.settings import Settings

DEMO = "seeds/000_d39b82a70d207427.txt"
MOST_BYTES = 500_000_000
"""Of a PDF that is shown as it looks."""
PICTURES = 8
"""Of pages, kept to be shown again: each takes a process to make."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A collection as listed."""

    name: str
    documents: int
    passages: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """What confidences mean: the questions they were fitted on, and from where on to answer."""

    on: str
    threshold: float


class Library:
    """The collections of one home, with one reader and one encoder of a kind for all of them.

    Safe to share between threads. `memory` is None where nothing is to be remembered.
    """

    def __init__(self, settings: Settings, memory: Memory | None = None) -> None:
        self.settings = settings
        self.memory = memory
        self.reader = Reader(settings.reader)
        self._lock = threading.Lock()
        self._services: dict[str, Service] = {}
        self._encoders: dict[str, Encoder] = {}
        self._pictures: dict[tuple[str, int, int, int], bytes] = {}

    @property
    def home(self) -> Path:
        """The home folder."""
        return self.settings.home

    def shelves(self) -> list[Shelf]:
        """Every collection, by name; one that cannot be read counts nothing."""
        found = []
        for name in collections(self.home):
            try:
                manifest = read_manifest(self.home / "collections" / name)
                found.append(Shelf(name, manifest.documents, manifest.passages))
            except (SpanwiseError, OSError, ValueError, KeyError):
                found.append(Shelf(name, 0, 0))
        return found

    def default(self) -> str | None:
        """The collection that the page begins with; None if there is none at all."""
        names = collections(self.home)
        if self.settings.collection in names:
            return self.settings.collection
        try:
            return existing_collection(self.home, None).name if names else None
        except CollectionError:
            return names[0]

    def service(self, name: str) -> Service:
        """The collection of this name, opened.

        Raises:
            CollectionError: there is none.
            CorruptIndexError, IndexMismatchError: it cannot be read.
        """
        folder = existing_collection(self.home, name)
        with self._lock:
            if name not in self._services:
                retriever = Retriever(folder)
                # One set of weights in memory for all collections made with the same encoder.
                known = self._encoders.setdefault(retriever.encoder.name, retriever.encoder)
                retriever.encoder = known
                settings = replace(self.settings, collection=name)
                self._services[name] = Service(retriever, self.reader, settings)
            return self._services[name]

    def is_demo(self, name: str) -> bool:
        """Whether the collection holds the demo corpus, for which there are example questions."""
        try:
            with self.service(name).retriever.generation() as found:
                return found.store.document_by_path(DEMO) is not None
        except SpanwiseError:  # the first question will say what is wrong
            return False

    def document(self, name: str, doc_id: str) -> Document:
        """A stored document. KeyError if it is not, or no longer, in the collection."""
        with self.service(name).retriever.generation() as found:
            return found.document(doc_id)

    def is_as_indexed(self, name: str, document: Document) -> bool:
        """Whether the file is still the one that was read."""
        return self._bytes_as_indexed(name, document) is not None

    def page_picture(self, name: str, document: Document, start: int, end: int) -> bytes | None:
        """PNG of the PDF's page with the span boxed; None unless the file is the one indexed."""
        page = document.page(start)
        data = self._bytes_as_indexed(name, document)
        if page is None or data is None or not is_pdf(document):
            return None
        key = document.sha256, page, start, end
        picture = self._pictures.get(key)
        picture = picture or paint(data, document.page_starts[page - 1], page, start, end)
        if picture is not None:
            with self._lock:
                self._pictures.pop(key, None)
                self._pictures[key] = picture  # the one used last comes last
                for oldest in list(self._pictures)[:-PICTURES]:
                    del self._pictures[oldest]
        return picture

    def _bytes_as_indexed(self, name: str, document: Document) -> bytes | None:
        file = self._file(name, document)
        try:
            data = file.read_bytes() if file and file.stat().st_size <= MOST_BYTES else b""
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == document.sha256 else None

    def _file(self, name: str, document: Document) -> Path | None:
        """The file that a document was read from, if its root is still known."""
        with self.service(name).retriever.generation() as found:
            roots = found.manifest.roots
        root, _, below = document.path.partition("/")
        if root not in roots:
            return None
        folder = Path(roots[root])
        return folder if folder.is_file() else folder / below

    def calibration(self, name: str) -> Calibration | None:
        """What the confidences of a collection's answers mean; None where there are none."""
        service = self.service(name)
        fitted = service.calibrator()
        if fitted is None:
            return None
        own = (service.retriever.folder / FILE).exists()
        count = re.search(r"\(([\d,]+) questions\)$", fitted.fitted_on)
        number = f"{count.group(1)} " if count else ""
        of = f"your {number}questions" if own else f"our {number}test questions"
        return Calibration(of, fitted.threshold(self.settings.max_risk))

    def warm_up(self) -> None:
        """Load every model now rather than at the first question."""
        name = self.default()
        if name is not None:
            self.service(name).warm_up()

    def close(self) -> None:
        """Let everything go."""
        with self._lock:
            for service in self._services.values():
                service.close()
            self._services.clear()
        if self.memory is not None:
            self.memory.close()


def is_pdf(document: Document) -> bool:
    """Whether the document has pages that can be shown."""
    return document.path.casefold().endswith(".pdf") and bool(document.page_starts)


def read_manifest(folder: Path) -> Manifest:
    """That of a collection's current generation."""
    return snapshot.read_manifest(snapshot.generation_folder(folder, snapshot.current(folder)))
