from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adapted import ONLY, QUESTION, sources

from index import Retriever
from index.errors import CollectionError
from rag import Answer, Service, to_json

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # Haystack reports runs of pipelines
pytest.importorskip("haystack", reason='pip install ".[haystack]"')

from haystack import Document, Pipeline  # noqa: E402
from haystack.core.errors import DeserializationError  # noqa: E402
from haystack.dataclasses import ExtractedAnswer  # noqa: E402

from rag.adapters.haystack import SpanwiseRetriever  # noqa: E402
from rag.adapters.haystack_reader import SpanwiseReader  # noqa: E402

OURS = ["rag.adapters.*"]
NOT_THERE = "What is the recipe for sourdough bread?"


@pytest.fixture(scope="module")
def opened(seeds_home: Path) -> Iterator[Retriever]:
    with Retriever.open(seeds_home) as retriever:
        yield retriever


def assert_same(documents: list[Document], opened: Retriever, **asked: Any) -> None:
    hits = opened.search(QUESTION, **asked)
    assert [d.content for d in documents] == [hit.passage.text for hit in hits]
    assert [d.id for d in documents] == [hit.passage.id for hit in hits]
    assert [d.score for d in documents] == [hit.score for hit in hits]
    assert [d.meta for d in documents] == sources(opened, hits)
    assert documents


def test_it_finds_what_the_retriever_finds(seeds_home: Path, opened: Retriever) -> None:
    retriever = SpanwiseRetriever.open(home=seeds_home, collection="seeds", k=5)
    retriever.warm_up()
    assert_same(retriever.run(QUESTION)["documents"], opened, k=5)
    assert_same(retriever.run(QUESTION, k=3, where=ONLY)["documents"], opened, k=3, where=ONLY)
    found = asyncio.run(retriever.run_async(QUESTION, k=2))
    assert_same(found["documents"], opened, k=2)
    filtered = SpanwiseRetriever(retriever=opened, where=ONLY)
    assert_same(filtered.run(query=QUESTION)["documents"], opened, where=ONLY)
    assert retriever.run("") == {"documents": []}
    retriever.retriever.close()


def assert_answered(answers: list[ExtractedAnswer], wanted: Answer) -> None:
    """The answers are the service's, and stand where they say."""
    shown = [wanted, *(o for o in wanted.others if wanted.text and not o.reason)]
    assert [(a.data, a.score) for a in answers] == [(w.text, w.confidence) for w in shown]
    for answer, told in zip(answers, shown, strict=True):
        assert answer.query == wanted.question.text
        assert answer.meta["citations"] == to_json(told, 0)["citations"]
        assert answer.meta["reason"] == told.reason
        if answer.data is None:
            assert answer.document is None and answer.document_offset is None
            continue
        assert answer.document and answer.document_offset and answer.context_offset
        for text, at in (
            (answer.document.content, answer.document_offset),
            (answer.context, answer.context_offset),
        ):
            assert text is not None and text[at.start : at.end] == answer.data
        first = answer.meta["citations"][0]
        offset = answer.document.meta["start"] + answer.document_offset.start
        assert (answer.document.id, offset) == (first["passage_id"], first["start"])


def test_a_pipeline_out_of_its_yaml_answers(
    seeds_home: Path, opened: Retriever, service: Service
) -> None:
    pipeline = Pipeline()
    retriever = SpanwiseRetriever.open(seeds_home, "seeds", k=service.settings.passages)
    pipeline.add_component("retriever", retriever)
    pipeline.add_component("reader", SpanwiseReader(service=service))
    pipeline.connect("retriever.documents", "reader.documents")
    again = Pipeline.loads(pipeline.dumps(), allowed_modules=OURS)
    assert again.to_dict() == pipeline.to_dict()
    asked = {"retriever": {"query": QUESTION}, "reader": {"query": QUESTION}}
    done = again.run(asked, include_outputs_from={"retriever"})
    assert_same(done["retriever"]["documents"], opened, k=8)
    assert_answered(done["reader"]["answers"], service.ask(QUESTION))
    asked = {"retriever": {"query": NOT_THERE}, "reader": {"query": NOT_THERE}}
    done = asyncio.run(pipeline.run_async(asked))
    assert_answered(done["reader"]["answers"], service.ask(NOT_THERE))
    assert done["reader"]["answers"][0].data is None
    with pytest.raises(DeserializationError):
        Pipeline.loads(pipeline.dumps())


def test_what_a_component_is_made_of(seeds_home: Path, opened: Retriever) -> None:
    retriever = SpanwiseRetriever(retriever=opened, k=4, where=ONLY)
    data = retriever.to_dict()
    assert data["init_parameters"]["home"] == str(seeds_home)
    assert data["init_parameters"]["where"]["paths"] == ["000*", "004*"]
    again = SpanwiseRetriever.from_dict(data)
    assert (again.k, again.where, again.retriever.collection) == (4, ONLY, "seeds")
    assert again.to_dict() == data
    assert_same(again.run(QUESTION)["documents"], opened, k=4, where=ONLY)


def test_the_default_home_stays_the_default(
    seeds_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPANWISE_HOME", str(seeds_home))
    made = [SpanwiseRetriever.open(), SpanwiseReader.open()]
    for component in made:
        assert component.to_dict()["init_parameters"]["home"] is None
    monkeypatch.setenv("SPANWISE_HOME", str(tmp_path))
    with pytest.raises(CollectionError, match="spanwise index FOLDER"):
        SpanwiseRetriever.from_dict(made[0].to_dict())


def test_the_reader_reads_only_passages_of_its_collection(
    opened: Retriever, service: Service
) -> None:
    reader = SpanwiseReader(service=service)
    with pytest.raises(ValueError, match="SpanwiseReader reads what SpanwiseRetriever found"):
        reader.run(QUESTION, [Document(content="Khawla heads the council.")])
    assert [a.data for a in reader.run(QUESTION, [])["answers"]] == [None]
    # Whatever became of the text on the way, it is the index that is read.
    documents = SpanwiseRetriever(retriever=opened, k=8).run(QUESTION)["documents"]
    other = [Document(id=d.id, content="", meta=d.meta) for d in documents]
    (first, *_) = reader.run(QUESTION, other)["answers"]
    assert first.data == service.ask(QUESTION).text
