from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adapted import ONLY, QUESTION, sources

from index import Retriever

pytest.importorskip("llama_index.core", reason='pip install ".[llamaindex]"')

from llama_index.core.llms import MockLLM  # noqa: E402
from llama_index.core.postprocessor import SimilarityPostprocessor  # noqa: E402
from llama_index.core.query_engine import RetrieverQueryEngine  # noqa: E402
from llama_index.core.response_synthesizers.no_text import NoText  # noqa: E402
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode  # noqa: E402

from rag.adapters.llamaindex import SpanwiseRetriever  # noqa: E402


@pytest.fixture(scope="module")
def opened(seeds_home: Path) -> Iterator[Retriever]:
    with Retriever.open(seeds_home) as retriever:
        yield retriever


def assert_same(nodes: list[NodeWithScore], opened: Retriever, **asked: Any) -> None:
    hits = opened.search(QUESTION, **asked)
    told = sources(opened, hits)
    assert [node.score for node in nodes] == [hit.score for hit in hits]
    assert [node.metadata for node in nodes] == told
    assert nodes
    for node, hit, source in zip(nodes, hits, told, strict=True):
        assert isinstance(node.node, TextNode)
        assert (node.node_id, node.text) == (hit.passage.id, hit.passage.text)
        place = node.node.start_char_idx, node.node.end_char_idx
        assert place == (source["start"], source["end"])
        assert node.node.ref_doc_id == source["document_id"]


def test_it_finds_what_the_retriever_finds(seeds_home: Path, opened: Retriever) -> None:
    retriever = SpanwiseRetriever.open(home=seeds_home, collection="seeds", k=5)
    assert_same(retriever.retrieve(QUESTION), opened, k=5)
    assert_same(asyncio.run(retriever.aretrieve(QUESTION)), opened, k=5)
    filtered = SpanwiseRetriever(retriever=opened, where=ONLY)
    assert_same(filtered.retrieve(QUESTION), opened, where=ONLY)
    assert retriever.retrieve(" ") == []
    retriever.retriever.close()


def test_a_query_engine(opened: Retriever) -> None:
    hits = opened.search(QUESTION, 8)
    cutoff = hits[4].score
    engine = RetrieverQueryEngine(
        SpanwiseRetriever(retriever=opened, k=8),
        NoText(llm=MockLLM()),
        node_postprocessors=[SimilarityPostprocessor(similarity_cutoff=cutoff)],
    )
    kept = [hit for hit in hits if hit.score >= cutoff]
    assert 0 < len(kept) < 8
    assert_same(engine.query(QUESTION).source_nodes, opened, k=len(kept))
    assert_same(asyncio.run(engine.aquery(QUESTION)).source_nodes, opened, k=len(kept))


def test_a_language_model_is_shown_the_source_and_no_numbers(opened: Retriever) -> None:
    (node,) = SpanwiseRetriever(retriever=opened, k=1).retrieve(QUESTION)
    shown = node.get_content(MetadataMode.LLM)
    assert f"path: {node.metadata['path']}" in shown and node.text in shown
    assert "passage_id" not in shown and "score" not in shown
