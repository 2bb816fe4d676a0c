"""What one open page holds: the collection, the conversation, and which answer's sources show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from index.errors import SpanwiseError
from index.home import collections
from rag import journal
from rag.chat.asking import Record, ask
from rag.chat.library import Library
from rag.chat.shelf import LISTED
from rag.memory import Message, Verdict
from rag.types import Turn


@dataclass(eq=False)
class Talk:
    """A conversation. `id` is that of the memory, None until something is remembered.

    Only one question at a time is answered, in the order asked: the next one may lean on it.
    """

    collection: str | None
    id: int | None = None
    records: list[Record] = field(default_factory=list)
    shown: int = -1
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def waiting(self) -> bool:
        """Whether a question is under way."""
        return any(record.get("state") is not None for record in self.records)

    def turns(self, before: int) -> list[Turn]:
        """The conversation before a question, as `rag.converse.standalone` takes it."""
        said = [r for r in self.records[:before] if "asked_as" in r and not r.get("error")]
        return [Turn(record["asked_as"], record["answer"]) for record in said]

    def sources(self) -> Record | None:
        """The record whose sources show."""
        return self.records[self.shown] if 0 <= self.shown < len(self.records) else None


class Desk:
    """One open page over a library. Its talk is replaced when another one is opened."""

    def __init__(self, library: Library, collection: str | None = None) -> None:
        self.library = library
        self.talk = Talk(collection if collection is not None else library.default())
        self.search = ""
        self.listed = LISTED
        self.followed = 0  # the last press on the left side, by the page's own count
        self._left: dict[int, Talk] = {}  # those that were left while a question was under way

    def begin(self, collection: str | None) -> None:
        """A new conversation."""
        self._leave()
        self.talk = Talk(collection)

    def open(self, conversation: int) -> None:
        """A remembered conversation, with the sources of its last answer.

        Raises:
            HomeError: it has been deleted meanwhile.
        """
        memory = self.library.memory
        if memory is None:
            return
        self._leave()
        if (left := self._left.get(conversation)) is not None:
            self.talk = left
            return
        listed = {said.id: said for said in memory.conversations()}
        messages = memory.messages(conversation)
        records = [{**m.answer, "message": m.id, **_judgement(m)} for m in messages]
        collection = listed[conversation].collection if conversation in listed else None
        self.talk = Talk(collection, conversation, records, len(records) - 1)

    def _leave(self) -> None:
        if self.talk.id is not None:
            self._left[self.talk.id] = self.talk
        self._left = {number: talk for number, talk in self._left.items() if talk.waiting}

    def put(self, asked: str) -> tuple[Talk, int]:
        """A question that waits, and its place among those of the present talk."""
        self.talk.records.append({"question": asked, "state": "waiting"})
        return self.talk, len(self.talk.records) - 1

    def answer(
        self,
        talk: Talk,
        place: int,
        literal: bool = False,
        narrowed: Mapping[str, str] | None = None,
    ) -> Iterator[None]:
        """Answer the question at a place; yields each time there is more to show.

        `literal` and `narrowed` are those of `rag.chat.asking.ask`.
        """
        if talk.collection is None:
            talk.collection = self.library.default()
        talk.shown = place
        for record in self._answers(talk, place, literal, narrowed):
            talk.records[place] = record
            yield

    def judge(self, place: int, verdict: str) -> None:
        """Remember whether an answer was right; the same verdict once more takes it back."""
        record, memory = self.talk.records[place], self.library.memory
        if memory is not None and "message" in record and verdict in get_args(Verdict):
            taken_back = record.get("verdict") == verdict
            memory.feedback(record["message"], "" if taken_back else verdict)  # type: ignore[arg-type]
            self.recall(place)

    def unselect(self, place: int, path: str, start: int, end: int) -> None:
        """Forget a span that was selected as the answer."""
        record, memory = self.talk.records[place], self.library.memory
        if memory is not None and "message" in record:
            memory.unselect(record["message"], path, start, end)
            self.recall(place)

    def recall(self, place: int) -> None:
        """Show of an answer what is now remembered of its judgement."""
        record, memory = self.talk.records[place], self.library.memory
        if memory is not None and "message" in record:
            record |= _judgement(memory.message(record["message"]))

    def _answers(
        self, talk: Talk, place: int, literal: bool, narrowed: Mapping[str, str] | None
    ) -> Iterator[Record]:
        asked = talk.records[place]["question"]
        if talk.collection is None:
            yield {"question": asked, "error": "There are no documents yet. Add some first."}
            return
        turns = talk.turns(place)
        try:
            for record in ask(self.library, talk.collection, asked, turns, literal, narrowed):
                if record.get("state") is None:
                    record = self._remember(talk, record)
                yield record
        except SpanwiseError as error:
            yield {"question": asked, "error": str(error)}
        except Exception as error:
            yield {"question": asked, "error": journal.failed(error)}

    def _remember(self, talk: Talk, record: Record) -> Record:
        """The record with the id of the message that it became, where there is a memory.

        An answer that cannot be kept is shown all the same, and says so.
        """
        memory = self.library.memory
        if memory is None:
            return record
        try:
            if talk.id is None:
                talk.id = memory.create(str(talk.collection), record["question"])
            return {**record, "message": memory.add(talk.id, record)}
        except SpanwiseError as error:
            return {**record, "trouble": str(error)}


def _judgement(message: Message) -> Record:
    """What the user thought of an answer, as its record holds it."""
    return {"verdict": message.verdict, "selected": [asdict(span) for span in message.selected]}


def restored(library: Library, told: object) -> Desk:
    """The desk of a page that the server does not know, or no longer: it has been started anew.

    Args:
        library: the collections.
        told: JSON of the collection and the conversation that the page shows, and of the last
            press that it saw followed; what is wrong in it, or no longer there, is ignored.
    """
    try:
        said = json.loads(told) if isinstance(told, str) else None
    except (ValueError, RecursionError):
        said = None
    said = said if isinstance(said, dict) else {}
    name, number, followed = (said.get(key) for key in ("collection", "conversation", "followed"))
    names = collections(library.home)
    desk = Desk(library, name if name in names else None)
    desk.followed = followed if isinstance(followed, int) else 0
    with suppress(SpanwiseError):  # its conversations cannot be read, or it has just been deleted
        memory = library.memory
        known = memory.conversations() if memory is not None and name in names else []
        for each in known:
            if (each.id, each.collection) == (number, name):
                desk.open(each.id)
    return desk


def place_of(data: Mapping[str, Any], desk: Desk) -> int | None:
    """The place of the turn that a browser names; None if there is no such turn.

    A turn that is remembered is known by its message: a talk that was opened again lacks those
    that failed.
    """
    records = desk.talk.records
    try:
        if data.get("message") is not None:
            message = int(data["message"])
            return next((n for n, r in enumerate(records) if r.get("message") == message), None)
        number = int(data.get("turn", ""))
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < len(records) else None
