"""Conversations on the page: kept, found again after a restart, renamed, exported, deleted."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from browser import ask, browsing, go, serving, start, visiting
from tiny import WordEncoder, write_files

from index import sync
from rag.chat.desk import Desk, place_of, restored
from rag.chat.library import Library
from rag.chat.shelf import LISTED
from rag.memory import Memory
from rag.settings import Settings

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do

WHO = "Who heads the Deir al-Zor military council?"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path, seeds_home: Path) -> Path:
    """A home of its own, with the demo corpus as others have indexed it, twice."""
    (tmp_path / "home" / "collections").mkdir(parents=True)
    for name in ("notes", "seeds"):
        place = tmp_path / "home" / "collections" / name
        place.symlink_to(seeds_home / "collections" / "seeds")
    return tmp_path / "home"


def test_conversations_live_through_a_restart(browser: Any, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:  # others look for a port from 7860 on
        port = str(nobody.getsockname()[1])
    where = ["--home", str(home), "--collection", "seeds", "--port", port]
    with ExitStack() as pages:
        with serving(*where) as address:
            page = pages.enter_context(visiting(browser, address))
            open_page = pages.enter_context(visiting(browser, address))
            ask(page, WHO)
            answer = page.locator("#thread .said").inner_text()
            sources = page.locator("#sources").inner_text()
            pressed_while_asked(page, "How many fighters does it include?")
            page.get_by_role("button", name="New conversation").click()
            page.locator(".welcome").wait_for()
            ask(page, "Who is Jan Egeland?")
            assert page.locator("#conversations li").count() == 2
            in_notes(open_page)
        with Memory.open(home) as memory:
            for number in range(LISTED):
                memory.create("seeds", f"Later {number}")
        with serving(*where) as again:
            assert again == address
            goes_on(open_page, home)
            page = pages.enter_context(visiting(browser, address))
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


def test_the_question_that_waited_when_the_server_died_comes_back(browser: Any, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = str(nobody.getsockname()[1])
    where = ["--home", str(home), "--collection", "seeds", "--port", port]
    server, address = start(*where)
    with ExitStack() as pages:
        try:
            page = pages.enter_context(visiting(browser, address))
            for number, question in enumerate((WHO, "Who died?", "Who fled?", "Who won?")):
                page.locator("#box textarea").fill(question)
                page.keyboard.press("Enter")
                page.locator("#thread .turn").nth(number).wait_for()
        finally:
            server.kill()
            server.wait(30)
        page.locator("#box textarea").fill("typed by halves")
        with serving(*where):  # Gradio loads the page again by itself
            page.locator("#refused").get_by_text("Not asked: “Who won?”").wait_for()
            assert page.locator("#box textarea").input_value() == "typed by halves"
            assert page.evaluate("sessionStorage.getItem('spanwise-unanswered')") == ""  # told once


def pressed_while_asked(page: Any, question: str) -> None:
    """The conversation that is open is pressed once more: its question stays, and is answered."""
    page.locator("#box textarea").fill(question)
    page.keyboard.press("Enter")
    page.locator("#thread .turn").nth(1).wait_for()
    page.locator("#conversations li > button").first.click()
    page.locator("#thread .turn").nth(1).locator(".said").wait_for()


def in_notes(page: Any) -> None:
    """A conversation in the collection that is not the first one, and a question that failed."""
    page.locator("#collections [data-name=notes]").click()
    page.locator("#collections [data-name=notes][aria-pressed=true]").wait_for()
    assert ask(page, "Who? after:soon").locator(".trouble").count() == 1
    ask(page, "How many troops does the US have in Syria?")
    pressed = int(page.locator("#side-done").get_attribute("data-n") or 0)
    page.locator("#conversations li > button").first.click()  # it is open: what failed stays
    page.locator(f"#side-done[data-n='{pressed + 1}']").wait_for(state="attached")
    assert page.locator("#thread .turn .trouble").count() == 1


def goes_on(page: Any, home: Path) -> None:
    """The server has been started anew under an open page: its conversation is the same one.

    The answer that is judged is known by its message: what failed is not remembered.
    """
    turns = page.locator("#thread .turn")
    turns.nth(1).get_by_role("button", name="Yes").click()
    turns.locator("[aria-pressed=true]").wait_for()
    ask(page, WHO)
    assert page.locator("#collections [aria-pressed=true]").get_attribute("data-name") == "notes"
    assert turns.locator(".asked").all_inner_texts()[0].startswith("How many troops")
    with Memory.open(home) as memory:
        (said,) = (each for each in memory.conversations() if each.collection == "notes")
        assert [m.verdict for m in memory.messages(said.id)] == ["right", ""]
    shown = turns.locator(".asked").all_inner_texts()
    page.locator("#box textarea").fill("typed by halves")
    go(page, page.url)
    page.wait_for_function("document.querySelector('#box textarea').value === 'typed by halves'")
    assert turns.locator(".asked").all_inner_texts() == shown
    assert page.locator("#collections [aria-pressed=true]").get_attribute("data-name") == "notes"


@pytest.mark.parametrize(
    "told",
    [
        None, "", "}", "[" * 9999, "[]", "7", '"x"', "{}",
        '{"collection": ["b"], "conversation": 1, "followed": "x"}',
        '{"collection": "../b", "conversation": 1}',
        '{"collection": "a", "conversation": 1}',
    ],
)  # fmt: skip
def test_what_a_page_says_of_itself_is_not_trusted(library: Library, told: Any) -> None:
    desk = restored(library, told)
    assert (desk.talk.collection, desk.talk.id, desk.followed) == ("a", None, 0)


def test_a_forgotten_page_is_restored(library: Library) -> None:
    """In its conversation if that is there, else in its collection."""
    for sent, kept in (("1", 1), ("2", None), ("[1]", None), ("1e99", None)):
        desk = restored(library, f'{{"collection": "b", "conversation": {sent}, "followed": 4}}')
        assert (desk.talk.collection, desk.talk.id, desk.followed) == ("b", kept, 4), sent


def test_a_turn_is_known_by_its_message(library: Library) -> None:
    desk = Desk(library)
    desk.talk.records = [{"question": "failed"}, {"question": "right", "message": 7}]
    for sent, place in (
        ({"turn": "0"}, 0), ({"turn": "2"}, None), ({"turn": "-1"}, None), ({"turn": "x"}, None),
        ({"turn": float("inf")}, None), ({}, None), ({"turn": []}, None),
        ({"turn": "0", "message": "7"}, 1), ({"turn": "0", "message": 8}, None),
    ):  # fmt: skip
        assert place_of(sent, desk) == place, sent


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Two collections, and a conversation in the second."""
    folder = tmp_path_factory.mktemp("memory")
    papers = write_files(folder / "papers", {"a.txt": "The dam broke."})
    for name in ("a", "b"):
        sync(papers, folder / "home", WordEncoder(), name)
    memory = Memory.open(folder / "home")
    assert memory.create("b", "What broke?") == 1
    opened = Library(Settings(folder / "home", collection="a"), memory)
    yield opened
    opened.close()


