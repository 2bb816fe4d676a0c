from __future__ import annotations

import pytest

from eval.judge import error_class, judge
from eval.sets import Gold
from index.types import Hit, Passage
from rag.types import Answer, Citation, Question

TEXT = "The dam of Hajin was built in 1931 by Abu Khawla."
ASKED = Question("q", "q")
WHEN = Gold("in 1931", "d/a.txt", 27, 34)


def said(text: str, path: str = "d/a.txt", **changes: object) -> Answer:
    start = TEXT.index(text)
    cited = Citation("i", path, None, None, None, start, start + len(text), text, "", 0, 1, "p")
    values: dict[str, object] = {"confidence": 0.5, "citations": (cited,)}
    return Answer(ASKED, text, **{**values, **changes})  # type: ignore[arg-type]


def hits(*texts: str) -> tuple[Hit, ...]:
    return tuple(
        Hit(Passage(str(n), "i", 100 * n, 100 * n + len(t), t, path="d/a.txt"), 0.5, n + 1)
        for n, t in enumerate(texts)
    )


def withheld(*answers: Answer, **changes: object) -> Answer:
    values: dict[str, object] = {"confidence": 0.1, "others": answers, "reason": "below_threshold"}
    return Answer(ASKED, None, **{**values, **changes})  # type: ignore[arg-type]


def test_a_right_answer() -> None:
    answer = said("1931", hits=hits(TEXT), others=(said("Hajin"),))
    assert judge([WHEN, Gold("Hajin dam")], answer, True) == {
        "right answer at the top": 1, "right answer in the top 3": 1,
        "right answer in the top 5": 1, "token F1": pytest.approx(2 / 3), "exact match": 0,
        "right document cited": 1, "citation precision": 1, "citation recall": 4 / 7,
        "answer-bearing passage in the top 5": 1, "false abstentions": 0,
        "right answers withheld": 0, "right answers given": 1,
        "wrong among the answers given": 0, "share answered": 1, "right decisions": 1,
        "token F1 with unanswerables": pytest.approx(2 / 3),
        "every quote stands where it says": 1,
    }  # fmt: skip
    assert error_class([WHEN], answer) == ""


def test_a_right_one_withheld() -> None:
    answer = withheld(said("1931"), hits=hits(TEXT))
    found = judge([WHEN], answer, True)
    assert found["right answer at the top"] == found["right answers withheld"] == 1
    assert found["false abstentions"] == 1
    assert found["right decisions"] == found["token F1 with unanswerables"] == 0
    assert "wrong among the answers given" not in found
    assert error_class([WHEN], answer) == "false abstention"


@pytest.mark.parametrize(
    ("answer", "error", "ranks"),
    [
        (said("Abu Khawla", hits=hits(TEXT)), "reading miss", (0, 0, 0)),
        (said("Hajin", hits=hits("Something else.")), "retrieval miss", (0, 0, 0)),
        (said("Hajin", hits=hits("x"), others=(said("dam"), said("1931"))),
         "wrong choice among spans", (0, 1, 1)),
        (said("Hajin", hits=hits("x"), others=(*[said("dam")] * 3, said("1931"))),
         "wrong choice among spans", (0, 0, 1)),
        (withheld(said("Hajin"), said("1931"), hits=hits("x")),
         "wrong choice among spans", (0, 1, 1)),
        (withheld(reason="no_evidence"), "retrieval miss", (0, 0, 0)),
    ],
)  # fmt: skip
def test_what_went_wrong(answer: Answer, error: str, ranks: tuple[int, ...]) -> None:
    assert error_class([WHEN], answer) == error
    found = judge([WHEN], answer, True)
    names = ("at the top", "in the top 3", "in the top 5")
    assert tuple(found[f"right answer {name}"] for name in names) == ranks


def test_unanswerable() -> None:
    right, wrong = withheld(said("Hajin")), said("Hajin")
    assert error_class([], right) == "" and error_class([], wrong) == "false answer"
    assert judge([], right, True) == {
        "right abstentions": 1, "share answered": 0, "right decisions": 1,
        "token F1 with unanswerables": 1, "every quote stands where it says": 1,
    }  # fmt: skip
    assert judge([], wrong, False) == {
        "right abstentions": 0, "share answered": 1, "right decisions": 0,
        "token F1 with unanswerables": 0, "every quote stands where it says": 0,
        "wrong among the answers given": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "path", "golds", "precision", "recall"),
    [
        ("built in 1931", "d/a.txt", [WHEN], 7 / 13, 1.0),
        ("was built in", "d/a.txt", [WHEN], 2 / 12, 2 / 7),
        ("Hajin", "d/a.txt", [WHEN], 0.0, 0.0),
        ("1931", "d/b.txt", [WHEN], 0.0, 0.0),
        ("1931", "d/a.txt", [Gold("in 1931", "d/b.txt", 27, 34), WHEN], 1.0, 4 / 7),
        ("1931", "d/a.txt", [WHEN, Gold("1931", "d/a.txt", 30, 34)], 1.0, 1.0),
    ],
)
def test_characters_cited(
    text: str, path: str, golds: list[Gold], precision: float, recall: float
) -> None:
    found = judge(golds, said(text, path), True)
    assert found["citation precision"] == pytest.approx(precision)
    assert found["citation recall"] == pytest.approx(recall)


def test_golds_that_do_not_say_where() -> None:
    found = judge([Gold("1931")], said("1931"), True)
    assert "citation precision" not in found and "right document cited" not in found
    found = judge([Gold("1931", "d/b.txt")], said("1931"), True)
    assert "citation precision" not in found and found["right document cited"] == 0
    assert judge([WHEN], withheld(reason="no_evidence"), True)["citation recall"] == 0


def test_the_answer_of_the_sixth_place_does_not_count() -> None:
    answer = said("Hajin", others=(*[said("dam")] * 4, said("1931")))
    assert judge([WHEN], answer, True)["right answer in the top 5"] == 0
