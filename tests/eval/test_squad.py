"""The whole trip over somebody else's documents and questions: a guard against getting worse."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import SHARED

from eval.corpora import lay_out, read_rows
from eval.evaluate import evaluate
from eval.run import Asking
from index import SentenceEncoder, sync
from rag.settings import Settings

SQUAD = SHARED / "dev" / "squad1_dev.dev.jsonl.gz"
ARTICLES = ("Normans", "Steam_engine", "Oxygen", "Warsaw", "Genghis_Khan", "Amazon_rainforest")


@pytest.mark.slow
@pytest.mark.skipif(not SQUAD.exists(), reason=f"the data set {SQUAD.name} is not on this machine")
def test_articles_as_a_folder(tmp_path: Path) -> None:
    rows = (row for row in read_rows(SQUAD) if row["title"] in ARTICLES)
    examples = lay_out(rows, tmp_path / "articles")
    sync(tmp_path / "articles", tmp_path / "home", SentenceEncoder())
    some = examples[:: len(examples) // 60]
    made = evaluate(Asking(Settings(tmp_path / "home")), some, "squad", tmp_path / "run")
    found = made["figures"]
    assert found["every quote stands where it says"]["value"] == 1.0
    assert found["answer-bearing passage in the top 5"]["value"] > 0.85
    assert found["right answer at the top"]["value"] > 0.6
