from __future__ import annotations

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tiny import write_files

from eval.compare import compare, difference, require
from eval.reading import ReadingAlone
from eval.run import Asking
from eval.sets import Example, Gold
from index.errors import QuestionError
from rag.cli import app
from rag.settings import Settings

TOP = "right answer at the top"


def write_run(folder: Path, right: list[float], kind: str = "asked", **changes: Any) -> Path:
    rows = [
        {"id": f"q{n}", "question": f"Is it {n}?", "golds": [asdict(Gold("x"))],
         "error": "" if value else "reading miss", "measures": {TOP: value}, **changes}
        for n, value in enumerate(right)
    ]  # fmt: skip
    text = "".join(json.dumps(row) + "\n" for row in rows)
    environment = json.dumps({"kind": kind, "made with": {}})
    return write_files(folder, {"run.jsonl": text, "environment.json": environment})


def test_the_same_run_twice(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", [1.0, 0.0, 1.0])
    found = compare(run, run)
    assert found.paired == 3 and found.unpaired == 0
    assert found.lost == found.won == ()
    (only,) = found.differences
    assert (only.before, only.after, only.interval, only.verdict) == (2 / 3, 2 / 3, (0, 0), "")
    assert found.losses == []


def test_flips_and_a_significant_loss(tmp_path: Path) -> None:
    before = write_run(tmp_path / "a", [1.0] * 30 + [0.0] * 20)
    after = write_run(tmp_path / "b", [1.0] * 18 + [0.0] * 31 + [1.0] + [1.0])
    found = compare(before, after)
    assert found.paired == 50 and found.unpaired == 1
    assert [ident for ident, _, _ in found.lost] == [f"q{n}" for n in range(18, 30)]
    assert found.lost[0] == ("q18", "Is it 18?", "reading miss")
    assert [ident for ident, _, _ in found.won] == ["q49"]
    (only,) = found.differences
    assert (only.before, only.after) == (0.6, 0.38)
    # twelve lost, one won of 50: -.22, and the paired normal approximation gives ± .128
    assert only.interval == pytest.approx((-0.348, -0.092), abs=0.03)
    assert found.losses == [TOP]
    assert compare(after, before).losses == []
    assert compare(after, before).differences[0].verdict == "gain"


def test_a_measure_of_which_less_is_better() -> None:
    rows = [{"measures": {"false abstentions": 0.0, "other": 1.0}} for _ in range(30)]
    more = [{"measures": {"false abstentions": float(n % 2)}} for n in range(30)]
    found = difference("false abstentions", rows, more)
    assert found is not None and found.verdict == "loss" and found.after == 0.5
    found = difference("false abstentions", more, rows)
    assert found is not None and found.verdict == "gain"
    assert difference("other", rows, more) is None


def test_a_measure_that_applies_to_others_in_each_run() -> None:
    name = "wrong among the answers given"
    dice = random.Random(1)
    before = [{"measures": {name: 1.0} if n < 10 else {}} for n in range(40)]
    after = [{"measures": {name: float(dice.random() < 0.5)} if n >= 5 else {}} for n in range(40)]
    found = difference(name, before, after)
    assert found is not None
    values = [row["measures"][name] for row in after if row["measures"]]
    assert (found.before, found.after) == (1.0, sum(values) / 35)
    assert found.n == 40
    assert found.interval[0] < found.after - 1 < found.interval[1] < 0


def test_few_questions_give_no_verdict(tmp_path: Path) -> None:
    before, after = write_run(tmp_path / "a", [1.0] * 19), write_run(tmp_path / "b", [0.0] * 19)
    assert compare(before, after).losses == []
    more = [write_run(tmp_path / name, [value] * 20) for name, value in (("c", 1.0), ("d", 0.0))]
    assert compare(*more).losses == [TOP]


def test_other_right_answers_are_another_question(tmp_path: Path) -> None:
    before = write_run(tmp_path / "a", [1.0] * 30)
    after = write_run(tmp_path / "b", [0.0] * 30)
    rows = [json.loads(line) for line in (after / "run.jsonl").read_text().splitlines()]
    for row in rows[:29]:
        row["golds"] = [{"text": "y"}]
    write_files(after, {"run.jsonl": "\n".join(map(json.dumps, rows)) + "\n"})
    assert compare(before, after).paired == 1 and compare(before, after).unpaired == 29


def test_a_baseline_is_looked_at_before_anything_is_asked(seeds_home: Path, tmp_path: Path) -> None:
    before = write_run(tmp_path / "a", [1.0])
    golds, reading = (Gold("x", start=3, end=4),), ReadingAlone()
    asking = Asking(Settings(seeds_home))
    require(before, asking, [Example("q0", "Is it 0?", golds)])
    for other in (Example("q0", "Is it 1?", golds), Example("q0", "Is it 0?", (Gold("z"),))):
        with pytest.raises(QuestionError, match="share no question.*same question set"):
            require(before, asking, [other])
    with pytest.raises(QuestionError, match="in the same way"):
        require(before, reading, [Example("q0", "Is it 0?", golds)])
    write_files(tmp_path, {"set.jsonl": '{"id": "q9", "question": "Who?", "answers": []}'})
    command = ["eval", str(tmp_path / "set.jsonl"), "--home", str(tmp_path)]
    with pytest.raises(QuestionError, match="Not the folder of a run"):
        app([*command, "--baseline", str(tmp_path / "nowhere")], standalone_mode=False)
    assert not (tmp_path / "runs").exists()


def test_runs_of_other_judgements_are_not_compared(tmp_path: Path) -> None:
    before, after = write_run(tmp_path / "a", [1.0]), write_run(tmp_path / "b", [1.0])
    for folder, judgements in ((before, "one"), (after, "two")):
        told = json.loads((folder / "environment.json").read_text())
        told["made with"] = {"judgements": judgements}
        write_files(folder, {"environment.json": json.dumps(told)})
    with pytest.raises(QuestionError, match="same qrels"):
        compare(before, after)


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    asked = write_run(tmp_path / "a", [1.0])
    with pytest.raises(QuestionError, match="read its questions"):
        compare(write_run(tmp_path / "b", [1.0], "read"), asked)
    with pytest.raises(QuestionError, match="share no question"):
        compare(asked, write_run(tmp_path / "c", [1.0], question="Another?"))
    with pytest.raises(QuestionError, match="Not the folder of a run"):
        compare(asked, tmp_path)


def test_the_command_and_its_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write_run(tmp_path / "a", [1.0] * 30)
    bad = write_run(tmp_path / "b", [0.0] * 15 + [1.0] * 15)
    assert app(["compare", str(good), str(bad)], standalone_mode=False) == 3
    said = capsys.readouterr().out
    assert "Right before, wrong now: 15" in said and "-0.500" in said
    assert app(["compare", str(bad), str(good), "--json"], standalone_mode=False) == 0
    assert json.loads(capsys.readouterr().out)["differences"][0]["verdict"] == "gain"
