from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import SEEDS

from index import byline, clean
from index.types import HEADING, Mark


def test_the_demo_corpus() -> None:
    expected = {
        "000": ("US Backed SDF To Launch Attack on Deir ez Zor Soon", None),
        "001": ("Led coalition attacks pro-Syrian government forces in Dayr al-Zawr", None),
        "002": (
            "Video: Syria Army and US Supported SDF Boost Cooperation, "
            "Set Up Joint Operations Room?",
            "2017-08-05",
        ),
        "003": (None, None),
        "004": (
            "Syria, the SDF advance against Isis in Deir Ezzor. Violent clashes in Hajin",
            None,
        ),
    }
    for file in sorted(SEEDS.glob("*.txt")):
        text = file.read_bytes().decode()
        marks = clean.mark(text)
        found = byline.title(text, marks), byline.publication_date(text, marks)
        assert found == expected[file.name[:3]]


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2017-08-05", "2017-08-05"),
        ("2017-08-05T23:30:00+02:00", "2017-08-05"),
        ("2017/8/5", "2017-08-05"),
        ("August 05, 2017", "2017-08-05"),
        ("5th of August 2017", "2017-08-05"),
        ("5 Sept. 2017", "2017-09-05"),
        ("Sat, 5 Aug 2017 09:30:00 GMT", "2017-08-05"),
        ("25/12/2017", "2017-12-25"),
        ("12/25/2017", "2017-12-25"),
        ("05.05.2017", "2017-05-05"),
        ("03/04/2017", None),
        ("3.4.2017", None),
        ("31 February 2017", None),
        ("2017-13-01", None),
        ("2017-08", None),
        ("August 2017", None),
        ("2017", None),
        ("4 August 2017 - 6 August 2017", None),
        ("12017-08-05", None),
        ("", None),
    ],
)
def test_full_dates(value: str, date: str | None) -> None:
    assert byline.full_date(value) == date


@pytest.mark.parametrize(
    "line",
    [
        "Global Research, August 05, 2017",
        "South Front 5 August 2017",
        "5 August 2017",
        "Published: Saturday, 5 August 2017, 9:30 am GMT",
        "By Jane Doe | Posted on August 5th, 2017",
        "Date: 2017-08-05",
        "Sent: Saturday, August 5, 2017 3:04 PM",
        "BEIRUT — Aug. 5, 2017",
    ],
)
def test_bylines_give_the_date(line: str) -> None:
    assert byline.publication_date(f"A Title\n\n{line}\n\nThe barge sank.") == "2017-08-05"


@pytest.mark.parametrize(
    "line",
    [
        "The town fell on 5 August 2017, they said.",
        "He died on 5 August 2017",
        "Attack on 5 August 2017",
        "Deadline: 5 August 2017",
        "Born 5 August 2017",
        "Battles of 5 August 2017",
        "Valid until 5 August 2017",
        "Were you there on 5 August 2017?",
        "Retrieved 5 August 2017",
        "Open 5 August 2017 to 7 August 2017",
        "03/04/2017",
        f"Report {'of the Harbour Board ' * 6}5 August 2017",
    ],
)
def test_other_dates_are_not_that_of_publication(line: str) -> None:
    assert byline.publication_date(f"A Title\n\n{line}\n\nThe barge sank.") is None


def test_publication_goes_before_update() -> None:
    text = "A Title\nUpdated: 7 August 2017\nPublished: 5 August 2017\n"
    assert byline.publication_date(text) == "2017-08-05"
    assert byline.publication_date("Last updated 7 August 2017\n\nText.") == "2017-08-07"


def test_only_the_top_counts() -> None:
    assert byline.publication_date("One more line.\n" * 12 + "5 August 2017\n") is None
    assert byline.publication_date("One more line.\n\n" * 11 + "5 August 2017\n") == "2017-08-05"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("A Title\n\nText.", "A Title"),
        ("\n\n  A Title  \r\n\r\nText.", "A Title"),
        ("A Title\nA longer line of text follows it.", "A Title"),
        ('"A Title"\n\nText.', "A Title"),
        ('"A" and "B"\n\nText.', '"A" and "B"'),
        ("By Jane Doe\n5 August 2017\n---\nA Title\n\nText.", "A Title"),
        ("Life in the U.S.\n\nText.", "Life in the U.S."),
        ("A sentence, not a title.\n\nText.", None),
        ("Dear John,\n\nText.", None),
        ("One line only", None),
        ("One line only\n\n", None),
        ("apples\npears\nplums\n", None),
        ("word " * 40 + "\n\nText.", None),
        ("", None),
    ],
)
def test_titles(text: str, title: str | None) -> None:
    assert byline.title(text) == title


def test_the_first_heading_is_the_title() -> None:
    text = "Some text.\n\n# The *Heading*\n"
    assert byline.title(text, [Mark(14, 27, HEADING)]) == "The *Heading*"


def test_front_matter() -> None:
    text = "---\nTitle: 'A: B'\ndate: 2017-08-05\ntags:\n  - x\n---\nText.\n"
    fields, at = byline.front_matter(text)
    assert fields == {"title": "A: B", "date": "2017-08-05"}
    assert text[at:] == "Text.\n"
    assert byline.front_matter("---\ntitle: open to the end\n") == ({}, 0)
    assert byline.front_matter("Text.\n---\ntitle: x\n---\n") == ({}, 0)


@given(st.text(alphabet=st.sampled_from("aA1 \n\r,.:-/•\"'0258\u2028é") | st.characters()))
def test_any_text_is_accepted(text: str) -> None:
    byline.front_matter(text)
    title, date = byline.title(text), byline.publication_date(text)
    assert title is None or 0 < len(title) <= byline.MAX_TITLE
    assert date is None or len(date) == 10
