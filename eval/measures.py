"""Pure measures of answers. Every denominator is the gold set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from rag.aggregate import normalise

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


def bootstrap_interval(
    values: Sequence[float], seed: int = 0, draws: int = 2_000
) -> tuple[float, float]:
    """95% percentile interval of the mean, by resampling questions (Efron 1979)."""
    if not len(values):
        return (float("nan"), float("nan"))
    sample = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = [sample[rng.integers(0, len(sample), len(sample))].mean() for _ in range(draws)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


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


def _f1(answer: list[str], gold: list[str]) -> float:
    if not answer or not gold:
        return float(answer == gold)
    shared = sum((Counter(answer) & Counter(gold)).values())
    return 2 * shared / (len(answer) + len(gold))


def _contains(words: list[str], gold: list[str]) -> bool:
    if not gold or len(words) > len(gold) + LONGER:
        return False
    return any(words[i : i + len(gold)] == gold for i in range(len(words) - len(gold) + 1))
