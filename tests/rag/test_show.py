from __future__ import annotations

import io

import pytest
from rich.console import Console

from index.types import Hit, Passage
from rag import show
from rag.types import Answer, Citation, Question

SENTENCE = "Said [bold]Khawla[/bold],\n who heads \x1b[31m it."


def printed(answer: Answer) -> str:
    out = io.StringIO()
    show.answer(Console(file=out, width=200, highlight=False), answer)
    return out.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\n\tlines", "two lines"),
        ("\x1b[31mred\x07", "␛[31mred␇"),
        ("\x9b31m\x7f", "\\u009b31m\\u007f"),
        ("abc\u202edef\u2066", "abc\\u202edef\\u2066"),
        ("Sha’Fah é 日本 \U0001f600", "Sha’Fah é 日本 \U0001f600"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_are_shown_not_sent(text: str, shown: str) -> None:
    assert show.plain(text) == shown


def test_markup_in_documents_is_text() -> None:
    start = SENTENCE.index("Khawla")
    citation = Citation(
        "d", "seeds/[/]a.txt", "[link=x]", None, 3, start, start + 6, "Khawla", SENTENCE, 0,
        len(SENTENCE), "p",
    )  # fmt: skip
    said = Answer(Question("q", "q"), "[red]Khawla", 0.5, (citation,))
    out = printed(said)
    assert "[red]Khawla" in out
    assert "Said [bold]Khawla[/bold], who heads ␛[31m it." in out
    assert "seeds/[/]a.txt · page 3 · [link=x]" in out
    assert "\x1b" not in out


def test_an_abstention_says_why_and_shows_the_nearest_passage() -> None:
    passage = Passage("p", "d", 0, 9, "[b]the dam", path="a.txt")
    hit = Hit(passage, 0.5, 1, {"lexical": 1})
    out = printed(Answer(Question("q", "q"), None, 0.1, hits=(hit,), reason="below_threshold"))
    assert "do not seem to answer" in out
    assert "[b]the dam" in out
    assert "a.txt" in out
