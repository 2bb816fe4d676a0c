"""Documents, uploads and exports, asked without a browser and without models."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from samples import pdf
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tiny import WordEncoder, write_files

from index import sync
from index.errors import SpanwiseError
from rag.chat import narrow
from rag.chat import paint as painting
from rag.chat.library import Library
from rag.chat.marks import address
from rag.chat.paint import paint
from rag.chat.routes import routes
from rag.chat.uploads import MOST_FILE_BYTES, Job, Uploads
from rag.memory import Memory
from rag.settings import Settings

LINES = [["Nothing of note."], ["The ferry Aurora sank in Porto."]]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    folder = write_files(
        tmp_path / "papers", {"a.pdf": pdf(LINES, "The <b>ferry</b>"), "b.md": "A dam broke."}
    )
    sync(folder, tmp_path / "home", WordEncoder(), "harbour")
    opened = Library(Settings(tmp_path / "home"), Memory.open(tmp_path / "home"))
    opened.service("harbour").retriever.encoder = WordEncoder()
    yield opened
    opened.close()


@pytest.fixture
def client(library: Library) -> TestClient:
    return TestClient(Starlette(routes=routes(library, Uploads(library))))


def address_of(library: Library, path: str, words: str) -> dict[str, str]:
    """Of an older Spanwise, without the fingerprint of the words."""
    with library.service("harbour").retriever.generation() as found:
        document = found.store.document_by_path(path)
    assert document is not None
    start = document.text.index(words)
    end = str(start + len(words))
    return {"collection": "harbour", "document": document.id, "start": str(start), "end": end}


def test_a_document_is_shown_by_its_id(client: TestClient, library: Library) -> None:
    asked = address_of(library, "papers/a.pdf", "Porto")
    shown = client.get("/view", params=asked)
    assert shown.status_code == 200
    assert '<mark id="mark" tabindex="-1">Porto</mark>' in shown.text
    assert "The &lt;b&gt;ferry&lt;/b&gt;" in shown.text
    assert "/view/page.png?collection=harbour&amp;document=" in shown.text
    assert "Page 2" in shown.text
    picture = client.get("/view/page.png", params=asked)
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


def test_the_last_pictures_are_kept(
    client: TestClient, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Painted once, then shown even where no process can be started; but not for ever."""
    asked = address_of(library, "papers/a.pdf", "Porto")
    first = client.get("/view/page.png", params=asked).content
    other = asked | {"end": str(int(asked["end"]) - 1)}
    monkeypatch.setattr("rag.chat.library.PICTURES", 1)
    with monkeypatch.context() as slow:
        slow.setattr(painting, "SECONDS", 0.0001)
        assert client.get("/view/page.png", params=asked).content == first
        assert client.get("/view/page.png", params=other).status_code == 404
    assert client.get("/view/page.png", params=other).status_code == 200
    monkeypatch.setattr(painting, "SECONDS", 0.0001)
    assert client.get("/view/page.png", params=asked).status_code == 404


def test_a_text_has_no_picture(client: TestClient, library: Library) -> None:
    asked = address_of(library, "papers/b.md", "dam")
    shown = client.get("/view", params=asked)
    assert "<img" not in shown.text and "indexed" not in shown.text
    assert client.get("/view/page.png", params=asked).status_code == 404


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_another_file_than_the_one_indexed_is_not_shown(
    client: TestClient, library: Library, tmp_path: Path, change: str
) -> None:
    file = tmp_path / "papers" / "a.pdf"
    if change == "gone":
        file.unlink()
    else:
        file.write_bytes(pdf([["Other"], ["The ferry Aurora sank in Faro."]]))
    asked = address_of(library, "papers/a.pdf", "Porto")
    shown = client.get("/view", params=asked)
    assert "has changed or is gone" in shown.text and "<img" not in shown.text
    assert "Porto" in shown.text
    assert client.get("/view/page.png", params=asked).status_code == 404


def linked(library: Library, path: str, words: str) -> dict[str, str]:
    """The address that an answer has."""
    asked = address_of(library, path, words)
    where = address(
        asked["collection"], asked["document"], int(asked["start"]), int(asked["end"]), words
    )
    return dict(parse_qsl(urlsplit(where).query))


def changed(library: Library, tmp_path: Path, files: dict[str, str | bytes]) -> None:
    write_files(tmp_path / "papers", files)
    sync(tmp_path / "papers", library.home, WordEncoder(), "harbour")


