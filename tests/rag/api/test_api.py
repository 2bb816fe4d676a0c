"""REST over the demo corpus, with the shipped models."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from rest import HEADED, STREAM, events, timeless
from serving import serving
from starlette.testclient import TestClient

from index.types import Filter
from rag.api.calls import Calls
from rag.api.requests import Ask
from rag.api.traffic import Traffic
from rag.chat.library import Library
from rag.types import Turn, to_json

pytestmark = pytest.mark.timeout(1800)  # a slow machine that has other things to do
QUESTIONS = [HEADED, "What is the recipe for sourdough bread?", " "]


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
