"""The command `feedback`. Added to the others by `cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from index.errors import QuestionError
from rag.options import Collection, Home, Json, print_json, settings_from


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(feedback)


def feedback(
    out: Annotated[Path, typer.Option(help="The question set to write, as JSON lines.")],
    home: Home = None,
    collection: Collection = None,
    as_json: Json = False,
) -> None:
    """Write what was judged in the chat as a question set, for `eval`, `train` and `calibrate`."""
    from eval.sets import write_set
    from index.retrieve import Retriever
    from rag.feedback import of_collection
    from rag.memory import FILE, Memory
    from rag.show import plain

    settings = settings_from(home=home, collection=collection)
    if not out.parent.is_dir():
        raise typer.BadParameter(f"{out.parent} is not a folder", param_hint="--out")
    with Retriever.open(settings.home, settings.collection) as retriever:
        name = retriever.collection
        if not (settings.home / FILE).exists():
            raise _nothing(name)
        with Memory.open(settings.home) as memory:
            examples, complaints = of_collection(memory, retriever)
    for complaint in complaints:
        typer.echo(f"Left out: {plain(complaint)}", err=True)
    if not examples:
        raise _nothing(name)
    write_set(out, examples)
    answered = sum(1 for example in examples if example.golds)
    if as_json:
        counts = {"questions": len(examples), "answerable": answered, "left_out": len(complaints)}
        print_json({"out": str(out), "collection": name, **counts})
    else:
        typer.echo(
            f"Written: {plain(str(out))} ({len(examples):,} questions, "
            f"{len(examples) - answered:,} of them not in the documents)."
        )


def _nothing(collection: str) -> QuestionError:
    return QuestionError(
        "No judged answer says what is right",
        where=collection,
        mend="Open the chat and say of its answers whether they are right.",
    )
