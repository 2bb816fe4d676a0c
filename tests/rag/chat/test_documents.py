"""Documents on the page: added, asked, looked at, removed; and what may not be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import ask, browsing, go, serving, visiting
from samples import pdf
from tiny import write_files

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do

PAGES = [
    ["The harbour office keeps this register of all its ships and their masters."],
    ["The ferry Aurora sank in the harbour of Porto on a Monday in 1931.",
     "Her captain was a man called Tomas Ribeiro of Lisbon."],
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents") / "home"


@pytest.fixture(scope="module")
def page(home: Path) -> Iterator[Any]:
    """The chat over a home in which there is nothing yet."""
    with browsing() as browser, serving("--home", str(home)) as address:
        with visiting(browser, address) as opened:
            opened.address = address
            yield opened


def files(folder: Path) -> list[str]:
    written = write_files(folder, {"register.pdf": pdf(PAGES, "The register"), "odd.xyz": b"?"})
    return [str(written / "register.pdf"), str(written / "odd.xyz")]


def test_from_nothing_to_an_answer(page: Any, tmp_path: Path) -> None:
    """First contact, a new collection, an upload, and the question asked on the same page."""
    page.locator(".welcome").get_by_role("button", name="Add documents").click()
    page.locator("#sheet").get_by_text("A new collection").wait_for()
    page.locator("#sheet input[type=file]").first.set_input_files(files(tmp_path))
    page.locator("#job").get_by_text("Give the new collection a name").wait_for()
    page.locator("#new-collection").fill("../x")
    page.locator("#sheet input[type=file]").first.set_input_files(files(tmp_path))
    page.locator("#job").get_by_text("../x").wait_for()
    assert page.locator("#job").inner_text().count("../x") == 1
    page.locator("#new-collection").fill("Harbour papers")
    page.locator("#sheet input[type=file]").first.set_input_files(files(tmp_path))
    page.locator("#sheet .trouble").get_by_text("unknown type .xyz").wait_for()
    page.locator("#sheet .listing").get_by_text("The register").wait_for()
    page.locator("#sheet").get_by_role("button", name="Close").click()
    page.locator("#collections button").filter(has_text="Harbour papers").click()
    page.locator(".welcome").get_by_text("1 document").wait_for()
    turn = ask(page, "Who was the captain of the ferry Aurora?")
    assert "Ribeiro" in turn.locator(".answer").first.inner_text()
    assert "page 2" in page.locator("#source-1").inner_text()


def test_a_page_of_a_pdf_is_shown_with_the_span_boxed(page: Any, home: Path) -> None:
    page.locator("#source-1").get_by_role("link", name="Open").click()
    picture = page.locator("#sheet img")
    picture.wait_for()
    page.wait_for_function("document.querySelector('#sheet img').naturalWidth > 500")
    assert "Page 2" in picture.get_attribute("alt")
    address = page.url
    uploaded = home / "uploads" / "Harbour papers" / "uploads" / "register.pdf"
    whole = uploaded.read_bytes()
    uploaded.write_bytes(whole + b"\n")
    go(page, address)
    page.locator("#sheet #mark").wait_for()
    assert page.locator("#sheet img").count() == 0
    assert "has changed or is gone" in page.locator("#sheet").inner_text()
    uploaded.write_bytes(whole)


def caught(page: Any, routes: list[Any]) -> Any:
    """The first request that was held up; the page may show its start before it comes here."""
    while not routes:
        page.wait_for_timeout(20)
    return routes[0]


def test_a_document_is_removed_and_its_upload_deleted(page: Any, home: Path) -> None:
    go(page, page.address)
    page.locator("#collections").get_by_role("button", name="Documents").click()
    row = page.locator("#sheet .listing li").filter(has_text="uploads/register.pdf").first
    asked: list[Any] = []
    page.route("**/documents/remove*", lambda route: asked.append(route))
    row.get_by_role("button", name="Remove").click()
    row.get_by_role("button", name="Really?").click()
    page.locator("#job").get_by_text("Removing uploads/register.pdf").wait_for()
    assert row.get_by_role("button", name="Removing").is_disabled()
    caught(page, asked).fulfill(status=409, body="Busy <just> now.")
    page.unroute("**/documents/remove*")
    page.locator("#sheet .trouble").get_by_text("Busy <just> now.").wait_for()
    row.get_by_role("button", name="Remove").click()
    row.get_by_role("button", name="Really?").click()
    page.locator("#sheet").get_by_text("removed by you").wait_for()
    assert page.locator("#sheet .trouble").count() == 0
    assert "Removed: uploads/register.pdf." in page.locator("#job").inner_text()
    assert not (home / "uploads" / "Harbour papers" / "uploads" / "register.pdf").exists()
    page.locator("#sheet").get_by_role("button", name="Close").click()
    turn = ask(page, "Who was the captain of the ferry Aurora?")
    assert "nothing in this collection" in turn.inner_text()


def test_what_was_removed_can_be_uploaded_again(page: Any, tmp_path: Path) -> None:
    page.locator("#collections").get_by_role("button", name="Documents").click()
    page.locator("#sheet input[type=file]").first.set_input_files(files(tmp_path)[:1])
    page.locator("#sheet .listing").get_by_text("The register").wait_for()
    page.keyboard.press("Escape")
    turn = ask(page, "Who was the captain of the ferry Aurora?")
    assert "Ribeiro" in turn.locator(".answer").first.inner_text()


def test_what_is_refused_is_told_though_the_panel_was_closed(page: Any, tmp_path: Path) -> None:
    """Over nothing at once; over a document not, but when the panel is opened next."""
    held: list[Any] = []
    page.route("**/documents/file?*", lambda route: held.append(route))
    panel = page.locator("#collections").get_by_role("button", name="Documents")

    def closed_while_copied() -> None:
        panel.click()
        page.locator("#sheet input[type=file]").first.set_input_files(files(tmp_path)[:1])
        page.locator("#job").get_by_text("Copying 1 of 1").wait_for()
        caught(page, held)
        page.keyboard.press("Escape")
        page.locator("#sheet[open]").wait_for(state="hidden")

    refused = page.locator("#sheet .trouble").get_by_text("The disk is full.")
    closed_while_copied()
    held.pop().fulfill(status=507, body="The disk is full.")
    refused.wait_for()
    page.keyboard.press("Escape")
    closed_while_copied()
    page.locator("#source-1").get_by_role("link", name="Open").click()
    page.locator("#sheet #mark").wait_for()
    with page.expect_response("**/documents/file?*"):
        held.pop().fulfill(status=507, body="The disk is full.")
    page.wait_for_timeout(500)
    assert page.locator("#sheet #mark").count() == 1
    page.keyboard.press("Escape")
    panel.click()
    refused.wait_for()
    page.keyboard.press("Escape")
    panel.click()
    page.locator("#sheet .listing").first.wait_for()
    assert refused.count() == 0
    page.keyboard.press("Escape")
    page.unroute("**/documents/file?*")


def test_documents_change_and_neither_file_nor_quote_is_lost(
    page: Any, home: Path, tmp_path: Path
) -> None:
    """A file grows, another one of its name is added: both are there, and old links hold."""
    page.locator("#source-1").get_by_role("link", name="Open").click()
    quoted = page.locator("#sheet #mark")
    quoted.wait_for()
    words, address = quoted.inner_text(), page.url
    page.keyboard.press("Escape")
    longer = [["An office that is closed today."], *PAGES]
    uploaded = home / "uploads" / "Harbour papers" / "uploads"
    write_files(uploaded, {"register.pdf": pdf(longer, "The register")})
    other = write_files(tmp_path, {"register.pdf": pdf(PAGES[:1], "Another register")})
    page.locator("#collections").get_by_role("button", name="Documents").click()
    chosen = page.locator("#sheet input[type=file]").first
    chosen.set_input_files(str(other / "register.pdf"))
    page.locator("#job").get_by_text("Done: 1 indexed, 1 updated").wait_for()
    note = page.locator("#sheet .note").inner_text()
    assert "kept beside it as “register (2).pdf”" in note
    listed = page.locator("#sheet .listing").first.inner_text()
    assert "uploads/register.pdf" in listed and "uploads/register (2).pdf" in listed
    go(page, address)
    quoted.wait_for()
    assert quoted.inner_text() == words and "Ribeiro" in words
    assert "where they stand now" in page.locator("#sheet [role=alert]").inner_text()
    page.wait_for_function("document.querySelector('#sheet img').naturalWidth > 500")
    assert "Page 3" in page.locator("#sheet img").get_attribute("alt")
