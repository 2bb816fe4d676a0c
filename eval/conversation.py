"""How well follow-up questions are made to stand alone by `rag.converse`.

    python -m eval.conversation REWRITES [--half tuning]

REWRITES is a JSONL file (``.gz`` is unpacked) of ``{"source", "history", "question", "rewrite"}``,
`rewrite` being the question as people made it stand alone. Whole conversations fall into two halves
by a hash; the points and rules of `rag.converse` and `rag.salience` were chosen on the tuning half,
and the other is reported. Each conversation is replayed as the product would: an earlier question
is the one that `standalone` made of it.

Then the conversations of ``eval/questions/seeds-conversations.jsonl`` are asked of the demo corpus,
each question as typed, as `standalone` has it, and in the gold wording.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from eval.formats import read_text
from eval.judge import judge
from eval.measures import bootstrap
from eval.retrieval import bears
from eval.sets import Example, example_of
from index import SentenceEncoder, sync
from index.errors import QuestionError, SpanwiseError
from index.terms import Analysis, analyse
from rag.converse import standalone
from rag.service import Service
from rag.types import Answer, Turn

ROOT = Path(__file__).parent.parent
OURS = ROOT / "eval" / "questions" / "seeds-conversations.jsonl"
TOP = 5
Half = Literal["tuning", "reporting"]

_WITH_ANSWERS = ("canard_dev", "ikat2023")
"""Sources whose history is question, answer, question, …; of the others it is questions alone.
CANARD's begins with an article's title and section, which stand in for a first turn."""
_PLAIN = Analysis(joined=False)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question of a conversation, and its gold wording. `before`: (question, answer) each."""

    source: str
    before: tuple[tuple[str, str | None], ...]
    question: str
    rewrite: str

    @property
    def half(self) -> Half:
        """By a hash of the source and the words that the conversation begins with."""
        begins = self.before[0][0] if self.before else self.question
        first = hashlib.sha256(f"{self.source}\0{begins}".encode()).digest()[0]
        return "reporting" if first % 2 else "tuning"

    @property
    def added(self) -> set[str]:
        """Terms that the gold wording has and the question has not."""
        return terms(self.rewrite) - terms(self.question)


@dataclass(frozen=True, slots=True)
class OurRow:
    """A row of our own conversations: an answerable or unanswerable question in its turn."""

    example: Example
    standalone: str
    before: tuple[Turn, ...]
    """The earlier questions in their gold wording, with their first gold answers."""


def terms(text: str) -> set[str]:
    """Stemmed words that are no stop words: what words are compared by here."""
    return set(analyse(text, _PLAIN))


def read_rewrites(file: Path) -> list[FollowUp]:
    """The follow-up questions of a file; first questions of a conversation are left out.

    Raises:
        QuestionError: the file cannot be read, or a row is not as said above.
    """
    found = []
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        try:
            row = json.loads(line)
            history = row["history"]
            step = 2 if row["source"] in _WITH_ANSWERS else 1
            before = tuple(
                (history[at], history[at + 1] if step == 2 else None)
                for at in range(0, len(history) - step + 1, step)
            )
            if before:
                found.append(FollowUp(row["source"], before, row["question"], row["rewrite"]))
        except (ValueError, KeyError, TypeError) as error:
            raise QuestionError(
                f"Line {number} is no follow-up question ({error!r})",
                where=file,
                mend="Each needs source, history, question and rewrite.",
            ) from error
    return found


@lru_cache(maxsize=1 << 14)
def replayed(before: tuple[tuple[str, str | None], ...]) -> tuple[Turn, ...]:
    """The turns as they would have been: each question made to stand alone after the last."""
    if not before:
        return ()
    turns = replayed(before[:-1])
    question, answer = before[-1]
    return (*turns, Turn(standalone(question, turns).text, answer))


@dataclass(frozen=True, slots=True)
class Carrying:
    """What was carried into one question. Counts of terms."""

    right: int
    """Carried, and in the gold wording."""
    carried: int
    wanted: int
    """In the gold wording, and neither in the question."""
    rewritten: bool
    alone: bool
    """The gold wording adds no term: the question stands alone."""


def carry(row: FollowUp) -> Carrying:
    """Make one question stand alone and compare with the gold wording."""
    made = standalone(row.question, replayed(row.before))
    carried = terms(" ".join(made.carried)) - terms(row.question)
    return Carrying(
        right=len(carried & row.added),
        carried=len(carried),
        wanted=len(row.added),
        rewritten=made.text != made.asked,
        alone=not row.added,
    )


def shares(counted: Sequence[Carrying]) -> dict[str, str]:
    """The figures, each with its n and the 95% interval over questions."""
    return {
        "precision of the words carried over": _share(
            [(c.right, c.carried) for c in counted], "words"
        ),
        "questions that stand alone left as they are": _share(
            [(not c.rewritten, 1) for c in counted if c.alone], "questions"
        ),
        "others rewritten": _share([(c.rewritten, 1) for c in counted if not c.alone], "questions"),
        "missing words carried over": _share([(c.right, c.wanted) for c in counted], "words"),
    }


