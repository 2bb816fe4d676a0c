"""The Evaluate panel's sets: received, told by line, and never outside their folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tiny import write_files
from trials import SET, lines, panel, visitor

from rag.chat import sets as offered
from rag.chat.library import Library
from rag.settings import Settings

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do
NAMES = ["../x.jsonl", "/etc/x.jsonl", "..", "x\0.jsonl", ".x.jsonl", "a/b.jsonl", "a\\b.jsonl",
         "\u202ex.jsonl", "", "x" * 300 + ".jsonl"]  # fmt: skip


def sent(client: TestClient, name: str, data: bytes, **headers: str) -> Any:
    return client.put("/evaluate/set", params={"name": name}, content=data, headers=headers)


def kept(library: Library) -> list[str]:
    return [str(p.relative_to(library.home)) for p in (library.home / "sets").rglob("*")]


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
    demo = visitor(Library(Settings(seeds_home)))
    assert "seeds.jsonl" in panel(demo, "seeds") and "comes with Spanwise" in panel(demo, "seeds")
    assert "seeds.jsonl" not in panel(client)
