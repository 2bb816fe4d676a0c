"""The SQLite file of conversations and feedback: made, migrated, shared, its errors in words.

A database that is never rebuilt: older ones are migrated, newer and damaged ones are left as
they are and refused. Safe to share between threads; several processes may have it open.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index.errors import BusyError, HomeError, SpanwiseError

Connection = sqlite3.Connection

_OURS = 0x5350414E
"""SQLite's application id: a file of somebody else's is not migrated."""
_WAIT_S = 30
_MIGRATIONS = (
    # `folded` is what is searched: title, or question and answer, without case and accents.
    """
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, collection TEXT NOT NULL,
        created TEXT NOT NULL, updated TEXT NOT NULL, folded TEXT NOT NULL);
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
        at TEXT NOT NULL, answer TEXT NOT NULL, folded TEXT NOT NULL);
    CREATE INDEX messages_conversation ON messages (conversation);
    CREATE TABLE feedback (
        message INTEGER PRIMARY KEY REFERENCES messages ON DELETE CASCADE,
        verdict TEXT NOT NULL, note TEXT NOT NULL, at TEXT NOT NULL);
    """,
    # `golds` are the spans that the user selected as the answer: "start" and "end" in the text
    # that the document at `path` had then.
    """
    UPDATE feedback SET
        verdict = CASE WHEN verdict = 'good' THEN 'right' WHEN note = 'incomplete' THEN note
            ELSE 'wrong' END,
        note = CASE WHEN verdict = 'bad' AND note = 'incomplete' THEN '' ELSE note END;
    CREATE TABLE golds (
        message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
        path TEXT NOT NULL, "start" INTEGER NOT NULL, "end" INTEGER NOT NULL, text TEXT NOT NULL,
        at TEXT NOT NULL, PRIMARY KEY (message, path, "start", "end"));
    """,
)
"""The n-th takes a file from ``user_version`` n to n + 1; a published one is never changed."""
_ASIDE = "It was left as it is. Move it aside, and Spanwise begins a new one."


class Database:
    """The open file. It and its journal can be read by their owner alone.

    Every method raises `HomeError` for a file that cannot be read or written, `BusyError` if
    another process holds it for long.
    """

    def __init__(self, file: Path) -> None:
        """Open or make it.

        Raises:
            HomeError: the file is damaged, another program's, or a newer Spanwise's. It is left
                as it is; the mend is named.
        """
        self.file = file
        self._lock = threading.RLock()
        with _told(file):
            # SQLite gives its journal the same mode.
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
            file.chmod(0o600)
            self._db = sqlite3.connect(
                file, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with _told(file):
                self._begin()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def all(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Every row that a query finds."""
        with _told(self.file), self._lock:
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, which has the file to itself from the start."""
        with _told(self.file), self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _begin(self) -> None:
        """Check the file and bring it to this version's schema."""
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA secure_delete = ON")  # what the user deletes is overwritten
        with self.writing() as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            owner = int(db.execute("PRAGMA application_id").fetchone()[0])
            empty = not db.execute("SELECT 1 FROM sqlite_master").fetchone()
            if owner != _OURS and not (empty and version == 0):
                raise HomeError("Not the conversations of Spanwise", where=self.file, mend=_ASIDE)
            if version > len(_MIGRATIONS):
                raise HomeError(
                    "The conversations were written by a newer Spanwise",
                    where=self.file,
                    mend="Update Spanwise, or name another home with --home; nothing was changed.",
                )
            (state,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                raise sqlite3.DatabaseError(state)
            for migration in _MIGRATIONS[version:]:
                for statement in migration.split(";"):
                    db.execute(statement)
            db.execute(f"PRAGMA application_id = {_OURS}")
            db.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """SQLite's and the system's errors in words; a number larger than its own is in no row."""
    try:
        yield
    except OverflowError as error:
        raise HomeError("There is no such conversation or message") from error
    except sqlite3.Error as error:
        raise _worded(error, file) from error
    except OSError as error:
        raise HomeError(
            f"The conversations cannot be kept ({error.strerror})",
            where=file,
            mend="Check its permissions, or name another home with --home.",
        ) from error


def _worded(error: sqlite3.Error, file: Path) -> SpanwiseError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return BusyError(
            "Another process is writing the conversations", where=file, mend="Try again."
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or type(error) is sqlite3.DatabaseError:
        return HomeError(f"The conversations are damaged ({error})", where=file, mend=_ASIDE)
    return HomeError(
        f"The conversations cannot be read or written ({error})",
        where=file,
        mend="Check the permissions and the space on the disk, or name another home with --home.",
    )
