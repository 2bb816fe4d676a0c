from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import PAGE, as_nobody, pdf, repacked, report_docx
from tiny import SEEDS

from index.load import Loader, load_folder
from index.scan import Found, Limits, scan
from index.types import BOILERPLATE, HEADING, Document, Skipped, document_id

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX file system")
# A minute and more: trafilatura joins all the text of the page once for every element.
SLOW_PAGE = b"<pre>" + (b"<span>" + b"word " * 20 + b"</span>") * 40_000 + b"</pre>"
Load = Callable[[str, bytes], Document | Skipped]


@pytest.fixture(scope="module")
def loader() -> Iterator[Loader]:
    with Loader() as shared:
        yield shared


@pytest.fixture
def load(loader: Loader, tmp_path: Path) -> Load:
    """Load one file of this name and content."""

    def load(name: str, data: bytes) -> Document | Skipped:
        return load_one(loader, tmp_path / name, data)

    return load


def load_one(loader: Loader, file: Path, data: bytes) -> Document | Skipped:
    file.write_bytes(data)
    (found,) = scan(file)
    assert isinstance(found, Found)
    return loader.load(found)


def spans(document: Document, kind: str) -> list[str]:
    return [document.text[m.start : m.end] for m in document.marks if m.kind == kind]


def test_the_demo_corpus() -> None:
    documents = list(load_folder(SEEDS))
    assert len(documents) == 5
    for document in documents:
        assert isinstance(document, Document)
        data = (SEEDS.parent / document.path).read_bytes()
        assert document.text.encode() == data
        assert document.sha256 == hashlib.sha256(data).hexdigest()
        assert document.id == document_id(document.path)
        assert document.page_starts == ()
        starts = [mark.start for mark in document.marks]
        assert starts == sorted(starts)
    assert isinstance(documents[2], Document)
    assert documents[2].date == "2017-08-05"


def test_markdown(load: Load) -> None:
    text = (
        "---\ntitle: The Report\ndate: 2017-08-05\n---\n\n# One #\n\n```sh\n# no heading\n~~~\n"
        "````\n\n  ## Two *words* \r\n#hashtag\n\n#\n\n## Read more\n\ntext\n"
    )
    document = load("a.md", text.encode())
    assert isinstance(document, Document)
    assert document.text == text
    assert (document.title, document.date) == ("The Report", "2017-08-05")
    assert spans(document, HEADING) == ["One", "Two *words*"]
    assert spans(document, BOILERPLATE) == ["## Read more"]
    plain = load("b.txt", b"# One\n\n5 August 2017\n")
    assert isinstance(plain, Document)
    assert (plain.title, plain.date, plain.marks) == ("# One", "2017-08-05", ())


def test_a_heading_is_found_in_linear_time(load: Load) -> None:
    start = time.perf_counter()
    load("a.md", b"# a" + b" " * 1_000_000 + b"b\n" + b"#" * 1_000_000 + b"\n" + b"# # " * 250_000)
    assert time.perf_counter() - start < 60


def test_pdf(load: Load) -> None:
    pages = [["Harbour Report", "5 August 2017", "It sank."], ["Nobody was hurt."]]
    document = load("a.PDF", pdf(pages, title="The Report"))
    assert isinstance(document, Document)
    assert (document.title, document.date) == ("The Report", "2017-08-05")
    assert document.page(document.text.index("It sank")) == 1
    assert document.page(document.text.index("Nobody")) == 2


