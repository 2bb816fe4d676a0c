"""The measurement that chose the defaults of `index.lexical` and `index.fuse`.

    python -m eval.sweep --data FOLDER --cache FOLDER

Settings are tried on one half of the questions (by a hash of their ids) of five collections, in
three steps: tokeniser, BM25's parameters, fusion; each with the code's defaults for the others.
Of those within 0.001 of the best nDCG@10 the most customary one was made the default. The
defaults are then reported on the other half, with 95% bootstrap intervals. The collections most
like our use (natural questions on encyclopedic paragraphs; questions on long documents cut into
passages) count three times.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import ir_measures
import numpy as np
from ir_measures import R, nDCG
from numpy.typing import NDArray

from eval.collections import LOADERS, Collection, misspelt, unhyphened
from index.dense import unit
from index.encode import SentenceEncoder
from index.fuse import DEFAULT_METHOD, DEFAULT_WEIGHTS, convex, rrf
from index.lexical import Analysis, Bm25, LexicalIndex
from index.retrieve import DEPTH
from index.types import Ranking, Vectors

MEASURES = (nDCG @ 10, R @ 5)
SHARES = {"hotpot_mini": 3, "chunking": 3, "cranfield": 1, "cisi": 1, "npl": 1}

Rankings = dict[str, Ranking]
Rows = dict[str, NDArray[np.float64]]
"""Collection → its questions' measures, shape (questions, 2)."""


def lexical(collection: Collection, analysis: Analysis, bm25: Bm25) -> Rankings:
    """Each question's ranking by `LexicalIndex`, cut at the depth that the retriever uses."""
    with tempfile.TemporaryDirectory() as folder:
        LexicalIndex.build(collection.texts, Path(folder), analysis, bm25)
        index = LexicalIndex.open(Path(folder))
        rankings = {
            ident: [(f"{row:06}", score) for row, score in index.search(question, DEPTH)[:DEPTH]]
            for ident, question in collection.questions.items()
        }
        del index  # an open map would keep the folder from being removed on some systems
    return rankings


def dense(collection: Collection, cache: Path) -> Rankings:
    """Each question's ranking by exact cosine with the default encoder's vectors."""
    encoder = SentenceEncoder()
    passages = unit(_kept(cache, encoder.fingerprint, collection.texts, encoder.passages))
    asked = list(collection.questions.values())
    vectors = unit(_kept(cache, encoder.fingerprint, asked, encoder.queries))
    rankings = {}
    for ident, vector in zip(collection.questions, vectors, strict=True):
        scores = passages @ vector
        best = np.argsort(-scores, kind="stable")[:DEPTH]
        rankings[ident] = [(f"{row:06}", float(scores[row])) for row in best]
    return rankings


def _kept(
    cache: Path, fingerprint: str, texts: Sequence[str], encode: Callable[[Sequence[str]], Vectors]
) -> Vectors:
    """The texts' vectors, from the cache if they were encoded before."""
    key = hashlib.sha256("\0".join([fingerprint, *texts]).encode()).hexdigest()[:24]
    file = cache / f"{key}.npy"
    if not file.exists():
        print(f"encoding {len(texts)} texts …", file=sys.stderr, flush=True)
        cache.mkdir(parents=True, exist_ok=True)
        np.save(file, encode(texts))
    vectors: Vectors = np.load(file, allow_pickle=False)
    return vectors


def observed_min_max(rankings: Mapping[str, Ranking], weights: Mapping[str, float]) -> Ranking:
    """The other min-max: `convex` with the lowest score found as 0."""
    lowered = {
        channel: [(doc, score - ranking[-1][1]) for doc, score in ranking]
        for channel, ranking in rankings.items()
    }
    return convex(lowered, weights)


FUSIONS = {"rrf": rrf, "convex": convex, "observed": observed_min_max}


def fused(one: Rankings, two: Rankings, method: str, weight: float) -> Rankings:
    """Both channels' rankings together; `weight` is that of the lexical one."""
    weights = {"lexical": weight, "dense": 1 - weight}
    return {q: FUSIONS[method]({"lexical": one[q], "dense": two[q]}, weights) for q in one}


def measured(collection: Collection, rankings: Rankings) -> NDArray[np.float64]:
    """Each question's measures, shape (questions, 2); one that found nothing has 0."""
    truth = {q: {f"{row:06}": 1 for row in rows} for q, rows in collection.relevant.items()}
    run = {q: {d: 1 / n for n, (d, _) in enumerate(r, 1)} for q, r in rankings.items()}
    found = {(m.query_id, m.measure): m.value for m in ir_measures.iter_calc(MEASURES, truth, run)}
    return np.array([[found.get((q, m), 0.0) for m in MEASURES] for q in collection.questions])


def overall(rows: Rows) -> NDArray[np.float64]:
    """Mean over collections by their `SHARES`; rows of shape (…, questions, 2) give (…, 2)."""
    total = sum(SHARES[name] * values.mean(-2) for name, values in rows.items())
    return np.asarray(total) / sum(SHARES[name] for name in rows)


def interval(rows: Rows) -> NDArray[np.float64]:
    """95% bootstrap interval of `overall` over the questions, shape (2 bounds, 2 measures)."""
    dice = np.random.default_rng(0)
    drawn = {n: v[dice.integers(len(v), size=(2000, len(v)))] for n, v in rows.items()}
    return np.asarray(np.percentile(overall(drawn), [2.5, 97.5], axis=0))


