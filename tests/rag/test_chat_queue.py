"""More questions at once than the queue takes."""

from __future__ import annotations

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
from rag.chat.library import Library
from rag.chat.page import AT_ONCE, HEAD, build_chat
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


def test_a_full_queue_is_told_and_the_question_kept(
    library: Library, served: tuple[str, gr.Blocks]
) -> None:
    """All that are asked at once are held up; one more waits, and there is no room for the next.

    In the end the collection is gone, so that no answer needs a model.
    """
    address, chat = served
    with browsing() as browser, visiting(browser, address) as page:
        turns = page.locator("#thread .turn")
        with library._lock:  # no collection can be taken from the shelf
            for n in range(AT_ONCE):
                ask(page, f"What broke, {n}?")
                turns.nth(n).wait_for()
            ask(page, "What waits?")
            while len(chat._queue) == 0:
                page.wait_for_timeout(50)
            ask(page, "Is there room for me?")
            page.locator("#refused").wait_for()
            told = page.locator("#refused").inner_text()
            assert told.startswith("Too many questions are waiting just now.")
            assert page.locator("#box textarea").input_value() == "Is there room for me?"
            shutil.rmtree(library.home / "collections")
        turns.nth(AT_ONCE).locator(".trouble").wait_for()
        page.locator("#box textarea").press("Enter")
        last = turns.filter(has_text="Is there room for me?").last
        last.locator(".trouble").wait_for()
        assert page.locator("#refused").count() == 0
