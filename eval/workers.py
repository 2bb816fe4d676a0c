"""The units of a run, done one after the other or by several processes; records in their order."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing import get_context, parent_process

from eval.records import Ask, Job, Record, Unit
from index.errors import QuestionError
from index.lanes import in_order

AHEAD = 4
"""Units that are handed out for each worker before the first of them is back."""


def records(job: Job, units: Sequence[Unit], workers: int = 1) -> Iterator[list[Record]]:
    """The records of each unit, in the order of the units, whatever the number of workers.

    A worker is a process of its own with one thread, so that as many as there are cores share them
    without getting in each other's way.

    Raises:
        QuestionError: a worker died.
    """
    if workers <= 1:
        with job.open() as ask:
            yield from map(ask, units)
        return
    pool = ProcessPoolExecutor(
        min(workers, max(1, len(units))),
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(job,),
    )
    try:
        yield from in_order(pool, _do, units, workers * AHEAD)
    except BrokenProcessPool as error:
        raise QuestionError(
            "A worker process died, perhaps for want of memory",
            mend="Go on with --resume, and fewer --workers.",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_ask: Ask | None = None
_opened = ExitStack()


def _begin(job: Job) -> None:
    """In a worker: one thread, and the models loaded once. Ctrl-C is the parent's to handle."""
    global _ask
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = "1"
    _ask = _opened.enter_context(job.open())


def _end_with_parent() -> None:
    """A parent that is killed says nothing: without this its workers would wait for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(unit: Unit) -> list[Record]:
    if _ask is None:
        raise RuntimeError("the worker was not begun")
    return _ask(unit)
