"""The arms of the comparison, on the demo corpus and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import WordEncoder, write_files
from tiny_models import tiny_bert
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from eval.bench.apart import apart
from eval.peers import arms
from eval.peers.__main__ import PEERS, QUIET, _parts, _passages
from eval.peers.same import READ
from eval.peers.table import rate, rows_of, table
from eval.sets import Example, Gold
from index.build import sync
from index.home import existing_collection
from index.snapshot import Snapshot
from rag.read import Reader
from rag.service import Service

ASKED = ["Who heads the Deir al-Zor military council?", "What is the recipe for sourdough bread?"]


@pytest.fixture(scope="module")
def job(seeds_home: Path) -> dict[str, Any]:
    with Snapshot.open(existing_collection(seeds_home, None)) as found:
        passages = _passages(found)
    reader = str(Reader().folder)
    return {"home": str(seeds_home), "passages": passages, "reader": reader, "questions": ASKED}


def test_the_first_arm_is_spanwise_itself(job: dict[str, Any], service: Service) -> None:
    for row, question in zip(arms.spanwise(job), ASKED, strict=True):
        answer = service.ask(question)
        assert row["answer"] == (answer.text or answer.others[0].text)
        assert row["read"] == [hit.passage.id for hit in answer.hits]


@pytest.mark.parametrize("channel", ["lexical", "dense"])
@pytest.mark.slow
def test_a_channel_alone(job: dict[str, Any], service: Service, channel: Any) -> None:
    row, _ = getattr(arms, channel)(job)
    hits = service.retriever.search(ASKED[0], READ, channel=channel)
    assert row["read"] == [hit.passage.id for hit in hits]
    assert row["answer"] in " ".join(hit.passage.text for hit in hits)


def test_the_plain_arm_answers_out_of_what_it_read(job: dict[str, Any]) -> None:
    row, _ = arms.plain(job)
    texts = {p["id"]: p["text"] for p in job["passages"]}
    assert len(row["read"]) == READ
    assert any(row["answer"] in texts[ident] for ident in row["read"])
    assert "Khawla" in row["answer"]


@pytest.mark.slow
def test_haystack_reads_the_same_passages(job: dict[str, Any]) -> None:
    if not PEERS.exists():
        pytest.skip("Haystack's environment is not there (make bench-peers makes it)")
    row, _ = apart(arms.haystack, job, PEERS, QUIET)
    known = {p["id"] for p in job["passages"]}
    assert len(row["read"]) == READ and set(row["read"]) <= known
    assert "Khawla" in row["answer"]


def test_what_is_searched_beside_the_text(job: dict[str, Any]) -> None:
    about = {p["about"] for p in job["passages"]}
    assert any("Raqqa" in said or "US" in said for said in about)
    assert all(p["text"] for p in job["passages"])


def test_the_best_span_is_that_of_every_pair_of_tokens(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "bert")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32).eval()
    question, text = "Who heads the council?", "He said 4,000 fighters of Raqqa heads the council."
    pair = tokenizer(question, text, return_offsets_mapping=True, return_tensors="pt")
    offsets = pair.pop("offset_mapping")[0].tolist()
    with torch.inference_mode():
        out = model(**pair)
    inside = [n for n, part in enumerate(pair.sequence_ids(0)) if part == 1]
    score, first, last = max(
        (float(out.start_logits[0, a] + out.end_logits[0, b]), a, b)
        for a in inside for b in inside if a <= b
    )  # fmt: skip
    found = arms.best_span(tokenizer, model, question, text)
    assert found[0] == pytest.approx(score, abs=1e-5)
    assert found[1] == text[offsets[first][0] : offsets[last][1]]


def test_rows_and_table_by_hand(tmp_path: Path, encoder: WordEncoder) -> None:
    write_files(tmp_path / "docs", {"dam.txt": "The dam of Hajin was built in 1931 of mud."})
    sync(tmp_path / "docs", tmp_path / "home", encoder)
    golds = (Gold("1931", "docs/dam.txt", 30, 34),)
    examples = [Example(str(n), "When?", golds) for n in range(3)]
    with Snapshot.open(existing_collection(tmp_path / "home", None)) as found:
        (ident,) = found.store.ids(range(1))
        said = [
            {"answer": "1931", "read": [ident], "seconds": 0.5},
            {"answer": "in 1931", "read": [ident], "seconds": 0.25},
            {"answer": "", "read": [], "seconds": 0.25},
        ]
        rows = rows_of(found, examples, said)
    assert [row["exact"] for row in rows] == [True, False, False]
    assert [row["f1"] for row in rows] == [1.0, pytest.approx(2 / 3), 0.0]
    assert [row["bears"] for row in rows] == [1, 1, None]
    heads, _, first, second = table({"ours": rows, "theirs": [{**r, "f1": 0.0} for r in rows]})
    assert heads.count("|") == first.count("|") == second.count("|")
    cells = [cell.strip().split(" ")[0] for cell in first.split("|")[1:-1]]
    assert cells == ["ours", "0.333", "0.556", "–", "0.667", "0.667", "3.00"]
    assert " -0.556 [" in second


def test_the_rate_is_of_all_questions_together() -> None:
    figure = rate([1.0, 3.0])
    assert figure["value"] == 0.5
    assert figure["interval"] == (pytest.approx(1 / 3), 1.0)


def test_every_question_is_in_one_part() -> None:
    examples = [Example(str(n), "?", ()) for n in range(5)]
    assert [len(part) for part in _parts(examples)] == [3, 2]
