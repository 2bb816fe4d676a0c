"""Pure measures of answers. Every denominator is the gold set."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.aggregate import normalise

Counts = NDArray[np.float64]
Figure = dict[str, Any]
"""``value`` or None, ``n``, and its 95% ``interval`` or None."""

LONGER = 8
"""An answer that contains a gold is right if it is at most this many words longer."""


def exact_match(answer: str, golds: Sequence[str]) -> bool:
    """Equal to a gold under SQuAD's normalisation (Rajpurkar et al. 2016)."""
    return normalise(answer) in {normalise(gold) for gold in golds}


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """Best harmonic mean of token precision and recall over the golds, as in SQuAD.

    >>> token_f1("about 4,000 fighters", ["4,000 fighters"])
    0.8
    """
    return max(
        (_f1(normalise(answer).split(), normalise(gold).split()) for gold in golds), default=0.0
    )


def is_right(answer: str, golds: Sequence[str]) -> bool:
    """Token F1 with a gold at least 0.5, or a gold contained and at most 8 words more.

    >>> is_right("the 4,000 fighters of the military council", ["4,000"])
    True
    """
    if token_f1(answer, golds) >= 0.5:
        return True
    words = normalise(answer).split()
    return any(_contains(words, normalise(gold).split()) for gold in golds)


def bootstrap(
    statistic: Callable[[Counts], float], n: int, seed: int = 0, draws: int = 2_000
) -> tuple[float, float]:
    """95% percentile interval of a statistic, by resampling questions (Efron 1979).

    Args:
        statistic: from how often each question was drawn, shape (n,), to its value; draws for
            which it is not a number are left out.
        n: how many questions there are, at least 1.
        seed: of the draws; equal seeds and n give equal draws, which pairs them.
        draws: how many samples.
    """
    values = [statistic(counts) for part in _drawn(n, seed, draws) for counts in part]
    return _interval(np.array(values))


def mean_intervals(
    columns: NDArray[np.float64], seed: int = 0, draws: int = 2_000
) -> list[tuple[float, float]]:
    """95% percentile interval of the mean of each column; `columns` is (questions, measures)."""
    parts = [part @ columns / len(columns) for part in _drawn(len(columns), seed, draws)]
    return [_interval(means) for means in np.concatenate(parts).T]


