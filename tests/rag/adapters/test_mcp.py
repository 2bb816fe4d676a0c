"""The MCP server as a process of its own, asked with the SDK's client: by stdio and by HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from serving import ROOT, serving
from tiny import WordEncoder, write_files

from index import sync
from index.errors import CollectionError, QuestionError
from rag.api import tools as tools_module
from rag.api.calls import Calls
from rag.api.problems import MEDIA
from rag.api.requests import MOST_HITS
from rag.api.tools import WINDOW, Tools, sendable
from rag.api.traffic import Traffic
from rag.chat.library import Library
from rag.service import LONGEST_QUESTION, Service
from rag.settings import Settings
from rag.types import to_json

pytest.importorskip("mcp_types", reason='needs the extra: pip install ".[mcp]"')
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

pytestmark = pytest.mark.timeout(1800)  # a slow machine that has other things to do
HEADED = "Who heads the Deir al-Zor military council?"
TOKEN = "a token of many letters"


@pytest.fixture(scope="module")
def address(seeds_home: Path) -> Iterator[str]:
    with serving("--home", str(seeds_home), "--no-memory", token=TOKEN) as (_, url):
        yield url


def by_stdio(home: Path, mode: Any = "auto") -> Client:
    arguments = ["-m", "rag", "mcp", "--home", str(home)]
    parameters = StdioServerParameters(
        command=sys.executable, args=arguments, cwd=ROOT, env=dict(os.environ)
    )
    return Client(parameters, mode=mode, read_timeout_seconds=600)


async def look_around(client: Client, service: Service) -> None:
    """Everything that is offered, compared with what the service says."""
    listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == ["ask", "search", "open_document", "list_documents"]
    for tool in listed:
        assert tool.description and tool.input_schema["properties"] and tool.output_schema
        assert tool.annotations is not None and tool.annotations.read_only_hint
    asked = await client.call_tool("ask", {"question": HEADED})  # checked by the output schema
    expected = to_json(service.ask(HEADED), 0)
    assert {**asked.structured_content, "elapsed_ms": 0} == expected
    found = await client.call_tool("search", {"question": "Khawla", "k": 2})
    hits = [(hit.passage.id, hit.score) for hit in service.retriever.search("Khawla", 2)]
    assert [(h["passage_id"], h["score"]) for h in found.structured_content["hits"]] == hits
    cited = expected["citations"][0]
    window = {name: cited[name] for name in ("document_id", "start", "end")}
    opened = await client.call_tool("open_document", window)
    assert opened.structured_content["text"] == cited["quote"]
    page = (await client.call_tool("list_documents", {"limit": 3})).structured_content
    assert len(page["documents"]) == 3 and page["next"] == page["documents"][-1]["path"]
    resources = (await client.list_resources()).resources
    assert [resource.name for resource in resources[:3]] == [d["path"] for d in page["documents"]]
    template = (await client.list_resource_templates()).resource_templates[0]
    assert template.uri_template == "spanwise://{collection}/{document_id}"
    (content,) = (await client.read_resource(resources[0].uri)).contents
    with service.retriever.generation() as generation:
        assert content.text == generation.document(page["documents"][0]["document_id"]).text  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", ["auto", pytest.param("legacy", marks=pytest.mark.slow)])
def test_by_stdio(seeds_home: Path, service: Service, mode: str) -> None:
    """The client reads stdout line by line, and would stumble over anything else printed there."""

    async def visit() -> None:
        async with by_stdio(seeds_home, mode) as client:
            assert client.server_info is not None and client.server_info.name == "spanwise"
            assert client.instructions and "quotations" in client.instructions
            await look_around(client, service)

    anyio.run(visit)


@pytest.mark.slow
def test_by_http_with_the_token(address: str, service: Service) -> None:
    async def visit() -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(headers=headers, timeout=600) as http:
            for mode in ("auto", "legacy"):
                transport = streamable_http_client(f"{address}/mcp", http_client=http)
                async with Client(transport, mode=mode) as client:  # type: ignore[arg-type]
                    await look_around(client, service)

    anyio.run(visit)


@pytest.mark.parametrize("shown", [None, "Bearer not the token", f"Basic {TOKEN}"])
def test_by_http_without_the_token(address: str, shown: str | None) -> None:
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"Accept": "application/json, text/event-stream"}
    refused = httpx.post(
        f"{address}/mcp",
        json=listing,
        headers={**headers, **({"Authorization": shown} if shown else {})},
    )
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.headers["content-type"] == MEDIA and refused.json()["mend"]
    assert "open_document" not in refused.text


def test_there_is_nothing_to_listen_to(address: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/event-stream"}
    refused = httpx.get(f"{address}/mcp", headers=headers)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    too_large = httpx.post(f"{address}/mcp", content=b" " * 1_000_001, headers=headers)
    assert too_large.status_code == 413


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """Over two collections, the second with a document longer than a window."""
    long = "The dam broke. " * 2_000
    for name, files in {
        "dams": {f"{n}.txt": "The dam broke." for n in range(3)},
        "two words": {"long.txt": long},
    }.items():
        sync(write_files(tmp_path / name, files), tmp_path / "home", WordEncoder(), name)
    traffic = Traffic()
    return Tools(Calls(Library(Settings(tmp_path / "home")), traffic))


def test_resources_of_all_collections_page_by_page(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools_module, "PAGE", 2)

    async def read() -> list[tuple[str, str]]:
        seen, cursor = [], ""
        while cursor is not None:
            page, cursor = await tools.documents(cursor)  # type: ignore[assignment]
            assert 0 < len(page) <= 2
            seen += [(d["path"], await tools.read(d["uri"])) for d in page]
        return seen

    seen = anyio.run(read)
    assert [path for path, _ in seen] == [
        "dams/0.txt", "dams/1.txt", "dams/2.txt", "two words/long.txt",
    ]  # fmt: skip
    assert seen[0][1] == "The dam broke." and len(seen[-1][1]) >= 15 * 2_000 - 1


def test_limits(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> None:
        (entry,) = (await tools.call("list_documents", {"collection": "two words"}))["documents"]
        named = {"collection": "two words", "document_id": entry["document_id"]}
        first = await tools.call("open_document", named)
        assert (first["start"], first["end"]) == (0, WINDOW) and first["length"] > WINDOW
        rest = await tools.call("open_document", {**named, "start": WINDOW, "end": 10**9})
        assert rest["start"] == WINDOW and rest["end"] == first["length"]
        for name, given, words in (
            ("ask", {"question": "x" * (LONGEST_QUESTION + 1)}, "at most"),
            ("search", {"question": "x", "k": MOST_HITS + 1}, "k: "),
            ("search", {}, "question: "),
            ("open_document", {"document_id": "../x"}, "document_id: "),
            ("open_document", {**named, "collection": "dams"}, "No such document"),
            ("list_documents", {}, "There are: dams, two words"),
            ("delete", {}, "There are: ask, search"),
        ):
            with pytest.raises((QuestionError, CollectionError)) as told:
                await tools.call(name, given)
            assert words in str(told.value)
        monkeypatch.setattr(tools_module, "LONGEST_RESOURCE", 1_000)
        with pytest.raises(CollectionError, match="open_document"):
            await tools.read(f"spanwise://two%20words/{entry['document_id']}")

    anyio.run(look)


def test_half_a_letter_in_a_name_can_be_sent() -> None:
    assert sendable({"path": "a\udc80", "text": "é"}) == {"path": "a?", "text": "é"}


def test_without_the_extra_the_pip_line_is_told(tmp_path: Path) -> None:
    """The SDK hidden from a process of its own."""
    code = "import sys; sys.modules['mcp_types'] = None; from rag.__main__ import main; main()"
    command = [sys.executable, "-c", code, "mcp", "--home", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert 'pip install ".[mcp]"' in done.stderr and "Traceback" not in done.stderr
