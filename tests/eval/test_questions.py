"""The question set on the demo corpus points at the corpus, character by character."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = {
    f"seeds/{path.name}": path.read_bytes().decode("utf-8").removeprefix("\ufeff")
    for path in sorted((ROOT / "seeds").glob("*.txt"))
}
LONGEST_ANSWER = 20  # words: a gold is a span, never a paragraph


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    text = (ROOT / "eval" / "questions" / "seeds.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def answerable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["answers"]]


@pytest.fixture(scope="module")
def unanswerable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if not row["answers"]]


def test_every_row_has_the_four_fields(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert set(row) == {"id", "question", "answers", "tags"}, row
        assert row["question"].strip() == row["question"] != ""
        assert row["tags"], row


def test_ids_and_questions_are_unique(rows: list[dict[str, Any]]) -> None:
    for key in ("id", "question"):
        twice = [k for k, n in Counter(row[key].casefold() for row in rows).items() if n > 1]
        assert twice == []


def test_every_gold_is_the_text_at_its_offsets(answerable: list[dict[str, Any]]) -> None:
    for row in answerable:
        for gold in row["answers"]:
            assert set(gold) == {"text", "document", "start", "end"}, row["id"]
            document = DOCUMENTS[gold["document"]]
            assert 0 <= gold["start"] < gold["end"] <= len(document), row["id"]
            assert document[gold["start"] : gold["end"]] == gold["text"], row["id"]


def test_golds_are_short_whole_words_and_told_once(answerable: list[dict[str, Any]]) -> None:
    for row in answerable:
        places = [(gold["document"], gold["start"], gold["end"]) for gold in row["answers"]]
        assert len(set(places)) == len(places), row["id"]
        for gold in row["answers"]:
            assert gold["text"].strip() == gold["text"], row["id"]
            assert "\n" not in gold["text"], row["id"]
            assert len(gold["text"].split()) <= LONGEST_ANSWER, row["id"]
            around = f" {DOCUMENTS[gold['document']]} "  # one space shifts offsets by one
            for edge in (gold["start"], gold["end"]):
                assert not (around[edge] + around[edge + 1]).isalnum(), row["id"]


def test_enough_of_each_kind(
    answerable: list[dict[str, Any]], unanswerable: list[dict[str, Any]]
) -> None:
    assert len(answerable) >= 80
    assert len(unanswerable) >= 40
    tags = Counter(tag for row in answerable for tag in row["tags"])
    assert tags["teaser"] >= 8
    assert tags["spelling"] >= 12
    assert tags["paraphrase"] >= len(answerable) / 3
    two_told = [
        row
        for row in answerable
        if "conflict" in row["tags"] and len({gold["document"] for gold in row["answers"]}) > 1
    ]
    assert len(two_told) >= 8


def test_ids_say_whether_there_is_an_answer(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert row["id"].startswith("s" if row["answers"] else "n"), row["id"]


def test_unanswerable_rows_are_near_or_far(unanswerable: list[dict[str, Any]]) -> None:
    for row in unanswerable:
        assert row["tags"] in (["near"], ["far"]), row["id"]
    near = sum(row["tags"] == ["near"] for row in unanswerable)
    assert near >= len(unanswerable) / 2


def test_tags_name_the_documents_of_the_golds(answerable: list[dict[str, Any]]) -> None:
    for row in answerable:
        cited = {gold["document"].removeprefix("seeds/")[:3] for gold in row["answers"]}
        assert {tag for tag in row["tags"] if tag.isdigit()} == cited, row["id"]


def test_every_document_has_answerable_questions(answerable: list[dict[str, Any]]) -> None:
    cited = Counter(gold["document"] for row in answerable for gold in row["answers"][:1])
    assert len(DOCUMENTS) == 5
    assert all(cited[path] >= 8 for path in DOCUMENTS), cited
