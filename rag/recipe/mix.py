"""The rows the shipped reader learns from, in their order: `mix`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from rag.recipe.negatives import answers, retrieved, twisted, without_answer
from rag.recipe.noise import noisy
from rag.recipe.row import Row, cut, moved, unanswerable
from rag.recipe.sources import Source

RETRIEVED, WITHOUT, TWISTED = 0.20, 0.13, 0.16
"""Unanswerable rows of each kind made for every answerable one."""
NOISY = 0.35
SHORTENED = 0.6
"""Share of the rows cut to a random length; the others are cut to `LONGEST` words."""
SHORTEST, LONGEST = 50, 165


def mix(drawn: Mapping[Source, Sequence[Row]], seed: int) -> list[Row]:
    """Rows of all sources with the unanswerable ones made from them, cut, made noisy, shuffled."""
    rng = Random(seed)
    rows: list[Row] = []
    for source, given in drawn.items():
        good = [row for row in given if row.answerable]
        rows += [row for row in given if not row.answerable]
        if source.lone:
            rows += [_among(row, good, rng) for row in good]
            continue
        rows += good
        rows += retrieved(_some(good, RETRIEVED, rng), good, rng)
        rows += without_answer(_some(good, WITHOUT, rng))
        rows += twisted(_some(good, TWISTED * 1.5, rng), good, rng)
    rng.shuffle(rows)
    texts = [row.context for row in rows[:2_000]]
    made = []
    for row in rows:
        words = rng.randint(SHORTEST, LONGEST) if rng.random() < SHORTENED else LONGEST
        row = cut(row, words, rng)
        if rng.random() < NOISY:
            row = _checked(noisy(row, texts, rng), row)
        made.append(row)
    return made


def _some(rows: Sequence[Row], share: float, rng: Random) -> list[Row]:
    return rng.sample(rows, round(share * len(rows)))


def _among(row: Row, rows: Sequence[Row], rng: Random) -> Row:
    """A sentence among others of its data set; once in eight without it, and so unanswerable."""
    others = [other.context for other in rng.sample(rows, 4)]
    others = [text for text in others if text != row.context and not answers(text, row)]
    at = rng.randint(0, len(others))
    before, after = " ".join(others[:at]), " ".join(others[at:])
    if others and rng.random() < 1 / 8:
        return unanswerable(row, "absent", context=f"{before} {after}".strip())
    ahead = f"{before} " if before else ""
    context = f"{ahead}{row.context} {after}".strip()
    return moved(replace(row, context=context), len(ahead))


def _checked(changed: Row, row: Row) -> Row:
    """`changed`, unless what was put around the passage answers the question."""
    return row if not row.answerable and answers(changed.context, row) else changed
