from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tiny import SEEDS, WordEncoder

if TYPE_CHECKING:
    from rag.service import Service

# The defaults must never need a hub; a hub library that asks one all the same meets the guard.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
os.environ.pop("SPANWISE_HOME", None)

LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Fail on any connection but loopback."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            assert host.startswith(LOOPBACK), f"a connection to {host} was attempted"
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign,assignment]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture(scope="session")
def seeds_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the demo corpus in the collection ``seeds``, made with the real encoder."""
    from index import SentenceEncoder, sync

    home = tmp_path_factory.mktemp("seeds") / "home"
    sync(SEEDS, home, SentenceEncoder(), "seeds")
    return home


@pytest.fixture(scope="session")
def service(seeds_home: Path) -> Iterator[Service]:
    """The whole product over the demo corpus."""
    from rag.service import Service

    with Service.open(seeds_home) as opened:
        yield opened
