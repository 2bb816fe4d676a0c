from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import SEEDS

from index.clean import mark
from index.types import BOILERPLATE


def marked(text: str) -> list[str]:
    return [text[found.start : found.end] for found in mark(text)]


def test_the_demo_corpus() -> None:
    beginnings = {
        "000": [],
        "001": ["• News", "• World Media", *["Leave Your Comment"] * 2]
        + ["Latest News", "Breaking News"],
        "002": [
            "If you're able, and if you like our content and approach, please support",
            "The original source of this article is <u>South Front</u> Copyright",
            "Comment on Global Research Articles on our Facebook page",
            "Become a Member of Global Research",
            "Articles by: South Front",
            "Disclaimer: The contents of this article are of sole responsibility",
            "www.globalresearch.ca contains copyrighted material the use of which",
            "$For media inquiries:",
        ],
        "003": [],
        "004": ["skip to Main Content", "Back To Top"],
    }
    for file in sorted(SEEDS.glob("*.txt")):
        found = marked(file.read_bytes().decode())
        expected = beginnings[file.name[:3]]
        assert len(found) == len(expected), found
        for line, beginning in zip(found, expected, strict=True):
            assert line.startswith(beginning)
            assert "\n" not in line


@pytest.mark.parametrize(
    "line",
    [
        "Skip to content",
        "» Back to top ↑",
        "LEAVE A REPLY",
        "## Related articles:",
        "Editor’s picks",
        "Share this article",
        "Follow us on Twitter and Facebook",
        "Share on Facebook / Twitter / WhatsApp",
        "Subscribe to our newsletter!",
        "Sign up for our free daily newsletter and never miss a story.",
        "Home > News > Middle East",
        "© 2017 South Front",
        "Copyright 2015-2017 The Daily Test. All rights reserved.",
        "Copyright © Reuters",
        "All rights reserved.",
        "For press enquiries, please contact press@example.org",
        "This site uses cookies to give you the best experience. Read our cookie policy.",
        "By continuing to use this site you agree to our use of cookies.",
        "Please consider making a donation: we depend on your support.",
        "Our work is paid for by readers. Support us via https://www.patreon.com/daily today.",
        "Legal disclaimer: we accept no liability for errors.",
        "The views expressed in this article are those of the author alone.",
        "FAIR USE NOTICE: this page contains copyrighted material.",
        "If you wish to use copyrighted material you must obtain permission from the owner.",
    ],
)
def test_furniture_is_marked(line: str) -> None:
    assert marked(f"The barge sank on Monday.\n\n  {line} \n\nNobody was hurt.") == [line]


@pytest.mark.parametrize(
    "line",
    [
        "The court said that the site contains copyrighted material, and fined its owner.",
        "Copyright law in 2017 was much the same as in 1990.",
        "Copyright 1990s style came back into fashion.",
        "(c) In 2017 the tenant shall pay all arrears.",
        "He asked the crowd to comment on the plan, on Facebook or elsewhere.",
        "Comment on the ruling was swift on Twitter.",
        "Users can leave a comment under every photograph.",
        "We use cookies to keep the session's number between two requests.",
        "The regulator fined the firm because its website uses cookies without consent.",
        "Cookies are baked at 180 degrees for twelve minutes.",
        "The donation appeal raised $4,000 through PayPal for the support of refugees.",
        "Please support your claim with sources.",
        "Become a member of the Security Council is what Germany wants.",
        "Disclaimers of liability were struck out by the judge.",
        "The views expressed in the poll do not reflect party lines.",
        "For media inquiries, the ministry has opened an office in Raqqa.",
        "The latest news from the front is that the town has fallen.",
        "Breaking news of the ceasefire reached the camp at noon.",
        "Read more than the headline, the editor told students.",
        "Share prices fell on Facebook and Twitter fears.",
        "Follow us, the guide shouted, and they ran.",
        "Home to 4,000 people, the village lies on the Euphrates.",
        "Articles by several authors described the offensive.",
        "Sony Debuts First Teaser Trailer for 'Venom'",
        "If you give to our party by PayPal, the law requires your name.",
    ],
)
def test_sentences_about_such_things_are_not_marked(line: str) -> None:
    assert marked(f"The barge sank on Monday.\n\n{line}\n\nNobody was hurt.") == []
    assert marked(line + " It said so." * 100) == []


def test_a_menu_is_a_bulleted_list_at_the_top_with_the_words_of_menus() -> None:
    assert marked("Skip to content\n• News\n • World Media\n\nThe barge sank.") == [
        "Skip to content",
        "• News",
        "• World Media",
    ]
    assert marked("• Milk\n• Bread\n\nThat is all.") == []
    assert marked("The barge sank.\n\n• News\n• World\n\nNobody was hurt.") == []
    assert marked("• News\n• World\n") == []  # the list is all there is


def test_fine_print_broken_by_hand_is_marked_to_its_end() -> None:
    print_ = (
        "Disclaimer: the contents of this article were given to us by its author, who\n"
        "has sole responsibility for them, and the publisher shares none of his opinions\n"
        "whatever they are."
    )
    assert marked(f"The barge sank.\n\n{print_}\n\nNobody was hurt.") == [print_]
    assert marked(print_.replace("\n", "\r\n")) == [print_.replace("\n", "\r\n")]


@given(
    st.lists(
        st.sampled_from(
            ["Back To Top", "• News", "The barge sank.", "", " ", "\t", "\0", "\u2028", "\x85", "é"]
            + ["Disclaimer: no liability is taken for anything that this long line says", "© 2017"]
        )
        | st.text(),
    ),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
)
def test_marks_are_sorted_stripped_and_apart(lines: list[str], newline: str) -> None:
    text = newline.join(lines)
    end = 0
    for found in mark(text):
        assert end <= found.start < found.end <= len(text)
        assert text[found.start : found.end] == text[found.start : found.end].strip()
        assert found.kind == BOILERPLATE
        end = found.end


@pytest.mark.parametrize(
    "piece", ["a", "a.b ", "please support our ", "Home > ", "© ", "\t \xa0", "If you wish\n"]
)
def test_time_is_linear(piece: str) -> None:
    start = time.perf_counter()
    mark(piece * (2_000_000 // len(piece)))
    assert time.perf_counter() - start < 60  # a second or less, or hours if it were quadratic
