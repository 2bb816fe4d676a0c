"""The chat in a real browser, against a real server with the real models."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny import SEEDS, write_files

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
HOSTILE = "<script>window.pwned=1</script><img src=x onerror='window.pwned=1'> $x^2$ **b** {{7*7}}"
HOSTILE += " ${window.pwned=1}"


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """`spanwise chat`, and the address that it announces."""
    command = [sys.executable, "-m", "rag", "chat", *arguments, "--no-browser"]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environ
    )
    assert server.stderr is not None
    deadline, said = time.monotonic() + 120, ""
    while time.monotonic() < deadline and server.poll() is None:
        if select.select([server.stderr], [], [], 1)[0]:
            said += server.stderr.readline()
            if address := re.search(r"http://127\.0\.0\.1:\d+", said):
                return server, address.group()
    server.kill()
    raise AssertionError(said)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The chat over the demo corpus and a hostile document."""
    folder = tmp_path_factory.mktemp("web") / "seeds"
    shutil.copytree(SEEDS, folder)
    write_files(folder, {"x<b>.md": f"The zebra of Timbuktu is called {HOSTILE} by everybody."})
    server, url = start(str(folder), "--home", str(folder.parent / "home"))
    yield url
    server.terminate()
    assert server.wait(20) in (0, -15)


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian's package chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page(viewport={"width": 1200, "height": 800})
        foreign: list[str] = []
        opened.on(
            "request",
            lambda r: None if r.url.startswith((address, "data:")) else foreign.append(r.url),
        )
        opened.goto(address)
        yield opened
        assert foreign == [], "the page asked another host"
        browser.close()


def ask(page: Any, question: str) -> str:
    said = page.locator(".bot.message")
    before = said.count()
    page.get_by_role("textbox").first.fill(question)
    page.keyboard.press("Enter")
    settled = said.nth(before).filter(has_not_text="Loading content")
    settled.wait_for(timeout=60_000)
    return str(settled.inner_text())


def test_ask_and_see_the_span_marked_in_its_source(page: Any) -> None:
    assert "Khawla" in ask(page, "Who heads the Deir al-Zor military council?")
    sources = page.locator("#sources")
    marked = sources.locator("mark").first
    assert "Khawla" in marked.inner_text()
    assert "who heads the Deir al-Zor military council" in sources.inner_text()
    assert "seeds/000_d39b82a70d207427.txt" in sources.inner_text()


def test_not_found_is_said(page: Any) -> None:
    said = ask(page, "What is the recipe for sourdough bread?")
    assert "documents" in said and "not" in said


def test_hostile_text_is_only_text(page: Any) -> None:
    ask(page, f"Who is called {HOSTILE}?")
    ask(page, "What is the zebra of Timbuktu called?")
    assert page.evaluate("window.pwned") is None
    assert page.locator(".user.message").filter(has_text=HOSTILE).count() == 1
    assert "<script>window.pwned=1</script>" in page.locator("#sources").inner_text()
    assert page.locator("img[src='x']").count() == 0


def test_another_host_name_is_refused(address: str) -> None:
    request = urllib.request.Request(address, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 400
    assert urllib.request.urlopen(address).status == 200


def test_a_foreign_page_is_refused(address: str) -> None:
    for origin, code in (("http://evil.example", 403), ("null", 403), (address, 405)):
        headers = {"Origin": origin, "Content-Type": "multipart/form-data; boundary=x"}
        request = urllib.request.Request(address, data=b"--x--", headers=headers, method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        assert refused.value.code == code


def test_a_second_question_does_not_lose_the_first(page: Any) -> None:
    page.goto(page.url)
    box = page.get_by_role("textbox").first
    box.fill("How many fighters does the military council include?")
    page.keyboard.press("Enter")
    asked = page.locator(".user.message").filter(has_text="How many fighters")
    asked.wait_for(timeout=60_000)  # the box is empty again; the answer is still being read
    box.fill("Who is Jan Egeland?")
    page.keyboard.press("Enter")
    page.locator(".bot.message").filter(has_text="4,000").wait_for(timeout=60_000)
    assert asked.count() == 1


def test_the_next_free_port_and_nothing_read_again(address: str, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "docs", {"a.txt": "The dam broke in spring."})
    home = ["--home", str(tmp_path / "home")]
    taken = int(address.rpartition(":")[2])
    server, url = start(str(folder), *home, "--port", str(taken))
    server.terminate()
    server.wait(20)
    assert int(url.rpartition(":")[2]) > taken
    info = [sys.executable, "-m", "rag", "info", *home, "--json"]
    before = json.loads(subprocess.check_output(info, cwd=ROOT))
    server, _ = start(str(folder), *home)
    server.terminate()
    server.wait(20)
    assert json.loads(subprocess.check_output(info, cwd=ROOT)) == before


def test_asking_before_indexing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rag", "chat", "--home", str(tmp_path), "--no-browser"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "spanwise index FOLDER" in done.stderr
    assert "Traceback" not in done.stderr


def test_only_this_machine_is_listened_to(address: str) -> None:
    host = socket.gethostbyname(socket.gethostname())
    if host.startswith("127."):
        pytest.skip("this machine has no other address")
    with pytest.raises(OSError):
        socket.create_connection((host, int(address.rpartition(":")[2])), timeout=2)
