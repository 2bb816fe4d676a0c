"""Which files of a folder can be read: found, skipped with the reason, or left out on purpose.

Nothing is opened here but the `.spanwiseignore` files and BEIR's `corpus.jsonl`, whose rows are
documents; and no link is ever followed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path, PurePath

from pathspec import GitIgnoreSpec

from index import beir
from index.errors import FolderError
from index.types import Skipped

ENDINGS = (".txt", ".md", ".markdown", ".html", ".htm", ".pdf", ".docx")
IGNORE_FILE = ".spanwiseignore"
IGNORE_FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost.

    Attributes:
        max_bytes: size of the file; a .docx may unpack to ten times as much.
        max_chars: length of its text in code points.
        seconds: wall-clock time to parse one .pdf, .docx or .html.
        memory: address space in bytes of the process that parses them (Linux only).
    """

    max_bytes: int = 50_000_000
    max_chars: int = 20_000_000
    seconds: float = 60.0
    memory: int = 2 * 1024**3


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a known type. `path` is the root's name and the path below it, POSIX, NFC.

    Or a row of a BEIR corpus: `start` and `size` say in bytes where it lies in the file, and
    `sha256` is its hash, which is "" for a file.
    """

    path: str
    file: Path
    size: int
    mtime_ns: int
    start: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Omitted:
    """A name left out on purpose, and why. A folder counts as one; its path ends in "/"."""

    path: str
    reason: str


Entry = Found | Skipped | Omitted


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder still to be listed. `rules` are the ignore files above it, outermost first.

    `beside` are names in it that belong to its BEIR corpus and are no documents.
    """

    root: Path
    file: Path
    path: str
    rules: tuple[tuple[str, GitIgnoreSpec], ...] = ()
    beside: tuple[str, ...] = ()