def test_what_a_parser_lost_is_logged(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    whole = pdf([["One"], ["Two"]])
    document = load("a.pdf", whole.replace(b"6 0 obj\n<< /Type", b"6 0 obj\n[[ /Type"))
    assert isinstance(document, Document)
    assert caplog.messages == ["a.pdf: broken pages: 2"]


def test_docx(load: Load) -> None:
    document = load("a.docx", report_docx())
    assert isinstance(document, Document)
    assert document.title == "The Harbour Report"
    assert spans(document, HEADING) == ["The Harbour Report", "What it carried"]


def test_html(load: Load) -> None:
    document = load("a.htm", PAGE.encode())
    assert isinstance(document, Document)
    assert (document.title, document.date) == ("Barge sinks", "2017-08-05")
    assert spans(document, HEADING) == ["Barge sinks", "What it carried"]
    assert document.sha256 == hashlib.sha256(PAGE.encode()).hexdigest()


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "empty"),
        ("a.pdf", b"", "empty"),
        ("a.txt", b" \r\n\t\xc2\xa0\n", "empty: nothing but white space"),
        ("a.txt", b"\xef\xbb\xbf", "empty: nothing but white space"),
        ("a.txt", bytes(range(256)) * 4, "binary content"),
        ("a.txt", pdf([["A PDF by another name"]]).replace(b" ", b"\xff\0"), "binary content"),
        ("a.pdf", pdf([["Secret"]], encrypt=True), "encrypted with a password"),
        ("a.pdf", b"no PDF", "broken PDF"),
        ("a.docx", b"no zip", "broken docx"),
        ("a.docx", b"\xd0\xcf\x11\xe0" * 9, "encrypted with a password, or an old .doc"),
        ("a.html", b"<script>alert(1)</script>", "no text (scripts only?)"),
    ],
)
def test_files_without_text_are_skipped(load: Load, name: str, data: bytes, reason: str) -> None:
    skipped = load(name, data)
    assert isinstance(skipped, Skipped)
    assert (skipped.path, skipped.reason) == (name, reason)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Zürich – “é”".encode("cp1252"), "Zürich – “é”"),
        ("Zürich\r\n".encode("utf-16"), "Zürich\r\n"),
        ("Two words".encode("utf-16-le"), "Two words"),
        (b"a NUL\0byte", "a NUL\0byte"),
        (b"old\rMac\r", "old\rMac\r"),
    ],
)
def test_text_is_as_decoded(load: Load, data: bytes, text: str) -> None:
    document = load("a.txt", data)
    assert isinstance(document, Document)
    assert document.text == text


