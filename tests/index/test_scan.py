from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from samples import as_nobody

from index.errors import FolderError
from index.scan import Entry, Found, Limits, Omitted, scan, sha256_of
from index.types import Skipped

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX file system")


def write(root: Path, *names: str) -> None:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)


def paths(entries: Iterator[Entry], kind: type[Entry]) -> list[str]:
    return [entry.path for entry in entries if isinstance(entry, kind)]


def reasons(root: Path) -> dict[str, str]:
    return {entry.path: entry.reason for entry in scan(root) if not isinstance(entry, Found)}


def test_known_types_in_a_fixed_order(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    write(
        root, "b.TXT", "a.md", "sub/z.html", "sub/deep/y.PDF", "c.docx", "sub/a.htm", "x.Markdown"
    )
    found = list(scan(root))
    assert [entry.path for entry in found] == [
        *("docs/a.md", "docs/b.TXT", "docs/c.docx", "docs/sub/a.htm"),
        *("docs/sub/deep/y.PDF", "docs/sub/z.html", "docs/x.Markdown"),
    ]
    first = found[0]
    assert isinstance(first, Found)
    assert (first.file, first.size) == (root / "a.md", 4)
    assert first.mtime_ns == (root / "a.md").stat().st_mtime_ns


def test_the_name_stands_in_front(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "sub/b.txt")
    assert paths(scan(tmp_path, "cafe\u0301"), Found) == ["café/a.txt", "café/sub/b.txt"]


def test_one_file_is_a_root(tmp_path: Path) -> None:
    write(tmp_path, "a note.txt")
    assert paths(scan(tmp_path / "a note.txt"), Found) == ["a note.txt"]


def test_a_relative_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "docs", "a.txt")
    monkeypatch.chdir(tmp_path / "docs")
    (found,) = scan(Path("."))
    assert isinstance(found, Found)
    assert (found.path, found.file.is_absolute()) == ("docs/a.txt", True)


def test_a_bad_root_raises_at_the_call(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"No such folder: .*nowhere\. Check the path\."):
        scan(tmp_path / "nowhere")
    with pytest.raises(FolderError, match="cannot be read"):
        scan(Path("a\0b"))
    assert list(scan(tmp_path)) == []


@posix
def test_a_device_is_no_root() -> None:
    with pytest.raises(FolderError, match="Not a folder"):
        scan(Path(os.devnull))


