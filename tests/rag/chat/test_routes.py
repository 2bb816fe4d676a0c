"""The panel of documents, what the page narrows by, and exports."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from rag.chat import narrow
from rag.chat.library import Library


def test_the_panel_lists_documents_and_roots(client: TestClient) -> None:
    panel = client.get("/documents", params={"collection": "harbour"}).text
    assert "2 documents" in panel and "papers/b.md" in panel and "Read again" in panel
    assert "A new collection" in client.get("/documents").text


def test_the_types_there_are(client: TestClient) -> None:
    assert client.get("/documents/types?collection=harbour").json() == ["md", "pdf"]
    assert client.get("/documents/types?collection=nothing").json() == []


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ("", {}), ("{", {}), ("[1]", {}), ("[" * 100_000, {}), ('{"after": 1, "type": null}', {}),
        ('{"path": "x", "after": "2018-01-01"}', {"path": "x", "after": "2018-01-01"}),
    ],
)  # fmt: skip
def test_what_the_page_narrows_by(sent: str, fields: dict[str, str]) -> None:
    assert narrow.fields(sent) == fields


def test_a_conversation_is_exported(client: TestClient, library: Library) -> None:
    assert library.memory is not None
    number = library.memory.create("harbour", "The “ferry” / ../x")
    whole = client.get(f"/conversations/{number}.json")
    assert whole.json()["title"] == "The “ferry” / ../x"
    assert "attachment; filename*=UTF-8''The%20" in whole.headers["content-disposition"]
    assert "/" not in whole.headers["content-disposition"]
    assert client.get(f"/conversations/{number}.md").text.startswith("# The")
    for nothing in ("999", "9" * 23, "9" * 5_000, "-1", "x", "1.5"):
        for kind in ("md", "json"):
            answer = client.get(f"/conversations/{nothing}.{kind}")
            assert answer.status_code == 404 and answer.text