def table(title: str, tried: Mapping[str, Rows]) -> None:
    """Print what was tried, best first: both measures overall, and nDCG@10 by collection."""
    print(f"\n{title}\n\n| | nDCG@10 | R@5 |{''.join(f' {name} |' for name in SHARES)}")
    print("|---|" + "---|" * (2 + len(SHARES)))
    for name in sorted(tried, key=lambda name: (-overall(tried[name])[0], name)):
        cells = [*overall(tried[name]), *(values.mean(0)[0] for values in tried[name].values())]
        print(f"| {name} |" + "".join(f" {cell:.4f} |" for cell in cells))


def report(systems: Mapping[str, Rows]) -> None:
    """One line for each system and collection, and the mean: both measures with intervals."""
    print("\n| collection (questions) | system | nDCG@10 | R@5 |\n|---|---|---|---|")
    for name in [*next(iter(systems.values())), ""]:
        for system, rows in systems.items():
            part = {name: rows[name]} if name else rows
            (ndcg, recall), (low, high) = overall(part), interval(part)
            size = f"{name} ({len(rows[name])})" if name else "mean by weights"
            print(
                f"| {size} | {system} | {ndcg:.3f} [{low[0]:.3f}, {high[0]:.3f}] "
                f"| {recall:.3f} [{low[1]:.3f}, {high[1]:.3f}] |"
            )


def ranked(half: Sequence[Collection], analysis: Analysis, bm25: Bm25) -> list[Rankings]:
    """`lexical` for each collection."""
    return [lexical(collection, analysis, bm25) for collection in half]


def rows(half: Sequence[Collection], rankings: Sequence[Rankings]) -> Rows:
    """`measured` for each collection."""
    return {c.name: measured(c, r) for c, r in zip(half, rankings, strict=True)}


def choose(half: Sequence[Collection], cache: Path) -> dict[str, float]:
    """Print what every setting gives on this half; each fusion's best weight of the lexical one."""
    analyses = [
        Analysis(*s) for s in itertools.product(("english", ""), (True, False), (True, False))
    ]
    tried = {
        f"stemmer={a.stemmer!r} stop_words={a.stop_words} joined={a.joined}": rows(
            half, ranked(half, a, Bm25())
        )
        for a in analyses
    }
    table("Tokeniser", tried)
    grid = itertools.product((0.6, 0.9, 1.2, 1.6, 2.0), (0.3, 0.4, 0.5, 0.6, 0.75, 0.9))
    tried = {f"k1={k} b={b}": rows(half, ranked(half, Analysis(), Bm25(k, b))) for k, b in grid}
    table("BM25", tried)
    pairs = list(
        zip(ranked(half, Analysis(), Bm25()), [dense(c, cache) for c in half], strict=True)
    )
    weighed = {
        (method, tenths / 10): rows(half, [fused(*pair, method, tenths / 10) for pair in pairs])
        for method in FUSIONS
        for tenths in range(1, 10)
    }
    table(
        "Fusion, and the weight of the lexical channel",
        {f"{method} {weight}": tried for (method, weight), tried in weighed.items()},
    )
    return dict(sorted(weighed, key=lambda fusion: overall(weighed[fusion])[0]))


def confirm(half: Sequence[Collection], cache: Path, best: Mapping[str, float]) -> None:
    """Print what the defaults give on the other half, and what each device in them is worth."""
    words, vectors = ranked(half, Analysis(), Bm25()), [dense(c, cache) for c in half]
    systems = {
        "BM25": rows(half, words),
        "BM25, alike=False": rows(half, ranked(half, Analysis(alike=False), Bm25())),
        "dense": rows(half, vectors),
    }
    ours = (DEFAULT_METHOD, DEFAULT_WEIGHTS["lexical"])
    for method, weight in dict.fromkeys([("rrf", 0.5), *best.items(), ours]):
        both = [fused(a, b, method, weight) for a, b in zip(words, vectors, strict=True)]
        systems[f"{method} {weight}"] = rows(half, both)
    print("\nThe defaults, on the other half")
    report(systems)
    name = f"{ours[0]} {ours[1]}"
    print(f"\nGain of {name} over each, question by question")
    report({n: {c: systems[name][c] - v[c] for c in v} for n, v in systems.items() if n != name})

    natural = [collection for collection in half if SHARES[collection.name] > 1]
    for title, change, analyses in (
        ("names misspelt", misspelt, [Analysis(alike=False), Analysis()]),
        ("hyphenated words written as one", unhyphened, [Analysis(joined=False), Analysis()]),
    ):
        changed = [change(collection) for collection in natural]
        print(f"\nBM25 on questions with {title}, without and with the device")
        tried = [rows(changed, ranked(changed, analysis, Bm25())) for analysis in analyses]
        report(dict(zip(("without", "with"), tried, strict=True)))


def main() -> int:
    """Run it; 2 when the data is not there."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.sweep", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the five collections")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "spanwise-sweep",
        help="where vectors are kept (20,000 texts take 15 minutes to encode)",
    )
    arguments = parser.parse_args()
    try:
        collections = [load(arguments.data / load.__name__) for load in LOADERS]
    except FileNotFoundError as error:
        names = ", ".join(SHARES)
        print(
            f"eval.sweep needs a folder with the collections {names}: no {error.filename}.",
            file=sys.stderr,
        )
        return 2
    best = choose([collection.half(False) for collection in collections], arguments.cache)
    confirm([collection.half(True) for collection in collections], arguments.cache, best)
    return 0


if __name__ == "__main__":
    sys.exit(main())
