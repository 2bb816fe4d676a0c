"""A real run by our measures and by the rules of SQuAD's evaluation scripts, written out here."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from tiny import SHARED

from eval.evaluate import evaluate
from eval.reading import ReadingAlone
from eval.run import Asking
from eval.runs import rows_of
from eval.sets import read_set, sample
from rag.settings import Settings

QUESTIONS = Path(__file__).parents[2] / "eval" / "questions" / "seeds.jsonl"
SQUAD2 = SHARED / "dev" / "squad2_dev.dev.jsonl.gz"


def words(text: str) -> list[str]:
    kept = "".join(char for char in text.lower() if char not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", kept).split()


def f1(gold: str, said: str) -> float:
    wanted, given = words(gold), words(said)
    if not wanted or not given:
        return float(wanted == given)
    shared = sum((Counter(wanted) & Counter(given)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(given), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def scored(rows: Sequence[dict[str, Any]]) -> list[tuple[float, float]]:
    """Exact match and F1 of every row; an unanswerable question has the one gold ""."""
    found = []
    for row in rows:
        said = row["answer"] or ""
        golds = [g["text"] for g in row["golds"] if words(g["text"])] or [""]
        found.append((max(float(words(g) == words(said)) for g in golds),
                      max(f1(g, said) for g in golds)))  # fmt: skip
    return found


def test_a_run_over_the_demo_corpus(seeds_home: Path, tmp_path: Path) -> None:
    examples = [example for example in read_set(QUESTIONS)[0] if example.golds][:24]
    made = evaluate(Asking(Settings(seeds_home, "seeds")), examples, "seeds", tmp_path / "run")
    exact, overlap = zip(*scored(list(rows_of(tmp_path / "run"))), strict=True)
    assert 0.2 < fmean(exact) < fmean(overlap) < 1
    assert made["figures"]["exact match"]["value"] == pytest.approx(fmean(exact), abs=1e-9)
    assert made["figures"]["token F1"]["value"] == pytest.approx(fmean(overlap), abs=1e-9)


@pytest.mark.slow
@pytest.mark.skipif(not SQUAD2.exists(), reason=f"the data set {SQUAD2.name} is not here")
def test_a_run_with_unanswerable_questions(tmp_path: Path) -> None:
    examples = sample(read_set(SQUAD2)[0], 200, seed=3)
    made = evaluate(ReadingAlone(), examples, "squad2", tmp_path / "run")["figures"]
    rows = list(rows_of(tmp_path / "run"))
    answerable = [row for row in rows if row["golds"]]
    for place, name in enumerate(("exact match", "token F1")):
        values = [pair[place] for pair in scored(answerable)]
        assert made[name]["value"] == pytest.approx(fmean(values), abs=1e-9)
        best = best_score([row["margin"] for row in rows], rows, place)
        found = made[f"best {name} with unanswerables"]["value"]
        assert found == pytest.approx(best, abs=1e-9)


def best_score(margins: Sequence[float], rows: Sequence[dict[str, Any]], place: int) -> float:
    """``find_best_thresh``: from no answer given on, one more after the other, the surest first."""
    now = best = sum(not row["golds"] for row in rows)
    values = [pair[place] for pair in scored(rows)]
    for n in sorted(range(len(rows)), key=lambda n: -margins[n]):
        if rows[n]["golds"]:
            now += values[n]
        elif rows[n]["answer"]:
            now -= 1
        best = max(best, now)
    return best / len(rows)
