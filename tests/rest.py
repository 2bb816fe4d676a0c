"""What the tests of REST ask, and how they read what comes back."""

from __future__ import annotations

import json
from typing import Any

from rag.api.problems import MEDIA

HEADED = "Who heads the Deir al-Zor military council?"
STREAM = {"Accept": "text/event-stream"}


def timeless(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name != "elapsed_ms"}


def events(text: str) -> list[tuple[str, Any]]:
    """An event stream, taken apart."""
    found = []
    for event in text.split("\n\n")[:-1]:
        name, data = event.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def problem(response: Any, status: int, words: str) -> Any:
    """A problem of that status, which says these words."""
    assert response.headers["content-type"] == MEDIA
    said = response.json()
    assert response.status_code == said["status"] == status
    assert {"type", "title", "detail", "mend"} <= said.keys() and said["title"]
    assert words in said["detail"] + said["mend"], said
    return said