def test_words_that_have_moved_are_marked_where_they_stand(
    client: TestClient, library: Library, tmp_path: Path
) -> None:
    asked, old = linked(library, "papers/b.md", "dam"), address_of(library, "papers/b.md", "dam")
    assert "changed since" not in client.get("/view", params=asked).text
    changed(library, tmp_path, {"b.md": "It had rained for days. A dam broke."})
    moved = client.get("/view", params=asked).text
    assert '<mark id="mark" tabindex="-1">dam</mark>' in moved and moved.count("<mark") == 1
    assert "has changed since: the words are marked where they stand now" in moved
    taken_at_its_word = client.get("/view", params=old).text
    assert ">dam</mark>" not in taken_at_its_word and "<mark" in taken_at_its_word
    changed(library, tmp_path, {"b.md": "It had rained for days."})
    gone = client.get("/view", params=asked).text
    assert "<mark" not in gone and "not found in it any longer" in gone and "It had rained" in gone


def test_the_box_follows_words_that_have_moved(
    client: TestClient, library: Library, tmp_path: Path
) -> None:
    """And none is drawn around others."""
    asked = linked(library, "papers/a.pdf", "Porto")
    changed(library, tmp_path, {"a.pdf": pdf([["In short:"], ["It sank. Porto is far."]])})
    now = linked(library, "papers/a.pdf", "Porto")
    assert now["start"] != asked["start"]
    picture = client.get("/view/page.png", params=asked)
    assert picture.status_code == 200
    assert picture.content == client.get("/view/page.png", params=now).content
    other = client.get("/view/page.png", params={**asked, "words": ""})
    assert other.status_code == 404 or picture.content != other.content
    shown = client.get("/view", params=asked).text
    assert "<img" in shown and "Page 2" in shown and "where they stand now" in shown
    changed(library, tmp_path, {"a.pdf": pdf([["In short:"], ["It sank."]])})
    gone = client.get("/view", params=asked).text
    assert "<img" not in gone and "<mark" not in gone and "not found in it any longer" in gone
    assert client.get("/view/page.png", params=asked).status_code == 404


@pytest.mark.parametrize(
    "spoiled",
    [{"document": "nothing"}, {"collection": "none"}, {"collection": "../x"}, {"start": "x"}],
)
def test_what_is_not_there_is_a_sentence(
    client: TestClient, library: Library, spoiled: dict[str, str]
) -> None:
    asked = address_of(library, "papers/a.pdf", "Porto") | spoiled
    for path in ("/view", "/view/page.png"):
        answer = client.get(path, params=asked)
        assert answer.status_code == 404 and answer.text
        assert answer.headers["content-type"].startswith("text/plain")


def test_the_box_is_drawn_around_the_words() -> None:
    """The pixels that differ from the page without a box lie where the words stand."""
    from io import BytesIO

    from PIL import Image, ImageChops

    data, text = pdf(LINES), "\n".join(line for (line,) in LINES)
    page_start = text.index("The ferry")

    def painted(words: str) -> Image.Image:
        start = text.index(words)
        png = paint(data, page_start, 2, start, start + len(words))
        assert png is not None
        return Image.open(BytesIO(png))

    plain = paint(data, page_start, 2, page_start, page_start)
    assert plain is not None
    left, top, right, bottom = (
        ImageChops.difference(Image.open(BytesIO(plain)), painted("Aurora")).getbbox() or ()
    )
    # Helvetica 12 at (50, 750) of 600 x 800 points, drawn at 2 pixels a point.
    assert 2 * 50 + 2 * 40 < left < right < 2 * 50 + 2 * 12 * len("The ferry Aurora")
    assert 2 * 36 < top < 2 * 50 < bottom < 2 * 56


def test_a_broken_or_endless_pdf_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paint(b"%PDF-junk", 0, 1, 0, 1) is None
    assert paint(pdf(LINES), 0, 99, 0, 1) is None
    monkeypatch.setattr(painting, "SECONDS", 0.001)
    assert paint(pdf(LINES), 0, 1, 0, 1) is None


def test_the_panel_lists_documents_and_roots(client: TestClient) -> None:
    panel = client.get("/documents", params={"collection": "harbour"}).text
    assert "2 documents" in panel and "papers/b.md" in panel and "Read again" in panel
    assert "A new collection" in client.get("/documents").text


def test_the_types_there_are(client: TestClient) -> None:
    assert client.get("/documents/types?collection=harbour").json() == ["md", "pdf"]
    assert client.get("/documents/types?collection=nothing").json() == []


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ("", {}), ("{", {}), ("[1]", {}), ("[" * 100_000, {}), ('{"after": 1, "type": null}', {}),
        ('{"path": "x", "after": "2018-01-01"}', {"path": "x", "after": "2018-01-01"}),
    ],
)  # fmt: skip
def test_what_the_page_narrows_by(sent: str, fields: dict[str, str]) -> None:
    assert narrow.fields(sent) == fields


