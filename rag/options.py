"""What the commands share: flags and what is made of them, and where output goes."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from index.errors import SpanwiseError

if TYPE_CHECKING:
    from rich.console import Console

    from index.types import Filter
    from rag.settings import Settings


def collections_like(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the collections in the home that begin so; for the shell's completion."""
    from index.home import collections, home_folder

    try:
        names = collections(home_folder(ctx.params.get("home")))
    except SpanwiseError:  # nobody would read the message
        return []
    return [name for name in names if name.startswith(incomplete)]


Home = Annotated[
    str | None, typer.Option(help="The home folder; else SPANWISE_HOME, else the user's data.")
]
Collection = Annotated[
    str | None,
    typer.Option(
        help="The collection; else `default`, or the only one there is.",
        autocompletion=collections_like,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Reader = Annotated[
    str | None, typer.Option(help="Another question-answering model: a folder or a hub name.")
]
Encoder = Annotated[
    str | None, typer.Option(help="Another sentence-transformers model: a folder or a hub name.")
]
Passages = Annotated[int | None, typer.Option(help="How many passages to read.")]
MaxRisk = Annotated[
    float | None,
    typer.Option(help="Accept this share of wrong answers (0 to 1); 1 answers always."),
]
PathGlobs = Annotated[
    list[str] | None, typer.Option("--path", help="Only documents whose path matches this glob.")
]
Types = Annotated[
    list[str] | None, typer.Option("--type", help="Only files of this ending, e.g. pdf.")
]
After = Annotated[str | None, typer.Option(help="Only documents dated YYYY-MM-DD or later.")]
Before = Annotated[str | None, typer.Option(help="Only documents dated YYYY-MM-DD or earlier.")]
Boilerplate = Annotated[bool, typer.Option(help="Search web boilerplate too.")]
MaxBytes = Annotated[int, typer.Option(help="Skip files larger than this.")]
MaxChars = Annotated[int, typer.Option(help="Skip documents longer than this.")]
MaxSeconds = Annotated[float, typer.Option(help="Give up parsing a file after this long.")]
Port = Annotated[
    int, typer.Option(min=1, max=65535, help="The next free one is taken if it is in use.")
]
Memory = Annotated[bool, typer.Option(help="Keep the conversations in the home.")]
Host = Annotated[
    str, typer.Option(help="The address to listen at; any but this machine's own needs a token.")
]
Token = Annotated[
    str,
    typer.Option(
        help="What visitors must know; better given in the environment.",
        envvar="SPANWISE_TOKEN",
        show_envvar=True,
    ),
]
BehindProxy = Annotated[
    str, typer.Option(help="The name under which a proxy before it is asked; needs a token.")
]


def settings_from(**flags: object) -> Settings:
    """The settings, with the flags that were given; from here on the log is kept in their home."""
    from index.encode import DEFAULT_ENCODER
    from rag import journal
    from rag.settings import Settings

    settings = Settings.load(**flags)  # type: ignore[arg-type]
    journal.keep(settings.home)
    models = [name for name in (settings.encoder, settings.reader) if name]
    if all(name == DEFAULT_ENCODER or os.path.isdir(name) for name in models):
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing that was asked for needs a hub
    return settings


def made_with(settings: Settings) -> str | None:
    """Name of the encoder that made the collection, if there is one."""
    from index import snapshot
    from index.home import collection_folder

    folder = collection_folder(settings.home, settings.collection)
    try:
        at = snapshot.generation_folder(folder, snapshot.current(folder))
        return str(snapshot.read_manifest(at).encoder["name"])
    except (SpanwiseError, OSError, ValueError, KeyError):
        return None  # none yet, or one that `sync` will complain of in its own words


def filter_from(
    paths: list[str] | None, types: list[str] | None, after: str | None, before: str | None,
    boilerplate: bool,
) -> Filter:  # fmt: skip
    """The filter that the flags ask for."""
    from datetime import date

    from index.types import Filter

    days = {}
    for flag, value in (("--after", after), ("--before", before)):
        try:
            days[flag] = date.fromisoformat(value) if value else None
        except ValueError:
            raise typer.BadParameter("must be a day, YYYY-MM-DD", param_hint=flag) from None
    return Filter(
        tuple(paths or ()), tuple(types or ()), days["--after"], days["--before"],
        boilerplate=boilerplate,
    )  # fmt: skip


def console(stderr: bool = False) -> Console:
    """A console for people, in colour where there is a terminal."""
    from rag.show import Printer

    return Printer(stderr=stderr, highlight=False)


def print_json(value: Any) -> None:  # noqa: ANN401
    """Print one JSON object."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    typer.echo(json.dumps(value, ensure_ascii=ascii_only, indent=1, default=str))
