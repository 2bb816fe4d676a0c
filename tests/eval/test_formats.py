from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tiny import write_files

from eval.sets import Example, Gold, of_documents, read_set, sample, units, write_set
from index.errors import QuestionError

DAM = "The dam was built in 1931. It broke."
SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "The_Dam",
            "paragraphs": [
                {
                    "context": DAM,
                    "qas": [
                        {"id": "a", "question": "When?", "is_impossible": False,
                         "answers": [{"text": "1931", "answer_start": 21},
                                     {"text": "1931", "answer_start": 21}]},
                        {"id": "b", "question": "Who?", "is_impossible": True, "answers": [],
                         "plausible_answers": [{"text": "dam", "answer_start": 4}]},
                        {"id": "c", "question": "Where?",
                         "answers": [{"text": "1931", "answer_start": 20}]},
                        {"id": "d", "question": "Why?", "is_impossible": True,
                         "answers": [{"text": "1931", "answer_start": 21}]},
                        {"id": "e", "answers": []},
                        {"id": "f", "question": "What?", "answers": [{"text": "It"}]},
                    ],
                }
            ],
        },
        {"title": "No paragraphs"},
    ],
}  # fmt: skip
WHEN = Example("a", "When?", (Gold("1931", None, 21, 25),), ("The_Dam",), DAM, title="The_Dam")
WHO = Example("b", "Who?", (), ("The_Dam",), DAM, title="The_Dam")


@pytest.mark.parametrize("indent", [None, 1])
def test_squad(tmp_path: Path, indent: int | None) -> None:
    write_files(tmp_path, {"dev-v2.0.json": json.dumps(SQUAD, indent=indent)})
    examples, complaints = read_set(tmp_path / "dev-v2.0.json")
    assert examples == [WHEN, WHO]
    assert [c.removeprefix("dev-v2.0.json, ") for c in complaints] == [
        "question c: the answer '1931' does not stand at 20 of its context",
        "question d: it is said to be impossible, and has answers",
        "question e: 'question' is missing",
        "question f: 'answer_start' is missing",
        "article 2: 'paragraphs' is missing",
    ]


