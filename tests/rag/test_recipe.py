"""The recipe of the shipped reader: what is left out, what is made, and that answers stay put."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import SHARED
from tiny_models import tiny_bert

from index.errors import SettingsError
from rag.aggregate import normalise
from rag.lessons import target
from rag.read import Reader
from rag.recipe import sources
from rag.recipe.make import ROUNDS, WORKERS, main
from rag.recipe.mix import mix
from rag.recipe.negatives import retrieved, twisted, without_answer
from rag.recipe.noise import noisy
from rag.recipe.row import Row, cut
from rag.recipe.sources import SOURCES, Source, draw, is_held_out

ROOT = Path(__file__).parents[2]

TEXT = (
    "The council met in Raqqa. Ahmed Abu Khawla, who heads it, said it has 4,000 fighters. "
    "Nobody else spoke in 2017. The river was high and the bridges were closed for a week."
)
PLAIN = str.maketrans("“”’\n\t\u00a0", '""\'   ')


def row(answer: str = "4,000 fighters", context: str = TEXT, question: str = "") -> Row:
    start = context.index(answer) if answer else -1
    asked = question or "How many fighters did Khawla have in 2017?"
    end = start + len(answer) if answer else -1
    golds = (answer,) if answer else ()
    return Row(f"id-{asked}", "news", "Raqqa", asked, context, start, end, golds)


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> Source:
    file = folder / f"{name}.jsonl.gz"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress("\n".join(json.dumps(r) for r in rows).encode(), mtime=0))
    return Source(file.name[: -len(".jsonl.gz")], hashlib.sha256(file.read_bytes()).hexdigest(),
                  "MIT", 100)  # fmt: skip


def raw(ident: str, question: str, context: str, answer: str = "") -> dict[str, Any]:
    at = {"text": [answer], "answer_start": [context.index(answer)]} if answer else None
    return {"id": ident, "title": "T", "context": context, "question": question,
            "answers": at or {"text": [], "answer_start": []}}  # fmt: skip


def test_what_is_evaluated_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"word{n}" for n in range(40)]
    seen = " ".join(words[:30])
    rows = [
        raw("same question", "Who heads  the COUNCIL", "Khawla heads it.", "Khawla"),
        raw("13 words", "Who?", "Khawla " + " ".join(words[5:18]), "Khawla"),
        raw("12 words", "Whose?", "Khawla " + " ".join(words[5:17]), "Khawla"),
        raw("other", "How many?", "There are 4,000 of them.", "4,000"),
        raw("double", "How many ?", "There are 4,000 of them", "4,000"),
    ]
    source = write(tmp_path / "train", "news", rows)
    write(tmp_path / "dev", "dev", [raw("1", "Who heads the council?", seen)])
    monkeypatch.setattr(sources, "SOURCES", (source,))
    monkeypatch.setattr(sources, "is_held_out", lambda row: False)
    drawn = draw(tmp_path, seed=1)[source]
    assert {found.id for found in drawn} == {"news|12 words", "news|other"}


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "train", "news", [raw("1", "Who?", "Khawla", "Khawla")])
    monkeypatch.setattr(sources, "SOURCES", (source,))
    write(tmp_path / "train", "news", [raw("1", "Who?", "Egeland", "Egeland")])
    with pytest.raises(SettingsError, match="Not the data set"):
        draw(tmp_path, seed=1)
    (tmp_path / "train" / "news.jsonl.gz").unlink()
    with pytest.raises(SettingsError, match="missing"):
        draw(tmp_path, seed=1)


def test_the_flag_leaves_out_what_states_no_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = write(tmp_path / "train", "a", [raw("1", "Who?", "Khawla", "Khawla")])
    silent = write(tmp_path / "train", "b", [raw("2", "How?", "so", "so")])
    silent = Source(silent.name, silent.sha256, None, 100)
    monkeypatch.setattr(sources, "SOURCES", (stated, silent))
    assert list(draw(tmp_path, seed=1, licensed_only=True)) == [stated]
    assert list(draw(tmp_path, seed=1)) == [stated, silent]


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the data sets are not on this machine")
def test_no_row_of_the_recipe_is_evaluated_on() -> None:
    """Told by other means than the recipe's own: whole contexts and questions, not shingles."""
    questions, contexts = set(), set()
    for file in (SHARED / "dev").glob("*.gz"):
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            for line in stream:
                found = json.loads(line)
                questions.add(normalise(found["question"]))
                contexts.add(normalise(found["context"]))
    papers = normalise(
        " ".join(f.read_text("utf-8", "replace") for f in (SHARED / "retrieval").rglob("*.md"))
    )
    drawn = draw(SHARED, seed=1)
    assert sum(map(len, drawn.values())) > 40_000
    for rows in drawn.values():
        assert not [r.id for r in rows if normalise(r.question) in questions]
        assert not [r.id for r in rows if normalise(r.context) in contexts]
        assert not [r.id for r in rows if is_held_out(r)]
        assert not [r.id for r in rows if len(r.context) > 100 and normalise(r.context) in papers]


def test_every_source_has_a_hash_and_some_state_no_licence() -> None:
    assert all(re.fullmatch("[0-9a-f]{64}", source.sha256) for source in SOURCES)
    assert len({source.name for source in SOURCES}) == len(SOURCES)
    assert any(source.licence is None for source in SOURCES)


