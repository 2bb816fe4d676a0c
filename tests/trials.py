"""A question set, a collection of two documents, and the Evaluate panel over it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hostile import HOSTILE
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tiny import WordEncoder, write_files

from index import sync
from rag.chat.evaluate_routes import routes
from rag.chat.evaluations import Evaluations
from rag.chat.library import Library
from rag.settings import Settings

EVIL = HOSTILE[1]
TEXTS = {
    "a.md": f"The ferry Aurora sank in Porto. {EVIL}",
    "b.md": "A dam broke in Faro on Monday.",
}
WHO = "Who heads the Deir al-Zor military council?"
SET = [
    {"id": "right", "question": WHO, "answers": [{"text": "Khawla"}]},
    {"id": "wrong", "question": "Who heads the <i>Deir al-Zor</i> military council then?",
     "answers": [{"text": "Zaphod Beeblebrox"}]},
    {"id": "none", "question": "What is the recipe for sourdough bread?", "answers": []},
]  # fmt: skip


def lines(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@contextmanager
def harbour(folder: Path) -> Iterator[Library]:
    """A library over `TEXTS`, in the collection of that name."""
    papers = write_files(folder / "papers", TEXTS)
    sync(papers, folder / "home", WordEncoder(), "harbour")
    opened = Library(Settings(folder / "home"))
    yield opened
    opened.close()


def visitor(library: Library) -> TestClient:
    return TestClient(Starlette(routes=routes(Evaluations(library))))


def panel(client: TestClient, collection: str = "harbour") -> str:
    return client.get("/evaluate", params={"collection": collection}).text
