"""REST over the demo corpus, with the shipped models."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from serving import serving
from starlette.testclient import TestClient
from tiny import WordEncoder, write_files

from index import sync
from index.errors import BusyError
from index.types import Filter
from rag.api import calls as calls_module
from rag.api import objects
from rag.api.calls import Calls
from rag.api.problems import MEDIA
from rag.api.requests import Ask, Where
from rag.api.routes import MOST_BYTES, make_api
from rag.api.traffic import Traffic
from rag.chat.library import Library
from rag.service import LONGEST_QUESTION
from rag.settings import Settings
from rag.types import Turn, to_json

pytestmark = pytest.mark.timeout(1800)  # a slow machine that has other things to do
HEADED = "Who heads the Deir al-Zor military council?"
QUESTIONS = [HEADED, "What is the recipe for sourdough bread?", " "]
STREAM = {"Accept": "text/event-stream"}


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


def test_an_answer_is_the_one_of_the_service(client: TestClient, headed: dict[str, Any]) -> None:
    given = client.post("/ask", json={"question": HEADED}).json()
    assert given["answer"] == "Khawla" and given["elapsed_ms"] > 0
    assert timeless(given) == timeless(headed)


def test_a_batch_gives_the_answers_of_the_single_questions(client: TestClient) -> None:
    batch = client.post("/ask/batch", json={"questions": QUESTIONS}).json()
    single = [client.post("/ask", json={"question": q}).json() for q in QUESTIONS]
    assert [timeless(a) for a in batch["answers"]] == [timeless(a) for a in single]


def test_a_follow_up_is_understood_by_the_turns_before_it(
    client: TestClient, library: Library
) -> None:
    said = {"question": HEADED, "answer": "Khawla"}
    asked = {"question": "Who said so?", "turns": [said], "collection": "seeds"}
    given = client.post("/ask", json=asked).json()
    service = library.service("seeds")
    expected = service.ask("Who said so?", turns=[Turn(HEADED, "Khawla")])
    assert timeless(given) == timeless(to_json(expected, 0))
    assert given["asked_as"] == expected.question.text


def test_a_search_is_the_one_of_the_retriever(client: TestClient, library: Library) -> None:
    asked = {
        "question": "Khawla", "k": 3, "channel": "lexical", "where": {"paths": ["*/000*"]},
    }  # fmt: skip
    hits = client.post("/search", json=asked).json()["hits"]
    expected = library.service("seeds").retriever.search(
        "Khawla", 3, Filter(paths=("*/000*",)), "lexical"
    )
    assert [(h["passage_id"], h["score"], h["lexical_rank"], h["dense_rank"]) for h in hits] == [
        (hit.passage.id, hit.score, hit.via["lexical"], None) for hit in expected
    ]
    assert hits and all(h["path"].startswith("seeds/000") for h in hits)


def test_hits_come_before_the_answer(
    client: TestClient, calls: Calls, traffic: Traffic, headed: dict[str, Any]
) -> None:
    stream = client.post("/ask", json={"question": HEADED}, headers=STREAM)
    assert stream.headers["content-type"].startswith("text/event-stream")
    (first, hits), (second, answer) = events(stream.text)
    assert (first, second) == ("hits", "answer")
    assert timeless(answer) == timeless(headed)
    assert hits["hits"] == answer["hits"] and hits["question"] == HEADED

    async def step_by_step() -> None:
        steps = calls.steps(Ask(question=HEADED))
        before = traffic.figures()
        assert (await anext(steps))[0] == "hits"
        assert traffic.figures() == before  # nothing has been answered yet
        assert (await anext(steps))[0] == "answer"
        assert traffic.figures() != before

    anyio.run(step_by_step)


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


def test_documents_a_page_at_a_time(client: TestClient, library: Library) -> None:
    with library.service("seeds").retriever.generation() as found:
        listing = found.store.listing()
    after, seen = "", []
    while after is not None:
        page = client.get("/documents", params={"limit": 2, "after": after}).json()
        assert page["total"] == 5 and len(page["documents"]) <= 2
        seen += page["documents"]
        after = page["next"]
    assert [(d["path"], d["title"], d["date"], d["passages"]) for d in seen] == listing
    one = client.get(f"/documents/{seen[0]['document_id']}").json()
    assert (one["path"], one["start"], one["end"]) == (seen[0]["path"], 0, one["length"])


def test_a_citation_is_read_in_its_document(client: TestClient, headed: dict[str, Any]) -> None:
    cited = headed["citations"][0]
    address = f"/documents/{cited['document_id']}"
    window = {"start": cited["start"], "end": cited["end"], "collection": "seeds"}
    assert client.get(address, params=window).json()["text"] == cited["quote"]
    whole = client.get(address).json()["text"]
    assert whole[cited["start"] : cited["end"]] == cited["quote"]
    beyond = client.get(address, params={"start": 10**9, "end": 5}).json()
    assert (beyond["text"], beyond["start"], beyond["end"]) == ("", len(whole), len(whole))


def test_collections_and_health(client: TestClient) -> None:
    listed = client.get("/collections").json()["collections"]
    assert listed == [{"name": "seeds", "documents": 5, "passages": 50}]
    assert client.get("/health").json()["status"] == "ok"


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


def test_figures_for_prometheus(client: TestClient) -> None:
    for question in (HEADED, " "):
        client.post("/ask", json={"question": question})
    client.post("/ask", json={})
    client.get("/nothing/that/anybody/makes/up")
    client.get("/documents/0000000000000000")
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    lines = response.text.splitlines()
    for line in (
        'spanwise_requests_total{method="POST",route="/ask",status="200"} 2.0',
        'spanwise_requests_total{method="POST",route="/ask",status="422"} 1.0',
        'spanwise_requests_total{method="GET",route="unknown",status="404"} 1.0',
        'spanwise_requests_total{method="GET",route="/documents/{document_id}",status="404"} 1.0',
        'spanwise_answers_total{outcome="given"} 1.0',
        'spanwise_answers_total{outcome="withheld"} 1.0',
        'spanwise_request_seconds_count{route="/ask"} 3.0',
        "spanwise_requests_in_flight 1.0",  # this one
    ):
        assert line in lines
    assert "makes/up" not in response.text


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


def test_every_part_of_a_filter_can_be_asked() -> None:
    assert set(Where.model_fields) == {field.name for field in fields(Filter)}
    given = {
        "paths": ["a/*"], "types": ["pdf"], "after": "2017-08-05", "before": "2018-01-01",
        "phrases": ["dry dock"], "without": ["ship"], "boilerplate": True,
        "documents": ["0f3a52cd81b9e467"], "titles": ["*dam*"],
    }  # fmt: skip
    assert Where(**given).model_dump(mode="json") == given
    where = Where(**given).as_filter()
    assert (where.paths, where.after.isoformat()) == (("a/*",), "2017-08-05")  # type: ignore[union-attr]
    assert Where().as_filter() == Filter()


def test_the_objects_are_described_exactly(client: TestClient, headed: dict[str, Any]) -> None:
    """Nothing more and nothing less is in them than the schema says, in answers and examples."""
    assert headed["others"] and headed["citations"] and headed["hits"]
    described = {
        objects.Answer: headed,
        objects.HitList: client.post("/search", json={"question": HEADED}).json(),
        objects.DocumentList: client.get("/documents").json(),
        objects.DocumentText: client.get(f"/documents/{headed['hits'][0]['document_id']}").json(),
        objects.CollectionList: client.get("/collections").json(),
        objects.Health: client.get("/health").json(),
    }
    for model, said in [*described.items(), *objects.EXAMPLES.items()]:
        again = model.model_validate(said).model_dump(mode="json", by_alias=True)
        assert {k: v for k, v in again.items() if k in said or v is not None} == said, model
    answer = objects.EXAMPLES[objects.Answer]
    hit, cited = answer["hits"][0], answer["citations"][0]
    assert hit["text"][cited["start"] : cited["end"]] == cited["quote"] == answer["answer"]


def test_the_schema_has_examples_that_can_be_asked(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                kinds = set(response["content"])
                assert (kinds == {MEDIA}) == (int(status) >= 400), (path, status)
            if path != "/metrics":
                assert operation["responses"]["200"]["content"]["application/json"]["example"]
    for name in ("Search", "Ask", "AskBatch"):
        examples = schema["components"]["schemas"][name]["examples"]
        path = {"Search": "/search", "Ask": "/ask", "AskBatch": "/ask/batch"}[name]
        for example in examples:
            assert client.post(path, json=example).status_code == 200


@pytest.mark.slow
def test_a_request_under_way_ends_before_the_server_does(seeds_home: Path) -> None:
    with serving("--home", str(seeds_home), "--no-memory") as (server, url):
        answered: list[httpx.Response] = []

        def ask() -> None:
            asked = {"questions": [f"{HEADED} {n}" for n in range(8)]}
            answered.append(httpx.post(f"{url}/api/v1/ask/batch", json=asked, timeout=600))

        httpx.post(f"{url}/api/v1/ask", json={"question": HEADED}, timeout=600)  # the models load
        asking = threading.Thread(target=ask)
        asking.start()
        while (
            "spanwise_requests_in_flight 2.0"
            not in httpx.get(f"{url}/api/v1/metrics", timeout=600).text
        ):
            assert asking.is_alive()
        server.send_signal(signal.SIGTERM)
        asking.join()
        assert server.wait(900) in (0, -signal.SIGTERM)
    assert answered[0].status_code == 200 and len(answered[0].json()["answers"]) == 8
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/api/v1/health")
