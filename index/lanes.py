"""Forward passes of small models side by side: one input at a time, each on one thread.

Matrix libraries cut the same product differently by the number of rows and of threads, which
changes last bits. One text to a pass and one thread to a text leave nothing for them to choose, so
that the same text gives the same bits alone, among others and on any number of cores; and passes
side by side are faster than each on all cores.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

AHEAD = 2
"""Pieces of work per lane that one caller may have waiting, so that many callers take turns."""


def side_by_side(work: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
    """``map(work, items)`` in as many lanes as torch has threads, results in the items' order.

    What `work` raises is raised here; the items that wait are then left out, as they are when the
    caller goes away.
    """
    pool, lanes = _lanes()
    return in_order(pool, work, items, lanes * AHEAD)


def in_order(
    pool: Executor, work: Callable[[In], Out], items: Iterable[In], ahead: int
) -> Iterator[Out]:
    """Results in the items' order; at most `ahead` items are with the pool at a time."""
    waiting: deque[Future[Out]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


@cache
def _lanes() -> tuple[ThreadPoolExecutor, int]:
    import torch

    lanes = torch.get_num_threads()
    return ThreadPoolExecutor(lanes, "spanwise-lane", initializer=_narrow), lanes


_narrowing = threading.Lock()


def _narrow() -> None:
    """Give this thread's operations one thread, and threads that are yet to come what they had."""
    import torch

    with _narrowing:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        other = threading.Thread(target=torch.set_num_threads, args=(before,))
        other.start()
        other.join()


if hasattr(os, "register_at_fork"):  # a forked process inherits the pool, but not its threads
    os.register_at_fork(after_in_child=_lanes.cache_clear)
