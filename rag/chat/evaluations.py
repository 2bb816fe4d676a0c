"""Question sets asked from the page: by a process of low priority, so that asking goes on.

Run as ``python -m rag.chat.evaluations WHAT`` it is that process. It does what `spanwise eval SET`
does, in a folder of ``home/runs``: a run that was stopped there can go on here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from eval import sets as question_sets
from eval import tasks
from eval.evaluate import evaluate
from index.errors import BusyError, QuestionError, SpanwiseError
from index.home import existing_collection, make_home
from rag import journal
from rag.chat import runs
from rag.chat.child import TELL_EVERY_S, as_child, started
from rag.chat.library import Library
from rag.chat.runs import Run
from rag.chat.sets import Sets
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Job:
    """How far the asking of a set is.

    Attributes:
        collection: the one that is asked.
        running: whether it goes on.
        run: name of the run.
        set: name of the question set.
        done: questions asked, of `total`; 0 of 0 while models are loaded.
        left_s: about how much longer it takes, in seconds; None until that can be told.
        stopping: the user has stopped it.
        error: the sentence of what went wrong, or "".
    """

    collection: str
    running: bool = False
    run: str = ""
    set: str = ""
    done: int = 0
    total: int = 0
    left_s: float | None = None
    stopping: bool = False
    error: str = ""


class Evaluations:
    """Has question sets asked, one at a time of a collection."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.sets = Sets(library)
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def runs(self, collection: str) -> list[Run]:
        """The collection's runs, without the one under way."""
        job = self.job(collection)
        kept = runs.runs(self.library.home, collection)
        return [run for run in kept if not (job.running and run.name == job.run)]

    def begin(self, collection: str, name: str) -> None:
        """Ask a set of the collection, in the background.

        Raises:
            BusyError: one is being asked already.
            CollectionError, QuestionError: there is no such collection or set.
        """
        existing_collection(self.library.home, collection)
        file = self.sets.file(collection, name)
        self._claim(collection, name)
        try:
            folder = self._new_folder(file)
        except Exception:
            self._jobs.pop(collection)
            raise
        self._start(collection, folder, file, resume=False)

    def resume(self, collection: str, name: str) -> None:
        """Go on with a run that was stopped, in the background.

        Raises:
            BusyError: one is being asked already.
            QuestionError: there is no such run, or its set is no longer offered.
        """
        run = runs.find(self.library.home, name)
        if run.collection != collection or run.metrics is not None:
            raise QuestionError("This run cannot go on", where=name, mend="Run its set anew.")
        file = self.sets.file(collection, run.set)
        self._claim(collection, run.set)
        self._start(collection, run.folder, file, resume=True, run=run)

    def job(self, collection: str) -> Job:
        """The present job, or the last one."""
        return self._jobs.get(collection, Job(collection))

    def stop(self, collection: str) -> None:
        """End the job under way; what has been asked is kept."""
        with self._lock:
            if self.job(collection).running:
                self._jobs[collection] = replace(self._jobs[collection], stopping=True)
            process = self._processes.get(collection)
            if process is not None:
                process.terminate()

    def close(self) -> None:
        """End every job; their runs can go on another time."""
        for collection in list(self._jobs):
            self.stop(collection)

    def _claim(self, collection: str, name: str) -> None:
        with self._lock:
            if self.job(collection).running:
                raise BusyError(
                    "A question set is being asked of this collection",
                    mend="Wait until it is done, or stop it.",
                )
            self._jobs[collection] = Job(collection, running=True, set=name)

    def _new_folder(self, file: Path) -> Path:
        make_home(self.library.home)
        wanted = tasks.new_folder(self.library.settings, file)
        wanted.parent.mkdir(exist_ok=True)
        for number in range(1, 1000):  # two collections may begin in the same second
            folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                continue
        raise QuestionError("No folder is free for the run", where=wanted)

    def _start(
        self, collection: str, folder: Path, file: Path, resume: bool, run: Run | None = None
    ) -> None:
        with self._lock:
            self._jobs[collection] = replace(self._jobs[collection], run=folder.name)
        settings = replace(self.library.settings, collection=collection)
        sample = {"sample": run.questions, "seed": run.seed} if run and run.seed is not None else {}
        what = {
            "settings": {**asdict(settings), "home": str(settings.home)},
            "set": str(file), "folder": str(folder), "resume": resume, **sample,
        }  # fmt: skip
        threading.Thread(target=self._run, args=(collection, what), daemon=True).start()

    def _run(self, collection: str, what: Mapping[str, Any]) -> None:
        said: dict[str, Any] = {}
        try:
            said = self._follow(collection, what)
        except Exception as error:
            said = {"error": journal.failed(error)}
        with self._lock:
            self._processes.pop(collection, None)
            job = self._jobs[collection]
            sentence = "" if job.stopping else str(said.get("error", ""))
            self._jobs[collection] = replace(job, running=False, error=sentence)
        with suppress(OSError):
            Path(what["folder"]).rmdir()  # if nothing was written

    def _follow(self, collection: str, what: Mapping[str, Any]) -> dict[str, Any]:
        """What the process says last."""
        with self._lock:
            if self._jobs[collection].stopping:
                return {}
            process = started("rag.chat.evaluations", json.dumps(what))
            self._processes[collection] = process
        assert process.stdout is not None  # it was started so
        clock = _Clock()
        said: dict[str, Any] = {}
        for line in process.stdout:
            said = json.loads(line)
            if "done" in said:
                said["left_s"] = clock.left(said["done"], said["total"])
                with self._lock:
                    self._jobs[collection] = replace(self._jobs[collection], **said)
        process.wait()
        if "done" in said or not said:
            died = "The process that asks ended before its work did. Resume the run, or begin anew."
            return {"error": died}
        return said


