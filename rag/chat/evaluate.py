"""HTML of the Evaluate panel: the sets to ask, how far one is, the runs; and one run's figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from itertools import groupby
from urllib.parse import urlencode

from eval import judge
from eval.measures import Figure
from eval.report import HEADLINES, MOST_HEADLINES
from rag.chat.evaluations import Job
from rag.chat.marks import day, deed, plural
from rag.chat.runs import Failed, Run
from rag.chat.sets import ENDINGS, MOST_BYTES, QuestionSet

ERRORS = {
    judge.RETRIEVAL_MISS: "no passage that was read holds the answer.",
    judge.READING_MISS: "a passage that was read holds the answer; it was not found there.",
    judge.WRONG_CHOICE: "the right answer was found, and another one put before it.",
    judge.FALSE_ABSTENTION: "the right answer was found, and withheld as too doubtful.",
    judge.FALSE_ANSWER: "an answer was given, and the set says that there is none.",
}
"""What each class of error means; see `eval.judge.error_class`."""
MOST_FAILED = 100
"""Questions listed of one class; the report has them all."""
FORMAT = (
    '{"id": "1", "question": "Who heads the council?", "answers": [{"text": "Khawla"}]}\n'
    '{"id": "2", "question": "When was it founded?", "answers": []}'
)


def panel(collection: str, sets: Sequence[QuestionSet], runs: Sequence[Run], job: Job) -> str:
    """The whole panel of a collection."""
    head = f'<h2>Evaluate <span dir="auto">{escape(collection)}</span></h2>'
    listed = "".join(_set(each, job.running) for each in sets)
    listing = f'<ul class="listing">{listed}</ul>' if listed else ""
    return (
        f'<header>{head}</header><p class="quiet">A question set is asked of this collection, and '
        "the answers are compared with those that it expects. All of it happens on this machine, "
        f'while you go on asking.</p><div id="trial" tabindex="-1">{progress(job)}</div>'
        f"<h3>Question sets</h3>{listing}{_add()}{_runs(runs, job)}"
    )


def progress(job: Job) -> str:
    """How far a run is, or how the last one ended."""
    if job.running:
        return f'<div data-running="1">{_under_way(job)}</div>'
    if job.error:
        return f'<p class="trouble" role="alert">{escape(job.error)}</p>'
    if job.stopping:
        return "<p>Stopped. What has been asked is kept, and the run can go on.</p>"
    if job.run:
        see = deed("evaluate", "See its figures", collection=job.collection, run=job.run)
        name = f'<span dir="auto">{escape(job.set)}</span>'
        return f'<p data-finished="{escape(job.run)}">{name} has been asked. {see}</p>'
    return ""


def report(run: Run, failed: Sequence[Failed]) -> str:
    """A finished run: its figures, and the questions that went wrong."""
    metrics = run.metrics or {}
    answerable = f"{metrics['answerable']:,} answerable"
    parts = [when(run.started), plural(run.questions, "question"), answerable]
    parts += [f"reader {run.reader}"]
    if run.seed is not None:
        parts.append(f"drawn with seed {run.seed}")
    address = "/evaluate/report?" + urlencode({"run": run.name})
    right = run.questions - len(failed)
    return (
        f'<header><h2><span dir="auto">{escape(run.set)}</span></h2>'
        f'<p class="about">{escape(" · ".join(parts))}</p></header>'
        f'<p class="deeds">{deed("evaluate", "All runs", collection=run.collection)}'
        f'<a href="{escape(address)}" target="_blank" rel="noopener">Open the whole report</a></p>'
        f"{_figures(metrics['figures'])}"
        f"<h3>What went wrong</h3><p>{right:,} of {plural(run.questions, 'question')} went as they "
        f"should.{' Choose one of the others to see it among the sources:' if failed else ''}"
        f"</p>{_failed(run, failed)}"
    )


def when(iso: str) -> str:
    """A moment for people, in this machine's time.

    >>> when("yesterday")
    'yesterday'
    """
    try:
        at = datetime.fromisoformat(iso).astimezone()
    except ValueError:
        return iso
    return f"{day(at.date().isoformat())}, {at:%H:%M}"


def _named(act: str, label: str, of: str, **data: object) -> str:
    """A button that is one of several alike, and says to a screen reader which."""
    name = escape(f"{label} {of}")
    return deed(act, label, **data).replace("<button", f'<button aria-label="{name}"', 1)


def _set(told: QuestionSet, busy: bool) -> str:
    if told.trouble:
        about = f'<span class="about trouble">{escape(told.trouble)}</span>'
    else:
        said = f"{plural(told.questions, 'question')}, {told.answerable:,} answerable"
        about = f'<span class="about">{said}{"" if told.own else " · comes with Spanwise"}</span>'
    run = "" if told.trouble or busy else _named("run-set", "Run", told.name, set=told.name)
    delete = _named("delete-set", "Delete", told.name, set=told.name) if told.own else ""
    return (
        f'<li><span class="title" dir="auto">{escape(told.name)}</span>{about}'
        f'<span class="buttons">{run}{delete}</span>{_left_out(told)}</li>'
    )


def _left_out(told: QuestionSet) -> str:
    if not told.left_out:
        return ""
    rows = "".join(f'<li dir="auto">{escape(each)}</li>' for each in told.complaints)
    more = told.left_out - len(told.complaints)
    tail = f"<li>and {more:,} more</li>" if more > 0 else ""
    summary = f"{plural(told.left_out, 'row')} left out, and why"
    return f"<details><summary>{summary}</summary><ul>{rows}{tail}</ul></details>"


def _add() -> str:
    kinds = f'<input type="file" id="set-file" accept="{",".join(ENDINGS)}">'
    most = f"{MOST_BYTES // 10**6} MB"
    return (
        f'<div class="add-set"><p><label class="choose">Add a question set{kinds}</label></p>'
        f'<p class="quiet">{" ".join(ENDINGS)} · at most {most}. It is kept in the home folder of '
        "Spanwise on this machine.</p><details><summary>What a question set looks like</summary>"
        "<p>JSON lines: one question a line with the answers expected, none where the documents "
        "have none. An answer may also say where it stands (document, start, end).</p>"
        f"<pre>{escape(FORMAT)}</pre><p>Or CSV with the columns id, question, answers (parted by "
        "|); or SQuAD’s JSON.</p></details></div>"
    )


def _under_way(job: Job) -> str:
    stop = "" if job.stopping else deed("stop-run", "Stop")
    name = f'<span dir="auto">{escape(job.set)}</span>'
    if job.stopping:
        return f"<p>Stopping {name}…</p>"
    if not job.done:
        return f'<p>Loading the models for {name}…</p><p class="deeds">{stop}</p>'
    left = f" · {_span(job.left_s)} left" if job.left_s is not None else ""
    return (
        f"<p><label>Asking {name}: {job.done:,} of {job.total:,}{left} "
        f'<progress value="{job.done}" max="{job.total}"></progress></label></p>'
        f'<p class="deeds">{stop}</p>'
    )


def _span(seconds: float) -> str:
    """A time for people, never too exact.

    >>> _span(20), _span(100), _span(4000)
    ('less than a minute', 'about 2 minutes', 'about 1.1 hours')
    """
    if seconds < 50:
        return "less than a minute"
    if seconds < 3_000:
        return f"about {plural(max(1, round(seconds / 60)), 'minute')}"
    return f"about {seconds / 3_600:.1f} hours"


def _runs(runs: Sequence[Run], job: Job) -> str:
    rows = "".join(_run(run, job.running) for run in runs)
    return f'<h3>Runs</h3><ul class="listing">{rows}</ul>' if rows else ""


def _run(run: Run, busy: bool) -> str:
    title = f'<span class="title" dir="auto">{escape(run.set)}</span>'
    if run.metrics is None:
        said = f"{when(run.started)} · stopped after {run.done:,} of {run.questions:,}"
        act = "" if busy else _named("resume-run", "Resume", run.name, run=run.name)
        return f'<li>{title}<span class="about">{escape(said)}</span>{act}</li>'
    parts = [when(run.started), plural(run.questions, "question")]
    for name, figure in _headlines(run.metrics["figures"])[:2]:
        parts.append(f"{name} {_value(figure)}")
    about = f'<span class="about">{escape(" · ".join(parts))}</span>'
    act = _named("evaluate", "See", run.name, collection=run.collection, run=run.name)
    return f"<li>{title}{about}{act}</li>"


def _headlines(figures: dict[str, Figure]) -> list[tuple[str, Figure]]:
    names = [name for name in HEADLINES if figures.get(name, {}).get("n")]
    return [(name, figures[name]) for name in names[:MOST_HEADLINES]]


def _figures(figures: dict[str, Figure]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{_value(figure)}</td>'
        f"<td>{_interval(figure)}</td><td>{figure['n']:,}</td></tr>"
        for name, figure in _headlines(figures)
    )
    return (
        '<table class="figures"><thead><tr><th scope="col">measure</th><th scope="col">value</th>'
        f'<th scope="col">95% interval</th><th scope="col">n</th></tr></thead><tbody>{rows}'
        "</tbody></table>"
    )


def _value(figure: Figure) -> str:
    return "–" if figure["value"] is None else f"{figure['value']:.2f}"


def _interval(figure: Figure) -> str:
    interval = figure["interval"]
    return f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "–"


def _failed(run: Run, failed: Sequence[Failed]) -> str:
    """A fold for each class of error; `failed` comes by class."""
    folds: list[str] = []
    for name, group in groupby(failed, key=lambda each: each.error):
        those = list(group)
        rows = "".join(_question(run, each) for each in those[:MOST_FAILED])
        more = len(those) - MOST_FAILED
        tail = f'<li class="quiet">and {more:,} more, in the whole report</li>' if more > 0 else ""
        head = (
            f"<strong>{escape(name.capitalize())}</strong> ({len(those):,}): {ERRORS.get(name, '')}"
        )
        opened = "" if folds else " open"
        folds.append(
            f'<details class="failed"{opened}><summary>{head}</summary>'
            f'<ul class="listing">{rows}{tail}</ul></details>'
        )
    return "".join(folds)


def _question(run: Run, failed: Failed) -> str:
    """A question that went wrong, as a button, with what was said and what was expected."""
    if failed.answer is None:
        said = "nothing found"
    else:
        verb = "answered" if failed.given else "withheld"
        said = f'{verb} <em dir="auto">{escape(failed.answer)}</em>'
    golds = " or ".join(f'<em dir="auto">{escape(gold)}</em>' for gold in failed.golds[:3])
    return (
        f'<li><button type="button" data-act="evaluated" data-run="{escape(run.name)}" '
        f'data-row="{failed.place}"><span dir="auto">{escape(failed.question)}</span></button>'
        f'<span class="about">{said} · expected {golds or "no answer"}</span></li>'
    )
