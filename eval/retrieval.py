"""How well passages are found, by each channel alone and by both fused. The door to ir-measures.

Rankings and judgements are written as TREC run and qrels files, and every figure is computed by
`ir_measures` from these files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from eval.measures import Figure, mean_figures
from eval.sets import Gold
from index.errors import QuestionError
from index.fuse import DEFAULT_METHOD, DEFAULT_WEIGHTS, fuse
from index.retrieve import DEPTH
from index.snapshot import Snapshot
from index.terms import fold, in_a_row, whole_words
from index.types import Encoder, Filter, Passage, Ranking, document_id

CHANNELS = ("lexical", "dense", "hybrid")
CUTS = (1, 3, 5, 10, 20, 50, 100)
AT_ONCE = 500
"""Questions whose rankings are in memory together."""

Values = dict[str, dict[str, float]]
"""Measure → question → value."""


def rank_channels(
    found: Snapshot, encoder: Encoder, question: str, depth: int
) -> dict[str, Ranking]:
    """The best `depth` passages by each channel; the hybrid's are those that `search` gives."""
    if not question.strip() or not found.manifest.passages:
        return {channel: [] for channel in CHANNELS}
    rankings = {
        "lexical": found.search_text(question, max(depth, DEPTH), Filter()),
        "dense": found.search_vector(encoder.queries([question])[0], max(depth, DEPTH), Filter()),
    }
    rankings["hybrid"] = fuse(DEFAULT_METHOD, rankings, DEFAULT_WEIGHTS)
    return {channel: ranking[:depth] for channel, ranking in rankings.items()}


def bears(passage: Passage, golds: Sequence[Gold]) -> bool:
    """The passage holds a gold: its very span where the set tells it, else its words in a row.

    Of words, case, accents and what stands between them do not count. A gold that names a document
    is held by passages of that document alone.
    """
    for gold in golds:
        if gold.document not in (None, passage.path):
            continue
        if gold.start is None or gold.end is None:
            if _says(fold(passage.text), gold.text):
                return True
        elif passage.start <= gold.start and gold.end <= passage.end:
            return True
    return False


class Bearing:
    """The passages of a generation that hold a gold: what should be found.

    All of them, found or not. Where a gold is words alone, every passage that is searched is looked
    through, and their folded texts stay in memory from then on.
    """

    def __init__(self, found: Snapshot) -> None:
        self.generation = found.manifest.generation
        self.found = found
        self._texts: list[tuple[str, str]] = []

    def __call__(self, golds: Sequence[Gold]) -> dict[str, int]:
        """Passage → grade 1."""
        held: dict[str, int] = {}
        for path in dict.fromkeys(gold.document for gold in golds if gold.document):
            rows = self.found.store.rows_of(document_id(path))
            held |= {row.passage.id: 1 for _, row in rows if bears(row.passage, golds)}
        for words in dict.fromkeys(gold.text for gold in golds if gold.document is None):
            held |= {ident: 1 for ident, text in self._searched() if _says(text, words)}
        return held

    def _searched(self) -> list[tuple[str, str]]:
        if not self._texts:
            store = self.found.store
            for path, *_ in store.listing():
                passages = (row.passage for _, row in store.rows_of(document_id(path)))
                self._texts += [(p.id, fold(p.text)) for p in passages if not p.boilerplate]
        return self._texts


def _says(folded: str, words: str) -> bool:
    longest, pattern = _pattern(words)
    return pattern is not None and longest in folded and bool(pattern.search(folded))


@lru_cache(maxsize=10_000)
def _pattern(words: str) -> tuple[str, re.Pattern[str] | None]:
    """The longest word, which is looked for far faster than the pattern, and the pattern."""
    return max(whole_words(words), key=len, default=""), in_a_row(words)


