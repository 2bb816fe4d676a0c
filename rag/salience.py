"""Which phrase of a conversation a pronoun most likely stands for, by points. Pure.

In the manner of Lappin and Leass (1994), "An algorithm for pronominal anaphora resolution"; the
points were chosen on the tuning half of the set that `eval.conversation` measures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from rag.phrases import AUXILIARIES, PREPOSITIONS, Phrase, phrases
from rag.types import Turn

LOOK_BACK = 6
"""Turns that a phrase may be carried over from; the first one always counts."""
LOOKED_AT = 200
"""Characters at the beginning of an answer."""

_POINTING = re.compile(
    r"(?:his|her|their|its|my|your|our|this|that|these|those|another|any|some|no|every|each|i)\b",
    re.IGNORECASE,
)
_OWNER = re.compile(r"(.+?)(?:['’]s|(?<=s)['’]) ")
_ASKED_FOR = re.compile(r"\W*(?:and )?(?:who|what|which)\b", re.IGNORECASE)
_GROUPS = frozenset(
    "army forces force university council government party group company band team club "
    "association committee agency ministry police militia brigade bank court union league church "
    "school college department office states kingdom republic".split()
)
_WEAK = frozenset(
    "aspect article year kind type name thing way time example information reason part number fact "
    "day date place result difference effect impact role cause symptom history origin person "
    "people advantage disadvantage benefit purpose goal function definition meaning title member "
    "criticism feature characteristic risk sign rest sort lot element use career life".split()
)
"""Nouns that a conversation is seldom about: of "the advantages of yoga" only yoga counts."""


@dataclass
class Candidate:
    """A phrase that may be meant, and where it stood."""

    text: str
    name: bool
    asked: list[tuple[int, Phrase]] = field(default_factory=list)
    """(turns ago, phrase) for each earlier question in which it stands."""
    answered: Phrase | None = None
    """Where it stands in the last answer."""
    alone: bool = False
    """It was the only phrase of a question."""
    first: bool = False
    """It stands in the conversation's first question."""


def candidates(turns: Sequence[Turn]) -> list[Candidate]:
    """The phrases of the earlier questions, and the names in the last answer."""
    found: dict[str, Candidate] = {}
    recent = [(ago, turn) for ago, turn in enumerate(reversed(turns)) if ago < LOOK_BACK]
    if len(turns) > LOOK_BACK:
        recent.append((len(turns) - 1, turns[0]))
    for ago, turn in recent:
        said = phrases(turn.question)
        for phrase in said:
            for text in _meant(phrase.text):
                known = found.setdefault(_key(text), Candidate(text, phrase.name))
                known.asked.append((ago, phrase))
                known.alone |= len(said) == 1
                known.first |= ago == len(turns) - 1
    for phrase in phrases((turns[-1].answer or "")[:LOOKED_AT]):
        for text in _meant(phrase.text) if phrase.name else ():
            known = found.setdefault(_key(text), Candidate(text, True))
            known.answered = known.answered or phrase
    return list(found.values())


def most_salient(
    among: Iterable[Candidate],
    turns: Sequence[Turn],
    enough: float,
    fits: Callable[[Candidate], float] = lambda _: 0.0,
) -> str | None:
    """The text of the candidate with the most points; None if none has enough.

    Args:
        among: some of the `candidates` of the turns.
        turns: the conversation, oldest first.
        enough: the fewest points that will do.
        fits: points for how well a candidate fits the pronoun.
    """
    scored = [(_salience(this, turns[-1]) + fits(this), this.text) for this in among]
    points, text = max(scored, default=(0.0, ""), key=lambda each: each[0])
    return text if points >= enough else None


def as_person(this: Candidate) -> float:
    """Points for he and she."""
    words = this.text.split()
    points = float(len(words) <= 3 and all(word[0].isupper() for word in words))
    points -= 2 * any(word.casefold() in _GROUPS for word in words)
    points -= 3 * this.text.isupper() + (words[0].casefold() in ("the", "a", "an"))
    return points - any(char.isdigit() for char in this.text)


def as_thing(this: Candidate) -> float:
    """Points for it."""
    if not this.name and this.text.endswith("s") and not this.text.endswith("ss"):
        return -1.0
    return -0.5 if _like_a_person(this) else 0.0


def as_many(this: Candidate) -> float:
    """Points for they."""
    words = this.text.casefold().split()
    if words[-1].endswith("s") or any(word in _GROUPS for word in words):
        return 0.5
    return -1.0 if _like_a_person(this) else 0.0


def _like_a_person(this: Candidate) -> bool:
    words = this.text.split()
    return len(words) == 2 and all(word[0].isupper() for word in words)


def _salience(this: Candidate, last: Turn) -> float:
    """Points for what any pronoun may stand for."""
    words = this.text.split()
    times = len({ago for ago, _ in this.asked})
    points = float(this.name) + this.first + min(2, max(0, times - 1)) + this.alone / 2
    points -= len(words) > 4
    points -= len(words) == 2 and words[0].casefold() == "the" and not this.name
    points -= words[-1].casefold().removesuffix("s") in _WEAK
    points -= bool(_OWNER.search(this.text)) / 2
    if not this.asked:
        begins = this.answered is not None and not this.answered.before
        return points + begins / 2 + bool(_ASKED_FOR.match(last.question)) / 2
    ago, phrase = this.asked[0]  # the last time
    points += (this.answered is not None) + (ago == 0) - (ago > 1)
    if phrase.before in AUXILIARIES or phrase.before in ("about", "of", "tell"):
        points += 0.5
    elif phrase.before in PREPOSITIONS:
        points -= 0.5
    return points - (phrase.before in ("what", "which", "many", "much"))


def _meant(text: str) -> list[str]:
    """What a phrase brings up: itself, and who owns it: Khawla's council and Khawla."""
    if _POINTING.match(text):
        return []
    head, _, rest = text.partition(" of ")
    if rest and head.split()[-1].casefold().removesuffix("s") in _WEAK:
        return _meant(rest)
    owner = _OWNER.match(text)
    whole = re.sub(r"['’]s?$", "", text)
    return [whole, owner[1]] if owner else [whole]


def _key(text: str) -> str:
    return re.sub(r"^(?:the|an?) ", "", text.casefold())
