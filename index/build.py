"""A folder of documents → a published generation. Only what changed is read, cut and encoded again.

`sync` is the whole build: compare with the ledger → read → chunk → encode → publish.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from index import snapshot
from index.chunk import ChunkPolicy
from index.compose import Composer, Making, Progress, silent
from index.errors import (
    BusyError,
    CorruptIndexError,
    FolderError,
    HomeError,
    IndexMismatchError,
)
from index.home import collection_folder, existing_collection, home_folder, make_home
from index.ledger import Plan, compare, exclude, keep_others, name_of_root
from index.lexical import Analysis, Bm25
from index.scan import Limits, Omitted, scan
from index.snapshot import Snapshot
from index.store import Entry
from index.types import Encoder, Manifest, Skipped


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a `sync` did. Paths begin with the root's name.

    `generation` is the current one afterwards, 0 if there is none; `published` says whether it is
    new. `documents` and `passages` count the whole collection, `encoded` the passages whose
    vectors were made and not reused.
    """

    collection: str
    generation: int
    published: bool
    indexed: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    omitted: tuple[Omitted, ...] = ()
    documents: int = 0
    passages: int = 0
    encoded: int = 0

    @property
    def found_nothing(self) -> bool:
        """Nothing in the folder could be indexed; the collection was left as it was."""
        return not (self.indexed or self.updated or self.unchanged)


def sync(
    folder: str | Path,
    home: str | Path | None,
    encoder: Encoder,
    collection: str | None = None,
    *,
    limits: Limits | None = None,
    policy: ChunkPolicy | None = None,
    analysis: Analysis | None = None,
    bm25: Bm25 | None = None,
    rebuild: bool = False,
    progress: Progress = silent,
) -> BuildReport:
    """Bring a collection up to date with `folder`, which is or becomes one of its roots.

    Only this root's documents are added, changed or removed. A folder in which nothing can be
    indexed changes nothing at all: `BuildReport.found_nothing`, and `skipped` says why.

    Args:
        folder: the root to read.
        home: the home folder; see `index.home.home_folder`.
        encoder: makes the vectors; another than last time encodes the whole collection again.
        collection: its name; None means ``default``, or the only one there is.
        limits: of files and of their parsing.
        policy: how documents are cut.
        analysis: the tokeniser's settings.
        bm25: engine and parameters.
        rebuild: read every root that is there, cut and encode everything again; mends a damaged
            index.
        progress: called as the build goes on.

    Raises:
        FolderError: the folder is missing or unreadable.
        BusyError: another process is writing the collection.
        CorruptIndexError: the present index is damaged (`rebuild` mends it).
    """
    limits = limits or Limits()
    root = _resolved(folder)
    scan(root, None, limits)  # raises at the call: an unreadable folder makes no collection
    home = make_home(home_folder(home))
    target = collection_folder(home, collection)
    making = Making.of(encoder, policy or ChunkPolicy(), analysis or Analysis(), bm25 or Bm25())
    with _writing(target), _generation(target, rebuild) as old:
        rebuild |= old is None and (target / "CURRENT").exists()
        known = old.store.ledger() if old else _salvaged_exclusions(target)
        roots = dict(old.manifest.roots if old else _salvaged(target, "roots"))
        name = name_of_root(root, roots, known)
        roots[name] = str(root)
        plan, compared = Plan(), [name]
        compare(plan, root, name, known, limits, rebuild, home)
        for other in sorted(roots.keys() - {name}) if rebuild else ():
            beside = Plan()
            if Path(roots[other]).exists():
                compare(beside, Path(roots[other]), other, known, limits, rebuild, home)
            if not beside.found_nothing:  # gone or empty now: what is known of it is kept
                plan.join(beside)
                compared.append(other)
        keep_others(plan, known, compared)
        composer = Composer(target, encoder, making, old, limits, progress, rebuild)
        made = None
        remade = old is None or rebuild or not making.same(old.manifest)
        if not plan.found_nothing and (plan.changed or remade):
            made = composer.compose(plan, roots, _next_number(target))
        return _report(target, plan, made, old, composer.encoded)


