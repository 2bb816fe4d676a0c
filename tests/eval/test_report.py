"""The report in a real browser, opened from the disk with the network cut."""

from __future__ import annotations

import json
import re
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny import write_files

from eval import plots, report
from eval.judge import ERRORS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
HOSTILE = "</script><script>window.pwned=1</script><img src=x onerror='window.pwned=1'>&amp;\u2028"
TEXT = f"Before 𝔘 {HOSTILE} it was built in 1931 of mud."
MANY = 10_000
PATIENCE = 120_000


def row(number: int) -> dict[str, Any]:
    hostile = number == 0
    start = TEXT.index("1931")
    return {
        "id": f"q{number}",
        "question": f"What is {HOSTILE}?" if hostile else f"When was dam {number} built?",
        "asked_as": f"When was dam {number} built?",
        "tags": [HOSTILE] if hostile else ["even" if number % 2 == 0 else "odd"],
        "conversation": None,
        "golds": [{"text": "in 1931", "document": "d/a.txt",
                   "start": 97 + start, "end": 104 + start}],
        "answer": f"{HOSTILE} 1931" if hostile else "1931",
        "given": number % 3 > 0,
        "confidence": number % 100 / 100,
        "reason": "",
        "citations": [{"path": "d/a.txt", "title": None, "page": None, "start": 100 + start,
                       "end": 104 + start, "quote": "1931", "passage_id": "p"}],
        "others": [{"answer": HOSTILE, "confidence": 0.1, "path": HOSTILE, "start": 0, "end": 1}],
        "hits": [{"rank": 1, "score": 0.5, "passage_id": "p", "path": f"d/{HOSTILE}", "start": 0,
                  "end": 9, "lexical_rank": 1, "dense_rank": None, "bears": True}],
        "error": "false abstention" if number % 3 == 0 else "",
        "measures": {"token F1": 2 / 3, "right answer at the top": 1.0},
        "excerpts": [{"of": "answer", "path": "d/a.txt", "start": 100, "text": TEXT}],
        "elapsed_ms": 100.0 + number % 900,
    }  # fmt: skip


