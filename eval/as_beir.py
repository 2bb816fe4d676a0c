"""The collections of `eval.collections` as BEIR folders, for `spanwise eval`.

    python -m eval.as_beir DATA OUT [NAME …]

For each: ``spanwise eval OUT/NAME --make-corpus DOCS``, ``spanwise index DOCS``, and
``spanwise eval OUT/NAME``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from eval.collections import LOADERS, Collection


def write(collection: Collection, folder: Path) -> None:
    """Write ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/test.tsv``; documents go by their row.

    A question without a relevant document is left out.
    """
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    documents = [{"_id": f"{n:06}", "text": text} for n, text in enumerate(collection.texts)]
    judged = {
        q: rows for q, rows in collection.relevant.items() if rows and q in collection.questions
    }
    queries = [{"_id": ident, "text": collection.questions[ident]} for ident in judged]
    qrels = [f"{ident}\t{row:06}\t1" for ident, rows in judged.items() for row in sorted(rows)]
    for name, rows_ in (("corpus.jsonl", documents), ("queries.jsonl", queries)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows_)
        (folder / name).write_text(text, "utf-8")
    lines = ["query-id\tcorpus-id\tscore", *qrels]
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n", "utf-8")


def main() -> None:
    """Write the folders."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="the folder with the collections")
    parser.add_argument("out", type=Path)
    names = [load.__name__ for load in LOADERS]
    parser.add_argument("names", nargs="*", default=names, metavar="NAME", help=", ".join(names))
    options = parser.parse_args()
    for load in LOADERS:
        if load.__name__ in options.names:
            write(load(options.data / load.__name__), options.out / load.__name__)


if __name__ == "__main__":
    main()
