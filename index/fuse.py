"""Fusion of rankings: pure functions, the same for every backend.

A document's rank in a channel is its place in that channel's ranking, from 1. A document that a
channel did not find gets nothing from it. Weights apply as they are: only their ratio matters for
the order. Ties are broken by id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from index.errors import SettingsError
from index.types import Ranking

Method = Literal["rrf", "convex"]

# Chosen by `python -m eval.sweep`; the figures are in eval/README.md.
DEFAULT_METHOD: Method = "convex"
DEFAULT_WEIGHTS: Mapping[str, float] = {"lexical": 0.6, "dense": 0.4}


def rrf(rankings: Mapping[str, Ranking], weights: Mapping[str, float], k: int = 60) -> Ranking:
    """Reciprocal rank fusion (Cormack et al. 2009): the sum of weight / (k + rank).

    >>> rankings = {"lexical": [("a", 9.0)], "dense": [("b", 0.8), ("a", 0.7)]}
    >>> rrf(rankings, {"lexical": 1, "dense": 1})
    [('a', 0.03252247488101534), ('b', 0.01639344262295082)]
    """
    return _summed(
        {
            channel: {doc: 1 / (k + rank) for rank, (doc, _) in enumerate(ranking, 1)}
            for channel, ranking in rankings.items()
        },
        weights,
    )


def convex(rankings: Mapping[str, Ranking], weights: Mapping[str, float]) -> Ranking:
    """Convex combination of min-max scaled scores (Bruch et al. 2023).

    Each channel's scores are scaled by (score - low) / (high - low), high being its best score and
    low 0, or its lowest score if that is negative. 0 is what BM25 gives a passage without any
    evidence and what the cosine is between unrelated texts, so that a passage that a channel did
    not find has 0 there without a jump. The lowest score found would not do as low: it changes
    with the depth of the ranking, and of two hits with nearly equal scores it makes a 1 and a 0.
    A channel with one hit, or with equal scores, gives 1.

    >>> rankings = {"lexical": [("a", 8.0), ("b", 6.0)], "dense": [("b", 0.5), ("c", 0.4)]}
    >>> convex(rankings, {"lexical": 0.5, "dense": 0.5})
    [('b', 0.875), ('a', 0.5), ('c', 0.4)]
    """
    return _summed({channel: _scaled(ranking) for channel, ranking in rankings.items()}, weights)


def fuse(method: Method, rankings: Mapping[str, Ranking], weights: Mapping[str, float]) -> Ranking:
    """`rrf` or `convex`, by name."""
    methods = {"rrf": rrf, "convex": convex}
    if method not in methods:
        raise SettingsError("Unknown fusion", where=method, mend='Use "rrf" or "convex".')
    return methods[method](rankings, weights)


def _scaled(ranking: Ranking) -> dict[str, float]:
    scores = [score for _, score in ranking]
    low, high = min([0.0, *scores]), max(scores, default=0.0)
    if low == high:
        return {doc: 1.0 for doc, _ in ranking}
    return {doc: (score - low) / (high - low) for doc, score in ranking}


def _summed(shares: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]) -> Ranking:
    """Σ weight · share for each document, best first, ties by id."""
    parts: dict[str, list[float]] = {}
    for channel, share in shares.items():
        weight = _weight(channel, weights)
        if weight:
            for doc, value in share.items():
                parts.setdefault(doc, []).append(weight * value)
    # fsum is exact, so that the order of the channels cannot show in the last bit.
    fused = [(doc, math.fsum(values)) for doc, values in parts.items()]
    return sorted(fused, key=lambda hit: (-hit[1], hit[0]))


def _weight(channel: str, weights: Mapping[str, float]) -> float:
    weight = weights.get(channel)
    if weight is None or not (math.isfinite(weight) and weight >= 0):
        raise SettingsError(
            f"The channel {channel!r} needs a weight of 0 or more",
            where=weight,
            mend=f"Weights given: {dict(weights)}.",
        )
    return weight
