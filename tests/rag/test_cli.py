from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny import SEEDS, write_files

ROOT = Path(__file__).parents[2]


def spanwise(
    *arguments: str, code: int, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the real command; no traceback is ever shown."""
    done = subprocess.run(
        [sys.executable, "-m", "rag", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
        env={**os.environ, "COLUMNS": "200", **(environ or {})},
    )  # fmt: skip
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr + done.stdout
    return done


@pytest.fixture(scope="module")
def home(seeds_home: Path) -> list[str]:
    return ["--home", str(seeds_home)]


def test_ask_prints_answer_sentence_file_and_others(home: list[str]) -> None:
    out = spanwise("ask", "Who heads the Deir al-Zor military council?", *home, code=0).stdout
    assert "Khawla" in out.splitlines()[0]
    assert "who heads the Deir al-Zor military council" in out
    assert "seeds/000_d39b82a70d207427.txt" in out
    assert re.search(r"Confidence 0\.\d\d", out)


def test_ask_as_json(home: list[str]) -> None:
    done = spanwise("ask", "Who heads the council?", *home, "--json", code=0)
    said = json.loads(done.stdout)
    assert list(said) == [
        "schema", "question", "asked_as", "carried", "collection", "generation", "answer",
        "confidence", "reason", "citations", "others", "hits", "elapsed_ms",
    ]  # fmt: skip
    (hit, *_) = said["hits"]
    text = (SEEDS.parent / hit["path"]).read_text("utf-8")
    assert text[hit["start"] : hit["end"]] == hit["text"]
    assert done.stderr == ""


def test_no_answer_is_exit_code_1(home: list[str]) -> None:
    said = spanwise("ask", "What is the recipe for sourdough bread?", *home, code=1).stdout
    assert "do not seem to answer" in said
    assert "nearest passage" in said


@pytest.mark.parametrize("question", ["", "   ", "x" * 100_000])
def test_a_question_that_cannot_be_read_is_exit_code_2(home: list[str], question: str) -> None:
    assert "Error: This is not a question" in spanwise("ask", question, *home, code=2).stderr


def test_search(home: list[str]) -> None:
    out = spanwise("search", "9K333 Verba", *home, "-k", "2", code=0).stdout
    assert "002_3cabbef2c5ac372d.txt" in out.splitlines()[0]
    assert "lexical 1" in out.splitlines()[0]
    found = json.loads(spanwise("search", "Verba", *home, "--json", code=0).stdout)
    assert found["hits"][0]["lexical_rank"] == 1
    lexical = ["--channel", "lexical"]
    spanwise("search", "xylophone", *home, *lexical, code=1)
    assert "hybrid, lexical" in spanwise("search", "x", *home, "--channel", "no", code=2).stderr


def test_filters(home: list[str]) -> None:
    day = ["--after", "2017-08-05", "--before", "2017-08-05"]
    found = json.loads(spanwise("search", "SDF", *home, *day, "--json", code=0).stdout)
    assert {hit["path"] for hit in found["hits"]} == {"seeds/002_3cabbef2c5ac372d.txt"}
    spanwise("search", "SDF", *home, "--type", "pdf", code=1)
    assert "YYYY-MM-DD" in spanwise("search", "SDF", *home, "--after", "soon", code=2).stderr


def test_info_and_check(home: list[str], seeds_home: Path) -> None:
    out = spanwise("info", *home, "--documents", code=0).stdout
    assert "5 documents" in out
    assert "2017-08-05" in out
    (seeds,) = json.loads(spanwise("info", *home, "--json", code=0).stdout)["collections"]
    assert seeds["encoder"]["name"] == "all-MiniLM-L6-v2"
    assert "is sound" in spanwise("check", *home, code=0).stdout


def test_index_remove_drop(tmp_path: Path) -> None:
    folder = write_files(
        tmp_path / "do[b]cs",
        {"a b.txt": "The dam broke in spring.", "'q\"🦊.md": "# Fox\n\nThe fox ran.", "c.xyz": "?",
         "[red]x.txt": "A river ran dry."},
    )  # fmt: skip
    home = ["--home", str(tmp_path / "home")]
    out = spanwise("index", str(folder), *home, code=0).stdout
    assert re.search(r"indexed\s+unchanged\s+updated\s+removed\s+skipped\s+left out", out)
    assert "do[b]cs/c.xyz" in out
    assert "3 documents" in out
    assert "do[b]cs/[red]x.txt" in spanwise("info", *home, "--documents", code=0).stdout
    spanwise("search", "dam", *home, "--channel", "lexical", code=0)
    report: dict[str, Any] = json.loads(
        spanwise("index", str(folder), *home, "--json", code=0).stdout
    )
    assert (report["published"], len(report["unchanged"])) == (False, 3)
    assert "still there" in spanwise("remove", "do[b]cs/a b.txt", *home, code=0).stdout
    spanwise("search", "dam", *home, "--channel", "lexical", code=1)
    assert "No document" in spanwise("remove", "nothing.txt", *home, code=2).stderr
    spanwise("drop", "default", *home, "--yes", code=0)
    assert "spanwise index FOLDER" in spanwise("search", "dam", *home, code=2).stderr
    assert (folder / "a b.txt").exists()


@pytest.mark.parametrize(
    ("files", "said"),
    [({}, "Nothing in this folder"), ({"a.bin": "x", "b.txt": ""}, "Nothing in this folder")],
)
def test_nothing_to_index_is_exit_code_2(files: dict[str, str], said: str, tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    write_files(folder, files)
    done = spanwise("index", str(folder), "--home", str(tmp_path / "home"), code=2)
    assert said in done.stderr
    for name in files:
        assert f"bare/{name}" in done.stdout


def test_wrong_use_is_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert "No such folder" in spanwise("index", str(tmp_path / "none"), *home, code=2).stderr
    assert "Nothing has been indexed" in spanwise("ask", "Who?", *home, code=2).stderr
    assert "Nothing is indexed yet" in spanwise("info", *home, code=0).stdout
    (tmp_path / "file").write_text("x")
    taken = ["--home", str(tmp_path / "file")]
    assert "home folder cannot" in spanwise("index", str(SEEDS), *taken, code=2).stderr
    environ = {"SPANWISE_PASSAGES": "many"}
    assert "SPANWISE_PASSAGES" in spanwise("info", *home, code=2, environ=environ).stderr


def test_an_unexpected_error_is_logged_without_what_was_asked(
    seeds_home: Path, tmp_path: Path
) -> None:
    home = shutil.copytree(seeds_home, tmp_path / "home")
    break_it = "import rag.service\ndef ask(*a, **k): raise RuntimeError('secret words')\n"
    break_it += "rag.service.Service.ask = ask\nfrom rag.__main__ import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", break_it, "ask", "secret words?", f"--home={home}"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert "RuntimeError" in done.stderr and "Traceback" not in done.stderr
    log = home / "logs" / "spanwise.log"
    assert str(log) in done.stderr
    assert "RuntimeError" in log.read_text() and "in ask" in log.read_text()
    assert "secret" not in log.read_text()


def test_every_command_has_help() -> None:
    out = spanwise("--help", code=0).stdout
    commands = set(re.findall(r"^│? ?(\w+)  ", out, re.MULTILINE)) & {
        "index", "ask", "search", "chat", "info", "remove", "drop", "check", "eval", "calibrate",
    }  # fmt: skip
    assert len(commands) == 10


def test_a_reader_that_goes_away_is_no_answer_of_1(seeds_home: Path) -> None:
    """`spanwise search … | head -1`, by one who has closed before anything is written."""
    command = [sys.executable, "-m", "rag", "search", "SDF", "--channel", "lexical"]
    command += ["--home", str(seeds_home)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as started:
        started.stdout.close()
        said = started.stderr.read()
    assert (started.returncode, said) == (2, "")


def test_a_terminal_without_the_letters(home: list[str]) -> None:
    environ = {"PYTHONIOENCODING": "ascii"}
    arguments = ["search", "Sha’Fah", *home, "--channel", "lexical", "-k", "1"]
    assert "Sha\\u2019Fah" in spanwise(*arguments, code=0, environ=environ).stdout
    found = json.loads(spanwise(*arguments, "--json", code=0, environ=environ).stdout)
    assert "Sha’Fah" in found["hits"][0]["text"]


def test_drop_asks_also_with_json(home: list[str]) -> None:
    assert "Nothing was done" in spanwise("drop", "seeds", *home, "--json", code=2).stderr
    spanwise("check", *home, code=0)


@pytest.mark.slow
def test_models_that_there_are_not(home: list[str], tmp_path: Path) -> None:
    offline = {"HF_HUB_OFFLINE": "1"}
    for name in ("nobody/nothing", "/no/such/folder", str(tmp_path), "x" * 5000):
        done = spanwise("ask", "Who?", *home, "--reader", name, code=2, environ=offline)
        assert done.stderr.startswith("Error: ")
        assert "should not" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
