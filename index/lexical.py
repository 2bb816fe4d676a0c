"""BM25 over passages, and the tokeniser with it, so that building and asking cannot differ.

An index is a folder of plain arrays. What it was built with stands beside them in
`lexical.json` and is read back by `LexicalIndex.open`: a question is always analysed and scored
with the settings of the index that it is asked of.
"""

from __future__ import annotations

import json
import math
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from index.errors import CorruptIndexError, SettingsError
from index.terms import Analysis, analyse, sound

__all__ = ["Analysis", "Bm25", "LexicalIndex", "analyse"]

Scores = NDArray[np.float32]
MOST_UNKNOWN = 16
"""Unknown words of a question for which alike ones are sought: each may cost milliseconds."""


@dataclass(frozen=True, slots=True)
class Bm25:
    """Parameters of BM25 (Robertson and Zaragoza 2009), in Lucene's form; see `LexicalIndex`.

    The defaults are those chosen by `eval.sweep`. Both engines give the same scores; "rank-bm25"
    walks over every passage for every question and holds the whole index in memory.
    """

    k1: float = 0.9
    b: float = 0.75
    engine: Literal["bm25s", "rank-bm25"] = "bm25s"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.k1) and self.k1 > 0):
            raise SettingsError("BM25's k1 must be above 0", where=self.k1, mend="Try 0.9.")
        if not 0 <= self.b <= 1:
            raise SettingsError("BM25's b must lie between 0 and 1", where=self.b, mend="Try 0.75.")
        if self.engine not in ("bm25s", "rank-bm25"):
            raise SettingsError(
                "Unknown BM25 engine", where=self.engine, mend='Use "bm25s" or "rank-bm25".'
            )

    def to_dict(self) -> dict[str, object]:
        """Plain data for the manifest."""
        return asdict(self)


class _Words:
    """Sorted words in two memory-mapped arrays, found by bisection: opening reads none of them."""

    def __init__(self, folder: Path, name: str) -> None:
        self._text = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        self._ends = np.load(folder / f"{name}_ends.npy", mmap_mode="r", allow_pickle=False)

    @staticmethod
    def write(folder: Path, name: str, words: Iterable[str]) -> None:
        encoded = [word.encode() for word in words]
        np.save(folder / f"{name}.npy", np.frombuffer(b"".join(encoded), np.uint8))
        np.save(folder / f"{name}_ends.npy", np.cumsum([0, *map(len, encoded)], dtype=np.int64))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, place: int) -> str:
        return bytes(self._text[self._ends[place] : self._ends[place + 1]]).decode()

    def places(self, word: str) -> range:
        """Where `word` stands: empty for an unknown one, longer than one for a repeated one."""
        return range(bisect_left(self, word), bisect_right(self, word))


class _Bm25s:
    """Scores worked out when the index is built, one sparse column a term, memory-mapped."""

    def __init__(self, folder: Path) -> None:
        import bm25s

        self._model = bm25s.BM25.load(folder, mmap=True, load_vocab=False, allow_pickle=False)
        # Plain views of the same pages: slicing np.memmap costs more than the sums.
        for name in ("data", "indices", "indptr"):
            self._model.scores[name] = np.asarray(self._model.scores[name])

    @staticmethod
    def build(folder: Path, passages: Sequence[array[int]], terms: int, bm25: Bm25) -> None:
        import bm25s

        model = bm25s.BM25(k1=bm25.k1, b=bm25.b, method="lucene")
        model.scores = model.build_index_from_ids(range(terms), passages, show_progress=False)
        model.vocab_dict = {}  # the terms are kept beside it, for both engines
        model.save(folder, allow_pickle=False, show_progress=False)

    def scores(self, term_ids: list[int]) -> Scores:
        scores: Scores = self._model.get_scores_from_ids(term_ids)
        return scores


class _RankBm25:
    """`BM25Okapi` with Lucene's idf, which is never negative, and without its factor k1 + 1."""

    def __init__(self, folder: Path, bm25: Bm25) -> None:
        import rank_bm25

        class Lucene(rank_bm25.BM25Okapi):  # type: ignore[misc]
            def _calc_idf(self, nd: dict[int, int]) -> None:
                size = self.corpus_size
                self.idf = {t: math.log(1 + (size - n + 0.5) / (n + 0.5)) for t, n in nd.items()}

        ids = np.load(folder / "ids.npy", allow_pickle=False).tolist()
        ends = np.load(folder / "ends.npy", allow_pickle=False).tolist()
        self._model = Lucene([ids[a:b] for a, b in pairwise([0, *ends])], k1=bm25.k1, b=bm25.b)

    @staticmethod
    def build(folder: Path, passages: Sequence[array[int]]) -> None:
        np.save(folder / "ids.npy", np.concatenate([np.asarray(p, np.int32) for p in passages]))
        np.save(folder / "ends.npy", np.cumsum([len(p) for p in passages], dtype=np.int64))

    def scores(self, term_ids: list[int]) -> Scores:
        with np.errstate(invalid="ignore"):  # 0/0 for a passage without terms, where b = 1
            total = self._model.get_scores(term_ids) / (self._model.k1 + 1)
        scores: Scores = np.nan_to_num(total).astype(np.float32)
        return scores


