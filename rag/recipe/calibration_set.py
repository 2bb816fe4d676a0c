"""The questions and documents that the shipped calibrator is fitted on: `make calibrator`.

Documents: the articles of SQuAD 2.0 dev whose title falls into the tuning half (the other half is
for reporting). Questions: answerable ones of these articles, near misses of the same articles that
SQuAD marks as unanswerable, and questions of SQuAD 1.1 training articles that are not there.
"""

from __future__ import annotations

import argparse
import hashlib
import random
from pathlib import Path

from eval.corpora import lay_out, read_rows
from eval.sets import Example, write_set

ANSWERABLE, NEAR, FAR = 600, 250, 250


def is_tuning_half(title: str) -> bool:
    """Whether an article of SQuAD dev may be tuned on; decided by the hash of its title."""
    return hashlib.sha256(title.encode()).digest()[0] % 2 == 0


def main() -> None:
    """Write ``OUT/docs/`` and ``OUT/squad2-tuning-half.jsonl``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with dev/ and train/")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    dev = read_rows(options.data / "dev" / "squad2_dev.dev.jsonl.gz")
    laid = lay_out((row for row in dev if is_tuning_half(row["title"])), options.out / "docs")
    train = read_rows(options.data / "train" / "squad1_train44.train.jsonl.gz")
    titles = {example.tags[0] for example in laid}
    elsewhere = [
        Example(f"far-{row['id']}", row["question"], ()) for row in train
        if row["title"] not in titles
    ]  # fmt: skip
    draw = random.Random(1)
    chosen = draw.sample([e for e in laid if e.golds], ANSWERABLE)
    chosen += draw.sample([e for e in laid if not e.golds], NEAR)
    chosen += draw.sample(elsewhere, FAR)
    draw.shuffle(chosen)
    write_set(options.out / "squad2-tuning-half.jsonl", chosen)


if __name__ == "__main__":
    main()
