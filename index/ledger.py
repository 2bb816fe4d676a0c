"""What must be done: a folder's files against the ledger of the generation before."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

from index.beir import file_of
from index.errors import CollectionError
from index.scan import Found, Limits, Omitted, printable, scan, sha256_of
from index.store import Entry
from index.types import Skipped

RACY_NS = 2_000_000_000
"""A file changed less than this before it was read may change again under the same time stamp."""


@dataclass(slots=True)
class Plan:
    """What a build has to do, and what it has done so far.

    Attributes:
        load: path → file, its root's name and its entry if it is indexed now; to be read.
        keep: paths of documents to be taken over from the generation before.
        ledger: the entries of the coming generation.
        changed: the coming generation will differ from the one before.
    """

    load: dict[str, tuple[Found, str, Entry | None]] = field(default_factory=dict)
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

    def join(self, other: Plan) -> None:
        """Take in the plan of another root."""
        self.load |= other.load
        self.keep |= other.keep
        self.ledger |= other.ledger
        self.changed |= other.changed
        for mine, theirs in (
            (self.indexed, other.indexed),
            (self.updated, other.updated),
            (self.unchanged, other.unchanged),
            (self.removed, other.removed),
        ):
            mine += theirs
        self.skipped += other.skipped
        self.omitted += other.omitted

    def skip(self, skipped: Skipped, entry: Entry) -> None:
        """Note that a file is not indexed, and why."""
        self.skipped.append(skipped)
        self.ledger[entry.path] = replace(
            entry, status="skipped", reason=skipped.reason, mend=skipped.mend
        )


def name_of_root(root: Path, roots: Mapping[str, str], ledger: Mapping[str, Entry]) -> str:
    """The name that begins the paths of this root's documents.

    That under which the folder is known; else its own, with a number where another root has it. A
    folder that was moved keeps its name: the old place is gone, and a known file is in the new.
    """
    for name, folder in roots.items():
        if folder == str(root):
            return name
    wanted = printable(root.name) or "root"
    name, number = wanted, 2
    while name in roots:
        known = {file_of(path) for path, entry in ledger.items() if entry.root == name}
        here = any(Path(root, path[len(name) + 1 :]).is_file() for path in known)
        if here and not Path(roots[name]).exists():
            break
        stem, dot, ending = wanted.rpartition(".")
        name = f"{stem}-{number}.{ending}" if stem and dot else f"{wanted}-{number}"
        number += 1
    return name


def compare(
    plan: Plan,
    folder: Path,
    root: str,
    known: Mapping[str, Entry],
    limits: Limits,
    afresh: bool,
    home: Path,
) -> None:
    """Enter into `plan` what the files of one root need.

    Args:
        plan: may hold other roots already.
        folder: the root.
        root: its name.
        known: the ledger's entries, of whatever root.
        limits: of files.
        afresh: read even what is unchanged.
        home: left out, should it lie in the folder.
    """
    known = {path: entry for path, entry in known.items() if entry.root == root}
    under = ",".join(map(str, astuple(limits)))
    passing: list[str] = []
    own = f"{root}/{home.relative_to(folder).as_posix()}/" if folder in home.parents else None
    if own is not None:
        plan.omitted.append(Omitted(own, "Spanwise's own home"))
    for item in scan(folder, root, limits):
        if own is not None and item.path.startswith(own):
            continue
        if isinstance(item, Omitted):
            plan.omitted.append(item)
        elif isinstance(item, Skipped):
            plan.skip(item, Entry(item.path, root, "skipped", limits=under))
            passing += [item.path] if item.passing else []
        else:
            _compare_file(plan, item, root, known.get(item.path), under, afresh)
    _settle_the_unseen(plan, known, passing)
    plan.changed |= bool(plan.load) or _outcomes(known) != _outcomes(
        {p: e for p, e in plan.ledger.items() if e.root == root}
    )


def _settle_the_unseen(plan: Plan, known: Mapping[str, Entry], passing: Sequence[str]) -> None:
    """What becomes of known files that the scan did not find: kept if that may pass, or removed."""
    for path, entry in known.items():
        now = plan.ledger.get(path)
        if path in plan.load or (now is not None and now.status != "skipped"):
            continue
        if entry.status == "excluded":
            plan.ledger[path] = entry
        elif entry.status == "indexed" and any(
            lost in (path, file_of(path)) or (lost.endswith("/") and path.startswith(lost))
            for lost in passing
        ):
            plan.ledger[path] = entry
            plan.keep.add(path)
            if now is None:
                plan.unchanged.append(path)
        elif entry.status == "indexed":
            plan.removed.append(path)


def keep_others(plan: Plan, known: Mapping[str, Entry], compared: Collection[str]) -> None:
    """Take over everything of the roots that were not compared."""
    for path, entry in known.items():
        if entry.root not in compared:
            plan.ledger[path] = entry
            if entry.status == "indexed":
                plan.keep.add(path)


def exclude(plan: Plan, wanted: str, roots: dict[str, str], undo: bool) -> str:
    """Take a document or a whole root out of a plan that keeps everything, or let one in again.

    `wanted` is the document's path, the file's, or a root's name or folder. A document is marked
    as excluded; a root is forgotten (also in `roots`). Returns the document's path or the root's
    name.

    Raises:
        CollectionError: there is no such thing.
    """
    plan.changed = True
    given = Path(wanted).expanduser()
    places = {str(given.absolute()), str(given.resolve())}
    for root, folder in [] if undo else list(roots.items()):
        if wanted == root or (folder in places and not Path(folder).is_file()):
            _forget(plan, root)
            del roots[root]
            return root
    status = "excluded" if undo else "indexed"
    for path, entry in plan.ledger.items():
        file = Path(roots[entry.root], path[len(entry.root) + 1 :])
        if entry.status == status and (path == wanted or str(file) in places):
            if undo:
                del plan.ledger[path]
            else:
                _forget(plan, path)
                plan.ledger[path] = replace(entry, status="excluded", reason="removed by you")
            return path
    raise CollectionError(
        "No removed document has this path" if undo else "No document has this path",
        where=wanted,
        mend="`spanwise info --documents` lists the paths.",
    )


def _forget(plan: Plan, wanted: str) -> None:
    """Take the document at a path, or all of a root, out of the plan."""
    for path in [p for p, e in plan.ledger.items() if wanted in (p, e.root)]:
        del plan.ledger[path]
        if path in plan.keep:
            plan.keep.remove(path)
            plan.removed.append(path)


def _compare_file(
    plan: Plan, file: Found, root: str, entry: Entry | None, under: str, afresh: bool
) -> None:
    if entry is not None and entry.status == "excluded":
        plan.ledger[file.path] = entry
        plan.omitted.append(Omitted(file.path, "removed by you; see: spanwise remove --undo"))
        return
    indexed = entry if entry is not None and entry.status == "indexed" else None
    if entry is not None and not afresh:
        present = _unchanged(file, entry)
        if present is not None and indexed is not None:
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
    plan.load[file.path] = (file, root, indexed)


def _unchanged(file: Found, entry: Entry) -> Entry | None:
    """The entry with its present stamp if the file's bytes are those that were read, else None."""
    if file.sha256:
        return entry if file.sha256 == entry.sha256 else None
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
