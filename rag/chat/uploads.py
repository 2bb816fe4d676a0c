"""Files added from the page: received into ``home/uploads``, indexed by a process of low priority.

Run as ``python -m rag.chat.uploads FOLDER HOME COLLECTION ENCODER`` it is that process: it prints
one JSON object a line, progress first and the outcome last.
"""

from __future__ import annotations

import filecmp
import json
import os
import stat
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from index.errors import FolderError, SpanwiseError
from index.home import collection_folder, collections, make_home
from index.scan import DEFAULT_LIMITS, ENDINGS
from rag import journal
from rag.chat.child import TELL_EVERY_S, as_child, started
from rag.chat.library import Library, read_manifest
from rag.chat.receive import worded

ROOT = "uploads"
"""Name of the folder, and of the root, which begins the paths of uploaded documents."""
MOST_FILES = 1_000
MOST_BYTES = 2 * 1024**3
"""Of all uploads to one collection together."""
MOST_FILE_BYTES = DEFAULT_LIMITS.max_bytes
STAGES = {"read": "Reading files", "encode": "Encoding passages", "write": "Writing the index"}


@dataclass(frozen=True, slots=True)
class Job:
    """How far the indexing of a collection is; `report` is `BuildReport`'s counts at the end.

    `said` is what was done last where that was something else.
    """

    running: bool = True
    stage: str = ""
    done: int = 0
    total: int = 0
    report: dict[str, Any] | None = None
    error: str = ""
    said: str = ""


class Uploads:
    """Receives files and has them indexed, one job a collection at a time."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._waiting: dict[str, list[Path]] = {}
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def folder(self, collection: str) -> Path:
        """Where a collection's uploads lie. CollectionError for a name that is none."""
        return _own_folder(self._library.home, collection)

    def root(self, collection: str) -> str | None:
        """What the collection calls that folder; None where it is not of it."""
        if collection not in collections(self._library.home):
            return None
        roots = read_manifest(collection_folder(self._library.home, collection)).roots
        return _own_root(self._library.home, collection, roots)

    def place(self, collection: str, name: str, size: int) -> Path:
        """Where a file of that name and size may be written; its folder is made.

        Raises:
            CollectionError: a name that cannot be a collection's.
            FolderError: the file is of no type that is read, too large, or one too many; its name
                is too long, or has a file for a folder.
            HomeError: its folder cannot be made.
        """
        folder = self.folder(collection)
        parts = unicodedata.normalize("NFC", name).split("/")
        if not all(map(harmless, parts)) or len(parts) > 20:
            raise FolderError("Not a name for a file", where=ascii(name)[:200])
        ending = os.path.splitext(parts[-1])[1].lower()
        if ending not in ENDINGS:
            mend = f"Convert it to one of {' '.join(ENDINGS)}."
            raise FolderError(f"unknown type {ending}".strip(), where=name, mend=mend)
        if size > MOST_FILE_BYTES:
            raise FolderError(f"larger than {MOST_FILE_BYTES // 10**6} MB", where=name)
        sizes = list(_sizes(folder))
        if len(sizes) >= MOST_FILES or sum(sizes) + size > MOST_BYTES:
            raise FolderError(
                "There is no room for more uploads in this collection",
                where=name,
                mend="Index a folder of the machine instead: spanwise index FOLDER",
            )
        make_home(self._library.home)
        target = folder.joinpath(*parts)
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise worded(error, name) from error
        return target

    def keep(self, collection: str, received: Path, target: Path) -> Path:
        """Take up what was received at its place, or under a free name beside it; where it is now.

        A file with other bytes is never overwritten, unless it could not be indexed.

        Raises:
            FolderError: the name is too long.
            HomeError: it cannot be written.
        """
        try:
            with self._lock:
                place, number = target, 1
                while place.exists() and not self._may_replace(collection, received, place):
                    number += 1
                    place = target.with_name(f"{target.stem} ({number}){target.suffix}")
                return received.replace(place)
        except OSError as error:
            raise worded(error, target.name) from error

    def begin(self, collection: str, root: str | None = None) -> None:
        """Bring a root of the collection, or its uploads, up to date in the background.

        Where the collection is being indexed already, this is done afterwards, so that what was
        added meanwhile is not forgotten.

        Raises:
            FolderError: the collection has no such root.
        """
        folder = self._known_root(collection, root) if root else self.folder(collection)
        with self._lock:
            if self.job(collection).running:
                waiting = self._waiting.setdefault(collection, [])
                waiting += [folder] if folder not in waiting else []
                return
            self._jobs[collection] = Job(stage="Starting")
        threading.Thread(target=self._run, args=(collection, folder), daemon=True).start()

    def job(self, collection: str) -> Job:
        """The present job, or the last one."""
        return self._jobs.get(collection, Job(running=False))

    def told(self, collection: str, said: str) -> None:
        """Keep in a sentence what was done last, where nothing is under way."""
        with self._lock:
            if not self.job(collection).running:
                self._jobs[collection] = Job(running=False, said=said)

    def forget(self, collection: str, path: str) -> None:
        """Delete an uploaded file whose document was removed."""
        root, _, below = path.partition("/")
        file = self.folder(collection) / below
        inside = file.resolve().is_relative_to(self.folder(collection).resolve())
        if inside and root == self.root(collection):
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """End the jobs under way; what they had begun is thrown away, nothing else."""
        with self._lock:
            self._waiting.clear()
        for process in list(self._processes.values()):
            process.kill()

    def _known_root(self, collection: str, root: str) -> Path:
        roots = read_manifest(collection_folder(self._library.home, collection)).roots
        if root not in roots:
            raise FolderError("The collection was made of no such folder", where=root)
        return Path(roots[root])

    def _may_replace(self, collection: str, received: Path, place: Path) -> bool:
        """Whether nothing is lost: it has the same bytes, or they could not be indexed."""
        if not place.is_file() or filecmp.cmp(received, place, shallow=False):
            return place.is_file()
        root, there = self.root(collection), place.stat()
        if root is None:
            return False
        path = f"{root}/{place.relative_to(self.folder(collection)).as_posix()}"
        with self._library.service(collection).retriever.generation() as found:
            entry = found.store.ledger().get(path)
        if entry is None or entry.status != "skipped":
            return False
        # What was not even opened has no stamp.
        return entry.mtime_ns in (0, there.st_mtime_ns) and entry.size in (0, there.st_size)

    def _run(self, collection: str, folder: Path) -> None:
        """Index a folder, and then those that were asked for meanwhile."""
        troubles: dict[Path, str] = {}
        going: Path | None = folder
        while going is not None:
            outcome = self._outcome(collection, going)
            troubles[going] = outcome.error
            with self._lock:
                waiting = self._waiting.get(collection, [])
                going = waiting.pop(0) if waiting else None
                error = " ".join(filter(None, troubles.values()))
                ended = replace(outcome, error=error)
                self._jobs[collection] = Job(stage="Starting") if going else ended

    def _outcome(self, collection: str, folder: Path) -> Job:
        try:
            return self._follow(collection, folder)
        except Exception as error:
            return Job(running=False, error=journal.failed(error))
        finally:
            self._processes.pop(collection, None)

    def _follow(self, collection: str, folder: Path) -> Job:
        """Index a folder as a process, and tell how far it is; how it ended."""
        home = self._library.home
        encoder = self._library.settings.encoder or ""
        process = self._processes[collection] = started(
            "rag.chat.uploads", folder, home, collection, encoder
        )
        assert process.stdout is not None  # Popen was asked for it
        died = "The process that indexes ended before its work did. Try again."
        outcome = Job(running=False, error=died)
        for line in process.stdout:
            said = json.loads(line)
            if "stage" in said:
                self._jobs[collection] = replace(self._jobs[collection], **said)
            else:
                outcome = Job(running=False, **said)
        process.wait()
        return outcome


