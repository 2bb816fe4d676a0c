"""Documents, passages and the file ledger in SQLite, sealed with its generation.

Written once, then opened read-only and immutable; an older schema is rebuilt, never migrated.
Passages are numbered by row: first all text, then all boilerplate, so that the rows that a
question searches by default are one slice.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from index.beir import file_of
from index.terms import fold, in_a_row
from index.types import Document, Filter, Mark, Passage

SCHEMA = 1
FILE = "store.sqlite"
Status = Literal["indexed", "skipped", "excluded"]
Rows = slice | NDArray[np.int64]

_TABLES = """
CREATE TABLE documents (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, path TEXT NOT NULL UNIQUE,
    root TEXT NOT NULL, text TEXT NOT NULL, sha256 TEXT NOT NULL, title TEXT, date TEXT,
    page_starts TEXT NOT NULL, marks TEXT NOT NULL);
CREATE TABLE passages (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document INTEGER NOT NULL,
    start INTEGER NOT NULL, end INTEGER NOT NULL, text TEXT NOT NULL, section TEXT NOT NULL,
    boilerplate INTEGER NOT NULL, context TEXT NOT NULL, vector_key BLOB NOT NULL);
CREATE INDEX passages_document ON passages (document);
CREATE TABLE ledger (
    path TEXT PRIMARY KEY, root TEXT NOT NULL, status TEXT NOT NULL, sha256 TEXT NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, read_ns INTEGER NOT NULL,
    limits TEXT NOT NULL, reason TEXT NOT NULL, mend TEXT NOT NULL);
"""
_DOCUMENT = "id, path, text, sha256, title, date, page_starts, marks"
_PASSAGE = "p.id, d.id, p.start, p.end, p.text, p.section, p.boilerplate, d.path"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of a file: stamp, outcome, and the limits it was read under.

    `read_ns` is when it was read: a file whose time is not clearly older may have changed within
    the clock's grain, and is hashed again.
    """

    path: str
    root: str
    status: Status
    sha256: str = ""
    size: int = 0
    mtime_ns: int = 0
    read_ns: int = 0
    limits: str = ""
    reason: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A passage on its way into or out of a store, with what is encoded beside it.

    `context` is title and section; `vector_key` hashes all that was encoded.
    """

    passage: Passage
    context: str
    vector_key: bytes

    @property
    def indexed_text(self) -> str:
        """What is encoded and put into BM25; the passage alone is cited."""
        return f"{self.context}\n{self.passage.text}" if self.context else self.passage.text


class StoreWriter:
    """Writes a store; `close` commits it. Documents before their passages."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")  # an unfinished store is thrown away whole
        self._db.execute("PRAGMA synchronous = OFF")  # `snapshot.publish` syncs it once
        self._db.executescript(f"PRAGMA user_version = {SCHEMA};" + _TABLES)
        self._db.execute("BEGIN")
        self._documents: dict[str, int] = {}

    def add_document(self, document: Document, root: str) -> None:
        """Add one document."""
        row = self._documents[document.id] = len(self._documents)
        marks = [(mark.start, mark.end, mark.kind) for mark in document.marks]
        self._db.execute(
            "INSERT INTO documents VALUES (?,?,?,?,?,?,?,?,?,?)",
            (row, document.id, document.path, root, document.text, document.sha256,
             document.title, document.date, json.dumps(document.page_starts), json.dumps(marks)),
        )  # fmt: skip

    def add_passages(self, rows: Iterable[Row]) -> None:
        """Add passages; their order gives the row numbers."""
        self._db.executemany(
            "INSERT INTO passages VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                (n, r.passage.id, self._documents[r.passage.doc_id], r.passage.start,
                 r.passage.end, r.passage.text, r.passage.section, r.passage.boilerplate,
                 r.context, r.vector_key)
                for n, r in enumerate(rows)
            ),
        )  # fmt: skip

    def add_ledger(self, entries: Iterable[Entry]) -> None:
        """Add the ledger's entries."""
        self._db.executemany(
            "INSERT INTO ledger VALUES (?,?,?,?,?,?,?,?,?,?)",
            ((e.path, e.root, e.status, e.sha256, e.size, e.mtime_ns, e.read_ns, e.limits,
              e.reason, e.mend) for e in entries),
        )  # fmt: skip

    def close(self) -> None:
        """Commit and close."""
        self._db.execute("COMMIT")
        self._db.close()

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._db.close()


