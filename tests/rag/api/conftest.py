"""REST over the demo corpus, with the shipped models, where a file has no `library` of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rest import HEADED
from starlette.testclient import TestClient

from rag.api.calls import Calls
from rag.api.routes import make_api
from rag.api.traffic import Traffic
from rag.chat.library import Library
from rag.settings import Settings
from rag.types import to_json


@pytest.fixture(scope="module")
def library(seeds_home: Path) -> Iterator[Library]:
    opened = Library(Settings(seeds_home))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def headed(library: Library) -> dict[str, Any]:
    """The answer to `HEADED`, as the service gives it."""
    return to_json(library.service("seeds").ask(HEADED), 0)


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
def calls(library: Library, traffic: Traffic) -> Calls:
    return Calls(library, traffic)


@pytest.fixture
def client(calls: Calls, traffic: Traffic) -> TestClient:
    return TestClient(make_api(calls, traffic))
