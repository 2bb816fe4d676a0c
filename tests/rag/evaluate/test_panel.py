"""The Evaluate panel in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import ask, browsing, go, serious, serving, visiting
from tiny import write_files
from trials import SET, WHO, lines

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do


@pytest.fixture(scope="module")
def address(seeds_home: Path) -> Iterator[str]:
    with serving("--home", str(seeds_home), "--collection", "seeds", "--no-memory") as url:
        yield url


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Any]:
    with browsing() as browser, visiting(browser, address) as opened:
        opened.address = address
        yield opened


def tab_to(page: Any, wanted: str) -> None:
    """Press the tabulator until the control whose words these are has the focus."""
    focused = "document.activeElement.matches('button, a') ? document.activeElement.innerText : ''"
    for _ in range(80):
        page.keyboard.press("Tab")
        if wanted in page.evaluate(focused):
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(outline) != "none", "the focus cannot be seen"
            return
    raise AssertionError(f"{wanted} cannot be reached")


@pytest.mark.slow
def test_from_a_set_to_a_question_among_the_sources(page: Any, tmp_path: Path) -> None:
    """Sent, run, its figures and report looked at, and a failed question, beside a conversation."""
    ask(page, WHO)
    page.locator("#collections").get_by_role("button", name="Evaluate").click()
    sheet = page.locator("#sheet")
    sheet.get_by_text("seeds.jsonl", exact=True).wait_for()
    odd = write_files(tmp_path, {"odd.jsonl": b"{}\n", "tiny.jsonl": lines(SET) + b"<b>\n"})
    sheet.locator("#set-file").set_input_files(str(odd / "odd.jsonl"))
    sheet.locator("#trial .trouble").get_by_text("holds no usable row").wait_for()
    sheet.locator("#set-file").set_input_files(str(odd / "tiny.jsonl"))
    row = sheet.locator(".listing > li").filter(has_text="tiny.jsonl")
    row.get_by_text("3 questions, 2 answerable").wait_for()
    row.get_by_text("1 row left out").click()
    row.get_by_text("tiny.jsonl, line 4").wait_for()
    row.get_by_role("button", name="Run").click()
    sheet.locator("#trial progress, .figures").first.wait_for()
    page.keyboard.press("Escape")  # it goes on, and the page can be used meanwhile
    page.locator("#collections").get_by_role("button", name="Evaluate").click()
    sheet.locator(".figures").or_(sheet.get_by_role("button", name="See its figures")).wait_for()
    if not sheet.locator(".figures").count():
        sheet.get_by_role("button", name="See its figures").click()
    sheet.get_by_text("2 of 3 questions went as they should.").wait_for()
    assert "right answer at the top" in sheet.locator(".figures").inner_text()
    with page.context.expect_page() as opened:
        sheet.get_by_role("link", name="Open the whole report").click()
    report = opened.value
    report.get_by_role("heading", name="tiny.jsonl").wait_for()
    report.locator("#rows tr.row").nth(2).wait_for()  # its script has run
    assert report.evaluate("origin") == "null"
    report.close()
    sheet.get_by_role("button", name="<i>Deir al-Zor</i>").click()
    beside = page.locator("#evaluated")
    beside.get_by_text("Zaphod Beeblebrox").wait_for()
    page.wait_for_function("document.activeElement.id === 'evaluated'")
    assert "<i>Deir al-Zor</i>" in beside.inner_text() and beside.locator("i").count() == 0
    assert "Khawla" in page.locator("#source-1 mark").first.inner_text()
    beside.get_by_role("button", name="The conversation’s sources").click()
    beside.wait_for(state="detached")
    assert "Khawla" in page.locator("#source-1 mark").first.inner_text()


@pytest.mark.slow
def test_with_the_keyboard_alone(page: Any) -> None:
    """The run of before, from the page to the question and back to the run."""
    go(page, page.address)
    tab_to(page, "Evaluate")
    page.keyboard.press("Enter")
    page.locator("#sheet").get_by_text("Runs", exact=True).wait_for()
    tab_to(page, "See")
    page.keyboard.press("Enter")
    page.locator("#sheet .figures").wait_for()
    tab_to(page, "military council then?")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'evaluated'")
    tab_to(page, "The run")
    page.keyboard.press("Enter")
    page.locator("#sheet .figures").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_sticks_out(page: Any, scheme: str) -> None:
    how = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    with visiting(page.context.browser, page.address, **how) as phone:
        phone.get_by_role("button", name="Collections, conversations").click()
        phone.locator("#collections").get_by_role("button", name="Evaluate").click()
        body = phone.locator("#sheet .body")
        phone.locator("#sheet").get_by_text("Runs", exact=True).wait_for()
        assert body.evaluate("b => b.scrollWidth - b.clientWidth") <= 0
        phone.locator("#sheet").get_by_role("button", name="See tiny").first.click()
        phone.locator("#sheet .figures").wait_for()
        assert body.evaluate("b => b.scrollWidth - b.clientWidth") <= 0
        phone.locator("#sheet .failed button").first.click()
        phone.locator("#evaluated").wait_for()
        assert phone.evaluate("document.documentElement.scrollWidth") <= 360
        phone.wait_for_function(
            "document.querySelector('#evaluated').getBoundingClientRect().top < innerHeight"
        )


@pytest.mark.slow
def test_nobody_is_shut_out_by_the_markup(page: Any) -> None:
    """axe-core: no serious violation."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", exc_type=ImportError)
    go(page, page.address)
    found = []
    page.locator("#collections").get_by_role("button", name="Evaluate").click()
    page.locator("#sheet h2").wait_for()
    found.append(axe.Axe().run(page, context="#sheet").response)
    page.locator("#sheet").get_by_role("button", name="See tiny").first.click()
    page.locator("#sheet .figures").wait_for()
    found.append(axe.Axe().run(page, context="#sheet").response)
    page.locator("#sheet .failed button").first.click()
    page.locator("#evaluated").wait_for()
    found.append(axe.Axe().run(page).response)
    assert serious(*found) == set()
