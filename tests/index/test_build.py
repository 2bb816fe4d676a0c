from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import WordEncoder, write_files

from index.build import BuildReport, remove, sync
from index.chunk import ChunkPolicy
from index.errors import (
    BusyError,
    CollectionError,
    CorruptIndexError,
    FolderError,
    IndexMismatchError,
)
from index.home import collections, drop, existing_collection
from index.load import Loader
from index.retrieve import Retriever
from index.scan import Limits
from index.snapshot import Snapshot, check, current
from index.types import Filter

FILES = {
    "a.txt": "The council of the northern town met on Friday.",
    "sub/b.md": "# Rivers\n\nThe Euphrates runs past the dam.",
    "c.txt": "Eight thousand fighters joined the eastern front.",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "docs", FILES)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def found(home: Path, question: str, collection: str | None = None) -> list[str]:
    """Paths of the passages that share a word with the question."""
    with Retriever.open(home, collection, WordEncoder()) as retriever:
        return [hit.passage.path for hit in retriever.search(question, channel="lexical")]


def test_add_change_rename_delete(folder: Path, home: Path, encoder: WordEncoder) -> None:
    first = sync(folder, home, encoder)
    assert first.indexed == ("docs/a.txt", "docs/c.txt", "docs/sub/b.md")
    assert (first.generation, first.documents, first.encoded) == (1, 3, 3)
    assert found(home, "council") == ["docs/a.txt"]

    (folder / "a.txt").write_text("The council was dissolved in winter, they said.")
    (folder / "c.txt").rename(folder / "renamed.txt")
    (folder / "sub" / "b.md").unlink()
    (folder / "new.txt").write_text("A bridge was opened.")
    encoder.encoded.clear()
    second = sync(folder, home, encoder)
    assert second.updated == ("docs/a.txt",)
    assert second.indexed == ("docs/new.txt", "docs/renamed.txt")
    assert second.removed == ("docs/c.txt", "docs/sub/b.md")
    assert second.unchanged == ()
    assert len(encoder.encoded) == 2  # the renamed file's vector is reused
    assert found(home, "dissolved") == ["docs/a.txt"]
    assert found(home, "euphrates") == []
    assert found(home, "fighters") == ["docs/renamed.txt"]


def test_nothing_changed_is_nothing_done(folder: Path, home: Path, encoder: WordEncoder) -> None:
    sync(folder, home, encoder)
    encoder.encoded.clear()
    again = sync(folder, home, encoder)
    assert (again.published, again.generation, again.encoded) == (False, 1, 0)
    assert len(again.unchanged) == 3
    assert not encoder.encoded


def test_a_touched_file_is_hashed_and_found_unchanged(
    folder: Path, home: Path, encoder: WordEncoder
) -> None:
    sync(folder, home, encoder)
    os.utime(folder / "a.txt", ns=(1, 1))
    assert len(sync(folder, home, encoder).unchanged) == 3


def test_a_change_under_the_same_stamp_is_seen(
    folder: Path, home: Path, encoder: WordEncoder
) -> None:
    sync(folder, home, encoder)
    stamp = (folder / "a.txt").stat().st_mtime_ns
    (folder / "a.txt").write_text("The council of the southern town met on Monday"[:47] + ".")
    os.utime(folder / "a.txt", ns=(stamp, stamp))
    assert (folder / "a.txt").stat().st_size == len(FILES["a.txt"])
    assert sync(folder, home, encoder).updated == ("docs/a.txt",)


def test_an_edit_encodes_only_what_it_touched(home: Path, tmp_path: Path) -> None:
    encoder = WordEncoder()
    body = "\n\n".join(f"Paragraph {n} tells of village number {n} at length." for n in range(40))
    folder = write_files(tmp_path / "long", {"a.txt": "Report on villages\n\n" + body})
    policy = ChunkPolicy(max_tokens=20, overlap_tokens=0)
    total = sync(folder, home, encoder, policy=policy).encoded
    text = (folder / "a.txt").read_text()
    (folder / "a.txt").write_text(text + "\n\nA last paragraph.")
    assert sync(folder, home, encoder, policy=policy).encoded <= 2 < total


def test_grown_file_by_file_equals_indexed_at_once(home: Path, tmp_path: Path) -> None:
    at_once = write_files(tmp_path / "1" / "docs", FILES)
    sync(at_once, home, WordEncoder(), "once")
    for name in reversed(FILES):
        slowly = write_files(tmp_path / "2" / "docs", {name: FILES[name]})
        sync(slowly, home, WordEncoder(), "slowly")
    with (
        Retriever.open(home, "once", WordEncoder()) as once,
        Retriever.open(home, "slowly", WordEncoder()) as grown,
    ):
        for question in ("the town", "fighters at the dam", "Friday"):
            assert once.search(question) == grown.search(question)


def test_two_equal_files_are_both_citable(home: Path, tmp_path: Path, encoder: WordEncoder) -> None:
    folder = write_files(tmp_path / "two", {"a.txt": "The dam broke.", "b.txt": "The dam broke."})
    report = sync(folder, home, encoder)
    assert (report.documents, report.encoded) == (2, 1)
    assert sorted(found(home, "dam")) == ["two/a.txt", "two/b.txt"]


