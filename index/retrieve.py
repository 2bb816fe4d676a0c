"""The facade for other tools: a question in, ranked passages out.

>>> from index import Retriever
>>> with Retriever.open() as retriever:                                    # doctest: +SKIP
...     for hit in retriever.search("Who heads the council?", k=5):
...         print(hit.rank, hit.passage.text, hit.via)

Beside an event loop, `asearch` does the same in a thread:

>>> async def first(question):
...     async with Retriever.open() as retriever:
...         return (await retriever.asearch(question, k=1))[0]
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from index import snapshot
from index.encode import DEFAULT_ENCODER, SentenceEncoder
from index.errors import CollectionError, IndexMismatchError
from index.fuse import DEFAULT_METHOD, DEFAULT_WEIGHTS, Method, fuse
from index.home import existing_collection, home_folder
from index.snapshot import Snapshot
from index.types import Backend, Channel, Encoder, Filter, Hit, Ranking, Vectors

DEPTH = 100
"""Passages that each channel ranks for the fusion, whatever k: so that a hit's score does not
depend on how many are asked for."""


class Retriever:
    """Searches one collection. Thread-safe; a context manager, ``with`` or ``async with``.

    A generation published meanwhile is taken up at the next search; a search under way ends in
    the generation it began in. Make it with `open`, which loads no model: the
    encoder's weights come at the first search that needs them, or by `warm_up`.
    """

    def __init__(self, folder: Path, encoder: Encoder | None = None) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._current = _Shared(Snapshot.open(folder))
        self._given = encoder
        self.encoder: Encoder = encoder or named_encoder(self._made_with)

    @classmethod
    def open(
        cls,
        home: str | Path | None = None,
        collection: str | None = None,
        encoder: Encoder | None = None,
    ) -> Retriever:
        """Open a collection for searching.

        Args:
            home: the home folder; by default ``SPANWISE_HOME`` or the system's data folder.
            collection: its name; None means ``default``, or the only one there is.
            encoder: that which made the index; by default the one that its manifest names.

        Raises:
            CollectionError: nothing has been indexed there, or the name is ambiguous.
            CorruptIndexError, IndexMismatchError: the index cannot be used; the mend is named.
        """
        return cls(existing_collection(home_folder(home), collection), encoder)

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self.folder.name

    def search(
        self,
        question: str,
        k: int = 10,
        where: Filter | None = None,
        channel: Channel = "hybrid",
    ) -> list[Hit]:
        """The `k` best passages for a question, best first; fewer if fewer have any evidence.

        Args:
            question: any text; a blank one finds nothing.
            k: how many, at least 1.
            where: which passages may be returned.
            channel: both channels fused, or only BM25 or only the vectors.
        """
        return self.search_batch([question], k, where, channel)[0]

    def search_batch(
        self,
        questions: Sequence[str],
        k: int = 10,
        where: Filter | None = None,
        channel: Channel = "hybrid",
    ) -> list[list[Hit]]:
        """`search` for each question, in one generation; the same hits as one by one."""
        with self.generation() as found:
            return search(found, self.encoder, questions, k, where or Filter(), channel)

    async def asearch(
        self,
        question: str,
        k: int = 10,
        where: Filter | None = None,
        channel: Channel = "hybrid",
    ) -> list[Hit]:
        """`search` in a thread, which leaves the event loop free.

        Cancelled, it returns at once; the thread ends its search and lets the generation go.
        """
        return (await self.asearch_batch([question], k, where, channel))[0]

    async def asearch_batch(
        self,
        questions: Sequence[str],
        k: int = 10,
        where: Filter | None = None,
        channel: Channel = "hybrid",
    ) -> list[list[Hit]]:
        """`search_batch` in a thread; see `asearch`."""
        return await asyncio.to_thread(self.search_batch, questions, k, where, channel)

    def warm_up(self) -> None:
        """Load the encoder now rather than at the first search."""
        self.encoder.queries(["warm up"])

    @contextmanager
    def generation(self) -> Iterator[Snapshot]:
        """The current generation, held open while the context lasts.

        Raises:
            CollectionError: the retriever was closed.
        """
        with self._lock:
            shared = self._current
            if shared.retired:
                raise CollectionError(
                    "The collection was closed",
                    where=self.collection,
                    mend="Open it again with `open`, and close it after the last question.",
                )
            if snapshot.current(self.folder) != shared.snapshot.manifest.generation:
                self._current = _Shared(Snapshot.open(self.folder))
                shared.retire()
                shared = self._current
                if self._given is None and self._made_with != self.encoder.name:
                    self.encoder = named_encoder(self._made_with)
            shared.users += 1
        try:
            yield shared.snapshot
        finally:
            with self._lock:
                shared.users -= 1
                shared.close_if_unused()

    def close(self) -> None:
        """Let the generation go once the searches under way have ended."""
        with self._lock:
            self._current.retire()

    def __enter__(self) -> Retriever:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Retriever:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def _made_with(self) -> str:
        return str(self._current.snapshot.manifest.encoder["name"])


class _Shared:
    """A snapshot that several searches use; closed when it is retired and the last one ends."""

    def __init__(self, opened: Snapshot) -> None:
        self.snapshot = opened
        self.users = 0
        self.retired = False

    def retire(self) -> None:
        self.retired = True
        self.close_if_unused()

    def close_if_unused(self) -> None:
        if self.retired and not self.users:
            self.snapshot.close()


def named_encoder(name: str | None) -> SentenceEncoder:
    """The encoder of that name, folder or hub name; the default for None."""
    return SentenceEncoder(None if name in (None, "", DEFAULT_ENCODER) else name)


def search(
    backend: Backend,
    encoder: Encoder,
    questions: Sequence[str],
    k: int,
    where: Filter,
    channel: Channel = "hybrid",
    method: Method = DEFAULT_METHOD,
    weights: Mapping[str, float] = DEFAULT_WEIGHTS,
) -> list[list[Hit]]:
    """Search any `Backend`: encode, rank in each channel, fuse, fetch. One list for a question.

    Vectors are searched one question at a time: a batch changes the last bits.

    Raises:
        IndexMismatchError: the vectors were made by another encoder.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if channel not in get_args(Channel):
        raise ValueError(f"channel must be one of {get_args(Channel)}, not {channel!r}")
    asked = [question for question in questions if question.strip()]
    vectors: dict[str, Vectors] = {}
    if asked and channel != "lexical" and backend.manifest.passages:
        _check(backend, encoder)
        vectors = dict(zip(asked, encoder.queries(asked), strict=True))
    results: list[list[Hit]] = []
    for question in questions:
        if not question.strip():
            results.append([])
            continue
        rankings: dict[str, Ranking] = {}
        if channel != "dense":
            rankings["lexical"] = backend.search_text(question, max(k, DEPTH), where)
        if question in vectors:
            rankings["dense"] = backend.search_vector(vectors[question], max(k, DEPTH), where)
        if channel == "hybrid":
            ranked = fuse(method, rankings, weights)[:k]
        else:
            ranked = rankings.get(channel, [])[:k]
        results.append(_hits(backend, ranked, rankings))
    return results


def _check(backend: Backend, encoder: Encoder) -> None:
    made = backend.manifest.encoder
    if made["fingerprint"] != encoder.fingerprint:
        raise IndexMismatchError(
            f"The index was made with the encoder {made['name']} and other weights than those of "
            f"{encoder.name}",
            mend="Index the folder again: spanwise index FOLDER, with --encoder for another.",
        )


def _hits(backend: Backend, ranked: Ranking, rankings: Mapping[str, Ranking]) -> list[Hit]:
    places = {
        channel: {ident: rank for rank, (ident, _) in enumerate(ranking, start=1)}
        for channel, ranking in rankings.items()
    }
    passages = backend.passages([ident for ident, _ in ranked])
    return [
        Hit(
            passage,
            round(score, 6),
            rank,
            {name: place[passage.id] for name, place in places.items() if passage.id in place},
        )
        for rank, (passage, (_, score)) in enumerate(zip(passages, ranked, strict=True), start=1)
    ]