def test_unknown_types_and_big_files_are_skipped(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    write(root, "a.exe", "README", "c.txt", "long name.txt")
    skipped = [
        entry for entry in scan(root, limits=Limits(max_bytes=5)) if isinstance(entry, Skipped)
    ]
    assert [(entry.path, entry.reason) for entry in skipped] == [
        ("docs/README", "unknown type (its name has no ending)"),
        ("docs/a.exe", "unknown type .exe"),
        ("docs/long name.txt", "13 bytes, more than the limit of 5"),
    ]
    assert skipped[2].mend == "Raise the limit: --max-bytes 13"


def test_dot_names_are_left_out(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    write(root, ".hidden.txt", ".git/a.txt", ".git/b.txt", "a.txt")
    entries = list(scan(root))
    assert [entry.path for entry in entries if isinstance(entry, Omitted)] == [
        "docs/.git/",
        "docs/.hidden.txt",
    ]
    assert len(entries) == 3


def test_ignore_files_have_gits_syntax(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    write(root, "a.txt", "keep.txt", "b.md", "build/c.md", "build/keep.txt", "sub/build.md")
    write(
        root, "sub/d.txt", "sub/top.md", "top.md", "sub/secret.md", "sub/deep/secret.md", "café.md"
    )
    (root / ".spanwiseignore").write_text(
        "# notes\n\n*.txt\n!keep.txt\nbuild/\n/top.md\n**/secret.md\ncafe\u0301.md\n"
    )
    (root / "sub/.spanwiseignore").write_text("!d.txt\r\nbuild.md\r\n!deep/secret.md\r\n")
    assert paths(scan(root), Found) == [
        *("docs/b.md", "docs/keep.txt"),
        *("docs/sub/d.txt", "docs/sub/deep/secret.md", "docs/sub/top.md"),
    ]
    omitted = paths(scan(root), Omitted)
    assert [path for path in omitted if "build" in path] == ["docs/build/", "docs/sub/build.md"]


def test_a_bad_pattern_is_told_and_the_others_count(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "b.txt")
    (tmp_path / ".spanwiseignore").write_text("!\na.txt\n[z-a]\n")
    entries = list(scan(tmp_path, "docs"))
    assert paths(iter(entries), Found) == ["docs/b.txt"]
    told = [entry.reason for entry in entries if isinstance(entry, Skipped)]
    assert told == [
        f"{line!r} is not a pattern of git's; it was passed over" for line in ("!", "[z-a]")
    ]


@posix
def test_an_unreadable_ignore_file_closes_its_folder(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    write(root, "a.txt", "sub/b.txt")
    os.mkfifo(root / "sub/.spanwiseignore")
    assert paths(scan(root), Found) == ["docs/a.txt"]
    assert "not a regular file" in reasons(root)["docs/sub/"]


@posix
def test_links_are_never_followed(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    write(root, "a.txt", "sub/b.txt")
    write(tmp_path, "outside/c.txt")
    for link, target in {
        "out.txt": "../outside/c.txt",
        "outdir": "../outside",
        "again.txt": "a.txt",
        "sub/loop": "..",
        "self": "self",
        "broken.txt": "gone.txt",
        "up": "../docs",
    }.items():
        (root / link).symlink_to(target)
    assert paths(scan(root), Found) == ["docs/a.txt", "docs/sub/b.txt"]
    inside, out = "a link to what is in the folder anyway", "a link that leads out of the folder"
    nowhere = "a link that leads nowhere"
    assert reasons(root) == {
        "docs/again.txt": inside,
        "docs/broken.txt": nowhere,
        "docs/out.txt": out,
        "docs/outdir": out,
        "docs/self": nowhere,
        "docs/sub/loop": inside,
        "docs/up": inside,
    }
    (tmp_path / "link").symlink_to("docs")
    assert paths(scan(tmp_path / "link"), Found) == ["docs/a.txt", "docs/sub/b.txt"]


@posix
def test_names_of_every_kind(tmp_path: Path) -> None:
    names = [
        "a b.txt",
        'it\'s "q".txt',
        "😀.txt",
        "[bold]x[/].txt",
        "back\\slash.txt",
        "new\nline.txt",
    ]
    write(tmp_path, *names)
    assert paths(scan(tmp_path, "docs"), Found) == [f"docs/{name}" for name in sorted(names)]


@pytest.mark.skipif(sys.platform != "linux", reason="names may be any bytes on Linux only")
def test_names_that_are_not_unicode(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).write_text("x")
    os.mkdir(os.fsencode(tmp_path) + b"/d\xff")
    entries = list(scan(tmp_path, "docs"))
    assert [entry.path for entry in entries] == ["docs/caf\\udce9.txt", "docs/d\\udcff/"]
    for entry in entries:
        assert isinstance(entry, Skipped)
        assert (entry.reason, entry.mend) == ("its name is not valid Unicode", "Rename it.")
        entry.path.encode()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems normalise names themselves")
def test_names_equal_after_normalisation(tmp_path: Path) -> None:
    names = [unicodedata.normalize(form, "é.txt") for form in ("NFC", "NFD")]
    write(tmp_path, *names)
    found, skipped = scan(tmp_path, "docs")
    assert isinstance(found, Found)
    assert isinstance(skipped, Skipped)
    assert found.path == skipped.path == "docs/é.txt"
    assert "equals another" in skipped.reason


@posix
def test_a_pipe_is_skipped_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    assert reasons(tmp_path) == {f"{tmp_path.name}/a.txt": "not a file (a pipe, socket or device)"}
    with pytest.raises(OSError, match="not a regular file"):
        sha256_of(tmp_path / "a.txt")


@posix
def test_unreadable_folders() -> None:
    with as_nobody() as root:
        write(root, "a.txt", "closed/b.txt")
        (root / "closed").chmod(0)
        found, skipped = scan(root, "docs")
        assert (found.path, skipped.path) == ("docs/a.txt", "docs/closed/")
        assert isinstance(skipped, Skipped)
        assert skipped.reason == "the folder cannot be read: Permission denied"
        with pytest.raises(FolderError, match=r"cannot be read \(Permission denied\)"):
            scan(root / "closed")
        (root / "closed").chmod(0o700)


@posix
def test_folders_nested_deeper_than_python_recurses(tmp_path: Path) -> None:
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=at)
        inner = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(os.open("a.txt", os.O_CREAT, dir_fd=at))
    os.close(at)
    try:
        assert paths(scan(tmp_path, "docs"), Found) == [f"docs/{'d/' * 1200}a.txt"]
    finally:  # pytest's own removal recurses
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert sha256_of(tmp_path / "a.txt") == expected
