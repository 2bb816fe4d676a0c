"""What goes wrong around a build: folders that come and go, damage, full disks, two at once."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tiny import WordEncoder, write_files

from index import home as homes
from index.build import remove, sync
from index.dense import DenseIndex
from index.encode import SentenceEncoder
from index.errors import (
    CollectionError,
    CorruptIndexError,
    FolderError,
    HomeError,
    SpanwiseError,
)
from index.home import existing_collection
from index.load import Loader
from index.retrieve import Retriever
from index.scan import Limits
from index.snapshot import check, current, generation_folder
from index.types import Skipped


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"a.txt": "The council met.", "sub/b.txt": "The dam broke."}
    folder = write_files(tmp_path / "docs", files)
    for file in folder.rglob("*.txt"):
        os.utime(file, ns=(1, 1))  # clearly older than any reading of it
    return folder


def paths(home: Path) -> list[str]:
    with Retriever.open(home, None, WordEncoder()) as retriever, retriever.generation() as found:
        return [path for path, *_ in found.store.listing()]


def generation(home: Path) -> Path:
    target = existing_collection(home, None)
    return generation_folder(target, current(target))


def test_a_subfolder_that_cannot_be_read_now_keeps_its_documents(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(folder, home, WordEncoder())
    listdir = os.listdir

    def refuse(path: str) -> list[str]:
        if str(path) == str(folder / "sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    report = sync(folder, home, WordEncoder())
    assert [s.path for s in report.skipped] == ["docs/sub/"]
    assert report.removed == ()
    assert paths(home) == ["docs/a.txt", "docs/sub/b.txt"]


def test_a_file_that_cannot_be_read_now_keeps_its_document(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(folder, home, WordEncoder())
    (folder / "a.txt").write_text("The council met again and again.")
    with monkeypatch.context() as patch:
        busy = Skipped("docs/a.txt", "changed while it was being read", passing=True)
        patch.setattr(Loader, "load", lambda self, found: busy)
        report = sync(folder, home, WordEncoder())
    assert ([s.path for s in report.skipped], report.removed) == (["docs/a.txt"], ())
    assert paths(home) == ["docs/a.txt", "docs/sub/b.txt"]
    assert sync(folder, home, WordEncoder()).updated == ("docs/a.txt",)


def test_a_file_that_the_parser_refused_is_not_tried_again(folder: Path, home: Path) -> None:
    (folder / "c.pdf").write_bytes(b"%PDF-1.4 broken")
    os.utime(folder / "c.pdf", ns=(1, 1))
    first = sync(folder, home, WordEncoder())
    second = sync(folder, home, WordEncoder())
    assert len(first.skipped) == 1
    assert first.skipped == second.skipped
    assert (first.generation, second.generation) == (1, 1)


def test_a_file_that_outgrows_the_limit_is_reported_as_removed(folder: Path, home: Path) -> None:
    sync(folder, home, WordEncoder())
    (folder / "a.txt").write_text("x" * 1000)
    report = sync(folder, home, WordEncoder(), limits=Limits(max_bytes=500))
    assert (report.removed, [s.path for s in report.skipped]) == (("docs/a.txt",), ["docs/a.txt"])


def test_the_home_inside_the_folder_is_left_out(folder: Path) -> None:
    for _ in range(2):
        report = sync(folder, folder / "home", WordEncoder())
        assert report.skipped == ()
        assert [o.path for o in report.omitted] == ["docs/home/"]
    assert report.generation == 1


def test_an_unmounted_root_is_not_taken_over_by_its_namesake(folder: Path, home: Path) -> None:
    sync(folder, home, WordEncoder())
    folder.rename(folder.parent / "unmounted")
    namesake = write_files(folder.parent / "x" / "docs", {"other.txt": "The bridge."})
    assert sync(namesake, home, WordEncoder()).indexed == ("docs-2/other.txt",)
    assert len(paths(home)) == 3


def test_a_root_can_be_forgotten(folder: Path, home: Path) -> None:
    encoder = WordEncoder()
    other = write_files(folder.parent / "other", {"c.txt": "The bridge."})
    sync(folder, home, encoder)
    sync(other, home, encoder)
    shutil.rmtree(folder)
    assert remove(str(folder), home, encoder, None) == "docs"
    assert paths(home) == ["other/c.txt"]
    assert json.loads((generation(home) / "manifest.json").read_text())["roots"].keys() == {"other"}
    with pytest.raises(CollectionError, match="No document"):
        remove("docs", home, encoder, None)


def test_a_rebuild_keeps_what_is_known_of_an_empty_root(folder: Path, home: Path) -> None:
    mount = write_files(folder.parent / "mount", {"c.txt": "The bridge."})
    sync(mount, home, WordEncoder())
    sync(folder, home, WordEncoder())
    (mount / "c.txt").unlink()
    report = sync(folder, home, WordEncoder(), rebuild=True)
    assert report.removed == ()
    assert "mount/c.txt" in paths(home)


def test_a_rebuild_does_not_let_in_what_was_removed(folder: Path, home: Path) -> None:
    encoder = WordEncoder()
    sync(folder, home, encoder)
    remove("docs/a.txt", home, encoder, None)
    manifest = generation(home) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 0'))
    sync(folder, home, encoder, rebuild=True)
    assert paths(home) == ["docs/sub/b.txt"]


def test_a_rebuild_takes_nothing_from_a_damaged_file(folder: Path, home: Path) -> None:
    encoder = WordEncoder()
    sync(folder, home, encoder)
    vectors = generation(home) / "vectors.npy"
    stamp, data = vectors.stat(), vectors.read_bytes()
    vectors.write_bytes(data[:-64] + b"\xff" * 64)
    os.utime(vectors, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.raises(CorruptIndexError, match="vectors.npy.*--rebuild"):
        check(existing_collection(home, None))
    assert sync(folder, home, encoder, rebuild=True).encoded == 2
    assert (generation(home) / "vectors.npy").read_bytes() == data
    check(existing_collection(home, None))


def test_an_open_retriever_sees_that_the_collection_was_dropped(folder: Path, home: Path) -> None:
    sync(folder, home, WordEncoder())
    other = write_files(folder.parent / "other", {"c.txt": "The council of the bridge."})
    with Retriever.open(home, None, WordEncoder()) as retriever:
        homes.drop(home, "default")
        with pytest.raises(SpanwiseError, match="no current generation"):
            retriever.search("council")
        sync(other, home, WordEncoder(), "default")
        assert [h.passage.path for h in retriever.search("council")] == ["other/c.txt"]


def test_an_open_retriever_takes_up_another_encoder(folder: Path, home: Path) -> None:
    sync(folder, home, SentenceEncoder())
    with Retriever.open(home) as retriever:
        default = retriever.encoder
        sync(folder, home, WordEncoder("nobody/words"))
        with pytest.raises(SpanwiseError):
            retriever.search("council")
        assert retriever.encoder.name == "nobody/words"
        sync(folder, home, default)
        assert retriever.search("council")[0].passage.path == "docs/a.txt"


def test_a_disk_that_is_full_is_told_and_the_old_generation_stays(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(folder, home, WordEncoder())
    (folder / "a.txt").write_text("The council resigned.")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(DenseIndex, "build", full)
        with pytest.raises(HomeError, match="No space left.*what was indexed is kept"):
            sync(folder, home, WordEncoder())
    assert paths(home) == ["docs/a.txt", "docs/sub/b.txt"]
    assert sync(folder, home, WordEncoder()).updated == ("docs/a.txt",)


def test_locks_lost_in_a_backup_are_made_again(folder: Path, home: Path) -> None:
    sync(folder, home, WordEncoder())
    shutil.rmtree(existing_collection(home, None) / "locks")
    assert len(paths(home)) == 2


@pytest.mark.parametrize("name", ["loop", "~nobody-of-that-name/x", "nul\0"])
def test_places_that_are_no_folders(name: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    wanted = name if name.startswith("~") else str(tmp_path / name)
    with pytest.raises(FolderError):
        sync(wanted, home, WordEncoder())
    with pytest.raises(HomeError):
        sync(tmp_path, wanted, WordEncoder())


@pytest.mark.parametrize("name", ["con", "NUL.txt", "\U00020000" * 60])
def test_names_that_some_system_refuses(name: str, home: Path) -> None:
    with pytest.raises(CollectionError, match="Not a name"):
        existing_collection(home, name)


def test_questions_with_lone_surrogates(folder: Path, home: Path) -> None:
    sync(folder, home, SentenceEncoder())
    with Retriever.open(home) as retriever:
        assert retriever.search("council \udcff")[0].passage.path == "docs/a.txt"


def test_a_channel_that_there_is_not(folder: Path, home: Path) -> None:
    sync(folder, home, WordEncoder())
    with (
        Retriever.open(home, None, WordEncoder()) as retriever,
        pytest.raises(ValueError, match="hybrid"),
    ):
        retriever.search("dam", channel="bm25")  # type: ignore[arg-type]
