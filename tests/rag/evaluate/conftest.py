"""The Evaluate panel over a collection of two documents, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harbour import harbour
from starlette.testclient import TestClient
from trials import TEXTS, visitor

from rag.chat.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with harbour(tmp_path, TEXTS) as opened:
        yield opened


@pytest.fixture
def client(library: Library) -> TestClient:
    return visitor(library)
