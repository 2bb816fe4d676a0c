"""A question set, two documents, and the Evaluate panel over them."""

from __future__ import annotations

import json
from typing import Any

from hostile import HOSTILE
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rag.chat.evaluate_routes import routes
from rag.chat.evaluations import Evaluations
from rag.chat.library import Library

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


def visitor(library: Library) -> TestClient:
    return TestClient(Starlette(routes=routes(Evaluations(library))))


def panel(client: TestClient, collection: str = "harbour") -> str:
    return client.get("/evaluate", params={"collection": collection}).text
