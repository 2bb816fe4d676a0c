from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from index.errors import ModelError
from index.types import Hit, Passage
from rag.abstain import FARTHEST, FEATURES, FILE, Calibrator, features
from rag.aggregate import RETRIEVAL, aggregate
from rag.types import Span

RISKS = ((0.9, 0.0), (0.7, 0.1), (0.5, 0.25), (0.0, 0.5))
CALIBRATOR = Calibrator("r", "5 questions", dict.fromkeys(FEATURES, 0.0), 0.0, RISKS, 0.2)


def span(doc: str, start: int, text: str, score: float, rank: int = 1) -> Span:
    passage = Passage(f"p{doc}", doc, 0, 100, "." * start + text, path=doc)
    hit = Hit(passage, 1 / rank, rank)
    return Span(hit, start, start + len(text), score, 1.0)


def test_features_of_an_answer_worked_by_hand() -> None:
    said = aggregate(
        [
            span("b", 7, "4,000 fighters", 8.0, 2),
            span("a", 5, "4,000", 9.0),
            span("c", 0, "800", 6, 4),
        ]
    )
    assert [c.text for c in said] == ["4,000", "800"]
    hits = [said[1].spans[0].hit]
    lead = 3.0 + 0.75 * RETRIEVAL
    first = {"evidence": 8.0 + RETRIEVAL, "retrieval": 0.25, "lead": lead}
    assert features(said[0], hits, said) == first
    second = {"evidence": 5.0 + RETRIEVAL / 4, "retrieval": 0.25, "lead": -lead}
    assert features(said[1], hits, said) == second
    assert features(said[0], hits, said[:1])["lead"] == FARTHEST
    assert set(first) == set(FEATURES)


def test_probability_is_the_logistic_of_the_weighted_sum() -> None:
    found = dict.fromkeys(FEATURES, 0.0) | {"evidence": 2.0}
    one = replace(CALIBRATOR, weights={**CALIBRATOR.weights, "evidence": 0.5}, bias=-1.0)
    assert one.probability(found) == pytest.approx(0.5)
    assert replace(one, bias=math.log(3) - 1).probability(found) == pytest.approx(0.75)
    for extreme in (-1e6, 1e6):
        assert 0 <= replace(one, bias=extreme).probability(found) <= 1


@pytest.mark.parametrize(
    ("risk", "threshold"), [(0.0, 0.9), (0.1, 0.7), (None, 0.7), (0.25, 0.5), (1.0, 0.0)]
)
def test_the_threshold_is_the_lowest_that_keeps_the_risk(
    risk: float | None, threshold: float
) -> None:
    assert CALIBRATOR.threshold(risk) == threshold


def test_a_risk_that_is_never_kept_gives_no_answer() -> None:
    assert replace(CALIBRATOR, risks=((0.9, 0.3), (0.0, 0.5))).threshold() > 1


def test_it_comes_back_from_its_file_and_only_for_its_reader(tmp_path: Path) -> None:
    file = tmp_path / FILE
    CALIBRATOR.write(file)
    assert Calibrator.load(file, "r") == CALIBRATOR
    with pytest.raises(ModelError, match="another reader.*spanwise calibrate"):
        Calibrator.load(file, "other")


@pytest.mark.parametrize("change", [{"version": 1}, {"weights": {}}, {"risks": [[1]]}, {"new": 1}])
def test_a_damaged_file_is_told(tmp_path: Path, change: dict[str, object]) -> None:
    file = tmp_path / FILE
    file.write_text(json.dumps({**CALIBRATOR.to_dict(), **change}))
    with pytest.raises(ModelError, match="cannot be read"):
        Calibrator.load(file, "r")
