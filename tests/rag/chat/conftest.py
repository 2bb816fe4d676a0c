"""What the page asks beside Gradio's events, without a browser and without models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harbour import harbour
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rag.chat.library import Library
from rag.chat.routes import routes
from rag.chat.uploads import Uploads


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with harbour(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(library: Library) -> TestClient:
    return TestClient(Starlette(routes=routes(library, Uploads(library))))