def test_coming_back_to_a_question_under_way(library: Library) -> None:
    desk = Desk(library)
    desk.open(1)
    talk, place = desk.put("Who broke it?")
    desk.begin("a")
    desk.open(1)
    assert desk.talk is talk and talk.waiting
    for _ in desk.answer(talk, place):
        desk.begin("a")
    desk.open(1)
    assert desk.talk is not talk and not desk.talk.waiting


def earlier(page: Any) -> None:
    """Only so many conversations show; the older ones come when they are asked for."""
    rows = page.locator("#conversations li")
    assert rows.count() == LISTED + 1
    assert rows.filter(has_text=WHO[:20]).count() == 0
    page.get_by_role("button", name="Earlier ones (3)").press("Enter")
    rows.filter(has_text=WHO[:20]).wait_for()
    assert rows.count() == LISTED + 3
    first = rows.nth(LISTED).locator("> button").inner_text()
    assert page.evaluate("document.activeElement.innerText") == first, "the first that came"


def follow_up(page: Any) -> None:
    """A remembered conversation goes on: what was said before still counts."""
    turn = ask(page, "Who leads it?")
    assert turn.locator(".asked-as").count() == 1
    assert page.locator("#conversations li").count() == LISTED + 3


def search_rename_and_export(page: Any) -> None:
    rows = page.locator("#conversations li")
    page.locator("#search input, #search textarea").fill("egeland")
    page.wait_for_function("document.querySelectorAll('#conversations li').length === 1")
    rows.locator("summary").click()
    rows.locator("input").fill("The <b>adviser</b>")
    page.evaluate("window.spanwise.refresh('notes')")  # the list is made anew under the fingers
    followed = "document.querySelector('#side-done').dataset.n"
    page.wait_for_function(f"{followed} === '3'")
    page.keyboard.type("!")
    assert rows.locator("input").input_value() == "The <b>adviser</b>!"
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    rows.filter(has_text="The <b>adviser</b>").wait_for()
    assert "The <b>adviser</b>" in page.evaluate("document.activeElement.ariaLabel")
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
    """Its fold has been open since its export, whatever has been made anew since."""
    rows = page.locator("#conversations li")
    rows.get_by_role("button", name="Delete").click()
    rows.get_by_role("button", name="Really?").click()
    page.locator("#conversations .quiet").filter(has_text="None has these words").wait_for()
    page.locator(".welcome").wait_for()
    page.locator("#search input, #search textarea").fill("")
    page.locator("#conversations li > button").filter(has_text=WHO[:20]).wait_for()
    assert rows.count() == LISTED + 1  # the present one among the first


@pytest.mark.slow
def test_without_a_memory_nothing_is_kept(browser: Any, home: Path) -> None:
    with serving("--home", str(home), "--no-memory") as address:
        with visiting(browser, address) as page:
            ask(page, WHO)
            assert page.locator("#conversations li").count() == 0
            assert page.get_by_text("Is this right?").count() == 0
    assert not (home / "memory.sqlite").exists()
