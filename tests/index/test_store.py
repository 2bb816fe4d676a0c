from __future__ import annotations

import sqlite3
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.store import Entry, Row, Store, StoreWriter
from index.types import Document, Filter, Mark, Passage, document_id


def make(path: str, text: str, day: str | None = None, title: str | None = "T") -> Document:
    ident = document_id(path)
    return Document(ident, path, text, "ab" * 32, title, day, (0,), (Mark(0, 1, "heading"),))


def row(document: Document, start: int, end: int, boilerplate: bool = False) -> Row:
    text = document.text[start:end]
    ident = f"{document.path}:{start}"
    passage = Passage(ident, document.id, start, end, text, "S", boilerplate, document.path)
    return Row(passage, "T", text.encode("utf-8", "replace").ljust(4, b"0"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    file = tmp_path / "a ?#b%.sqlite"  # what a URI would read as options must not be one
    writer = StoreWriter(file)
    first = make("r/a.txt", "The council met. Nobody spoke of Déir ez-Zor.", "2017-08-05")
    second = make("r/sub/b.pdf", "The army advanced on the TOWN. Menu", None, None)
    writer.add_document(first, "r")
    writer.add_document(second, "r")
    writer.add_passages(
        [row(first, 0, 16), row(first, 17, 45), row(second, 0, 30), row(second, 31, 35, True)]
    )
    writer.add_ledger([Entry("r/a.txt", "r", "indexed", "ab" * 32, 45, 1, 2, "x")])
    writer.close()
    return Store(file)


def rows(store: Store, where: Filter) -> list[int]:
    return np.arange(store.size)[store.rows(where)].tolist()


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        (Filter(), [0, 1, 2]),
        (Filter(boilerplate=True), [0, 1, 2, 3]),
        (Filter(paths=("r/sub/*",)), [2]),
        (Filter(paths=("a.txt",)), [0, 1]),
        (Filter(paths=("*.md", "*.pdf"), boilerplate=True), [2, 3]),
        (Filter(types=("PDF",)), [2]),
        (Filter(after=date(2017, 8, 5), before=date(2017, 8, 5)), [0, 1]),
        (Filter(after=date(2017, 8, 6)), []),
        (Filter(before=date(2017, 8, 4)), []),
        (Filter(phrases=("the  town",)), [2]),
        (Filter(phrases=("council", "met")), [0]),
        (Filter(without=("council",)), [1, 2]),
        (Filter(without=("town",)), [0, 1]),
        (Filter(without=("coun",)), [0, 1, 2]),
        (Filter(phrases=("coun",)), []),
        (Filter(without=("deir  EZ-zor", " ", "?")), [0, 2]),
        (Filter(phrases=("Deir Ez Zór",)), [1]),
        (Filter(phrases=("town", "army")), [2]),
        (Filter(phrases=("army town",)), []),
        (Filter(paths=("r/a.txt",)), [0, 1]),
        (Filter(paths=("[r]/a.txt",)), [0, 1]),
        (Filter(documents=(document_id("r/a.txt"),)), [0, 1]),
        (Filter(documents=(document_id("r/sub/b.pdf"), "nobody"), boilerplate=True), [2, 3]),
        (Filter(documents=("nobody",)), []),
        (Filter(documents=(document_id("r/a.txt"),), phrases=("met",)), [0]),
        (Filter(documents=(document_id("r/a.txt"),), types=("pdf",)), []),
        (Filter(titles=("t",)), [0, 1]),
        (Filter(titles=("x*", "?")), [0, 1]),
        (Filter(titles=("T?",)), []),
        (Filter(titles=("*",)), [0, 1]),
        (Filter(paths=["r/a.txt"], after=datetime(2017, 8, 5, 12)), [0, 1]),  # type: ignore[arg-type]
    ],
)
def test_filters(store: Store, where: Filter, wanted: list[int]) -> None:
    assert rows(store, where) == wanted


@pytest.mark.parametrize("wrong", [{"paths": "*.txt"}, {"titles": "T"}, {"after": "2017-08-05"}])
def test_a_filter_that_would_be_misread_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(TypeError, match=f"Filter.{next(iter(wrong))}"):
        Filter(**wrong)  # type: ignore[arg-type]


def test_what_was_written_is_read(store: Store) -> None:
    document = store.document(document_id("r/a.txt"))
    assert document == make("r/a.txt", document.text, "2017-08-05")
    assert store.document_by_path("r/a.txt") == document
    assert store.document_by_path("r/none.txt") is None
    assert store.passages(["r/sub/b.pdf:0", "r/a.txt:0"])[0].path == "r/sub/b.pdf"
    assert [number for number, _ in store.rows_of(document.id)] == [0, 1]
    assert store.ids([3, 0]) == ["r/sub/b.pdf:31", "r/a.txt:0"]
    assert store.ledger()["r/a.txt"].status == "indexed"
    assert [path for path, *_ in store.listing()] == ["r/a.txt", "r/sub/b.pdf"]
    with pytest.raises(KeyError):
        store.document("nobody")
    with pytest.raises(KeyError):
        store.passages(["nobody"])


def test_it_is_sealed(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._db.execute("DELETE FROM documents")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=st.text(min_size=1).filter(lambda t: t.isprintable() or "\0" in t))
def test_any_text_comes_back_whole(tmp_path: Path, text: str) -> None:
    file = tmp_path / "any.sqlite"
    file.unlink(missing_ok=True)
    writer = StoreWriter(file)
    document = make("r/x.txt", text + "\0tail\U0001f600")
    writer.add_document(document, "r")
    writer.add_passages([row(document, 0, len(document.text))])
    writer.close()
    store = Store(file)
    assert store.document(document.id).text == document.text
    assert store.passages(["r/x.txt:0"])[0].text == document.text
    store.close()