def test_equal_files_are_two_documents(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("The same.")
    first, second = load_folder(tmp_path)
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert first.sha256 == second.sha256
    assert first.id != second.id


def test_limits_of_size(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("é" * 50)
    (tmp_path / "b.html").write_text(f"<p>{'é' * 50}</p>")
    (tmp_path / "c.txt").write_text("x" * 2000)
    small = Limits(max_bytes=1000, max_chars=49)
    skipped = list(load_folder(tmp_path, small))
    assert [(item.reason, item.mend) for item in skipped if isinstance(item, Skipped)] == [
        ("50 characters, more than the limit of 49", "Raise the limit: --max-chars 50"),
        ("50 characters, more than the limit of 49", "Raise the limit: --max-chars 50"),
        ("2,000 bytes, more than the limit of 1,000", "Raise the limit: --max-bytes 2000"),
    ]
    enough = Limits(max_bytes=2000, max_chars=2000)
    assert all(isinstance(item, Document) for item in load_folder(tmp_path, enough))


def test_a_bomb_is_skipped(tmp_path: Path) -> None:
    bomb = repacked(report_docx(), "word/styles.xml", bytes(11_000_000))
    with Loader(Limits(max_bytes=1_000_000)) as loader:
        skipped = load_one(loader, tmp_path / "a.docx", bomb)
    assert isinstance(skipped, Skipped)
    assert skipped.reason.startswith("unpacks to 11,")
    assert skipped.mend.startswith("Raise the limit: --max-bytes 11")


def test_entities_are_not_read(load: Load, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("SECRET")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]>'
    word = load("a.docx", repacked(report_docx(), "word/document.xml", f"{entity}<x/>".encode()))
    assert isinstance(word, Skipped)
    page = load("a.html", f"{entity}<p>Text &e; here</p>".encode())
    assert isinstance(page, Document)
    assert "SECRET" not in page.text


def test_slow_files_are_given_up_and_the_next_one_is_read(tmp_path: Path) -> None:
    with Loader(Limits(seconds=1.5)) as loader:
        start = time.perf_counter()
        skipped = load_one(loader, tmp_path / "a.html", SLOW_PAGE)
        assert skipped == Skipped(
            "a.html", "took longer than 1.5 s to parse", "Raise the limit: --max-seconds 3"
        )
        assert time.perf_counter() - start < 30
        assert isinstance(load_one(loader, tmp_path / "b.docx", report_docx()), Document)


@pytest.mark.skipif(sys.platform != "linux", reason="no other system keeps to the limit")
def test_memory_is_limited_and_the_next_file_is_read(tmp_path: Path) -> None:
    with Loader(Limits(memory=300 * 2**20)) as loader:
        huge = b"<p>" + b"word " * 8_000_000
        skipped = load_one(loader, tmp_path / "a.html", huge)
        assert isinstance(skipped, Skipped)
        assert skipped.reason == "needs more than 300 MiB of memory to parse"
        assert isinstance(load_one(loader, tmp_path / "b.docx", report_docx()), Document)


def test_a_child_that_died_between_two_files_is_started_anew(tmp_path: Path) -> None:
    with Loader() as loader:
        assert isinstance(load_one(loader, tmp_path / "a.docx", report_docx()), Document)
        assert loader._child
        loader._child._process.kill()
        loader._child._process.wait()
        assert isinstance(load_one(loader, tmp_path / "b.docx", report_docx()), Document)
        pid = loader._child._process.pid
        assert isinstance(load_one(loader, tmp_path / "c.docx", report_docx()), Document)
        assert loader._child._process.pid == pid  # one child for many files
    assert loader._child is None


def test_a_parser_that_cannot_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docx.py").write_text("import sys; print('noise'); sys.exit('no docx here')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with Loader() as loader:
        skipped = load_one(loader, tmp_path / "a.docx", report_docx())
    assert isinstance(skipped, Skipped)
    assert skipped.reason == "its parser crashed (exit code 1): no docx here"


def test_the_working_folder_is_not_imported_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "docx", "lxml", "index"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the folder')")
    monkeypatch.chdir(tmp_path)
    with Loader() as loader:
        assert isinstance(load_one(loader, tmp_path / "a.docx", report_docx()), Document)


def test_nothing_is_written_to_our_own_streams(
    load: Load, capfd: pytest.CaptureFixture[str]
) -> None:
    for data in (b"", b"<", b"<html><body><p>" * 500, PAGE.encode()):
        load("a.html", data)
    assert capfd.readouterr() == ("", "")


def test_files_that_change_or_vanish(loader: Loader, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("The barge sank.")
    (found,) = scan(file)
    assert isinstance(found, Found)
    file.write_text("The barge sank on Monday.")
    changed = loader.load(found)
    file.write_text("Shorter.")
    assert loader.load(found) == changed
    assert isinstance(changed, Skipped)
    assert changed.reason == "changed while it was being read"
    file.unlink()
    vanished = loader.load(found)
    assert isinstance(vanished, Skipped)
    assert vanished.reason == "vanished while it was being read"


@posix
def test_a_file_that_became_a_pipe_does_not_hang(loader: Loader, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("The barge sank.")
    (found,) = scan(file)
    assert isinstance(found, Found)
    file.unlink()
    os.mkfifo(file)
    skipped = loader.load(found)
    assert isinstance(skipped, Skipped)
    assert skipped.reason == "cannot be read: not a regular file"


@posix
def test_an_unreadable_file(loader: Loader) -> None:
    with as_nobody() as root:
        (root / "a.txt").write_text("The barge sank.")
        (root / "a.txt").chmod(0)
        (found,) = scan(root, "docs")
        assert isinstance(found, Found)
        skipped = loader.load(found)
    assert skipped == Skipped(
        "docs/a.txt", "cannot be read: Permission denied", "Check its permissions.", passing=True
    )


def check(item: Document | Skipped) -> None:
    if isinstance(item, Skipped):
        assert item.reason
        return
    item.text.encode()  # no lone surrogates
    assert item.text.strip()
    end = 0
    for mark in item.marks:
        assert end <= mark.start < mark.end <= len(item.text)
        end = mark.end
    starts = item.page_starts
    assert list(starts) == sorted(starts)
    assert all(0 <= start <= len(item.text) for start in starts)


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.sampled_from(["a.txt", "a.md", "a.html", "a.pdf", "a.docx"]),
    st.binary(max_size=400) | st.text(max_size=200).map(str.encode),
)
def test_random_bytes_never_raise(load: Load, name: str, data: bytes) -> None:
    check(load(name, data))


SAMPLES = {
    "a.md": b"---\ntitle: x\n---\n# One\n\n```\n# two\n```\nBack To Top\n5 August 2017\n",
    "a.html": PAGE.encode(),
    "a.pdf": pdf([["One", "two"], ["Three"]], title="A Title"),
    "a.docx": report_docx(),
}


@settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_damaged_files_never_raise(load: Load, name: str, data: st.DataObject) -> None:
    """Real files with a stretch cut out and another put in its place."""
    whole = SAMPLES[name]
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 200)))
    check(load(name, whole[:start] + data.draw(st.binary(max_size=50)) + whole[end:]))
