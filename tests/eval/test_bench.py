from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from statistics import mean

import pytest

from eval.bench import crowd
from eval.bench.__main__ import QUESTIONS
from eval.bench.apart import apart
from eval.bench.crowd import Crowd, Waited, lines, order
from eval.bench.importing import importing
from eval.bench.page import page
from eval.bench.publishing import publishing
from eval.bench.throughput import throughput
from eval.sets import read_set


def test_apart_gives_what_the_function_gave() -> None:
    assert apart(sorted, {"b": 1, "a": 2}) == ["a", "b"]
    with pytest.raises(RuntimeError, match="StatisticsError"):
        apart(mean, {})


def test_order_by_hand() -> None:
    first_come = [Waited(float(n), 10.0 + n) for n in range(4)]
    assert order(first_come) == (1.0, 0)
    last_first = [Waited(float(n), 10.0 - n) for n in range(4)]
    assert order(last_first) == (-1.0, 3)  # the first was overtaken by all three


def test_the_rows_of_a_crowd() -> None:
    rounds = [[Waited(0.0, 1.0), Waited(0.0, 3.0)], [Waited(10.0, 11.0), Waited(11.0, 12.0)]]
    said = list(lines(Crowd(rounds, ["503: full"], [900.0, 910.0, 905.0])))
    assert "0.80 a second; 4 answers, 1 errors" in said[0]  # 4 answers in 3 + 2 seconds
    assert "1.00 s p50, longest 3.00 s = 2.00 times the mean" in said[1]
    assert "900 MB before, 910, 905 MB after each round" in said[3]
    assert said[4] == "  error: 503: full"


def test_questions_go_round() -> None:
    assert crowd._some(["a", "b", "c"], 1, 2) == ["c", "a"]


def test_importing_says_what_it_loads() -> None:
    (said,) = importing(1)
    assert "no torch, nothing heavy loaded" in said


@pytest.fixture
def questions() -> list[str]:
    asked = [example.question for example in read_set(QUESTIONS)[0]]
    random.Random(1).shuffle(asked)
    return asked


@pytest.fixture
def home(seeds_home: Path, tmp_path: Path) -> Path:
    """One of its own: the chat writes into it."""
    return Path(shutil.copytree(seeds_home, tmp_path / "home"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_small_crowd(home: Path, questions: list[str]) -> None:
    said = list(crowd.crowd(home, questions, people=3, each=2, rounds=1))
    assert said[0].startswith("3 people at once")
    assert "6 answers, 0 errors" in said[1]
    assert not [row for row in said if "error:" in row]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_page(home: Path, questions: list[str]) -> None:
    said = list(page(home, questions[:2]))
    if "left out" in said[0]:
        pytest.skip(said[0])
    assert "2 questions" in said[0]
    (first, _), (answer, _) = ([float(w) for w in row.split() if w.isdigit()] for row in said[1:])
    assert 0 < first < answer


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_publishing() -> None:
    said = list(publishing(threads=2, searches=5, generations=2))
    assert "0 errors, 0 mixed answers, 0 stale" in said[1]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_throughput(seeds_home: Path, tmp_path: Path) -> None:
    examples = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    asked = tmp_path / "set.jsonl"
    asked.write_text("".join(json.dumps(row) + "\n" for row in examples[:6]), "utf-8")
    said = list(throughput(seeds_home, asked, 6, rounds=1))
    assert [row.split("  ")[1] for row in said[1:]] == ["one by one", "1 worker", "2 workers"]
    assert all(row.endswith(", equal answers") for row in said[1:])
