"""A question's trip as the page shows it: found passages first, then the answer.

`ask` yields the record of the answer as it grows: the object of `rag.types.to_json`, with
``beside`` for what a page shows and the object does not hold, so that a remembered record renders
the same after a restart. `Line` says whose turn it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool

from index.errors import BusyError
from index.snapshot import Snapshot
from index.store import named
from index.types import Filter, Hit, document_id
from rag.chat.library import Library
from rag.chat.marks import day
from rag.converse import standalone
from rag.query import both, parse, standing
from rag.service import LONGEST_QUESTION, Service
from rag.types import Question, Turn, hit_to_json, to_json

Record = dict[str, Any]
TRIES = 5
"""Searches over, where each time another generation is published before the passages are read."""


class Line:
    """Questions in line: so many are answered at once, those of a conversation one by one.

    A question that waits for the one before it takes no place, so that whoever asks ten at once
    holds up the others no more than whoever asks one. All are taken in the order in which they
    come: those of a conversation, and the first ones of all conversations.
    """

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)
        self._under_way: set[asyncio.Task[None]] = set()

    def join(self, turn: asyncio.Lock, steps: Iterator[object]) -> Growth:
        """Take `steps`, in a thread, once the conversation's `turn` and a place are free.

        They are taken to the end even if whoever asked is gone, so that no place is lost.
        """
        growth = Growth()
        task = asyncio.create_task(self._answer(turn, steps, growth))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return growth

    async def _answer(self, turn: asyncio.Lock, steps: Iterator[object], growth: Growth) -> None:
        loop = asyncio.get_running_loop()

        def take() -> None:
            for _ in steps:
                loop.call_soon_threadsafe(growth.steps.put_nowait, True)

        async with turn:
            try:
                async with self._places:
                    await run_in_threadpool(take)
            finally:
                growth.steps.put_nowait(False)
            await growth.followed.wait()  # what the next question shows must not come before this


class Growth:
    """How an answer grows. Whoever waits for `more` calls `close` at the end, whatever happens."""

    def __init__(self) -> None:
        self.steps: asyncio.Queue[bool] = asyncio.Queue()
        self.followed = asyncio.Event()

    async def more(self) -> bool:
        """True once there is more to show; False when that was all."""
        return await self.steps.get()

    def close(self) -> None:
        """All has been shown, or nobody looks any longer."""
        self.followed.set()


def ask(
    library: Library,
    collection: str,
    asked: str,
    turns: Sequence[Turn],
    literal: bool = False,
    narrowed: Mapping[str, str] | None = None,
) -> Iterator[Record]:
    """The record with the passages found, then the one with the answer.

    Args:
        library: the collections.
        collection: the one that is asked.
        asked: as typed, filters included.
        turns: the conversation before it.
        literal: carry nothing over from the conversation.
        narrowed: the filter that stands beside the question box, see `rag.query.standing`.

    Raises:
        SpanwiseError: the collection or a model cannot be used.
    """
    service = library.service(collection)
    begun = time.perf_counter()
    text, said = parse(asked)
    where = both(said, standing(narrowed or {}))
    understood = Question(text, text) if literal else standalone(text, turns)
    question = Question(understood.text, asked, understood.carried)
    for _ in range(TRIES):
        hits = service.search(question.text, where=where) if _short(question) else []
        found_in = _since(begun)
        beside = _beside(service, hits, where)
        yield _found(question, collection, hits, beside)
        try:
            answer = service.answer(question, hits)
            break
        except KeyError:  # another generation has been published meanwhile
            continue
    else:
        raise BusyError("The collection is changing too quickly", mend="Ask again in a moment.")
    elapsed = _since(begun)
    calibration = library.calibration(collection)
    if calibration is not None:
        beside |= {"on": calibration.on, "threshold": calibration.threshold}
    beside |= {"search_ms": found_in, "read_ms": elapsed - found_in}
    yield {**to_json(answer, elapsed), "beside": beside}


def _short(question: Question) -> bool:
    return len(question.text) <= LONGEST_QUESTION


def _found(question: Question, collection: str, hits: Sequence[Hit], beside: Record) -> Record:
    return {
        "question": question.asked,
        "asked_as": question.text,
        "carried": list(question.carried),
        "collection": collection,
        "answer": None,
        "others": [],
        "citations": [],
        "hits": [hit_to_json(hit) for hit in hits],
        "beside": beside,
        "state": "reading",
    }


def _beside(service: Service, hits: Sequence[Hit], where: Filter) -> Record:
    """Title, date and page of what was found, and the filter in words."""
    documents, pages = {}, {}
    with service.retriever.generation() as found:
        for hit in hits:
            try:
                document = found.document(hit.passage.doc_id)
            except KeyError:  # published away since the search
                continue
            documents[document.id] = {"title": document.title, "date": document.date}
            pages[hit.passage.id] = document.page(hit.passage.start)
        undated = _undated(found, where) if where.after or where.before else 0
    return {
        "documents": documents, "pages": pages,
        "narrowed": in_words(where), "undated": undated,
    }  # fmt: skip


def _undated(found: Snapshot, where: Filter) -> int:
    """Documents that would pass if their date did not count, and have none."""
    of_any_day = replace(where, after=None, before=None)
    return sum(
        1
        for path, title, date, _ in found.store.listing()
        if date is None and named(of_any_day, document_id(path), path, title)
    )


def in_words(where: Filter) -> str:
    """A filter for people.

    >>> in_words(Filter(types=("pdf",), phrases=("dry dock",)))
    'files of type pdf, with “dry dock”'
    """
    said = []
    if where.paths:
        said.append(f"files named {' or '.join(where.paths)}")
    if where.types:
        said.append(f"files of type {' or '.join(where.types)}")
    if where.after:
        said.append(f"dated {day(where.after.isoformat())} or later")
    if where.before:
        said.append(f"dated {day(where.before.isoformat())} or earlier")
    said += [f"with “{phrase}”" for phrase in where.phrases]
    said += [f"without “{word}”" for word in where.without]
    return ", ".join(said)


def _since(begun: float) -> int:
    return round((time.perf_counter() - begun) * 1000)
