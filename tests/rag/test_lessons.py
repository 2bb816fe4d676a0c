"""Questions of our own sets are given contexts from a collection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tiny import WordEncoder, write_files

from eval.sets import Example, Gold
from index import sync
from index.retrieve import Retriever
from rag.lessons import Lesson, lessons, placed

COUNCIL = "The council met. " * 40 + "Khawla heads the council of Raqqa. " + "It rained. " * 60
FILES = {
    "a.txt": COUNCIL,
    "b.txt": "The council of Homs has no head. " * 3 + "The market of Homs opens at nine.",
}


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Retriever]:
    folder = tmp_path_factory.mktemp("lessons")
    encoder = WordEncoder()
    sync(write_files(folder / "docs", FILES), folder / "home", encoder)
    with Retriever.open(folder / "home", encoder=encoder) as opened:
        yield opened


def test_the_context_is_cut_around_the_gold_span(retriever: Retriever) -> None:
    start = COUNCIL.index("Khawla")
    gold = Gold("Khawla", "docs/a.txt", start, start + len("Khawla"))
    made, complaints = placed([Example("1", "Who heads the council?", (gold,))], retriever)
    assert complaints == []
    right, wrong = made
    assert right.context is not None and wrong.context is not None
    found = right.golds[0]
    assert right.context[found.start : found.end] == "Khawla"
    assert "heads the council of Raqqa" in right.context
    assert 600 < len(right.context) < 1_000
    assert right.context in COUNCIL
    assert "Khawla" not in wrong.context
    assert (wrong.golds, wrong.id) == ((), "1#1")


def test_a_gold_without_a_place_is_sought_in_the_passages_found(retriever: Retriever) -> None:
    asked = Example("1", "When does the market of Homs open?", (Gold("nine"),))
    made, complaints = placed([asked], retriever)
    assert complaints == []
    assert made[0].context is not None
    assert made[0].context[made[0].golds[0].start : made[0].golds[0].end] == "nine"


def test_an_answer_that_stands_nowhere_is_told(retriever: Retriever) -> None:
    start = COUNCIL.index("Khawla")
    asked = [
        Example("1", "Who heads the council?", (Gold("Zorro"),)),
        Example("2", "Who heads the council?", (Gold("Khawla", "docs/a.txt", start + 1, 9),)),
        Example("3", "Who heads the council?", (Gold("Zorro", "docs/none.txt", 0, 5),)),
    ]
    made, complaints = placed(asked, retriever)
    assert [complaint.split(":")[0] for complaint in complaints] == ["1", "3"]
    assert {example.id.split("#")[0] for example in made} == {"2"}


def test_unanswerable_ones_get_what_is_found_first(retriever: Retriever) -> None:
    made, _ = placed([Example("1", "Who heads the council of Homs?", ())], retriever)
    assert [example.id for example in made] == ["1#1", "1#2"]
    assert all(example.context and not example.golds for example in made)


def test_a_given_context_is_kept() -> None:
    golds = (Gold("in Raqqa", None, 4, 12), Gold("Raqqa", None, 7, 12), Gold("Raqqa", None, 7, 12))
    given = [
        Example("1", "Where?", golds, context="Met in Raqqa."),
        Example("2", "Who?", (), context="Met in Raqqa."),
        Example("3", "Why?", (Gold("rain"),), context="It rained; no place is said."),
        Example("4", "Why?", ()),
    ]
    assert lessons(given) == [
        Lesson("1", "Where?", "Met in Raqqa.", 7, 12),
        Lesson("2", "Who?", "Met in Raqqa.", -1, -1),
    ]
