"""A folder of documents → a published generation. Only what changed is read, cut and encoded again.

`sync` is the whole build: compare with the ledger → read → chunk → encode → publish.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from index import snapshot
from index.chunk import ChunkPolicy
from index.compose import Composer, Making, Progress, silent
from index.errors import BusyError, CorruptIndexError, IndexMismatchError
from index.home import collection_folder, existing_collection, home_folder, make_home
from index.ledger import Plan, compare, exclude, keep_others, name_of_root
from index.lexical import Analysis, Bm25
from index.scan import Limits, Omitted, scan
from index.snapshot import Snapshot
from index.types import Encoder, Manifest, Skipped

log = logging.getLogger("spanwise.build")


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
        rebuild: read every root, cut and encode everything again; mends a damaged index.
        progress: called as the build goes on.

    Raises:
        FolderError: the folder is missing or unreadable.
        BusyError: another process is writing the collection.
        CorruptIndexError, IndexMismatchError: the present index cannot be read (`rebuild`).
    """
    limits = limits or Limits()
    root = Path(folder).expanduser().resolve()
    scan(root, None, limits)  # raises at the call: an unreadable folder makes no collection
    target = collection_folder(make_home(home_folder(home)), collection)
    making = Making.of(encoder, policy or ChunkPolicy(), analysis or Analysis(), bm25 or Bm25())
    with _writing(target), _generation(target, rebuild) as old:
        roots = dict(old.manifest.roots) if old else _roots_of_damaged(target)
        name = name_of_root(root, roots)
        roots[name] = str(root)
        wanted = sorted(r for r in roots if Path(roots[r]).exists()) if rebuild else [name]
        plan = Plan()
        for each in wanted:
            compare(plan, Path(roots[each]), each, old.store if old else None, limits, rebuild)
        keep_others(plan, old.store if old else None, wanted)
        composer = Composer(target, encoder, making, old, limits, progress)
        made = None
        remade = old is not None and not making.same(old.manifest)
        if not plan.found_nothing and (plan.changed or remade):
            made = composer.compose(plan, roots, _next_number(target))
        return _report(target, plan, made, old, composer.encoded)


def remove(
    path: str, home: str | Path | None, encoder: Encoder, collection: str | None, undo: bool = False
) -> str:
    """Take a document out of the index and keep it out; the file itself is not touched.

    Args:
        path: the document's path (``seeds/000.txt``), or the file's on this machine.
        home: the home folder.
        encoder: that of the collection; it is not loaded, since every vector is reused.
        collection: its name, or None.
        undo: let it in again: the next `sync` of its root reads it.

    Returns:
        The path of the document.

    Raises:
        CollectionError: no such collection or document.
        BusyError: another process is writing the collection.
    """
    target = existing_collection(home_folder(home), collection)
    with _writing(target), _generation(target, rebuild=False) as old:
        if old is None:
            raise CorruptIndexError("The collection has no generation", where=target)
        manifest, plan = old.manifest, Plan()
        keep_others(plan, old.store, ())
        document = exclude(plan, path, manifest.roots, undo)
        making = Making.of(
            encoder, ChunkPolicy.from_dict(manifest.chunking),
            Analysis.from_dict(manifest.tokeniser), Bm25(**manifest.bm25),  # type: ignore[arg-type]
        )  # fmt: skip
        composer = Composer(target, encoder, making, old, Limits(), silent)
        composer.compose(plan, manifest.roots, _next_number(target))
        return document


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """The collection's writer lock, an operating-system lock that death frees."""
    from filelock import FileLock, Timeout

    target.mkdir(parents=True, exist_ok=True)
    lock = FileLock(target / "writer.lock", timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise BusyError(
            "Another process is indexing this collection",
            where=target.name,
            mend="Wait until it has finished; questions are answered meanwhile.",
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _generation(target: Path, rebuild: bool) -> Iterator[Snapshot | None]:
    """The current generation, or None: there is none, or it is damaged and to be rebuilt."""
    old = None
    if (target / "CURRENT").exists():
        try:
            old = Snapshot.open(target)
        except (CorruptIndexError, IndexMismatchError):
            if not rebuild:
                raise
    try:
        yield old
    finally:
        if old is not None:
            old.close()
            snapshot.drop_unused(target)


def _roots_of_damaged(target: Path) -> dict[str, str]:
    """The roots that the manifest of an unreadable generation still names."""
    try:
        folder = snapshot.generation_folder(target, snapshot.current(target))
        roots = json.loads((folder / snapshot.MANIFEST).read_text("utf-8"))["roots"]
        return {str(name): str(path) for name, path in roots.items()}
    except (CorruptIndexError, OSError, ValueError, KeyError, AttributeError):
        return {}


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
