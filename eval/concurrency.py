"""Many threads search while a writer publishes: does every answer belong to one generation?

`make bench` calls ``under_load(SentenceEncoder(), threads=32, searches=1000, generations=20)``; the
test of it is smaller. Each generation writes its number into every document, so that an answer
made of two, an answer with documents missing, and a step back to an older one can be told.
"""

from __future__ import annotations

import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from index.build import sync
from index.retrieve import Retriever
from index.types import Encoder, Hit

DOCUMENTS = 3
QUESTION = "How high does the tide stand?"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the searches.

    Attributes:
        searches: how many were made.
        seen: the generations that were answered from; the first is 1.
        mixed: answers that were not wholly of one generation.
        stale: answers older than one that the same thread had had before.
        errors: what searches raised, as text; a thread stops at its first.
        seconds: wall clock of all of it.
    """

    searches: int
    seen: frozenset[int]
    mixed: int
    stale: int
    errors: tuple[str, ...]
    seconds: float

    @property
    def clean(self) -> bool:
        """No error, and every answer wholly of one generation, none older than the last."""
        return not (self.errors or self.mixed or self.stale)


def under_load(
    encoder: Encoder, threads: int = 16, searches: int = 100, generations: int = 10
) -> Outcome:
    """Search one collection in `threads` threads while `generations` more are published.

    The generations are spread over the searches: one more is published whenever its share of them
    is done. Each thread searches `searches` times, and on until the last one is out.
    """
    with tempfile.TemporaryDirectory() as scratch:
        sea = _Sea(Path(scratch), encoder)
        sea.publish(1)
        begun = time.perf_counter()
        with (
            Retriever.open(sea.home, encoder=encoder) as retriever,
            ThreadPoolExecutor(threads) as pool,
        ):
            load = _Load(retriever)
            try:
                asked = [pool.submit(load.search, searches) for _ in range(threads)]
                for number in range(1, generations + 1):
                    load.wait(number * threads * searches // (generations + 1), asked)
                    sea.publish(1 + number)
            finally:
                load.over.set()
            for thread in asked:
                thread.result()
        return load.outcome(time.perf_counter() - begun)


class _Sea:
    """A folder whose documents all tell the same number, and the home it is indexed into."""

    def __init__(self, scratch: Path, encoder: Encoder) -> None:
        self._folder, self.home = scratch / "sea", scratch / "home"
        self._folder.mkdir()
        self._encoder = encoder

    def publish(self, number: int) -> None:
        """Write the number into every document and index them."""
        for place in range(DOCUMENTS):
            text = f"The tide at mark {place} stands {number} metres high."
            (self._folder / f"{place}.txt").write_text(text, "utf-8")
        sync(self._folder, self.home, self._encoder)


class _Load:
    """The searches of all threads, counted."""

    def __init__(self, retriever: Retriever) -> None:
        self._retriever = retriever
        self.over = threading.Event()
        self._progress = threading.Condition()
        self._done = self._mixed = self._stale = 0
        self._seen: set[int] = set()
        self._errors: list[str] = []

    def search(self, at_least: int) -> None:
        """Search and judge the answer, `at_least` times and until all is over; stop at an error."""
        mine = last = 0
        while mine < at_least or not self.over.is_set():
            mine += 1
            try:
                told = _told(self._retriever.search(QUESTION, DOCUMENTS))
            except Exception as error:  # of whatever kind: it is the result
                self._count(error=f"{type(error).__name__}: {error}")
                return
            self._count(told, stale=told is not None and told < last)
            last = told or last

    def wait(self, share: int, asked: list[Future[None]]) -> None:
        """Return when so many searches are done, or a thread has stopped at an error."""
        with self._progress:
            self._progress.wait_for(lambda: self._done >= share or any(a.done() for a in asked))

    def outcome(self, seconds: float) -> Outcome:
        """The counts so far."""
        return Outcome(
            self._done,
            frozenset(self._seen),
            self._mixed,
            self._stale,
            tuple(self._errors),
            seconds,
        )

    def _count(self, told: int | None = None, stale: bool = False, error: str = "") -> None:
        with self._progress:
            self._done += 1
            if error:
                self._errors.append(error)
            elif told is None:
                self._mixed += 1
            else:
                self._seen.add(told)
                self._stale += stale
            self._progress.notify_all()


def _told(hits: list[Hit]) -> int | None:
    """The one generation that every document told of; None where they differ or one is missing."""
    numbers = {hit.passage.text.split()[-3] for hit in hits}
    documents = {hit.passage.path for hit in hits}
    return int(numbers.pop()) if len(numbers) == 1 and len(documents) == DOCUMENTS else None
