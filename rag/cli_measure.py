"""The commands that work with question sets: `eval`, `calibrate`. Added to the others by `cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rag.options import (
    Collection,
    Home,
    Json,
    MaxRisk,
    Passages,
    Reader,
    console,
    print_json,
    settings_from,
)


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of their help."""
    app.command(name="eval")(evaluate)
    app.command()(calibrate)


def evaluate(
    questions: Annotated[Path, typer.Argument(help="A question set, JSON lines.")],
    home: Home = None,
    collection: Collection = None,
    reader: Reader = None,
    passages: Passages = None,
    max_risk: MaxRisk = None,
    as_json: Json = False,
) -> None:
    """Ask a whole question set and say how good the answers are, with n and 95% intervals."""
    from eval.report import show
    from eval.run import run, to_json
    from eval.sets import read_set
    from rag.service import Service
    from rag.show import bar, plain

    settings = settings_from(
        home=home, collection=collection, reader=reader, passages=passages, max_risk=max_risk
    )
    examples, complaints = read_set(questions)
    for complaint in complaints:
        typer.echo(f"Left out: {plain(complaint)}", err=True)
    with Service.open(settings=settings) as service, bar(console(stderr=True), "Asking") as seen:
        rows = run(service, examples, seen)
    if as_json:
        print_json(to_json(rows))
    else:
        show(console(), rows)


def calibrate(
    questions: Annotated[Path, typer.Argument(help="A question set, JSON lines.")],
    home: Home = None,
    collection: Collection = None,
    reader: Reader = None,
    max_risk: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of wrong ones accepted among the answers given."),
    ] = 0.2,
    out: Annotated[
        Path | None, typer.Option(help="Where to write it; by default for this collection.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit the confidence to your own questions, answerable and unanswerable ones."""
    from eval.sets import read_set
    from rag import abstain
    from rag.calibrate import fit
    from rag.service import Service
    from rag.show import bar, plain

    settings = settings_from(home=home, collection=collection, reader=reader)
    if out is not None and not out.parent.is_dir():
        raise typer.BadParameter(f"{out.parent} is not a folder", param_hint="--out")
    examples, complaints = read_set(questions)
    for complaint in complaints:
        typer.echo(f"Left out: {plain(complaint)}", err=True)
    with Service.open(settings=settings) as service:
        with bar(console(stderr=True), "Asking") as seen:
            fitted = fit(service, examples, questions.name, max_risk, seen)
        file = out or service.retriever.folder / abstain.FILE
    fitted.write(file)
    if as_json:
        print_json({"file": str(file), **fitted.to_dict()})
    else:
        typer.echo(f"Written: {plain(str(file))}")
        typer.echo(f"An answer is given from confidence {fitted.threshold():.2f} on.")
