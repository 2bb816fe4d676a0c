"""Work side by side: in order, on one thread each, and nothing of the caller's changed."""

import os
import threading
from collections.abc import Iterator

import pytest
import torch

from index.lanes import AHEAD, side_by_side


def test_results_in_order_each_from_a_thread_of_one() -> None:
    def work(item: int) -> tuple[int, int, str]:
        return item * item, torch.get_num_threads(), threading.current_thread().name

    made = list(side_by_side(work, range(40)))
    assert [square for square, _, _ in made] == [item * item for item in range(40)]
    assert {threads for _, threads, _ in made} == {1}
    assert all(name.startswith("spanwise-lane") for _, _, name in made)
    assert list(side_by_side(work, [])) == []


def test_the_callers_threads_stay_as_they_were() -> None:
    before = torch.get_num_threads()
    list(side_by_side(lambda item: item, range(8)))
    found = []
    new = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    new.start()
    new.join()
    assert (torch.get_num_threads(), found) == (before, [before])


def test_a_failure_is_raised_and_what_waits_is_left_out() -> None:
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        return 1 // (item - 3)

    with pytest.raises(ZeroDivisionError):
        list(side_by_side(work, range(100_000)))
    assert len(begun) < 4 + 2 * AHEAD * torch.get_num_threads()


def test_only_so_much_is_taken_ahead() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    made = side_by_side(lambda item: item, items())
    assert [next(made), next(made)] == [0, 1]
    del made
    assert len(taken) <= 2 + AHEAD * torch.get_num_threads()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_lanes_of_its_own() -> None:
    list(side_by_side(lambda item: item, range(8)))
    child = os.fork()
    if not child:
        os._exit(list(side_by_side(lambda item: item + 1, range(8))) != list(range(1, 9)))
    for _ in range(200):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        threading.Event().wait(0.1)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert (ended, status) == (child, 0)
