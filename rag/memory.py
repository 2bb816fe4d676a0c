"""Conversations, and what their user thought of the answers, in ``home/memory.sqlite``.

The file lies outside the generations of the collections and outlives them; see `rag.database`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from index.errors import HomeError, QuestionError
from index.home import make_home
from index.terms import fold
from rag.database import Connection, Database
from rag.transcript import entry, plain
from rag.types import Turn

FILE = "memory.sqlite"
LONGEST_TITLE = 200
"""Characters; what is longer is cut."""
Verdict = Literal["right", "wrong", "incomplete", "absent"]
"""Of an answer; ``"absent"``: there should have been none, it is not in these documents."""


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
class Selected:
    """A span that the user selected as the answer.

    ``document.text[start:end] == text`` held for the document at `path` when it was selected.
    """

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """A question and its answer: `answer` is the object that `rag.types.to_json` gave.

    `at` is ISO 8601, UTC. `verdict` is "" until somebody has judged it; `selected` are the spans
    that somebody selected as the answer, oldest first.
    """

    id: int
    conversation_id: int
    at: str
    answer: dict[str, Any]
    verdict: str = ""
    note: str = ""
    selected: tuple[Selected, ...] = ()


class Memory:
    """The conversations of a home. Make it with `open`. Safe to share between threads.

    Every method raises `HomeError` for a conversation or message that is not there (another
    window may have deleted it) and for a file that cannot be read or written; `BusyError` if
    another process holds it for long.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, home: Path) -> Memory:
        """Open the memory of a home; both are made where there is none.

        Raises:
            HomeError: the file is damaged, another program's, or a newer Spanwise's. It is left
                as it is; the mend is named.
        """
        return cls(Database(make_home(home) / FILE))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create(self, collection: str, title: str) -> int:
        """Begin a conversation over a collection; its id."""
        now, title = _now(), _title(title)
        with self._database.writing() as db:
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
        found = self._database.all(
            "SELECT c.id, c.title, c.collection, c.created, c.updated, count(m.id) "
            "FROM conversations c LEFT JOIN messages m ON m.conversation = c.id "
            f"WHERE 1{stands * len(words)} GROUP BY c.id ORDER BY c.updated DESC, c.id DESC",
            [word for word in words for _ in range(2)],
        )
        return [Conversation(*row) for row in found]

    def rename(self, conversation_id: int, title: str) -> None:
        """Give a conversation another title."""
        title = _title(title)
        with self._database.writing() as db:
            sql = "UPDATE conversations SET title = ?, folded = ? WHERE id = ?"
            if not db.execute(sql, (title, fold(title), conversation_id)).rowcount:
                raise _gone("conversation")

    def delete(self, conversation_id: int) -> None:
        """Delete a conversation with its messages and their feedback, and wipe their bytes."""
        with self._database.writing() as db:
            sql = "DELETE FROM conversations WHERE id = ?"
            if not db.execute(sql, (conversation_id,)).rowcount:
                raise _gone("conversation")

    def add(self, conversation_id: int, answer: Mapping[str, Any]) -> int:
        """Keep an answer, as `rag.types.to_json` gives it; the message's id."""
        now = _now()
        said = f"{answer['question']}\n{answer['asked_as']}\n{answer['answer'] or ''}"
        with self._database.writing() as db:
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
        self._conversation(conversation_id)
        return self._messages("m.conversation = ?", conversation_id)

    def message(self, message_id: int) -> Message:
        """A single one."""
        found = self._messages("m.id = ?", message_id)
        if not found:
            raise _gone("message")
        return found[0]

    def judged(self, collection: str) -> list[Message]:
        """The messages about a collection that have a verdict or a selected span, oldest first."""
        return self._messages(
            "m.conversation IN (SELECT id FROM conversations WHERE collection = ?) AND "
            "(f.verdict IS NOT NULL OR EXISTS (SELECT 1 FROM golds g WHERE g.message = m.id))",
            collection,
        )

    def feedback(self, message_id: int, verdict: Verdict | Literal[""], note: str = "") -> None:
        """Keep what the user thinks of an answer, in place of what was thought before.

        "" takes the verdict back. What is absent has no span: those selected are forgotten.
        """
        if verdict and verdict not in get_args(Verdict):
            raise ValueError(f"verdict must be one of {get_args(Verdict)}, not {verdict!r}")
        with self._database.writing() as db:
            _must_be_there(db, message_id)
            db.execute("DELETE FROM feedback WHERE message = ?", (message_id,))
            if verdict:
                db.execute(
                    "INSERT INTO feedback (message, verdict, note, at) VALUES (?,?,?,?)",
                    (message_id, verdict, _storable(note), _now()),
                )
            if verdict == "absent":
                db.execute("DELETE FROM golds WHERE message = ?", (message_id,))

    def select(self, message_id: int, span: Selected) -> None:
        """Keep a span that the user selected as the answer, beside those selected before.

        What was said to be absent has been found after all: its verdict becomes "wrong".
        """
        with self._database.writing() as db:
            _must_be_there(db, message_id)
            db.execute(
                'REPLACE INTO golds (message, path, "start", "end", text, at) VALUES (?,?,?,?,?,?)',
                (message_id, span.path, span.start, span.end, _storable(span.text), _now()),
            )
            db.execute(
                "UPDATE feedback SET verdict = 'wrong' WHERE message = ? AND verdict = 'absent'",
                (message_id,),
            )

    def unselect(self, message_id: int, path: str, start: int, end: int) -> None:
        """Forget a span that the user selected; nothing happens if it is not there."""
        with self._database.writing() as db:
            db.execute(
                'DELETE FROM golds WHERE message = ? AND path = ? AND "start" = ? AND "end" = ?',
                (message_id, path, start, end),
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
                {
                    "at": m.at,
                    "verdict": m.verdict,
                    "note": m.note,
                    "selected": [asdict(span) for span in m.selected],
                    "answer": m.answer,
                }
                for m in self.messages(conversation_id)
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
        for message in self.messages(conversation_id):
            selected = [asdict(span) for span in message.selected]
            blocks += entry(message.answer, message.verdict, message.note, selected)
        return "\n\n".join(blocks) + "\n"

    def _conversation(self, conversation_id: int) -> Conversation:
        found = self._database.all(
            "SELECT id, title, collection, created, updated, "
            "(SELECT count(*) FROM messages m WHERE m.conversation = c.id) "
            "FROM conversations c WHERE id = ?",
            (conversation_id,),
        )
        if not found:
            raise _gone("conversation")
        return Conversation(*found[0])

    def _messages(self, which: str, value: object) -> list[Message]:
        """Those of which `which`, in SQL, is true; with what was thought of them."""
        found = self._database.all(
            "SELECT m.id, m.conversation, m.at, m.answer, f.verdict, f.note FROM messages m "
            f"LEFT JOIN feedback f ON f.message = m.id WHERE {which} ORDER BY m.id",
            (value,),
        )
        spans: dict[int, list[Selected]] = {}
        for ident, *span in self._database.all(
            'SELECT g.message, g.path, g."start", g."end", g.text FROM golds g '
            "JOIN messages m ON m.id = g.message LEFT JOIN feedback f ON f.message = m.id "
            f"WHERE {which} ORDER BY g.rowid",
            (value,),
        ):
            spans.setdefault(ident, []).append(Selected(*span))
        return [
            Message(
                ident, conversation, at, json.loads(answer), verdict or "", note or "",
                tuple(spans.get(ident, ())),
            )
            for ident, conversation, at, answer, verdict, note in found
        ]  # fmt: skip


def _must_be_there(db: Connection, message_id: int) -> None:
    if not db.execute("SELECT 1 FROM messages WHERE id = ?", (message_id,)).fetchone():
        raise _gone("message")


def _gone(what: str) -> HomeError:
    return HomeError(f"The {what} is no longer there", mend="Go on in another, or begin a new one.")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _storable(text: str) -> str:
    """Without halves of surrogate pairs, which SQLite does not take."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _title(title: str) -> str:
    title = " ".join(_storable(title).split())
    if not title:
        raise QuestionError("The title is empty", mend="Write one.")
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"
