"""Fit a `Calibrator` on a question set: `spanwise calibrate`.

A logistic regression on the features of the top answer, right or not. The risks behind the
threshold come from five-fold cross-validation, so that no question is judged by its own fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.measures import is_right
from eval.sets import Example
from index.errors import QuestionError
from rag.abstain import FEATURES, Calibrator, features
from rag.service import AT_ONCE, Service

FEWEST = 40
"""Questions with an answer found; fewer give no fit worth the name."""
FOLDS = 5
POINTS = 200


def fit(
    service: Service,
    examples: Sequence[Example],
    described: str,
    max_risk: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Calibrator:
    """Ask every example and fit a calibrator to what comes back.

    Args:
        service: over the collection that the questions are about.
        examples: answerable and unanswerable ones, in the proportion that users ask them.
        described: what the questions are, in words; their number is added.
        max_risk: the share of wrong answers that is accepted where the user sets none.
        progress: called with (done, total).

    Raises:
        QuestionError: too few questions, or all of them right, or all wrong.
    """
    rows, right = [], []
    for start in range(0, len(examples), AT_ONCE):
        progress(start, len(examples))
        part = examples[start : start + AT_ONCE]
        asked = service.candidates([example.question for example in part])
        for example, (hits, said) in zip(part, asked, strict=True):
            if said:
                found = features(said[0], hits, said)
                rows.append([found[name] for name in FEATURES])
                right.append(is_right(said[0].text, [gold.text for gold in example.golds]))
    progress(len(examples), len(examples))
    x, y = np.array(rows, dtype=np.float64), np.array(right, dtype=np.bool_)
    if len(y) < FEWEST or min(y.sum(), (~y).sum()) < FOLDS:
        raise QuestionError(
            f"Too few questions to calibrate by ({len(y)} with an answer found, {y.sum()} right)",
            mend=f"Give at least {FEWEST}, answerable and unanswerable ones.",
        )
    weights, bias = _logistic(x, y)
    return Calibrator(
        reader=service.reader.fingerprint,
        fitted_on=f"{described} ({len(examples):,} questions)",
        weights=dict(zip(FEATURES, (round(float(w), 6) for w in weights), strict=True)),
        bias=round(float(bias), 6),
        risks=_risks(_out_of_fold(x, y), y),
        max_risk=max_risk,
    )


def _logistic(x: NDArray[np.float64], y: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """Weights and bias on the raw features, of a ridge-penalised fit on scaled ones."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale == 0] = 1.0
    model = LogisticRegression(C=1.0, max_iter=1_000).fit((x - mean) / scale, y)
    weights = model.coef_[0] / scale
    return weights, float(model.intercept_[0] - weights @ mean)


def _out_of_fold(x: NDArray[np.float64], y: NDArray[np.bool_]) -> NDArray[np.float64]:
    fold = np.random.default_rng(0).permutation(len(y)) % FOLDS
    probabilities = np.empty(len(y))
    for n in range(FOLDS):
        weights, bias = _logistic(x[fold != n], y[fold != n])
        probabilities[fold == n] = 1 / (1 + np.exp(-(x[fold == n] @ weights + bias)))
    return probabilities


def _risks(
    confidence: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[tuple[float, float], ...]:
    """(confidence, share of wrong ones among those at least that sure), at most `POINTS`."""
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    # Among the first few a single mistake would decide: the curve begins at 20 answers.
    places = np.unique(np.linspace(19, len(order) - 1, POINTS).astype(int))
    points = [(round(float(confidence[order[i]]), 3), round(float(wrong[i]), 4)) for i in places]
    return (*points, (0.0, round(float(wrong[-1]), 4)))
