"""The command that writes files for other programs: `export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rag.options import Collection, Home, Json, console, print_json, settings_from

ENDING = ".parquet"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(export)


def export(
    out: Annotated[
        Path,
        typer.Argument(help="A .parquet file; or a folder, for a file named as the collection."),
    ],
    home: Home = None,
    collection: Collection = None,
    as_json: Json = False,
) -> None:
    """Write the passages and their vectors to a Parquet file, for pandas, polars and others."""
    from index.export import export as written
    from index.retrieve import Retriever
    from rag.show import bar, plain

    settings = settings_from(home=home, collection=collection)
    with Retriever.open(settings.home, settings.collection) as retriever:
        file = out / f"{retriever.collection}{ENDING}" if out.is_dir() else out
        if file.suffix.lower() != ENDING:  # a slip would overwrite a document
            raise typer.BadParameter(f"name a folder or a file that ends in {ENDING}")
        with bar(console(stderr=True), "Writing passages") as seen:
            done = written(retriever, file, seen)
    if as_json:
        print_json(asdict(done))
    else:
        typer.echo(
            f"Written: {plain(str(done.file))} ({done.passages:,} passages of "
            f"{done.documents:,} documents, {done.bytes / 1e6:.1f} MB, "
            f"generation {done.generation} of {done.collection})."
        )
