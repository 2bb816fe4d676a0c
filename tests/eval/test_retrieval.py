from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
import pytrec_eval
from tiny import WordEncoder, write_files

from eval import retrieval
from eval.retrieval import Bearing, bears, qrels_lines, rank_channels, run_lines, word
from eval.sets import Gold
from index import Retriever, sync
from index.types import Passage, Ranking, document_id


def files(tmp_path: Path, run: dict[str, Ranking], qrels: dict[str, dict[str, int]]) -> list[Path]:
    lines = [line for q, ranking in run.items() for line in run_lines(q, "dense", ranking)]
    truth = [line for q, relevant in qrels.items() for line in qrels_lines(q, relevant)]
    write_files(tmp_path, {"run": "".join(lines), "qrels": "".join(truth)})
    return [tmp_path / "qrels", tmp_path / "run"]


def test_measures_by_hand(tmp_path: Path) -> None:
    run: dict[str, Ranking] = {
        "one": [("a", 9.0), ("b", 8.0), ("c", 7.0)],
        "two": [("a", 9.0)],
        "blank id": [("x y", 1.0), ("z", 0.5)],
        "not asked for": [("a", 1.0)],
    }
    qrels = {
        "one": {"b": 1, "c": 1, "e": 1, "f": 1},
        "two": {"z": 1},
        "blank id": {"z": 2},
        "not asked for": {"a": 1},
    }
    asked = ["one", "two", "blank id", "found nothing", "nothing relevant"]
    found = retrieval.measure(*files(tmp_path, run, qrels), asked, depth=5)
    assert list(found["RR"]) == asked
    assert list(found["RR"].values()) == [0.5, 0, 0.5, 0, 0]
    assert found["R@3"] == {**dict.fromkeys(asked, 0.0), "one": 0.5, "blank id": 1.0}
    assert found["Success@1"] == dict.fromkeys(asked, 0.0)
    assert found["Success@3"]["one"] == 1
    ideal = 1 + 1 / math.log2(3) + 1 / 2 + 1 / math.log2(5)
    assert found["nDCG@10"]["one"] == pytest.approx((1 / math.log2(3) + 1 / 2) / ideal)
    assert "R@10" not in found
    assert retrieval.figures(found)["RR"]["value"] == 0.2
    assert retrieval.figures(found)["RR"]["n"] == 5


def test_the_same_as_pytrec_eval(tmp_path: Path) -> None:
    dice = random.Random(3)
    docs = [f"d{n}" for n in range(30)]
    run: dict[str, Ranking] = {}
    qrels = {}
    for n in range(1_200):  # more than are measured at once
        drawn = dice.sample(docs, 20)
        run[f"q{n}"] = [(doc, (20 - place) / 3) for place, doc in enumerate(drawn)]
        qrels[f"q{n}"] = {doc: dice.randrange(3) for doc in dice.sample(docs, 6)}
    ours = retrieval.measure(*files(tmp_path, run, qrels), run, depth=20)
    wanted = {"recip_rank", "ndcg_cut_10", "recall_5", "recall_20", "success_3"}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(
        {q: dict(ranking) for q, ranking in run.items()}
    )
    names = {"recip_rank": "RR", "ndcg_cut_10": "nDCG@10", "recall_5": "R@5",
             "recall_20": "R@20", "success_3": "Success@3"}  # fmt: skip
    for question, values in theirs.items():
        for their, our in names.items():
            assert ours[our][question] == pytest.approx(values[their], abs=1e-9)


def test_equal_scores_keep_our_order(tmp_path: Path) -> None:
    run: dict[str, Ranking] = {"q": [(name, 20.0) for name in "abcdef"]}
    for place, name in enumerate("abcdef", start=1):
        found = retrieval.measure(*files(tmp_path, run, {"q": {name: 1}}), ["q"], depth=10)
        assert found["RR"]["q"] == pytest.approx(1 / place)


def test_ids_are_one_word() -> None:
    assert word("5725b33f-ü") == "5725b33f-ü"
    assert word("a b\tc") == "a%20b%09c"
    assert word("a%20b%09c") == "a%2520b%2509c"


def test_a_passage_bears_a_gold() -> None:
    passage = Passage("p", "d", 10, 30, "It was Built in 1931", path="r/a.txt")
    assert bears(passage, [Gold("x"), Gold("built")])
    assert bears(passage, [Gold("built, in", "r/a.txt")])
    assert not bears(passage, [Gold("built", "r/b.txt")])
    assert not bears(passage, [Gold("193"), Gold("uilt")])
    assert bears(passage, [Gold("in 1931", "r/a.txt", 23, 30)])
    assert not bears(passage, [Gold("in 1931", "r/b.txt", 23, 30)])
    assert not bears(passage, [Gold("in 1931.", "r/a.txt", 23, 31)])
    assert not bears(passage, [])


def test_channels_of_a_collection(tmp_path: Path) -> None:
    words = ["dam", "opera", "river", "spring", "school"]
    paragraphs = [f"The {w} of Hajin stood here, {n} of them." for n, w in enumerate(words * 9)]
    folder = write_files(tmp_path / "docs", {
        "a.txt": "\n\n".join(paragraphs), "b.txt": "An opera house.\n\nIn Raqqa, a dam of mud."
    })  # fmt: skip
    encoder = WordEncoder()
    sync(folder, tmp_path / "home", encoder)
    with Retriever.open(tmp_path / "home", encoder=encoder) as retriever:
        hits = retriever.search("the dam of Hajin", k=7)
        with retriever.generation() as found:
            rankings = rank_channels(found, encoder, "the dam of Hajin", 7)
            assert [i for i, _ in rankings["hybrid"]] == [hit.passage.id for hit in hits]
            for channel in ("lexical", "dense"):
                alone = retriever.search("the dam of Hajin", 7, channel=channel)  # type: ignore[arg-type]
                assert [i for i, _ in rankings[channel]] == [hit.passage.id for hit in alone]
            # all passages of the document that hold the span, found or not
            text = found.document(document_id("docs/b.txt")).text
            start = text.index("mud")
            bearing = Bearing(found)
            placed = bearing([Gold("mud", "docs/b.txt", start, start + 3)])
            assert [p.text for p in found.passages(list(placed))] == [
                p.passage.text for _, p in found.store.rows_of(document_id("docs/b.txt"))
                if "mud" in p.passage.text
            ]  # fmt: skip
            assert placed
            assert bearing([Gold("MUD")]) == placed  # found or not
            assert bearing([Gold("mu")]) == bearing([Gold("mud", "docs/a.txt")]) == {}
            assert rank_channels(found, encoder, " ", 7) == {
                "lexical": [], "dense": [], "hybrid": []
            }  # fmt: skip
