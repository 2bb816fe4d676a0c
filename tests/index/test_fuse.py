"""Fusion by hand-computed answers, and the properties that every fusion must have."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import SettingsError
from index.fuse import DEFAULT_METHOD, DEFAULT_WEIGHTS, Method, convex, fuse, rrf
from index.types import Ranking

LEXICAL: Ranking = [("a", 8.0), ("b", 6.0), ("c", 4.0)]
DENSE: Ranking = [("d", 0.9), ("b", 0.8), ("c", 0.5)]
BOTH = {"lexical": LEXICAL, "dense": DENSE}
METHODS: list[Method] = ["rrf", "convex"]


def test_rrf_by_hand() -> None:
    # a: 1/61 · b: 1/62 + 1/62 · c: 1/63 + 1/63 · d: 1/61, after a by id
    fused = rrf(BOTH, {"lexical": 1, "dense": 1})
    assert [doc for doc, _ in fused] == ["b", "c", "a", "d"]
    assert [score for _, score in fused] == pytest.approx([2 / 62, 2 / 63, 1 / 61, 1 / 61])


def test_rrf_weights_apply() -> None:
    fused = dict(rrf(BOTH, {"lexical": 3, "dense": 0.5}, k=1))
    assert fused == pytest.approx({"a": 3 / 2, "b": 3.5 / 3, "c": 3.5 / 4, "d": 0.5 / 2})


def test_convex_by_hand() -> None:
    # lexical: 8/8, 6/8, 4/8 · dense: 0.9/0.9, 0.8/0.9, 0.5/0.9
    fused = convex(BOTH, {"lexical": 0.5, "dense": 0.5})
    assert [doc for doc, _ in fused] == ["b", "c", "a", "d"]
    assert dict(fused) == pytest.approx({"b": 59 / 72, "c": 19 / 36, "a": 0.5, "d": 0.5})


def test_convex_weights_apply() -> None:
    fused = dict(convex(BOTH, {"lexical": 3, "dense": 0.9}))
    assert fused == pytest.approx({"a": 3, "b": 2.25 + 0.8, "c": 1.5 + 0.5, "d": 0.9})


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        ([("a", 0.01)], [1.0]),
        ([("a", 7.0), ("b", 7.0)], [1.0, 1.0]),
        ([("a", 7.0), ("b", 6.9)], [1.0, 6.9 / 7]),
        ([("a", 0.3), ("b", 0.0), ("c", -0.1)], [1.0, 0.25, 0.0]),
        ([("a", -0.1), ("b", -0.3)], [1.0, 0.0]),
        ([("a", 0.0)], [1.0]),
    ],
)
def test_convex_scales_a_short_channel_and_one_below_nothing(
    ranking: Ranking, expected: list[float]
) -> None:
    assert [s for _, s in convex({"dense": ranking}, {"dense": 1})] == pytest.approx(expected)


def test_convex_does_not_depend_on_the_depth() -> None:
    weights = {"lexical": 0.5, "dense": 0.5}
    cut = {channel: ranking[:2] for channel, ranking in BOTH.items()}
    assert dict(convex(cut, weights)) == {d: s for d, s in convex(BOTH, weights) if d != "c"}


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_channel_changes_nothing(method: Method) -> None:
    weights = {"lexical": 0.5, "dense": 0.5}
    fused = fuse(method, {"lexical": LEXICAL, "dense": []}, weights)
    assert [doc for doc, _ in fused] == ["a", "b", "c"]
    assert fuse(method, {"lexical": [], "dense": []}, weights) == []
    assert fuse(method, {}, weights) == []


@pytest.mark.parametrize("method", METHODS)
def test_a_channel_of_weight_nothing_brings_nothing(method: Method) -> None:
    fused = fuse(method, BOTH, {"lexical": 1.0, "dense": 0.0})
    assert [doc for doc, _ in fused] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "weights",
    [{"lexical": 1.0}, {"lexical": 1.0, "dense": -1.0}, {"lexical": 1.0, "dense": math.nan}],
)
@pytest.mark.parametrize("method", METHODS)
def test_weights_without_sense(method: Method, weights: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="dense"):
        fuse(method, BOTH, weights)


def test_unknown_method() -> None:
    with pytest.raises(SettingsError, match="rrf"):
        fuse("borda", BOTH, DEFAULT_WEIGHTS)  # type: ignore[arg-type]


def test_defaults_fit_each_other() -> None:
    assert DEFAULT_METHOD in METHODS
    assert [doc for doc, _ in fuse(DEFAULT_METHOD, BOTH, DEFAULT_WEIGHTS)][0] == "b"


scores = st.floats(-1, 50, allow_nan=False)
rankings = st.dictionaries(st.sampled_from("abcdefgh"), scores).map(
    lambda found: sorted(found.items(), key=lambda hit: (-hit[1], hit[0]))
)


@given(lexical=rankings, dense=rankings, weight=st.floats(0.01, 0.99))
@pytest.mark.parametrize("method", METHODS)
def test_properties(method: Method, lexical: Ranking, dense: Ranking, weight: float) -> None:
    weights = {"lexical": weight, "dense": 1 - weight}
    fused = fuse(method, {"lexical": lexical, "dense": dense}, weights)
    assert {doc for doc, _ in fused} == {doc for doc, _ in lexical + dense}
    assert len(fused) == len({doc for doc, _ in fused})
    assert fused == sorted(fused, key=lambda hit: (-hit[1], hit[0]))
    assert fused == fuse(method, {"dense": dense, "lexical": lexical}, weights)
    # Better in both channels is better together.
    places = [{doc: place for place, (doc, _) in enumerate(r)} for r in (lexical, dense)]
    both = [doc for doc, _ in fused if all(doc in place for place in places)]
    for first in both:
        for second in both:
            if all(place[first] < place[second] for place in places):
                assert dict(fused)[first] >= dict(fused)[second]
