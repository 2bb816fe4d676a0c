"""Files added from the page: received into ``home/uploads``, indexed by a process of low priority.

Run as ``python -m rag.chat.uploads FOLDER HOME COLLECTION ENCODER`` it is that process: it prints
one JSON object a line, progress first and the outcome last.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from index.errors import BusyError, FolderError, SpanwiseError
from index.home import collection_folder, make_home
from index.scan import DEFAULT_LIMITS, ENDINGS
from rag import journal
from rag.chat.child import TELL_EVERY_S, as_child, started
from rag.chat.library import Library, read_manifest

ROOT = "uploads"
"""Name of the root, which begins the paths of uploaded documents."""
MOST_FILES = 1_000
MOST_BYTES = 2 * 1024**3
"""Of all uploads to one collection together."""
MOST_FILE_BYTES = DEFAULT_LIMITS.max_bytes
STAGES = {"read": "Reading files", "encode": "Encoding passages", "write": "Writing the index"}


@dataclass(frozen=True, slots=True)
class Job:
    """How far the indexing of a collection is; `report` is `BuildReport`'s counts at the end."""

    running: bool = True
    stage: str = ""
    done: int = 0
    total: int = 0
    report: dict[str, Any] | None = None
    error: str = ""


class Uploads:
    """Receives files and has them indexed, one job a collection at a time."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def folder(self, collection: str) -> Path:
        """Where a collection's uploads lie. CollectionError for a name that is none."""
        name = collection_folder(self._library.home, collection).name
        return self._library.home / "uploads" / name / ROOT

    def place(self, collection: str, name: str, size: int) -> Path:
        """Where a file of that name and size may be written; its folder is made.

        Raises:
            CollectionError: a name that cannot be a collection's.
            FolderError: the file is of no type that is read, too large, or one too many.
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
        files = [path for path in folder.rglob("*") if path.is_file()]
        if len(files) >= MOST_FILES or sum(f.stat().st_size for f in files) + size > MOST_BYTES:
            raise FolderError(
                "There is no room for more uploads in this collection",
                where=name,
                mend="Index a folder of the machine instead: spanwise index FOLDER",
            )
        make_home(self._library.home)
        target = folder.joinpath(*parts)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return target

    def begin(self, collection: str, root: str = ROOT) -> None:
        """Bring a root of the collection up to date, in the background.

        Raises:
            BusyError: it is being done already.
            FolderError: the collection has no such root.
        """
        folder = self.folder(collection) if root == ROOT else self._known_root(collection, root)
        with self._lock:
            if self.job(collection).running:
                raise BusyError("This collection is being indexed", mend="Wait until it is done.")
            self._jobs[collection] = Job(stage="Starting")
        threading.Thread(target=self._run, args=(collection, folder), daemon=True).start()

    def job(self, collection: str) -> Job:
        """The present job, or the last one."""
        return self._jobs.get(collection, Job(running=False))

    def forget(self, collection: str, path: str) -> None:
        """Delete an uploaded file whose document was removed."""
        root, _, below = path.partition("/")
        file = self.folder(collection) / below
        if root == ROOT and file.resolve().is_relative_to(self.folder(collection).resolve()):
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """End the jobs under way; what they had begun is thrown away, nothing else."""
        for process in list(self._processes.values()):
            process.kill()

    def _known_root(self, collection: str, root: str) -> Path:
        roots = read_manifest(collection_folder(self._library.home, collection)).roots
        if root not in roots:
            raise FolderError("The collection was made of no such folder", where=root)
        return Path(roots[root])

    def _run(self, collection: str, folder: Path) -> None:
        try:
            self._follow(collection, folder)
        except Exception as error:
            said = journal.failed(error)
            self._jobs[collection] = Job(running=False, error=said)
        finally:
            self._processes.pop(collection, None)

    def _follow(self, collection: str, folder: Path) -> None:
        home = self._library.home
        encoder = self._library.settings.encoder or ""
        process = self._processes[collection] = started(
            "rag.chat.uploads", folder, home, collection, encoder
        )
        assert process.stdout is not None  # Popen was asked for it
        for line in process.stdout:
            said = json.loads(line)
            job = self._jobs[collection]
            if "stage" in said:
                self._jobs[collection] = replace(job, **said)
            else:
                self._jobs[collection] = replace(job, running=False, **said)
        process.wait()
        if self._jobs[collection].running:
            died = "The process that indexes ended before its work did. Try again."
            self._jobs[collection] = Job(running=False, error=died)


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
            back = [
                entry.path
                for entry in opened.store.ledger().values()
                if entry.status == "excluded" and entry.root == ROOT
                and (folder / entry.path.partition("/")[2]).exists()
            ]  # fmt: skip
    named = named_encoder(encoder)
    for path in back if folder.name == ROOT else []:  # removed once, uploaded again
        remove(path, home, named, collection, undo=True)
    done = sync(folder, home, named, collection, progress=progress)
    if done.found_nothing:
        why = "; ".join(f"{s.path}: {s.reason}. {s.mend}".strip() for s in done.skipped[:5])
        return {"error": f"Nothing could be indexed. {why}".strip()}
    counts = ("indexed", "updated", "unchanged", "removed", "skipped")
    return {"report": {name: len(getattr(done, name)) for name in counts}}


if __name__ == "__main__":
    main()