def write_run(folder: Path, count: int, distinct: bool = False) -> Path:
    figure = {"value": 0.5, "n": count, "interval": [0.4, 0.6]}
    metrics = {
        "schema": 1, "kind": "asked", "questions": count, "answerable": count,
        "figures": {"token F1": figure, "right decisions": figure,
                    "right abstentions": {"value": None, "n": 0, "interval": None}},
        "retrieval": {c: {"Success@1": figure, "Success@20": figure, "RR": figure}
                      for c in ("lexical", "dense", "hybrid")},
        "errors": {name: count // 3 * (name == "false abstention") for name in ERRORS},
        "risk_coverage": [[0.1, 0.0, 0.9], [0.5, 0.2, 0.5], [1.0, 0.5, 0.0]],
        "reliability": [[0.1, 0.0, 5], [0.9, 1.0, 5]], "lowest_given": 0.5,
        "latency_ms": {"p50": 500.0, "p95": 950.0, "p99": 990.0},
        "speed": {"workers": 2, "asked": count, "questions_per_s": 3.5, "peak_memory_mb": 900.0},
    }  # fmt: skip
    index = {"collection": HOSTILE, "documents": 3, "passages": 9}
    environment = {
        "kind": "asked", "started": "2026-11-20T12:00:00+00:00", "commit": None,
        "set": {"name": f"{HOSTILE}.jsonl", "questions": count, "of": count},
        "made with": {"index": index, "reader": {"name": HOSTILE, "sha256": "0" * 64}},
    }  # fmt: skip
    made = [row(n) for n in range(count)]
    for number, one in enumerate(made if distinct else ()):
        one["excerpts"][0]["text"] += f" {number}"
    rows = "".join(json.dumps(one) + "\n" for one in made)
    write_files(folder, {"run.jsonl": rows, "metrics.json": json.dumps(metrics),
                         "environment.json": json.dumps(environment)})  # fmt: skip
    return report.write(folder)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian's package chromium)")
    from playwright.sync_api import sync_playwright

    file = write_run(tmp_path_factory.mktemp("report"), MANY)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        opened = browser.new_page(viewport={"width": 1200, "height": 900}, offline=True)
        opened.set_default_timeout(PATIENCE)
        asked: list[str] = []
        wrong: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("console", lambda message: wrong.append(message.text))
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.goto(file.as_uri(), timeout=PATIENCE)
        yield opened
        assert asked == [file.as_uri()], "the report asked for something else"
        assert wrong == []
        browser.close()


def test_the_first_questions_of_ten_thousand(page: Any) -> None:
    assert page.locator("#count").inner_text() == "10,000 questions"
    assert page.locator("tr.row").count() == 50
    page.locator("#on").click()
    assert page.locator("#at").inner_text() == "51 to 100"
    assert page.locator("tr.row").first.inner_text().startswith("When was dam 50 built?")
    page.locator("#back").click()
    assert page.locator("#at").inner_text() == "1 to 50"


def test_filters(page: Any) -> None:
    page.locator("#words").fill("dam 4321")
    assert page.locator("#count").inner_text() == "1 question"
    page.locator("#words").fill("")
    page.locator("#tag").select_option("odd")
    assert page.locator("#count").inner_text() == "5,000 questions"
    page.locator("#tag").select_option("")
    page.locator("button.error", has_text="false abstention").click()
    assert page.locator("#count").inner_text() == "3,334 questions"
    page.locator("#error").select_option("")
    assert page.locator("#count").inner_text() == "10,000 questions"


def test_hostile_text_is_only_text_and_the_span_is_marked(page: Any) -> None:
    page.locator("tr.row").first.click()
    detail = page.locator("tr.open")
    assert HOSTILE.rstrip() in detail.inner_text()
    assert detail.locator(".source > div mark").all_inner_texts() == ["in ", "1931"]
    assert detail.locator(".source > div mark.answer.gold").inner_text() == "1931"
    assert "holds a gold" in detail.inner_text()
    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    assert page.locator("h1").inner_text().startswith("</script><script>")
    page.locator("tr.row").first.click()
    assert page.locator("tr.open").count() == 0


def test_plots_and_tables_are_there(page: Any) -> None:
    titles = page.locator("figure h3").all_inner_texts()
    assert titles == ["Risk against coverage", "Reliability of the confidence",
                      "Answer-bearing passage found", "Time a question"]  # fmt: skip
    boxes = page.locator("figure svg").evaluate_all("all => all.map(s => s.getBBox().width)")
    assert all(width > 300 for width in boxes)
    assert "0.400 to 0.600" in page.locator("main").inner_text()


def test_equal_texts_are_kept_once(tmp_path: Path) -> None:
    few, more = (write_run(tmp_path / str(n), n).read_text("utf-8") for n in (2, 40))
    assert few.count("of mud.") == more.count("of mud.") == 1


def test_memory_does_not_grow_with_the_questions(tmp_path: Path) -> None:
    peaks = []
    for count in (1_000, 10_000):
        folder = tmp_path / str(count)
        write_run(folder, count, distinct=True)
        tracemalloc.start()
        report.write(folder)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (folder / "run.jsonl").stat().st_size > 10_000_000
    assert peaks[1] - peaks[0] < 1_500_000  # a hash of each text, a number for each time


def test_a_run_that_is_not_finished(tmp_path: Path) -> None:
    write_run(tmp_path, 1)
    (tmp_path / "metrics.json").unlink()
    with pytest.raises(Exception, match="metrics.json cannot be read"):
        report.write(tmp_path)


def test_values_are_drawn_where_the_axes_say() -> None:
    plot = plots.Plot("t", "x", "y", (0, 10), (0, 1), [], [])
    assert plot.at(0, 0) == (plots.LEFT, plots.HEIGHT - plots.BOTTOM)
    assert plot.at(10, 1) == (plots.WIDTH - plots.RIGHT, plots.TOP)
    drawn = plots.at_k("t", "share", {"dense": {1: 0.0, 10: 0.5, 100: 1.0}})
    points = re.search(r'class="line dense" points="([^"]*)"', drawn)
    assert points is not None
    xs = [float(point.split(",")[0]) for point in points[1].split()]
    assert xs[1] == pytest.approx((xs[0] + xs[2]) / 2, abs=0.11)  # 10 is half way to 100
    assert plots.latency([5.0], {"p50": 5.0, "p95": 5.0, "p99": 5.0}).count('class="bar"') == 24
    assert plots.reliability([[0.5, 0.5, 3]]).count("<circle") == 1
    assert plots.risk_coverage([[1.0, 0.0, 0.5]], None).startswith("<svg")
