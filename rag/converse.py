"""What a user means: follow-up questions made to stand alone, and `parse`. Pure.

By rules alone: a pronoun or a gap in the question is filled with words out of the earlier questions
and answers, as they stand there; nothing is made up. Where no rule is sure the question is left as
it is, since a wrong word carried over is worse than none. For English; questions in other languages
stay as they are. `python -m eval.conversation` measures it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rag.phrases import ASKING, AUXILIARIES, PREPOSITIONS, PRONOUNS, phrases
from rag.query import parse
from rag.salience import Candidate, as_many, as_person, as_thing, candidates, most_salient
from rag.types import Question, Turn

__all__ = ["parse", "standalone"]

LONGEST, LONGEST_WORDS = 300, 20
"""Characters and words; a longer question says itself what it is about."""

PERSON, THING, MANY, TOPIC, THE_TOPIC = 3.0, 2.5, 3.0, 3.0, 3.5
"""Points that a phrase must have to be carried over; see `rag.salience`."""

_Made = tuple[str, tuple[str, ...]]
"""The question made to stand alone, and what was carried into it."""

_HE = re.compile(r"\b(?:he|him|his|she|her|hers)\b", re.IGNORECASE)
_IT = re.compile(r"\b(?:it|its)\b", re.IGNORECASE)
_THEY = re.compile(r"\b(?:they|them|their)\b", re.IGNORECASE)
_EMPTY_IT = re.compile(
    r"\b(?:is|was|does|did|would|will|can|has) it (?:take|be|possible|necessary|true|better|worth"
    r"|important|safe|ok|okay|easy|hard|normal|common|that|like)\b|\bit(?: is| was| would be) \w+ "
    r"(?:to|that|for|if)\b|\bit['’]s\b|\b(?:find|makes?|made|think|consider) it\b",
    re.IGNORECASE,
)
"""It that stands for nothing: is it true that, how long does it take."""
_CLAUSES = re.compile(
    r"[,;]|\b(?:and|or|but|if|when|that|because|while|after|before)\b", re.IGNORECASE
)
_THERE = re.compile(
    r"(?<!is )(?<!are )(?<!was )(?<!were )(?<!be )(?<!been )\bthere\b(?! (?:is|are|was|were|be)\b)",
    re.IGNORECASE,
)
_PLACED = ("in", "at", "near")
_ONLY_ASKING = re.compile(
    r"\W*(?:and |but )?((?:since |from |to |until |by )?(?:why|when|where|how|who|what)"
    r"(?: many| much| long| far)?)(?: exactly| precisely| not| so| then)?\W*",
    re.IGNORECASE,
)
_ASKED_WITH = re.compile(
    r"\W*(?:and |but )?(?:(?:in|on|at|to|from|by|through|with) )?(?P<word>who|what|which|when|where"
    r"|why|how)(?: many| much| long| far| old)?\b",
    re.IGNORECASE,
)
_AND = re.compile(
    r"\W*(?:(?:and|but|or) )?(?:what about|how about|and|but|or) (?P<rest>[^?.!]+)[?.!\s]*",
    re.IGNORECASE,
)
_OF_ITS_OWN = re.compile(
    r"\b(?:i|my|me|we|us|our|you|your|articles?|aspects?|interesting|else|others?|another|more"
    r"|a|an|this|that|these|those|mean)\b|[\d\"]|\W*(?:what|who) (?:is|are|was|were|do|does)\b"
    r"|\W*(?:tell|describe|explain|thanks)\b",
    re.IGNORECASE,
)
"""A question with one of these has a subject, or asks for something too vague to be helped."""
_ASKS = re.compile(
    r"\W*(?:and |but )?(?:how|when|where|why|which|what|who|did|was|were|had)\b", re.IGNORECASE
)


def standalone(question: str, turns: Sequence[Turn]) -> Question:
    """The question as it would be asked without the conversation before it.

    Args:
        question: as typed.
        turns: the conversation so far, oldest first, each question as it was searched.

    Returns:
        `text` made of the question's own words and those in `carried`; equal to `asked`, with
        nothing carried, where the question stands alone or no rule is sure.

    >>> said = Turn("Who heads the Deir al-Zor military council?", "Ahmed Abu Khawla")
    >>> standalone("How old is he?", [said]).text
    'How old is Ahmed Abu Khawla?'
    """
    if turns and _short(question):
        for rule in RULES:
            made = rule(question, turns)
            if made is not None:
                return Question(made[0], question, made[1])
    return Question(question, question)


def _only_asking(question: str, turns: Sequence[Turn]) -> _Made | None:
    """Why?, where exactly?: the question before with another question word."""
    bare = _ONLY_ASKING.fullmatch(question)
    before = turns[-1].question.rstrip(" ?.!")
    asked = _ASKED_WITH.match(before)
    if bare is None or asked is None or not _short(before):
        return None
    if bare[1].casefold().startswith(asked["word"].casefold()):
        return None
    rest, answer = before[asked.end() :].strip(), " ".join((turns[-1].answer or "").split())
    if not rest:
        return None
    named = asked["word"].casefold() in ("who", "what", "which") and 0 < len(answer.split()) <= 6
    carried = (rest, answer) if named else (rest,)
    return f"{' '.join([bare[1], *carried])}?", carried


def _and(question: str, turns: Sequence[Turn]) -> _Made | None:
    """And in 2018?, what about Raqqa?: the question before with another phrase in its place."""
    gap = _AND.fullmatch(question)
    words = re.findall(r"[\w'’-]+", gap["rest"].casefold()) if gap else []
    if gap is None or not 0 < len(words) <= 6 or {*words} & (ASKING | AUXILIARIES | PRONOUNS):
        return None
    rest, before = gap["rest"].strip(), turns[-1].question
    said = phrases(before)
    if not said or not _short(before):
        return None
    links = words[0] in PREPOSITIONS
    new = rest.split(maxsplit=1)[-1] if links else rest
    alike = [
        phrase
        for phrase in said
        if _sort(phrase.text) == _sort(new) and (phrase.before == words[0] or not links)
    ]
    if not links and (not alike or _sort(new) == "thing"):
        return None
    if not alike:
        left, new, right = before.rstrip(" ?.!"), rest, ""
    else:
        left, right = before[: alike[-1].start].strip(), before[alike[-1].end :].strip(" ?.!")
    return f"{left} {new} {right}".strip() + "?", tuple(part for part in (left, right) if part)


def _he(question: str, turns: Sequence[Turn]) -> _Made | None:
    return _instead(question, turns, _HE, as_person, PERSON)


def _it(question: str, turns: Sequence[Turn]) -> _Made | None:
    return None if _EMPTY_IT.search(question) else _instead(question, turns, _IT, as_thing, THING)


def _they(question: str, turns: Sequence[Turn]) -> _Made | None:
    return _instead(question, turns, _THEY, as_many, MANY)


def _there(question: str, turns: Sequence[Turn]) -> _Made | None:
    """Are there still people there?: the last place that was named."""
    found = _THERE.search(question)
    if found is None:
        return None
    last = turns[-1]
    places = [p for p in phrases(last.question) if p.name and p.before in _PLACED]
    if last.question.casefold().startswith("where"):
        places = [p for p in phrases((last.answer or "")[:LONGEST]) if p.name] or places
    if not places or _words(places[0].text) & _words(question):
        return None
    linked = question[: found.start()].split()[-1:]
    word = f"{places[0].before if places[0].before in _PLACED else 'in'} "
    word = "" if linked and linked[0].casefold() in PREPOSITIONS else word
    text = f"{question[: found.start()]}{word}{places[0].text}{question[found.end() :]}"
    return text, (places[0].text,)


def _topic(question: str, turns: Sequence[Turn]) -> _Made | None:
    """How many were killed?: a question without any subject gets that of the conversation."""
    said = phrases(question)
    if _OF_ITS_OWN.search(question) or not _ASKS.match(question) or len(question.split()) > 12:
        return None
    if any(phrase.name for phrase in said) or _words(question) & PRONOUNS:
        return None
    enough = THE_TOPIC if " the " in question else TOPIC
    topic = most_salient(_other(question, turns), turns, enough)
    if topic is None:
        return None
    body = question.rstrip(" ?.!")
    return f"{body} ({topic}){question[len(body) :].strip()}", (topic,)


RULES = (_only_asking, _and, _he, _it, _they, _there, _topic)


def _instead(
    question: str,
    turns: Sequence[Turn],
    pronouns: re.Pattern[str],
    fits: Callable[[Candidate], float],
    enough: float,
) -> _Made | None:
    """The question with the most salient phrase in the place of its first such pronoun."""
    pronoun = pronouns.search(question)
    if pronoun is None or _bound(question, pronoun, anyhow=pronouns is _HE):
        return None
    phrase = most_salient(_other(question, turns), turns, enough, fits)
    if phrase is None:
        return None
    tail = question[pronoun.end() :]
    word = pronoun[0].casefold()
    owns = word in ("his", "its", "their") or (word == "her" and re.match(r" \w", tail))
    ending = ("’" if phrase.endswith("s") else "’s") if owns else ""
    return question[: pronoun.start()] + phrase + ending + tail, (phrase,)


def _bound(question: str, pronoun: re.Match[str], anyhow: bool) -> bool:
    """The pronoun may stand for a phrase in front of it in the question itself.

    Not for what is asked for: which countries does *it* lie between. With `anyhow` only a name
    can be meant.
    """
    front = question[: pronoun.start()]
    said = [phrase for phrase in phrases(question) if phrase.end <= pronoun.start()]
    if any(phrase.name for phrase in said) or anyhow:
        return any(phrase.name for phrase in said)
    inverted = front.split()[-1:] and front.split()[-1].casefold() in AUXILIARIES
    return bool(said) and not (inverted and len(said) == 1 and not _CLAUSES.search(front))


def _other(question: str, turns: Sequence[Turn]) -> list[Candidate]:
    """Candidates that share no word with the question."""
    own = _words(question)
    return [this for this in candidates(turns) if not _words(this.text) & own]


def _short(text: str) -> bool:
    return len(text) <= LONGEST and len(text.split()) <= LONGEST_WORDS


def _words(text: str) -> set[str]:
    small = PREPOSITIONS | {"the", "a", "an", "and", "s"}
    return {word for word in re.findall(r"\w+", text.casefold()) if word not in small}


def _sort(text: str) -> str:
    """Of what kind a phrase is."""
    if any(char.isdigit() for char in text):
        return "number"
    return "thing" if text == text.casefold() else "name"
