from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tiny import WordEncoder

from eval.concurrency import DOCUMENTS, Outcome, _told, under_load
from index.types import Hit, Passage, Vectors


def test_sixteen_threads_search_while_ten_generations_are_published() -> None:
    outcome = under_load(WordEncoder(), threads=16, searches=100, generations=10)
    assert outcome.errors == ()
    assert (outcome.mixed, outcome.stale) == (0, 0)
    assert outcome.clean
    assert outcome.searches >= 1600
    assert outcome.seen <= frozenset(range(1, 12))
    assert len(outcome.seen) > 5  # the writer was at work all the while


def hit(place: int, number: int) -> Hit:
    text = f"The tide at mark {place} stands {number} metres high."
    return Hit(Passage(f"{place}", f"{place}", 0, len(text), text, path=f"{place}.txt"), 1.0, 1)


def test_a_mixed_or_incomplete_answer_is_told_from_a_whole_one() -> None:
    whole = [hit(place, 7) for place in range(DOCUMENTS)]
    assert _told(whole) == 7
    assert _told([*whole[:-1], hit(DOCUMENTS - 1, 8)]) is None
    assert _told(whole[:-1]) is None
    assert _told([]) is None


def test_what_is_clean() -> None:
    clean = Outcome(10, frozenset({1, 2}), 0, 0, (), 1.0)
    assert clean.clean
    for wrong in ({"mixed": 1}, {"stale": 1}, {"errors": ("KeyError: 'x'",)}):
        assert not replace(clean, **wrong).clean  # type: ignore[arg-type]


class Failing(WordEncoder):
    """Builds, and fails when asked."""

    def passages(self, texts: Sequence[str]) -> Vectors:
        return WordEncoder().queries(texts)

    def queries(self, texts: Sequence[str]) -> Vectors:
        raise OSError("no such tide")


def test_errors_are_counted() -> None:
    outcome = under_load(Failing(), threads=2, searches=3, generations=1)
    assert outcome.errors == ("OSError: no such tide",) * 2
    assert outcome.searches == 2
    assert not outcome.clean
