"""Make the shipped reader: ``python -m rag.recipe DATA OUT`` (`make reader`).

In each round every worker trains the same start on a share of the rows of its own; the mean of
what they make is the start of the next round. Each runs in a process of its own, on one core. What
is finished in OUT is kept, so that the command, given again, goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from index.errors import SettingsError
from rag.lessons import Lesson
from rag.read import Reader
from rag.recipe.mix import mix
from rag.recipe.row import Row
from rag.recipe.sources import draw
from rag.train import Training, average, train

FIRST = "df6f9348e350607a7947c61ef283139a5506f554be82595aca8aa67e69e38c3b"
"""Fingerprint of the first reader, version 1 of the shipped weights, which training starts from."""
SEED = 1
WORKERS = 2
ROUNDS = (
    Training(epochs=1, rate=1.5e-4, layer_decay=0.9, batch=16, checkpoint_every=100, seed=SEED),
    Training(epochs=1, rate=8e-5, layer_decay=0.9, batch=16, checkpoint_every=100, seed=SEED),
)


def main() -> None:
    """Draw the rows, train, average."""
    parser = argparse.ArgumentParser(prog="python -m rag.recipe", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with train/, dev/ and retrieval/")
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", help="the model to start from; default: DATA/../models/reader")
    parser.add_argument(
        "--licensed-only", action="store_true",
        help="leave out the data sets for which no licence was stated",
    )  # fmt: skip
    options = parser.parse_args()
    start = options.start or str(options.data.resolve().parent / "models" / "reader")
    if options.start is None and Reader(start).fingerprint != FIRST:
        raise SettingsError("Not the first reader", where=start, mend="Name it with --start.")
    rows = mix(draw(options.data, SEED, options.licensed_only), SEED)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "rows.json").write_text(json.dumps(_described(rows), indent=1) + "\n", "utf-8")
    shares = [
        [_lesson(row) for row in rows[share :: WORKERS * len(ROUNDS)]]
        for share in range(WORKERS * len(ROUNDS))
    ]
    for number, training in enumerate(ROUNDS, 1):
        whole = options.out / f"round-{number}"
        if not whole.exists():
            made = [options.out / f"round-{number}-{worker}" for worker in range(WORKERS)]
            mine = shares[(number - 1) * WORKERS : number * WORKERS]
            with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
                list(pool.map(_work, mine, [start] * WORKERS, made, [training] * WORKERS))
            average(made, [1.0] * WORKERS, whole)
        start = str(whole)


def _work(lessons: Sequence[Lesson], start: str | None, out: Path, training: Training) -> None:
    import torch

    torch.set_num_threads(1)

    def told(done: int, total: int, loss: float) -> None:
        if done % 25 == 0:
            sys.stderr.write(f"{out.name}: {done:,} of {total:,} steps, loss {loss:.3f}\n")

    if not (out / "config.json").exists():
        train(lessons, start, out, training, device="cpu", progress=told)


def _lesson(row: Row) -> Lesson:
    return Lesson(row.id, row.question, row.context, row.start, row.end)


def _described(rows: Sequence[Row]) -> dict[str, object]:
    """How many rows of what kind, and a hash of them all, for the model card."""
    digest = hashlib.sha256()
    kinds: dict[str, int] = {}
    for row in rows:
        digest.update(json.dumps(row.to_dict(), ensure_ascii=False).encode())
        kind = row.source if row.answerable else f"unanswerable: {row.kind}"
        kinds[kind] = kinds.get(kind, 0) + 1
    return {"rows": len(rows), "sha256": digest.hexdigest(), "kinds": dict(sorted(kinds.items()))}
