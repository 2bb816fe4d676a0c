"""What the adapters have in common; no framework is needed for it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from adapted import imported_without
from tiny import WordEncoder, write_files

from index import Filter, Retriever, sync
from index.types import Document, Hit, Passage
from rag.adapters.found import find, from_plain, metadata, to_plain


@pytest.mark.parametrize(
    ("framework", "module", "extra"),
    [
        ("langchain_core", "rag.adapters.langchain", "langchain"),
        ("llama_index", "rag.adapters.llamaindex", "llamaindex"),
        ("haystack", "rag.adapters.haystack", "haystack"),
        ("haystack", "rag.adapters.haystack_reader", "haystack"),
    ],
)
def test_without_its_extra_an_adapter_says_the_pip_line(
    framework: str, module: str, extra: str
) -> None:
    said = imported_without(framework, module)
    assert said.startswith("ImportError: ")
    assert said.endswith(f'pip install ".[{extra}]"')


def test_a_hit_is_told_with_its_place() -> None:
    document = Document("d", "r/a.pdf", "One. Two. Three.", "", "T", "2017-08-05", (0, 5, 10))
    hit = Hit(Passage("p", "d", 5, 9, "Two.", "Numbers", path="r/a.pdf"), 0.5, 2, {"dense": 1})
    assert metadata(hit, document) == {
        "passage_id": "p", "document_id": "d", "path": "r/a.pdf", "title": "T",
        "date": "2017-08-05", "page": 2, "start": 5, "end": 9, "section": "Numbers",
        "rank": 2, "score": 0.5, "via": {"dense": 1},
    }  # fmt: skip


def test_hits_and_sources_are_of_one_generation(tmp_path: Path) -> None:
    """A document that goes while it is searched is still told of."""
    home, docs = tmp_path / "home", write_files(tmp_path / "docs", {"a.txt": "The old tide."})
    sync(docs, home, WordEncoder())

    class Changing(WordEncoder):
        def queries(self, texts):  # type: ignore[no-untyped-def]  # noqa: ANN001,ANN202
            (docs / "a.txt").unlink()
            write_files(docs, {"b.txt": "The new tide."})
            sync(docs, home, WordEncoder())
            return super().queries(texts)

    with Retriever.open(home, encoder=Changing()) as retriever:
        ((hit, told),) = find(retriever, "tide", 3)
        assert (hit.passage.text, told["path"]) == ("The old tide.", "docs/a.txt")
    with Retriever.open(home, encoder=WordEncoder()) as retriever:
        assert [told["path"] for _, told in find(retriever, "tide", 3)] == ["docs/b.txt"]


def test_a_filter_goes_through_json_and_comes_back() -> None:
    where = Filter(
        ("a*", "b"), ("pdf",), date(2017, 8, 5), None, ("x y",), ("z",), True, ("id",), ("*t*",)
    )
    assert from_plain(json.loads(json.dumps(to_plain(where)))) == where
    assert from_plain(to_plain(Filter())) == Filter()
    by_hand = {"before": date(2018, 1, 2), "paths": ["a"]}  # YAML reads a day as a day
    assert from_plain(by_hand) == Filter(paths=("a",), before=date(2018, 1, 2))
    for wrong in ({"path": ["a"]}, {"paths": "a"}):
        with pytest.raises(TypeError):
            from_plain(wrong)
    with pytest.raises(ValueError):
        from_plain({"after": "soon"})
