"""Time to the first passage and to the answer as the page shows them, in headless Chromium.

The page's own clock runs from the press of Enter to the moment at which the first passage stands
in ``#sources``, and the answer in ``#thread``. Each question begins a new conversation.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

from eval.bench.chat import chatting

SAMPLE = 40
PATIENCE_MS = 180_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
PARTS = ("name-plate", "collections", "conversations", "thread", "sources")
"""Of the page: the script says which of them are wired to the server."""

CLOCK = """() => {
  window.clocked = null;
  document.querySelector("#box textarea").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const begun = performance.now();
    const clocked = (window.clocked = { passage: null, answer: null });
    new MutationObserver((_, observer) => {
      const now = performance.now() - begun;
      if (document.querySelector("#sources .card")) clocked.passage ??= now;
      if (document.querySelector("#thread .turn :is(.said, .trouble)")) {
        clocked.answer = now;
        observer.disconnect();
      }
    }).observe(document.body, { childList: true, subtree: true });
  }, { capture: true });
}"""
EMPTY = "!document.querySelector('#thread .turn') && !document.querySelector('#sources .card')"
READY = "document.querySelector('#box textarea').value === ''"


def page(home: Path, questions: Sequence[str]) -> Iterator[str]:
    """Rows for the collection of a home; one that says why, where there is no browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        yield "the page is left out: Chromium is not installed (Debian's package chromium)"
        return
    with chatting(home) as chat:
        times = clocked(chat.url, chromium, questions)
    yield f"the page in Chromium, {len(questions)} questions, from Enter on"
    for title, part in (("first passage", "passage"), ("answer", "answer")):
        taken = [time[part] for time in times if time[part] is not None]
        low, high = _percentiles(taken)
        missing = f"; {len(times) - len(taken)} without" if len(taken) < len(times) else ""
        yield f"  {title:<13} {low:8.0f} ms p50 {high:8.0f} ms p95{missing}"


def clocked(url: str, chromium: str, questions: Sequence[str]) -> list[dict[str, Any]]:
    """For each question the milliseconds to its first ``passage``, or None, and its ``answer``.

    One more question is asked first, for the models to be loaded.

    Raises:
        RuntimeError: the page says that something went wrong.
    """
    from playwright.sync_api import sync_playwright

    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        opened = browser.new_page(viewport={"width": 1280, "height": 800})
        opened.set_default_timeout(PATIENCE_MS)
        opened.goto(url)
        for part in PARTS:
            opened.locator(f"html[data-wired~='{part}']").wait_for(state="attached")
        opened.locator("#box textarea").wait_for()  # Gradio may draw it after the rest is wired
        opened.evaluate(CLOCK)
        for question in [questions[-1], *questions]:
            opened.locator("#side [data-act='new']").first.click()
            opened.wait_for_function(EMPTY)
            opened.locator("#box textarea").fill(question)
            opened.keyboard.press("Enter")
            opened.wait_for_function("window.clocked?.answer != null")
            trouble = opened.locator("#thread .trouble")
            if trouble.count():
                raise RuntimeError(trouble.first.inner_text())
            times.append(opened.evaluate("window.clocked"))
            opened.wait_for_function(READY)
        browser.close()
    return times[1:]


def _percentiles(taken: Sequence[float]) -> tuple[float, float]:
    if len(taken) < 2:
        return (taken[0], taken[0]) if taken else (float("nan"), float("nan"))
    parts = quantiles(taken, n=20, method="inclusive")
    return parts[9], parts[18]