def test_several_roots_in_one_collection(home: Path, tmp_path: Path, encoder: WordEncoder) -> None:
    one = write_files(tmp_path / "x" / "notes", {"a.txt": "The first dam."})
    two = write_files(tmp_path / "y" / "notes", {"a.txt": "The second dam."})
    sync(one, home, encoder, "c")
    report = sync(two, home, encoder, "c")
    assert report.indexed == ("notes-2/a.txt",)
    (one / "a.txt").unlink()
    (one / "b.txt").write_text("The third dam.")
    assert sync(one, home, encoder, "c").removed == ("notes/a.txt",)
    assert sorted(found(home, "dam")) == ["notes-2/a.txt", "notes/b.txt"]


def test_a_folder_that_was_moved_keeps_its_documents(
    folder: Path, home: Path, tmp_path: Path, encoder: WordEncoder
) -> None:
    sync(folder, home, encoder)
    moved = tmp_path / "elsewhere" / "docs"
    shutil.move(folder, moved)
    report = sync(moved, home, encoder)
    assert (report.documents, len(report.unchanged)) == (3, 3)


@pytest.mark.parametrize("files", [{}, {"x.bin": b"\0\1\2"}, {"empty.txt": ""}])
def test_nothing_indexable_changes_nothing(
    files: dict[str, str | bytes], folder: Path, home: Path, tmp_path: Path, encoder: WordEncoder
) -> None:
    (tmp_path / "bare").mkdir()
    bare = write_files(tmp_path / "bare", files)
    report = sync(bare, home, encoder)
    assert report.found_nothing
    assert report.generation == 0
    assert len(report.skipped) == len(files)
    assert collections(home) == []
    sync(folder, home, encoder)
    report = sync(bare, home, encoder, "default")
    assert report.found_nothing
    assert (report.generation, report.documents) == (1, 3)


def test_an_emptied_folder_keeps_the_index(folder: Path, home: Path, encoder: WordEncoder) -> None:
    sync(folder, home, encoder)
    shutil.rmtree(folder)
    folder.mkdir()
    assert sync(folder, home, encoder).found_nothing
    assert found(home, "council") == ["docs/a.txt"]


def test_a_missing_folder_is_an_error_and_makes_nothing(home: Path, encoder: WordEncoder) -> None:
    with pytest.raises(FolderError, match="Check the path"):
        sync(home / "nowhere", home, encoder)
    assert not home.exists()


def test_skipped_files_are_remembered_and_retried_when_the_limit_rises(
    folder: Path, home: Path, encoder: WordEncoder
) -> None:
    (folder / "big.txt").write_text("word " * 100)
    report = sync(folder, home, encoder, limits=Limits(max_bytes=200))
    assert [s.path for s in report.skipped] == ["docs/big.txt"]
    assert "--max-bytes" in report.skipped[0].mend
    again = sync(folder, home, encoder, limits=Limits(max_bytes=200))
    assert [s.path for s in again.skipped] == ["docs/big.txt"]
    assert not again.published
    assert sync(folder, home, encoder).indexed == ("docs/big.txt",)


def test_remove_and_undo(folder: Path, home: Path, encoder: WordEncoder) -> None:
    sync(folder, home, encoder)
    encoder.encoded.clear()
    assert remove(str(folder / "a.txt"), home, encoder, None) == "docs/a.txt"
    assert (folder / "a.txt").exists()
    assert found(home, "council") == []
    report = sync(folder, home, encoder)
    assert [o.path for o in report.omitted] == ["docs/a.txt"]
    assert not encoder.encoded
    with pytest.raises(CollectionError, match="No document"):
        remove("docs/a.txt", home, encoder, None)
    remove("docs/a.txt", home, encoder, None, undo=True)
    assert sync(folder, home, encoder).indexed == ("docs/a.txt",)
    assert found(home, "council") == ["docs/a.txt"]


def test_removing_the_last_document_leaves_an_empty_collection(
    home: Path, tmp_path: Path, encoder: WordEncoder
) -> None:
    sync(write_files(tmp_path / "one", {"a.txt": "The dam."}), home, encoder)
    remove("one/a.txt", home, encoder, None)
    assert found(home, "dam") == []
    with Retriever.open(home, None, encoder) as retriever:
        assert retriever.search("dam") == []


def test_another_encoder_encodes_everything_again(folder: Path, home: Path) -> None:
    sync(folder, home, WordEncoder())
    report = sync(folder, home, WordEncoder("others"))
    assert (report.encoded, len(report.unchanged)) == (3, 3)