class _Clock:
    """How much longer it takes, at the rate since the first question: before it, models load."""

    def __init__(self) -> None:
        self._before: int | None = None
        self._since: tuple[int, float] | None = None

    def left(self, done: int, total: int) -> float | None:
        """Seconds; None until two questions have been asked."""
        if self._before is None:
            self._before = done
        if self._since is None or done == self._since[0]:
            if done > self._before and self._since is None:
                self._since = done, time.monotonic()
            return None
        asked, since = self._since
        return (total - done) * (time.monotonic() - since) / (done - asked)


def main() -> None:
    """Ask a set as the process of low priority."""
    what = json.loads(sys.argv[1])
    settings = Settings(**{**what["settings"], "home": Path(what["settings"]["home"])})
    tell = as_child(settings.home)
    last = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > TELL_EVERY_S:
            last = time.monotonic()
            tell({"done": done, "total": total})

    try:
        outcome = _ask(what, settings, progress)
    except BrokenPipeError:  # the server is gone; the run can go on another time
        return
    except SpanwiseError as error:
        outcome = {"error": str(error)}
    except Exception as error:
        outcome = {"error": journal.failed(error)}
    tell(outcome)


def _ask(what: Mapping[str, Any], settings: Settings, progress: Any) -> dict[str, Any]:  # noqa: ANN401
    file = Path(what["set"])
    task = tasks.task(file, settings)
    examples, drawn = task.examples, {"of": len(task.examples)}
    if task.complaints:
        drawn["left out"] = len(task.complaints)
    if "seed" in what:
        examples = question_sets.sample(examples, what["sample"], what["seed"])
        drawn["seed"] = what["seed"]
    try:
        evaluate(
            task.job, examples, file.name, Path(what["folder"]),
            drawn=drawn, resume=what["resume"], progress=progress,
        )  # fmt: skip
    except QuestionError as error:
        if not what["resume"]:
            raise
        return {"error": f"{error.what}. Run the set anew."}
    return {"finished": True}


if __name__ == "__main__":
    main()
