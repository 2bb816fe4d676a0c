"""Asking, in a real browser, against a real server with the real models."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from browser import ask, browsing, go, serious, serving, visiting
from hostile import HOSTILE
from tiny import SEEDS, write_files

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do

NAME = "<img src=x onerror=window.pwned=1> ${window.pwned=1} {{7*7}} **b** $x$"
EMPTY = "document.querySelector('#box textarea').value === ''"
WHO = "Who heads the Deir al-Zor military council?"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The chat over the demo corpus and a hostile document."""
    folder = tmp_path_factory.mktemp("page") / "seeds"
    shutil.copytree(SEEDS, folder)
    title, text = HOSTILE[0], " and ".join(HOSTILE)
    write_files(folder, {f"{NAME}.md": f"# {title}\n\nThe zebras of Timbuktu are called {text}."})
    with serving(str(folder), "--home", str(folder.parent / "home"), "--no-memory") as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as opened:
        yield opened


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    with visiting(browser, address) as opened:
        yield opened


def test_ask_and_see_the_span_marked_in_its_source(page: Any) -> None:
    turn = ask(page, WHO)
    assert "Khawla" in turn.locator(".answer").first.inner_text()
    assert "Khawla" in turn.locator("blockquote mark").first.inner_text()
    assert "times in 10 on our" in turn.locator(".sure").first.inner_text()
    card = page.locator("#source-1")
    assert "Khawla" in card.locator("mark").first.inner_text()
    assert "who heads the Deir al-Zor military council" in card.inner_text()
    assert "seeds/000_d39b82a70d207427.txt" in card.inner_text()
    assert "words #1" in card.inner_text()


def test_a_follow_up_is_understood_and_can_be_asked_literally(page: Any) -> None:
    ask(page, WHO)
    turn = ask(page, "How many fighters does it include?")
    assert "4,000" in turn.locator(".answer").first.inner_text()
    understood = turn.locator(".asked-as")
    assert "council" in understood.locator("q").inner_text()
    understood.get_by_role("button").click()
    literal = page.locator("#thread .turn").nth(2)
    literal.locator(".said").wait_for()
    assert literal.locator(".asked-as").count() == 0
    assert literal.locator(".asked").inner_text() == "How many fighters does it include?"


def test_not_found_is_said_and_the_nearest_passages_show(page: Any) -> None:
    turn = ask(page, "What is the recipe for sourdough bread?")
    assert "do not seem to answer this" in turn.inner_text()
    assert "do not seem to answer this" in page.locator("#said-aloud").inner_text()
    assert "Nearest passages" in page.locator("#sources").inner_text().capitalize()
    assert page.locator("#sources .card").count() >= 1


def test_an_earlier_answer_brings_its_sources_back(page: Any) -> None:
    first = ask(page, WHO)
    second = ask(page, "How many couples does the facility at Tanf house?")
    assert second.get_attribute("aria-current") == "true"
    first.locator(".asked").click()
    page.locator("#source-1 mark").filter(has_text="Khawla").first.wait_for()
    assert first.get_attribute("aria-current") == "true"
    assert second.get_attribute("aria-current") is None


def test_hostile_text_is_only_text(page: Any) -> None:
    """In question, title, file name, document: shown, not run, and nothing broken by it."""
    for part in (HOSTILE[:15], HOSTILE[15:]):
        question = f"Who is called {' or '.join(part)}?"
        turn = ask(page, question)
        assert turn.locator(".asked").evaluate("h => h.textContent") == question
    ask(page, "What are the zebras of Timbuktu called?")
    sources = page.locator("#sources")
    sources.locator("details summary").click()
    assert NAME in sources.inner_text() and HOSTILE[0] in sources.inner_text()
    opened = sources.locator(".card").filter(has_text="Timbuktu").get_by_role("link", name="Open")
    opened.first.click()
    page.locator("#sheet #mark").wait_for()
    shown = page.locator("#sheet .paper").evaluate("p => p.textContent")
    assert all(text in shown for text in HOSTILE)
    assert page.locator("#desk :is(script, [onload], [onerror], iframe, img, math)").count() == 0
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.locator("#box textarea").is_visible()


def test_a_second_question_loses_neither(page: Any) -> None:
    box = page.locator("#box textarea")
    for question in ("How many fighters does the military council include?", "Who is Jan Egeland?"):
        box.fill(question)
        page.keyboard.press("Enter")
        page.wait_for_function(EMPTY)
    turns = page.locator("#thread .turn")
    turns.nth(1).locator(".said").wait_for()
    assert "4,000" in turns.nth(0).locator(".answer").first.inner_text()
    assert "Egeland" in turns.nth(1).locator(".asked").inner_text()
    assert turns.count() == 2


