from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from tiny import write_files

from eval.judge import ERRORS
from eval.measures import auroc, auroc_interval, best_threshold
from eval.reading import Reading, figures, read_given
from eval.runs import rows_of
from eval.sets import Example, Gold
from index.errors import QuestionError
from rag.cli import app
from rag.read import Reader

CONTEXT = "The dam of Hajin was built in 1931. It broke in spring."


def reading(margin: float | None, golds: tuple[str, ...], f1: float, exact: bool) -> Reading:
    answer = None if margin is None else "x"
    return Reading("i", "q", golds, answer, 0, 1, margin, exact, f1)


def official_best(
    na_probs: Sequence[float], scores: Sequence[float], has_answer: Sequence[bool],
    empty: Sequence[bool],
) -> float:  # fmt: skip
    """The rule of SQuAD 2.0's evaluation script, question by question as it is written there."""
    current = best = float(sum(not has for has in has_answer))
    for n in sorted(range(len(scores)), key=lambda n: na_probs[n]):
        if has_answer[n]:
            current += scores[n]
        elif not empty[n]:
            current -= 1
        best = max(best, current)
    return best / len(scores)


def test_figures_worked_by_hand() -> None:
    rows = [
        reading(5.0, ("g",), 1.0, True),
        reading(4.0, (), 0.0, False),
        reading(2.0, ("g",), 0.5, False),
        reading(-1.0, ("g",), 0.8, True),
        reading(-3.0, (), 0.0, False),
        reading(None, (), 0.0, False),
    ]
    found = {name: (figure["value"], figure["n"]) for name, figure in figures(rows).items()}
    assert found == {
        "exact match": (pytest.approx(2 / 3), 3),
        "token F1": (pytest.approx(2.3 / 3), 3),
        # from none answered, 3 of 6: +1, -1, +0, +1, -1, 0
        "best exact match with unanswerables": (pytest.approx(4 / 6), 6),
        "exact match with unanswerables, at threshold 0": (pytest.approx(3 / 6), 6),
        # +1, -1, +0.5, +0.8, -1, 0
        "best token F1 with unanswerables": (pytest.approx(4.3 / 6), 6),
        "token F1 with unanswerables, at threshold 0": (pytest.approx(3.5 / 6), 6),
        # answerable 5, 2, -1; not 4, -3, none: 3 + 2 + 2 of 9 pairs
        "AUROC of answerable by margin": (pytest.approx(7 / 9), 6),
    }
    assert figures(rows)["best token F1 with unanswerables"]["threshold"] == -1.0
    assert figures(rows)["best exact match with unanswerables"]["threshold"] == 5.0
    assert list(figures(rows[:1])) == ["exact match", "token F1"]


def test_the_best_threshold_is_that_of_the_official_rule() -> None:
    dice = random.Random(1)
    for size in (1, 2, 7, 60):
        for _ in range(8):
            has = [dice.random() < 0.5 for _ in range(size)]
            scores = [dice.choice([0.0, 1.0, dice.random()]) if h else 0.0 for h in has]
            margins = [dice.choice([dice.gauss(0, 1), 0.5, float("-inf")]) for _ in has]
            empty = [margin == float("-inf") for margin in margins]
            scores = [0.0 if none else s for s, none in zip(scores, empty, strict=True)]
            best = best_threshold(margins, scores, has)
            wanted = official_best([-m for m in margins], scores, has, empty)
            assert best.value == pytest.approx(wanted, abs=1e-9)
            assert best.interval[0] - 0.2 <= best.value <= best.interval[1] + 1e-9


def test_the_interval_of_auroc_resamples_questions() -> None:
    dice = random.Random(1)
    positive = [dice.random() < 0.4 for _ in range(60)]
    scores = [round(dice.gauss(float(up), 1), 1) for up in positive]
    low, high = auroc_interval(scores, positive)
    draws = []
    for _ in range(2_000):
        drawn = [dice.randrange(60) for _ in range(60)]
        draws.append(auroc([scores[n] for n in drawn], [positive[n] for n in drawn]))
    draws.sort()
    assert (low, high) == pytest.approx((draws[50], draws[1949]), abs=0.02)


def test_the_reader_on_given_passages() -> None:
    seen: list[tuple[int, int]] = []
    examples = [
        Example("a", "When was the dam built?", (Gold("1931", None, 30, 34),), (), CONTEXT),
        Example("b", "Who paid for the opera house?", (), (), CONTEXT),
        Example("c", "When did it break?", (Gold("spring"), Gold("in spring")), (), CONTEXT),
        Example("d", "What is it?", (), (), "…"),
    ]
    readings = read_given(Reader(), examples, lambda done, total: seen.append((done, total)))
    assert [r.id for r in readings] == ["a", "b", "c", "d"]
    for found in readings[:3]:
        assert found.start is not None
        assert CONTEXT[found.start : found.end] == found.answer
    assert readings[0].answer == "1931"
    assert readings[0].exact and readings[0].f1 == 1.0
    assert readings[0].margin is not None and readings[1].margin is not None
    assert readings[0].margin > readings[1].margin
    assert readings[3].answer is readings[3].margin is readings[3].start is None
    assert seen[-1] == (4, 4)
    assert read_given(Reader(), examples[::-1])[::-1] == readings


def test_a_question_without_a_passage() -> None:
    with pytest.raises(QuestionError, match="--gold-passage"):
        read_given(Reader(), [Example("a", "When?", ())])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"id": "a", "title": "Dam", "context": CONTEXT, "question": "When was the dam built?",
           "answers": {"text": ["1931"], "answer_start": [30]}}  # fmt: skip
    lines = [json.dumps({**row, "id": str(n)}) for n in range(5)]
    write_files(tmp_path, {"dev.jsonl": "\n".join([*lines, "oh"])})
    command = ["eval", str(tmp_path / "dev.jsonl"), "--gold-passage", "--home", str(tmp_path)]
    command += ["--sample", "3", "--seed", "7", "--json"]
    assert app(command, standalone_mode=False) == 0
    out, err = capsys.readouterr()
    assert "Left out: dev.jsonl, line 6" in err
    said = json.loads(out)
    rows = list(rows_of(Path(said["run"])))
    assert len(rows) == 3 and rows[0]["answer"] == "1931"
    assert said["errors"] == dict.fromkeys(ERRORS, 0)
    assert said["figures"]["exact match"] == {"value": 1.0, "n": 3, "interval": [1.0, 1.0]}
