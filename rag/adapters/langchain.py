"""Spanwise as a LangChain retriever.

>>> from rag.adapters.langchain import SpanwiseRetriever                    # doctest: +SKIP
>>> SpanwiseRetriever.open(k=5).invoke("Who heads the council?")            # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

try:
    from langchain_core.callbacks import (
        AsyncCallbackManagerForRetrieverRun,
        CallbackManagerForRetrieverRun,
    )
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ImportError as error:
    raise ImportError(
        'langchain-core is not installed. From the checkout: pip install ".[langchain]"'
    ) from error

from index.retrieve import Retriever
from index.types import Filter
from rag.adapters.found import find


class SpanwiseRetriever(BaseRetriever):
    """`Retriever.search` as a Runnable: a question in, LangChain documents out.

    A document's `page_content` is the passage, its `id` the passage's, its metadata that of
    `rag.adapters.found.metadata`. ``invoke(question, k=3, where=…)`` overrides `k` and `where`.
    """

    retriever: Retriever
    k: int = 10
    where: Filter | None = None

    @classmethod
    def open(
        cls,
        home: str | Path | None = None,
        collection: str | None = None,
        k: int = 10,
        where: Filter | None = None,
    ) -> Self:
        """Open a collection; see `index.Retriever.open`."""
        return cls(retriever=Retriever.open(home, collection), k=k, where=where)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        where: Filter | None = None,
    ) -> list[Document]:
        return self._find(query, k, where)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        where: Filter | None = None,
    ) -> list[Document]:
        return await asyncio.to_thread(self._find, query, k, where)

    def _find(self, query: str, k: int | None, where: Filter | None) -> list[Document]:
        found = find(self.retriever, query, self.k if k is None else k, where or self.where)
        return [
            Document(page_content=hit.passage.text, id=hit.passage.id, metadata=told)
            for hit, told in found
        ]