def test_no_question_overtakes_the_click_before_it(page: Any) -> None:
    """The server takes up a click and a question of one moment in either order."""
    for n in range(4):
        question = f"Who heads the Deir al-Zor military council {n}?"
        page.evaluate(
            """question => {
              document.querySelector("#collections [data-act=collection]").click();
              const box = document.querySelector("#box textarea");
              box.value = question;
              box.dispatchEvent(new Event("input", { bubbles: true }));
              box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
              box.dispatchEvent(new KeyboardEvent("keypress", { key: "Enter", bubbles: true }));
            }""",
            question,
        )
        turn = page.locator("#thread .turn").filter(has_text=question)
        turn.locator(".said, .trouble").first.wait_for()


def test_what_is_typed_while_an_answer_is_read_stays(page: Any) -> None:
    page.locator("#box textarea").fill(WHO)
    page.keyboard.press("Enter")
    page.wait_for_function(EMPTY)
    page.locator("#box textarea").fill("and then I typed this")
    page.locator("#thread .said").wait_for()
    assert page.locator("#box textarea").input_value() == "and then I typed this"


def test_an_address_fills_the_box_and_asks_nothing(page: Any, address: str) -> None:
    go(page, f"{address}/?q=Who+is+%3Cb%3EKhawla%3F")
    page.wait_for_function("document.querySelector('#box textarea').value !== ''")
    assert page.locator("#box textarea").input_value() == "Who is <b>Khawla?"
    page.wait_for_url(f"{address}/")  # loaded again, it would take the place of what was typed
    assert page.locator("#thread .turn").count() == 0
    page.locator("#box textarea").press("Enter")
    page.locator("#thread .said").wait_for()
    assert page.locator(".asked").inner_text() == "Who is <b>Khawla?"


def test_open_shows_the_document_at_the_mark_and_its_address_does_again(page: Any) -> None:
    ask(page, WHO)
    page.locator("#source-1").get_by_role("link", name="Open").click()
    mark = page.locator("#sheet #mark")
    mark.wait_for()
    assert mark.inner_text() in ("Khawla", "Ahmed Abu Khawla")
    assert mark.evaluate("m => { const r = m.getBoundingClientRect();"
                         " return r.top > 0 && r.bottom < innerHeight }")  # fmt: skip
    again = page.url
    assert "document=" in again and "start=" in again
    page.keyboard.press("Escape")
    page.locator("#sheet").wait_for(state="hidden")
    page.wait_for_url(lambda url: "document=" not in url)
    go(page, again)
    page.locator("#sheet #mark").wait_for()


def test_the_quote_is_copied_with_where_it_stands(browser: Any, address: str) -> None:
    with visiting(browser, address, permissions=["clipboard-read", "clipboard-write"]) as page:
        ask(page, WHO)
        page.locator("#source-1").get_by_role("button", name="Copy quote").click()
        page.locator("#source-1").get_by_role("button", name="Copied").wait_for()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("“") and "seeds/000_d39b82a70d207427.txt" in copied


def test_filters_in_the_box(page: Any) -> None:
    turn = ask(page, "Who leads the fighters? after:2017-08-01")
    assert "Only dated 1 Aug 2017 or later." in turn.inner_text()
    assert "undated documents fell out" in turn.inner_text()
    refused = ask(page, "Who leads them? after:soon")
    assert refused.locator(".trouble").count() == 1


def test_what_is_typed_within_the_moment_of_asking_stays(page: Any) -> None:
    page.locator("#box textarea").fill(WHO)
    page.evaluate(
        """() => {
          const box = document.querySelector("#box textarea");
          for (const type of ["keydown", "keypress"]) {
            box.dispatchEvent(new KeyboardEvent(type, { key: "Enter", bubbles: true }));
          }
          box.value += "and this";
          box.dispatchEvent(new Event("input", { bubbles: true }));
        }"""
    )
    page.locator("#thread .said").wait_for()
    asked, left = page.locator(".asked").inner_text(), page.locator("#box textarea").input_value()
    assert (asked, left) == (WHO, "and this")
    page.locator("#box textarea").fill("")
    page.keyboard.type("Who is Jan Egeland?\nWhere is Tanf?\nand more of it")
    page.locator("#thread .said").nth(2).wait_for()
    asked = page.locator(".asked").all_inner_texts()
    assert asked == [WHO, "Who is Jan Egeland?", "Where is Tanf?"]
    assert page.locator("#box textarea").input_value() == "and more of it"


