"""How far a confidence can be trusted: calibration, and risk against coverage. Pure.

`confidences` are those of the top answers, given or withheld; `right` says which of them are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.measures import Counts, Figure, bootstrap, mean_figure

BINS = 15
Statistic = Callable[[Counts], float]
"""From how often each question was drawn to a value."""


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of the reliability plot: mean confidence, share right, how many."""

    confidence: float
    right: float
    n: int


def reliability(confidences: Sequence[float], right: Sequence[bool], bins: int = BINS) -> list[Bin]:
    """Bins of equal count, by rising confidence; they differ in size by at most one.

    Equal confidences stay in the order given, so that a bin may part them.
    """
    sure, good = _arrays(confidences, right)
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, max(1, min(bins, len(order))))
    return [Bin(float(sure[p].mean()), float(good[p].mean()), len(p)) for p in parts if len(p)]


def calibration_error(
    confidences: Sequence[float], right: Sequence[bool], bins: int = BINS
) -> float:
    """Expected calibration error over bins of equal count: Σ n/N |mean confidence - share right|.

    Naeini et al. 2015, with the equal counts of Nguyen and O'Connor 2015.

    >>> round(calibration_error([0.1, 0.3, 0.6, 0.8], [False, True, True, True], bins=2), 9)
    0.3
    """
    return _calibration_error(confidences, right, bins)(np.ones(len(confidences)))


def risk_coverage(
    confidences: Sequence[float], right: Sequence[bool]
) -> list[tuple[float, float, float]]:
    """(coverage, risk, confidence) at each distinct confidence, surest first.

    If only answers at least that sure were given: the share of the questions that got one, and the
    share of wrong ones among them (El-Yaniv and Wiener 2010).
    """
    sure, good = _arrays(confidences, right)
    values, place = np.unique(-sure, return_inverse=True)
    given = np.cumsum(np.bincount(place, minlength=len(values)))
    wrong = np.cumsum(np.bincount(place, 1 - good, len(values)))
    rows = zip(given / max(1, len(sure)), wrong / np.maximum(given, 1), -values, strict=True)
    return [(float(coverage), float(risk), float(value)) for coverage, risk, value in rows]


def area_under_risk(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Mean risk over the N coverages 1/N … 1 (Geifman et al. 2019); lower is better.

    Answers of equal confidence come in no order: each counts the mean error of them.

    >>> area_under_risk([0.9, 0.8], [True, False])
    0.25
    """
    return _area_under_risk(confidences, right)(np.ones(len(confidences)))


def calibration_figures(confidences: Sequence[float], right: Sequence[bool]) -> dict[str, Figure]:
    """Calibration error, Brier score, that of always saying the base rate, and the risk area."""
    sure, good = _arrays(confidences, right)
    figures = {
        f"expected calibration error ({BINS} bins)": _figure(
            _calibration_error(confidences, right, BINS), len(sure)
        ),
        "Brier score": mean_figure(((sure - good) ** 2).tolist()),
        "Brier score of the base rate": mean_figure(
            ((good.mean() - good) ** 2).tolist() if len(good) else []
        ),
        "area under the risk-coverage curve": _figure(
            _area_under_risk(confidences, right), len(sure)
        ),
    }
    return figures


def _figure(statistic: Statistic, n: int) -> Figure:
    if not n:
        return mean_figure([])
    return {"value": statistic(np.ones(n)), "n": n, "interval": bootstrap(statistic, n)}


def _calibration_error(confidences: Sequence[float], right: Sequence[bool], bins: int) -> Statistic:
    sure, good = _arrays(confidences, right)
    order = np.argsort(sure, kind="stable")
    gaps = (sure - good)[order]

    def drawn(counts: Counts) -> float:
        gap = np.repeat(gaps, counts[order].astype(np.int64))
        if not len(gap):
            return float("nan")
        size, larger = divmod(len(gap), min(bins, len(gap)))
        sizes = [size + 1] * larger + [size] * (min(bins, len(gap)) - larger)
        sums = np.add.reduceat(gap, np.cumsum([0, *sizes[:-1]]))
        return float(np.abs(sums).sum() / len(gap))

    return drawn


def _area_under_risk(confidences: Sequence[float], right: Sequence[bool]) -> Statistic:
    sure, good = _arrays(confidences, right)
    values, place = np.unique(-sure, return_inverse=True)

    def drawn(counts: Counts) -> float:
        size = np.bincount(place, counts, len(values))
        wrong = np.bincount(place, counts * (1 - good), len(values))
        size, wrong = size[size > 0], wrong[size > 0]
        if not len(size):
            return float("nan")
        errors = np.cumsum(np.repeat(wrong / size, size.astype(np.int64)))
        return float((errors / np.arange(1, len(errors) + 1)).mean())

    return drawn


def _arrays(confidences: Sequence[float], right: Sequence[bool]) -> tuple[Counts, Counts]:
    return np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
