"""Conversations on the page: kept, found again after a restart, renamed, exported, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import ask, browsing, serving, visiting

from rag.chat.shelf import LISTED
from rag.memory import Memory

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do

WHO = "Who heads the Deir al-Zor military council?"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path, seeds_home: Path) -> Path:
    """A home of its own, with the demo corpus as others have indexed it."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "collections").symlink_to(seeds_home / "collections")
    return tmp_path / "home"


def test_conversations_live_through_a_restart(browser: Any, home: Path) -> None:
    where = ["--home", str(home), "--collection", "seeds"]
    with serving(*where) as address, visiting(browser, address) as page:
        ask(page, WHO)
        answer = page.locator("#thread .said").inner_text()
        sources = page.locator("#sources").inner_text()
        ask(page, "How many fighters does it include?")
        page.get_by_role("button", name="New conversation").click()
        page.locator(".welcome").wait_for()
        ask(page, "Who is Jan Egeland?")
        assert page.locator("#conversations li").count() == 2
    with Memory.open(home) as memory:
        for number in range(LISTED):
            memory.create("seeds", f"Later {number}")
    with serving(*where) as address, visiting(browser, address) as page:
        earlier(page)
        titles = page.locator("#conversations li > button")
        titles.filter(has_text=WHO[:20]).click()
        page.locator("#thread .turn").nth(1).wait_for()
        first = page.locator("#thread .turn").first
        first.locator(".asked").click()
        page.locator("#thread .turn[aria-current]:first-child").wait_for()
        assert first.locator(".said").inner_text() == answer
        assert page.locator("#sources").inner_text() == sources
        follow_up(page)
        search_rename_and_export(page)
        judge(page, home)
        delete(page)


def earlier(page: Any) -> None:
    """Only so many conversations show; the older ones come when they are asked for."""
    rows = page.locator("#conversations li")
    assert rows.count() == LISTED + 1
    assert rows.filter(has_text=WHO[:20]).count() == 0
    page.get_by_role("button", name="Earlier ones (2)").press("Enter")
    rows.filter(has_text=WHO[:20]).wait_for()
    assert rows.count() == LISTED + 2
    assert "Egeland" in page.evaluate("document.activeElement.innerText"), "the first that came"


def follow_up(page: Any) -> None:
    """A remembered conversation goes on: what was said before still counts."""
    turn = ask(page, "Who leads it?")
    assert turn.locator(".asked-as").count() == 1
    assert page.locator("#conversations li").count() == LISTED + 2


def search_rename_and_export(page: Any) -> None:
    rows = page.locator("#conversations li")
    page.locator("#search input, #search textarea").fill("egeland")
    page.wait_for_function("document.querySelectorAll('#conversations li').length === 1")
    rows.locator("summary").click()
    rows.locator("input").fill("The <b>adviser</b>")
    rows.get_by_role("button", name="Rename").click()
    rows.filter(has_text="The <b>adviser</b>").wait_for()
    rows.locator("summary").click()
    for kind, begins in (("Markdown", "# The"), ("JSON", "{")):
        with page.expect_download() as download:
            rows.get_by_role("link", name=kind).click()
        assert Path(download.value.path()).read_text("utf-8").startswith(begins)


def judge(page: Any, home: Path) -> None:
    rows = page.locator("#conversations li")
    rows.locator("> button").click()
    turn = page.locator("#thread .turn")
    turn.filter(has_text="Who is Jan Egeland?").wait_for()
    turn.get_by_role("button", name="Incomplete").click()
    turn.locator("[aria-pressed=true]").wait_for()
    with Memory.open(home) as memory:
        (said,) = memory.conversations("egeland")
        assert [m.verdict for m in memory.messages(said.id)] == ["incomplete"]


def delete(page: Any) -> None:
    rows = page.locator("#conversations li")
    rows.locator("summary").click()
    rows.get_by_role("button", name="Delete").click()
    rows.get_by_role("button", name="Really?").click()
    page.locator("#conversations .quiet").filter(has_text="None has these words").wait_for()
    page.locator(".welcome").wait_for()
    page.locator("#search input, #search textarea").fill("")
    page.locator("#conversations li > button").filter(has_text=WHO[:20]).wait_for()
    assert rows.count() == LISTED + 1


@pytest.mark.slow
def test_without_a_memory_nothing_is_kept(browser: Any, home: Path) -> None:
    with serving("--home", str(home), "--no-memory") as address:
        with visiting(browser, address) as page:
            ask(page, WHO)
            assert page.locator("#conversations li").count() == 0
            assert page.get_by_text("Is this right?").count() == 0
    assert not (home / "memory.sqlite").exists()
