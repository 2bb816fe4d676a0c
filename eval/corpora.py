"""Sets laid out as folders of documents, so that their questions can be asked of a collection."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from eval.formats import flat_row
from eval.judged import Source, file_name
from eval.sets import Example, Gold, example_of
from index.errors import QuestionError


def read_rows(file: Path) -> Iterator[dict[str, Any]]:
    """Rows ``{id, title, context, question, answers: {text, answer_start}}`` of JSON lines."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def lay_out(rows: Iterable[dict[str, Any]], folder: Path) -> list[Example]:
    """`make_corpus` of rows as `read_rows` gives them."""
    return make_corpus((example_of(flat_row(row)) for row in rows), folder)


def make_corpus(examples: Iterable[Example], folder: Path) -> list[Example]:
    """Write one .txt a title, its contexts in their order as paragraphs; the questions with golds.

    A document's first line is its title; contexts without one become a document each. Offsets of
    the golds are those of the documents, whose paths begin with the folder's name.

    Raises:
        QuestionError: an example has no context.
    """
    by_title: dict[str, dict[str, list[Example]]] = {}
    for example in examples:
        if example.context is None:
            raise QuestionError(
                "A question without a passage: no documents can be made of this set",
                where=example.id, mend="Index the folder that it is about.",
            )  # fmt: skip
        title = example.title or f"passage {sha256(example.context.encode()).hexdigest()[:12]}"
        by_title.setdefault(title, {}).setdefault(example.context, []).append(example)
    folder.mkdir(parents=True, exist_ok=True)
    laid = []
    taken: set[str] = set()
    for title, contexts in by_title.items():
        name = _file_name(title, taken)
        text = title.replace("_", " ") + "\n"
        for context, asked in contexts.items():
            text += "\n"
            laid += [_moved(example, f"{folder.name}/{name}", len(text)) for example in asked]
            text += context + "\n"
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return laid


def make_beir_corpus(sources: Iterable[Source | str], folder: Path) -> int:
    """Write one .txt a document, named by its id; how many. Complaints among them are passed by."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for source in sources:
        if isinstance(source, str):
            continue
        text = f"{source.title}\n\n{source.text}" if source.title else source.text
        file = folder / file_name(source.id)
        file.write_text(text + "\n", encoding="utf-8", errors="replace", newline="")
        count += 1
    return count


def _moved(example: Example, document: str, offset: int) -> Example:
    """The example asked of the document, in which its context begins at `offset`."""
    golds = tuple(
        Gold(gold.text, document)
        if gold.start is None or gold.end is None
        else Gold(gold.text, document, offset + gold.start, offset + gold.end)
        for gold in example.golds
    )
    return Example(
        example.id, example.question, golds, example.tags, conversation=example.conversation
    )


def _file_name(title: str, taken: set[str]) -> str:
    """A name of its own for each title, on any file system."""
    stem = re.sub(r"[^\w.-]+", "_", title).lstrip(".")[:80] or "untitled"
    name, number = stem, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name.casefold())
    return f"{name}.txt"
