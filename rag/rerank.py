"""Answers ranked anew by how like the question the sentence is that each of them stands in.

The reader weighs a span against the rest of its passage; the encoder, made to match questions with
what answers them, weighs the sentences of different passages against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from index.dense import unit
from index.sentences import sentence_at
from index.types import Encoder
from rag.aggregate import Candidate
from rag.types import Span

DEPTH = 5
"""Answers of each question whose sentences are compared; those behind them keep a likeness of 0."""


def rerank(
    encoder: Encoder, asked: Sequence[tuple[str, Sequence[Candidate]]]
) -> list[list[Candidate]]:
    """For each question its answers with their likeness, best first; ties as they came.

    Args:
        encoder: of the collection, so that the models in memory stay two.
        asked: (question, its answers, best first, as `rag.aggregate` has them).
    """
    answered = list(dict.fromkeys(question for question, said in asked if said))
    if not answered:
        return [[] for _ in asked]
    stands = [[_sentence(c.spans[0]) for c in said[:DEPTH]] for _, said in asked]
    sentences = list(dict.fromkeys(chain.from_iterable(stands)))
    wanted = dict(zip(answered, unit(encoder.queries(answered)), strict=True))
    vectors = dict(zip(sentences, unit(encoder.passages(sentences)), strict=True))
    found: list[list[Candidate]] = []
    for (question, said), mine in zip(asked, stands, strict=True):
        cosines = [round(float(wanted[question] @ vectors[sentence]), 6) for sentence in mine]
        weighed = [replace(c, likeness=cos) for c, cos in zip(said, cosines, strict=False)]
        found.append(sorted([*weighed, *said[DEPTH:]], key=lambda c: -c.score))
    return found


def _sentence(span: Span) -> str:
    passage = span.hit.passage
    start, end = span.start - passage.start, span.end - passage.start
    first, last = sentence_at(passage.text, start, end)
    return passage.text[first:last]
