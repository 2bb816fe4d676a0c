"""The measure of follow-up questions by hand, and our own conversations against the corpus."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eval.conversation import (
    OURS,
    Carrying,
    FollowUp,
    OurRow,
    ask_ours,
    carry,
    find_ours,
    read_ours,
    read_rewrites,
    replayed,
    shares,
)
from index.errors import QuestionError
from index.terms import Analysis, analyse
from rag.service import Service
from rag.types import Turn

ROOT = Path(__file__).parents[2]
DOCUMENTS = {
    f"seeds/{path.name}": path.read_bytes().decode("utf-8").removeprefix("\ufeff")
    for path in sorted((ROOT / "seeds").glob("*.txt"))
}
HEAD = ("Who heads the Tanf council?", "Ann Lee")


def rewrite(question: str, gold: str) -> FollowUp:
    return FollowUp("made", (HEAD,), question, gold)


def test_words_are_counted_by_hand() -> None:
    # Carried: "Ann Lee". Both words are gold; "Tanf" was wanted too.
    right = carry(rewrite("How old is she?", "How old is Ann Lee of Tanf?"))
    assert right == Carrying(right=2, carried=2, wanted=3, rewritten=True, alone=False)
    # Carried: "the Tanf council", of which only the council is gold.
    half = carry(rewrite("How old is it?", "How old is the council?"))
    assert half == Carrying(right=1, carried=2, wanted=1, rewritten=True, alone=False)
    alone = carry(rewrite("Who fled to Raqqa?", "who fled to RAQQA"))
    assert alone == Carrying(right=0, carried=0, wanted=0, rewritten=False, alone=True)
    told = shares([right, half, alone])
    assert told["precision of the words carried over"].startswith("0.750 of 4 words")
    assert told["questions that stand alone left as they are"].startswith("1.000 of 1 questions")
    assert told["others rewritten"].startswith("1.000 of 2 questions")
    assert told["missing words carried over"].startswith("0.750 of 4 words")
    assert shares([])["others rewritten"] == "none of 0 questions"


def test_earlier_questions_are_replayed_as_the_product_asks_them() -> None:
    assert replayed((HEAD, ("How old is she?", "43"))) == (
        Turn(*HEAD),
        Turn("How old is Ann Lee?", "43"),
    )


def test_a_conversation_is_in_one_half_whole() -> None:
    halves = {
        FollowUp("made", tuple((f"Who is {n}?", None) for n in (m, 2)), "why?", "why?").half
        for m in range(20)
    }
    assert halves == {"tuning", "reporting"}
    assert rewrite("a", "b").half == FollowUp("made", (HEAD, ("x", "y")), "c", "d").half
    assert rewrite("a", "b").half == FollowUp("made", (), HEAD[0], HEAD[0]).half


def test_rewrites_are_read(tmp_path: Path) -> None:
    file = tmp_path / "rewrites.jsonl"
    rows: list[dict[str, Any]] = [
        {"source": "cast", "history": [], "question": "a", "rewrite": "a"},
        {"source": "cast", "history": ["a", "b"], "question": "c", "rewrite": "d"},
        {"source": "canard_dev", "history": ["t", "s", "q", "a"], "question": "c", "rewrite": "d"},
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    assert read_rewrites(file) == [
        FollowUp("cast", (("a", None), ("b", None)), "c", "d"),
        FollowUp("canard_dev", (("t", "s"), ("q", "a")), "c", "d"),
    ]
    file.write_text('{"question": 1}')
    with pytest.raises(QuestionError, match="Line 1 .*Each needs source"):
        read_rewrites(file)
    with pytest.raises(QuestionError, match="cannot be read .No such file or directory.:"):
        read_rewrites(tmp_path / "none")


@pytest.fixture(scope="module")
def ours() -> list[OurRow]:
    return read_ours()


def test_our_conversations_point_at_the_corpus(ours: list[OurRow]) -> None:
    raw = [json.loads(line) for line in OURS.read_text(encoding="utf-8").splitlines()]
    assert len({row["conversation"] for row in raw}) == 20
    assert len({row["id"] for row in raw}) == len(raw) == len(ours) == 71
    for row in raw:
        assert set(row) == {"id", "conversation", "question", "standalone", "answers"}
        assert row["id"].startswith(f"{row['conversation']}.")
        for gold in row["answers"]:
            text = DOCUMENTS[gold["document"]]
            assert text[gold["start"] : gold["end"]] == gold["text"], row["id"]
            around = f" {text} "
            for edge in (gold["start"], gold["end"]):
                assert not (around[edge] + around[edge + 1]).isalnum(), row["id"]


def test_our_conversations_go_on_from_their_beginning(ours: list[OurRow]) -> None:
    lengths = Counter(row.example.id.partition(".")[0] for row in ours)
    assert min(lengths.values()) >= 3
    for row in ours:
        assert len(row.before) == int(row.example.id.partition(".")[2]) - 1
        if not row.before:
            assert row.example.question == row.standalone
    follow_ups = [row for row in ours if row.example.question != row.standalone]
    assert len([row for row in follow_ups if row.example.golds]) == 43
    # The gold wording adds only what was said before it, and small words.
    plain = Analysis(joined=False)
    for row in follow_ups:
        said = " ".join(f"{turn.question} {turn.answer or ''}" for turn in row.before)
        missing = set(analyse(row.standalone, plain)) - set(
            analyse(f"{said} {row.example.question}", plain)
        )
        assert len(missing) <= 2, (row.example.id, missing)


@pytest.mark.slow
def test_follow_ups_find_their_passage_better_when_made_to_stand_alone(
    service: Service, ours: list[OurRow]
) -> None:
    found = {name: sum(ranks) for name, ranks in find_ours(service, ours).items()}
    assert found["as typed"] + 2 < found["made to stand alone"] <= found["gold wording"] <= 43


@pytest.mark.slow
def test_our_conversations_are_asked(service: Service, ours: list[OurRow]) -> None:
    few = [row for row in ours if row.example.id.startswith("c05")]
    told = ask_ours(service, few)
    assert set(told) == {
        "as typed", "made to stand alone", "made to stand alone, after our own answers",
        "gold wording",
    }  # fmt: skip
    assert all(len(rights) == 2 for rights in told.values())
    assert all(told["gold wording"])


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eval.conversation", str(tmp_path / "none.jsonl")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "cannot be read" in done.stderr and "Traceback" not in done.stderr