def test_json_lines_with_contexts(tmp_path: Path) -> None:
    def row(**changes: object) -> str:
        same = {"id": "a", "title": "The_Dam", "context": DAM, "question": "When?"}
        said = {"text": ["1931", "1931"], "answer_start": [21, 21]}
        return json.dumps({**same, "answers": said, **changes})

    rows = [
        row(),
        row(id="b", question="Who?", answers={"text": [], "answer_start": []}),
        row(id="c", answers={"text": ["1931"], "answer_start": []}),
        row(id="d", answers={"text": ["1931"]}),
        row(id="e", answers={"text": 5, "answer_start": 5}),
        row(id="f", answers={"text": ["1931"], "answer_start": ["21"]}),
        row(id="g", context=7, answers={"text": [], "answer_start": []}),
    ]
    (tmp_path / "dev.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    examples, complaints = read_set(tmp_path / "dev.jsonl.gz")
    assert examples == [WHEN, WHO]
    assert [c.split(":")[0] for c in complaints] == [f"dev.jsonl.gz, line {n}" for n in range(3, 8)]


def test_csv(tmp_path: Path) -> None:
    text = (
        "\ufeffid,question,answers,tags,conversation\r\n"
        'q1,When?,1931 | in 1931,"year|date",talk\r\n'
        'q2,"Who\nbuilt it?",,,\r\n'
        '"q3",Where?,"[{""text"": ""Hajin"", ""document"": ""seeds/a.txt"", ""start"": 3,'
        ' ""end"": 8}]",,\r\n'
        "q4,too,few\r\n"
        "\r\n"
        "q5,,she,,\r\n"
        'q6,Why?,"[{""text"": ",,\r\n'
        'q7,"a "b",she,,\r\n'
        "q8,Which?,it,,\r\n"
    )
    write_files(tmp_path, {"set.csv": text})
    examples, complaints = read_set(tmp_path / "set.csv")
    assert examples[:3] == [
        Example("q1", "When?", (Gold("1931"), Gold("in 1931")), ("year", "date"), None, "talk"),
        Example("q2", "Who\nbuilt it?", ()),
        Example("q3", "Where?", (Gold("Hajin", "seeds/a.txt", 3, 8),)),
    ]
    assert examples[3].id == "q8"
    assert [c.split(":")[0] for c in complaints] == [
        f"set.csv, line {n}" for n in (6, 8, 9, 10)
    ]  # fmt: skip


def test_csv_without_a_column(tmp_path: Path) -> None:
    write_files(tmp_path, {"set.tsv": "id\tquestion\nq1\tWhen?\n"})
    with pytest.raises(QuestionError, match="by tabs .*'answers' is missing"):
        read_set(tmp_path / "set.tsv")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    examples = [
        WHEN,
        Example("1", "Who?", (Gold("she", "a/b.txt", 3, 6), Gold("her")), ("x", "y"), None, "talk"),
        Example("2", "Wo\u2028?", ()),
    ]
    write_set(tmp_path / "set.jsonl", examples)
    assert read_set(tmp_path / "set.jsonl") == (examples, [])


def test_a_sample_is_the_same_one_each_time_in_the_order_of_the_set() -> None:
    examples = [Example(str(n), "?", ()) for n in range(50)]
    drawn = sample(examples, 10, seed=1)
    assert drawn == sample(examples, 10, seed=1) != sample(examples, 10, seed=2)
    assert len(drawn) == 10
    assert [int(e.id) for e in drawn] == sorted(int(e.id) for e in drawn)
    assert sample(examples, 99, seed=1) == examples


def test_offsets_of_a_context_are_not_those_of_a_document() -> None:
    assert of_documents(WHEN).golds == (Gold("1931"),)
    assert of_documents(WHEN).context is None
    placed = Example("1", "?", (Gold("1931", "d/a.txt", 3, 7), Gold("x", None, 0, 1)))
    assert of_documents(placed).golds == (placed.golds[0], Gold("x"))


def test_conversations_stay_whole() -> None:
    examples = [
        Example(str(n), "?", (), conversation=talk)
        for n, talk in enumerate(["a", None, "b", "a", "b", None, "a"])
    ]
    assert [[e.id for e in unit] for unit in units(examples)] == [
        ["0", "3", "6"], ["1"], ["2", "4"], ["5"],
    ]  # fmt: skip
    for seed in range(9):
        drawn = sample(examples, 2, seed)
        assert len(drawn) in (2, 3, 4)
        for unit in units(examples):
            assert len({e.id for e in unit} & {e.id for e in drawn}) in (0, len(unit))


def test_a_file_nested_beyond_reason(tmp_path: Path) -> None:
    write_files(tmp_path, {"set.json": "[" * 200_000})
    with pytest.raises(QuestionError, match="nested too deeply"):
        read_set(tmp_path / "set.json")


def test_one_broken_row_of_csv_takes_no_other_with_it(tmp_path: Path) -> None:
    lines = ["id,question,answers", *(f"q{n},Who is {n}?,she" for n in range(100))]
    lines[5] = 'q4,"Who is 4?,she'
    write_files(tmp_path, {"set.csv": "\n".join(lines)})
    examples, complaints = read_set(tmp_path / "set.csv")
    assert [e.id for e in examples] == [f"q{n}" for n in range(100) if n != 4]
    assert complaints == ["set.csv, line 6: a quotation mark is not closed"]


def test_one_broken_question_of_squad_takes_no_other_with_it(tmp_path: Path) -> None:
    answer = {"text": "dam", "answer_start": 4}
    qas: list[Any] = [{"id": f"q{n}", "question": "What?", "answers": [answer]} for n in range(5)]
    del qas[1]["id"]
    qas[3] = "?"
    whole = {"context": "The dam.", "qas": qas}
    other = {"context": "The dam.", "qas": [{"id": "z", "question": "What?", "answers": []}]}
    articles = [{"title": "A", "paragraphs": [{"context": "x"}, whole, 7, other]}, {"title": "B"}]
    write_files(tmp_path, {"set.json": json.dumps({"data": articles})})
    examples, complaints = read_set(tmp_path / "set.json")
    assert [e.id for e in examples] == ["q0", "q2", "q4", "z"]
    assert complaints == [
        "set.json, article 1, paragraph 1: 'qas' is missing",
        "set.json, article 1, paragraph 2, question 2: 'id' is missing",
        "set.json, article 1, paragraph 2, question 4: answers must hold a list text and a list "
        "answer_start",
        "set.json, article 1, paragraph 3: not as in SQuAD",
        "set.json, article 2: 'paragraphs' is missing",
    ]


def test_ids_and_texts_that_no_run_could_hold(tmp_path: Path) -> None:
    rows = ['{"id": "", "question": "Who?", "answers": []}',
            '{"id": "1", "question": "Who \\ud800?", "answers": []}',
            '{"id": "2", "question": "Who?", "answers": [{"text": "she", "start": 9, "end": 2}]}',
            '{"id": "3", "question": "Who?", "answers": []}']  # fmt: skip
    write_files(tmp_path, {"set.jsonl": "\n".join(rows)})
    examples, complaints = read_set(tmp_path / "set.jsonl")
    assert [e.id for e in examples] == ["3"]
    assert [c.partition(": ")[2] for c in complaints] == [
        "the id is empty", "it holds half a character (a lone surrogate)",
        "an answer ends where it starts, or before",
    ]  # fmt: skip


def test_no_row_is_made_of_the_inside_of_a_broken_one(tmp_path: Path) -> None:
    long = "x" * 200_000
    text = (
        "id,question,answers,context\n"
        '1,Who?,Khawla,"On Friday he said ""no"", then\nhe left."\n'
        '2,Who else?,Abu,"In Raqqa, he said the "Verba" system\nworks."\n'
        f'3,What?,{long},"{long}"\n'
    )
    write_files(tmp_path, {"set.csv": text})
    examples, complaints = read_set(tmp_path / "set.csv")
    assert [example.id for example in examples] == ["1", "3"]
    assert complaints[0].startswith("set.csv, line 4: ")