def remove(
    path: str, home: str | Path | None, encoder: Encoder, collection: str | None, undo: bool = False
) -> str:
    """Take a document out of the index and keep it out; the file itself is not touched.

    Args:
        path: the document's path (``seeds/000.txt``) or the file's on this machine; or the name
            or folder of a root, all of whose documents are then forgotten.
        home: the home folder.
        encoder: that of the collection; every vector is reused.
        collection: its name, or None.
        undo: let it in again: the next `sync` of its root reads it.

    Returns:
        The path of the document, or the name of the root.

    Raises:
        CollectionError: no such collection or document.
        BusyError: another process is writing the collection.
    """
    target = existing_collection(home_folder(home), collection)
    with _writing(target), _generation(target, rebuild=False) as old:
        if old is None:
            raise CorruptIndexError("The collection has no generation", where=target)
        manifest, plan, roots = old.manifest, Plan(), dict(old.manifest.roots)
        keep_others(plan, old.store.ledger(), ())
        document = exclude(plan, path, roots, undo)
        making = Making.of(
            encoder, ChunkPolicy.from_dict(manifest.chunking),
            Analysis.from_dict(manifest.tokeniser), Bm25(**manifest.bm25),  # type: ignore[arg-type]
        )  # fmt: skip
        composer = Composer(target, encoder, making, old, Limits(), silent)
        composer.compose(plan, roots, _next_number(target))
        return document


def _resolved(folder: str | Path) -> Path:
    try:
        return Path(folder).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, ~nobody, a NUL
        raise FolderError(
            f"Not a folder that can be read ({error})", where=folder, mend="Check the path."
        ) from None


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """The collection's writer lock, an operating-system lock that death frees.

    What goes wrong with the disk while it is held becomes a HomeError; the old generation stays.
    """
    from filelock import FileLock, Timeout

    try:
        target.mkdir(parents=True, exist_ok=True)
        with FileLock(target / "writer.lock", timeout=0, fallback_to_soft=False):
            yield
    except Timeout:
        raise BusyError(
            "Another process is indexing this collection",
            where=target.name,
            mend="Wait until it has finished; questions are answered meanwhile.",
        ) from None
    except (OSError, sqlite3.Error) as error:
        raise HomeError(
            f"The index cannot be written ({error})",
            where=target,
            mend="Check its permissions and the space on the disk; what was indexed is kept.",
        ) from error


@contextmanager
def _generation(target: Path, rebuild: bool) -> Iterator[Snapshot | None]:
    """The current generation; None if there is none, or another version's, or one to be rebuilt."""
    old = None
    if (target / "CURRENT").exists():
        try:
            if rebuild:
                snapshot.check(target)  # nothing is taken over from a file that was damaged
            old = Snapshot.open(target)
        except IndexMismatchError:
            pass  # another version's: made anew, never migrated
        except CorruptIndexError:
            if not rebuild:
                raise
    try:
        yield old
    finally:
        if old is not None:
            old.close()
        if (target / "CURRENT").exists():
            snapshot.drop_unused(target)


def _salvaged(target: Path, key: str) -> dict[str, str]:
    """The roots, or the exclusions, that the manifest of an unreadable generation still names."""
    try:
        folder = snapshot.generation_folder(target, snapshot.current(target))
        found = json.loads((folder / snapshot.MANIFEST).read_text("utf-8"))[key]
        return {str(name): str(value) for name, value in found.items()}
    except (CorruptIndexError, OSError, ValueError, KeyError, AttributeError):
        return {}


def _salvaged_exclusions(target: Path) -> dict[str, Entry]:
    return {
        path: Entry(path, root, "excluded", reason="removed by you")
        for path, root in _salvaged(target, "excluded").items()
    }


def _next_number(target: Path) -> int:
    """One above every number ever used here, so that no reader takes an old lock for a new one."""
    used = [int(p.name) for p in (target / "generations").glob("*") if p.name.isdigit()]
    try:
        used.append(snapshot.current(target))
    except CorruptIndexError:
        pass
    return max(used, default=0) + 1


def _report(
    target: Path, plan: Plan, made: Manifest | None, old: Snapshot | None, encoded: int
) -> BuildReport:
    manifest = made or (old.manifest if old else None)
    return BuildReport(
        collection=target.name,
        generation=manifest.generation if manifest else 0,
        published=made is not None,
        indexed=tuple(plan.indexed),
        updated=tuple(plan.updated),
        unchanged=tuple(plan.unchanged),
        removed=tuple(plan.removed) if made else (),
        skipped=tuple(sorted(plan.skipped, key=lambda skipped: skipped.path)),
        omitted=tuple(plan.omitted),
        documents=manifest.documents if manifest else 0,
        passages=manifest.passages if manifest else 0,
        encoded=encoded,
    )
