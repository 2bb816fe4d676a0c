from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from tiny import WordEncoder, write_files

from index.build import sync
from index.errors import CollectionError, IndexMismatchError
from index.fuse import DEFAULT_METHOD, DEFAULT_WEIGHTS, fuse
from index.retrieve import DEPTH, Retriever
from index.types import Filter, Hit, Vectors

FILES = {f"{n:02}.txt": f"Village {n} lies by the {w}." for n, w in enumerate(["dam", "river"] * 6)}
FILES["same-1.txt"] = FILES["same-2.txt"] = "Two equal files tell of the bridge."


@pytest.fixture
def home(tmp_path: Path) -> Path:
    sync(write_files(tmp_path / "docs", FILES), tmp_path / "home", WordEncoder())
    return tmp_path / "home"


@pytest.fixture
def retriever(home: Path) -> Retriever:
    return Retriever.open(home, encoder=WordEncoder())


def ranks(hits: list[Hit], channel: str) -> dict[str, int]:
    return {hit.passage.id: hit.via[channel] for hit in hits if channel in hit.via}


def test_hits_are_the_fusion_of_the_channels_value_for_value(retriever: Retriever) -> None:
    question = "Which village lies by the dam?"
    with retriever.generation() as found:
        (vector,) = retriever.encoder.queries([question])
        rankings = {
            "lexical": found.search_text(question, DEPTH, Filter()),
            "dense": found.search_vector(vector, DEPTH, Filter()),
        }
    wanted = fuse(DEFAULT_METHOD, rankings, DEFAULT_WEIGHTS)[:7]
    hits = retriever.search(question, 7)
    assert [(h.passage.id, h.score) for h in hits] == [(i, round(s, 6)) for i, s in wanted]
    assert [h.rank for h in hits] == list(range(1, 8))
    for channel, ranking in rankings.items():
        places = {ident: place for place, (ident, _) in enumerate(ranking, start=1)}
        assert ranks(hits, channel).items() <= places.items()


def test_one_channel_alone(retriever: Retriever) -> None:
    lexical = retriever.search("river", 20, channel="lexical")
    assert {hit.passage.text for hit in lexical} == {t for t in FILES.values() if "river" in t}
    assert all(hit.via == {"lexical": hit.rank} for hit in lexical)
    dense = retriever.search("river", 20, channel="dense")
    assert all(hit.via == {"dense": hit.rank} for hit in dense)


def test_a_hit_does_not_depend_on_how_many_are_asked_for(retriever: Retriever) -> None:
    many = retriever.search("the village by the river", 12)
    assert retriever.search("the village by the river", 3) == many[:3]


def test_ties_are_broken_by_id(retriever: Retriever) -> None:
    for channel in ("hybrid", "lexical", "dense"):
        both = retriever.search("the bridge of two equal files", 2, channel=channel)  # type: ignore[arg-type]
        assert [h.passage.id for h in both] == sorted(h.passage.id for h in both)
        (one,) = retriever.search("the bridge of two equal files", 1, channel=channel)  # type: ignore[arg-type]
        assert one == both[0]


def test_a_batch_is_the_same_as_one_by_one(retriever: Retriever) -> None:
    questions = ["dam", "", "which river?", "nothing of this xyzzy", "dam"]
    batch = retriever.search_batch(questions)
    assert batch == [retriever.search(question) for question in questions]
    assert batch[1] == []


def test_filters_reach_both_channels(retriever: Retriever) -> None:
    hits = retriever.search("village by the dam", 20, Filter(paths=("docs/0[0-3].txt",)))
    assert {hit.passage.path for hit in hits} == {f"docs/0{n}.txt" for n in range(4)}


def test_k_must_make_sense(retriever: Retriever) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        retriever.search("dam", 0)


def test_another_encoder_is_refused_with_the_mend(home: Path) -> None:
    with (
        Retriever.open(home, encoder=WordEncoder("others")) as retriever,
        pytest.raises(IndexMismatchError, match="spanwise index FOLDER"),
    ):
        retriever.search("dam")


def test_nothing_indexed(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="spanwise index FOLDER"):
        Retriever.open(tmp_path)


def test_threads_search_while_generations_are_published(home: Path, tmp_path: Path) -> None:
    """No error, and every answer belongs wholly to one generation."""
    retriever = Retriever.open(home, encoder=WordEncoder())
    errors: list[BaseException] = []
    seen: set[str] = set()
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            try:
                hits = retriever.search("tide of the generation", 20, channel="lexical")
                tides = {hit.passage.text for hit in hits}
                assert len(tides) <= 1, tides
                seen.update(tides)
            except BaseException as error:
                errors.append(error)
                return

    threads = [threading.Thread(target=search) for _ in range(8)]
    for thread in threads:
        thread.start()
    folder = tmp_path / "docs"
    for n in range(8):
        for name in ("t1.txt", "t2.txt", "t3.txt"):
            (folder / name).write_text(f"Tide of the generation number{n}.")
        sync(folder, home, WordEncoder())
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(seen) > 1
    generations = home / "collections" / "default" / "generations"
    retriever.close()
    (folder / "t1.txt").write_text("The tide is out.")
    sync(folder, home, WordEncoder())
    assert len(list(generations.iterdir())) == 1  # nothing is held any longer


class HeldEncoder(WordEncoder):
    """Encodes once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.let = threading.Event(), threading.Event()

    def queries(self, texts: Sequence[str]) -> Vectors:
        self.begun.set()
        assert self.let.wait(60)
        return super().queries(texts)


def test_asked_beside_an_event_loop_it_finds_the_same(retriever: Retriever) -> None:
    questions = ["Which village lies by the dam?", "", "river"]
    only = Filter(paths=("0*.txt",))

    async def asked() -> list[list[Hit]]:
        async with retriever as same:
            one = await same.asearch(questions[0], 3, only, "lexical")
            many = await same.asearch_batch(questions, 4)
            at_once = await asyncio.gather(*(same.asearch(q, 4) for q in questions))
        return [one, *many, *at_once]

    one = retriever.search(questions[0], 3, only, "lexical")
    many = retriever.search_batch(questions, 4)
    assert asyncio.run(asked()) == [one, *many, *many]
    with pytest.raises(CollectionError, match="closed"):  # async with closed it
        retriever.search("dam")


def test_the_loop_runs_on_and_a_cancelled_search_lets_go(home: Path, tmp_path: Path) -> None:
    encoder = HeldEncoder()

    async def cancelled() -> None:
        async with Retriever.open(home, encoder=encoder) as retriever:
            task = asyncio.create_task(retriever.asearch("dam"))
            while not encoder.begun.is_set():  # the loop turns while the thread waits
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        (tmp_path / "docs" / "00.txt").write_text("The village is gone.")
        sync(tmp_path / "docs", home, WordEncoder())
        assert len(generations()) == 2  # the thread still searches the old one
        encoder.let.set()

    def generations() -> list[str]:
        folder = home / "collections" / "default" / "generations"
        return sorted(file.name for file in folder.iterdir())

    asyncio.run(cancelled())  # its end waits for the thread
    (tmp_path / "docs" / "01.txt").write_text("This one too.")
    sync(tmp_path / "docs", home, WordEncoder())
    assert len(generations()) == 1