def _own_folder(home: Path, collection: str) -> Path:
    return home / "uploads" / collection_folder(home, collection).name / ROOT


def _own_root(home: Path, collection: str, roots: Mapping[str, str]) -> str | None:
    """A folder of the user's that has the name first leaves ours another one."""
    own = _own_folder(home, collection).resolve()
    return next((name for name, folder in roots.items() if Path(folder) == own), None)


def _sizes(folder: Path) -> Iterator[int]:
    """Of the files below a folder, without those that go away meanwhile."""
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if stat.S_ISREG((told := path.stat()).st_mode):
                yield told.st_size


def harmless(part: str) -> bool:
    """Whether a part of a path may be a file's or folder's name on any system."""
    plain = all(unicodedata.category(char)[0] != "C" for char in part)
    return bool(part.strip(". ")) and plain and not set(part) & set('\\:*?"|') and part[0] != "."


def main() -> None:
    """Index a folder as the process of low priority."""
    folder, home, collection, encoder = sys.argv[1:5]
    tell = as_child(Path(home))
    last = 0.0

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > TELL_EVERY_S:
            last = time.monotonic()
            tell({"stage": STAGES.get(stage, stage), "done": done, "total": total})

    try:
        outcome = _index(Path(folder), Path(home), collection, encoder, progress)
    except SpanwiseError as error:
        outcome = {"error": str(error)}
    except Exception as error:
        outcome = {"error": journal.failed(error)}
    tell(outcome)


def _index(
    folder: Path,
    home: Path,
    collection: str,
    encoder: str,
    progress: Any,  # noqa: ANN401
) -> dict[str, Any]:
    from index.build import remove, sync
    from index.retrieve import named_encoder
    from index.snapshot import Snapshot

    target, back = collection_folder(home, collection), []
    if (target / "CURRENT").exists():
        with Snapshot.open(target) as opened:
            encoder = str(opened.manifest.encoder["name"])
            own = _own_root(home, collection, opened.manifest.roots)
            back = [
                entry.path
                for entry in opened.store.ledger().values()
                if entry.status == "excluded" and entry.root == own
                and (folder / entry.path.partition("/")[2]).exists()
            ]  # fmt: skip
    named = named_encoder(encoder)
    for path in back if folder == _own_folder(home, collection) else []:  # uploaded once more
        remove(path, home, named, collection, undo=True)
    done = sync(folder, home, named, collection, progress=progress)
    if done.found_nothing:
        why = "; ".join(f"{s.path}: {s.reason}. {s.mend}".strip() for s in done.skipped[:5])
        return {"error": f"Nothing could be indexed. {why}".strip()}
    counts = ("indexed", "updated", "unchanged", "removed", "skipped")
    return {"report": {name: len(getattr(done, name)) for name in counts}}


if __name__ == "__main__":
    main()
