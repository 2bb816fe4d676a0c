"""What one open page holds: the collection, the conversation, and which answer's sources show."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from index.errors import SpanwiseError
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
    lock: threading.Lock = field(default_factory=threading.Lock)

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

    def begin(self, collection: str | None) -> None:
        """A new conversation."""
        self.talk = Talk(collection)

    def open(self, conversation: int) -> None:
        """A remembered conversation, with the sources of its last answer.

        Raises:
            HomeError: it has been deleted meanwhile.
        """
        memory = self.library.memory
        if memory is None:
            return
        listed = {said.id: said for said in memory.conversations()}
        messages = memory.messages(conversation)
        records = [{**m.answer, "message": m.id, **_judgement(m)} for m in messages]
        collection = listed[conversation].collection if conversation in listed else None
        self.talk = Talk(collection, conversation, records, len(records) - 1)

    def ask(
        self, asked: str, literal: bool = False, narrowed: Mapping[str, str] | None = None
    ) -> Iterator[Talk]:
        """Ask in the present talk; yields it each time there is more to show.

        `literal` and `narrowed` are those of `rag.chat.asking.ask`.
        """
        talk = self.talk
        if talk.collection is None:
            talk.collection = self.library.default()
        waiting: Record = {"question": asked, "state": "waiting"}
        talk.records.append(waiting)
        place = next(n for n, record in enumerate(talk.records) if record is waiting)
        yield talk
        with talk.lock:
            talk.shown = place
            try:
                for record in self._answers(talk, asked, place, literal, narrowed):
                    talk.records[place] = record
                    yield talk
            except SpanwiseError as error:
                talk.records[place] = {"question": asked, "error": str(error)}
            except Exception as error:
                talk.records[place] = {"question": asked, "error": journal.failed(error)}
            # Within the lock: what the next question shows must not be overtaken by this.
            yield talk

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
        self,
        talk: Talk,
        asked: str,
        place: int,
        literal: bool,
        narrowed: Mapping[str, str] | None,
    ) -> Iterator[Record]:
        if talk.collection is None:
            yield {"question": asked, "error": "There are no documents yet. Add some first."}
            return
        turns = talk.turns(place)
        for record in ask(self.library, talk.collection, asked, turns, literal, narrowed):
            if record.get("state") is None:
                record = self._remember(talk, record)
            yield record

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


def place_of(data: Any, desk: Desk) -> int | None:  # noqa: ANN401  whatever a browser sends
    """The number of a turn as a browser sent it; None if there is no such turn."""
    try:
        number = int(data)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < len(desk.talk.records) else None
