"""The questions and documents that the shipped calibrator is fitted on: `make calibrator`.

Documents: the articles of SQuAD 2.0 dev whose title falls into the tuning half (the other half is
for reporting), and of the reader's own sources what was held out of its last training: Wikipedia
articles, news quizzes, newswire. Questions: answerable ones, near misses that SQuAD marks as
unanswerable, and such whose document is not there.

Beside them, to report on: the reporting half as it is, and its articles with a set of questions in
the proportions of the fitted one, for the confidences are those of such a mix.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from eval.corpora import lay_out, read_rows
from eval.sets import Example, write_set
from index.errors import SpanwiseError
from rag.recipe.row import Row
from rag.recipe.sources import SOURCES, Evaluation, is_held_out, read

ANSWERABLE = {"squad2|": 300, "squadshifts_newwiki": 150, "realtimeqa": 200, "trecqa2393_mix": 100}
NEAR = 200
FAR = {"squad1_train44": 100, "realtimeqa": 80, "trecqa2393_pos": 70}
REPORTED = {"answerable": 600, "near": 160, "far": 200}
ABSENT = 3
"""One held-out context in so many is not laid out; its questions have no answer in the folder."""


def is_tuning_half(title: str) -> bool:
    """Whether an article of SQuAD dev may be tuned on; decided by the hash of its title."""
    return hashlib.sha256(title.encode()).digest()[0] % 2 == 0


def main() -> None:
    """Write ``docs/`` and ``calibration.jsonl``; ``reported{/,.jsonl}`` and ``mixed.jsonl``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with dev/ and train/")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    dev = list(read_rows(options.data / "dev" / "squad2_dev.dev.jsonl.gz"))
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "reported.jsonl").open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(r) + "\n" for r in dev if not is_tuning_half(r["title"]))
    laid = lay_out(_known(dev), options.out / "docs")
    held_out = _held_out(options.data)
    far = [row for row in held_out if _is_absent(row)]
    laid += lay_out(map(_raw, (row for row in held_out if not _is_absent(row))),
                    options.out / "docs")  # fmt: skip
    draw = Random(1)
    chosen = _drawn([e for e in laid if e.golds], ANSWERABLE, draw)
    chosen += _drawn([e for e in laid if not e.golds], {"squad2|": NEAR}, draw)
    there = {example.question.lower() for example in laid}
    nowhere = [Example(r.id, r.question, ()) for r in far if r.question.lower() not in there]
    chosen += [replace(e, id=f"far-{e.id}") for e in _drawn(nowhere, FAR, draw)]
    draw.shuffle(chosen)
    write_set(options.out / "calibration.jsonl", chosen)
    write_set(options.out / "mixed.jsonl", _mixed(dev, options.out / "reported"))


def _mixed(dev: Sequence[dict[str, Any]], folder: Path) -> list[Example]:
    """The reporting half laid out; questions to it, and some of the other half, far from it."""
    here = [raw for raw in dev if not is_tuning_half(raw["title"])]
    elsewhere = [raw for raw in dev if is_tuning_half(raw["title"]) and raw["answers"]["text"]]
    laid = lay_out(here, folder)
    there = {example.question.lower() for example in laid}
    kinds = {
        "answerable": [example for example in laid if example.golds],
        "near": [example for example in laid if not example.golds],
        "far": [Example(f"far-{raw['id']}", raw["question"], ()) for raw in elsewhere
                if raw["question"].lower() not in there],
    }  # fmt: skip
    draw = Random(2)
    mixed = [each for kind, count in REPORTED.items() for each in draw.sample(kinds[kind], count)]
    draw.shuffle(mixed)
    return mixed


def _known(rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for row in rows:
        if is_tuning_half(row["title"]):
            yield {**row, "id": f"squad2|{row['id']}"}


def _held_out(data: Path) -> list[Row]:
    """The rows kept from the reader, of the sources that are asked here, not of the evaluation."""
    wanted = tuple({*ANSWERABLE, *FAR})
    evaluation = Evaluation(data)
    return [
        row
        for source in SOURCES if source.name.startswith(wanted)
        for row in read(source, data) if is_held_out(row) and not evaluation.holds(row)
    ]  # fmt: skip


def _is_absent(row: Row) -> bool:
    if row.source.startswith(("squad1", "trecqa2393_pos")):
        return True
    return hashlib.sha256(row.context.encode()).digest()[1] % ABSENT == 0


def _raw(row: Row) -> dict[str, Any]:
    """As `lay_out` takes it; where the titles are no articles, each context is its own."""
    told = row.to_dict()
    if row.source.startswith("realtimeqa"):
        told["title"] = f"{row.source} {hashlib.sha256(row.context.encode()).hexdigest()[:8]}"
    return told


def _drawn(examples: list[Example], wanted: dict[str, int], draw: Random) -> list[Example]:
    drawn = []
    for start, count in wanted.items():
        mine = [example for example in examples if example.id.startswith(start)]
        drawn += draw.sample(mine, min(count, len(mine)))
    return drawn


if __name__ == "__main__":
    try:
        main()
    except SpanwiseError as error:
        sys.exit(f"Error: {error}")
