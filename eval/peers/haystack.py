"""Haystack's extractive pipeline over the same passages, with the same reader's weights.

Haystack is no dependency of ours: this runs in the environment that `make bench-peers` makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eval.peers.same import READ, STRIDE, WINDOW, Ask, Passages, Said


@contextmanager
def pipeline(passages: Passages, reader: str) -> Iterator[Ask]:
    """BM25 with its defaults, then the extractive reader; a document is title, section and text."""
    import torch
    from haystack import Document, Pipeline
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.readers import transformers  # type: ignore[import-not-found, unused-ignore]

    store = InMemoryDocumentStore()
    store.write_documents([
        Document(id=p["id"], content=f"{p['about']}\n{p['text']}".strip()) for p in passages
    ])  # fmt: skip
    made = Pipeline()
    made.add_component("retriever", InMemoryBM25Retriever(store, top_k=READ))
    made.add_component(
        "reader",
        transformers.TransformersExtractiveReader(
            reader, token=None, top_k=1, max_seq_length=WINDOW, stride=STRIDE, no_answer=False,
            model_kwargs={"dtype": torch.float32, "local_files_only": True},
        ),
    )  # fmt: skip
    made.connect("retriever.documents", "reader.documents")

    def ask(question: str) -> Said:
        asked = {"retriever": {"query": question}, "reader": {"query": question}}
        found = made.run(asked, include_outputs_from={"retriever"})
        answers = found["reader"]["answers"]
        read = [document.id for document in found["retriever"]["documents"]]
        return (answers[0].data or "" if answers else ""), read

    yield ask
