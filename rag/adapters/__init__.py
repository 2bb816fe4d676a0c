"""Spanwise as a part of other frameworks: a leaf for each, which needs the extra of its name.

- `rag.adapters.langchain`: ``pip install ".[langchain]"``
- `rag.adapters.llamaindex`: ``pip install ".[llamaindex]"``
- `rag.adapters.haystack`, `rag.adapters.haystack_reader`: ``pip install ".[haystack]"``
- `rag.adapters.mcp`: ``pip install ".[mcp]"``; run by `spanwise mcp` and `spanwise serve`

`rag.adapters.mcp` is the server of `spanwise mcp`.

Every retriever is made by ``SpanwiseRetriever.open(home, collection, k=5, where=Filter(…))`` or of
an opened one, ``SpanwiseRetriever(retriever=retriever, k=5)``, and gives what `Retriever.search`
gives, with the metadata of `rag.adapters.found`.
"""
