"""Both BM25 engines by one contract, which asserts values."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.errors import CorruptIndexError
from index.lexical import Analysis, Bm25, LexicalIndex, analyse

JOINED = Analysis(stemmer="", stop_words=False, joined=True, alike=False)

TEXTS = [
    "The river crossed the old bridge, and the bridge held.",
    "",
    "A bridge over the river; a river under the bridge; a toll bridge.",
    "!!! ... ---",
    "Toll collectors met in Deir ez-Zor.",
    "The river crossed the old bridge, and the bridge held.",
]
QUERIES = ["bridge", "toll bridge river", "bridge bridge river", "Deir Ezzor", "zebra", "", "?!"]


def oracle(texts: Sequence[str], query: str, analysis: Analysis, bm25: Bm25) -> list[float]:
    """The formula of `LexicalIndex`, by plain loops."""
    bags = [Counter(analyse(text, analysis)) for text in texts]
    size, mean = len(bags), sum(bag.total() for bag in bags) / max(1, len(bags))
    scores = [0.0] * size
    for term in analyse(query, analysis):
        holders = sum(term in bag for bag in bags)
        for row, bag in enumerate(bags):
            if f := bag[term]:
                idf = math.log(1 + (size - holders + 0.5) / (holders + 0.5))
                scores[row] += idf * f / (f + bm25.k1 * (1 - bm25.b + bm25.b * bag.total() / mean))
    return scores


@pytest.fixture(params=["bm25s", "rank-bm25"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def index(
    texts: Sequence[str], folder: Path, bm25: Bm25, analysis: Analysis = JOINED
) -> LexicalIndex:
    LexicalIndex.build(iter(texts), folder, analysis, bm25)
    return LexicalIndex.open(folder)


def test_one_example_by_hand(tmp_path: Path, engine: str) -> None:
    built = index(["cat cat dog", "dog", "bird"], tmp_path, Bm25(1.2, 0.75, engine))  # type: ignore[arg-type]
    # cat: in 1 of 3, idf = ln(1 + 2.5/1.5) = 0.980829; lengths 3, 1, 1, mean 5/3;
    # 2 / (2 + 1.2 * (0.25 + 0.75 * 1.8)) = 2 / 3.92 = 0.510204
    # dog: in 2 of 3, idf = ln(1 + 1.5/2.5) = 0.470004; 1 / (1 + 1.92) = 0.342466 and
    # 1 / (1 + 1.2 * (0.25 + 0.75 * 0.6)) = 1 / 1.84 = 0.543478
    assert built.scores("cat") == pytest.approx([0.500423, 0, 0], abs=2e-6)
    assert built.scores("dog") == pytest.approx([0.160960, 0.255437, 0], abs=2e-6)
    assert built.scores("dog cat dog") == pytest.approx([0.822343, 0.510874, 0], abs=3e-6)
    assert [row for row, _ in built.search("dog", 10)] == [1, 0]


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.9, 0.4), (2.0, 1.0), (0.5, 0.0)])
def test_scores_are_the_formula(tmp_path: Path, engine: str, k1: float, b: float) -> None:
    bm25 = Bm25(k1, b, engine)  # type: ignore[arg-type]
    built = index(TEXTS, tmp_path, bm25)
    assert len(built) == len(TEXTS)
    for query in QUERIES:
        scores = built.scores(query)
        assert scores.dtype == np.float32
        assert scores.shape == (len(TEXTS),)
        assert scores == pytest.approx(oracle(TEXTS, query, JOINED, bm25), abs=1e-6)


def test_search_gives_evidence_in_order_with_all_ties(tmp_path: Path, engine: str) -> None:
    built = index(TEXTS, tmp_path, Bm25(engine=engine))  # type: ignore[arg-type]
    assert [row for row, _ in built.search("bridge", 10)] == [2, 0, 5]
    assert [row for row, _ in built.search("bridge", 1)] == [2]
    assert [row for row, _ in built.search("bridge", 2)] == [2, 0, 5]  # 0 and 5 say the same
    assert [row for row, _ in built.search("Ezzor", 3)] == [4]
    for query in ("zebra", "", "?!", "\ud800\x00"):
        assert built.search(query, 3) == []
    assert built.search("bridge", 0) == []


def test_rows_limit_what_is_returned_and_not_the_scores(tmp_path: Path, engine: str) -> None:
    built = index(TEXTS, tmp_path, Bm25(engine=engine))  # type: ignore[arg-type]
    everything = dict(built.search("bridge", 10))
    mask = np.array([True, True, False, False, False, True])
    assert dict(built.search("bridge", 10, mask)) == {0: everything[0], 5: everything[5]}
    assert dict(built.search("bridge", 10, slice(1, 4))) == {2: everything[2]}
    assert built.search("bridge", 10, np.zeros(6, np.bool_)) == []


@pytest.mark.parametrize("texts", [[], [""], ["", "...", "\x00"], ["the of and"]])
def test_no_text_or_no_term(tmp_path: Path, engine: str, texts: list[str]) -> None:
    analysis = Analysis(stop_words=True)
    built = index(texts, tmp_path, Bm25(engine=engine), analysis)  # type: ignore[arg-type]
    assert len(built) == len(texts)
    assert built.search("anything at all", 5) == []
    assert built.scores("anything").tolist() == [0.0] * len(texts)


def test_the_question_is_analysed_as_the_passages_were(tmp_path: Path, engine: str) -> None:
    bm25 = Bm25(k1=0.7, b=0.3, engine=engine)  # type: ignore[arg-type]
    built = index(["fighters", "fought"], tmp_path, bm25, Analysis())
    assert [row for row, _ in built.search("a FIGHTER’S", 5)] == [0]
    assert built.analysis == Analysis()
    assert built.bm25 == bm25


def test_alike_words_stand_in_for_an_unknown_one_only(tmp_path: Path, engine: str) -> None:
    texts = ["Raqqa fell", "The Raqqah road", "Rocky road", "Nothing here"]
    bm25 = Bm25(engine=engine)  # type: ignore[arg-type]
    built = index(texts, tmp_path, bm25, Analysis())
    # Unknown: it is searched as the spellings that the passages have; "rocky" is too far.
    assert built.scores("raggah") == pytest.approx(built.scores("raqqa raqqah"))
    assert {row for row, _ in built.search("raggah", 9)} == {0, 1}
    # Known: as it is, and nothing beside it.
    assert [row for row, _ in built.search("Raqqa", 9)] == [0]
    assert built.search("Reykjavik", 9) == []
    strict = index(texts, tmp_path / "strict", bm25, Analysis(alike=False))
    assert strict.search("raggah", 9) == []


def test_a_question_of_many_unknown_words_is_answered_soon(tmp_path: Path, engine: str) -> None:
    names = [f"b{a}r{b}k{c}n" for a in "aeiou" for b in "aeiou" for c in "aeiou"]
    built = index([" ".join(names)], tmp_path, Bm25(engine=engine), Analysis())  # type: ignore[arg-type]
    start = time.perf_counter()
    assert built.search(" ".join(f"b{n}rakyn" + "y" * n for n in range(9999)), 1) == []
    assert built.search("biirakeen " * 9999, 1)
    assert time.perf_counter() - start < 60


def test_same_texts_same_bytes_and_nothing_pickled(tmp_path: Path, engine: str) -> None:
    for name in ("one", "two"):
        index(TEXTS, tmp_path / name, Bm25(engine=engine))  # type: ignore[arg-type]
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "two").iterdir())
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
        if name.endswith(".npy"):
            np.load(tmp_path / "one" / name, allow_pickle=False)


def test_a_missing_or_cut_file_is_told(tmp_path: Path, engine: str) -> None:
    index(TEXTS, tmp_path, Bm25(engine=engine))  # type: ignore[arg-type]
    for path in [*sorted(tmp_path.glob("*.npy")), tmp_path / "lexical.json"]:
        kept = path.read_bytes()
        for broken in (None, b"", kept[: len(kept) // 2]):
            path.unlink() if broken is None else path.write_bytes(broken)
            with pytest.raises(CorruptIndexError, match="Index the folder again"):
                LexicalIndex.open(tmp_path)
            path.write_bytes(kept)
    assert LexicalIndex.open(tmp_path).search("toll", 1)


words = st.sampled_from(["al-zor", "Raqqa", "the", "2,000", "U.S.", "’", "水", "", "naïve", "-"])
text = st.one_of(st.lists(words, max_size=8).map(" ".join), st.text(st.characters(), max_size=20))


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(text, max_size=7), query=text, k=st.integers(1, 4), bits=st.integers(0, 127))
def test_any_texts_both_engines(texts: list[str], query: str, k: int, bits: int) -> None:
    mask: NDArray[np.bool_] = np.array([bits >> row & 1 for row in range(len(texts))], np.bool_)
    for name in ("bm25s", "rank-bm25"):
        bm25 = Bm25(1.5, 1.0, name)
        with TemporaryDirectory() as folder:
            built = index(texts, Path(folder), bm25)
            expected = oracle(texts, query, JOINED, bm25)
            assert built.scores(query) == pytest.approx(expected, rel=1e-5, abs=1e-6)
            hits = built.search(query, k, mask)
            assert all(score > 0 and mask[row] for row, score in hits)
            assert hits == sorted(hits, key=lambda hit: (-hit[1], hit[0]))
            evident = [row for row in range(len(texts)) if mask[row] and expected[row] > 0]
            assert min(k, len(evident)) <= len(hits) <= len(evident)
            del built
