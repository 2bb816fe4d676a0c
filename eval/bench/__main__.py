"""Speed, memory and fairness on this machine: `make bench`, or ``python -m eval.bench SECTION …``.

Sections: importing (`import index`), asking (against a plain baseline), page (time to the first
passage and to the answer in Chromium), crowd (20 people at once on the chat), publishing (searches
while generations are published), throughput (`spanwise eval` by 1 and 2 workers against asking one
by one). All of them by default.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from eval.bench.apart import ROOT, apart
from eval.bench.asking import asking, index_folder
from eval.bench.crowd import crowd
from eval.bench.importing import importing
from eval.bench.page import SAMPLE, page
from eval.bench.publishing import publishing
from eval.bench.throughput import throughput
from eval.corpora import lay_out, read_rows
from eval.sets import read_set

SEEDS = ROOT / "seeds"
QUESTIONS = ROOT / "eval" / "questions" / "seeds.jsonl"
SQUAD = ROOT.parent / "shared" / "data" / "dev" / "squad1_dev.dev.jsonl.gz"
SECTIONS = ("importing", "asking", "page", "crowd", "publishing", "throughput")


def main() -> None:
    """Print the rows of each section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--questions", type=int, default=50, help="asked warm, of each corpus")
    parser.add_argument("--squad", type=Path, default=SQUAD, help="squad1_dev.dev.jsonl.gz")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    chosen = options.sections or SECTIONS
    if hasattr(os, "getloadavg"):
        _say(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before it begins")
    with tempfile.TemporaryDirectory() as scratch:
        bench = _Bench(Path(scratch), options.questions, options.squad)
        for section in SECTIONS:
            if section in chosen:
                _say("")
                for line in bench.sections[section]():
                    _say(line)


class _Bench:
    """The sections over the demo corpus, which is indexed once, and SQuAD where it is at hand."""

    def __init__(self, scratch: Path, count: int, squad: Path) -> None:
        self._scratch, self._count, self._squad = scratch, count, squad
        examples, _ = read_set(QUESTIONS)
        self._questions = [example.question for example in examples]
        random.Random(1).shuffle(self._questions)
        self._home: Path | None = None
        self.sections: dict[str, Callable[[], Iterator[str]]] = {
            "importing": importing,
            "asking": self._asking,
            "page": lambda: page(self.home, self._questions[:SAMPLE]),
            "crowd": lambda: crowd(self.home, self._questions),
            "publishing": publishing,
            "throughput": lambda: throughput(self.home, QUESTIONS, 2 * self._count),
        }

    @property
    def home(self) -> Path:
        """With the demo corpus."""
        if self._home is None:
            self._home = self._scratch / "home"
            job = {"folder": str(SEEDS), "home": str(self._home), "collection": "seeds"}
            apart(index_folder, job)
        return self._home

    def _asking(self) -> Iterator[str]:
        name, home = "seeds (5 documents)", self._scratch / "home-seeds"
        yield from asking(name, SEEDS, self._questions[: self._count], home)
        yield ""
        if not self._squad.exists():
            yield f"SQuAD 1.1 dev is left out: {self._squad} is not there; name it with --squad."
            return
        folder = self._scratch / "squad"
        questions = [example.question for example in lay_out(read_rows(self._squad), folder)]
        random.Random(1).shuffle(questions)
        name = f"SQuAD 1.1 dev ({len(list(folder.iterdir()))} articles)"
        yield from asking(name, folder, questions[: self._count], self._scratch / "home-squad")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
