"""A collection of a few small files, opened as the chat opens it, without models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from samples import pdf
from tiny import WordEncoder, write_files

from index import sync
from rag.chat.library import Library
from rag.memory import Memory
from rag.settings import Settings

LINES = [["Nothing of note."], ["The ferry Aurora sank in Porto."]]
PAPERS = {"a.pdf": pdf(LINES, "The <b>ferry</b>"), "b.md": "A dam broke."}


@contextmanager
def harbour(folder: Path, files: Mapping[str, str | bytes] = PAPERS) -> Iterator[Library]:
    """`files`, written below ``folder / "papers"``, as the collection "harbour"."""
    papers, home = write_files(folder / "papers", files), folder / "home"
    sync(papers, home, WordEncoder(), "harbour")
    opened = Library(Settings(home), Memory.open(home))
    opened.service("harbour").retriever.encoder = WordEncoder()
    yield opened
    opened.close()
