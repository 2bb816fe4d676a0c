"""A folder of documents, indexed for hybrid retrieval. Useful alone, in other tools.

>>> from index import Retriever
>>> Retriever.open("my-home").search("Who heads the council?", k=5)        # doctest: +SKIP

Importing this package loads no heavy library.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from index.errors import SpanwiseError
from index.types import Document, Filter, Hit, Passage

if TYPE_CHECKING:
    from index.build import BuildReport, sync
    from index.encode import SentenceEncoder
    from index.retrieve import Retriever

# A library is silent: without this, Python prints warnings of loggers that nobody configured.
logging.getLogger("spanwise").addHandler(logging.NullHandler())

__all__ = [
    "BuildReport",
    "Document",
    "Filter",
    "Hit",
    "Passage",
    "Retriever",
    "SentenceEncoder",
    "SpanwiseError",
    "sync",
]

_LAZY = {
    "BuildReport": "index.build",
    "sync": "index.build",
    "SentenceEncoder": "index.encode",
    "Retriever": "index.retrieve",
}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