def bootstrap_interval(
    values: Sequence[float], seed: int = 0, draws: int = 2_000
) -> tuple[float, float]:
    """95% percentile interval of the mean."""
    if not len(values):
        return (float("nan"), float("nan"))
    return mean_intervals(np.asarray(values, dtype=np.float64)[:, None], seed, draws)[0]


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Probability that a positive one scores above a negative one, ties counted half.

    >>> auroc([0.9, 0.4, 0.4, 0.1], [True, True, False, False])
    0.875
    """
    ups = np.asarray([s for s, p in zip(scores, positive, strict=True) if p])
    downs = np.sort([s for s, p in zip(scores, positive, strict=True) if not p])
    if not len(ups) or not len(downs):
        return float("nan")
    below = np.searchsorted(downs, ups, "left") + np.searchsorted(downs, ups, "right")
    return float(below.mean() / 2 / len(downs))


def auroc_interval(scores: Sequence[float], positive: Sequence[bool]) -> tuple[float, float]:
    """95% bootstrap interval of `auroc`."""
    order = np.argsort(np.asarray(scores, dtype=np.float64), kind="stable")
    ranked, ups = np.asarray(scores)[order], np.asarray(positive, dtype=bool)[order]
    first = np.searchsorted(ranked, ranked, "left")
    last = np.searchsorted(ranked, ranked, "right")

    def drawn(counts: Counts) -> float:
        counts = counts[order]
        below = np.concatenate(([0.0], np.cumsum(np.where(ups, 0.0, counts))))
        pairs = counts[ups].sum() * below[-1]
        won = counts[ups] @ (below[first[ups]] + below[last[ups]]) / 2
        return float(won / pairs) if pairs else float("nan")

    return bootstrap(drawn, len(ranked))


def mean_figure(values: Sequence[float]) -> Figure:
    """A mean as a figure; of nothing it is None."""
    return {
        "value": sum(values) / len(values) if values else None,
        "n": len(values),
        "interval": bootstrap_interval(values) if values else None,
    }


def mean_figures(values: Mapping[str, Sequence[float]]) -> dict[str, Figure]:
    """The means of measures that apply to the same questions, of which there is at least one."""
    columns = np.array(list(values.values()), dtype=np.float64).T
    intervals = mean_intervals(columns)
    return {
        name: {"value": float(column.mean()), "n": len(column), "interval": interval}
        for name, column, interval in zip(values, columns.T, intervals, strict=True)
    }


def auroc_figure(scores: Sequence[float], positive: Sequence[bool]) -> Figure:
    """`auroc` as a figure; None where one of the two kinds is missing."""
    area = auroc(scores, positive)
    missing = math.isnan(area)
    return {
        "value": None if missing else area,
        "n": len(scores),
        "interval": None if missing else auroc_interval(scores, positive),
    }


@dataclass(frozen=True, slots=True)
class BestThreshold:
    """The best mean of a score that any threshold reaches, that threshold, and its interval.

    The interval chooses the threshold anew in every draw, as the figure itself does.
    """

    value: float
    threshold: float
    interval: tuple[float, float]


def best_threshold(
    margins: Sequence[float], scores: Sequence[float], answerable: Sequence[bool]
) -> BestThreshold:
    """SQuAD 2.0's ``best_f1`` or ``best_exact`` (Rajpurkar et al. 2018, the official script).

    Answers are given from the highest margin down to the threshold, and withheld below it. A
    question counts its score if it is answered, and if not, 1 where it is unanswerable and 0 where
    it is not. As in the script, equal margins are taken one by one in the order given.

    Args:
        margins: how much speaks for the answer; -inf where there is none.
        scores: of the answers, each in [0, 1]; of unanswerable questions they are not looked at.
        answerable: which questions have an answer.

    >>> best_threshold([3.0, 2.0, 1.0], [1.0, 0.0, 0.5], [True, False, True]).value
    0.6666666666666666
    """
    order = np.argsort(-np.asarray(margins, dtype=np.float64), kind="stable")
    told = np.asarray(answerable, dtype=bool)[order]
    margin = np.asarray(margins, dtype=np.float64)[order]
    gain = np.where(told, np.asarray(scores, dtype=np.float64)[order], -1.0)
    gain[margin == -np.inf] = 0.0

    def best(counts: Counts) -> tuple[float, int]:
        reached = np.cumsum(counts * gain)
        place = int(reached.argmax()) if len(reached) else 0
        none = float(counts @ ~told)
        if not len(reached) or reached[place] <= 0:
            return none / float(counts.sum()), -1
        return (none + float(reached[place])) / float(counts.sum()), place

    value, place = best(np.ones(len(order)))
    interval = bootstrap(lambda counts: best(counts[order])[0], len(order))
    return BestThreshold(value, float("inf") if place < 0 else float(margin[place]), interval)


def _drawn(n: int, seed: int, draws: int) -> Iterator[Counts]:
    """How often each of n questions was drawn in each draw: (some draws, n) at a time."""
    rng = np.random.default_rng(seed)
    at_once = max(1, 1_000_000 // max(1, n))
    for first in range(0, draws, at_once):
        rows = min(at_once, draws - first)
        places = rng.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
        counts = np.bincount(places.ravel(), minlength=rows * n).reshape(rows, n)
        yield counts.astype(np.float64)


def _interval(values: Counts) -> tuple[float, float]:
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def _f1(answer: list[str], gold: list[str]) -> float:
    if not answer or not gold:
        return float(answer == gold)
    shared = sum((Counter(answer) & Counter(gold)).values())
    return 2 * shared / (len(answer) + len(gold))


def _contains(words: list[str], gold: list[str]) -> bool:
    if not gold or len(words) > len(gold) + LONGER:
        return False
    return any(words[i : i + len(gold)] == gold for i in range(len(words) - len(gold) + 1))
