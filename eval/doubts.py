"""Whether what a set names is in the collection: a wrong name would count as a miss, silently."""

from __future__ import annotations

from collections.abc import Sequence

from eval.judged import document_at
from eval.sets import Example, Gold
from index.errors import QuestionError
from index.snapshot import Snapshot


def of_golds(found: Snapshot, examples: Sequence[Example]) -> list[str]:
    """Sentences on golds whose document the collection does not hold, or has other words there.

    Raises:
        QuestionError: none of the documents that the set names is there.
    """
    golds: dict[str, list[Gold]] = {}
    for gold in (gold for example in examples for gold in example.golds):
        if gold.document is not None:
            golds.setdefault(gold.document, []).append(gold)
    missing, moved = set(), 0
    for path, there in golds.items():
        document = found.store.document_by_path(path)
        if document is None:
            missing.add(path)
        else:
            moved += sum(not _stands_in(document.text, gold) for gold in there)
    if missing and len(missing) == len(golds):
        raise _none_of_them(found, next(iter(golds)))
    said = []
    if missing:
        first = min(missing)
        said.append(f"{len(missing):,} documents of golds are not in the collection, {first} first")
    if moved:
        said.append(f"{moved:,} golds do not stand in their documents where the set says")
    return said


def _stands_in(text: str, gold: Gold) -> bool:
    if gold.start is None or gold.end is None:
        return True
    return text[gold.start : gold.end] == gold.text


def of_judgements(found: Snapshot, relevant: set[str]) -> list[str]:
    """Sentences on relevant documents that the collection does not hold.

    Raises:
        QuestionError: it holds none of them.
    """
    held = {document_at(path, relevant) for path, *_ in found.store.listing()}
    missing = relevant - held
    if missing == relevant:
        raise _none_of_them(found, min(missing))
    if not missing:
        return []
    return [f"{len(missing):,} relevant documents are not in the collection, {min(missing)} first"]


def _none_of_them(found: Snapshot, first: str) -> QuestionError:
    held = next((path for path, *_ in found.store.listing()), "nothing at all")
    return QuestionError(
        "None of the documents that the set names is in the collection", where=first,
        mend=f"There they have names like {held}. Is it the right --collection?",
    )  # fmt: skip
