"""The syntax of the question box."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import QuestionError
from index.types import Filter
from rag.converse import parse
from rag.query import both, standing


@pytest.mark.parametrize(
    ("text", "question", "where"),
    [
        (
            'who heads the "military council" -Raqqa file:*.txt after:2017-08-01 before:2018-01-01',
            "who heads the military council",
            Filter(
                paths=("*.txt",),
                after=date(2017, 8, 1),
                before=date(2018, 1, 1),
                phrases=("military council",),
                without=("Raqqa",),
            ),
        ),
        ("type:.PDF,docx who?", "who?", Filter(types=("pdf", "docx"))),
        ('File:"my notes*" file:a.txt who?', "who?", Filter(paths=("my notes*", "a.txt"))),
        ("who is he file:*.txt?", "who is he?", Filter(paths=("*.txt",))),
        ('-"deir  ez-zor" who heads it -raqqa?', "who heads it?",
         Filter(without=("deir ez-zor", "raqqa"))),
        ("„military council“ who", "military council who", Filter(phrases=("military council",))),
        ("who «heads it» “now”", "who heads it now", Filter(phrases=("heads it", "now"))),
        ('"military council"', "military council", Filter(phrases=("military council",))),
    ],
)  # fmt: skip
def test_filters_are_taken_out_of_the_question(text: str, question: str, where: Filter) -> None:
    assert parse(text) == (question, where)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "who heads Deir ez-Zor",
        "who - heads -- it – now",
        "the council -which he heads- met",
        "at -40 degrees",
        'the 5" gun and the 6" gun',
        'what is "unclosed',
        'who is ""',
        'who is "?!"',
        "at 10:30 on http://x.y/-a and profile:x",
        "it's the rivers' end",
    ],
)
def test_text_is_left_as_it_is(text: str) -> None:
    assert parse(text) == (text, Filter())


@pytest.mark.parametrize("text", ['"Who heads it?"', " “Who heads it?” ", '"who heads it"'])
def test_a_whole_question_in_quotation_marks_is_a_question(text: str) -> None:
    assert parse(text) == (text.strip(' "“”'), Filter())


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("who after:2018", r"Not a day: 2018\. .*after:2018-01-31"),
        ("who before:2018-02-30", "Not a day: 2018-02-30"),
        ("who after:20180101", "Not a day"),
        ("who after:2018-01-02 before:2018-01-01", "Exchange the two days"),
        ("who after:2018-01-02 after:2018-01-01", "Leave one of them out"),
        ("file: who", r"Write it without a blank: file:\*\.txt"),
        ('type:"" who', "type: names nothing"),
        ("type:a/b who", "Write type:pdf"),
        ("who -type:pdf", "cannot be left out"),
        ("file:*.txt", "no question beside the filter"),
        ("-Raqqa ?", "no question beside the filter"),
    ],
)
def test_what_has_no_sense_is_told_with_its_mend(text: str, mend: str) -> None:
    with pytest.raises(QuestionError, match=mend):
        parse(text)


PIECES = st.sampled_from([*"ab \"“”-:?'9", "file:", "after:", "2018-01-01"])


@given(text=st.lists(PIECES).map("".join))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        question, where = parse(text)
    except QuestionError as error:
        assert error.mend
    else:
        assert where != Filter() or question in (text, text.strip(' "“”'))


def test_long_texts_are_read_in_one_pass() -> None:
    """Were it quadratic, this would not end before the time limit of a test."""
    for text in ("-a " * 20_000, "file:" + "?" * 400_000, '"' * 200_000, "who -a- -" * 9_000):
        try:
            parse(text)
        except QuestionError:
            pass


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({}, Filter()),
        ({"path": "  ", "type": "", "other": "x"}, Filter()),
        ({"path": "notes/2018"}, Filter(paths=("*notes/2018*",))),
        ({"path": "notes/*.pdf"}, Filter(paths=("notes/*.pdf",))),
        ({"type": "PDF"}, Filter(types=("pdf",))),
        (
            {"after": "2018-01-01", "before": "2018-12-31"},
            Filter(after=date(2018, 1, 1), before=date(2018, 12, 31)),
        ),
    ],
)
def test_a_standing_filter(fields: dict[str, str], where: Filter) -> None:
    assert standing(fields) == where


@pytest.mark.parametrize("fields", [{"after": "soon"}, {"before": "2018-02-30"}, {"type": "a b"}])
def test_a_standing_filter_without_sense_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(QuestionError) as refused:
        standing(fields)
    assert refused.value.mend


def test_what_a_question_says_counts_in_place_of_what_stands() -> None:
    stands = Filter(paths=("*a*",), types=("pdf",), after=date(2018, 1, 1))
    said = Filter(types=("txt",), before=date(2019, 1, 1), phrases=("dry dock",))
    assert both(said, stands) == Filter(
        paths=("*a*",), types=("txt",), after=date(2018, 1, 1), before=date(2019, 1, 1),
        phrases=("dry dock",),
    )  # fmt: skip
    assert both(Filter(), Filter()) == Filter()
    with pytest.raises(QuestionError, match="No day is both"):
        both(Filter(before=date(2017, 1, 1)), stands)
