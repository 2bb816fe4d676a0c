"""What stands below the options in ``spanwise COMMAND --help``: examples, exit codes, environment.

The same is in the reference on the command line (``docs/cli.rst``). A line is at most 76 letters
long and holds no square brackets, which rich would read as markup.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import typer

Row = tuple[str, str]
"""What, and its meaning."""

DONE = {0: "done", 2: "wrong use, or it failed: stderr says why and what to do"}
ANSWERED = {0: "answered", 1: "the documents do not say", 2: DONE[2]}
VARIABLES = {
    "home": ("SPANWISE_HOME", "the home folder; else the system's for user data"),
    "collection": ("SPANWISE_COLLECTION", "the collection"),
    "encoder": ("SPANWISE_ENCODER", "the model that makes the vectors of new collections"),
    "reader": ("SPANWISE_READER", "the model that reads the answers"),
    "passages": ("SPANWISE_PASSAGES", "how many passages are read for a question"),
    "max_risk": ("SPANWISE_MAX_RISK", "the share of wrong answers that is accepted"),
    "token": ("SPANWISE_TOKEN", "what visitors must know"),
}
"""Parameter of a command → the variable that stands in for its flag, and what it says."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is told of a command: examples, and code → meaning."""

    examples: tuple[Row, ...]
    exit_codes: Mapping[int, str] = field(default_factory=lambda: DONE)


PAGES = {
    "index": Page((
        ("spanwise index ~/reports", "only what changed since the last time is read"),
        ("spanwise index ~/beir/scifact --collection scifact", "a BEIR corpus, as it is"),
    )),
    "ask": Page((
        ('spanwise ask "Who heads the council?" --path "reports/2018*"', "of some documents"),
        ('spanwise ask "Who heads the council?" --json | jq -r .answer', "null: it is not there"),
    ), ANSWERED),
    "search": Page((
        ('spanwise search "9K333 Verba" -k 3 --channel lexical', "by words alone"),
        ("spanwise search dams --json | jq -r '.hits | map(.path) | unique'", "which documents"),
    ), {**ANSWERED, 0: "something was found", 1: "nothing was found"}),
    "chat": Page((
        ("spanwise chat ~/reports", "index the folder, then open the page"),
        ("SPANWISE_TOKEN=… spanwise chat --host 0.0.0.0 --no-browser", "for other machines"),
    ), {0: "stopped with Ctrl-C", 2: DONE[2]}),
    "serve": Page((
        ("spanwise serve --port 8000", "chat, REST and MCP on one port"),
        ("curl -s localhost:8000/api/v1/health", "is it up?"),
    ), {0: "stopped with Ctrl-C", 2: DONE[2]}),
    "mcp": Page((
        ("spanwise mcp --collection seeds", "started by the program that uses it"),
    )),
    "info": Page((
        ("spanwise info --documents", "every document, and what was skipped and why"),
        ("spanwise info --json | jq -r '.collections | map(.collection)'", "their names"),
    )),
    "remove": Page((
        ("spanwise remove reports/old.pdf", "out of the index; the file stays"),
        ("spanwise remove reports/old.pdf --undo", "the next `spanwise index` reads it"),
        ("spanwise remove reports", "forget a whole folder"),
    )),
    "drop": Page((("spanwise drop scifact --yes", "without being asked"),)),
    "check": Page(
        (("spanwise check --collection scifact", "read every byte of the index"),),
        {0: "the index is sound", 2: "it is damaged, or the check failed"},
    ),
    "export": Page((
        ("spanwise export passages.parquet", "to one file, replaced if it is there"),
        ("spanwise export . --collection scifact", "to scifact.parquet in this folder"),
    )),
    "eval": Page((
        ("spanwise eval questions.jsonl", "figures, and a report to open"),
        ("spanwise eval questions.jsonl --baseline runs/before", "and compare with a run"),
        ("spanwise eval ~/beir/scifact --collection scifact", "search alone, by BEIR's qrels"),
    ), {0: "done", 2: DONE[2], 3: "significantly worse than the baseline", 130: "stopped"}),
    "compare": Page((
        ("spanwise compare runs/before runs/after", "what flipped, question by question"),
    ), {0: "not significantly worse", 2: DONE[2], 3: "significantly worse"}),
    "tune": Page((("spanwise tune questions.jsonl", "settings, and what they are worth"),)),
    "calibrate": Page((
        ("spanwise calibrate questions.jsonl", "for this collection"),
        ("spanwise calibrate questions.jsonl --max-risk 0.1", "be wrong in one of ten at most"),
    )),
    "train": Page((
        ("spanwise train questions.jsonl --out my-reader", "a fifth is kept to judge by"),
        ('spanwise ask "Who heads the council?" --reader my-reader', "use it"),
    )),
    "feedback": Page((
        ("spanwise feedback --out judged.jsonl", "what was judged in the chat"),
        ("spanwise eval judged.jsonl", "as a question set"),
    )),
}  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Give every registered command, and the program itself, the rest of its help page."""
    for command in app.registered_commands:
        function = command.callback
        if function is not None:
            parts = sections(command.name or function.__name__, function)
            command.epilog = "\n\n".join(f"{heading}:\n{lines(rows)}" for heading, rows in parts)
    known = [*VARIABLES.values(), ("NO_COLOR", "print without colours")]
    app.info.epilog = f"Environment:\n{lines(known)}"


def sections(name: str, function: Callable[..., object]) -> list[tuple[str, list[Row]]]:
    """(heading, rows) of a command's page; empty if there is none.

    Args:
        name: of the command.
        function: that which carries it out; its options tell which variables it obeys.
    """
    if name not in PAGES:
        return []
    page, known = PAGES[name], inspect.signature(function).parameters
    codes = [(str(code), meaning) for code, meaning in page.exit_codes.items()]
    variables = [
        row
        for option, row in VARIABLES.items()
        if option in known and known[option].default is not inspect.Parameter.empty
    ]
    parts = [("Examples", list(page.examples)), ("Exit codes", codes), ("Environment", variables)]
    return [(heading, rows) for heading, rows in parts if rows]


def lines(rows: Sequence[Row]) -> str:
    """A row a line; where the first parts are long, as of examples, two lines."""
    width = max(len(what) for what, _ in rows)
    between = "\n      " if width > 24 else "  "
    return "\n".join(
        f"  {what.ljust(width) if width <= 24 else what}{between}{meaning}"
        for what, meaning in rows
    )