def _share(parts: Iterable[tuple[float, float]], of: str) -> str:
    counted = np.array(list(parts), dtype=np.float64).reshape(-1, 2)
    ups, downs = counted.T
    if not downs.sum():
        return f"none of 0 {of}"
    low, high = bootstrap(
        lambda drawn: float(drawn @ ups / total) if (total := drawn @ downs) else float("nan"),
        len(counted),
    )
    value = ups.sum() / downs.sum()
    return f"{value:.3f} of {downs.sum():.0f} {of} ({low:.3f} to {high:.3f})"


def read_ours(file: Path = OURS) -> list[OurRow]:
    """Our own conversations, in order."""
    rows: list[OurRow] = []
    turns: dict[str, list[Turn]] = {}
    for line in read_text(file).splitlines():
        row = json.loads(line)
        example = example_of(row)
        before = turns.setdefault(row["conversation"], [])
        rows.append(OurRow(example, row["standalone"], tuple(before)))
        answer = example.golds[0].text if example.golds else None
        before.append(Turn(row["standalone"], answer))
    return rows


def find_ours(service: Service, rows: Sequence[OurRow]) -> dict[str, list[bool]]:
    """Wording → for each follow-up that has an answer, whether a passage in the top 5 bears it."""
    asked = _follow_ups(rows)
    return {
        name: [
            any(bears(hit.passage, row.example.golds) for hit in service.search(text, TOP))
            for row, text in zip(asked, texts, strict=True)
        ]
        for name, texts in _wordings(asked).items()
    }


def ask_ours(service: Service, rows: Sequence[OurRow]) -> dict[str, list[bool]]:
    """Wording → for each follow-up that has an answer, whether the top answer is right.

    "after our own answers" replays each conversation with what the service itself asked and
    answered before; the others have the gold turns before them.
    """
    asked = _follow_ups(rows)
    answers = {name: service.ask_batch(texts) for name, texts in _wordings(asked).items()}
    live = _live(service, rows)
    answers["made to stand alone, after our own answers"] = [live[row.example.id] for row in asked]
    return {
        name: [
            bool(judge(row.example.golds, answer, True)["right answer at the top"])
            for row, answer in zip(asked, said, strict=True)
        ]
        for name, said in answers.items()
    }


def _follow_ups(rows: Sequence[OurRow]) -> list[OurRow]:
    return [row for row in rows if row.example.golds and row.example.question != row.standalone]


def _wordings(asked: Sequence[OurRow]) -> dict[str, list[str]]:
    return {
        "as typed": [row.example.question for row in asked],
        "made to stand alone": [standalone(r.example.question, r.before).text for r in asked],
        "gold wording": [row.standalone for row in asked],
    }


def _live(service: Service, rows: Sequence[OurRow]) -> dict[str, Answer]:
    """The answer to each question, asked after what the service itself answered before."""
    found = {}
    turns: list[Turn] = []
    for row in rows:
        if not row.before:
            turns = []
        answer = service.ask(row.example.question, turns=turns)
        turns.append(Turn(answer.question.text, answer.text))
        found[row.example.id] = answer
    return found


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m eval.conversation")
    parser.add_argument("rewrites", type=Path)
    parser.add_argument("--half", choices=("tuning", "reporting"), default="reporting")
    given = parser.parse_args()
    rows = [row for row in read_rewrites(given.rewrites) if row.half == given.half]
    for source in ("all", *sorted({row.source for row in rows})):
        some = [row for row in rows if source in ("all", row.source)]
        _say(f"{source}: {len(some)} follow-up questions, {given.half} half")
        _table(shares([carry(row) for row in some]))
    ours = read_ours()
    alone = [row for row in ours if row.before and row.example.question == row.standalone]
    left = sum(not standalone(row.example.question, row.before).carried for row in alone)
    _say(f"\nour own conversations: {left} of {len(alone)} that stand alone left as they are")
    with tempfile.TemporaryDirectory() as folder:
        sync(ROOT / "seeds", Path(folder), SentenceEncoder(), "seeds")
        with Service.open(folder) as service:
            _table_of("answer-bearing passage in the top 5", find_ours(service, ours))
            _table_of("right answer at the top", ask_ours(service, ours))


def _table_of(title: str, measured: dict[str, list[bool]]) -> None:
    _say(title)
    _table({name: _share([(v, 1) for v in rows], "questions") for name, rows in measured.items()})


def _table(figures: dict[str, str]) -> None:
    for name, value in figures.items():
        _say(f"  {name:45} {value}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    try:
        main()
    except SpanwiseError as error:
        sys.exit(str(error))
