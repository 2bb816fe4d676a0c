"""The chat as it is run, and a real browser before it."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from eval.bench.page import FLAGS, PARTS

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LONG_MS = 180_000
"""Before a wait is given up: the machine may be slow, and have other things to do."""


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """`spanwise chat`, and the address that it announces."""
    command = [sys.executable, "-m", "rag", "chat", *arguments, "--no-browser"]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environ
    )
    assert server.stderr is not None
    deadline, said = time.monotonic() + 240, ""
    while time.monotonic() < deadline and server.poll() is None:
        if select.select([server.stderr], [], [], 1)[0]:
            said += server.stderr.readline()
            if address := re.search(r"http://127\.0\.0\.1:\d+", said):
                return server, address.group()
    server.kill()
    raise AssertionError(said)


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """The address of a chat that runs meanwhile, and ends when it is told to."""
    server, address = start(*arguments)
    try:
        yield address
    finally:
        server.terminate()
        assert server.wait(30) in (0, -15)


@contextmanager
def browsing() -> Iterator[Any]:
    """Chromium; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian's package chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Any, address: str, **how: Any) -> Iterator[Any]:
    """A fresh page on the chat, ready to be asked; it may speak to nobody else, nor break."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **how})
    context.set_default_timeout(LONG_MS)
    page = context.new_page()
    foreign: list[str] = []
    broken: list[str] = []
    own = (address, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(own) else foreign.append(r.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda m: broken.append(m.text) if "Content Security" in m.text else None)
    go(page, address)
    yield page
    assert page.evaluate("window.pwned") is None, "a text was run"
    context.close()
    assert foreign == [], "the page asked another host"
    assert broken == []


def go(page: Any, address: str) -> None:
    """Open the page and wait until it is ready."""
    page.goto(address)
    page.locator("#collections h2").wait_for(state="attached")
    for part in PARTS:
        page.locator(f"html[data-wired~='{part}']").wait_for(state="attached")


def ask(page: Any, question: str) -> Any:
    """Ask, wait for the answer, and give its turn."""
    turns = page.locator("#thread .turn")
    place = turns.count()
    page.locator("#box textarea").fill(question)
    page.keyboard.press("Enter")
    turn = turns.nth(place)
    turn.locator(".said, .trouble").first.wait_for()
    return turn


def serious(*found: dict[str, Any]) -> set[tuple[str, str]]:
    """The serious violations that axe-core found: the rule, and where."""
    return {
        (violation["id"], node["html"][:120])
        for response in found
        for violation in response["violations"]
        for node in violation["nodes"]
        if violation["impact"] in ("serious", "critical")
    }