def test_a_file_is_received_whole_or_not_at_all(client: TestClient, library: Library) -> None:
    def put(name: str, data: bytes, **headers: str) -> int:
        asked = {"collection": "new one", "name": name}
        return client.put(
            "/documents/file", params=asked, content=data, headers=headers
        ).status_code

    folder = library.home / "uploads" / "new one" / "uploads"
    assert put("deep/er/a.txt", b"A dam broke.") == 201
    assert (folder / "deep" / "er" / "a.txt").read_bytes() == b"A dam broke."
    assert put("b.txt", b"short", **{"Content-Length": "99"}) == 400
    assert put("c.txt", b"longer than told", **{"Content-Length": "3"}) == 400
    assert put("d.txt", b"x", **{"Content-Length": str(MOST_FILE_BYTES + 1)}) == 400
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["a.txt"]


def put(client: TestClient, name: str, data: bytes, collection: str = "harbour") -> tuple[int, str]:
    asked = {"collection": collection, "name": name}
    answer = client.put("/documents/file", params=asked, content=data)
    return answer.status_code, answer.text


def test_a_file_under_a_taken_name_is_kept_beside_it(client: TestClient, library: Library) -> None:
    folder = library.home / "uploads" / "harbour" / "uploads"
    assert put(client, "late.txt", b"The dam broke.") == (201, "")
    assert put(client, "late.txt", b"The dam broke.") == (201, "")
    status, said = put(client, "late.txt", b"The dam held.")
    assert status == 201 and "“late.txt” was here already" in said and "“late (2).txt”" in said
    assert "“late (2).txt”" in put(client, "late.txt", b"The dam held.")[1]
    assert "“late (3).txt”" in put(client, "late.txt", b"There is no dam.")[1]
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        "late.txt": b"The dam broke.", "late (2).txt": b"The dam held.",
        "late (3).txt": b"There is no dam.",
    }  # fmt: skip
    (folder / "odd.txt").mkdir()
    assert "“odd (2).txt”" in put(client, "odd.txt", b"x")[1]


def test_a_file_gives_way_that_was_removed_or_could_not_be_indexed(
    client: TestClient, library: Library
) -> None:
    uploads = Uploads(library)
    folder = uploads.folder("harbour")
    for name, data in {"late.txt": b"The dam broke.", "odd.txt": b"\0\1\2"}.items():
        assert put(client, name, data)[0] == 201
    sync(folder, library.home, WordEncoder(), "harbour")
    assert put(client, "odd.txt", b"The dam is odd.") == (201, "")
    assert (folder / "odd.txt").read_bytes() == b"The dam is odd."
    assert "“late (2).txt”" in put(client, "late.txt", b"The dam held.")[1]
    asked = {"collection": "harbour", "path": "uploads/late.txt"}
    assert client.post("/documents/remove", params=asked).status_code == 200
    assert put(client, "late.txt", b"The dam held.") == (201, "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("late.txt/inner.txt", "the name of a file"),
        ("late.txt/a/b.txt", "the name of a file"),
        (f"{'x' * 300}/a.txt", "name is too long"),
        (f"{'x' * 300}.txt", "name is too long"),
    ],
)
def test_a_name_that_the_disk_does_not_take_is_a_sentence(
    client: TestClient, library: Library, name: str, said: str
) -> None:
    assert put(client, "late.txt", b"The dam broke.") == (201, "")
    status, sentence = put(client, name, b"x")
    assert status == 400 and said in sentence and sentence.endswith((" first.", " shorter one."))
    folder = library.home / "uploads" / "harbour" / "uploads"
    assert [file.name for file in folder.rglob("*")] == ["late.txt"]


class Indexing:
    """Processes that do nothing but wait until they are let on, and say how they ended."""

    def __init__(self, *outcomes: str) -> None:
        self.outcomes = list(outcomes)
        self.folders: list[Path] = []
        self.begun, self.on = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, module: str, folder: Path, *rest: object) -> Indexing:
        self.folders.append(folder)
        return self

    @property
    def stdout(self) -> Iterator[str]:
        self.begun.release()
        assert self.on.acquire(timeout=60)
        yield self.outcomes.pop(0)

    def wait(self) -> None:
        pass

    def kill(self) -> None:
        self.on.release()


DONE = '{"report": {"indexed": 1}}'


def ended(uploads: Uploads) -> Job:
    deadline = time.monotonic() + 60
    while uploads.job("harbour").running and time.monotonic() < deadline:
        time.sleep(0.01)
    return uploads.job("harbour")


