from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adapted import ONLY, QUESTION, sources

from index import Retriever

pytest.importorskip("langchain_core", reason='pip install ".[langchain]"')
pytest.importorskip("langchain_tests", reason="pip install langchain-tests")

from langchain_core.documents import Document  # noqa: E402
from langchain_core.prompts import PromptTemplate  # noqa: E402
from langchain_core.retrievers import BaseRetriever  # noqa: E402
from langchain_core.runnables import RunnablePassthrough  # noqa: E402
from langchain_tests.integration_tests import RetrieversIntegrationTests  # noqa: E402

from rag.adapters.langchain import SpanwiseRetriever  # noqa: E402


@pytest.fixture(scope="module")
def opened(seeds_home: Path) -> Iterator[Retriever]:
    with Retriever.open(seeds_home) as retriever:
        yield retriever


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
class TestLangChainsOwn(RetrieversIntegrationTests):
    """LangChain's standard tests of a retriever."""

    @pytest.fixture(autouse=True)
    def given(self, opened: Retriever) -> None:
        self.opened = opened

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return SpanwiseRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"retriever": self.opened}

    @property
    def retriever_query_example(self) -> str:
        return QUESTION


def assert_same(documents: list[Document], opened: Retriever, **asked: Any) -> None:
    hits = opened.search(QUESTION, **asked)
    assert [d.page_content for d in documents] == [hit.passage.text for hit in hits]
    assert [d.id for d in documents] == [hit.passage.id for hit in hits]
    assert [d.metadata for d in documents] == sources(opened, hits)
    assert documents


def test_it_finds_what_the_retriever_finds(seeds_home: Path, opened: Retriever) -> None:
    retriever = SpanwiseRetriever.open(home=seeds_home, collection="seeds", k=5)
    assert_same(retriever.invoke(QUESTION), opened, k=5)
    assert_same(retriever.invoke(QUESTION, k=3, where=ONLY), opened, k=3, where=ONLY)
    assert_same(retriever.batch([QUESTION, QUESTION])[1], opened, k=5)
    filtered = SpanwiseRetriever(retriever=opened, where=ONLY)
    assert_same(filtered.invoke(QUESTION), opened, where=ONLY)

    async def asked() -> tuple[list[Document], list[Document]]:
        return await retriever.ainvoke(QUESTION), await retriever.ainvoke(QUESTION, k=2, where=ONLY)

    plain, narrowed = asyncio.run(asked())
    assert_same(plain, opened, k=5)
    assert_same(narrowed, opened, k=2, where=ONLY)
    assert retriever.invoke("") == []
    retriever.retriever.close()


def test_a_chain_up_to_the_prompt(opened: Retriever) -> None:
    """What a language model would be asked."""

    def numbered(documents: list[Document]) -> str:
        return "\n".join(f"[{d.metadata['rank']}] {d.page_content}" for d in documents)

    chain = {
        "context": SpanwiseRetriever(retriever=opened, k=3) | numbered,
        "question": RunnablePassthrough(),
    } | PromptTemplate.from_template("{question}\n{context}")
    texts = [hit.passage.text for hit in opened.search(QUESTION, 3)]
    wanted = "\n".join([QUESTION, *(f"[{n}] {text}" for n, text in enumerate(texts, start=1))])
    assert chain.invoke(QUESTION).to_string() == wanted
