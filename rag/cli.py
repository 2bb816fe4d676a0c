"""The command line. No logic of its own; each command imports what it needs when it runs."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from index.errors import QuestionError
from rag import cli_feedback, cli_files, cli_measure, cli_serve, cli_train, manual
from rag.options import (
    After,
    Before,
    BehindProxy,
    Boilerplate,
    Collection,
    Encoder,
    Home,
    Host,
    Json,
    MaxBytes,
    MaxChars,
    MaxRisk,
    MaxSeconds,
    Memory,
    Passages,
    PathGlobs,
    Port,
    Reader,
    Token,
    Types,
    collections_like,
    console,
    filter_from,
    made_with,
    print_json,
    settings_from,
)

app = typer.Typer(
    help="Ask a folder of documents; get answers that are quotations, on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def index(
    folder: Annotated[Path, typer.Argument(help="The folder of documents (or one file).")],
    home: Home = None,
    collection: Collection = None,
    encoder: Encoder = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Read and encode everything again.")
    ] = False,
    max_bytes: MaxBytes = 50_000_000,
    max_chars: MaxChars = 20_000_000,
    max_seconds: MaxSeconds = 60.0,
    as_json: Json = False,
) -> None:
    """Index a folder, or bring its index up to date: only what changed is read again."""
    from index.build import sync
    from index.home import collections
    from index.retrieve import named_encoder
    from index.scan import Limits
    from rag import show

    settings = settings_from(home=home, collection=collection, encoder=encoder)
    limits = Limits(max_bytes=max_bytes, max_chars=max_chars, seconds=max_seconds)
    named = named_encoder(encoder or made_with(settings) or settings.encoder)
    with show.progress(console(stderr=True)) as progress:
        done = sync(
            folder, settings.home, named, settings.collection,
            limits=limits, rebuild=rebuild, progress=progress,
        )  # fmt: skip
    if as_json:
        print_json(asdict(done))
    else:
        show.report(console(), done)
    if done.found_nothing:
        from index.errors import FolderError

        there = done.collection in collections(settings.home)
        kept = f" The collection {done.collection} is left as it was." if there else ""
        raise FolderError(
            "Nothing in this folder could be indexed",
            where=folder,
            mend=f"Spanwise reads .txt, .md, .html, .pdf and .docx, and BEIR's corpus.jsonl.{kept}",
        )


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotation marks.")],
    home: Home = None,
    collection: Collection = None,
    path: PathGlobs = None,
    type_: Types = None,
    after: After = None,
    before: Before = None,
    boilerplate: Boilerplate = False,
    reader: Reader = None,
    passages: Passages = None,
    max_risk: MaxRisk = None,
    as_json: Json = False,
) -> None:
    """Answer a question with a quotation."""
    from rag import show
    from rag.service import Service
    from rag.types import to_json

    settings = settings_from(
        home=home, collection=collection, reader=reader, passages=passages, max_risk=max_risk
    )
    where = filter_from(path, type_, after, before, boilerplate)
    start = time.perf_counter()
    with Service.open(settings=settings) as service:
        answer = service.ask(question, where=where)
    elapsed = round((time.perf_counter() - start) * 1000)
    if as_json:
        print_json(to_json(answer, elapsed))
    elif answer.reason != "question_unreadable":
        show.answer(console(), answer)
    if answer.reason == "question_unreadable":
        raise QuestionError(show.REASONS[answer.reason].rstrip("."))
    raise typer.Exit(0 if answer.text is not None else 1)


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="Words or a question, in quotation marks.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many passages.")] = 10,
    channel: Annotated[str, typer.Option(help="hybrid, lexical or dense.")] = "hybrid",
    home: Home = None,
    collection: Collection = None,
    path: PathGlobs = None,
    type_: Types = None,
    after: After = None,
    before: Before = None,
    boilerplate: Boilerplate = False,
    as_json: Json = False,
) -> None:
    """Find passages."""
    from index.retrieve import Retriever
    from rag import show
    from rag.types import hit_to_json

    if channel not in ("hybrid", "lexical", "dense"):
        raise typer.BadParameter("must be hybrid, lexical or dense", param_hint="--channel")
    if not question.strip():
        raise QuestionError("Nothing to search for: the question is empty")
    settings = settings_from(home=home, collection=collection)
    where = filter_from(path, type_, after, before, boilerplate)
    with Retriever.open(settings.home, settings.collection) as retriever:
        hits = retriever.search(question, k, where, channel)  # type: ignore[arg-type]
    if as_json:
        print_json({"schema": 1, "question": question, "hits": [hit_to_json(h) for h in hits]})
    else:
        show.hits(console(), hits)
    raise typer.Exit(0 if hits else 1)


@app.command()
def chat(
    folder: Annotated[
        Path | None, typer.Argument(help="Index this folder first; else what is indexed.")
    ] = None,
    home: Home = None,
    collection: Collection = None,
    reader: Reader = None,
    port: Port = 7860,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    memory: Memory = True,
    host: Host = "127.0.0.1",
    token: Token = "",
    behind_proxy: BehindProxy = "",
    as_json: Json = False,
) -> None:
    """Ask in the browser: the answer beside the passages it stands in."""
    from rag.gate import Entrance

    entrance = Entrance(host, token, behind_proxy)  # said before anything heavy is loaded
    from rag.web import serve

    settings = settings_from(home=home, collection=collection, reader=reader)
    if folder is not None:
        index(folder, home=str(settings.home), collection=settings.collection, as_json=as_json)

    def announce(url: str) -> None:
        if as_json:
            print_json({"url": url})
        else:
            typer.echo(f"Spanwise is at {url} (stop it with Ctrl-C)", err=True)

    serve(settings, port, browser, announce, entrance, memory)


@app.command()
def info(
    home: Home = None,
    collection: Collection = None,
    documents: Annotated[bool, typer.Option("--documents", help="List the documents.")] = False,
    as_json: Json = False,
) -> None:
    """Say what is indexed, with what, and where it lies."""
    from rag import inform

    settings = settings_from(home=home, collection=collection)
    found = inform.info(settings, documents)
    if as_json:
        print_json(found)
    else:
        inform.show(console(), found)


@app.command()
def remove(
    path: Annotated[str, typer.Argument(help="The document's path as `info --documents` says.")],
    home: Home = None,
    collection: Collection = None,
    undo: Annotated[bool, typer.Option("--undo", help="Let it in again.")] = False,
    as_json: Json = False,
) -> None:
    """Take a document out of the index and keep it out. The file itself is not touched."""
    from index import build
    from index.retrieve import named_encoder
    from rag import show

    settings = settings_from(home=home, collection=collection)
    encoder = named_encoder(made_with(settings))
    removed = build.remove(path, settings.home, encoder, settings.collection, undo)
    if as_json:
        print_json({"path": removed, "removed": not undo})
    elif undo:
        typer.echo(f"{show.plain(removed)} will be read at the next `spanwise index`.")
    else:
        typer.echo(f"Removed {show.plain(removed)} from the index; the file is still there.")


@app.command()
def drop(
    collection: Annotated[
        str, typer.Argument(help="The collection to delete.", autocompletion=collections_like)
    ],
    home: Home = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a collection's index. The folders that it was made from are not touched."""
    from index import home as homes

    settings = settings_from(home=home, collection=collection)
    homes.existing_collection(settings.home, collection)
    if not yes:
        typer.confirm(f"Delete the index of {collection}?", abort=True, err=True)
    homes.drop(settings.home, collection)
    if as_json:
        print_json({"dropped": collection})
    else:
        typer.echo(f"Dropped {collection}.")


@app.command()
def check(home: Home = None, collection: Collection = None, as_json: Json = False) -> None:
    """Verify every file of the index against its checksum."""
    from index.home import existing_collection
    from index.snapshot import check as verify

    settings = settings_from(home=home, collection=collection)
    folder = existing_collection(settings.home, settings.collection)
    manifest = verify(folder)
    if as_json:
        print_json({"collection": folder.name, "generation": manifest.generation, "sound": True})
    else:
        size = sum(int(str(file["size"])) for file in manifest.files.values())
        typer.echo(
            f"{folder.name}: generation {manifest.generation} is sound "
            f"({len(manifest.files)} files, {size / 1e6:.1f} MB)."
        )


cli_measure.add_to(app)
cli_train.add_to(app)
cli_feedback.add_to(app)
cli_serve.add_to(app)
cli_files.add_to(app)
manual.add_to(app)  # last: the help pages of all of them
