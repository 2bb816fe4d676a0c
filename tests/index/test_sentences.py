"""The sentence splitter: its spans tile the text, and a reader would draw the same ones."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.sentences import SLICE, sentence_at, sentences

HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            list(" \t\n\r\f\v\0\x1c\x85\xa0\u2028\u200b.?!…\"'“”‘’()[]:;,-—|•aAzZé3中。")
        ),
        st.sampled_from(["😀", "\u0301", "\ud800", "\U0010ffff", "\u202e", "\ufeff"]),
        st.characters(),
    ),
    max_size=300,
)
PIECES = st.lists(
    st.sampled_from(
        [
            "He left. ",
            "on Friday.The army ",
            "“Yes. No.” ",
            '"Yes.',
            "\n",
            "\r\n",
            "\n\n",
            " ",
            "U.S. ",
        ]
        + [
            "Col. Ryan ",
            "3.50 ",
            "www.a.Com/B.Html ",
            "x" * 40,
            "soon?I do ",
            "and went on to the city ",
        ]
    ),
    max_size=60,
).map("".join)


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@settings(max_examples=300, deadline=None)
@given(st.one_of(HOSTILE, PIECES))
def test_sentences_tile_what_is_not_blank(text: str) -> None:
    behind = 0
    for start, end in sentences(text):
        assert behind <= start < end <= len(text)
        assert not text[behind:start].strip()
        assert text[start:end] == text[start:end].strip()
        behind = end
    assert not text[behind:].strip()


@settings(max_examples=300, deadline=None)
@given(st.one_of(HOSTILE, PIECES), st.integers(0, 300), st.integers(0, 300))
def test_sentence_at_is_the_run_of_sentences_that_meet_the_range(text: str, a: int, b: int) -> None:
    start, end = sorted((min(a, len(text)), min(b, len(text))))
    meet = [s for s in sentences(text) if s[0] < max(end, start + 1) and s[1] > start]
    ends = [start, *(s[0] for s in meet)], [end, *(s[1] for s in meet)]
    assert sentence_at(text, start, end) == (min(ends[0]), max(ends[1]))


@pytest.mark.parametrize(
    "expected",
    [
        ["So it was said on Friday.", "The Syrian army left."],
        ["It “liberated several towns”.", "The military council stayed."],
        ["Will it come soon?", "I do not know."],
        ["It began in 2017.", "The army came later."],
        ["中文句子。", "第二句。"],
    ],
)
def test_glued_sentences_are_parted(expected: list[str]) -> None:
    assert split("".join(expected)) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "U.S.-led forces paid $3.50, e.g. in Raqqa, to Col. Ryan Dillon of the U.S. Army.",
        "See www.Example.Com/Page.Html or write to John.Smith@mail.Example.com today.",
        "Use System.Out.println of ASP.Net there.",
        "In the U.S.The army stayed.",
        "Lt. Gen. Stephen Townsend arrived at 5 p.m. Monday with Ms. Jones.",
        "1. The first item.",
        "“He went. He came,” she said.",
    ],
)
def test_one_sentence_stays_whole(sentence: str) -> None:
    assert split(sentence) == [sentence]


def test_a_closing_straight_quote_is_not_taken_for_an_opening_one() -> None:
    assert split('a new model", he said. No date was "fixed".') == [
        'a new model", he said.',
        'No date was "fixed".',
    ]


def test_a_long_quoted_speech_is_split_and_keeps_its_quotes() -> None:
    first = "“" + "We went on and on " * 12 + "for days."
    last = "They " + "came with us " * 12 + "too.”"
    assert split(f"{first} {last} Then it ended.") == [first, last, "Then it ended."]


def test_a_line_is_a_sentence_unless_it_was_wrapped() -> None:
    assert split("Latest News\nSony debuts its first teaser\nBack To Top") == [
        "Latest News",
        "Sony debuts its first teaser",
        "Back To Top",
    ]
    headlines = ["Palestinian killed in clashes during Israeli raid"] * 3
    assert split("\n".join(headlines)) == headlines
    wrapped = (
        "The operation to take the city of Raqqa from the group began on\n"
        "Deir al-Zor and will continue for several weeks, said Col.\n"
        "Ryan Dillon, who heads the council there and has said so all\nalong."
    )
    assert split(f"A heading\n\n{wrapped} It is so.") == ["A heading", wrapped, "It is so."]
    rows = ["Name of the man who was there | Rank", "and the second of the rows | none"]
    assert split("\n".join(rows)) == rows


def test_blank_text_has_no_sentence_and_a_range_in_it_is_kept() -> None:
    assert sentences("") == sentences(" \n\t\x85 ") == []
    assert sentence_at("", 0, 0) == (0, 0)
    assert sentence_at("One. \n\n Two.", 6, 7) == (6, 7)
    assert sentence_at("One. Two.", 3, 6) == (0, 9)
    assert sentence_at("One. Two.", 6, 6) == (5, 9)


@pytest.mark.parametrize(
    "unit", ["x", "word ", '"', "Col. ", "a b\n", "on and on we went, said he\r\n"]
)
def test_no_sentence_outgrows_a_slice_and_a_long_text_is_quick(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    found = sentences(text)
    assert max(end - start for start, end in found) <= 1.1 * SLICE
    begun = time.perf_counter()
    start, end = sentence_at(text, 600_000, 600_010)
    assert time.perf_counter() - begun < 0.5
    assert start <= 600_000 and 600_010 <= end
    assert start in {a for a, _ in found} and end in {b for _, b in found}


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    text = "The army said on Friday that 4,000 men had come. " * 2_000
    assert set(split(text)) == {"The army said on Friday that 4,000 men had come."}
