"""`spanwise train` as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_models import tiny_bert

ROOT = Path(__file__).parents[2]


def spanwise(*arguments: str, code: int) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "rag", *arguments], cwd=ROOT, capture_output=True, text=True,
        timeout=240,
    )  # fmt: skip
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr + done.stdout
    return done


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--together"]])
def test_train_ends_with_figures_before_and_after(tmp_path: Path, more: list[str]) -> None:
    base = tiny_bert(tmp_path / "base")
    rows = [
        {"id": str(n), "title": "t", "context": f"he said {n} fighters of raqqa",
         "question": f"who said {n} ?",
         "answers": {"text": ["raqqa"], "answer_start": [len(f"he said {n} fighters of ")]}}
        for n in range(4, 30)
    ]  # fmt: skip
    rows.append({**rows[0], "id": "wrong", "context": 5})
    questions = tmp_path / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    flags = ["--base", str(base), "--home", str(tmp_path / "home"), "--device", "cpu"]
    out = tmp_path / "out"
    done = spanwise("train", str(questions), "--out", str(out), *flags, "--epochs", "20",
                    "--rate", "0.01", *more, "--json", code=0)  # fmt: skip
    told = json.loads(done.stdout)
    assert "Left out: questions.jsonl, line 27" in done.stderr
    assert told["trained_on"] + told["judged_by"] == 26
    before, after = (told[when]["token F1"] for when in ("before", "after"))
    assert before["n"] == after["n"] == told["judged_by"] > 0
    assert after["value"] == 1.0 > before["value"]
    assert (out / "model.safetensors").exists() and (out / "tokenizer.json").exists()
    again = spanwise("train", str(questions), "--out", str(out), *flags, code=2)
    assert "Name a new folder" in again.stderr


def test_a_set_without_contexts_needs_a_collection(tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    row = {"id": "1", "question": "Who?", "answers": [{"text": "Khawla"}]}
    questions.write_text(json.dumps(row), "utf-8")
    flags = ["--out", str(tmp_path / "out"), "--home", str(tmp_path / "home")]
    assert "spanwise index" in spanwise("train", str(questions), *flags, code=2).stderr


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    rows = [
        {"id": str(n), "context": "Khawla heads it.", "question": f"Who heads {n}?",
         "answers": {"text": ["Khawla"], "answer_start": [0]}}
        for n in range(12)
    ]  # fmt: skip
    questions.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    flags = ["--out", str(tmp_path / "out"), "--home", str(tmp_path / "home"), "--device", "warp"]
    assert "no such device" in spanwise("train", str(questions), *flags, code=2).stderr
    assert not (tmp_path / "out").exists()
