"""What a reader is trained on: questions with a context, and where the answer stands in it.

A set of our own says in which document an answer stands; `placed` gives its questions a context:
that of the answer, and a passage that search finds for the question and that does not answer it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from eval.sets import Example, Gold
from index.retrieve import Retriever
from index.sentences import sentence_at
from index.types import Filter, Hit, Passage
from rag.aggregate import normalise

AROUND = 400
"""Characters of the document on both sides of an answer, grown to whole sentences."""
FOUND = 8
"""Passages that are looked through for one that does not answer."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question, a context and where the answer stands in it; ``start == -1``: it does not."""

    id: str
    question: str
    context: str
    start: int = -1
    end: int = -1


def lessons(examples: Iterable[Example]) -> list[Lesson]:
    """A lesson of each example that has a context."""
    made = []
    for example in examples:
        if example.context is not None:
            golds = [(g.text, g.start) for g in example.golds if g.start is not None]
            start, end = target([text for text, _ in golds], [start for _, start in golds])
            if bool(golds) == bool(example.golds):
                made.append(Lesson(example.id, example.question, example.context, start, end))
    return made


def target(texts: Sequence[str], starts: Sequence[int]) -> tuple[int, int]:
    """The gold that most annotators gave, the shortest of those; (-1, -1) if there is none."""
    if not texts:
        return -1, -1
    votes = Counter(zip(starts, texts, strict=True))
    start, text = min(votes, key=lambda gold: (-votes[gold], len(gold[1]), gold[0]))
    return start, start + len(text)


def placed(examples: Sequence[Example], retriever: Retriever) -> tuple[list[Example], list[str]]:
    """Examples with contexts from a collection, and a sentence for each that has none there.

    Those that bring a context are kept as they are. An answerable question gives one example for
    its first gold that is found and one with a passage that holds none of its golds; an
    unanswerable one gives the passages found first.
    """
    made: list[Example] = []
    complaints = []
    for example in examples:
        if example.context is not None:
            made.append(example)
            continue
        hits = retriever.search(example.question, FOUND)
        here = list(_answered(example, hits, retriever))[:1]
        if example.golds and not here:
            complaints.append(f"{example.id}: no answer of it stands in the collection")
            continue
        made += here
        silent = [hit.passage for hit in hits if not _holds(hit.passage, example.golds)]
        for number, passage in enumerate(silent[: 1 if example.golds else 2], 1):
            ident = f"{example.id}#{number}"
            made.append(replace(example, id=ident, golds=(), context=passage.text))
    return made, complaints


def _answered(example: Example, hits: Sequence[Hit], retriever: Retriever) -> Iterator[Example]:
    """The example with the text around each of its golds that has a place or is in a hit."""
    for gold in example.golds:
        if gold.document is not None and gold.start is not None and gold.end is not None:
            text = _text(gold.document, example.question, retriever)
            if text[gold.start : gold.end] == gold.text:
                low, high = max(0, gold.start - AROUND), min(len(text), gold.end + AROUND)
                first, last = sentence_at(text, low, high)
                yield _at(example, text[first:last], gold.text, gold.start - first)
        for hit in hits:
            place = hit.passage.text.find(gold.text)
            if place >= 0:
                yield _at(example, hit.passage.text, gold.text, place)


def _at(example: Example, context: str, answer: str, start: int) -> Example:
    gold = Gold(answer, None, start, start + len(answer))
    return replace(example, golds=(gold,), context=context)


def _text(path: str, question: str, retriever: Retriever) -> str:
    """Text of the document at `path`; empty if search finds nothing in it."""
    with retriever.generation() as found:
        for hit in retriever.search(question, 1, Filter(paths=(path,))):
            return found.document(hit.passage.doc_id).text
    return ""


def _holds(passage: Passage, golds: Sequence[Gold]) -> bool:
    words = f" {normalise(passage.text)} "
    return any(f" {normalise(gold.text)} " in words for gold in golds)
