"""Spanwise beside its peers: `make bench-peers DATA=folder`, or ``python -m eval.peers DATA``.

Every arm is asked the same questions, reads the same number of the same passages (those of
Spanwise's index, with title and section where they are searched) with the same reader's weights,
and is judged by its best answer, given or withheld. DATA holds dev/squad1_dev.dev.jsonl.gz, whose
articles are laid out as a folder; the questions on the demo corpus are asked in any case.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eval.bench.apart import ROOT, Job, apart
from eval.bench.asking import index_folder
from eval.corpora import make_corpus
from eval.peers.arms import ARMS, HAYSTACK
from eval.peers.same import versions
from eval.peers.table import rows_of, table
from eval.sets import Example, read_set, sample
from index.home import existing_collection
from index.snapshot import Snapshot
from rag.read import Reader

SEEDS = ROOT / "seeds"
QUESTIONS = ROOT / "eval" / "questions" / "seeds.jsonl"
SQUAD = Path("dev") / "squad1_dev.dev.jsonl.gz"
PEERS = ROOT / "build" / "peers-venv" / "bin" / "python"
QUIET = {"HAYSTACK_TELEMETRY_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
ROUNDS = 2
"""The questions are parted in so many, and the arms take turns over the parts: a machine whose
speed drifts drifts for all."""


def main() -> None:
    """Print a table for each corpus; keep the rows beside what was indexed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", help=f"a folder that holds {SQUAD}")
    parser.add_argument("--sample", type=int, default=1_000, help="questions of each corpus")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--haystack", type=Path, default=PEERS, help="a Python that has Haystack")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "peers")
    options = parser.parse_args()
    if options.data and not (options.data / SQUAD).exists():
        parser.error(f"{options.data / SQUAD} is not there")
    for name, folder, examples in _corpora(options.data, options.out):
        answerable = [example for example in examples if example.golds]
        chosen = sample(answerable, options.sample, options.seed)
        _say(f"\n{name}, {len(chosen):,} of {len(answerable):,} answerable questions\n")
        rows = compare(folder, options.out, chosen, options.haystack)
        (options.out / f"{folder.name}.json").write_text(json.dumps(rows, indent=1), "utf-8")
        for line in table(rows):
            _say(line)
    _say("\n" + _made_with(options.haystack))


def compare(
    folder: Path, out: Path, examples: Sequence[Example], haystack: Path
) -> dict[str, list[dict[str, Any]]]:
    """Arm → a row a question; see `eval.peers.table.rows_of`.

    Args:
        folder: of the documents, indexed into a home in `out`.
        out: a folder for what is made.
        examples: the questions.
        haystack: an interpreter that has it; where there is none its arm is left out.
    """
    home = out / f"home-{folder.name}"
    apart(index_folder, {"folder": str(folder), "home": str(home)}, environ=QUIET)
    with Snapshot.open(existing_collection(home, None)) as found:
        passages = _passages(found)
        job = {"home": str(home), "passages": passages, "reader": str(Reader().folder)}
        said: dict[str, list[Any]] = {name: [] for name in ARMS}
        if not haystack.exists():
            _say(f"{HAYSTACK} is left out: there is no {haystack} (make bench-peers makes it).\n")
            del said[HAYSTACK]
        for part in _parts(examples):
            given: Job = {**job, "questions": [example.question for example in part]}
            for name, rows in said.items():
                python = haystack if name == HAYSTACK else Path(sys.executable)
                rows += apart(ARMS[name], given, python, QUIET)
        return {name: rows_of(found, examples, rows) for name, rows in said.items()}


def _passages(found: Snapshot) -> list[dict[str, str]]:
    """Those that a search may return, with the title and section that Spanwise searches too."""
    titles: dict[str, str] = {}
    listed = []
    for passage in found.passages(found.store.ids(range(found.manifest.passages))):
        if passage.boilerplate:
            continue
        if passage.doc_id not in titles:
            titles[passage.doc_id] = found.document(passage.doc_id).title or ""
        about = [part for part in (titles[passage.doc_id], passage.section) if part]
        said = " · ".join(dict.fromkeys(about))
        listed.append({"id": passage.id, "text": passage.text, "about": said})
    return listed


def _parts(examples: Sequence[Example]) -> Iterator[Sequence[Example]]:
    size = max(1, -(-len(examples) // ROUNDS))
    for first in range(0, len(examples), size):
        yield examples[first : first + size]


def _corpora(data: Path | None, out: Path) -> Iterator[tuple[str, Path, list[Example]]]:
    out.mkdir(parents=True, exist_ok=True)
    yield "Demo corpus (5 documents)", SEEDS, read_set(QUESTIONS)[0]
    if data is None:
        _say("\nSQuAD 1.1 dev is left out: name the folder with the data sets.")
        return
    folder = out / "squad"
    examples = make_corpus(read_set(data / SQUAD)[0], folder)
    yield f"SQuAD 1.1 dev as a folder ({len(list(folder.iterdir()))} articles)", folder, examples


def _made_with(haystack: Path) -> str:
    found = versions({"of": ["torch", "transformers", "rank-bm25"]})
    if haystack.exists():
        found |= apart(versions, {"of": ["haystack-ai", "transformers-haystack"]}, haystack)
    said = [f"reader {Reader().fingerprint[:8]}"]
    said += [f"{name} {number}" for name, number in found.items()]
    if hasattr(os, "getloadavg"):
        said.append(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end")
    return ", ".join(said)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
