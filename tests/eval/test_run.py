from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.run import Row, figures, run, to_json
from eval.sets import Example, Gold, read_set
from rag.service import Service

QUESTIONS = Path(__file__).parents[2] / "eval" / "questions" / "seeds.jsonl"


def row(**changes: object) -> Row:
    values: dict[str, object] = {
        "id": "1", "question": "q", "golds": ("g",), "answer": "g", "given": True,
        "confidence": 0.9, "reason": "", "right": True, "f1": 1.0, "exact": True,
        "right_document": True, "bearing": 1, "quotes_stand": True,
    }  # fmt: skip
    return Row(**{**values, **changes})  # type: ignore[arg-type]


def test_figures_worked_by_hand() -> None:
    wrong = {"right": False, "exact": False, "f1": 0.0}
    rows = [
        row(),
        row(id="2", given=False, confidence=0.4),
        row(**{**wrong, "f1": 0.2}, id="3", right_document=False, bearing=6, confidence=0.5),
        row(**wrong, id="4", given=False, answer=None, bearing=None, confidence=0.1),
        row(**wrong, id="5", golds=(), given=False, confidence=0.2),
        row(**wrong, id="6", golds=(), confidence=0.6),
    ]  # fmt: skip
    found = {name: (figure["value"], figure["n"]) for name, figure in figures(rows).items()}
    assert found == {
        "right answer at the top": (0.5, 4),
        "token F1": (pytest.approx(0.55), 4),
        "right document cited": (0.75, 4),
        "answer-bearing passage in the top 5": (0.5, 4),
        "right abstentions": (0.5, 2),
        "false abstentions": (0.5, 4),
        "right answers withheld": (0.25, 4),
        "exact match": (0.5, 4),
        "right answers given": (0.25, 4),
        "wrong among the answers given": (pytest.approx(2 / 3), 3),
        "every quote stands where it says": (1.0, 6),
        # right: 0.9, 0.4; not: 0.5, 0.1, 0.2, 0.6; of 8 pairs 4 + 2 are in order
        "AUROC of right by confidence": (0.75, 6),
    }


def test_a_run_over_the_demo_corpus(service: Service) -> None:
    examples, complaints = read_set(QUESTIONS)
    assert complaints == []
    some = [examples[0], Example("none", "What is the recipe for sourdough bread?", ())]
    some.append(Example("plain", "Who heads the Deir al-Zor military council?", (Gold("Khawla"),)))
    rows = run(service, some)
    assert [r.id for r in rows] == [examples[0].id, "none", "plain"]
    assert not rows[1].given and not rows[1].right
    assert rows[2].right and rows[2].given
    assert rows[2].bearing is not None
    assert all(r.quotes_stand for r in rows)
    assert json.loads(json.dumps(to_json(rows)))["figures"]["token F1"]["n"] == 2
