"""Follow-up questions made to stand alone, by the cases that the rules are made for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.converse import standalone
from rag.phrases import phrases
from rag.types import Question, Turn

COUNCIL = Turn("Who heads the Deir al-Zor military council?", "Ahmed Abu Khawla")
KILLED = Turn("How many men were killed in Raqqa in 2017?", "26")


@pytest.mark.parametrize(
    ("question", "turns", "text", "carried"),
    [
        (
            "How many fighters does it include?",
            [COUNCIL],
            "How many fighters does the Deir al-Zor military council include?",
            ("the Deir al-Zor military council",),
        ),
        ("How old is he?", [COUNCIL], "How old is Ahmed Abu Khawla?", ("Ahmed Abu Khawla",)),
        (
            "what does his council want",
            [Turn("Who is Ryan Dillon?", "a spokesman")],
            "what does Ryan Dillon’s council want",
            ("Ryan Dillon",),
        ),
        (
            "who paid for her house",
            [Turn("Who is Ann Jones?", None)],
            "who paid for Ann Jones’ house",
            ("Ann Jones",),
        ),
        ("Who saw her?", [Turn("Who is Ann Lee?", None)], "Who saw Ann Lee?", ("Ann Lee",)),
        (
            "when was he born",
            [Turn("who is ryan dillon", None)],
            "when was ryan dillon born",
            ("ryan dillon",),
        ),
        (
            "Where do they live?",
            [Turn("Tell me about blue whales.", None)],
            "Where do blue whales live?",
            ("blue whales",),
        ),
        (
            "And in 2018?",
            [KILLED],
            "How many men were killed in Raqqa in 2018?",
            ("How many men were killed in Raqqa in",),
        ),
        (
            "What about Tabqa?",
            [KILLED],
            "How many men were killed in Tabqa in 2017?",
            ("How many men were killed in", "in 2017"),
        ),
        (
            "And on the bridge?",
            [KILLED],
            "How many men were killed in Raqqa in 2017 on the bridge?",
            ("How many men were killed in Raqqa in 2017",),
        ),
        (
            "Why?",
            [Turn("When did the army attack Hajin?", "in May")],
            "Why did the army attack Hajin?",
            ("did the army attack Hajin",),
        ),
        (
            "Where exactly?",
            [Turn("Which town did they take?", "Hajin")],
            "Where town did they take Hajin?",
            ("town did they take", "Hajin"),
        ),
        (
            "Do people starve there?",
            [Turn("Who rules in Raqqa?", None)],
            "Do people starve in Raqqa?",
            ("Raqqa",),
        ),
        (
            "Which roads lead from there?",
            [Turn("Where is the camp?", "Tanf")],
            "Which roads lead from Tanf?",
            ("Tanf",),
        ),
        (
            "Who else is there?",
            [Turn("Where is the camp?", "It lies beside Tanf")],
            "Who else is there?",
            (),
        ),
        (
            "Do people starve there?",
            [Turn("Where is the camp?", "beside Tanf")],
            "Do people starve in Tanf?",
            ("Tanf",),
        ),
        (
            "How many were killed?",
            [Turn("What is the Euphrates Shield?", "an operation")],
            "How many were killed (the Euphrates Shield)?",
            ("the Euphrates Shield",),
        ),
    ],
)
def test_what_is_missing_is_carried_over(
    question: str, turns: list[Turn], text: str, carried: tuple[str, ...]
) -> None:
    assert standalone(question, turns) == Question(text, question, carried)


@pytest.mark.parametrize(
    "question",
    [
        "Who heads the Raqqa council?",
        "What is mortadella?",
        "Is it true that the dam broke?",
        "How long does it take to Raqqa?",
        "Are there people in Raqqa?",
        "Why did Dillon say that he was wrong?",
        "Did the army lose its tanks?",
        "Tell me something else",
        "Can you help me?",
        "Does the council include women?",
        "من يقود المجلس؟",
        "他们在哪里?",
        "",
        " ",
        "?",
        "and",
        "What about?",
        "And --?",
        "it " * 21,
        "and" + " " * 100_000 + "?x",
    ],
)
def test_a_question_that_stands_alone_is_left_as_it_is(question: str) -> None:
    assert standalone(question, [COUNCIL]) == Question(question, question)


@pytest.mark.parametrize("question", ["How old is he?", "Why?", "And in 2018?", "What about it?"])
def test_without_an_earlier_question_nothing_is_carried(question: str) -> None:
    assert standalone(question, []) == Question(question, question)
    for empty in ("?", "Who?"):
        assert standalone(question, [Turn(empty, None)]) == Question(question, question)


def test_he_is_no_army_and_no_acronym() -> None:
    turns = [Turn("Where does the Syrian Army fight ISIS?", None)]
    assert standalone("How old is he?", turns).carried == ()


def test_the_last_topic_counts_and_the_first_is_not_forgotten() -> None:
    turns = [Turn("What is the Tanf garrison?", None), Turn("What is the Badia?", None)]
    assert standalone("How large is it?", turns).carried == ("the Badia",)
    chain = [Turn("Who is Ann Lee?", None), *(Turn("What was said?", None) for _ in range(20))]
    assert standalone("How old is she?", chain).carried == ("Ann Lee",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Who heads the military council of Deir al-Zor?", ["the military council of Deir al-Zor"]),
        ("did the band tour?", ["the band"]),
        ("Was Venom successful?", ["Venom"]),
        ("Is the U.S.-led coalition in Raqqa?", ["the U.S.-led coalition", "Raqqa"]),
        ("Why was the attack halted?", ["the attack"]),
        ("How is Merkel’s new government funded?", ["Merkel’s new government"]),
        ("Zappa and the Mothers of Invention", ["Zappa and the Mothers of Invention"]),
        ("4,000 fighters, mostly Arabs", ["4,000 fighters", "mostly Arabs"]),
        ("north\nSouth Street", ["north", "South Street"]),
        ("", []),
    ],
)
def test_phrases(text: str, found: list[str]) -> None:
    assert [phrase.text for phrase in phrases(text)] == found
    for phrase in phrases(text):
        assert text[phrase.start : phrase.end] == phrase.text


SAID = st.text(
    alphabet=st.one_of(
        st.sampled_from("\0\r\n\t\u200d\u0301\u202e'’.,?!()-\"ß"), st.sampled_from("aAbB 19"),
    ),
    max_size=60,
)  # fmt: skip
ASKED = st.one_of(
    SAID,
    st.builds(
        "{} {}{}".format,
        st.sampled_from(["How old is he", "And in", "Why", "What about", "Is it", "Do they", ""]),
        SAID,
        st.sampled_from(["", "?"]),
    ),
)


@given(question=ASKED, said=st.lists(st.builds(Turn, ASKED, st.none() | SAID), max_size=4))
def test_only_words_that_stand_in_the_conversation(question: str, said: list[Turn]) -> None:
    made = standalone(question, said)
    assert made.asked == question
    assert (made.text == question) or made.carried
    held = {word for turn in said for word in words(f"{turn.question} {turn.answer or ''}")}
    assert words(" ".join(made.carried)) <= held
    assert words(made.text) <= held | words(question)


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text)) - {"in", "at", "near", "s"}
