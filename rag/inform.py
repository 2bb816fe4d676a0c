"""What `spanwise info` says: what is indexed, with what, and where it lies."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from index.errors import CollectionError, SpanwiseError
from index.home import collections
from index.snapshot import Snapshot
from rag.settings import Settings
from rag.show import plain


def info(settings: Settings, documents: bool) -> dict[str, Any]:
    """Home, settings and every collection, or only the one that the settings name.

    Raises:
        CollectionError: the collection named does not exist.
    """
    names = collections(settings.home)
    if settings.collection is not None and settings.collection not in names:
        raise CollectionError(
            "No such collection",
            where=settings.collection,
            mend=f"There are: {', '.join(names) or 'none yet'}.",
        )
    wanted = [settings.collection] if settings.collection else names
    return {
        "schema": 1,
        "home": str(settings.home),
        "settings": {k: v for k, v in asdict(settings).items() if v is not None},
        "collections": [_collection(settings.home, name, documents) for name in wanted],
    }


def _collection(home: Path, name: str, documents: bool) -> dict[str, Any]:
    try:
        opened = Snapshot.open(home / "collections" / name)
    except SpanwiseError as error:
        return {"collection": name, "error": str(error)}
    with opened:
        manifest = opened.manifest
        found: dict[str, Any] = {
            "collection": name,
            "generation": manifest.generation,
            "created": manifest.created,
            "documents": manifest.documents,
            "passages": manifest.passages,
            "bytes": sum(int(str(file["size"])) for file in manifest.files.values()),
            "roots": dict(manifest.roots),
            "encoder": dict(manifest.encoder),
            "bm25": dict(manifest.bm25),
            "chunking": dict(manifest.chunking),
            "skipped": [
                {"path": entry.path, "status": entry.status, "reason": entry.reason}
                for entry in opened.store.ledger().values()
                if entry.status != "indexed"
            ],
        }
        if documents:
            found["listing"] = [
                {"path": path, "title": title, "date": date, "passages": passages}
                for path, title, date, passages in opened.store.listing()
            ]
        return found


def show(console: Console, found: dict[str, Any]) -> None:
    """The same for people."""
    console.print(Text(f"Home: {plain(found['home'])}"))
    if not found["collections"]:
        console.print(Text("Nothing is indexed yet. Run: spanwise index FOLDER"))
    for each in found["collections"]:
        console.print()
        console.print(Text(plain(each["collection"]), style="bold"))
        if "error" in each:
            console.print(Text(plain(each["error"]), style="red"))
            continue
        console.print(
            Text(
                f"  {each['documents']:,} documents, {each['passages']:,} passages, "
                f"{each['bytes'] / 1e6:.1f} MB; generation {each['generation']}, "
                f"{each['created']}; encoder {plain(str(each['encoder']['name']))}"
            )
        )
        for name, folder in each["roots"].items():
            gone = "" if Path(folder).exists() else " (not there now)"
            console.print(Text(f"  {plain(name)}: {plain(folder)}{gone}"))
        for entry in each["skipped"]:
            line = f"  {entry['status']} {plain(entry['path'])}: {plain(entry['reason'])}"
            console.print(Text(line, style="dim"))
        if "listing" in each:
            console.print(_listing(each["listing"]))


def _listing(rows: list[dict[str, Any]]) -> Table:
    table = Table("path", "date", "title", "passages", box=None, padding=(0, 2, 0, 2))
    for row in rows:
        texts = (row["path"], row["date"] or "", row["title"] or "", f"{row['passages']:,}")
        table.add_row(*(Text(plain(text)) for text in texts))
    return table
