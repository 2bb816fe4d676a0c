"""Answers weighed by the likeness of their sentences to the question."""

from __future__ import annotations

import pytest
from tiny import WordEncoder

from index import SentenceEncoder
from index.types import Hit, Passage, Vectors
from rag.aggregate import LIKENESS, Candidate, evidence
from rag.rerank import DEPTH, rerank
from rag.types import Span

QUESTION = "Who founded the hockey club?"
TEXT = (
    "The trophy was given to Anna Smith in 1923. In 1885 the hockey club was founded by Mary Jones."
)


def answer(quote: str, text: str = TEXT, score: float = 5.0, at: int = 40) -> Candidate:
    passage = Passage("p", "d", at, at + len(text), text)
    start = at + text.index(quote)
    return Candidate((Span(Hit(passage, 0.5, 1), start, start + len(quote), score, 1.0),))


def test_of_two_that_the_reader_likes_the_same_the_one_in_the_likelier_sentence_is_first() -> None:
    said = [answer("Anna Smith", score=5.5), answer("Mary Jones")]
    (found,) = rerank(SentenceEncoder(), [(QUESTION, said)])
    assert [c.text for c in found] == ["Mary Jones", "Anna Smith"]
    assert 1 > found[0].likeness > found[1].likeness > 0
    for candidate in found:
        weighed = evidence(candidate.spans[0]) + LIKENESS * candidate.likeness
        assert candidate.score == pytest.approx(weighed)


def test_a_likeness_is_a_cosine_of_the_whole_sentence(encoder: WordEncoder) -> None:
    text = "Nobody came. Anna won. Anna saw."
    said = [answer("came", text), answer("won", text), answer("saw", text)]
    (found,) = rerank(encoder, [("Anna won.", said)])
    assert [(c.text, c.likeness) for c in found] == [("won", 1.0), ("saw", 0.5), ("came", 0.0)]


def test_questions_do_not_disturb_each_other(encoder: WordEncoder) -> None:
    asked = [
        ("Anna in 1923", [answer("Anna Smith"), answer("Mary Jones")]),
        ("nothing was found for this", []),
        (QUESTION, [answer("1923"), answer("1885"), answer("Mary Jones", score=4.0)]),
    ]
    assert rerank(encoder, asked) == [rerank(encoder, [one])[0] for one in asked]


def test_only_the_first_answers_are_looked_at(encoder: WordEncoder) -> None:
    said = [answer("Mary Jones", score=20.0 - i, at=200 * i) for i in range(DEPTH + 3)]
    (found,) = rerank(encoder, [(QUESTION, said)])
    assert [c.likeness != 0 for c in found] == [True] * DEPTH + [False] * 3
    assert [c.spans for c in found] == [c.spans for c in said]


def test_without_an_answer_no_model_is_asked() -> None:
    class Silent(WordEncoder):
        def queries(self, texts: list[str]) -> Vectors:  # type: ignore[override]
            raise AssertionError(texts)

    assert rerank(Silent(), [("one", []), ("two", [])]) == [[], []]
    assert rerank(Silent(), []) == []
