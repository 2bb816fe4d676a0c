from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eval.evaluate import evaluate
from eval.records import Record, Unit
from eval.retrieval import Bearing
from eval.run import Asking, Row, ask, figures
from eval.runs import read_json, rows_of
from eval.sets import Example, Gold, read_set
from rag.service import Service
from rag.settings import Settings
from rag.types import Turn

QUESTIONS = Path(__file__).parents[2] / "eval" / "questions" / "seeds.jsonl"


def row(**changes: object) -> Row:
    values: dict[str, object] = {
        "id": "1", "question": "q", "asked_as": "q", "tags": (), "conversation": None,
        "golds": (Gold("g"),), "answer": "g", "given": True, "confidence": 0.9, "reason": "",
        "citations": (), "others": (), "hits": (), "error": "", "excerpts": (), "elapsed_ms": 1.0,
        "measures": {},
    }  # fmt: skip
    return Row(**{**values, **changes})  # type: ignore[arg-type]


def test_figures_worked_by_hand() -> None:
    top = "right answer at the top"
    rows = [
        row(measures={top: 1.0, "token F1": 1.0, "false abstentions": 0.0}),
        row(confidence=0.4, measures={top: 1.0, "token F1": 1.0, "false abstentions": 1.0}),
        row(confidence=0.5, measures={top: 0.0, "token F1": 0.2, "false abstentions": 0.0}),
        row(confidence=0.1, answer=None, measures={top: 0.0, "token F1": 0.0}),
        row(golds=(), confidence=0.2, measures={"right abstentions": 1.0}),
        row(golds=(), confidence=0.6, measures={"right abstentions": 0.0}),
    ]
    found = {name: (figure["value"], figure["n"]) for name, figure in figures(rows).items()}
    assert found == {
        top: (0.5, 4),
        "token F1": (pytest.approx(0.55), 4),
        "right abstentions": (0.5, 2),
        "false abstentions": (pytest.approx(1 / 3), 3),
        # right: 0.9, 0.4; not: 0.5, 0.1, 0.2, 0.6; of 8 pairs 4 + 2 are in order
        "AUROC of right by confidence": (0.75, 6),
        # answerable: 0.9, 0.4, 0.5, 0.1; not: 0.2, 0.6
        "AUROC of answerable by confidence": (4 / 8, 6),
        # from none given, 2 of 6: .9 +1, .6 -1, .5 +.2, .4 +1, .2 -1
        "best token F1 with unanswerables": (pytest.approx(3.2 / 6), 6),
        "expected calibration error (15 bins)": (pytest.approx(2.1 / 6), 6),
        "Brier score": (pytest.approx((0.01 + 0.36 + 0.25 + 0.01 + 0.04 + 0.36) / 6), 6),
        "Brier score of the base rate": (pytest.approx(2 / 9), 6),
        "area under the risk-coverage curve": (
            pytest.approx((0 + 1 / 2 + 2 / 3 + 2 / 4 + 3 / 5 + 4 / 6) / 6), 6,
        ),
    }  # fmt: skip
    assert figures(rows)["best token F1 with unanswerables"]["threshold"] == 0.4


def test_a_reader_without_calibration_has_no_figures_of_confidence() -> None:
    assert list(figures([row(confidence=None)])) == [
        "right answer at the top", "right abstentions", "false abstentions"
    ]  # fmt: skip


def some_examples() -> list[Example]:
    examples, complaints = read_set(QUESTIONS)
    assert complaints == []
    return [
        examples[0],
        Example("none", "What is the recipe for sourdough bread?", ()),
        Example("plain", "Who heads the Deir al-Zor military council?", (Gold("Khawla"),)),
        Example("blank", "  ?", ()),
    ]


def asked(service: Service, unit: Unit) -> list[Record]:
    with service.retriever.generation() as found:
        return list(ask(service, unit, Bearing(found)))


def test_questions_of_the_demo_corpus(service: Service) -> None:
    records = [record for example in some_examples() for record in asked(service, (example,))]
    rows = [Row.of(record.row) for record in records]
    assert [r.id for r in rows] == ["s001", "none", "plain", "blank"]
    assert not rows[1].given and not rows[1].right and rows[1].error == ""
    assert rows[2].right and rows[2].given
    assert any(hit["bears"] for hit in rows[2].hits)
    assert all(r.measures["every quote stands where it says"] == 1 for r in rows)
    cited = rows[2].citations[0]
    shown = next(e for e in rows[2].excerpts if e["of"] == "answer")
    start = cited["start"] - shown["start"]
    assert shown["text"][start : start + len(cited["quote"])] == cited["quote"] == rows[2].answer
    hybrid = [ident for ident, _ in records[2].rankings["hybrid"]]
    assert [hit["passage_id"] for hit in rows[2].hits] == hybrid[: len(rows[2].hits)]
    assert set(records[2].relevant) >= {h["passage_id"] for h in rows[2].hits if h["bears"]}


def test_a_conversation_is_asked_with_the_turns_before(service: Service) -> None:
    first, second = "Who is Jan Egeland?", "What did he say about Raqqa?"
    unit = tuple(Example(str(n), q, (), conversation="t") for n, q in enumerate((first, second)))
    rows = [Row.of(record.row) for record in asked(service, unit)]
    alone = service.ask(first)
    turned = service.ask(second, turns=[Turn(alone.question.text, alone.text)])
    assert [r.asked_as for r in rows] == [alone.question.text, turned.question.text]
    assert rows[1].answer == (turned.text or turned.others[0].text)


@pytest.mark.timeout(900)  # each worker loads every model
@pytest.mark.slow
def test_the_same_by_two_workers_and_by_none(seeds_home: Path, tmp_path: Path) -> None:
    examples = some_examples()
    job = Asking(Settings(seeds_home))
    evaluate(job, examples, "some.jsonl", tmp_path / "run", workers=2)
    evaluate(job, examples, "some.jsonl", tmp_path / "alone")
    for one, other in zip(rows_of(tmp_path / "run"), rows_of(tmp_path / "alone"), strict=True):
        one["elapsed_ms"] = other["elapsed_ms"] = 0
        assert one == other
    metrics = read_json(tmp_path / "run" / "metrics.json")
    assert metrics["questions"] == 4 and metrics["answerable"] == 2
    assert metrics["speed"]["workers"] == 2
    assert metrics["retrieval"]["hybrid"]["Success@20"] == {
        "value": 1.0, "n": 2, "interval": [1.0, 1.0]
    }  # fmt: skip
    environment = read_json(tmp_path / "run" / "environment.json")
    assert environment["made with"]["index"]["collection"] == "seeds"
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000


def test_a_calibration_is_part_of_what_a_run_was_made_with(service: Service) -> None:
    asking = Asking(service.settings)
    before = asking.environment()["calibrator"]
    assert 0 < before["threshold"] < 1 and before["fitted_on"]
    stricter = Asking(replace(service.settings, max_risk=0.1)).environment()["calibrator"]
    assert stricter["threshold"] > before["threshold"]
    assert stricter["sha256"] == before["sha256"]