class Store:
    """Reads a sealed store. Safe to share between threads.

    Raises:
        sqlite3.DatabaseError: the file is no store.
    """

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        # as_uri percent-encodes what SQLite would read as options
        self._db = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        self.schema = int(self._all("PRAGMA user_version")[0][0])
        self.size = int(self._all("SELECT count(*) FROM passages")[0][0])
        self._texts = int(self._all("SELECT count(*) FROM passages WHERE NOT boilerplate")[0][0])
        self.rows = lru_cache(maxsize=64)(self._rows)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def ids(self, rows: Sequence[int]) -> list[str]:
        """Passage ids of rows, in the order asked."""
        found = dict(self._by_key("SELECT row, id FROM passages WHERE row IN ({})", rows))
        return [found[row] for row in rows]

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """In the order asked; KeyError for an unknown id."""
        sql = f"SELECT {_PASSAGE} FROM passages p JOIN documents d ON d.row = p.document "
        rows = self._by_key(sql + "WHERE p.id IN ({})", ids)
        found = {row[0]: _passage(row) for row in rows}
        return [found[ident] for ident in ids]

    def document(self, doc_id: str) -> Document:
        """KeyError for an unknown id."""
        rows = self._all(f"SELECT {_DOCUMENT} FROM documents WHERE id = ?", (doc_id,))
        if not rows:
            raise KeyError(doc_id)
        return _document(rows[0])

    def document_by_path(self, path: str) -> Document | None:
        """The document at `path`, root's name in front; None if there is none."""
        rows = self._all(f"SELECT {_DOCUMENT} FROM documents WHERE path = ?", (path,))
        return _document(rows[0]) if rows else None

    def documents(self) -> Iterator[tuple[Document, str]]:
        """Every document with its root, in the order of the store, one in memory at a time."""
        for (row,) in self._all("SELECT row FROM documents ORDER BY row"):
            found = self._all(f"SELECT {_DOCUMENT}, root FROM documents WHERE row = ?", (row,))[0]
            yield _document(found[:-1]), str(found[-1])

    def listing(self) -> list[tuple[str, str | None, str | None, int]]:
        """(path, title, date, number of passages) of every document, by path."""
        return self._all(
            "SELECT d.path, d.title, d.date, count(p.row) FROM documents d "
            "LEFT JOIN passages p ON p.document = d.row GROUP BY d.row ORDER BY d.path"
        )

    def rows_of(self, doc_id: str) -> list[tuple[int, Row]]:
        """(row, passage) of a document, in the order of its text."""
        found = self._all(
            f"SELECT p.row, p.context, p.vector_key, {_PASSAGE} FROM passages p "
            "JOIN documents d ON d.row = p.document WHERE d.id = ? ORDER BY p.start, p.end",
            (doc_id,),
        )
        return [(r[0], Row(_passage(r[3:]), r[1], r[2])) for r in found]

    def vector_rows(self) -> dict[bytes, int]:
        """Hash of what was encoded → a row that holds its vector."""
        return dict(self._all("SELECT vector_key, row FROM passages"))

    def ledger(self) -> dict[str, Entry]:
        """Every file that was looked at, by path."""
        found = self._all("SELECT * FROM ledger ORDER BY path")
        return {row[0]: Entry(*row) for row in found}

    def _rows(self, where: Filter) -> Rows:
        """Rows that may be returned under a filter: a slice, or sorted row numbers.

        Bound to the instance as `rows`, with a small cache.
        """
        everything = slice(0, self.size if where.boilerplate else self._texts)
        if where == Filter(boilerplate=where.boilerplate):
            return everything
        documents = [
            row
            for row, day, *names in self._all("SELECT row, date, id, path, title FROM documents")
            if _dated(where, day) and named(where, *names)
        ]
        phrases = [found for phrase in where.phrases if (found := in_a_row(phrase))]
        words = [found for word in where.without if (found := in_a_row(word))]
        with_text = bool(words or phrases)
        sql = (
            f"SELECT row, {'text' if with_text else 'NULL'} FROM passages WHERE document IN ({{}})"
        )
        kept = [
            row
            for row, text in self._by_key(sql, documents)
            if row < everything.stop and (not with_text or _text_passes(text, phrases, words))
        ]
        return np.array(sorted(kept), dtype=np.int64)

    def _all(self, sql: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _by_key(self, sql: str, keys: Sequence[object]) -> Iterator[tuple]:  # type: ignore[type-arg]
        for start in range(0, len(keys), 500):  # SQLite bounds the variables of a statement
            part = keys[start : start + 500]
            yield from self._all(sql.format(",".join("?" * len(part))), part)


def named(where: Filter, ident: str, path: str, title: str | None) -> bool:
    """Whether a document's id, path and title pass."""
    if where.documents and ident not in where.documents:
        return False
    if where.paths and not any(
        _like(path, glob) or _like(path.rpartition("/")[2], glob) for glob in where.paths
    ):
        return False
    ending = file_of(path).rpartition(".")[2].casefold()
    if where.types and ending not in {t.casefold().lstrip(".") for t in where.types}:
        return False
    if not where.titles:
        return True
    folded = title.casefold() if title else None
    return folded is not None and any(_like(folded, glob.casefold()) for glob in where.titles)


def _like(name: str, glob: str) -> bool:
    return glob == name or fnmatchcase(name, glob)  # a name may hold brackets itself


def _dated(where: Filter, date: str | None) -> bool:
    if where.after is None and where.before is None:
        return True
    if date is None:
        return False
    return (where.after is None or date >= where.after.isoformat()) and (
        where.before is None or date <= where.before.isoformat()
    )


def _text_passes(text: str, phrases: list[re.Pattern[str]], words: list[re.Pattern[str]]) -> bool:
    folded = fold(text)
    return all(p.search(folded) for p in phrases) and not any(w.search(folded) for w in words)


def _passage(row: tuple) -> Passage:  # type: ignore[type-arg]
    return Passage(row[0], row[1], row[2], row[3], row[4], row[5], bool(row[6]), row[7])


def _document(row: tuple) -> Document:  # type: ignore[type-arg]
    ident, path, text, sha256, title, date, page_starts, marks = row
    return Document(
        ident, path, text, sha256, title, date,
        tuple(json.loads(page_starts)), tuple(Mark(*mark) for mark in json.loads(marks)),
    )  # fmt: skip
