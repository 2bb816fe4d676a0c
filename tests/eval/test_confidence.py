from __future__ import annotations

import pytest

from eval.confidence import (
    Bin,
    area_under_risk,
    calibration_error,
    calibration_figures,
    reliability,
    risk_coverage,
)

SURE = [0.9, 0.2, 0.8, 0.4, 0.6]
RIGHT = [True, False, True, False, False]


def test_reliability_by_hand() -> None:
    # rising: .2 F, .4 F | .6 F, .8 T | .9 T, in bins of 2, 2 and 1
    bins = reliability(SURE, RIGHT, bins=3)
    assert [b.n for b in bins] == [2, 2, 1]
    assert [b.confidence for b in bins] == pytest.approx([0.3, 0.7, 0.9])
    assert [b.right for b in bins] == [0.0, 0.5, 1.0]
    assert calibration_error(SURE, RIGHT, bins=3) == pytest.approx((2 * 0.3 + 2 * 0.2 + 0.1) / 5)
    assert reliability(SURE, RIGHT, bins=15)[0] == Bin(0.2, 0.0, 1)
    assert reliability([], []) == []


def test_the_error_is_that_of_the_bins() -> None:
    sure = [n / 100 for n in range(98)]
    right = [n % 3 == 0 for n in range(98)]
    bins = reliability(sure, right)
    assert [b.n for b in bins] == [7] * 8 + [6] * 7
    told = sum(b.n * abs(b.confidence - b.right) for b in bins) / 98
    assert calibration_error(sure, right) == pytest.approx(told, abs=1e-12)


def test_risk_coverage_by_hand() -> None:
    assert risk_coverage(SURE, RIGHT) == [
        (0.2, 0.0, 0.9), (0.4, 0.0, 0.8), (0.6, pytest.approx(1 / 3), 0.6),
        (0.8, 0.5, 0.4), (1.0, 0.6, 0.2),
    ]  # fmt: skip
    assert area_under_risk(SURE, RIGHT) == pytest.approx((0 + 0 + 1 / 3 + 1 / 2 + 3 / 5) / 5)
    assert risk_coverage([], []) == []


def test_equal_confidences_are_one_point_whatever_their_order() -> None:
    assert risk_coverage([0.5, 0.5], [True, False]) == [(1.0, 0.5, 0.5)]
    assert area_under_risk([0.5, 0.5], [True, False]) == 0.5
    assert area_under_risk([0.5, 0.5], [False, True]) == 0.5


def test_figures() -> None:
    found = calibration_figures(SURE, RIGHT)
    # (.1² + .2² + .2² + .4² + .6²) / 5, and .4 · .6
    assert found["Brier score"]["value"] == pytest.approx(0.61 / 5)
    assert found["Brier score of the base rate"]["value"] == pytest.approx(0.24)
    assert found["area under the risk-coverage curve"]["value"] == pytest.approx(43 / 150)
    low, high = found["area under the risk-coverage curve"]["interval"]
    assert 0 <= low < 43 / 150 < high <= 1
    assert found["expected calibration error (15 bins)"]["value"] == pytest.approx(1.5 / 5)
    assert all(figure["value"] is None for figure in calibration_figures([], []).values())
