"""Many people at once on the chat: errors, order, waiting and memory.

They speak to the server as the page does: an event is put into Gradio's queue, and what becomes of
it comes in one stream of messages a session. Each is a session of its own, and asks its questions
all at once.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from threading import Barrier
from typing import Any

import numpy as np

from eval.bench.chat import Chat, chatting

PEOPLE, QUESTIONS, ROUNDS = 20, 3, 8
PATIENCE_S = 900.0
EVENTS = "/gradio_api/queue"


@dataclass(frozen=True, slots=True)
class Waited:
    """When a question had arrived and when its answer had, in seconds of one clock."""

    arrived: float
    answered: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """What became of a crowd.

    Attributes:
        rounds: of each round, every question that was answered.
        errors: what went wrong, in words.
        memory_mb: resident memory of the server before the rounds and after each.
    """

    rounds: Sequence[Sequence[Waited]]
    errors: Sequence[str]
    memory_mb: Sequence[float]


def crowd(
    home: Path, questions: Sequence[str], people: int = PEOPLE, each: int = QUESTIONS,
    rounds: int = ROUNDS,
) -> Iterator[str]:  # fmt: skip
    """Rows for the collection of a home; every person asks `each` questions at once, in rounds."""
    with chatting(home) as chat:
        found = gather(chat, questions, people, each, rounds)
    yield f"{people} people at once on the chat, {each} questions each at once, {rounds} rounds"
    yield from lines(found)


def lines(found: Crowd) -> Iterator[str]:
    """The rows of a crowd."""
    every = [one for part in found.rounds for one in part]
    if every:
        waits = [one.answered - one.arrived for one in every]
        taken = sum(
            max(o.answered for o in part) - min(o.arrived for o in part)
            for part in found.rounds if part
        )  # fmt: skip
        orders = [order(part) for part in found.rounds if len(part) > 1]
        yield (
            f"  answers       {len(every) / taken:8.2f} a second; {len(every)} answers, "
            f"{len(found.errors)} errors"
        )
        yield (
            f"  waiting       {median(waits):8.2f} s p50, longest {max(waits):.2f} s = "
            f"{max(waits) / mean(waits):.2f} times the mean"
        )
        if orders:
            yield (
                f"  order         {min(rank for rank, _ in orders):8.3f} rank correlation of "
                f"arrival and answer (the worst round); overtaken by {max(n for _, n in orders)} "
                "at most"
            )
    first, *after = found.memory_mb
    yield (
        f"  memory        {first:8.0f} MB before, "
        + ", ".join(f"{mb:.0f}" for mb in after)
        + (" MB after each round")
    )
    for error in found.errors[:5]:
        yield f"  error: {error}"


def order(waited: Sequence[Waited]) -> tuple[float, int]:
    """Spearman's rank correlation of arrival and answer; the most that came later and went first.

    >>> order([Waited(0, 5), Waited(1, 4), Waited(2, 6)])
    (0.5, 1)
    """
    arrived = np.argsort(np.argsort([one.arrived for one in waited]))
    answered = np.argsort(np.argsort([one.answered for one in waited]))
    overtaken = max(
        sum(o.arrived > one.arrived and o.answered < one.answered for o in waited)
        for one in waited
    )  # fmt: skip
    return round(float(np.corrcoef(arrived, answered)[0, 1]), 6), overtaken


def gather(chat: Chat, questions: Sequence[str], people: int, each: int, rounds: int) -> Crowd:
    """Ask one question for the models to be loaded, then round after round of the whole crowd."""
    import psutil  # type: ignore[import-untyped, unused-ignore]

    server = psutil.Process(chat.pid)
    answered, errors, memory = [], [], []
    _visit(chat.url, questions[:1], Barrier(1))
    for number in range(rounds):
        memory.append(server.memory_info().rss / 1e6)
        begin = Barrier(people, timeout=PATIENCE_S)
        with ThreadPoolExecutor(people) as pool:
            visits = [
                pool.submit(_visit, chat.url, _some(questions, number * people + n, each), begin)
                for n in range(people)
            ]
            parts = [visit.result() for visit in visits]
        answered.append([one for waited, _ in parts for one in waited])
        errors += [error for _, wrong in parts for error in wrong]
    memory.append(server.memory_info().rss / 1e6)
    return Crowd(answered, errors, memory)


def _some(questions: Sequence[str], person: int, each: int) -> list[str]:
    return [questions[(person * each + n) % len(questions)] for n in range(each)]


def _visit(url: str, questions: Sequence[str], begin: Barrier) -> tuple[list[Waited], list[str]]:
    """Open the page, ask all the questions, and wait for the answers; what went wrong."""
    import httpx

    session = secrets.token_hex(8)
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        wired = {d["api_name"]: d for d in client.get("/config").json()["dependencies"]}
        _join(client, session, wired["load"], [])
        _follow(client, session)
        begin.wait()
        arrived, errors = {}, []
        for question in questions:
            answer = _join(client, session, wired["ask"], [None, question])
            if answer.status_code == 200:
                arrived[answer.json()["event_id"]] = time.perf_counter()
            else:
                errors.append(f"{answer.status_code}: {answer.text[:200]}")
        answered, wrong = _follow(client, session)
    waited = [Waited(arrived[event], at) for event, at in answered.items() if event in arrived]
    missing = len(arrived) - len(waited)
    return waited, errors + wrong + ["a question without an answer"] * missing


def _join(client: Any, session: str, event: Mapping[str, Any], data: list[Any]) -> Any:  # noqa: ANN401
    """Put an event into the queue, as the page does; what it is not told is None."""
    data = data + [None] * (len(event["inputs"]) - len(data))
    sent = {"data": data, "fn_index": event["id"], "session_hash": session, "event_data": None}
    return client.post(f"{EVENTS}/join", json=sent)


def _follow(client: Any, session: str) -> tuple[dict[str, float], list[str]]:  # noqa: ANN401
    """When each event of the session was completed, and what went wrong, until all are."""
    completed: dict[str, float] = {}
    errors = []
    with client.stream("GET", f"{EVENTS}/data", params={"session_hash": session}) as stream:
        for line in stream.iter_lines():
            if not line.startswith("data:"):
                continue
            message = json.loads(line.removeprefix("data:"))
            kind = message["msg"]
            if kind == "close_stream":
                break
            if 'class=\\"trouble\\"' in line or message.get("success") is False:
                errors.append(line[:200])
            elif kind == "process_completed":
                completed[message["event_id"]] = time.perf_counter()
            elif kind == "unexpected_error":
                errors.append(line[:200])
                break
    return completed, errors