def test_another_policy_cuts_again_without_reading(
    folder: Path, home: Path, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sync(folder, home, encoder)
    monkeypatch.setattr(Loader, "load", None)
    report = sync(folder, home, encoder, policy=ChunkPolicy(max_tokens=4, overlap_tokens=0))
    assert len(report.unchanged) == 3
    assert report.passages > first.passages


def test_two_writers(folder: Path, home: Path, encoder: WordEncoder) -> None:
    sync(folder, home, encoder)

    class Nested(WordEncoder):
        seen = ""

        def passages(self, texts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            with pytest.raises(BusyError, match="Another process"):
                sync(folder, home, WordEncoder())
            self.seen = found(home, "council")[0]
            return super().passages(texts)

    nested = Nested("nested")
    sync(folder, home, nested)
    assert nested.seen == "docs/a.txt"  # while one writes, the old generation is read


def test_kill_in_the_middle(folder: Path, home: Path, encoder: WordEncoder) -> None:
    """The old generation answers on; the next run repairs; nothing is left behind."""
    sync(folder, home, encoder)
    (folder / "a.txt").write_text("The council resigned.")
    code = (
        "import sys, time; sys.path[:0] = sys.argv[3:]\n"
        "from tiny import WordEncoder; from index.build import sync\n"
        "class Slow(WordEncoder):\n"
        "    def passages(self, texts):\n"
        "        print('encoding', flush=True); time.sleep(60)\n"
        "sync(sys.argv[1], sys.argv[2], Slow())\n"
    )
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    arguments = [sys.executable, "-c", code, str(folder), str(home), *paths]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "encoding\n"
        child.send_signal(signal.SIGKILL)
    assert (home / "collections/default/generations/aside").exists()
    assert found(home, "friday") == ["docs/a.txt"]
    assert check(existing_collection(home, None)).generation == 1
    assert sync(folder, home, encoder).updated == ("docs/a.txt",)
    assert found(home, "resigned") == ["docs/a.txt"]
    assert not (home / "collections/default/generations/aside").exists()


def test_a_damaged_index_is_told_and_rebuilt(folder: Path, home: Path) -> None:
    other = write_files(folder.parent / "other", {"d.txt": "A fourth dam."})
    sync(folder, home, WordEncoder())
    sync(other, home, WordEncoder())
    target = existing_collection(home, None)
    store = target / "generations" / f"{current(target):06d}" / "store.sqlite"
    store.write_bytes(store.read_bytes()[:-100] + b"x" * 100)
    with pytest.raises(CorruptIndexError, match="store.sqlite.*--rebuild"):
        Retriever.open(home, None, WordEncoder())
    with pytest.raises(CorruptIndexError, match="--rebuild"):
        sync(folder, home, WordEncoder())
    report = sync(folder, home, WordEncoder(), rebuild=True)
    assert report.documents == 4  # every root that the manifest names is read again
    assert found(home, "fourth") == ["other/d.txt"]


def test_a_home_of_another_version(folder: Path, home: Path, encoder: WordEncoder) -> None:
    sync(folder, home, encoder)
    target = existing_collection(home, None)
    manifest = target / "generations" / "000001" / "manifest.json"
    data = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**data, "schema": 99}))
    with pytest.raises(IndexMismatchError, match="another version.*schema 99"):
        Retriever.open(home, None, encoder)
    report = sync(folder, home, encoder)
    assert (report.documents, report.published) == (3, True)


def test_old_generations_go_when_nobody_reads_them(
    folder: Path, home: Path, encoder: WordEncoder
) -> None:
    sync(folder, home, encoder)
    target = existing_collection(home, None)
    generations = target / "generations"
    reader = Snapshot.open(target)
    (folder / "a.txt").write_text("The council resigned.")
    sync(folder, home, encoder)
    assert sorted(p.name for p in generations.iterdir()) == ["000001", "000002"]
    assert reader.search_text("friday", 5, Filter())
    reader.close()
    (folder / "a.txt").write_text("The council met again.")
    sync(folder, home, encoder)
    assert sorted(p.name for p in generations.iterdir()) == ["000003"]


def test_drop(folder: Path, home: Path, encoder: WordEncoder) -> None:
    sync(folder, home, encoder, "one")
    sync(folder, home, encoder, "two")
    with pytest.raises(CollectionError, match="one, two"):
        existing_collection(home, None)
    drop(home, "one")
    assert collections(home) == ["two"]
    assert existing_collection(home, None).name == "two"
    assert (folder / "a.txt").exists()
    with pytest.raises(CollectionError, match="There are: two"):
        drop(home, "one")


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "x" * 65, "a\nb"])
def test_names_that_cannot_be_folders(name: str, home: Path, encoder: WordEncoder) -> None:
    with pytest.raises(CollectionError, match="Not a name"):
        existing_collection(home, name)


def test_progress_ends_complete(folder: Path, home: Path, encoder: WordEncoder) -> None:
    seen: dict[str, tuple[int, int]] = {}
    sync(folder, home, encoder, progress=lambda stage, done, of: seen.update({stage: (done, of)}))
    assert seen == {"read": (3, 3), "encode": (3, 3), "write": (1, 1)}


def test_the_home_is_private(folder: Path, home: Path, encoder: WordEncoder) -> None:
    report = sync(folder, home, encoder)
    assert isinstance(report, BuildReport)
    if os.name == "posix":
        assert home.stat().st_mode & 0o777 == 0o700
