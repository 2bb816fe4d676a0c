"""What must be done: a folder's files against the ledger of the generation before."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

from index.errors import CollectionError
from index.scan import Found, Limits, Omitted, scan, sha256_of
from index.store import Entry, Store
from index.types import Skipped

RACY_NS = 2_000_000_000
"""A file changed less than this before it was read may change again under the same time stamp."""


@dataclass(slots=True)
class Plan:
    """What a build has to do, and what it has done so far.

    Attributes:
        load: path → file, its root's name and whether it is new; to be read.
        keep: paths of documents to be taken over from the generation before.
        ledger: the entries of the coming generation.
        changed: the coming generation will differ from the one before.
    """

    load: dict[str, tuple[Found, str, bool]] = field(default_factory=dict)
    keep: set[str] = field(default_factory=set)
    ledger: dict[str, Entry] = field(default_factory=dict)
    changed: bool = False
    indexed: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    omitted: list[Omitted] = field(default_factory=list)

    @property
    def found_nothing(self) -> bool:
        """No file of the folder is, or will be, indexed."""
        return not (self.indexed or self.updated or self.unchanged or self.load)

    def skip(self, skipped: Skipped, entry: Entry) -> None:
        """Note that a file is not indexed, and why."""
        self.skipped.append(skipped)
        self.ledger[entry.path] = replace(
            entry, status="skipped", reason=skipped.reason, mend=skipped.mend
        )


def name_of_root(root: Path, roots: Mapping[str, str]) -> str:
    """The name that begins the paths of this root's documents.

    That under which the folder is known; else its own, with a number where another folder that
    still exists has it (a folder that was moved keeps its name).
    """
    for name, folder in roots.items():
        if folder == str(root):
            return name
    wanted = unicodedata.normalize("NFC", root.name) or "root"
    name, number = wanted, 2
    while name in roots and Path(roots[name]).exists():
        name, number = f"{wanted}-{number}", number + 1
    return name


def compare(
    plan: Plan, folder: Path, root: str, old: Store | None, limits: Limits, afresh: bool
) -> None:
    """Enter into `plan` what the files of one root need. `afresh` reads even what is unchanged."""
    known = {p: e for p, e in old.ledger().items() if e.root == root} if old else {}
    under = ",".join(map(str, astuple(limits)))
    for item in scan(folder, root, limits):
        if isinstance(item, Omitted):
            plan.omitted.append(item)
        elif isinstance(item, Skipped):
            plan.skip(item, Entry(item.path, root, "skipped", limits=under))
        else:
            _compare_file(plan, item, root, known.get(item.path), under, afresh)
    lost = tuple(skipped.path + "/" for skipped in plan.skipped)
    for path, entry in known.items():
        if path in plan.ledger or path in plan.load:
            continue
        if lost and path.startswith(lost):  # its folder cannot be read now; it may come back
            plan.ledger[path] = entry
            if entry.status == "indexed":
                plan.keep.add(path)
                plan.unchanged.append(path)
        elif entry.status == "excluded":
            plan.ledger[path] = entry
        elif entry.status == "indexed":
            plan.removed.append(path)
    plan.changed |= bool(plan.load) or _outcomes(known) != _outcomes(
        {p: e for p, e in plan.ledger.items() if e.root == root}
    )


def keep_others(plan: Plan, old: Store | None, compared: Collection[str]) -> None:
    """Take over everything of the roots that were not compared."""
    for path, entry in (old.ledger() if old else {}).items():
        if entry.root not in compared:
            plan.ledger[path] = entry
            if entry.status == "indexed":
                plan.keep.add(path)


def exclude(plan: Plan, wanted: str, roots: Mapping[str, str], undo: bool) -> str:
    """Mark one document as excluded, or no longer so, in a plan that keeps everything.

    `wanted` is the document's path or the file's. Returns the document's path.

    Raises:
        CollectionError: no such document.
    """
    status = "excluded" if undo else "indexed"
    candidates = [path for path, entry in plan.ledger.items() if entry.status == status]
    file = Path(wanted).expanduser().absolute()
    for path in candidates:
        root = plan.ledger[path].root
        if path == wanted or Path(roots[root], path[len(root) + 1 :]) == file:
            break
    else:
        raise CollectionError(
            "No removed document has this path" if undo else "No document has this path",
            where=wanted,
            mend="`spanwise info --documents` lists the paths.",
        )
    plan.changed = True
    if undo:
        del plan.ledger[path]
    else:
        plan.keep.discard(path)
        plan.removed.append(path)
        plan.ledger[path] = replace(plan.ledger[path], status="excluded", reason="removed by you")
    return path


def _compare_file(
    plan: Plan, file: Found, root: str, entry: Entry | None, under: str, afresh: bool
) -> None:
    if entry is not None and entry.status == "excluded":
        plan.ledger[file.path] = entry
        plan.omitted.append(Omitted(file.path, "removed by you; see: spanwise remove --undo"))
        return
    new = entry is None or entry.status != "indexed"
    if entry is not None and not afresh:
        present = _unchanged(file, entry)
        if present is not None and not new:
            plan.ledger[file.path] = present
            plan.keep.add(file.path)
            plan.unchanged.append(file.path)
            return
        if present is not None and entry.limits == under and entry.sha256:
            plan.skip(Skipped(file.path, entry.reason, entry.mend), present)
            return
    plan.ledger[file.path] = Entry(
        file.path, root, "indexed", size=file.size, mtime_ns=file.mtime_ns, limits=under
    )
    plan.load[file.path] = (file, root, new)


def _unchanged(file: Found, entry: Entry) -> Entry | None:
    """The entry with its present stamp if the file's bytes are those that were read, else None."""
    if (file.size, file.mtime_ns) == (entry.size, entry.mtime_ns):
        if entry.mtime_ns + RACY_NS < entry.read_ns:
            return entry
    elif file.size != entry.size:
        return None
    now = time.time_ns()
    try:
        same = sha256_of(file.file) == entry.sha256
    except OSError:
        return None  # the loader will say why
    return replace(entry, mtime_ns=file.mtime_ns, read_ns=now) if same else None


def _outcomes(ledger: Mapping[str, Entry]) -> dict[str, tuple[str, str, str]]:
    return {path: (e.status, e.reason, e.sha256) for path, e in ledger.items()}
