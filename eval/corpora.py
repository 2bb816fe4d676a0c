"""A question-answering set with contexts, laid out as a folder of documents and a question set."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from eval.sets import Example, Gold


def read_rows(file: Path) -> Iterator[dict[str, Any]]:
    """Rows ``{id, title, context, question, answers: {text, answer_start}}`` of JSON lines."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def lay_out(rows: Iterable[dict[str, Any]], folder: Path) -> list[Example]:
    """Write one .txt a title, its contexts in their order as paragraphs; the questions with golds.

    A document's first line is its title. Offsets of the golds are those of the documents, whose
    paths begin with the folder's name.
    """
    by_title: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        by_title.setdefault(row["title"], {}).setdefault(row["context"], []).append(row)
    folder.mkdir(parents=True, exist_ok=True)
    examples = []
    for title, contexts in by_title.items():
        name = re.sub(r"[^\w.-]+", "_", title) + ".txt"
        text = title.replace("_", " ") + "\n"
        for context, asked in contexts.items():
            text += "\n"
            for row in asked:
                spans = zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
                golds = tuple(
                    Gold(said, f"{folder.name}/{name}", len(text) + at, len(text) + at + len(said))
                    for said, at in dict.fromkeys(spans)
                )
                examples.append(Example(str(row["id"]), row["question"], golds, (title,)))
            text += context + "\n"
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return examples