class LexicalIndex:
    """BM25 over the passages that it was built from, known by their row (place in `texts`).

    Lucene's form (Kamphuis et al. 2020): a term that stands f times in a passage of length l, and
    in n of N passages of mean length m, gives ::

        ln(1 + (N - n + 0.5) / (n + 0.5)) * f / (f + k1 * (1 - b + b * l / m))

    and a passage's score is the sum over the terms of the question, repeated ones repeatedly.
    """

    def __init__(self, folder: Path) -> None:
        try:
            settings = json.loads((folder / "lexical.json").read_text(encoding="utf-8"))
            self.analysis = Analysis.from_dict(settings["analysis"])
            self.bm25 = Bm25(**settings["bm25"])
            self._size: int = settings["passages"]
            self._terms = _Words(folder, "terms")
            self._sounds = _Words(folder, "sounds")
            self._sounding = np.load(folder / "sounding.npy", mmap_mode="r", allow_pickle=False)
            self._engine: _Bm25s | _RankBm25 | None = None  # none over no term
            if len(self._terms):
                rank = self.bm25.engine == "rank-bm25"
                self._engine = _RankBm25(folder, self.bm25) if rank else _Bm25s(folder)
        except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
            raise CorruptIndexError(
                "The lexical index cannot be read",
                where=folder,
                mend="Index the folder again: spanwise index FOLDER --rebuild",
            ) from error

    @classmethod
    def build(cls, texts: Iterable[str], folder: Path, analysis: Analysis, bm25: Bm25) -> None:
        """Write the index of `texts` into `folder`, made if missing. Deterministic to the byte.

        `texts` is walked once; the terms' ids (4 bytes a word) and the scores are held in memory.
        """
        folder.mkdir(parents=True, exist_ok=True)
        seen: defaultdict[str, int] = defaultdict(lambda: len(seen))
        passages = [array("i", [seen[term] for term in analyse(t, analysis)]) for t in texts]
        terms = sorted(seen)
        # A term's id is its place among the sorted terms.
        ids = np.argsort([seen[term] for term in terms]).astype(np.int32)
        passages = [array("i", ids[passage].tobytes()) for passage in passages]
        _Words.write(folder, "terms", terms)
        sounds = sorted((key, i) for i, term in enumerate(terms) if (key := sound(term)))
        _Words.write(folder, "sounds", [key for key, _ in sounds])
        np.save(folder / "sounding.npy", np.array([i for _, i in sounds], np.int32))
        if terms and bm25.engine == "bm25s":
            _Bm25s.build(folder, passages, len(terms), bm25)
        elif terms:
            _RankBm25.build(folder, passages)
        settings = {
            "analysis": analysis.to_dict(),
            "bm25": bm25.to_dict(),
            "passages": len(passages),
        }
        (folder / "lexical.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The index in `folder`, memory-mapped, with the settings that it was built with.

        Raises:
            CorruptIndexError: a file is missing or unreadable.
            IndexMismatchError: it was written by another version of the tokeniser.
        """
        return cls(folder)

    def __len__(self) -> int:
        """Number of passages."""
        return self._size

    def scores(self, query: str) -> Scores:
        """Score of each passage: float32, shape (passages,), 0 where there is no evidence."""
        ids = self._ids(query)
        if self._engine is None or not ids:
            return np.zeros(self._size, np.float32)
        return self._engine.scores(ids)

    def search(
        self, query: str, k: int, rows: NDArray[np.bool_] | NDArray[np.int64] | slice | None = None
    ) -> list[tuple[int, float]]:
        """The `k` best passages as (row, score), best first, ties by row.

        Only passages with evidence (score > 0) are in it. Every passage that ties with the k-th
        is, so that the caller can cut by passage id; the list may thus be longer than `k`.

        Args:
            query: the question's words.
            k: at least 1, or nothing is found.
            rows: mask of shape (passages,), row numbers or slice: the rows that may be returned.
        """
        scores = self.scores(query)
        evidence = scores > 0
        if rows is not None:
            allowed = np.zeros(self._size, np.bool_)
            allowed[rows] = True
            evidence &= allowed
        found = np.flatnonzero(evidence)
        if k < 1:
            return []
        if len(found) > k:
            found = found[scores[found] >= np.partition(scores[found], -k)[-k]]
        found = found[np.argsort(-scores[found], kind="stable")]
        return list(zip(found.tolist(), scores[found].tolist(), strict=True))

    def _ids(self, query: str) -> list[int]:
        """Ids of the question's terms; for one that no passage holds, of those that sound alike."""
        ids: list[int] = []
        unknown = 0
        for term in analyse(query, self.analysis):
            places = self._terms.places(term)
            ids += places
            if not places and self.analysis.alike and unknown < MOST_UNKNOWN:
                unknown += 1
                ids += self._alike(term)
        return ids

    def _alike(self, term: str) -> list[int]:
        key = sound(term)
        if key is None:
            return []
        ids = [int(self._sounding[place]) for place in self._sounds.places(key)]
        candidates = {self._terms[i]: i for i in ids}
        return [candidates[near] for near in get_close_matches(term, candidates, 4, cutoff=0.5)]
