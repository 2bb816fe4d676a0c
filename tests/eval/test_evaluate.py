"""Runs that are stopped, in every way, and go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tiny import write_files

from eval.evaluate import evaluate
from eval.records import Ask, Kind, Record, Unit
from eval.run import DEPTH
from eval.runs import bare_rows_of, rows_of
from eval.sets import Example, Gold, units
from index.errors import BusyError, QuestionError
from rag.cli import app

ROOT = Path(__file__).parents[2]
TALKS = (None, None, "a", "b", "a", "b", None, "a", None, None)
EXAMPLES = [
    Example(f"q {n}", f"Is it {n}?", (Gold(str(n)),) if n % 3 else (), conversation=talk)
    for n, talk in enumerate(TALKS)
]


@dataclass(frozen=True)
class Echo:
    """Answers every question with its number; stopped before the unit that begins with `stop`."""

    stop: str = ""
    setting: int = 1
    kind: Kind = "asked"

    @contextmanager
    def open(self) -> Iterator[Ask]:
        yield lambda unit: [self._record(example, unit) for example in unit]

    def units(self, examples: Sequence[Example]) -> list[Unit]:
        return units(examples)

    def check(self, examples: Sequence[Example]) -> list[str]:
        return ["a doubt"]

    def environment(self) -> dict[str, Any]:
        return {"setting": self.setting}

    def _record(self, example: Example, unit: Unit) -> Record:
        if self.stop == example.id:
            raise KeyboardInterrupt
        number = int(example.id[2:])
        row = {
            "id": example.id, "question": example.question, "asked_as": example.question,
            "tags": [], "conversation": example.conversation,
            "golds": [{"text": g.text, "document": None, "start": None, "end": None}
                      for g in example.golds],
            "answer": str(number), "given": True, "confidence": number / 10, "reason": "",
            "citations": [], "others": [], "hits": [], "error": "" if example.golds else
            "false answer", "excerpts": [], "elapsed_ms": float(number),
            "measures": {"right answer at the top": 1.0} if example.golds else {},
        }  # fmt: skip
        ranking = [(f"p{number}", 0.5), ("p0", 0.25)]
        return Record(row, {"lexical": ranking, "hybrid": ranking}, {"p0": 1})


def contents(folder: Path) -> dict[str, object]:
    """Every file of a run, without what differs from run to run."""
    found: dict[str, object] = {f.name: f.read_bytes() for f in folder.iterdir()}
    del found["report.html"]
    for name in ("environment.json", "metrics.json"):
        data = json.loads(found[name])  # type: ignore[arg-type]
        for passing in ("started", "speed", "latency_ms"):
            data.pop(passing, None)
        found[name] = data
    found["run.jsonl"] = [{**row, "elapsed_ms": 0} for row in rows_of(folder)]
    return found


def test_a_run_and_its_files(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    metrics = evaluate(Echo(), EXAMPLES, "set", tmp_path / "run",
                       progress=lambda done, total: seen.append((done, total)))  # fmt: skip
    assert [row["id"][2:] for row in rows_of(tmp_path / "run")] == list("0124735689")
    assert seen[0] == (0, 10) and seen[-1] == (10, 10)
    assert metrics["figures"]["right answer at the top"]["n"] == 6
    assert metrics["errors"]["false answer"] == 4
    # p0 is second, but for question 0, which is unanswerable; six questions
    assert metrics["retrieval"]["hybrid"]["RR"]["value"] == 0.5
    assert set(metrics["retrieval"]) == {"lexical", "hybrid"}
    assert f"Success@{DEPTH}" in metrics["retrieval"]["hybrid"]
    assert metrics["latency_ms"]["p50"] == 4.5
    assert metrics["reliability"][0] == [0.0, 0.0, 1]
    whole = list(rows_of(tmp_path / "run"))
    shown = {"citations": (), "excerpts": (), "hits": (), "others": ()}
    assert list(bare_rows_of(tmp_path / "run")) == [{**row, **shown} for row in whole]
    lines = (tmp_path / "run" / "lexical.trec").read_text().splitlines()
    assert lines[:2] == ["q%200 Q0 p0 1 0.500000 spanwise-lexical",
                         "q%200 Q0 p0 2 0.250000 spanwise-lexical"]  # fmt: skip


@pytest.mark.parametrize("stop", ["q 0", "q 2", "q 7", "q 9"])
def test_stopped_and_gone_on_with(tmp_path: Path, stop: str) -> None:
    evaluate(Echo(), EXAMPLES, "set", tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        evaluate(Echo(stop), EXAMPLES, "set", tmp_path / "run")
    evaluate(Echo(), EXAMPLES, "set", tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


@pytest.mark.parametrize("cut", [40, 1_000, 1_700])
def test_half_written_lines_are_written_again(tmp_path: Path, cut: int) -> None:
    evaluate(Echo(), EXAMPLES, "set", tmp_path / "whole")
    evaluate(Echo(), EXAMPLES, "set", tmp_path / "run")
    for name in ("run.jsonl", "hybrid.trec"):
        file = tmp_path / "run" / name
        os.truncate(file, min(cut, file.stat().st_size))
    # what stands behind the rows may be anything; what stands before them is whole
    (tmp_path / "run" / "run.jsonl").write_bytes(
        (tmp_path / "whole" / "run.jsonl").read_bytes()[: 0 if cut < 1_000 else cut]
    )
    kept = [row["id"] for row in rows_of(tmp_path / "run")]
    for name in ("hybrid.trec", "lexical.trec", "qrels.trec"):
        lines = (tmp_path / "whole" / name).read_text().splitlines(keepends=True)
        whole = "".join(line for line in lines if line.split()[0].replace("%20", " ") in kept)
        (tmp_path / "run" / name).write_text(whole + "q%209 Q0 p9 1 0.5")
    evaluate(Echo(), EXAMPLES, "set", tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_a_finished_run_is_only_measured_again(tmp_path: Path) -> None:
    evaluate(Echo(), EXAMPLES, "set", tmp_path / "run")
    before = contents(tmp_path / "run")
    evaluate(Echo(stop="q 0"), EXAMPLES, "set", tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told_and_what_was_asked_is_kept(tmp_path: Path) -> None:
    evaluate(Echo(), EXAMPLES, "set", tmp_path / "whole")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "lexical.trec").symlink_to("/dev/full")
    with pytest.raises(QuestionError, match="No space left.*--resume"):
        evaluate(Echo(), EXAMPLES, "set", tmp_path / "run")
    (tmp_path / "run" / "lexical.trec").unlink()
    evaluate(Echo(), EXAMPLES, "set", tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_what_is_doubtful_is_told(tmp_path: Path) -> None:
    metrics = evaluate(Echo(), EXAMPLES, "set", tmp_path / "run", drawn={"left out": 2})
    assert metrics["notes"] == ["2 rows of the set cannot be used and count nowhere", "a doubt"]
    assert '<p class="note">a doubt.</p>' in (tmp_path / "run" / "report.html").read_text()


def test_nobody_else_writes_a_run_meanwhile(tmp_path: Path) -> None:
    def second(done: int, total: int) -> None:
        with pytest.raises(BusyError, match="Another process is writing this run"):
            evaluate(Echo(), EXAMPLES, "set", tmp_path / "run", resume=True)
        said.append(done)

    said: list[int] = []
    evaluate(Echo(), EXAMPLES, "set", tmp_path / "run", progress=second)
    assert said[-1] == len(EXAMPLES)
    assert len(list(rows_of(tmp_path / "run"))) == len(EXAMPLES)
    evaluate(Echo(), EXAMPLES, "set", tmp_path / "run", resume=True)  # it is free again


def test_what_is_no_run_or_another_one(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="no run to go on with"):
        evaluate(Echo(), EXAMPLES, "set", tmp_path / "run", resume=True)
    evaluate(Echo(), EXAMPLES, "set", tmp_path / "run")
    with pytest.raises(QuestionError, match="--resume"):
        evaluate(Echo(), EXAMPLES, "set", tmp_path / "run")
    with pytest.raises(QuestionError, match="begun with other made with"):
        evaluate(Echo(setting=2), EXAMPLES, "set", tmp_path / "run", resume=True)
    with pytest.raises(QuestionError, match="begun with other set"):
        evaluate(Echo(), EXAMPLES[:9], "set", tmp_path / "run", resume=True)
    write_files(tmp_path, {"file": ""})
    with pytest.raises(QuestionError, match="cannot be written"):
        evaluate(Echo(), EXAMPLES, "set", tmp_path / "file" / "run")


CONTEXT = "The dam of Hajin was built in {}. It broke in spring, and {} families left."


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_the_command_stopped_half_way(tmp_path: Path) -> None:
    rows = [
        {"id": f"q{n}", "title": "Dam", "context": CONTEXT.format(1900 + n, n) * (1 + n % 3),
         "question": "When was the dam built?",
         "answers": {"text": [str(1900 + n)], "answer_start": [30]}}
        for n in range(600)
    ]  # fmt: skip
    write_files(tmp_path, {"set.jsonl": "\n".join(map(json.dumps, rows))})
    out = tmp_path / "run"
    command = ["eval", str(tmp_path / "set.jsonl"), "--gold-passage", "--home", str(tmp_path)]
    command += ["--out", str(out)]
    started = subprocess.Popen(
        [sys.executable, "-m", "rag", *command],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # Whoever runs the tests in the background has SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while sum(1 for _ in rows_of(out)) < 5:
        assert started.poll() is None, started.communicate()
        time.sleep(0.02)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    _, said = started.communicate()
    kept = sum(1 for _ in rows_of(out))
    assert started.returncode == 130
    assert 5 <= kept < 600
    assert f"{kept} of 600 questions are kept" in said and "--resume" in said
    assert app([*command, "--resume"], standalone_mode=False) == 0
    assert [row["id"] for row in rows_of(out)] == [f"q{n}" for n in range(600)]


def test_a_run_of_two_states_gives_no_figures(tmp_path: Path) -> None:
    class Changing(Echo):
        def environment(self) -> dict[str, Any]:
            return {"rows": (tmp_path / "run" / "run.jsonl").exists()}

    with pytest.raises(QuestionError, match="has changed since the run began.*run the set anew"):
        evaluate(Changing(), EXAMPLES, "set.jsonl", tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.json").exists()
