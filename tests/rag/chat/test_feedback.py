"""Answers judged on the page, the right words selected in their sources, and all of it exported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import ask, browsing, serving, visiting
from samples import pdf
from tiny import write_files

from eval.sets import read_set
from rag.memory import Memory, Message

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do

TEXT = (
    "The register of the harbour 😀 office.\r\n\r\n"
    "The ferry Aurora \U0001d518 sank in the harbour of Porto on a Monday in 1931.\r\n"
    "Her captain was a man called Tomas   Ribeiro\r\nof Lisbon, said 🦊 the office.\r\n"
)
KEEPER = "Who was the keeper of the lighthouse at Foz?"
LOG = [f"Log of day {n}: rain and a light wind from the west." for n in range(48)]
LOG.append("The keeper of the lighthouse at Foz was called Amadeu Serpa.")
CAPTAIN = "Who was the captain of the ferry Aurora?"
SELECT = """([selector, words]) => {
  const walker = document.createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT);
  const nodes = [];
  let text = "";
  while (walker.nextNode()) {
    nodes.push([walker.currentNode, text.length]);
    text += walker.currentNode.data;
  }
  const at = (place) => {
    const [node, start] = nodes.findLast(([, start]) => start <= place);
    return [node, place - start];
  };
  const from = text.search(words), to = from + text.match(words)[0].length;
  const range = document.createRange();
  range.setStart(...at(from));
  const [last, place] = at(to - 1);
  range.setEnd(last, place + 1);
  document.activeElement.blur();
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}"""
"""Select the words that a pattern finds in the text of an element."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feedback") / "home"


@pytest.fixture(scope="module")
def page(home: Path) -> Iterator[Any]:
    """The chat over a document with blanks, line ends and letters of every kind, and a PDF."""
    papers = {"a.txt": TEXT.encode(), "log.pdf": pdf([LOG])}
    folder = write_files(home.parent / "papers", papers)
    with browsing() as browser, serving(str(folder), "--home", str(home)) as address:
        with visiting(browser, address) as opened:
            yield opened


def judged(home: Path, question: str) -> Message:
    """The message of the last time that a question was asked."""
    with Memory.open(home) as memory:
        (said, *_) = memory.conversations()
        return [m for m in memory.messages(said.id) if m.answer["question"] == question][-1]


def test_the_right_words_are_selected_in_a_source(page: Any, home: Path) -> None:
    turn = ask(page, CAPTAIN)
    page.locator("#said-aloud").get_by_text("Answer: Tomas Ribeiro").wait_for(state="attached")
    turn.locator(".how summary").click()
    turn.get_by_role("button", name="No", exact=True).click()
    turn.locator(".judged").get_by_text("press “This is the answer”").wait_for()
    page.evaluate(SELECT, ["#source-1 blockquote", r"Tomas\s+Ribeiro\s+of Lisbon, said 🦊"])
    page.locator("#offer button").click()
    turn.locator(".judged li q").wait_for()
    message = judged(home, CAPTAIN)
    (span,) = message.selected
    assert turn.locator(".how").evaluate("fold => fold.open")
    assert message.verdict == "wrong" and span.path == "papers/a.txt"
    assert TEXT[span.start : span.end] == span.text == "Tomas   Ribeiro\r\nof Lisbon, said 🦊"


def test_with_mouse_and_keyboard_in_an_opened_document(page: Any, home: Path) -> None:
    page.locator("#source-1").get_by_role("link", name="Open").click()
    page.locator("#sheet #mark").wait_for()
    word = page.locator("#sheet .paper")
    page.evaluate(SELECT, ["#sheet .paper", "Porto"])
    spot = page.evaluate("""() => {
      const { x, y, width, height } = getSelection().getRangeAt(0).getBoundingClientRect();
      getSelection().removeAllRanges();
      return [x + width / 2, y + height / 2];
    }""")
    page.mouse.dblclick(*spot)
    assert word.evaluate("() => String(getSelection()).trim()") == "Porto"
    page.locator("#offer button").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "This is the answer"
    page.keyboard.press("Enter")
    page.locator("#offer").get_by_text("Kept as the answer").wait_for()
    page.keyboard.press("Escape")
    page.locator("#sheet").wait_for(state="hidden")
    items = page.locator("#thread .judged li")
    items.nth(1).wait_for()
    assert [span.text for span in judged(home, CAPTAIN).selected][1] == "Porto"
    items.nth(1).get_by_role("button", name="Forget").click()
    page.wait_for_function("document.querySelectorAll('#thread .judged li').length === 1")
    assert len(judged(home, CAPTAIN).selected) == 1


