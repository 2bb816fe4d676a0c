"""What the API and the MCP tools do: a request in, a JSON object out.

Models run in threads, so many at once. Some more may wait; whoever comes then is sent away.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from index.errors import BusyError, CollectionError
from index.home import collections
from index.types import Hit, document_id
from rag.api.requests import Ask, AskBatch, ListDocuments, OpenDocument, Search
from rag.api.traffic import Traffic
from rag.chat.library import Library
from rag.converse import standalone
from rag.service import LONGEST_QUESTION, Service
from rag.types import Answer, Question, hit_to_json, to_json

RUNNING = 4
WAITING = 32
TRIES = 5
"""Searches over, where each time another generation is published before the passages are read."""

Object = dict[str, Any]
T = TypeVar("T")


class Calls:
    """The calls over the collections of a home. Every method raises SpanwiseError."""

    def __init__(self, library: Library, traffic: Traffic) -> None:
        self._library = library
        self._traffic = traffic
        self._threads = anyio.CapacityLimiter(RUNNING)
        self._present = 0

    async def search(self, request: Search) -> Object:
        """`rag.api.objects.HitList`."""
        async with self._place():
            return await self._thread(self._search, request)

    async def ask(self, request: Ask) -> Object:
        """`rag.api.objects.Answer`."""
        async with self._place():
            return await self._thread(self._ask, request)

    async def ask_batch(self, request: AskBatch) -> Object:
        """`rag.api.objects.AnswerList`."""
        async with self._place():
            return await self._thread(self._ask_batch, request)

    async def steps(self, request: Ask) -> AsyncIterator[tuple[str, Object]]:
        """``("hits", HitList)``, then ``("answer", Answer)``; the same answer as `ask` gives.

        Where another generation is published between them, the hits are told again.
        """
        async with self._place():
            begun = time.perf_counter()
            service, question = await self._thread(self._understood, request)
            for _ in range(TRIES):
                hits = await self._thread(self._hits, service, question, request)
                yield "hits", _hit_list(service, request.question, hits)
                try:
                    answer = await self._thread(service.answer, question, hits)
                    break
                except KeyError:  # a passage is not in the generation of now
                    continue
            else:
                raise BusyError("The collection is changing too quickly", mend="Ask again.")
            yield "answer", self._told(answer, begun)

    async def documents(self, request: ListDocuments) -> Object:
        """`rag.api.objects.DocumentList`."""
        async with self._place():
            return await self._thread(self._documents, request)

    async def document(self, request: OpenDocument) -> Object:
        """`rag.api.objects.DocumentText`. CollectionError if there is no such document."""
        async with self._place():
            return await self._thread(self._document, request)

    async def collections(self) -> Object:
        """`rag.api.objects.CollectionList`."""
        async with self._place():
            shelves = await self._thread(self._library.shelves)
        listed = [
            {"name": s.name, "documents": s.documents, "passages": s.passages} for s in shelves
        ]
        return {"schema": 1, "collections": listed}

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """One of the places of those who are served or wait. BusyError if all are taken."""
        if self._present >= RUNNING + WAITING:
            raise BusyError("Too many questions at once", mend="Ask again in a moment.")
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1

    async def _thread(self, work: Callable[..., T], *given: object) -> T:
        return await anyio.to_thread.run_sync(partial(work, *given), limiter=self._threads)

    def _service(self, collection: str | None) -> Service:
        """A collection by name; for None that of the settings, else the only one."""
        known = collections(self._library.home)
        name = collection or self._library.settings.collection
        if name is None and (len(known) == 1 or "default" in known):
            name = "default" if "default" in known else known[0]
        if name not in known or name is None:
            raise CollectionError(
                "No such collection" if name else "No collection was named",
                where=name,
                mend=f"There are: {', '.join(known)}." if known else "Run: spanwise index FOLDER",
            )
        return self._library.service(name)

    def _search(self, request: Search) -> Object:
        service = self._service(request.collection)
        where = request.where.as_filter()
        hits = service.retriever.search(request.question, request.k, where, request.channel)
        return _hit_list(service, request.question, hits)

    def _ask(self, request: Ask) -> Object:
        begun = time.perf_counter()
        turns = [turn.as_turn() for turn in request.turns]
        service = self._service(request.collection)
        return self._told(
            service.ask(request.question, turns=turns, where=request.where.as_filter()), begun
        )

    def _ask_batch(self, request: AskBatch) -> Object:
        begun = time.perf_counter()
        service = self._service(request.collection)
        answers = service.ask_batch(request.questions, where=request.where.as_filter())
        return {"schema": 1, "answers": [self._told(answer, begun) for answer in answers]}

    def _understood(self, request: Ask) -> tuple[Service, Question]:
        service = self._service(request.collection)
        return service, standalone(request.question, [turn.as_turn() for turn in request.turns])

    def _hits(self, service: Service, question: Question, request: Ask) -> list[Hit]:
        if len(question.text) > LONGEST_QUESTION:  # with what was carried over
            return []
        return service.search(question.text, where=request.where.as_filter())

    def _told(self, answer: Answer, begun: float) -> Object:
        self._traffic.answered(answer.text is not None)
        return to_json(answer, round((time.perf_counter() - begun) * 1000))

    def _documents(self, request: ListDocuments) -> Object:
        service = self._service(request.collection)
        with service.retriever.generation() as found:
            listing, generation = found.store.listing(), found.manifest.generation
        rest = [row for row in listing if row[0] > request.after]
        page = rest[: request.limit]
        return {
            "schema": 1,
            "collection": service.retriever.collection,
            "generation": generation,
            "total": len(listing),
            "documents": [
                {"document_id": document_id(path), "path": path, "title": title, "date": date,
                 "passages": passages}
                for path, title, date, passages in page
            ],
            "next": page[-1][0] if len(rest) > len(page) else None,
        }  # fmt: skip

    def _document(self, request: OpenDocument) -> Object:
        service = self._service(request.collection)
        with service.retriever.generation() as found:
            try:
                document = found.document(request.document_id)
            except KeyError:
                raise CollectionError(
                    "No such document in the collection, or no longer",
                    where=request.document_id,
                    mend="Take the id of a hit, of a citation or of the list of documents.",
                ) from None
            generation = found.manifest.generation
        length = len(document.text)
        start = min(request.start, length)
        end = length if request.end is None else max(start, min(request.end, length))
        return {
            "schema": 1,
            "collection": service.retriever.collection,
            "generation": generation,
            "document_id": document.id,
            "path": document.path,
            "title": document.title,
            "date": document.date,
            "length": length,
            "start": start,
            "end": end,
            "text": document.text[start:end],
        }


def _hit_list(service: Service, question: str, hits: Sequence[Hit]) -> Object:
    return {
        "schema": 1,
        "question": question,
        "collection": service.retriever.collection,
        "hits": [hit_to_json(hit) for hit in hits],
    }
