"""What the arms said, judged, as a Markdown table with n and 95% bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from eval.measures import Figure, bootstrap, exact_match, mean_figure, token_f1
from eval.peers.same import READ
from eval.retrieval import bears
from eval.sets import Example
from index.snapshot import Snapshot

TOP = 5
HEADS = (
    "arm", "exact match", "token F1", "F1 more than the first arm's",
    f"answer-bearing passage in the top {TOP}", f"among the {READ} read", "questions/s",
)  # fmt: skip


def rows_of(
    found: Snapshot, examples: Sequence[Example], said: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What an arm said of each question, with ``exact``, ``f1`` and the rank that ``bears``.

    The rank is that of the first passage that holds a gold, None where none was read.
    """
    rows = []
    for example, one in zip(examples, said, strict=True):
        golds = [gold.text for gold in example.golds]
        answer = one["answer"]
        passages = found.passages(one["read"])
        ranks = (n for n, p in enumerate(passages, start=1) if bears(p, example.golds))
        rows.append({
            **one,
            "id": example.id,
            "exact": bool(answer) and exact_match(answer, golds),
            "f1": token_f1(answer, golds) if answer else 0.0,
            "bears": next(ranks, None),
        })  # fmt: skip
    return rows


def table(arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """Lines of Markdown; the differences are paired, question by question."""
    yield f"| {' | '.join(HEADS)} |"
    yield "|---" * len(HEADS) + "|"
    first = next(iter(arms.values()))
    for name, rows in arms.items():
        ranks = [row["bears"] or READ + 1 for row in rows]
        more = [row["f1"] - other["f1"] for row, other in zip(rows, first, strict=True)]
        cells = [
            _cell(mean_figure([float(row["exact"]) for row in rows])),
            _cell(mean_figure([row["f1"] for row in rows])),
            "–" if rows is first else _cell(mean_figure(more), "+.3f"),
            _cell(mean_figure([float(rank <= TOP) for rank in ranks])),
            _cell(mean_figure([float(rank <= READ) for rank in ranks])),
            _cell(rate([row["seconds"] for row in rows]), ".2f"),
        ]
        yield f"| {name} | {' | '.join(cells)} |"


def rate(seconds: Sequence[float]) -> Figure:
    """Questions a second, over all of them."""
    taken = np.asarray(seconds, dtype=np.float64)
    return {
        "value": len(taken) / float(taken.sum()),
        "n": len(taken),
        "interval": bootstrap(lambda counts: float(counts.sum() / (counts @ taken)), len(taken)),
    }


def _cell(figure: Figure, form: str = ".3f") -> str:
    low, high = figure["interval"]
    return f"{figure['value']:{form}} [{low:{form}}, {high:{form}}]"
