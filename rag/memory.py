"""Conversations and feedback, kept in ``home/memory.sqlite``, outside the generations.

A database that is never rebuilt: older ones are migrated, newer and damaged ones are left as
they are and refused. Safe to share between threads; several processes may have it open.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from index.errors import BusyError, HomeError, QuestionError, SpanwiseError
from index.home import make_home
from index.terms import fold
from rag.transcript import entry, plain
from rag.types import Turn

FILE = "memory.sqlite"
LONGEST_TITLE = 200
"""Characters; what is longer is cut."""
Verdict = Literal["good", "bad"]

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
)
"""The n-th takes a file from ``user_version`` n to n + 1; a published one is never changed."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as listed. `created`, `updated`: ISO 8601, UTC; `count`: of messages."""

    id: int
    title: str
    collection: str
    created: str
    updated: str
    count: int


@dataclass(frozen=True, slots=True)
class Message:
    """A question and its answer: `answer` is the object that `rag.types.to_json` gave.

    `at` is ISO 8601, UTC. `verdict` is "" until somebody has judged it.
    """

    id: int
    conversation_id: int
    at: str
    answer: dict[str, Any]
    verdict: str = ""
    note: str = ""


class Memory:
    """The conversations of a home. Make it with `open`.

    Every method raises `HomeError` for a conversation or message that is not there (another
    window may have deleted it) and for a file that cannot be read or written; `BusyError` if
    another process holds it for long.
    """

    def __init__(self, file: Path) -> None:
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

    @classmethod
    def open(cls, home: Path) -> Memory:
        """Open the memory of a home; both are made where there is none.

        Raises:
            HomeError: the file is damaged, another program's, or a newer Spanwise's. It is left
                as it is; the mend is named.
        """
        return cls(make_home(home) / FILE)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create(self, collection: str, title: str) -> int:
        """Begin a conversation over a collection; its id."""
        now, title = _now(), _title(title)
        with self._writing() as db:
            made = db.execute(
                "INSERT INTO conversations (title, collection, created, updated, folded) "
                "VALUES (?,?,?,?,?)",
                (title, collection, now, now, fold(title)),
            )
        return int(made.lastrowid or 0)

    def conversations(self, search: str = "") -> list[Conversation]:
        """Those in which every word of `search` stands, the one used last first.

        Titles, questions and answers are searched, for parts of words too, whatever case and
        accents.
        """
        words = _storable(fold(search)).split()
        stands = (
            " AND (instr(c.folded, ?) OR EXISTS (SELECT 1 FROM messages f "
            "WHERE f.conversation = c.id AND instr(f.folded, ?)))"
        )
        found = self._all(
            "SELECT c.id, c.title, c.collection, c.created, c.updated, count(m.id) "
            "FROM conversations c LEFT JOIN messages m ON m.conversation = c.id "
            f"WHERE 1{stands * len(words)} GROUP BY c.id ORDER BY c.updated DESC, c.id DESC",
            [word for word in words for _ in range(2)],
        )
        return [Conversation(*row) for row in found]

    def rename(self, conversation_id: int, title: str) -> None:
        """Give a conversation another title."""
        title = _title(title)
        with self._writing() as db:
            sql = "UPDATE conversations SET title = ?, folded = ? WHERE id = ?"
            if not db.execute(sql, (title, fold(title), conversation_id)).rowcount:
                raise _gone("conversation")

    def delete(self, conversation_id: int) -> None:
        """Delete a conversation with its messages and their feedback, and wipe their bytes."""
        with self._writing() as db:
            sql = "DELETE FROM conversations WHERE id = ?"
            if not db.execute(sql, (conversation_id,)).rowcount:
                raise _gone("conversation")

    def add(self, conversation_id: int, answer: Mapping[str, Any]) -> int:
        """Keep an answer, as `rag.types.to_json` gives it; the message's id."""
        now = _now()
        said = f"{answer['question']}\n{answer['asked_as']}\n{answer['answer'] or ''}"
        with self._writing() as db:
            sql = "UPDATE conversations SET updated = ? WHERE id = ?"
            if not db.execute(sql, (now, conversation_id)).rowcount:
                raise _gone("conversation")
            added = db.execute(
                "INSERT INTO messages (conversation, at, answer, folded) VALUES (?,?,?,?)",
                (conversation_id, now, json.dumps(answer), _storable(fold(said))),
            )
        return int(added.lastrowid or 0)

    def messages(self, conversation_id: int) -> list[Message]:
        """Of a conversation, oldest first."""
        return self._messages(self._conversation(conversation_id))

    def feedback(self, message_id: int, verdict: Verdict, note: str = "") -> None:
        """Keep what the user thinks of an answer, in place of what was thought before."""
        if verdict not in get_args(Verdict):
            raise ValueError(f"verdict must be one of {get_args(Verdict)}, not {verdict!r}")
        with self._writing() as db:
            if not db.execute("SELECT 1 FROM messages WHERE id = ?", (message_id,)).fetchone():
                raise _gone("message")
            db.execute(
                "REPLACE INTO feedback (message, verdict, note, at) VALUES (?,?,?,?)",
                (message_id, verdict, _storable(note), _now()),
            )

    def turns(self, conversation_id: int) -> list[Turn]:
        """The conversation as `rag.converse.standalone` takes it."""
        return [
            Turn(message.answer["asked_as"], message.answer["answer"])
            for message in self.messages(conversation_id)
        ]

    def export_json(self, conversation_id: int) -> dict[str, Any]:
        """The whole conversation as one JSON object, schema 1."""
        said = self._conversation(conversation_id)
        return {
            "schema": 1,
            "title": said.title,
            "collection": said.collection,
            "created": said.created,
            "updated": said.updated,
            "messages": [
                {"at": m.at, "verdict": m.verdict, "note": m.note, "answer": m.answer}
                for m in self._messages(said)
            ],
        }

    def export_markdown(self, conversation_id: int) -> str:
        """The conversation to be read: questions, answers, the sentences they stand in.

        Nothing in it is markup but what is written here: a document's text is escaped.
        """
        said = self._conversation(conversation_id)
        blocks = [
            f"# {plain(said.title)}",
            f"Collection {plain(said.collection)}, {said.created[:10]}",
        ]
        for message in self._messages(said):
            blocks += entry(message.answer, message.verdict, message.note)
        return "\n\n".join(blocks) + "\n"

    def _begin(self) -> None:
        """Check the file and bring it to this version's schema."""
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA secure_delete = ON")  # what the user deletes is overwritten
        with self._writing() as db:
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

    def _conversation(self, conversation_id: int) -> Conversation:
        found = self._all(
            "SELECT id, title, collection, created, updated, "
            "(SELECT count(*) FROM messages m WHERE m.conversation = c.id) "
            "FROM conversations c WHERE id = ?",
            (conversation_id,),
        )
        if not found:
            raise _gone("conversation")
        return Conversation(*found[0])

    def _messages(self, said: Conversation) -> list[Message]:
        found = self._all(
            "SELECT m.id, m.conversation, m.at, m.answer, f.verdict, f.note FROM messages m "
            "LEFT JOIN feedback f ON f.message = m.id WHERE m.conversation = ? ORDER BY m.id",
            (said.id,),
        )
        return [
            Message(ident, conversation, at, json.loads(answer), verdict or "", note or "")
            for ident, conversation, at, answer, verdict, note in found
        ]

    def _all(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with _told(self.file), self._lock:
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
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


_ASIDE = "It was left as it is. Move it aside, and Spanwise begins a new one."


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """SQLite's and the system's errors in words."""
    try:
        yield
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


def _gone(what: str) -> HomeError:
    return HomeError(f"The {what} is no longer there", mend="Go on in another, or begin a new one.")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _storable(text: str) -> str:
    """Without halves of surrogate pairs, which SQLite does not take."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _title(title: str) -> str:
    title = " ".join(_storable(title).split())
    if not title:
        raise QuestionError("The title is empty", mend="Write one.")
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"
