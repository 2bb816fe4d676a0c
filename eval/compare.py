"""Two runs over the same questions: what differs, how surely, and which questions flipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.evaluate import channels
from eval.judge import LOWER_IS_BETTER, NAMES
from eval.measures import Counts, bootstrap
from eval.records import Job
from eval.runs import ENVIRONMENT, read_json, rows_of
from eval.sets import Example, of_documents
from index.errors import QuestionError

GATES = ("right answer at the top", "right decisions", "token F1", "nDCG@10 (hybrid)")
"""A loss in one of these, of those that the runs have, fails a build."""

FEWEST = 20
"""Questions; a bootstrap over fewer takes chance for certainty."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure in both runs; `interval` is that of `after` minus `before`, paired.

    `verdict`: "gain" or "loss" where the interval leaves 0 out and there are at least `FEWEST`
    questions, else "".
    """

    name: str
    before: float
    after: float
    interval: tuple[float, float]
    n: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences, measure by measure, and the questions that only one of the runs got right.

    `kind` is that of both runs. `lost` and `won`: (id, question, what went wrong). `unpaired`:
    questions of one run alone, or of which the right answers differ.
    """

    kind: str
    paired: int
    unpaired: int
    differences: tuple[Difference, ...]
    lost: tuple[tuple[str, str, str], ...]
    won: tuple[tuple[str, str, str], ...]

    @property
    def losses(self) -> list[str]:
        """Measures among `GATES` that are significantly worse."""
        return [d.name for d in self.differences if d.verdict == "loss" and d.name in GATES]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"schema": 1, **asdict(self), "losses": self.losses}


def compare(before: Path, after: Path) -> Comparison:
    """Compare two run folders by a paired bootstrap over the questions that both asked.

    Every draw takes the same questions of both runs. A measure that applies to different questions
    in each (such as wrong among the answers given) is the mean, in each, over those drawn to which
    it applies.

    Raises:
        QuestionError: a folder is no run, the runs are of different kinds, or share no question.
    """
    kind = _same_way(*(read_json(folder / ENVIRONMENT) for folder in (before, after)))
    one, two = ({row["id"]: _slim(row) for row in rows_of(folder)} for folder in (before, after))
    both = [
        i
        for i in one
        if i in two and all(one[i][name] == two[i][name] for name in ("question", "golds"))
    ]
    if not both:
        raise _strangers(after)
    for folder, rows in ((before, one), (after, two)):
        _add_retrieval(folder, rows, kind)
    names = dict.fromkeys([*NAMES, *(n for i in both for n in one[i]["measures"])])
    differences = []
    for name in names:
        found = difference(name, [one[i] for i in both], [two[i] for i in both])
        if found:
            differences.append(found)
    return Comparison(
        kind=kind,
        paired=len(both),
        unpaired=len(one.keys() | two.keys()) - len(both),
        differences=tuple(differences),
        lost=tuple((i, two[i]["question"], two[i]["error"]) for i in both
                   if two[i]["error"] and not one[i]["error"]),
        won=tuple((i, one[i]["question"], one[i]["error"]) for i in both
                  if one[i]["error"] and not two[i]["error"]),
    )  # fmt: skip


def require(before: Path, job: Job, examples: Sequence[Example]) -> None:
    """Say before anything is asked that it could not be compared with a run.

    Raises:
        QuestionError: it is no run, or one of another kind, of other questions or judgements.
    """
    told = read_json(before / ENVIRONMENT)
    kind = _same_way(told, {"kind": job.kind, "made with": job.environment()})
    golds = {
        (example.id, example.question): [asdict(gold) for gold in example.golds]
        for example in (map(of_documents, examples) if kind == "asked" else examples)
    }
    if not any(golds.get((r["id"], r["question"])) == r["golds"] for r in rows_of(before)):
        raise _strangers(before)


def _same_way(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The kind of two runs, from their environments."""
    if before["kind"] != after["kind"]:
        raise QuestionError(
            f"One run {before['kind']} its questions, the other {after['kind']} them",
            mend="Compare with a run that was made in the same way.",
        )
    if len({env.get("made with", {}).get("judgements") for env in (before, after)}) > 1:
        raise QuestionError(
            "The runs were judged by different judgements",
            mend="Make both with the same qrels.",
        )
    return str(after["kind"])


def _strangers(where: Path) -> QuestionError:
    return QuestionError(
        "The runs share no question with the same right answers", where=where,
        mend="Compare with a run of the same question set.",
    )  # fmt: skip


def difference(
    name: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Difference | None:
    """A measure of the same questions, row by row, before and after; None where it has no value."""
    one, two = (
        np.array([row["measures"].get(name, np.nan) for row in rows]) for rows in (before, after)
    )
    there = ~(np.isnan(one) & np.isnan(two))
    one, two = one[there], two[there]
    if np.isnan(one).all() or np.isnan(two).all():
        return None
    everything, enough = np.ones(len(one)), len(one) >= FEWEST
    low, high = bootstrap(_gain(one, two), len(one))
    better = low > 0 if name not in LOWER_IS_BETTER else high < 0
    worse = high < 0 if name not in LOWER_IS_BETTER else low > 0
    return Difference(
        name=name,
        before=_mean(one)(everything),
        after=_mean(two)(everything),
        interval=(low, high),
        n=len(one),
        verdict="" if not enough else "gain" if better else "loss" if worse else "",
    )


def _slim(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("id", "question", "error", "golds")
    return {**{name: row[name] for name in kept}, "measures": dict(row["measures"])}


def _add_retrieval(folder: Path, rows: Mapping[str, dict[str, Any]], kind: str) -> None:
    for channel, values in channels(folder, list(rows.values()), kind).items():
        for name, of in values.items():
            for ident, value in of.items():
                rows[ident]["measures"][f"{name} ({channel})"] = value


def _mean(values: Numbers) -> Callable[[Counts], float]:
    there, filled = ~np.isnan(values), np.nan_to_num(values)

    def mean(counts: Counts) -> float:
        size = float(counts @ there)
        return float(counts @ filled) / size if size else float("nan")

    return mean


def _gain(one: Numbers, two: Numbers) -> Callable[[Counts], float]:
    before, after = _mean(one), _mean(two)
    return lambda counts: after(counts) - before(counts)
