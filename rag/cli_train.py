"""The command `train`. Added to the others by `cli`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from index.errors import ModelError, QuestionError
from rag.options import Collection, Home, Json, console, print_json, settings_from

if TYPE_CHECKING:
    from eval.sets import Example
    from rag.read import Reader
    from rag.settings import Settings

KEPT = 5
"""Without a test set, one question in so many is kept for judging and not trained on."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(train)


def train(
    questions: Annotated[
        list[Path], typer.Argument(help="Question sets: SQuAD's JSON, JSON lines, CSV, or ours.")
    ],
    out: Annotated[Path, typer.Option(help="A new folder for the model.")],
    base: Annotated[
        str | None,
        typer.Option(help="What to start from: a folder or hub name; else the shipped reader."),
    ] = None,
    test: Annotated[
        Path | None, typer.Option(help="Judge by this set; else by a fifth of the questions.")
    ] = None,
    home: Home = None,
    collection: Collection = None,
    epochs: Annotated[float, typer.Option(help="Passes over the questions.")] = 2.0,
    rate: Annotated[float, typer.Option(help="The learning rate at its highest.")] = 5e-5,
    batch: Annotated[int, typer.Option(min=1, help="Windows a step.")] = 16,
    seed: Annotated[int, typer.Option(help="Another one, another order of the questions.")] = 1,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda; else a GPU if there is one.")
    ] = None,
    bfloat16: Annotated[
        bool,
        typer.Option(
            "--bfloat16",
            help="Multiply in bfloat16: faster with AVX512_BF16 or AMX, slower without.",
        ),
    ] = False,
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            help="Learn to weigh the passages of one question against each other.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Fine-tune the reader on questions, and say what it read before and after.

    Questions that bring no passage are given one of the collection, around their answer. Stopped,
    the same command goes on from the last checkpoint in OUT.
    """
    from rag.lessons import lessons
    from rag.read import Reader
    from rag.show import bar, plain
    from rag.train import Training
    from rag.train import train as fine_tune

    settings = settings_from(home=home, collection=collection, reader=base)
    training = Training(
        epochs=epochs, rate=rate, batch=batch, seed=seed, bfloat16=bfloat16, together=together
    )
    examples = _with_contexts(questions, settings)
    if test is not None:
        judged = _with_contexts([test], settings)
    else:
        judged = [example for example in examples if _is_kept(example)]
        examples = [example for example in examples if not _is_kept(example)]
    before = _figures(Reader(base), judged, "Reading as it is")
    with bar(console(stderr=True), "Training") as seen:
        fine_tune(
            lessons(examples), base, out, training, device=device,
            progress=lambda done, total, loss: seen(done, total),
        )  # fmt: skip
    after = _figures(Reader(out), judged, "Reading as trained")
    if as_json:
        told = {"out": str(out), "trained_on": len(examples), "judged_by": len(judged)}
        print_json({**told, "before": before, "after": after})
        return
    typer.echo(f"Trained on {len(examples):,} questions, judged by {len(judged):,} others.")
    for name, now in after.items():
        then = f"{_told(before[name])} → " if before else ""
        typer.echo(f"  {name}: {then}{_told(now)}")
    typer.echo(f"Written: {plain(str(out))}. Use it: spanwise ask --reader {plain(str(out))} …")
    typer.echo("Its confidence has to be fitted anew: spanwise calibrate QUESTIONS --reader …")


def _with_contexts(files: Sequence[Path], settings: Settings) -> list[Example]:
    """Examples of the sets, each with a context; every one that is left out is told."""
    from eval.sets import read_set
    from index.retrieve import Retriever
    from rag.lessons import placed
    from rag.show import plain

    found: list[Example] = []
    complaints: list[str] = []
    for file in files:
        examples, told = read_set(file)
        complaints += told
        if any(example.context is None for example in examples):
            with Retriever.open(settings.home, settings.collection) as retriever:
                examples, told = placed(examples, retriever)
            complaints += told
        found += examples
    for complaint in complaints:
        typer.echo(f"Left out: {plain(complaint)}", err=True)
    return found


def _is_kept(example: Example) -> bool:
    """Decided by the question's words, so that all contexts of a question go one way."""
    return hashlib.sha256(example.question.encode()).digest()[0] % KEPT == 0


def _figures(reader: Reader, judged: Sequence[Example], what: str) -> dict[str, dict[str, Any]]:
    """Of the reader on the given contexts; none if it is an encoder that cannot answer yet."""
    from eval.reading import figures, read_given
    from rag.show import bar

    if not any(example.golds for example in judged):
        raise QuestionError(
            "No answerable question is left to judge by", mend="Give more, or a set with --test."
        )
    try:
        reader.warm_up()
    except ModelError as error:
        if "no weights" not in str(error):
            raise
        return {}
    with bar(console(stderr=True), what) as seen:
        return figures(read_given(reader, judged, seen))


def _told(figure: dict[str, Any]) -> str:
    low, high = figure["interval"] or (0.0, 0.0)
    return f"{figure['value']:.3f} [{low:.3f}, {high:.3f}]"
