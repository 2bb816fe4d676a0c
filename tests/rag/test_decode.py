"""From logits to spans: windows, joint decoding and the edges of an answer, by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.sentences import sentences
from rag.decode import best_spans, joint, neat, windows


@pytest.mark.parametrize(
    ("text", "raw", "expected"),
    [
        ("He said 4,000 fighters, mostly Arabs", "4,000 fighters,", "4,000 fighters"),
        ("with 4,000 men", "000", "4,000"),
        ("with 4,000 men", "4", "4,000"),
        ("a 9K333 Verba", "333", "9K333"),
        ("it cost $3.50 then", "50", "$3.50"),
        ("over 98% of it", "98", "98%"),
        ("at 10:30 sharp", "30", "10:30"),
        ("at -5 degrees", "5 degrees", "-5 degrees"),
        ("aged 20-30", "30", "30"),
        ("the U.S.-led force", "U.S", "U.S."),
        ("left the U.S.", "U.S.", "U.S."),
        ("of Apple Inc. here", "Apple Inc.", "Apple Inc"),
        ("near Al-Qa’im, which", "Al-Qa", "Al-Qa’im"),
        ("Syria's army", "Syria", "Syria"),
        ("Syria’s army", "s army", "Syria’s army"),
        ("don't go", "don", "don't"),
        ("the tribes’ men", "tribes’", "tribes"),
        ("the force (SDF) said", "(SDF)", "SDF"),
        ("the force (SDF) said", "force (SDF)", "force (SDF)"),
        ("the force (SDF said", "force (SDF", "force (SDF"),
        ("called “a zone” by", "“a zone”", "a zone"),
        ("the film “Solo” now", "film “Solo”", "film “Solo”"),
        ('a zone" set', 'zone"', "zone"),
        ("**SYRIA**", "**SYRIA**", "SYRIA"),
        ("ask press@example.org now", "example", "press@example.org"),
        ("see https://example.org/a/b now", "example", "https://example.org/a/b"),
        ("de cafe\u0301s ici", "caf", "cafe\u0301s"),
        ("中文句子里", "句子", "句子"),
        ("\u200b Raqqa\0", "\u200b Raqqa\0", "Raqqa"),
        ("one — two", "—", ""),
    ],
)
def test_the_edges_of_an_answer(text: str, raw: str, expected: str) -> None:
    at = text.index(raw)
    start, end = neat(text, at, at + len(raw))
    assert text[start:end] == expected


MIXED = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            list(" .,:;!?'’\"“”‘()[]-–%$€@#/_*aAsS19中ก\0\n\u0301\u200d\u202e😀\ud800")
        ),
        st.characters(),
    ),
    max_size=40,
)


@settings(max_examples=500, deadline=None)
@given(MIXED, st.integers(0, 40), st.integers(0, 40))
@example("a" + "'" * 38 + "s", 1, 40)
def test_neat_keeps_inside_the_text_and_keeps_every_letter(text: str, a: int, b: int) -> None:
    low, high = sorted((min(a, len(text)), min(b, len(text))))
    start, end = neat(text, low, high)
    assert 0 <= start <= end <= len(text)
    lettered = [i for i in range(low, high) if text[i].isalnum()]
    assert (start < end) == any(c.isalnum() for c in text[start:end])
    assert all(start <= i < end for i in lettered)
    assert text[start:end] == text[start:end].strip()
    assert neat(text, start, end) == (start, end) or start == end


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 400), st.integers(-5, 90), st.integers(0, 100))
def test_windows_leave_no_token_out(count: int, room: int, stride: int) -> None:
    found = list(windows(count, room, stride))
    room = max(1, room)
    assert found[0][0] == 0 and found[-1][1] == count
    assert all(last - first <= room for first, last in found)
    for (_, behind), (first, _) in zip(found, found[1:], strict=False):
        assert behind - first == min(stride, room // 2, room - 1)


def test_windows_by_hand() -> None:
    assert list(windows(10, 10, 4)) == [(0, 10)]
    assert list(windows(11, 6, 2)) == [(0, 6), (4, 10), (8, 11)]
    assert list(windows(0, 6, 2)) == [(0, 0)]


def test_joint_by_hand() -> None:
    start, end = np.array([1, 2, 3], np.float32), np.array([10, 20, 40], np.float32)
    expected = [[11, 21], [22, 42], [43, -np.inf]]
    np.testing.assert_array_equal(joint(start, end, 2), expected)


def words_of(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]


def scored(text: str, longest: int, best: dict[str, float]) -> np.ndarray[tuple[int, int]]:
    """Scores of 0, but for the given stretches of `text`, which begin and end with tokens."""
    offsets = words_of(text)
    scores = np.zeros((len(offsets), longest))
    for raw, score in best.items():
        at = text.index(raw)
        first = [start for start, _ in offsets].index(at)
        last = [end for _, end in offsets].index(at + len(raw))
        scores[first, last - first] = score
    return scores


def decoded(text: str, longest: int, best: dict[str, float], top: int) -> list[tuple[str, float]]:
    found = best_spans(text, words_of(text), scored(text, longest, best), top)
    return [(text[start:end], score) for start, end, score in found]


def test_the_best_spans_do_not_overlap() -> None:
    text = "The council has 4,000 fighters from Raqqa."
    best = {"4,000 fighters": 9.0, "4,000": 8.0, "has 4,000 fighters": 7.0, "Raqqa": 3.0}
    assert decoded(text, 6, best, 2) == [("4,000 fighters", 9.0), ("Raqqa", 3.0)]


def test_words_that_are_taken_are_not_taken_again() -> None:
    best = {"Syria": 9.0, "s army": 8.0}
    assert decoded("Syria's army", 3, best, 5) == [("Syria", 9.0), ("army", 0.0)]


def test_a_span_is_never_of_two_sentences_nor_of_punctuation_nor_an_article() -> None:
    text = "Some hold Raqqa. The army left it (soon)."
    best = {"Raqqa. The army": 9.0, ".": 8.0, "The": 7.0, "(": 6.5, "army left": 6.0, "Raqqa": 5.0}
    assert decoded(text, 6, best, 2) == [("army left", 6.0), ("Raqqa", 5.0)]


def test_ties_go_to_the_first_and_a_text_without_letters_has_no_span() -> None:
    assert decoded("one two three", 1, {}, 2) == [("one", 0.0), ("two", 0.0)]
    assert decoded("… — !", 3, {}, 5) == []


@settings(max_examples=300, deadline=None)
@given(MIXED, st.integers(1, 6), st.integers(0, 9), st.data())
def test_spans_of_any_text_are_exact(
    text: str, longest: int, top: int, data: st.DataObject
) -> None:
    offsets = [(m.start(), m.end()) for m in re.finditer(r"\w{1,2}|.", text, re.DOTALL)]
    if not offsets:
        return
    seed = data.draw(st.integers(0, 99))
    scores = np.random.default_rng(seed).normal(size=(len(offsets), longest))
    found = best_spans(text, offsets, scores, top)
    assert len(found) <= top
    assert [score for *_, score in found] == sorted((s for *_, s in found), reverse=True)
    for i, (start, end, score) in enumerate(found):
        assert score in scores
        assert any(c.isalnum() for c in text[start:end])
        assert any(low <= start and end <= high for low, high in sentences(text))
        assert all(end <= low or high <= start for low, high, _ in found[:i])