def run_lines(question: str, channel: str, ranking: Ranking) -> Iterator[str]:
    """Lines of a TREC run file: ``question Q0 passage rank score spanwise-channel``.

    Programs that read them sort by score, and equal scores each in its own way: where ours are
    equal, or nearly, the later one is lowered by a hundred-thousandth.
    """
    last = float("inf")
    for rank, (ident, score) in enumerate(ranking, start=1):
        last = min(score, last - 1e-5 * max(1.0, abs(last)) if rank > 1 else score)
        yield f"{word(question)} Q0 {word(ident)} {rank} {last:.6f} spanwise-{channel}\n"


def qrels_lines(question: str, relevant: Mapping[str, int]) -> Iterator[str]:
    """Lines of a TREC qrels file: ``question 0 passage grade``."""
    for ident, grade in relevant.items():
        yield f"{word(question)} 0 {word(ident)} {grade}\n"


def word(ident: str) -> str:
    """An id as one word of a TREC file; no two ids have the same."""
    if ident.split() == [ident] and "%" not in ident:
        return ident
    return quote(ident, safe="!#$&'()*+,/:;=?@[]~|{}<>^`\"\\")


def digest(value: object) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()


def require() -> None:
    """Say what is missing before anything is asked.

    Raises:
        QuestionError: ir-measures is not installed.
    """
    try:
        import ir_measures  # noqa: F401
    except ImportError as error:
        raise QuestionError(
            "Retrieval is measured by ir-measures, which is not installed",
            mend="Install it: pip install ir-measures",
        ) from error


def measure(qrels: Path, run: Path, questions: Iterable[str], depth: int) -> Values:
    """Every measure of every question, from a qrels and a run file.

    ``Success@k``: something relevant is in the top k; ``R@k``: the share of what is relevant that
    is; ``RR``: 1 / rank of the first relevant one; ``nDCG@10`` with the grades as gains. A question
    for which nothing was found, or nothing is relevant, has 0.

    Raises:
        QuestionError: ir-measures is not installed.
    """
    require()
    import ir_measures

    cuts = [cut for cut in CUTS if cut <= depth]
    wanted = [getattr(ir_measures, kind) @ cut for kind in ("Success", "R") for cut in cuts]
    wanted += [ir_measures.RR, ir_measures.nDCG @ 10]
    names = {word(question): question for question in questions}
    values: Values = {str(one): dict.fromkeys(names.values(), 0.0) for one in wanted}
    with qrels.open(encoding="utf-8") as stream:
        truth: dict[str, dict[str, int]] = {}
        for line in stream:
            question, _, ident, grade = line.split()
            truth.setdefault(question, {})[ident] = int(grade)
    with run.open(encoding="utf-8") as stream:
        for part in _parts(stream):
            here = {q: truth[q] for q in part if q in truth and q in names}
            for found in ir_measures.iter_calc(wanted, here, {q: part[q] for q in here}):
                values[str(found.measure)][names[found.query_id]] = float(found.value)
    return values


def ndcg_at_10(
    rankings: Mapping[str, Ranking], relevant: Mapping[str, Mapping[str, int]]
) -> dict[str, float]:
    """nDCG@10 of each question's ranking; 0 where nothing is relevant."""
    import ir_measures

    values = dict.fromkeys(rankings, 0.0)
    run = {q: {i: 1 / rank for rank, (i, _) in enumerate(r, 1)} for q, r in rankings.items()}
    truth = {question: dict(grades) for question, grades in relevant.items() if grades}
    for found in ir_measures.iter_calc([ir_measures.nDCG @ 10], truth, run):
        values[found.query_id] = float(found.value)
    return values


def figures(values: Values) -> dict[str, Figure]:
    """The mean of every measure over the questions."""
    return mean_figures({name: list(of.values()) for name, of in values.items()})


def _parts(stream: TextIO) -> Iterator[dict[str, dict[str, float]]]:
    """The rankings of some hundred questions at a time."""
    part: dict[str, dict[str, float]] = {}
    rows = (line.split() for line in stream)
    for question, lines in groupby(rows, key=lambda row: row[0]):
        part[question] = {row[2]: float(row[4]) for row in lines}
        if len(part) == AT_ONCE:
            yield part
            part = {}
    if part:
        yield part
