"""The commands that work with question sets: `eval`, `compare`, `tune`, `calibrate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from index.errors import QuestionError
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
    app.command()(compare)
    app.command()(tune)
    app.command()(calibrate)


def evaluate(
    questions: Annotated[
        Path,
        typer.Argument(
            help="A question set: JSON lines, CSV, SQuAD's JSON; a BEIR folder; TREC topics."
        ),
    ],
    home: Home = None,
    collection: Collection = None,
    reader: Reader = None,
    passages: Passages = None,
    max_risk: MaxRisk = None,
    gold_passage: Annotated[
        bool,
        typer.Option("--gold-passage", help="Read the passages of the set, and search nothing."),
    ] = False,
    qrels: Annotated[
        Path | None, typer.Option(help="TREC judgements of the topics: search alone is measured.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Ask only this many questions, drawn at random.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="A new folder for the run; by default in the home.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out that was stopped.")
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes, one a core; the answers are the same.")
    ] = 1,
    baseline: Annotated[
        Path | None, typer.Option(help="A run to compare with; exit code 3 on a significant loss.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a row that cannot be used.")
    ] = False,
    make_corpus: Annotated[
        Path | None,
        typer.Option(help="Only write the set's passages into this folder, to index and ask."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask a whole question set and say how good the answers are, with n and 95% intervals.

    The run is kept in a folder: a row a question, the figures, and report.html.
    """
    from eval import evaluate, sets, show, tasks
    from eval.compare import require
    from rag.show import bar

    settings = settings_from(
        home=home, collection=collection, reader=reader, passages=passages, max_risk=max_risk
    )
    if make_corpus is not None:
        _make_corpus(questions, make_corpus, strict, as_json)
        return
    if resume and out is None:
        raise typer.BadParameter("name the run with --out", param_hint="--resume")
    task = tasks.task(questions, settings, gold_passage, qrels)
    _complain(task.complaints, strict)
    examples = task.examples if sample is None else sets.sample(task.examples, sample, seed)
    drawn = {"of": len(task.examples), **({} if sample is None else {"seed": seed})}
    drawn |= {"left out": len(task.complaints)} if task.complaints else {}
    if baseline is not None:
        require(baseline, task.job, examples)
    folder = out or tasks.new_folder(settings, questions)
    try:
        with bar(console(stderr=True), "Asking") as seen:
            made = evaluate.evaluate(
                task.job, examples, questions.name, folder,
                drawn=drawn, workers=workers, resume=resume, progress=seen,
            )  # fmt: skip
    except KeyboardInterrupt:
        _kept(folder, len(examples))
        raise typer.Exit(130) from None
    if not as_json:
        show.run(console(), made)
        typer.echo(f"Report: {folder / 'report.html'}")
    losses = _compare(baseline, folder, as_json, made) if baseline else []
    if as_json:
        print_json({"run": str(folder), **made})
    raise typer.Exit(3 if losses else 0)


def compare(
    before: Annotated[Path, typer.Argument(help="The folder of a run.")],
    after: Annotated[Path, typer.Argument(help="The folder of another over the same questions.")],
    as_json: Json = False,
) -> None:
    """Compare two runs, question by question. Exit code 3: the second is significantly worse."""
    made: dict[str, object] = {}
    losses = _compare(before, after, as_json, made)
    if as_json:
        print_json(made["comparison"])
    raise typer.Exit(3 if losses else 0)


def tune(
    questions: Annotated[Path, typer.Argument(help="A question set about the collection.")],
    home: Home = None,
    collection: Collection = None,
    reader: Reader = None,
    as_json: Json = False,
) -> None:
    """Choose settings on one half of a question set, and say what they are worth on the other."""
    from eval import retrieval, sets, show
    from eval.tune import tune as tuned
    from rag.service import Service
    from rag.show import bar

    settings = settings_from(home=home, collection=collection, reader=reader)
    examples, complaints = sets.read_set(questions)
    _complain(complaints, strict=False)
    retrieval.require()
    with Service.open(settings=settings) as service, bar(console(stderr=True), "Reading") as seen:
        found = tuned(service, examples, seen)
    if as_json:
        print_json(found.to_json())
    else:
        show.tuned(console(), found)


def calibrate(
    questions: Annotated[Path, typer.Argument(help="A question set.")],
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


def _complain(complaints: Sequence[str], strict: bool) -> None:
    from rag.show import plain

    if strict and complaints:
        more = f", and {len(complaints) - 1:,} more" if len(complaints) > 1 else ""
        raise QuestionError(f"{complaints[0]}{more}", mend="Mend it, or leave out --strict.")
    for complaint in complaints:
        typer.echo(f"Left out: {plain(complaint)}", err=True)


def _make_corpus(questions: Path, folder: Path, strict: bool, as_json: bool) -> None:
    from eval import tasks

    count, asked = tasks.make_corpus(questions, folder, lambda said: _complain(said, strict))
    if as_json:
        print_json({"documents": count, "folder": str(folder), "questions": str(asked)})
        return
    typer.echo(f"{count:,} documents in {folder}. Now:")
    typer.echo(f"  spanwise index {folder} --collection {folder.name}")
    typer.echo(f"  spanwise eval {asked} --collection {folder.name}")


def _kept(folder: Path, total: int) -> None:
    from eval.runs import rows_of

    done = sum(1 for _ in rows_of(folder))
    typer.echo(
        f"Stopped. {done:,} of {total:,} questions are kept; go on by the same command with "
        f"--out {folder} --resume",
        err=True,
    )


def _compare(before: Path, after: Path, as_json: bool, made: dict[str, object]) -> list[str]:
    from eval import show
    from eval.compare import compare as compared

    found = compared(before, after)
    made["comparison"] = found.to_json()
    if not as_json:
        show.comparison(console(), found)
    return found.losses
