"""The command line among a shell's other tools: pipes, completion, help pages."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from commandline import with_spanwise
from tiny import SEEDS, WordEncoder, write_files

from index.build import sync
from index.errors import QuestionError
from rag.cli import app
from rag.manual import PAGES, VARIABLES, lines, sections
from rag.settings import Settings

ROOT = Path(__file__).parents[2]
GROUP: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = GROUP.commands


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"there is no {program} here")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which `spanwise` is this checkout's."""
    return {**os.environ, "PATH": with_spanwise(tmp_path), "HOME": str(tmp_path)}


def run(
    *command: str, environ: dict[str, str], code: int = 0, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, env=environ, cwd=cwd, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    """A home with three collections, published only as far as completion looks."""
    names = ("alpha", "alphabet", "beta")
    return write_files(tmp_path / "home", {f"collections/{name}/CURRENT": "" for name in names})


# JSON in a pipe


@pytest.mark.parametrize("tool", [pytest.param("jq", marks=needs("jq")), "python"])
def test_json_goes_through_a_pipe(tool: str, seeds_home: Path, environ: dict[str, str]) -> None:
    spanwise = f"spanwise search Verba -k 2 --channel lexical --json --home '{seeds_home}'"
    paths = "import json, sys; [print(h['path']) for h in json.load(sys.stdin)['hits']]"
    reader = "jq -r '.hits[].path'" if tool == "jq" else f'"{sys.executable}" -c "{paths}"'
    done = run("bash", "-c", f"set -o pipefail; {spanwise} | {reader}", environ=environ)
    assert done.stdout.split() == ["seeds/002_3cabbef2c5ac372d.txt"]
    assert done.stderr == ""


def test_ask_prints_one_object_whatever_happens(
    seeds_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["ask", "--json", "--home", str(seeds_home)]
    for question, code in (
        ("Who heads the Deir al-Zor military council?", 0),
        ("What is the recipe for sourdough bread?", 1),
    ):
        assert app([*command, question], standalone_mode=False) == code
        said, complaints = capfd.readouterr()
        assert (json.loads(said)["question"], complaints) == (question, "")
    with pytest.raises(QuestionError):
        app([*command, ""], standalone_mode=False)
    assert json.loads(capfd.readouterr().out)["reason"] == "question_unreadable"


def test_what_is_left_out_of_an_index_stays_in_its_object(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write_files(tmp_path / "docs", {"a.txt": "A dam.", "b.xyz": "?"})
    command = ["index", str(folder), "--json", "--home", str(tmp_path / "home")]
    assert app(command, standalone_mode=False) in (0, None)
    said, complaints = capfd.readouterr()
    assert [skipped["path"] for skipped in json.loads(said)["skipped"]] == ["docs/b.xyz"]
    assert complaints == ""


# completion


@needs("bash")
def test_bash_completes(homes: Path, environ: dict[str, str]) -> None:
    script = run("spanwise", environ={**environ, "_SPANWISE_COMPLETE": "source_bash"}).stdout

    def completed(*words: str) -> list[str]:
        array = " ".join(shlex.quote(word) for word in words)
        ask = f"COMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; "
        ask += "_spanwise_completion spanwise; printf '%s\\n' \"${COMPREPLY[@]}\""
        return run("bash", "-c", f"{script}\n{ask}", environ=environ).stdout.split()

    assert completed("spanwise", "ch") == ["chat", "check"]
    assert completed("spanwise", "ask", "--home", str(homes), "--collection", "al") == [
        "alpha", "alphabet",
    ]  # fmt: skip
    assert completed("spanwise", "drop", "--home", str(homes), "b") == ["beta"]
    assert completed("spanwise", "ask", "--home", str(homes / "nowhere"), "--collection", "") == []
    (homes / "file").touch()
    assert completed("spanwise", "ask", "--home", str(homes / "file"), "--collection", "") == []


@needs("fish")
def test_fish_completes(homes: Path, environ: dict[str, str]) -> None:
    script = run("spanwise", environ={**environ, "_SPANWISE_COMPLETE": "source_fish"}).stdout
    ask = f"complete -C 'spanwise ask --home {homes} --collection al'"
    done = run("fish", "--no-config", "-c", f"{script}\n{ask}", environ=environ)
    assert done.stdout.split() == ["alpha", "alphabet"]


def test_zsh_is_told_what_completes(homes: Path, environ: dict[str, str]) -> None:
    words = f"spanwise ask --home {homes} --collection al"
    asked = {"_SPANWISE_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": words}
    said = run("spanwise", environ={**environ, **asked}).stdout
    assert re.findall(r'"(\w+)"', said) == ["alpha", "alphabet"]
    script = run("spanwise", environ={**environ, "_SPANWISE_COMPLETE": "source_zsh"}).stdout
    assert script.lstrip().startswith("#compdef spanwise")
    if shutil.which("zsh"):
        run("zsh", "-f", "-n", "-c", script, environ=environ)


def test_the_user_can_install_it() -> None:
    flags = {flag for parameter in GROUP.params for flag in parameter.opts}
    assert {"--install-completion", "--show-completion"} <= flags


def test_completion_loads_nothing_heavy(homes: Path, environ: dict[str, str]) -> None:
    heavy = ["numpy", "torch", "transformers", "faiss", "gradio", "sqlite3", "pyarrow", "rich"]
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print([m for m in {heavy} if m in sys.modules]))\n"
        "sys.argv[0] = 'spanwise'\nfrom rag.__main__ import main\nmain()"
    )
    words = f"spanwise ask --home {homes} --collection b"
    asked = {"_SPANWISE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "5"}
    done = run(sys.executable, "-c", code, environ={**environ, **asked})
    assert done.stdout.split("\n")[:2] == ["beta", "[]"]


# help pages


def test_every_command_has_a_page() -> None:
    assert COMMANDS.keys() == PAGES.keys()
    for page in PAGES.values():
        assert page.examples and {0, 2} <= page.exit_codes.keys()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_help_is_shown_as_written(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert app([name, "--help"], standalone_mode=False) in (0, None)
    shown = capsys.readouterr().out
    parts = sections(name, COMMANDS[name].callback)
    assert [heading for heading, _ in parts][:2] == ["Examples", "Exit codes"]
    for heading, rows in parts:
        for line in (f"{heading}:", *lines(rows).split("\n")):
            assert f" {line.rstrip()}\n" in re.sub(r" +\n", "\n", shown)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_examples_can_be_typed(name: str) -> None:
    for example, _ in PAGES[name].examples:
        assert "[" not in example  # would be markup
        words = shlex.split(example.partition("|")[0])
        if "spanwise" not in words:
            continue
        command, *rest = words[words.index("spanwise") + 1 :]
        parameters = COMMANDS[command].params
        known = {flag for p in parameters for flag in (*p.opts, *p.secondary_opts)}
        assert {word for word in rest if word.startswith("-")} <= known


def test_the_variables_are_those_of_the_settings() -> None:
    fields = set(Settings.__dataclass_fields__)
    assert VARIABLES.keys() == fields | {"token"}
    assert all(name == f"SPANWISE_{key.upper()}" for key, (name, _) in VARIABLES.items())
    pages = {name: dict(sections(name, c.callback)) for name, c in COMMANDS.items()}
    assert [row[0] for row in pages["drop"]["Environment"]] == ["SPANWISE_HOME"]
    assert [row[0] for row in pages["search"]["Environment"]] == [
        "SPANWISE_HOME", "SPANWISE_COLLECTION",
    ]  # fmt: skip


# export


def test_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    sync(SEEDS, tmp_path / "home", WordEncoder(), "seeds")
    command = ["export", "--home", str(tmp_path / "home")]
    assert app([*command, str(tmp_path), "--json"], standalone_mode=False) in (0, None)
    said = json.loads(capsys.readouterr().out)
    assert said["file"] == str(tmp_path / "seeds.parquet")
    assert (said["documents"], said["passages"]) == (5, 50)
    assert app([*command, str(tmp_path / "x.parquet")], standalone_mode=False) in (0, None)
    assert "50 passages of 5 documents" in capsys.readouterr().out
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Exception, match=r"ends in \.parquet"):
        app([*command, str(tmp_path / "notes.txt")], standalone_mode=False)
    assert (tmp_path / "notes.txt").read_text() == "mine"