def test_what_is_added_meanwhile_is_indexed_afterwards(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Indexing('{"error": "No space."}', DONE, DONE)
    monkeypatch.setattr("rag.chat.uploads.started", process)
    uploads = Uploads(library)
    client = TestClient(Starlette(routes=routes(library, uploads)))
    again = {"collection": "harbour", "root": "papers"}
    assert client.post("/documents/index", params=again).status_code == 202
    assert process.begun.acquire(timeout=60)
    for _ in range(3):  # files are added; once afterwards is enough for all of them
        assert client.post("/documents/index?collection=harbour").status_code == 202
    process.on.release()
    assert process.begun.acquire(timeout=60)
    assert uploads.job("harbour").running
    assert client.post("/documents/index", params=again).status_code == 202
    process.on.release()
    assert process.begun.acquire(timeout=60) and uploads.job("harbour").running
    process.on.release()
    assert ended(uploads) == Job(running=False, report={"indexed": 1})
    papers = library.home.parent / "papers"
    assert process.folders == [papers, uploads.folder("harbour"), papers]


def test_the_error_of_one_folder_is_not_lost_in_the_next(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Indexing('{"error": "No space."}', DONE)
    monkeypatch.setattr("rag.chat.uploads.started", process)
    uploads = Uploads(library)
    uploads.begin("harbour", "papers")
    assert process.begun.acquire(timeout=60)
    uploads.begin("harbour")
    process.on.release(2)
    assert ended(uploads) == Job(running=False, report={"indexed": 1}, error="No space.")


def test_nothing_is_begun_after_the_end(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Indexing(DONE, DONE)
    monkeypatch.setattr("rag.chat.uploads.started", process)
    uploads = Uploads(library)
    uploads.begin("harbour", "papers")
    assert process.begun.acquire(timeout=60)
    uploads.begin("harbour")
    uploads.close()
    ended(uploads)
    assert len(process.folders) == 1


def test_the_panel_says_what_was_done_last(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Indexing(DONE)
    monkeypatch.setattr("rag.chat.uploads.started", process)
    uploads = Uploads(library)
    client = TestClient(Starlette(routes=routes(library, uploads)))
    uploads.begin("harbour", "papers")
    process.on.release()
    ended(uploads)
    assert "Done: 1 indexed" in client.get("/documents?collection=harbour").text
    asked = {"collection": "harbour", "path": "papers/b.md"}
    assert client.post("/documents/remove", params=asked).status_code == 200
    panel = client.get("/documents?collection=harbour").text
    assert "Removed: papers/b.md." in panel and "Done:" not in panel


@pytest.mark.parametrize(
    "name",
    ["../a.txt", "/a.txt", "a/../../b.txt", "..", ".a.txt", "a\0.txt", "a\n.txt", "c:\\a.txt",
     "a\\..\\b.txt", "", "a.exe", "a", "x/" * 30 + "a.txt", "con:.txt", "\u202ea.txt"],
)  # fmt: skip
def test_no_name_leads_out_of_the_uploads(library: Library, name: str) -> None:
    with pytest.raises(SpanwiseError):
        Uploads(library).place("new", name, 1)
    assert not list((library.home / "uploads").rglob("*.txt"))


def test_only_so_much_is_received(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = Uploads(library)
    monkeypatch.setattr("rag.chat.uploads.MOST_FILES", 1)
    uploads.place("new", "a.txt", 1).write_bytes(b"x")
    with pytest.raises(SpanwiseError, match="no room"):
        uploads.place("new", "b.txt", 1)


def test_only_an_upload_is_deleted_with_its_document(library: Library, tmp_path: Path) -> None:
    uploads = Uploads(library)
    file = uploads.place("harbour", "a.txt", 1)
    file.write_bytes(b"x")
    uploads.forget("harbour", "papers/b.md")
    uploads.forget("harbour", "uploads/../../../../papers/b.md")
    assert (tmp_path / "papers" / "b.md").exists() and file.exists()
    uploads.forget("harbour", "uploads/a.txt")
    assert not file.exists()


def test_the_outcome_of_a_job_that_finds_nothing_is_told(library: Library) -> None:
    uploads = Uploads(library)
    uploads.place("empty", "a.txt", 1).write_bytes(b"\0\1\2")
    uploads.begin("empty")
    deadline = time.monotonic() + 120
    while uploads.job("empty").running and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "Nothing could be indexed" in uploads.job("empty").error
    with pytest.raises(SpanwiseError, match="no such folder"):
        uploads.begin("harbour", "elsewhere")


def test_a_conversation_is_exported(client: TestClient, library: Library) -> None:
    assert library.memory is not None
    number = library.memory.create("harbour", "The “ferry” / ../x")
    whole = client.get(f"/conversations/{number}.json")
    assert whole.json()["title"] == "The “ferry” / ../x"
    assert "attachment; filename*=UTF-8''The%20" in whole.headers["content-disposition"]
    assert "/" not in whole.headers["content-disposition"]
    assert client.get(f"/conversations/{number}.md").text.startswith("# The")
    for nothing in ("999", "9" * 23, "9" * 5_000, "-1", "x", "1.5"):
        for kind in ("md", "json"):
            answer = client.get(f"/conversations/{nothing}.{kind}")
            assert answer.status_code == 404 and answer.text
