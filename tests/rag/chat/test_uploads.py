"""Files received, kept apart and indexed one job after another; nothing outside their folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tiny import WordEncoder, write_files

from index import sync
from index.errors import SpanwiseError
from rag.chat.library import Library
from rag.chat.routes import routes
from rag.chat.uploads import MOST_FILE_BYTES, Job, Uploads


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
    broken = client.put(
        "/documents/file",
        params={"collection": "new one", "name": "b.txt"},
        content=b"short",
        headers={"Content-Length": "99"},
    )
    assert broken.text == "The file did not arrive whole: b.txt."
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
    assert "“odd (2).txt”" in put(client, "odd.txt", b"No dam at all.")[1]  # that was an older one
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
    file.write_bytes(b"A dam.")
    sync(uploads.folder("harbour"), library.home, WordEncoder(), "harbour")
    uploads.forget("harbour", "papers/b.md")
    uploads.forget("harbour", "uploads/../../../../papers/b.md")
    assert (tmp_path / "papers" / "b.md").exists() and file.exists()
    uploads.forget("harbour", "uploads/a.txt")
    assert not file.exists()


def test_a_folder_of_the_users_may_be_called_uploads(
    client: TestClient, library: Library, tmp_path: Path
) -> None:
    theirs = write_files(tmp_path / "uploads", {"a.txt": "A dam held.", "odd.txt": b"\0\1\2"})
    sync(theirs, library.home, WordEncoder(), "harbour")
    uploads = Uploads(library)
    for name in ("a.txt", "odd.txt"):
        assert put(client, name, b"The dam broke.")[0] == 201
    sync(uploads.folder("harbour"), library.home, WordEncoder(), "harbour")
    assert uploads.root("harbour") == "uploads-2"
    assert "“odd (2).txt”" in put(client, "odd.txt", b"No dam.")[1]  # theirs was skipped, not ours
    asked = {"collection": "harbour", "path": "uploads/a.txt"}
    assert client.post("/documents/remove", params=asked).status_code == 200
    assert (uploads.folder("harbour") / "a.txt").exists() and (theirs / "a.txt").exists()
    assert "Let it in again" in client.get("/documents?collection=harbour").text
    asked["path"] = "uploads-2/a.txt"
    assert client.post("/documents/remove", params=asked).status_code == 200
    assert not (uploads.folder("harbour") / "a.txt").exists()


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
