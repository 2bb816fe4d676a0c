from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import WordEncoder, write_files

from eval.doubts import of_golds, of_judgements
from eval.sets import Example, Gold
from index.build import sync
from index.errors import QuestionError
from index.retrieve import Retriever
from index.snapshot import Snapshot


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Snapshot]:
    folder = write_files(tmp_path / "docs", {"a.txt": "The dam broke.", "b.txt": "An opera."})
    sync(folder, tmp_path / "home", WordEncoder())
    with Retriever.open(tmp_path / "home", encoder=WordEncoder()) as retriever:
        with retriever.generation() as snapshot:
            yield snapshot


def example(*golds: Gold) -> Example:
    return Example("1", "What broke?", golds)


def test_golds_that_stand_where_they_say(found: Snapshot) -> None:
    assert of_golds(found, [example(Gold("dam", "docs/a.txt", 4, 7)), example(Gold("x"))]) == []
    assert of_golds(found, [example(Gold("anything", "docs/a.txt"))]) == []
    assert of_golds(found, []) == []


def test_golds_that_do_not(found: Snapshot) -> None:
    golds = [
        Gold("dam", "docs/a.txt", 5, 8),
        Gold("x", "docs/c.txt", 0, 1),
        Gold("x", "docs/d.txt"),
    ]
    assert of_golds(found, [example(*golds)]) == [
        "2 documents of golds are not in the collection, docs/c.txt first",
        "1 golds do not stand in their documents where the set says",
    ]
    with pytest.raises(QuestionError, match=r"None of the documents.*data/a.txt.*like docs/a.txt"):
        of_golds(found, [example(Gold("dam", "data/a.txt", 4, 7))])


def test_judged_documents_that_are_not_there(found: Snapshot) -> None:
    assert of_judgements(found, {"a", "b"}) == []
    assert of_judgements(found, {"a", "x", "y"}) == [
        "2 relevant documents are not in the collection, x first"
    ]
    with pytest.raises(QuestionError, match="None of the documents"):
        of_judgements(found, {"x"})
