"""Spanwise as a LlamaIndex retriever.

>>> from rag.adapters.llamaindex import SpanwiseRetriever                   # doctest: +SKIP
>>> SpanwiseRetriever.open(k=5).retrieve("Who heads the council?")          # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Self

try:
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import (
        NodeRelationship,
        NodeWithScore,
        QueryBundle,
        RelatedNodeInfo,
        TextNode,
    )
except ImportError as error:
    raise ImportError(
        'llama-index-core is not installed. From the checkout: pip install ".[llamaindex]"'
    ) from error

from index.retrieve import Retriever
from index.types import Filter, Hit
from rag.adapters.found import find

FOR_A_READER = ("path", "title", "date", "page", "section")
"""The metadata that a language model is shown beside the text; the rest is for programs."""


class SpanwiseRetriever(BaseRetriever):
    """`Retriever.search` with nodes: `start_char_idx` and `end_char_idx` count in the document.

    A node's id is the passage's, its source node the document, its metadata that of
    `rag.adapters.found.metadata`.
    """

    def __init__(self, retriever: Retriever, k: int = 10, where: Filter | None = None) -> None:
        super().__init__()
        self.retriever, self.k, self.where = retriever, k, where

    @classmethod
    def open(
        cls,
        home: str | Path | None = None,
        collection: str | None = None,
        k: int = 10,
        where: Filter | None = None,
    ) -> Self:
        """Open a collection; see `index.Retriever.open`."""
        return cls(Retriever.open(home, collection), k, where)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = find(self.retriever, query_bundle.query_str, self.k, self.where)
        return [NodeWithScore(node=_node(hit, told), score=hit.score) for hit, told in found]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(hit: Hit, told: dict[str, Any]) -> TextNode:
    passage = hit.passage
    for_programs = sorted(told.keys() - set(FOR_A_READER))
    return TextNode(
        id_=passage.id,
        text=passage.text,
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        metadata=told,
        excluded_llm_metadata_keys=for_programs,
        excluded_embed_metadata_keys=for_programs,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=passage.doc_id)},
    )
