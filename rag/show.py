"""What the command line prints, for people. JSON is made in `rag.types`.

Text of documents, file names and questions is printed as `rich.text.Text`, never as markup, and
its control characters are shown, not sent to the terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from index.types import Hit
from rag.types import Answer, Citation, Reason

if TYPE_CHECKING:
    from index.build import BuildReport
    from index.compose import Progress as Stages

MARKED = "bold black on bright_yellow"
STAGES = {"read": "Reading files", "encode": "Encoding passages", "write": "Writing the index"}

REASONS: dict[Reason, str] = {
    "": "",
    "empty_index": "There is nothing in this collection yet.",
    "no_evidence": "Nothing in the documents has to do with the question.",
    "below_threshold": "The documents do not seem to answer this.",
    "question_unreadable": "This is not a question that can be searched: it is empty or longer "
    "than 2,000 characters.",
}


def plain(text: str) -> str:
    r"""One line of text that is safe to print: blanks folded, control characters as pictures.

    >>> plain("a\x1b[31m\tb\u202e")
    'a␛[31m b\\u202e'
    """
    shown = []
    for char in " ".join(text.split()):
        category = unicodedata.category(char)
        if char < " ":
            shown.append(chr(0x2400 + ord(char)))
        elif category in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and char not in "\u200c\u200d\xad":
            shown.append(f"\\u{ord(char):04x}")
        else:
            shown.append(char)
    return "".join(shown)


class Printer(Console):
    """A console whose reader may go away: that is the caller's matter, not exit code 1."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError."""
        raise BrokenPipeError


def sure(confidence: float | None) -> str:
    """A confidence in two digits."""
    return "unknown (this reader is not calibrated)" if confidence is None else f"{confidence:.2f}"


def answer(console: Console, said: Answer) -> None:
    """The answer, its sentence with the span marked, where it stands, and the other answers."""
    if said.text is None:
        console.print(Text(REASONS[said.reason], style="bold"))
        if said.hits:
            console.print(Text("The nearest passage:", style="dim"))
            _passage(console, said.hits[0])
        return
    console.print(Text(plain(said.text), style="bold"))
    for citation in said.citations:
        console.print()
        console.print(Padding(_sentence(citation), (0, 0, 0, 2)))
        console.print(Padding(Text(_source(citation), style="dim"), (0, 0, 0, 2)))
    console.print()
    console.print(Text(f"Confidence {sure(said.confidence)}", style="dim"))
    others = [other for other in said.others if not other.reason]
    if others:
        console.print(Text("Also found:", style="dim"))
    for other in others:
        line = Text("  ")
        line.append(plain(other.text or ""))
        where = ", ".join(sorted({citation.path for citation in other.citations}))
        line.append(f"  {sure(other.confidence)} · {plain(where)}", style="dim")
        console.print(line)


def hits(console: Console, found: Sequence[Hit]) -> None:
    """Passages, best first."""
    if not found:
        console.print(Text(REASONS["no_evidence"], style="bold"))
    for hit in found:
        _passage(console, hit)


def report(console: Console, done: BuildReport) -> None:
    """The table that a build ends with, and every skipped file with its reason."""
    table = Table(box=None, pad_edge=False)
    for name in ("indexed", "unchanged", "updated", "removed", "skipped", "left out"):
        table.add_column(name, justify="right")
    groups = (done.indexed, done.unchanged, done.updated, done.removed, done.skipped, done.omitted)
    table.add_row(*(f"{len(group):,}" for group in groups))
    console.print(table)
    for skipped in done.skipped:
        line = Text("skipped ", style="yellow")
        line.append(f"{plain(skipped.path)}: {plain(skipped.reason)}", style="default")
        line.append(f". {plain(skipped.mend)}" if skipped.mend else "", style="dim")
        console.print(line)
    console.print(
        Text(
            f"Collection {done.collection}: {done.documents:,} documents, "
            f"{done.passages:,} passages (generation {done.generation})."
        )
    )


@contextmanager
def progress(console: Console) -> Iterator[Stages]:
    """A progress bar; the callback is for `index.build.sync`."""
    quiet = not console.is_terminal
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True, disable=quiet
    ) as bar:
        tasks = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks and total:
                tasks[stage] = bar.add_task(STAGES[stage], total=total)
            if stage in tasks:
                bar.update(tasks[stage], completed=done, total=total)

        yield show


@contextmanager
def bar(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with the time left; the callback takes (done, total)."""
    quiet = not console.is_terminal
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=quiet
    ) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _progress(console: Console, time: ProgressColumn) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), time)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _sentence(citation: Citation) -> Text:
    offset = citation.sentence_start
    before = citation.sentence[: citation.start - offset]
    after = citation.sentence[citation.end - offset :]
    text = Text(plain(before) + (" " if before[-1:].isspace() else ""))
    text.append(plain(citation.quote), style=MARKED)
    text.append((" " if after[:1].isspace() else "") + plain(after))
    return text


def _source(citation: Citation) -> str:
    page = f"page {citation.page}" if citation.page else ""
    parts = (citation.path, page, citation.title or "", citation.date or "")
    return " · ".join(plain(part) for part in parts if part)


def _passage(console: Console, hit: Hit) -> None:
    via = ", ".join(f"{channel} {rank}" for channel, rank in sorted(hit.via.items()))
    head = Text(f"{hit.rank:>3}  ")
    head.append(f"{plain(hit.passage.path)}  {hit.score:.3f}  ({via})", style="dim")
    console.print(head)
    console.print(Padding(Text(plain(hit.passage.text)), (0, 0, 1, 5)))
