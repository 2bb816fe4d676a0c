"""The folder of a run: written question by question, so that a run that was stopped can go on.

=================  ================================================================================
environment.json   what the run depends on: versions, settings, models, set, index; and when
run.jsonl          a row a question
CHANNEL.trec       what each channel found, as TREC run files
qrels.trec         what should be found
metrics.json       the figures, once every question is asked
report.html        the same for people; needs nothing else
run.lock           held by whoever writes the run
=================  ================================================================================
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

from eval import retrieval
from eval.records import Record
from index.errors import BusyError, QuestionError

ROWS, ENVIRONMENT, METRICS, QRELS = "run.jsonl", "environment.json", "metrics.json", "qrels.trec"
PASSING = ("started", "commit")
"""Of the environment: what may differ between the halves of a run."""

SHOWN = ("citations", "excerpts", "found", "hits", "others")
"""Of a row: what no figure is made from."""


@contextmanager
def writing(
    folder: Path, environment: Mapping[str, Any], resume: bool = False
) -> Iterator[RunFolder]:
    """A run to be written, by nobody else meanwhile.

    Args:
        folder: of this run alone; made if it is not there.
        environment: see `eval.environment`.
        resume: go on with the run that is there.

    Raises:
        QuestionError: there is a run already, or (to resume) none, or one of other things.
        BusyError: another process is writing it.
    """
    there = (folder / ENVIRONMENT).is_file()
    if resume and not there:
        raise QuestionError(
            "There is no run to go on with in this folder", where=folder,
            mend="Leave out --resume to begin one.",
        )  # fmt: skip
    if not resume and (there or (folder / ROWS).exists()):
        raise QuestionError(
            "There is a run in this folder already", where=folder,
            mend="Name another folder with --out, or go on with it by --resume.",
        )  # fmt: skip
    lock = FileLock(folder / "run.lock", timeout=0, fallback_to_soft=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        if not resume:
            write_json(folder / ENVIRONMENT, environment)
    except Timeout:
        raise BusyError(
            "Another process is writing this run", where=folder,
            mend="Wait until it is done, or stop it.",
        ) from None  # fmt: skip
    except OSError as error:
        lock.release()
        raise QuestionError(
            f"The run cannot be written ({error})", where=folder,
            mend="Name another folder with --out.",
        ) from error  # fmt: skip
    try:
        with closing(RunFolder(folder)) as run:
            if resume:
                run.take_up(environment)
            yield run
    finally:
        lock.release()


@contextmanager
def on_disk(folder: Path) -> Iterator[None]:
    """What the disk refuses while a run is written, as a sentence.

    Raises:
        QuestionError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise QuestionError(
            f"The run cannot be written any further ({error})", where=folder,
            mend="What was asked is kept. Make room, and go on with --out and --resume.",
        ) from error  # fmt: skip


class RunFolder:
    """The run that `writing` gives. `done` are the ids of the questions that have a row."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: set[str] = set()
        self._streams: dict[str, TextIO] = {}

    def add(self, record: Record) -> None:
        """Write a record, the row last: what has a row is whole."""
        ident = record.row["id"]
        with on_disk(self.folder):
            for channel, ranking in record.rankings.items():
                self._write(f"{channel}.trec", *retrieval.run_lines(ident, channel, ranking))
            if record.rankings:
                self._write(QRELS, *retrieval.qrels_lines(ident, record.relevant))
            self._write(ROWS, json.dumps(record.row, ensure_ascii=False) + "\n")
        self.done.add(ident)

    def close(self) -> None:
        """Close the files; the next one written to is opened again."""
        for stream in self._streams.values():
            with suppress(OSError):  # a full disk has been told already; each line was flushed
                stream.close()
        self._streams.clear()

    def _write(self, name: str, *lines: str) -> None:
        if name not in self._streams:
            self._streams[name] = (self.folder / name).open("a", encoding="utf-8", newline="\n")
        self._streams[name].write("".join(lines))
        self._streams[name].flush()

    def take_up(self, environment: Mapping[str, Any]) -> None:
        """Go on with what is there.

        Raises:
            QuestionError: it was begun with another environment.
        """
        before = read_json(self.folder / ENVIRONMENT)
        now = json.loads(json.dumps(environment))
        names = [n for n in {**before, **now} if n not in PASSING and before.get(n) != now.get(n)]
        if names:
            raise QuestionError(
                f"The run was begun with other {' and '.join(sorted(names))}", where=self.folder,
                mend="A run is of one thing: begin another with --out.",
            )  # fmt: skip
        self.done = {row["id"] for row in rows_of(self.folder)}

    def keep(self, idents: set[str]) -> None:
        """Keep of what is done these questions alone: the others are asked again.

        What was only half written goes too.
        """
        self.close()
        kept = {retrieval.word(ident) for ident in self.done & idents}
        self.done &= idents
        with on_disk(self.folder):
            self._keep(kept)

    def _keep(self, words: set[str]) -> None:
        for file in (self.folder / ROWS, *self.folder.glob("*.trec")):
            aside = file.with_name(file.name + ".new")
            with aside.open("w", encoding="utf-8", newline="\n") as stream:
                for line in _whole_lines(file):
                    ident = json.loads(line)["id"] if file.name == ROWS else line.split()[0]
                    if (retrieval.word(ident) if file.name == ROWS else ident) in words:
                        stream.write(line)
            aside.replace(file)


def rows_of(folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of a run, in the order in which they were asked; a half written one is left out."""
    for line in _whole_lines(folder / ROWS):
        yield json.loads(line)


def bare_rows_of(folder: Path) -> Iterator[dict[str, Any]]:
    """`rows_of` without what is only there to be shown, so that all of them fit in memory."""
    for row in rows_of(folder):
        # JSON makes the names anew for each row.
        row["measures"] = {sys.intern(name): value for name, value in row["measures"].items()}
        yield {sys.intern(name): () if name in SHOWN else value for name, value in row.items()}


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        QuestionError: there is none.
    """
    try:
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise QuestionError(
            f"Not the folder of a run: {file.name} cannot be read ({error})", where=file.parent,
            mend="Runs are made by `spanwise eval SET --out FOLDER`.",
        ) from error  # fmt: skip
    return found


def write_json(file: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, by one rename."""
    aside = file.with_name(file.name + ".new")
    aside.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
    aside.replace(file)


def _whole_lines(file: Path) -> Iterator[str]:
    if not file.exists():
        return
    with file.open(encoding="utf-8", errors="replace", newline="\n") as stream:
        for line in stream:
            if line.endswith("\n"):
                yield line
