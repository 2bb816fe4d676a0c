from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eval import sweep
from eval.collections import Collection, chunking, misspelt, unhyphened

TINY = Collection(
    "hotpot_mini",
    ["Raqqa and Aleppo lie in Syria", "a T-72 stood there", "nothing"],
    {"one": "Is Raqqa near Aleppo or Moscow?", "two": "who drove a T-72", "three": "what"},
    {"one": {0}, "two": {1, 2}, "three": {2}},
)


def test_absent_data_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["sweep", "--data", str(tmp_path)])
    assert sweep.main() == 2
    told = capsys.readouterr().err
    assert "cranfield, cisi, npl" in told and str(tmp_path) in told and told.count("\n") == 1


def test_measures_by_hand() -> None:
    rankings = {
        "one": [("000000", 2.0), ("000001", 1.0)],
        "two": [("000000", 1.0), ("000002", 0.5)],
    }
    rows = sweep.measured(TINY, rankings)
    # two: one of two at rank 2: (1 / log2 3) / (1 + 1 / log2 3); three found nothing
    assert rows == pytest.approx(np.array([[1, 1], [0.386853, 0.5], [0, 0]]), abs=1e-6)
    assert sweep.overall({"hotpot_mini": rows}) == pytest.approx([1.386853 / 3, 0.5])
    both = {"hotpot_mini": np.array([[1.0, 1.0]]), "npl": np.array([[0.0, 0.5]])}
    assert sweep.overall(both) == pytest.approx([3 / 4, 3.5 / 4])


def test_halves_are_disjoint_and_whole() -> None:
    halves = [TINY.half(other).questions.keys() for other in (False, True)]
    assert halves[0] | halves[1] == TINY.questions.keys()
    assert not halves[0] & halves[1]


def test_changed_questions() -> None:
    wrong = misspelt(TINY)
    assert wrong == misspelt(TINY)
    assert wrong.questions.keys() == wrong.relevant.keys() == {"one"}
    assert "Raqqa near Aleppo" not in wrong.questions["one"]
    assert wrong.questions["one"].endswith(" or Moscow?")  # not in the gold passage
    assert unhyphened(TINY).questions == {"two": "who drove a T72"}


def test_passages_that_overlap_a_reference_are_relevant(tmp_path: Path) -> None:
    (tmp_path / "corpora").mkdir()
    words = [f"{number:03}" for number in range(250)]
    (tmp_path / "corpora" / "a.md").write_text(" ".join(words), "utf-8")
    span = json.dumps([{"start_index": 4 * 110, "end_index": 4 * 110 + 3}]).replace('"', '""')
    (tmp_path / "questions_df.csv").write_text(
        f'question,references,corpus_id\nwhich,"{span}",a\n', "utf-8"
    )
    collection = chunking(tmp_path)
    assert [text.split()[0] for text in collection.texts] == ["000", "100", "200"]
    assert [len(text.split()) for text in collection.texts] == [120, 120, 50]
    assert collection.relevant == {"0": {0, 1}}
