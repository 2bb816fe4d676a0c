"""What cannot be asked, and what cannot be answered: problems, each with its mend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from rest import HEADED, STREAM, events, problem
from starlette.testclient import TestClient
from tiny import WordEncoder, write_files

from index import sync
from index.errors import BusyError
from rag.api import calls as calls_module
from rag.api.calls import Calls
from rag.api.requests import Ask
from rag.api.routes import MOST_BYTES, make_api
from rag.api.traffic import Traffic
from rag.chat.library import Library
from rag.service import LONGEST_QUESTION
from rag.settings import Settings

pytestmark = pytest.mark.timeout(1800)  # a slow machine that has other things to do


def test_a_stream_that_fails_midway_ends_with_the_problem(
    client: TestClient, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise KeyError("another generation each time")

    monkeypatch.setattr(library.service("seeds"), "answer", gone)
    told = events(client.post("/ask", json={"question": HEADED}, headers=STREAM).text)
    assert [name for name, _ in told] == ["hits"] * 5 + ["error"]
    assert told[-1][1]["status"] == 503 and "changing" in told[-1][1]["detail"]


def test_what_cannot_begin_is_no_stream(client: TestClient) -> None:
    asked = {"question": HEADED, "collection": "none"}
    problem(client.post("/ask", json=asked, headers=STREAM), 404, "There are: seeds")


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({"question": HEADED, "collection": "none"}, 404, "There are: seeds"),
        ({"question": HEADED, "collection": "../seeds"}, 404, "There are: seeds"),
        ({}, 422, "question"),
        ({"question": 1}, 422, "body.question"),
        ({"question": "x" * (LONGEST_QUESTION + 1)}, 422, "at most"),
        ({"question": HEADED, "colour": "red"}, 422, "body.colour"),
        ({"question": HEADED, "where": {"after": "2017-02-31"}}, 422, "body.where.after"),
        ({"question": HEADED, "where": {"after": 20170101}}, 422, "YYYY-MM-DD"),
        ({"question": HEADED, "turns": [{"answer": "x"}]}, 422, "body.turns.0.question"),
    ],
)
def test_what_cannot_be_asked_is_a_problem_with_its_mend(
    client: TestClient, asked: dict[str, Any], status: int, words: str
) -> None:
    said = problem(client.post("/ask", json=asked), status, words)
    assert said["mend"]
    assert bool(said.get("errors")) == (status == 422)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/search", b'{"question": "x", "k": 0}', 422),
        ("POST", "/search", b'{"question": "x", "k": 101}', 422),
        ("POST", "/ask/batch", b'{"questions": []}', 422),
        ("POST", "/ask/batch", json.dumps({"questions": ["x"] * 65}).encode(), 422),
        ("POST", "/ask", b'{"question": "\\ud800"}', 422),
        ("POST", "/ask", b'{"question": "x", "\\ud800": 1}', 422),
        ("POST", "/ask", b"{", 422),
        ("POST", "/ask", b'"\xff"', 400),
        ("POST", "/ask", b"[" * 100_000, 400),
        ("POST", "/ask", b" " * MOST_BYTES + b"{}", 413),
        ("GET", "/ask", b"", 405),
        ("GET", "/nothing", b"", 404),
        ("GET", "/documents?limit=0", b"", 422),
        ("GET", "/documents?colour=red", b"", 422),
        ("GET", "/documents/0000000000000000", b"", 404),
        ("GET", "/documents/..%2f..%2fetc", b"", 404),
        ("GET", "/documents/xyz", b"", 422),
    ],
)
def test_limits_and_nonsense(
    client: TestClient, method: str, path: str, body: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json"} if body else {}
    problem(client.request(method, path, content=body, headers=headers), status, "")


def test_what_a_form_can_send_is_no_question(client: TestClient) -> None:
    """A foreign page may send text without asking the browser's leave."""
    body = json.dumps({"question": HEADED})
    problem(client.post("/ask", content=body, headers={"Content-Type": "text/plain"}), 422, "body")


def test_whoever_comes_when_all_places_are_taken_is_told_when_to_come_again(
    calls: Calls, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_module, "RUNNING", 1)
    monkeypatch.setattr(calls_module, "WAITING", 0)

    async def crowd() -> None:
        steps = calls.steps(Ask(question=HEADED))
        await anext(steps)
        with pytest.raises(BusyError):
            await calls.ask(Ask(question=HEADED))
        await steps.aclose()  # type: ignore[attr-defined]
        assert (await calls.ask(Ask(question=HEADED)))["answer"] == "Khawla"

    anyio.run(crowd)
    monkeypatch.setattr(calls_module, "RUNNING", 0)
    full = client.post("/ask", json={"question": HEADED})
    problem(full, 503, "Ask again")
    assert int(full.headers["retry-after"]) > 0


def test_an_index_that_is_broken_is_the_servers_problem(tmp_path: Path, traffic: Traffic) -> None:
    folder = write_files(tmp_path / "docs", {"a.txt": "The dam broke."})
    sync(folder, tmp_path / "home", WordEncoder(), "dams")
    for store in (tmp_path / "home").rglob("store.sqlite"):
        store.write_bytes(b"gone")
    broken = make_api(Calls(Library(Settings(tmp_path / "home")), traffic), traffic)
    said = problem(TestClient(broken).post("/ask", json={"question": "x"}), 500, "")
    assert said["mend"]


def test_no_traceback_gets_out(
    client: TestClient, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> None:
        raise RuntimeError("what somebody asked")

    monkeypatch.setattr(library, "shelves", failing)
    response = client.get("/collections")
    problem(response, 500, "RuntimeError")
    assert "somebody" not in response.text


def test_nothing_indexed_is_told(tmp_path: Path, traffic: Traffic) -> None:
    empty = TestClient(make_api(Calls(Library(Settings(tmp_path)), traffic), traffic))
    problem(empty.post("/ask", json={"question": "x"}), 404, "spanwise index FOLDER")
    assert empty.get("/collections").json()["collections"] == []


def test_one_of_several_collections_is_named(tmp_path: Path, traffic: Traffic) -> None:
    folder = write_files(tmp_path / "docs", {"a.txt": "The dam broke."})
    for name in ("dams", "rivers"):
        sync(folder, tmp_path / "home", WordEncoder(), name)
    several = TestClient(make_api(Calls(Library(Settings(tmp_path / "home")), traffic), traffic))
    problem(several.get("/documents"), 404, "There are: dams, rivers")
    assert several.get("/documents?collection=dams").json()["total"] == 1
