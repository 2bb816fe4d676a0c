"""The Evaluate panel's runs: listed, replayed among the sources; begun, stopped, resumed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tiny import WordEncoder, write_files
from trials import EVIL, SET, lines, panel

from eval.evaluate import evaluate as run_job
from eval.records import Ask, Kind, Record, Unit
from eval.sets import Example, Gold, units
from index import sync
from index.errors import BusyError, SpanwiseError
from index.types import Passage
from rag.chat import replay, runs
from rag.chat.evaluations import Evaluations, _Clock
from rag.chat.library import Library
from rag.settings import Settings

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do


@dataclass(frozen=True)
class Canned:
    """A job whose rows are given."""

    rows: dict[str, dict[str, Any]]
    collection: str = "harbour"
    kind: Kind = "asked"

    @contextmanager
    def open(self) -> Iterator[Ask]:
        yield lambda unit: [Record(self.rows[example.id]) for example in unit]

    def units(self, examples: Sequence[Example]) -> list[Unit]:
        return units(examples)

    def check(self, examples: Sequence[Example]) -> list[str]:
        return []

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
