from __future__ import annotations

from pathlib import Path

import pytest
from tiny import write_files

from eval.corpora import lay_out
from eval.sets import Example, Gold, read_set
from index.errors import QuestionError


def test_rows_that_cannot_be_used_are_told_by_line(tmp_path: Path) -> None:
    rows = [
        '\ufeff{"id": 1, "question": "Who?", "answers": [{"text": "she"}], "tags": ["who"]}',
        "",
        "not json",
        '{"id": 2, "question": " ", "answers": []}',
        '{"id": 1, "question": "Again?", "answers": []}',
        '{"id": 3, "answers": []}',
        '{"id": 4, "question": "When?", "answers": [{"text": "now", "start": 3}]}',
        '{"id": 5, "question": "Where?", "answers": []}',
        "[]",
    ]
    file = write_files(tmp_path, {"set.jsonl": "\n".join(rows)}) / "set.jsonl"
    examples, complaints = read_set(file)
    assert examples == [
        Example("1", "Who?", (Gold("she"),), ("who",)),
        Example("5", "Where?", ()),
    ]
    assert [c.split(":")[0] for c in complaints] == [
        f"set.jsonl, line {n}" for n in (3, 4, 5, 6, 7, 9)
    ]
    assert complaints[3].endswith("'question' is missing")


@pytest.mark.parametrize("content", ["", "{}", b"\xff\xfe\x00\xd8", b"\x1f\x8b broken"])
def test_a_file_without_a_usable_row(tmp_path: Path, content: str | bytes) -> None:
    for name in ("set.jsonl", "set.jsonl.gz"):
        write_files(tmp_path, {name: content})
        with pytest.raises(QuestionError):
            read_set(tmp_path / name)
    with pytest.raises(QuestionError):
        read_set(tmp_path / "nowhere.jsonl")


def test_laid_out_golds_stand_where_they_say(tmp_path: Path) -> None:
    rows = [
        {"id": "q1", "title": "The_Dam", "context": "It was built in 1931.", "question": "When?",
         "answers": {"text": ["1931", "in 1931"], "answer_start": [16, 13]}},
        {"id": "q2", "title": "The_Dam", "context": "It broke.", "question": "Who built it?",
         "answers": {"text": [], "answer_start": []}},
    ]  # fmt: skip
    examples = lay_out(rows, tmp_path / "dams")
    text = (tmp_path / "dams" / "The_Dam.txt").read_text("utf-8")
    assert text == "The Dam\n\nIt was built in 1931.\n\nIt broke.\n"
    assert [text[g.start : g.end] for g in examples[0].golds] == ["1931", "in 1931"]
    assert examples[0].golds[0].document == "dams/The_Dam.txt"
    assert examples[1].golds == ()
