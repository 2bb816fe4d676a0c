"""One generation of a collection: written aside, published by one rename, opened as a `Backend`.

The order of `publish` is what makes a crash harmless: files are written and synced in a folder
aside, the manifest last; the folder is renamed into place; then the one-line file ``CURRENT`` is
replaced. Until that rename the old generation answers, after it the new one does. Old generations
go when no reader holds them: each reader keeps a shared operating-system lock, freed at its death.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from index.dense import DenseIndex
from index.errors import CorruptIndexError, HomeError, IndexMismatchError
from index.lexical import LexicalIndex
from index.store import FILE as STORE_FILE
from index.store import SCHEMA, Store
from index.types import Document, Filter, Manifest, Passage, Ranking, Vectors

if TYPE_CHECKING:
    from filelock import ReadWriteLock

MANIFEST = "manifest.json"
LEXICAL = "lexical"
log = logging.getLogger("spanwise.snapshot")


class Snapshot:
    """A published generation, opened for reading; the local `index.types.Backend`.

    Safe to share between threads. Keep it only as long as needed: while it is open its files
    stay on the disk.
    """

    def __init__(self, folder: Path, manifest: Manifest, lock: ReadWriteLock) -> None:
        self._manifest = manifest
        self._lock = lock
        self.store = Store(folder / STORE_FILE)
        self.lexical = LexicalIndex.open(folder / LEXICAL)
        self.dense = DenseIndex.open(folder)
        if not self.store.size == len(self.lexical) == len(self.dense) == manifest.passages:
            raise ValueError("store, BM25 and vectors hold different numbers of passages")

    @classmethod
    def open(cls, collection: Path) -> Snapshot:
        """Open the current generation of the collection in the folder `collection`.

        Raises:
            CorruptIndexError: a file is missing, or is not the one that was published.
            IndexMismatchError: another version of Spanwise wrote it.
        """
        number, lock = _hold_current(collection)
        try:
            folder = generation_folder(collection, number)
            manifest = read_manifest(folder)
            _verify(folder, manifest, every=False)
            return cls(folder, manifest, lock)
        except (OSError, ValueError, KeyError, sqlite3.DatabaseError) as error:
            lock.close()
            raise CorruptIndexError(
                f"The index cannot be opened ({type(error).__name__}: {error})",
                where=collection,
                mend="Index the folder again: spanwise index FOLDER --rebuild",
            ) from error
        except BaseException:
            lock.close()
            raise

    @property
    def manifest(self) -> Manifest:
        """What it was made with and of."""
        return self._manifest

    def close(self) -> None:
        """Let the generation go."""
        self.store.close()
        self._lock.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def search_text(self, text: str, k: int, where: Filter) -> Ranking:
        """BM25 over the passages that pass the filter."""
        return self._cut(self.lexical.search(text, k, self.store.rows(where)), k)

    def search_vector(self, vector: Vectors, k: int, where: Filter) -> Ranking:
        """Cosine over the passages that pass the filter; `vector` is (dim,) of any length."""
        return self._cut(self.dense.search(vector, k, self.store.rows(where)), k)

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """In the order asked; KeyError for an unknown id."""
        return self.store.passages(ids)

    def document(self, doc_id: str) -> Document:
        """KeyError for an unknown id."""
        return self.store.document(doc_id)

    def _cut(self, found: list[tuple[int, float]], k: int) -> Ranking:
        """The best k, ties by passage id. `found` holds all ties at rank k."""
        ids = self.store.ids([row for row, _ in found])
        ranked = sorted(
            ((ident, score) for ident, (_, score) in zip(ids, found, strict=True)),
            key=lambda pair: (-pair[1], pair[0]),
        )
        return ranked[:k]


def current(collection: Path) -> int:
    """Number of the published generation.

    Raises:
        CorruptIndexError: there is none.
    """
    try:
        return int((collection / "CURRENT").read_text("ascii"))
    except (OSError, ValueError) as error:
        raise CorruptIndexError(
            "The collection has no current generation",
            where=collection,
            mend="Index the folder again: spanwise index FOLDER --rebuild",
        ) from error


def generation_folder(collection: Path, number: int) -> Path:
    """Where a generation's files lie."""
    return collection / "generations" / f"{number:06d}"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the generation in `folder`.

    Raises:
        IndexMismatchError: its schema is not ours.
    """
    data = json.loads((folder / MANIFEST).read_text("utf-8"))
    if data["schema"] != SCHEMA:
        raise IndexMismatchError(
            f"The index was written by another version (schema {data['schema']}, not {SCHEMA})",
            where=folder,
            mend="Index the folder again: spanwise index FOLDER",
        )
    return Manifest(**{field.name: data[field.name] for field in fields(Manifest)})


def check(collection: Path) -> Manifest:
    """Verify the checksum of every file of the current generation.

    Raises:
        CorruptIndexError: one differs.
    """
    number, lock = _hold_current(collection)
    try:
        folder = generation_folder(collection, number)
        manifest = read_manifest(folder)
        _verify(folder, manifest, every=True)
        return manifest
    except (OSError, ValueError, KeyError) as error:
        raise CorruptIndexError(
            f"The manifest cannot be read ({type(error).__name__}: {error})",
            where=collection,
            mend="Index the folder again: spanwise index FOLDER --rebuild",
        ) from error
    finally:
        lock.close()


def prepare(collection: Path) -> Path:
    """An empty folder aside for the next generation; what a dead writer left behind is removed.

    The caller holds the collection's writer lock.
    """
    generations = collection / "generations"
    generations.mkdir(parents=True, exist_ok=True)
    (collection / "locks").mkdir(exist_ok=True)
    aside = generations / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    (aside / LEXICAL).mkdir(parents=True)
    return aside


def publish(collection: Path, aside: Path, made: Manifest) -> Manifest:
    """Seal the files in `aside` as generation ``made.generation`` and make it the current one."""
    listed = {}
    for file in sorted(path for path in aside.rglob("*") if path.is_file()):
        _sync(file)
        stat = file.stat()
        listed[file.relative_to(aside).as_posix()] = {
            "size": stat.st_size,
            "mtime_ns": stat.st_mtime_ns,
            "sha256": _sha256(file),
        }
    manifest = replace(made, files=listed)
    (aside / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), "utf-8")
    _sync(aside / MANIFEST)
    for folder in (aside / LEXICAL, aside):
        _sync(folder)
    target = generation_folder(collection, manifest.generation)
    shutil.rmtree(target, ignore_errors=True)  # of a writer that died before its last rename
    aside.rename(target)
    _sync(target.parent)
    pointer = collection / "CURRENT.new"
    pointer.write_text(f"{manifest.generation}\n", "ascii")
    _sync(pointer)
    pointer.replace(collection / "CURRENT")
    _sync(collection)
    log.info("published generation %d of %s", manifest.generation, collection.name)
    return manifest


def drop_unused(collection: Path) -> None:
    """Delete the generations that are neither current nor held by a reader."""
    from filelock import ReadWriteLock, Timeout

    kept = current(collection)
    for folder in (collection / "generations").iterdir():
        if not folder.name.isdigit() or int(folder.name) == kept:
            continue
        lock = ReadWriteLock(_lock_file(collection, int(folder.name)), is_singleton=False)
        try:
            lock.acquire_write(blocking=False)
        except Timeout:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            lock.close()
        _lock_file(collection, int(folder.name)).unlink(missing_ok=True)


def _lock_file(collection: Path, number: int) -> Path:
    return collection / "locks" / f"{number:06d}.lock"


def _hold_current(collection: Path) -> tuple[int, ReadWriteLock]:
    """The current generation and a shared lock on it, which ``close()`` frees in any thread.

    Raises:
        HomeError: the home cannot be written; even a reader must leave its lock there.
    """
    from filelock import ReadWriteLock

    while True:
        number = current(collection)
        file = _lock_file(collection, number)
        try:
            file.parent.mkdir(exist_ok=True)
            lock = ReadWriteLock(file, is_singleton=False)
            lock.acquire_read()
        except (OSError, sqlite3.Error) as error:
            raise HomeError(
                f"The collection cannot be locked for reading ({error})",
                where=file,
                mend="The home must be writable, also for reading; see --home.",
            ) from error
        if current(collection) == number:
            return number, lock
        lock.close()  # a writer published meanwhile, and may have dropped this generation


def _verify(folder: Path, manifest: Manifest, every: bool) -> None:
    for name, listed in manifest.files.items():
        try:
            stat = (folder / name).stat()
            same = stat.st_size == listed["size"] and stat.st_mtime_ns == listed["mtime_ns"]
            wrong = (every or not same) and _sha256(folder / name) != listed["sha256"]
        except OSError:
            wrong = True
        if wrong:
            raise CorruptIndexError(
                "A file of the index is missing or damaged",
                where=folder / name,
                mend="Index the folder again: spanwise index FOLDER --rebuild",
            )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Force a file or, where the system can, a folder to the disk."""
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
