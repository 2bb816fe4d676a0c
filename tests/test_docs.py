"""Every marked snippet of the docs is run, in a user's home with the demo corpus indexed.

The mark stands above the code: ``<!-- run server needs="jq pyarrow" prints="text" -->``. `needs`
are modules, or programs for a shell, without which it is skipped; `server` runs `spanwise serve`
meanwhile; `prints` must be among what it prints. And the reference is built, strictly.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pytest
from commandline import with_spanwise
from serving import serving
from tiny import write_files

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "tools.md", ROOT / "README.md"]
ADDRESS = "http://127.0.0.1:7860"
MARK = re.compile(
    r"^<!-- run(?P<options>[^\n]*) -->\n```(?P<kind>\w+)\n(?P<code>.*?)^```$", re.M | re.S
)
CODE = re.compile(r"^```(?:python|sh)$", re.M)


@dataclass(frozen=True)
class Snippet:
    """Code of a page, and what its mark says."""

    place: str
    kind: str
    code: str
    needs: tuple[str, ...]
    prints: str
    server: bool

    @property
    def alone(self) -> bool:
        """It needs a process of its own, or asks for one."""
        return self.kind == "sh" or self.server or "mcp" in self.needs

    def missing(self) -> list[str]:
        """What of its needs is not here."""
        return [name for name in self.needs if not (shutil.which(name) or _importable(name))]


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the package above it
        return False


def snippets() -> Iterator[Snippet]:
    for page in PAGES:
        text = page.read_text("utf-8")
        for found in MARK.finditer(text):
            options, line = found["options"], text[: found.start()].count("\n") + 1
            values = dict(re.findall(r'(\w+)="([^"]*)"', options))
            yield Snippet(
                f"{page.name}:{line}", found["kind"], found["code"],
                tuple(values.get("needs", "").split()), values.get("prints", ""),
                "server" in options.split(),
            )  # fmt: skip


ALL = list(snippets())
BEIR = {
    "corpus.jsonl": [
        {"_id": "1", "title": "Dams", "text": "The dam of Hajin was built of mud in 1931."},
        {"_id": "2", "title": "", "text": "The opera house burnt down in the night."},
    ],
    "queries.jsonl": [{"_id": "q", "text": "When was the dam built?"}],
}


@pytest.fixture
def desk(tmp_path: Path, seeds_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder to work in; the home lies where the system has it, `spanwise` on the path."""
    for name in ("SPANWISE_HOME", "SPANWISE_TOKEN", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", with_spanwise(tmp_path))
    monkeypatch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
    home = Path(platformdirs.user_data_dir("spanwise", appauthor=False))
    assert home.is_relative_to(tmp_path)
    collections = seeds_home / "collections"
    shutil.copytree(collections / "seeds", home / "collections" / "default")
    rows = {name: "\n".join(map(json.dumps, rows)) for name, rows in BEIR.items()}
    qrels = "query-id\tcorpus-id\tscore\nq\t1\t1\n"
    write_files(tmp_path / "desk" / "scifact", {**rows, "qrels/test.tsv": qrels})
    monkeypatch.chdir(tmp_path / "desk")
    return tmp_path / "desk"


@pytest.mark.parametrize(
    "snippet",
    [pytest.param(one, id=one.place, marks=[pytest.mark.slow] if one.alone else []) for one in ALL],
)
def test_a_snippet_does_what_the_page_says(
    snippet: Snippet, desk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if missing := snippet.missing():
        pytest.skip(f"not installed: {', '.join(missing)}")
    if snippet.server:
        with serving("--port", "7999") as (_, address):
            assert ADDRESS in snippet.code
            run(snippet.kind, snippet.code.replace(ADDRESS, address))
    else:
        run(snippet.kind, snippet.code)
    assert snippet.prints in capfd.readouterr().out


def run(kind: str, code: str) -> None:
    """In this process where that can be: the models' libraries are loaded once."""
    if kind == "sh":
        subprocess.run(["bash", "-euo", "pipefail", "-c", code], check=True, timeout=280)
    else:
        exec(compile(code, "snippet", "exec"), {"__name__": "__main__"})
        sys.stdout.flush()


def test_every_snippet_of_the_page_is_marked() -> None:
    page = PAGES[0].read_text("utf-8")
    marked = [one for one in ALL if one.place.startswith(PAGES[0].name)]
    assert len(marked) == len(CODE.findall(page)) >= 14
    assert all(one.prints for one in ALL)


def test_the_table_leads_to_every_tool() -> None:
    page = PAGES[0].read_text("utf-8")
    headings = re.findall(r"^## (.+)$", page, re.M)
    rows = re.findall(r"^\| (\w+) \| `(.+?)` \|.*\[(\w+)\]\(#(\w+)\) \|$", page, re.M)
    assert [row[0] for row in rows] == headings
    assert [(tool, tool.lower()) for tool, *_ in rows] == [row[2:] for row in rows]


def test_install_lines_name_the_checkout_and_extras_that_there_are() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for file in [*PAGES, *ROOT.glob("index/**/*.py"), *ROOT.glob("rag/**/*.py")]:
        text = file.read_text("utf-8")
        assert set(re.findall(r'pip install "[^"]*\[(\w+)\]"', text)) <= extras.keys()
        assert not re.search(r'pip install "?spanwise', text)


LOADS = re.compile(
    r"<(?:script|img|iframe|link)[^>]*(?:src|href)=[\"'](?:https?:)?//"
    r"|@import[^;]*//|url\([\"']?(?:https?:)?//"
)
"""What a browser fetches by itself, from another host; a link that is clicked is none."""


def test_the_reference_is_built_and_asks_no_other_host(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="the extra `docs` is not installed")
    pytest.importorskip("myst_parser", reason="the extra `docs` is not installed")
    for builder, made in (("html", "index.html"), ("man", "spanwise.1")):
        command = ["-W", "--keep-going", "-q", "-d", str(tmp_path / "trees"), "-b", builder]
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", *command, "docs", str(tmp_path / builder)],
            cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / builder / made).is_file()
    page = (tmp_path / "html" / "cli.html").read_text("utf-8")
    assert 'id="spanwise-export"' in page and "SPANWISE_HOME" in page
    manual = (tmp_path / "man" / "spanwise.1").read_text("utf-8")
    assert "spanwise export passages.parquet" in manual.replace("\\", "")
    files = [f for f in (tmp_path / "html").rglob("*") if f.suffix in (".html", ".css", ".js")]
    assert len(files) > 10
    for file in files:
        assert not LOADS.search(file.read_text("utf-8")), file.name
