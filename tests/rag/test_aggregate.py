"""Distinct answers: what merges, what does not, and that the order of the spans does not matter."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.types import Hit, Passage
from rag.aggregate import aggregate, normalise, same_answer
from rag.types import Span


def span(
    text: str, score: float, doc: str = "d", start: int = 0, passage: str = "p", null: float = -99.0
) -> Span:
    whole = Passage(passage, doc, start, start + len(text), text)
    return Span(Hit(whole, 0.0, 1), start, start + len(text), score, null)


def test_normalise_is_squads() -> None:
    assert normalise("The  U.S.-led “Army”, a\tforce!") == "usled “army” force"
    assert normalise("an apple THE") == "apple"
    assert normalise("?!") == normalise("") == ""


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("4,000 fighters", "4,000"),
        ("about 800", "800"),
        ("The Syrian army", "Syrian Army"),
        ("Col. Ryan Dillon", "Ryan Dillon"),
        ("Sha’Fah", "Sha'Fah"),
        ("98%", "over 98%"),
        ("not killed", "was not killed"),
        ("The", "the"),
    ],
)
def test_these_say_the_same(a: str, b: str) -> None:
    assert same_answer(a, b) and same_answer(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("800", "4,000"),
        ("killed", "not killed"),
        ("they didn’t leave", "leave"),
        ("injured", "never injured"),
        ("3.5 million", "35 million"),
        ("10-15", "1015"),
        ("800", "800 million"),
        ("fighters", "4,000 fighters"),
        ("fighters", "two fighters"),
        ("Ryan Dillon", "Dillon Ryan"),
        ("Ryan Dillon", "Ryan J Dillon"),
        ("art", "party"),
        ("the", "the army"),
        ("?", "army"),
    ],
)
def test_these_do_not(a: str, b: str) -> None:
    assert not same_answer(a, b) and not same_answer(b, a)


def test_answers_are_merged_under_the_best_wording_with_every_support() -> None:
    best = span("4,000", 9.0, "a")
    other = span("800", 7.0, "b")
    longer = span("4,000 fighters", 5.0, "c")
    found = aggregate([longer, other, best])
    assert [(c.text, c.score, c.spans) for c in found] == [
        ("4,000", 108.0, (best, longer)),  # 9 minus the null score of -99
        ("800", 106.0, (other,)),
    ]
    assert aggregate([]) == []


def test_of_overlapping_spans_of_a_document_only_the_best_is_kept() -> None:
    best = span("the 4,000 fighters", 9.0, start=10, passage="one")
    again = span("4,000 fighters", 8.0, start=14, passage="two")
    neighbour = span("fighters, mostly Arabs", 7.0, start=20)
    elsewhere = span("4,000 fighters", 6.0, "other", start=14)
    (answer,) = aggregate([neighbour, again, elsewhere, best])
    assert answer.spans == (best, elsewhere)
    touching = span("mostly Arabs", 1.0, start=28)
    assert [c.text for c in aggregate([best, touching])] == ["the 4,000 fighters", "mostly Arabs"]


def test_the_same_place_found_through_two_passages_is_cited_through_the_better() -> None:
    worse, better = span("Raqqa", 2.0, passage="a"), span("Raqqa", 3.0, passage="b")
    assert aggregate([worse, better])[0].spans == (better,)
    tied = span("Raqqa", 3.0, passage="a")
    assert aggregate([better, tied]) == aggregate([tied, better])
    assert aggregate([better, tied])[0].spans == (tied,)


def test_words_that_merely_occur_in_a_passage_are_no_support() -> None:
    best = span("Raqqa city", 9.0, "a", null=2.0)
    mention = span("city", 3.0, "b", null=8.0)
    (answer,) = aggregate([best, mention])
    assert answer.spans == (best,)
    assert [c.text for c in aggregate([mention])] == ["city"]


def test_two_answers_do_not_meet_through_a_third() -> None:
    north, south = span("north of Raqqa", 9.0, "a"), span("Raqqa south", 8.0, "b")
    short = span("Raqqa", 7.0, "c")
    found = aggregate([short, south, north])
    assert [c.spans for c in found] == [(north, short), (south,)]


@st.composite
def spans_of_passages(draw: st.DrawFn) -> Span:
    """A span of one of a few passages, whose id says all about it, as ids do."""
    text = draw(st.sampled_from(["4,000", "4,000 fighters", "800", "not 800", "the", "Raqqa"]))
    text = draw(st.sampled_from([text, f"in {text}", "…", "e\u0301\0 😀", "\ud800"]))
    doc, start = draw(st.sampled_from("ab")), draw(st.integers(0, 30))
    null = draw(st.sampled_from([-9.0, 0.0]))
    score = float(draw(st.integers(-2, 2)))
    return span(text, score, doc, start, f"{doc}/{start}/{text}/{null}", null)


@settings(max_examples=300, deadline=None)
@given(st.lists(spans_of_passages(), max_size=12), st.randoms(use_true_random=False))
def test_the_answers_do_not_depend_on_the_order(spans: list[Span], rng: random.Random) -> None:
    found = aggregate(spans)
    shuffled = list(spans)
    rng.shuffle(shuffled)
    assert aggregate(shuffled) == found
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    kept = [one for c in found for one in c.spans]
    assert all(one in spans for one in kept)
    for i, one in enumerate(kept):
        for other in kept[i + 1 :]:
            same_document = one.hit.passage.doc_id == other.hit.passage.doc_id
            assert not (same_document and one.start < other.end and other.start < one.end)
    for i, c in enumerate(found):
        assert c.text == c.spans[0].text
        assert all(same_answer(c.text, one.text) for one in c.spans)
        assert not any(same_answer(c.text, better.text) for better in found[:i])


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_same_answer_is_symmetric_and_never_raises(a: str, b: str) -> None:
    assert same_answer(a, b) == same_answer(b, a)
    assert same_answer(a, a)
    assert normalise(normalise(a)) == normalise(a) or "İ" in a


def test_stop_words_alone_are_no_other_answer() -> None:
    said = aggregate([span("98%", 9.0, "a"), span("over", 8.0, "b"), span("territory", 7.0, "c")])
    assert [c.text for c in said] == ["98%", "territory"]
    assert [c.text for c in aggregate([span("both", 9.0)])] == ["both"]