def test_a_verdict_is_changed_and_taken_back(page: Any, home: Path) -> None:
    question = "In which harbour did the ferry Aurora sink?"
    turn = ask(page, question)
    for label, verdict in {
        "Yes": "right", "Incomplete": "incomplete", "It is not in these documents": "absent",
    }.items():  # fmt: skip
        button = turn.get_by_role("button", name=label)
        button.click()
        turn.locator(f"[aria-pressed=true][data-verdict={verdict}]").wait_for()
        assert judged(home, question).verdict == verdict
        assert page.evaluate("document.activeElement.textContent") == label
    button.click()
    page.wait_for_function("!document.querySelector('.turn:last-child [aria-pressed=true]')")
    assert judged(home, question).verdict == ""
    turn.get_by_role("button", name="Yes").click()
    turn.locator("[aria-pressed=true][data-verdict=right]").wait_for()


def test_nobody_is_shut_out_by_these_controls(page: Any) -> None:
    """axe-core: no serious violation, with the button for a selection and the filters there."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", exc_type=ImportError)
    page.locator("#narrow summary").click()
    page.locator("#narrow [name=path]").fill("papers")
    page.locator("#narrow [name=path]").press("Enter")
    page.evaluate(SELECT, ["#source-1 blockquote", "Porto"])
    page.locator("#offer button").wait_for()
    found = axe.Axe().run(page).response["violations"]
    assert {each["id"] for each in found if each["impact"] in ("serious", "critical")} == set()
    page.locator("#narrow .chips button").click()
    page.locator("#narrow summary").click()


def test_words_elsewhere_are_not_offered(page: Any) -> None:
    page.evaluate(SELECT, ["#thread .asked", "captain"])
    page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    assert not page.locator("#offer").is_visible()


def test_nothing_is_selected_in_the_sources_of_a_run(page: Any) -> None:
    """They stand beside the conversation's question, which is another one."""
    page.evaluate("""() => {
      const beside = Object.assign(document.createElement("section"), { id: "evaluated" });
      document.querySelector("#sources h2").before(beside);
    }""")
    page.evaluate(SELECT, ["#source-1 blockquote", "Porto"])
    page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    assert not page.locator("#offer").is_visible()
    page.evaluate("document.querySelector('#evaluated').remove()")


def test_what_was_judged_is_exported_as_a_question_set(page: Any, tmp_path: Path) -> None:
    page.locator("#collections").get_by_role("button", name="Documents").click()
    page.locator("#sheet").get_by_text("Your judgements give a set of 2 questions").wait_for()
    with page.expect_download() as download:
        page.locator("#sheet").get_by_role("link", name="Export feedback").click()
    download.value.save_as(tmp_path / "judged.jsonl")
    page.keyboard.press("Escape")
    examples, complaints = read_set(tmp_path / "judged.jsonl")
    assert complaints == [] and [example.question for example in examples][0] == CAPTAIN
    golds = [gold for example in examples for gold in example.golds]
    assert len(golds) >= 2
    for gold in golds:
        assert gold.document == "papers/a.txt" and TEXT[gold.start : gold.end] == gold.text


BOX = """body => {
  const at = body.querySelector("img").getBoundingClientRect();
  return [at.top + (1 - 68 / 800) * at.height, body.getBoundingClientRect().bottom];
}"""
"""Where the last line of the page ends, and the dialog."""


def test_the_box_on_a_page_comes_into_view(page: Any) -> None:
    turn = ask(page, KEEPER)
    assert "Amadeu Serpa" in turn.locator(".answer").first.inner_text()
    body = page.locator("#sheet .body")
    page.locator("#source-1").get_by_role("link", name="Open").click()
    page.wait_for_function("document.querySelector('#sheet .body').scrollTop > 0")
    line, end = body.evaluate(BOX)
    assert 100 < line < end
    page.keyboard.press("Escape")
    page.route("**/view/page.png*", lambda route: route.abort())
    page.locator("#source-1").get_by_role("link", name="Open").click()
    body.get_by_text("This page cannot be shown as it looks; below is its text.").wait_for()
    assert body.locator("figure").count() == 0
    page.keyboard.press("Escape")
