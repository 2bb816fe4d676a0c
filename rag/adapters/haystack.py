"""Spanwise as a Haystack retriever; its reader is `rag.adapters.haystack_reader`.

>>> from rag.adapters.haystack import SpanwiseRetriever                     # doctest: +SKIP
>>> SpanwiseRetriever.open(k=5).run("Who heads the council?")["documents"]  # doctest: +SKIP

A pipeline's YAML is loaded by ``Pipeline.loads(text, allowed_modules=["rag.adapters.*"])``:
Haystack imports no module of which it was not told.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

try:
    from haystack import Document, component, default_to_dict
except ImportError as error:
    raise ImportError(
        'haystack-ai is not installed. From the checkout: pip install ".[haystack]"'
    ) from error

from index.retrieve import Retriever
from index.types import Filter
from rag.adapters.found import find, from_plain, to_plain


@component
class SpanwiseRetriever:
    """`Retriever.search` as a component: a query in, Haystack documents out.

    A document's `content` is the passage, its `id` the passage's, its `meta` that of
    `rag.adapters.found.metadata`.
    """

    def __init__(self, retriever: Retriever, k: int = 10, where: Filter | None = None) -> None:
        self.retriever, self.k, self.where = retriever, k, where
        self.home: str | None = str(retriever.folder.parent.parent)

    @classmethod
    def open(
        cls,
        home: str | Path | None = None,
        collection: str | None = None,
        k: int = 10,
        where: Filter | None = None,
    ) -> SpanwiseRetriever:
        """Open a collection; see `index.Retriever.open`."""
        opened = cls(Retriever.open(home, collection), k, where)
        opened.home = None if home is None else str(home)  # not where it lies on this machine
        return opened

    def warm_up(self) -> None:
        """Load the encoder now rather than at the first query."""
        self.retriever.warm_up()

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, k: int | None = None, where: Filter | None = None
    ) -> dict[str, list[Document]]:
        """The `k` best passages; `k` and `where` override those of the component."""
        found = find(self.retriever, query, self.k if k is None else k, where or self.where)
        return {
            "documents": [
                Document(id=hit.passage.id, content=hit.passage.text, meta=told, score=hit.score)
                for hit, told in found
            ]
        }

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, k: int | None = None, where: Filter | None = None
    ) -> dict[str, list[Document]]:
        """`run` in a thread, which leaves the event loop free."""
        return await asyncio.to_thread(self.run, query, k, where)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the home as it was given, the collection, `k` and `where`."""
        name = self.retriever.collection
        where = None if self.where is None else to_plain(self.where)
        return default_to_dict(self, home=self.home, collection=name, k=self.k, where=where)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SpanwiseRetriever:
        """Open what `to_dict` told of."""
        given = dict(data["init_parameters"])
        where = given.pop("where", None)
        return cls.open(**given, where=None if where is None else from_plain(where))
