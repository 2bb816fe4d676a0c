"""What was judged in the chat becomes a question set that the other commands take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tiny import SEEDS

from eval.sets import Example, Gold, line_of, read_set
from index.retrieve import Retriever
from rag.feedback import of_collection, question_set
from rag.lessons import lessons, placed
from rag.memory import Memory, Message, Selected
from rag.types import to_json

if TYPE_CHECKING:
    from rag.service import Service

TEXT = "😀 Ann met Bo. Cy met Bo."
TEXTS = {"docs/a.txt": TEXT}
BO, LATER_BO = TEXT.index("Bo"), TEXT.rindex("Bo")


def spanwise(*arguments: str, code: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rag", *arguments]
    done = subprocess.run(command, cwd=SEEDS.parent, capture_output=True, text=True)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def judged(verdict: str, *selected: Selected, **changes: Any) -> Message:
    said = {
        "question": "and whom?", "asked_as": "Whom did Ann meet?", "collection": "docs",
        "answer": "Bo", "citations": [{"path": "docs/a.txt", "start": BO, "quote": "Bo"}],
    } | changes  # fmt: skip
    return Message(changes.pop("id", 7), 1, "", said, verdict, "", selected)


def made(*messages: Message) -> tuple[list[Example], list[str]]:
    return question_set(messages, lambda path: TEXTS.get(path, ""))


def span(start: int, text: str, path: str = "docs/a.txt") -> Selected:
    return Selected(path, start, start + len(text), text)


@pytest.mark.parametrize(
    ("message", "golds"),
    [
        (judged("right"), [(BO, "Bo")]),
        (judged("right", span(BO, "Bo")), [(BO, "Bo")]),  # once
        (judged("wrong", span(LATER_BO, "Bo")), [(LATER_BO, "Bo")]),
        (judged("incomplete", span(2, "Ann met Bo")), [(2, "Ann met Bo")]),
        (judged("", span(2, "Ann")), [(2, "Ann")]),
        (judged("absent"), []),
        (judged("right", answer=None, citations=[]), []),
        (judged("wrong", span(2, "Ann"), answer=None, citations=[]), [(2, "Ann")]),
        (judged("wrong", span(0, "Cy")), [(TEXT.index("Cy"), "Cy")]),  # it has moved
        (judged("right", span(0, "Di")), [(BO, "Bo")]),  # one of two is gone
    ],
)
def test_what_is_right(message: Message, golds: list[tuple[int, str]]) -> None:
    (example,), complaints = made(message)
    assert complaints == []
    assert (example.id, example.question) == ("docs-7", "Whom did Ann meet?")
    assert example.golds == tuple(
        Gold(text, "docs/a.txt", start, start + len(text)) for start, text in golds
    )


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (judged("wrong"), "judged wrong, but no answer was selected"),
        (judged("incomplete"), "judged incomplete, but no answer was selected"),
        (judged("wrong", answer=None, citations=[]), "judged wrong, but no"),
        (judged("wrong", span(0, "Di")), "no longer stands in the documents"),
        (judged("wrong", span(0, "Ann", "docs/gone.txt")), "no longer stands in the documents"),
        (judged("absent", beside={"narrowed": "files of type pdf"}), "a part of the documents"),
    ],
)
def test_what_does_not_say_what_is_right_is_told(message: Message, said: str) -> None:
    examples, (complaint,) = made(message)
    assert examples == []
    assert "Whom did Ann meet?" in complaint and said in complaint


def test_the_last_judgement_that_says_what_is_right_counts() -> None:
    found, complaints = made(judged("right"), judged("absent"), judged("wrong"))
    assert [example.golds for example in found] == [()]
    assert complaints == []


def test_the_export_is_asked_trained_on_and_measured(
    service: Service, seeds_home: Path, tmp_path: Path
) -> None:
    """From three judged answers of the real reader to a run of `spanwise eval`."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "collections").symlink_to(seeds_home / "collections")
    out = tmp_path / "judged.jsonl"
    where = ["--out", str(out), "--home", str(home)]
    assert "No judged answer" in spanwise("feedback", *where, code=2).stderr
    file = "seeds/000_d39b82a70d207427.txt"
    text = (SEEDS.parent / file).read_text("utf-8")
    start = text.index("4,000")
    with Memory.open(home) as memory:
        talk = memory.create("seeds", "x")

        def asked(question: str) -> int:
            return memory.add(talk, to_json(service.ask(question), 0))

        memory.feedback(asked("Who heads the Deir al-Zor military council?"), "right")
        memory.feedback(asked("What is the recipe for sourdough bread?"), "right")
        corrected = asked("How many fighters does the military council include?")
        memory.feedback(corrected, "incomplete")
        memory.select(corrected, Selected(file, start, start + 5, "4,000"))
        memory.feedback(asked("Who is Jan Egeland?"), "wrong")
        with Retriever.open(home) as retriever:
            examples, (complaint,) = of_collection(memory, retriever)
            contexts, complaints = placed(examples, retriever)
    assert "Jan Egeland" in complaint and complaints == []
    taught = [lesson.context[lesson.start : lesson.end] for lesson in lessons(contexts)]
    assert "4,000" in taught and any("Khawla" in answer for answer in taught) and "" in taught

    done = spanwise("feedback", *where, "--json", code=0)
    counts = {"questions": 3, "answerable": 2, "left_out": 1}
    assert json.loads(done.stdout).items() >= counts.items()
    assert "Jan Egeland" in done.stderr
    assert read_set(out) == (examples, [])
    assert out.read_text("utf-8") == "".join(map(line_of, examples))
    for gold in (gold for example in examples for gold in example.golds):
        whole = (SEEDS.parent / str(gold.document)).read_text("utf-8")
        assert whole[gold.start : gold.end] == gold.text
    run = spanwise("eval", str(out), "--home", str(home), "--json", code=0)
    rows = [
        json.loads(line)
        for line in (Path(json.loads(run.stdout)["run"]) / "run.jsonl").read_text().splitlines()
    ]
    assert [row["id"] for row in rows] == [example.id for example in examples]