def test_narrowed_beside_the_box_and_in_it(page: Any) -> None:
    """With the keyboard; both combine; it goes along until it is taken away."""
    fold, chips = page.locator("#narrow"), page.locator("#narrow .chips button")
    fold.locator("summary").press("Enter")
    fold.locator("[name=after]").fill("2017-08-01")
    fold.locator("option[value=txt]").wait_for(state="attached")
    fold.locator("select").select_option("txt")
    fold.locator("[name=path]").fill("seeds/")
    fold.locator("[name=path]").press("Enter")
    assert chips.all_inner_texts() == ["from 1 Aug 2017", "path seeds/", "type txt"]
    fold.locator("summary").press("Enter")
    turn = ask(page, "Who leads the fighters? before:2017-12-31")
    note = turn.locator(".note").inner_text()
    assert "files named *seeds/*, files of type txt, dated 1 Aug 2017 or later" in note
    assert "dated 31 Dec 2017 or earlier. 4 undated documents fell out." in note
    chips.first.press("Enter")
    assert chips.all_inner_texts() == ["path seeds/", "type txt"]
    assert page.evaluate("document.activeElement.textContent") == "path seeds/"
    chips.first.press("Enter")
    turn = ask(page, "Who leads the fighters? type:md")
    assert turn.locator(".note").inner_text() == "Only files of type md."
    refused = ask(page, "Who? after:2018-01-01 before:2017-01-01")
    assert refused.locator(".trouble").count() == 1
    chips.first.press("Enter")
    assert chips.count() == 0
    assert ask(page, WHO).locator(".note").count() == 0


def test_with_the_keyboard_alone(page: Any) -> None:
    focused = "document.activeElement.id || document.activeElement.dataset.act"
    page.locator("#box textarea").focus()
    page.keyboard.type(WHO)
    page.keyboard.press("Enter")
    page.locator("#thread .said").wait_for()

    def tab_to(wanted: str, most: int = 40) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            if page.evaluate(focused) == wanted:
                outline = "getComputedStyle(document.activeElement).outlineStyle"
                assert page.evaluate(outline) != "none", "the focus cannot be seen"
                return
        raise AssertionError(f"{wanted} cannot be reached")

    tab_to("open")
    page.keyboard.press("Enter")
    page.locator("#sheet #mark").wait_for()
    page.keyboard.press("Escape")
    page.locator("#sheet").wait_for(state="hidden")
    assert page.evaluate(focused) == "open", "the focus comes back to where it was"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_sticks_out(browser: Any, address: str, scheme: str) -> None:
    how = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    with visiting(browser, address, **how) as page:
        ask(page, WHO)
        page.locator("#narrow summary").click()
        page.locator("#narrow [name=path]").fill("a-very-long-path/" * 6)
        page.locator("#narrow [name=before]").fill("2020-01-01")
        page.locator("#narrow .chips button").nth(1).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        answer, sources = page.locator(".answer").first, page.locator("#source-1")
        assert sources.bounding_box()["y"] > answer.bounding_box()["y"]
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        bright = sum(int(part) for part in paper.strip("rgb()").split(",")[:3]) > 380
        assert bright == (scheme == "light")
        picked_on_a_phone(page)


def picked_on_a_phone(page: Any) -> None:
    """The left side folds away, and what was picked is seen."""
    menu = page.get_by_role("button", name="Collections, conversations")
    menu.click()
    assert menu.get_attribute("aria-expanded") == "true"
    page.locator("#collections [data-act=collection]").first.click()
    page.locator(".welcome").wait_for()
    assert menu.get_attribute("aria-expanded") == "false"
    assert not page.locator("#collections").is_visible()
    assert page.evaluate("document.activeElement.dataset.act") == "menu"
    assert page.locator(".welcome h2").bounding_box()["y"] < 740


def test_nobody_is_shut_out_by_the_markup(page: Any) -> None:
    """axe-core: no serious violation."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", exc_type=ImportError)
    ask(page, WHO)
    found = [axe.Axe().run(page).response]
    page.locator("#source-1").get_by_role("link", name="Open").click()
    page.locator("#sheet #mark").wait_for()
    found.append(axe.Axe().run(page, context="#sheet").response)
    assert serious(*found) == set()
