from __future__ import annotations

import pytest

from eval.measures import (
    auroc,
    bootstrap_interval,
    exact_match,
    is_right,
    mean_figure,
    mean_figures,
    token_f1,
)


@pytest.mark.parametrize(
    ("answer", "golds", "exact", "f1", "right"),
    [
        ("Ahmed Abu Khawla", ["Ahmed Abu Khawla"], True, 1.0, True),
        ("the Khawla!", ["Khawla"], True, 1.0, True),
        ("Khawla", ["Ahmed Abu Khawla"], False, 0.5, True),
        ("about 4,000 fighters", ["4,000"], False, 0.5, True),
        (
            "4,000 fighters, mostly Arabs and mostly from the province",
            ["4,000"],
            False,
            2 / 9,
            True,
        ),
        ("one two three four five six seven eight nine ten", ["five"], False, 2 / 11, False),
        ("800", ["4,000", "800"], True, 1.0, True),
        ("Raqqa", [], False, 0.0, False),
        ("the", ["a"], True, 1.0, True),  # SQuAD's own rule: both are empty once normalised
        ("Raqqa city", ["Hajin"], False, 0.0, False),
        # SQuAD's rule for what is left of a text: ASCII punctuation goes and leaves no blank,
        # other punctuation stays, articles go as whole words alone
        ("the U.S.-led force", ["US led force"], False, 0.4, False),
        ("U.S.", ["us"], True, 1.0, True),
        ("“Raqqa”", ["Raqqa"], False, 0.0, False),
        ("an Anthem for  a theatre", ["anthem for theatre"], True, 1.0, True),
        ("dam dam dam", ["dam dam"], False, 0.8, True),
    ],
)
def test_worked_by_hand(answer: str, golds: list[str], exact: bool, f1: float, right: bool) -> None:
    assert exact_match(answer, golds) == exact
    assert token_f1(answer, golds) == pytest.approx(f1, abs=1e-12)
    assert is_right(answer, golds) == right


def test_bootstrap_interval() -> None:
    low, high = bootstrap_interval([1.0] * 50 + [0.0] * 50)
    # the normal approximation gives 0.5 ± 1.96 · sqrt(0.25 / 100) = 0.402 to 0.598
    assert (low, high) == (pytest.approx(0.402, abs=0.02), pytest.approx(0.598, abs=0.02))
    assert bootstrap_interval([1.0, 1.0]) == (1.0, 1.0)


def test_intervals_of_many_measures_are_those_of_each() -> None:
    values = {"one": [1.0, 0.0, 1.0, 1.0, 0.5], "two": [0.2, 0.1, 0.9, 0.4, 0.3]}
    found = mean_figures(values)
    for name, each in values.items():
        alone = mean_figure(each)
        assert found[name]["value"] == pytest.approx(alone["value"], abs=1e-12)
        assert found[name]["interval"] == pytest.approx(alone["interval"], abs=1e-12)
        assert found[name]["n"] == 5


def test_auroc() -> None:
    assert auroc([3, 2, 1], [True, True, False]) == 1.0
    assert auroc([1, 2, 3], [True, True, False]) == 0.0
    assert auroc([1, 1], [True, False]) == 0.5
    assert auroc([1], [True]) != auroc([1], [True])  # not a number: there is no negative
