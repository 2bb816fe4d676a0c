"""Many questions at once: whose turn it is, what waits for nobody, what the queue does not take."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
import uvicorn
from browser import browsing, visiting
from fastapi import FastAPI
from tiny import WordEncoder, write_files

from index import sync
from rag.chat.asking import Growth, Line
from rag.chat.library import Library
from rag.chat.page import HEAD, IN_LINE, build_chat
from rag.chat.routes import routes
from rag.chat.uploads import Uploads
from rag.settings import Settings

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("queue")
    sync(write_files(folder / "docs", {"a.txt": "The dam broke."}), folder / "home", WordEncoder())
    opened = Library(Settings(folder / "home"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def served(library: Library) -> Iterator[tuple[str, gr.Blocks]]:
    """The page with a queue in which one event may wait, and its address."""
    app, chat = FastAPI(), build_chat(library, most_waiting=1)
    app.router.routes.extend(routes(library, Uploads(library)))
    gr.mount_gradio_app(app, chat, path="", head=HEAD)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 240
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", chat
    server.should_exit = server.force_exit = True
    thread.join(60)


def ask(page: Any, question: str) -> None:
    page.locator("#box textarea").fill(question)
    page.keyboard.press("Enter")


def test_whose_turn_it_is() -> None:
    """One place: of a conversation one by one, and nobody's second before everybody's first."""
    taken: list[str] = []

    async def crowd() -> None:
        line, turns = Line(1), {name: asyncio.Lock() for name in "abc"}
        asked = ["a1", "a2", "a3", "b1", "b2", "c1"]
        grown = [line.join(turns[name[0]], map(taken.append, [name])) for name in asked]
        grown.pop(1).close()  # whoever asked this is gone; it is answered all the same
        await asyncio.gather(*map(shown, grown))

    async def shown(growth: Growth) -> None:
        while await growth.more():
            pass
        growth.close()

    asyncio.run(asyncio.wait_for(crowd(), 60))
    assert taken == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_what_is_shown_last_is_the_last() -> None:
    """The next question of a conversation waits until the one before has been shown to the end."""
    taken: list[int] = []

    async def two() -> None:
        line, turn = Line(2), asyncio.Lock()
        first = line.join(turn, map(taken.append, [1]))
        second = line.join(turn, map(taken.append, [2]))
        assert await first.more() and not await first.more()
        await asyncio.sleep(0.05)
        assert taken == [1]
        first.close()
        assert await second.more()

    asyncio.run(asyncio.wait_for(two(), 60))
    assert taken == [1, 2]


def test_a_full_queue_is_told_and_the_question_kept(
    library: Library, served: tuple[str, gr.Blocks]
) -> None:
    """The line is full and held up; one more waits, and there is no room for the next.

    A press waits for none of them. In the end the collection is gone, so that no answer needs a
    model.
    """
    address, chat = served
    with browsing() as browser, visiting(browser, address) as page:
        turns = page.locator("#thread .turn")
        with library._lock:  # no collection can be taken from the shelf
            for n in range(IN_LINE):
                ask(page, f"What broke, {n}?")
                turns.nth(n).wait_for()
            turns.nth(7).locator(".asked").click()
            page.locator("#thread .turn[aria-current]").filter(has_text="What broke, 7?").wait_for()
            ask(page, "What waits?")
            while len(chat._queue) == 0:
                page.wait_for_timeout(50)
            ask(page, "Is there room for me?")
            page.locator("#refused").wait_for()
            told = page.locator("#refused").inner_text()
            assert told.startswith("Too many questions are waiting just now.")
            assert page.locator("#box textarea").input_value() == "Is there room for me?"
            shutil.rmtree(library.home / "collections")
        turns.nth(IN_LINE).locator(".trouble").wait_for()
        page.locator("#box textarea").press("Enter")
        last = turns.filter(has_text="Is there room for me?").last
        last.locator(".trouble").wait_for()
        assert page.locator("#refused").count() == 0
        unreached(page)


def unreached(page: Any) -> None:
    """A question that no server takes comes back, and outlives Gradio's reload of the page."""
    question = "Is “anybody” <b>there</b>?"
    for status, why in ((502, "cannot be reached"), (401, "asks for its token")):
        page.route("**/queue/join*", lambda route, _, status=status: route.fulfill(status=status))
        ask(page, question)
        page.locator("#refused").get_by_text(why).wait_for()
        assert page.locator("#box textarea").input_value() == question
        page.unroute("**/queue/join*")
    page.route("**/queue/join*", lambda route: route.abort())
    page.route("**/gradio_api/app_id*", lambda route: route.abort())
    ask(page, question)
    page.locator("#refused").get_by_text("cannot be reached. Is it still running?").wait_for()
    assert page.locator("#box textarea").input_value() == question
    page.unroute("**/queue/join*")
    with page.expect_navigation():
        page.unroute("**/gradio_api/app_id*")
    page.locator("#collections h2").wait_for(state="attached")
    page.wait_for_function("document.querySelector('#box textarea')?.value")
    assert page.locator("#box textarea").input_value() == question
    assert page.locator("#refused").count() == 0