def test_the_target_is_what_most_said_then_the_shortest() -> None:
    assert target(["in 2017", "2017", "2017"], [9, 12, 12]) == (12, 16)
    assert target(["in 2017", "2017"], [9, 12]) == (12, 16)
    assert target([], []) == (-1, -1)


@given(words=st.integers(5, 60), seed=st.integers(0, 99))
def test_a_cut_keeps_the_answer_and_whole_sentences(words: int, seed: int) -> None:
    short = cut(row(), words, random.Random(seed))
    assert short.context[short.start : short.end] == "4,000 fighters"
    assert short.context in TEXT
    assert len(short.context.split()) <= max(words, 12)
    assert short.context.endswith((".", "week."))


@settings(max_examples=300)
@given(seed=st.integers(0, 10_000))
def test_noise_moves_the_answer_with_its_words(seed: int) -> None:
    others = ["The market opens at nine. Prices rose.", "A ship sank off the coast of Malta."]
    changed = noisy(row('"Khawla\'s men"', 'So "Khawla\'s men" are many.'), others,
                    random.Random(seed))  # fmt: skip
    assert changed.context[changed.start : changed.end].translate(PLAIN) == '"Khawla\'s men"'
    silent = noisy(row(""), others, random.Random(seed))
    assert not silent.answerable


def test_noise_does_something() -> None:
    others = ["The market opens at nine. Prices rose."]
    made = [noisy(row(), others, random.Random(seed)) for seed in range(200)]
    assert len({changed.context for changed in made}) > 20
    assert len({changed.question for changed in made}) > 5


def test_without_the_answering_sentence() -> None:
    made = without_answer([row(), row("4,000 fighters", "It has 4,000 fighters.")])
    assert [m.context for m in made] == [TEXT.replace(
        "Ahmed Abu Khawla, who heads it, said it has 4,000 fighters. ", "")]  # fmt: skip
    assert not made[0].answerable


def test_retrieved_passages_hold_no_gold() -> None:
    pool = [
        row(),
        row("2016", "In 2016 the fighters of Khawla were at home and Khawla was too."),
        row("many", "There were many: 4,000 fighters did as Khawla said in 2017."),
    ]
    made = retrieved([row()], pool, random.Random(1))
    assert [m.context for m in made] == [pool[1].context]


def test_a_twisted_question_asks_for_what_the_passage_does_not_say() -> None:
    pool = [row(question=f"What did Jan {name} say?") for name in ("Egeland", "Mistura", "Mattis")]
    asked = {twisted([row()], pool, random.Random(seed))[0].question for seed in range(50)}
    assert "How many fighters did Khawla have in 2017?" not in asked
    years = {re.search(r"\d{4}", question).group() for question in asked}  # type: ignore[union-attr]
    assert len(years) > 3
    assert all(not m.answerable for m in twisted([row()], pool, random.Random(1)))


def test_a_mix_is_the_same_for_the_same_seed() -> None:
    source = Source("news", "", "MIT", 10)
    lone = Source("quiz", "", "MIT", 10, lone=True)
    rows = [row(question=f"Had Khawla {n} fighters or more in 2017?") for n in range(2000, 2030)]
    drawn = {source: rows, lone: list(spread(rows))}
    one, two, other = mix(drawn, 1), mix(drawn, 1), mix(drawn, 2)
    assert one == two != other
    assert {r.kind for r in one} >= {"as found", "without", "twisted"}
    for made in one:
        if made.answerable:
            span = made.context[made.start : made.end].translate(PLAIN)
            assert span in made.golds


def spread(rows: list[Row]) -> Iterator[Row]:
    for number, one in enumerate(rows):
        context = f"Council {number} has {number} fighters."
        start = context.index(f"{number} fighters")
        yield Row(f"q{number}", "quiz", "", one.question, context, start,
                  start + len(f"{number} fighters"), (f"{number} fighters",))  # fmt: skip


def test_the_command_says_what_it_lacks_in_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rag.recipe", str(tmp_path), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: No such model folder")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_command_trains_in_rounds_and_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole command on a tiny model and a tiny data set; its workers are real processes."""
    rows = [
        raw(str(n), f"how many fighters in {n} ?", f"the council has {n} fighters . on friday .",
            f"{n} fighters") for n in range(40)
    ]  # fmt: skip
    monkeypatch.setattr(sources, "SOURCES", (write(tmp_path / "data" / "train", "news", rows),))
    start, out = tiny_bert(tmp_path / "start"), tmp_path / "out"
    command = ["recipe", str(tmp_path / "data"), str(out), "--start", str(start)]
    monkeypatch.setattr(sys, "argv", command)
    main()
    assert json.loads((out / "rows.json").read_text())["rows"] >= 30
    written = sorted(out.glob("round-*/model.safetensors"))
    assert len(written) == (WORKERS + 1) * len(ROUNDS)
    last = Reader(str(out / f"round-{len(ROUNDS)}"))
    assert last.fingerprint != Reader(str(start)).fingerprint
    times = [file.stat().st_mtime_ns for file in written]
    main()
    assert [file.stat().st_mtime_ns for file in written] == times
