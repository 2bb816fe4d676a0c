"""The Evaluate panel: sets received; runs begun, stopped, resumed, looked at; and in a browser."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browser import ask, browsing, go, serving, visiting
from hostile import HOSTILE
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tiny import WordEncoder, write_files

from eval.evaluate import evaluate as run_job
from eval.records import Ask, Kind, Record
from eval.sets import Example, Gold
from index import sync
from index.errors import BusyError, SpanwiseError
from index.types import Passage
from rag.chat import replay, runs
from rag.chat import sets as offered
from rag.chat.evaluate_routes import routes
from rag.chat.evaluations import Evaluations, _Clock
from rag.chat.library import Library
from rag.settings import Settings

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do

EVIL = HOSTILE[1]
TEXTS = {
    "a.md": f"The ferry Aurora sank in Porto. {EVIL}",
    "b.md": "A dam broke in Faro on Monday.",
}
NAMES = ["../x.jsonl", "/etc/x.jsonl", "..", "x\0.jsonl", ".x.jsonl", "a/b.jsonl", "a\\b.jsonl",
         "\u202ex.jsonl", "", "x" * 300 + ".jsonl"]  # fmt: skip
WHO = "Who heads the Deir al-Zor military council?"
SET = [
    {"id": "right", "question": WHO, "answers": [{"text": "Khawla"}]},
    {"id": "wrong", "question": "Who heads the <i>Deir al-Zor</i> military council then?",
     "answers": [{"text": "Zaphod Beeblebrox"}]},
    {"id": "none", "question": "What is the recipe for sourdough bread?", "answers": []},
]  # fmt: skip


def lines(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    folder = write_files(tmp_path / "papers", TEXTS)
    sync(folder, tmp_path / "home", WordEncoder(), "harbour")
    opened = Library(Settings(tmp_path / "home"))
    yield opened
    opened.close()


@pytest.fixture
def client(library: Library) -> TestClient:
    return TestClient(Starlette(routes=routes(Evaluations(library))))


def sent(client: TestClient, name: str, data: bytes, **headers: str) -> Any:
    return client.put("/evaluate/set", params={"name": name}, content=data, headers=headers)


def kept(library: Library) -> list[str]:
    return [str(p.relative_to(library.home)) for p in (library.home / "sets").rglob("*")]


def panel(client: TestClient, collection: str = "harbour") -> str:
    return client.get("/evaluate", params={"collection": collection}).text


def test_a_set_is_kept_and_its_unusable_rows_are_told_by_line(
    client: TestClient, library: Library
) -> None:
    data = lines(SET[:1]) + b'{"id": 7}\n<b>\n' + lines(SET[2:])
    assert sent(client, "mine.jsonl", data).status_code == 201
    shown = panel(client)
    assert "2 questions, 1 answerable" in shown
    assert "2 rows left out" in shown
    assert "mine.jsonl, line 2: &#x27;question&#x27; is missing" in shown
    assert "mine.jsonl, line 3" in shown and "<b>" not in shown
    assert sent(client, "mine.jsonl", lines(SET)).status_code == 201  # mended, and sent again
    assert "3 questions, 2 answerable" in panel(client) and "left out" not in panel(client)
    assert sent(client, "t.csv", b"id,question,answers\n1,Who?,a|b\n").status_code == 201
    assert client.post("/evaluate/delete", params={"set": "mine.jsonl"}).status_code == 200
    assert kept(library) == ["sets/t.csv"]


def test_a_set_of_which_nothing_can_be_used_is_told_and_not_kept(
    client: TestClient, library: Library
) -> None:
    answer = sent(client, "odd.jsonl", b'{"id": 1}\n')
    assert answer.status_code == 400
    assert answer.text.startswith("The question set holds no usable row: odd.jsonl. ")
    assert "line 1: 'question' is missing" in answer.text
    assert str(library.home) not in answer.text
    assert sent(client, "odd.jsonl", b"\xff\xfe\0").status_code == 400
    assert sent(client, "deep.json", b"[" * 100_000).status_code == 400
    assert sent(client, "cut.jsonl", b"{}", **{"Content-Length": "9"}).status_code == 400
    assert sent(client, "long.jsonl", lines(SET), **{"Content-Length": "9"}).status_code == 400
    assert kept(library) == []


@pytest.mark.parametrize("name", [*NAMES, "a.exe", "a.jsonl.gz", "a"])
def test_no_name_leads_out_of_the_sets(client: TestClient, library: Library, name: str) -> None:
    assert sent(client, name, lines(SET)).status_code == 400
    assert kept(library) == []


def test_only_so_much_is_received(
    client: TestClient, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = str(offered.MOST_BYTES + 1)
    assert "larger than 20 MB" in sent(client, "a.jsonl", b"", **{"Content-Length": told}).text
    monkeypatch.setattr(offered, "MOST_SETS", 1)
    assert sent(client, "a.jsonl", lines(SET)).status_code == 201
    assert "already" in sent(client, "b.jsonl", lines(SET)).text
    assert sent(client, "a.jsonl", lines(SET[:1])).status_code == 201


@pytest.mark.parametrize("name", [*NAMES, "none", "settings.toml"])
def test_what_is_named_is_looked_up(client: TestClient, library: Library, name: str) -> None:
    """Nothing beside the sets and the runs can be asked for."""
    write_files(library.home / "runs", {"x.jsonl": "{}", "environment.json": "{}"})
    write_files(library.home, {"settings.toml": "", "x.jsonl": "{}", "environment.json": "{}"})
    for path in ("/evaluate/run", "/evaluate/report"):
        assert client.get(path, params={"run": name}).status_code == 404
    for path in ("/evaluate/begin", "/evaluate/resume", "/evaluate/delete"):
        asked = {"collection": "harbour", "set": name, "run": name}
        assert client.post(path, params=asked).status_code == 404
    assert (library.home / "settings.toml").exists()
    for deed in ("begin", "resume"):
        asked = {"collection": name, "set": "a.jsonl", "run": "a"}
        assert client.post(f"/evaluate/{deed}", params=asked).status_code in (404, 409)
    assert client.post("/evaluate/begin").text == "It was not told which collection."


def test_the_sets_of_a_checkout_are_offered_for_the_demo_alone(
    client: TestClient, seeds_home: Path
) -> None:
    demo = TestClient(Starlette(routes=routes(Evaluations(Library(Settings(seeds_home))))))
    assert "seeds.jsonl" in panel(demo, "seeds") and "comes with Spanwise" in panel(demo, "seeds")
    assert "seeds.jsonl" not in panel(client)


# ---- runs, made of rows ----------------------------------------------------------------------


@dataclass(frozen=True)
class Canned:
    """A job whose rows are given."""

    rows: dict[str, dict[str, Any]]
    collection: str = "harbour"
    kind: Kind = "asked"

    @contextmanager
    def open(self) -> Iterator[Ask]:
        yield lambda unit: [Record(self.rows[example.id]) for example in unit]

    def environment(self) -> dict[str, Any]:
        index = {"collection": self.collection, "documents": 2, "passages": 2}
        return {"index": index, "reader": {"name": "tiny", "sha256": "0" * 64}}


def passages(library: Library) -> list[Passage]:
    with library.service("harbour").retriever.generation() as found:
        return sorted(found.passages(found.store.ids([0, 1])), key=lambda passage: passage.path)


def row(read: list[Passage], **said: Any) -> dict[str, Any]:
    """A row of a question that read the passages and answered "Porto", wrongly: "Faro" is right."""
    first, second = read
    start = first.text.index("Porto")
    quote = {"path": first.path, "title": None, "page": None, "start": start, "end": start + 5,
             "quote": "Porto", "passage_id": first.id}  # fmt: skip
    at = second.text.index("Faro")
    hits = [
        {"rank": n, "score": 1 / n, "passage_id": p.id, "path": p.path, "start": p.start,
         "end": p.end, "lexical_rank": n, "dense_rank": None, "bears": n == 2}
        for n, p in enumerate(read, start=1)
    ]  # fmt: skip
    return {
        "id": "0", "question": "Where did the dam break?", "asked_as": "Where did the dam break?",
        "tags": [], "conversation": None,
        "golds": [{"text": "Faro", "document": second.path, "start": at, "end": at + 4}],
        "answer": "Porto", "given": True, "confidence": 0.7, "reason": "", "citations": [quote],
        "others": [], "hits": hits, "error": "reading miss", "excerpts": [], "elapsed_ms": 5.0,
        "measures": {"right answer at the top": 0.0, "share answered": 1.0}, **said,
    }  # fmt: skip


def made(library: Library, name: str, *rows: dict[str, Any], **job: Any) -> Path:
    folder = library.home / "runs" / name
    rows = tuple({**each, "id": str(n)} for n, each in enumerate(rows))
    examples = [
        Example(each["id"], each["question"], tuple(Gold(**gold) for gold in each["golds"]))
        for each in rows
    ]
    run_job(Canned({each["id"]: each for each in rows}, **job), examples, "a set.jsonl", folder)
    return folder


def test_the_runs_of_a_collection_with_their_figures(client: TestClient, library: Library) -> None:
    read = passages(library)
    right = row(read, error="", measures={"right answer at the top": 1.0, "share answered": 1.0})
    made(library, "one", row(read), right, row(read))
    made(library, "two", right, collection="elsewhere")
    stopped = made(library, "three", right, right)
    (stopped / "metrics.json").unlink()
    (stopped / "run.jsonl").write_text(json.dumps(right) + "\n" + "{half")
    write_files(library.home / "runs", {"four/environment.json": "[]"})
    shown = panel(client)
    assert "3 questions · right answer at the top 0.33" in shown
    assert shown.count("<li>") == 2 and 'data-run="two"' not in shown
    assert "stopped after 1 of 2" in shown and 'data-act="resume-run" data-run="three"' in shown
    seen = client.get("/evaluate/run", params={"run": "one"}).text
    assert "<td>0.33</td><td>0.00 to 1.00</td><td>3</td>" in seen
    assert "1 of 3 questions went as they should." in seen
    assert "<strong>Reading miss</strong> (2)" in seen
    assert seen.count('data-act="evaluated"') == 2
    assert 'answered <em dir="auto">Porto</em> · expected <em dir="auto">Faro</em>' in seen
    assert "/evaluate/report?run=one" in seen
    for path in ("/evaluate/run", "/evaluate/report"):
        assert client.get(path, params={"run": "three"}).status_code == 404
    assert client.post("/evaluate/resume", params={"run": "one", "collection": "harbour"}
                       ).status_code == 404  # fmt: skip


def test_a_report_may_reach_nothing(client: TestClient, library: Library) -> None:
    made(library, "one", row(passages(library), question=EVIL))
    answer = client.get("/evaluate/report", params={"run": "one"})
    assert answer.text.startswith("<!doctype html>")
    policy = answer.headers["content-security-policy"].split("; ")
    assert "sandbox allow-scripts" in policy and "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy and not any("'self'" in part for part in policy)


def test_a_question_of_a_run_among_the_sources(library: Library) -> None:
    read = passages(library)
    made(library, "one", row(read, question=EVIL), row(read), row(read, error=""))
    shown = replay.question(library, "one", 0)
    assert "&lt;img src=x onerror=window.pwned=1&gt;" in shown and "<img" not in shown
    assert '<dt>Answer given</dt><dd><mark dir="auto">Porto</mark>' in shown
    assert "<strong>Reading miss</strong>: a passage that was read holds the answer" in shown
    assert '<dt>Expected</dt><dd><mark class="other" dir="auto">Faro</mark>' in shown
    # In the first source the answer is marked, in the other passage what was expected.
    source, other = shown.partition('id="source-1"')[2].split("<details>")
    assert "sank in <mark>Porto</mark>." in source
    assert 'A dam broke in <mark class="other">Faro</mark> on Monday.' in other
    assert "1 of 2 that went wrong" in shown
    assert 'data-act="evaluated" data-run="one" data-row="1" data-name="Next"' in shown
    assert "Previous" not in shown and "Next" not in replay.question(library, "one", 1)
    assert "This question went as it should." in replay.question(library, "one", 2)
    for place in (-1, 3):
        with pytest.raises(SpanwiseError, match="no such question"):
            replay.question(library, "one", place)


def test_what_was_withheld_or_is_not_there(library: Library) -> None:
    read = passages(library)
    anywhere = [{"text": "faro", "document": None, "start": None, "end": None}]
    gone = [{"text": "Faro", "document": "papers/z.md", "start": 0, "end": 4}]
    nothing = {"answer": None, "given": False, "citations": [], "hits": [], "confidence": 0.0}
    made(
        library, "one", row(read, given=False, golds=anywhere, error="false abstention"),
        row(read, golds=[], error="false answer"), row(read, golds=gone), row(read, **nothing),
    )  # fmt: skip
    withheld = replay.question(library, "one", 0)
    assert '<dt>Answer withheld</dt><dd><mark dir="auto">Porto</mark>' in withheld
    assert 'in <mark class="other">Faro</mark> on Monday' in withheld  # where its words stand
    assert "the documents have none" in replay.question(library, "one", 1)
    assert "(its document is not in the collection)" in replay.question(library, "one", 2)
    assert "No answer was found." in replay.question(library, "one", 3)


def test_passages_that_have_changed_since_are_not_shown(library: Library, tmp_path: Path) -> None:
    made(library, "one", row(passages(library)))
    (tmp_path / "papers" / "a.md").write_text("Nothing sank.")
    sync(tmp_path / "papers", library.home, WordEncoder(), "harbour")
    shown = replay.question(library, "one", 0)
    assert "Not shown: 1 passage that it read then" in shown
    assert "<blockquote" in shown and "sank" not in shown
    (tmp_path / "papers" / "a.md").unlink()
    sync(tmp_path / "papers", library.home, WordEncoder(), "harbour")
    assert "document=gone" in replay.question(library, "one", 0)


def test_time_left_is_that_of_the_questions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    clock = _Clock()
    assert clock.left(10, 100) is None  # resumed: ten are there already
    now = 60.0  # the models are loaded, and a question asked
    assert clock.left(11, 100) is None and clock.left(11, 100) is None
    now = 64.0
    assert clock.left(13, 100) == 87 * 2


# ---- a real run ------------------------------------------------------------------------------


def until_done(evaluations: Evaluations, collection: str = "seeds") -> Any:
    deadline = time.monotonic() + 600
    while evaluations.job(collection).running and time.monotonic() < deadline:
        time.sleep(0.05)
    job = evaluations.job(collection)
    assert not job.running
    return job


@pytest.mark.slow
def test_a_run_that_is_stopped_goes_on(seeds_home: Path) -> None:
    """With the shipped models: begun, stopped, and resumed by another server."""
    library = Library(Settings(seeds_home))
    evaluations = Evaluations(library)
    write_files(seeds_home / "sets", {"three.jsonl": lines(SET)})
    evaluations.begin("seeds", "three.jsonl")
    with pytest.raises(BusyError):
        evaluations.begin("seeds", "three.jsonl")
    deadline = time.monotonic() + 600
    while not evaluations.job("seeds").done and time.monotonic() < deadline:
        time.sleep(0.01)
    evaluations.close()
    job = until_done(evaluations)
    run = runs.find(seeds_home, job.run)
    assert job.error == "" and 1 <= run.done <= 3
    (run.folder / "metrics.json").unlink(missing_ok=True)  # had it been quick enough to finish
    whole = (run.folder / "run.jsonl").read_bytes().splitlines(keepends=True)
    (run.folder / "run.jsonl").write_bytes(b"".join(whole[:1]))
    again = Evaluations(library)
    again.resume("seeds", job.run)
    assert until_done(again).error == ""
    finished = runs.find(seeds_home, job.run)
    assert finished.metrics is not None and finished.metrics["answerable"] == 2
    assert [each.question for each in runs.failed(finished)] == [SET[1]["question"]]
    assert (run.folder / "report.html").is_file()
    # Of another set nothing is gone on with.
    (run.folder / "metrics.json").unlink()
    write_files(seeds_home / "sets", {"three.jsonl": lines(SET[:2])})
    again.resume("seeds", job.run)
    assert until_done(again).error.endswith("Run the set anew.")
    library.close()


# ---- in a browser ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(seeds_home: Path) -> Iterator[str]:
    with serving("--home", str(seeds_home), "--collection", "seeds", "--no-memory") as url:
        yield url


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Any]:
    with browsing() as browser, visiting(browser, address) as opened:
        opened.address = address
        yield opened


def tab_to(page: Any, wanted: str) -> None:
    """Press the tabulator until the control whose words these are has the focus."""
    focused = "document.activeElement.matches('button, a') ? document.activeElement.innerText : ''"
    for _ in range(80):
        page.keyboard.press("Tab")
        if wanted in page.evaluate(focused):
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(outline) != "none", "the focus cannot be seen"
            return
    raise AssertionError(f"{wanted} cannot be reached")


@pytest.mark.slow
def test_from_a_set_to_a_question_among_the_sources(page: Any, tmp_path: Path) -> None:
    """Sent, run, its figures and report looked at, and a failed question, beside a conversation."""
    ask(page, WHO)
    page.locator("#collections").get_by_role("button", name="Evaluate").click()
    sheet = page.locator("#sheet")
    sheet.get_by_text("seeds.jsonl", exact=True).wait_for()
    odd = write_files(tmp_path, {"odd.jsonl": b"{}\n", "tiny.jsonl": lines(SET) + b"<b>\n"})
    sheet.locator("#set-file").set_input_files(str(odd / "odd.jsonl"))
    sheet.locator("#trial .trouble").get_by_text("holds no usable row").wait_for()
    sheet.locator("#set-file").set_input_files(str(odd / "tiny.jsonl"))
    row = sheet.locator(".listing > li").filter(has_text="tiny.jsonl")
    row.get_by_text("3 questions, 2 answerable").wait_for()
    row.get_by_text("1 row left out").click()
    row.get_by_text("tiny.jsonl, line 4").wait_for()
    row.get_by_role("button", name="Run").click()
    sheet.locator("#trial progress, .figures").first.wait_for()
    page.keyboard.press("Escape")  # it goes on, and the page can be used meanwhile
    page.locator("#collections").get_by_role("button", name="Evaluate").click()
    sheet.locator(".figures").or_(sheet.get_by_role("button", name="See its figures")).wait_for()
    if not sheet.locator(".figures").count():
        sheet.get_by_role("button", name="See its figures").click()
    sheet.get_by_text("2 of 3 questions went as they should.").wait_for()
    assert "right answer at the top" in sheet.locator(".figures").inner_text()
    with page.context.expect_page() as opened:
        sheet.get_by_role("link", name="Open the whole report").click()
    report = opened.value
    report.get_by_role("heading", name="tiny.jsonl").wait_for()
    report.locator("#rows tr.row").nth(2).wait_for()  # its script has run
    assert report.evaluate("origin") == "null"
    report.close()
    sheet.get_by_role("button", name="<i>Deir al-Zor</i>").click()
    beside = page.locator("#evaluated")
    beside.get_by_text("Zaphod Beeblebrox").wait_for()
    page.wait_for_function("document.activeElement.id === 'evaluated'")
    assert "<i>Deir al-Zor</i>" in beside.inner_text() and beside.locator("i").count() == 0
    assert "Khawla" in page.locator("#source-1 mark").first.inner_text()
    beside.get_by_role("button", name="The conversation’s sources").click()
    beside.wait_for(state="detached")
    assert "Khawla" in page.locator("#source-1 mark").first.inner_text()


@pytest.mark.slow
def test_with_the_keyboard_alone(page: Any) -> None:
    """The run of before, from the page to the question and back to the run."""
    go(page, page.address)
    tab_to(page, "Evaluate")
    page.keyboard.press("Enter")
    page.locator("#sheet").get_by_text("Runs", exact=True).wait_for()
    tab_to(page, "See")
    page.keyboard.press("Enter")
    page.locator("#sheet .figures").wait_for()
    tab_to(page, "military council then?")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'evaluated'")
    tab_to(page, "The run")
    page.keyboard.press("Enter")
    page.locator("#sheet .figures").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_sticks_out(page: Any, scheme: str) -> None:
    how = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    with visiting(page.context.browser, page.address, **how) as phone:
        phone.get_by_role("button", name="Collections, conversations").click()
        phone.locator("#collections").get_by_role("button", name="Evaluate").click()
        body = phone.locator("#sheet .body")
        phone.locator("#sheet").get_by_text("Runs", exact=True).wait_for()
        assert body.evaluate("b => b.scrollWidth - b.clientWidth") <= 0
        phone.locator("#sheet").get_by_role("button", name="See tiny").first.click()
        phone.locator("#sheet .figures").wait_for()
        assert body.evaluate("b => b.scrollWidth - b.clientWidth") <= 0
        phone.locator("#sheet .failed button").first.click()
        phone.locator("#evaluated").wait_for()
        assert phone.evaluate("document.documentElement.scrollWidth") <= 360
        phone.wait_for_function(
            "document.querySelector('#evaluated').getBoundingClientRect().top < innerHeight"
        )


@pytest.mark.slow
def test_nobody_is_shut_out_by_the_markup(page: Any) -> None:
    """axe-core: no serious violation."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", exc_type=ImportError)
    go(page, page.address)
    found = []
    page.locator("#collections").get_by_role("button", name="Evaluate").click()
    page.locator("#sheet h2").wait_for()
    found.append(axe.Axe().run(page, context="#sheet").response)
    page.locator("#sheet").get_by_role("button", name="See tiny").first.click()
    page.locator("#sheet .figures").wait_for()
    found.append(axe.Axe().run(page, context="#sheet").response)
    page.locator("#sheet .failed button").first.click()
    page.locator("#evaluated").wait_for()
    found.append(axe.Axe().run(page).response)
    serious = {
        (violation["id"], node["html"][:120])
        for response in found
        for violation in response["violations"]
        for node in violation["nodes"]
        if violation["impact"] in ("serious", "critical")
    }
    assert serious == set()
