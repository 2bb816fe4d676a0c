"""A question in, a cited answer out: a span of a document, or an abstention with its reason.

>>> from rag import Service
>>> Service.open("my-home").ask("Who heads the council?").text             # doctest: +SKIP

Importing this package loads no heavy library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rag.types import Answer, Citation, to_json

if TYPE_CHECKING:
    from rag.service import Service
    from rag.settings import Settings

__all__ = ["Answer", "Citation", "Service", "Settings", "to_json"]

_LAZY = {"Service": "rag.service", "Settings": "rag.settings"}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
