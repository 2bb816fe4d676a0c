"""Questions that their passage does not answer, though it nearly does. Pure, but for BM25's files.

Three kinds, of which a folder of documents is full: the passage that the retriever ranks next, the
right passage without its answering sentence, and the right passage under a question that asks for
another name, number, or the opposite (as in SQuAD 2.0: Rajpurkar et al. 2018, table 1).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from index.lexical import Analysis, Bm25, LexicalIndex
from index.sentences import sentences
from rag.aggregate import normalise
from rag.recipe.row import Row, unanswerable

DEPTH = 6
"""Of the passages found for a question, one of the first so many is taken."""
FEWEST_WORDS = 12
NEGATED = 0.1
"""Share of the questions that may be negated."""

_NAME = re.compile(r"(?<=\w )[A-Z][\w'’-]+(?: (?:of |the |al-)?[A-Z][\w'’-]+)*")
_NUMBER = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w-])")
_OPPOSITES = """
first/last most/least more/fewer largest/smallest highest/lowest oldest/newest best/worst
biggest/smallest largest/smallest longest/shortest earliest/latest major/minor maximum/minimum
before/after above/below inside/outside with/without north/south northern/southern east/west
eastern/western left/right increase/decrease increased/decreased rise/fall rose/fell
higher/lower larger/smaller longer/shorter older/younger faster/slower better/worse
begin/end began/ended start/stop started/stopped opened/closed won/lost win/lose joined/left
accepted/rejected accept/reject allowed/forbidden allow/prevent supported/opposed support/oppose
positive/negative public/private domestic/foreign internal/external urban/rural male/female
men/women father/mother son/daughter husband/wife brother/sister boys/girls buy/sell bought/sold
alive/dead attacked/defended arrived/departed former/current permanent/temporary winter/summer
morning/evening early/late rich/poor strong/weak always/never can/cannot is/isn't are/aren't
was/wasn't were/weren't did/didn't does/doesn't do/don't
"""
_OPPOSITE = {
    one: other
    for pair in _OPPOSITES.split()
    for one, other in (pair.split("/"), reversed(pair.split("/")))
}


def answers(context: str, row: Row) -> bool:
    """Whether a gold of `row` stands in `context`, as far as words can tell."""
    words = f" {normalise(context)} "
    return any(f" {normalise(gold)} " in words for gold in row.golds)


def retrieved(rows: Sequence[Row], pool: Sequence[Row], rng: Random) -> list[Row]:
    """Each question with a passage of the pool that BM25 ranks high and that has no gold."""
    contexts = list(dict.fromkeys(row.context for row in pool))
    made = []
    with TemporaryDirectory() as folder:
        LexicalIndex.build(contexts, Path(folder), Analysis(), Bm25())
        index = LexicalIndex.open(Path(folder))
        for row in rows:
            found = [contexts[i] for i, _ in index.search(row.question, DEPTH + 1)[: DEPTH + 1]]
            wrong = [text for text in found if text != row.context and not answers(text, row)]
            if wrong:
                made.append(unanswerable(row, "retrieved", context=rng.choice(wrong)))
    return made


def without_answer(rows: Sequence[Row]) -> list[Row]:
    """Each passage without the sentences in which a gold stands, if enough is left of it."""
    made = []
    for row in rows:
        bounds = sentences(row.context)
        kept = [
            row.context[low:high]
            for low, high in bounds
            if not (low < row.end and row.start < high) and not answers(row.context[low:high], row)
        ]
        rest = " ".join(kept)
        if len(kept) >= 2 and len(rest.split()) >= FEWEST_WORDS and not answers(rest, row):
            made.append(unanswerable(row, "without", context=rest))
    return made


def twisted(rows: Sequence[Row], pool: Sequence[Row], rng: Random) -> list[Row]:
    """Each question with one name, number or word changed so that the passage says nothing of it.

    A name is replaced by one of another question about the same article (or data set), a number
    by a near one; neither stands in the passage.
    """
    names: dict[str, list[str]] = defaultdict(list)
    for row in pool:
        names[row.title] += _NAME.findall(row.question)
    everywhere = sorted({name for found in names.values() for name in found})
    made = []
    for row in rows:
        near = names[row.title] if len(set(names[row.title])) > 3 else everywhere
        changes = [
            changed
            for changed in (_renamed(row, near, rng), _renumbered(row, rng), _opposed(row, rng))
            if changed
        ]
        if changes:
            made.append(unanswerable(row, "twisted", question=rng.choice(changes)))
    return made


def _renamed(row: Row, names: Sequence[str], rng: Random) -> str | None:
    found = [m for m in _NAME.finditer(row.question) if m.group() in row.context]
    if not found or not names:
        return None
    name = rng.choice(found)
    others = [
        other for other in rng.choices(names, k=8)
        if other not in row.context and len(other.split()) == len(name.group().split())
        and not set(other.split()) & set(row.question.split())
    ]  # fmt: skip
    return _replaced(row.question, name, others[0]) if others else None


def _renumbered(row: Row, rng: Random) -> str | None:
    found = [m for m in _NUMBER.finditer(row.question) if m.group() in row.context]
    if not found:
        return None
    number = rng.choice(found)
    value = float(number.group().replace(",", ""))
    step = rng.choice([-7, -4, -3, -2, -1, 1, 2, 3, 5, 8])
    other = f"{max(1, value + step if value > 1000 else value + abs(step)):.0f}"
    return None if other in row.context else _replaced(row.question, number, other)


def _opposed(row: Row, rng: Random) -> str | None:
    found = [m for m in re.finditer(r"[\w']+", row.question) if m.group() in _OPPOSITE]
    # Nearly every question can be negated; too many of those, and "n't" would be all that is read.
    if rng.random() > NEGATED:
        found = [m for m in found if "n't" not in m.group() + _OPPOSITE[m.group()]]
    if not found:
        return None
    word = rng.choice(found)
    other = _OPPOSITE[word.group()]
    return None if f" {other} " in row.context else _replaced(row.question, word, other)


def _replaced(text: str, found: re.Match[str], by: str) -> str:
    return text[: found.start()] + by + text[found.end() :]