def scan(root: Path, name: str | None = None, limits: Limits = DEFAULT_LIMITS) -> Iterator[Entry]:
    """List `root` in a fixed order, whatever the file system's own.

    Args:
        root: a folder, or one file.
        name: stands in front of every path; the root's own name by default. For a root that is
            one file it is the whole path.
        limits: only `max_bytes` matters here.

    Raises:
        FolderError: at the call, if `root` is missing, unreadable, or neither folder nor file.
    """
    try:
        status = os.stat(root)
        root = root.resolve()
        if stat.S_ISDIR(status.st_mode):
            os.listdir(root)
    except FileNotFoundError:
        raise FolderError("No such folder", where=root, mend="Check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        mend = "Check its permissions and the path."
        raise FolderError(f"The folder cannot be read ({reason})", where=root, mend=mend) from None
    name = printable(name or root.name or "root")
    if stat.S_ISDIR(status.st_mode):
        return _walk(_Folder(root, root, name), limits)
    if root.name == beir.CORPUS:
        mend = "Index the folder that it lies in."
        return iter([Skipped(name, "the documents of a BEIR folder", mend)])
    if stat.S_ISREG(status.st_mode):
        return iter([_file(root, name, status, limits)])
    raise FolderError("Not a folder", where=root, mend="Give a folder or a document.")


def open_regular(file: Path) -> BufferedReader:
    """Open for reading; OSError for all but a regular file, without waiting on a pipe."""
    flags = os.O_RDONLY
    for flag in ("O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"):  # each system has some of them
        flags |= getattr(os, flag, 0)
    handle = os.fdopen(os.open(file, flags), "rb")
    if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
        handle.close()
        raise OSError(errno.EINVAL, "not a regular file", str(file))
    return handle


def sha256_of(file: Path) -> str:
    """SHA-256 of the bytes, hexadecimal, read in pieces. Raises OSError."""
    with open_regular(file) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _walk(folder: _Folder, limits: Limits) -> Iterator[Entry]:
    # A stack of listings, not recursion: folders may be nested deeper than Python recurses.
    listings: list[Iterator[Entry | _Folder]] = [_list(folder, limits)]
    while listings:
        entry = next(listings[-1], None)
        if entry is None:
            listings.pop()
        elif isinstance(entry, _Folder):
            listings.append(_list(entry, limits))
        else:
            yield entry


def _list(folder: _Folder, limits: Limits) -> Iterator[Entry | _Folder]:
    """The entries of one folder, sorted by name; subfolders come back as `_Folder`."""
    try:
        names = sorted(os.listdir(folder.file), key=lambda raw: (_nfc(raw), raw))
    except OSError as error:
        reason = f"the folder cannot be read: {error.strerror}"
        yield Skipped(f"{folder.path}/", reason, "Check its permissions.", passing=True)
        return
    rules = folder.rules
    if IGNORE_FILE in names:
        try:
            lines, bad = _ignore_lines(folder.file / IGNORE_FILE)
        except OSError as error:
            # Reading on would index what the user meant to keep out.
            reason = f"its {IGNORE_FILE} cannot be read: {error.strerror}"
            yield Skipped(f"{folder.path}/", reason, "Check its permissions.", passing=True)
            return
        for line in bad:
            reason = f"{line!r} is not a pattern of git's; it was passed over"
            yield Skipped(f"{folder.path}/{IGNORE_FILE}", reason, "Correct the line.")
        rules = (*rules, (folder.path, GitIgnoreSpec.from_lines(lines)))
    seen: set[str] = set()
    folder = replace(folder, rules=rules, beside=beir.BESIDE if beir.CORPUS in names else ())
    for raw in names:
        yield from _entry(folder, raw, seen, limits)


def _entry(folder: _Folder, raw: str, seen: set[str], limits: Limits) -> Iterator[Entry | _Folder]:
    """What `raw`, a name in `folder`, is. `seen` are the names taken before it, NFC."""
    name, file = printable(raw), folder.file / raw
    path = f"{folder.path}/{name}"
    try:
        status = os.lstat(file)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        yield Skipped(path, reason, "Run the command again.", passing=True)
        return
    is_folder = stat.S_ISDIR(status.st_mode)
    shown = f"{path}/" if is_folder else path
    if raw.startswith("."):
        yield Omitted(shown, "its name begins with a dot")
    elif _is_link(status):
        yield Omitted(path, _link_reason(file, folder.root))
    elif _ignored(shown, folder.rules):
        yield Omitted(shown, f"named in {IGNORE_FILE}")
    elif raw in folder.beside:
        yield Omitted(shown, f"belongs to {beir.CORPUS} and is no document")
    elif name != _nfc(raw):
        yield Skipped(shown, "its name is not valid Unicode", "Rename it.")
    elif name in seen:
        reason = "its name equals another's in the folder after Unicode normalisation (NFC)"
        yield Skipped(shown, reason, "Rename one of them.")
    else:
        seen.add(name)
        yield from _taken(folder, file, path, status, seen, limits)


def _taken(
    folder: _Folder, file: Path, path: str, status: os.stat_result, seen: set[str], limits: Limits
) -> Iterator[Entry | _Folder]:
    if stat.S_ISDIR(status.st_mode):
        yield replace(folder, file=file, path=path)
    elif stat.S_ISREG(status.st_mode) and file.name == beir.CORPUS:
        yield from _rows(file, path, status, seen, limits)
    else:
        yield _file(file, path, status, limits)


def _rows(
    file: Path, path: str, status: os.stat_result, seen: set[str], limits: Limits
) -> Iterator[Found | Skipped]:
    """The rows of a BEIR corpus, `seen` being the names taken in its folder."""
    try:
        with open_regular(file) as handle:
            for row in beir.places(handle, path, limits.max_bytes, seen):
                if isinstance(row, Skipped):
                    yield row
                    continue
                where = beir.path_of(path, row.id)
                yield Found(where, file, row.size, status.st_mtime_ns, row.start, row.sha256)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        yield Skipped(path, reason, "Check its permissions.", passing=True)


def _file(file: Path, path: str, status: os.stat_result, limits: Limits) -> Found | Skipped:
    if not stat.S_ISREG(status.st_mode):
        return Skipped(path, "not a file (a pipe, socket or device)")
    ending = PurePath(file.name).suffix.lower()
    if ending not in ENDINGS:
        reason = f"unknown type {ending}" if ending else "unknown type (its name has no ending)"
        return Skipped(path, reason, f"Convert it to one of {' '.join(ENDINGS)}.")
    if status.st_size > limits.max_bytes:
        reason = f"{status.st_size:,} bytes, more than the limit of {limits.max_bytes:,}"
        return Skipped(path, reason, f"Raise the limit: --max-bytes {status.st_size}")
    return Found(path, file, status.st_size, status.st_mtime_ns)


def _is_link(status: os.stat_result) -> bool:
    # A junction of Windows looks like a folder; its tag tells.
    junction = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == junction


def _link_reason(file: Path, root: Path) -> str:
    try:
        target = file.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop, before Python 3.13
        return "a link that leads nowhere"
    if target.is_relative_to(root):
        return "a link to what is in the folder anyway"
    return "a link that leads out of the folder"


def _ignored(path: str, rules: Sequence[tuple[str, GitIgnoreSpec]]) -> bool:
    """Git's order: the nearest ignore file that says anything decides."""
    for above, spec in reversed(rules):
        verdict = spec.check_file(path[len(above) + 1 :]).include
        if verdict is not None:
            return verdict
    return False


def _ignore_lines(file: Path) -> tuple[list[str], list[str]]:
    """The lines of an ignore file that are patterns, and those that are not. Raises OSError."""
    with open_regular(file) as handle:
        data = handle.read(IGNORE_FILE_BYTES + 1)
    if len(data) > IGNORE_FILE_BYTES:
        raise OSError(errno.EFBIG, f"larger than {IGNORE_FILE_BYTES:,} bytes")
    good: list[str] = []
    bad: list[str] = []
    for line in _nfc(data.decode("utf-8-sig", "replace")).splitlines():
        try:
            GitIgnoreSpec.from_lines([line])
        except (ValueError, re.error):
            bad.append(line)
        else:
            good.append(line)
    return good, bad


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def printable(name: str) -> str:
    r"""NFC, with bytes of a file name that are not Unicode shown as ``\udcff``."""
    return _nfc(name.encode("utf-8", "backslashreplace").decode("utf-8"))
