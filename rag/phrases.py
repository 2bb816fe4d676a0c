"""Noun phrases of a question or an answer, found by word lists and capitals. Pure, English."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?:[^\W\d_]\.){2,}(?:-[^\W_]+)*|"  # U.S., U.S.-led
    r"[^\W_]+(?:['’.,&/-][^\W_]+)*(?:['’](?=\s))?|[^\w\s]"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DETERMINERS = _words(
    "a an the this that these those some any all each every another no its his her their our my "
    "your"
)
PREPOSITIONS = _words(
    "of in on at to from by with for about against between into through during before after above "
    "below over under near around across within without since until till toward towards upon among "
    "via per behind beside beyond inside outside besides like as than regarding concerning off "
    "up down out"
)
PRONOUNS = _words(
    "i me my mine we us our ours you your yours he him his she her hers it its they them their "
    "theirs himself herself itself themselves there one ones this that these those someone anyone "
    "everyone something anything everything nothing nobody somebody anybody"
)
ASKING = _words("who whom whose what which when where why how")
AUXILIARIES = _words(
    "am is are was were be been being have has had having do does did doing done would should "
    "could can will shall may might must isn't aren't wasn't weren't don't doesn't didn't can't "
    "couldn't won't wouldn't hasn't haven't hadn't"
)
FILLERS = _words(
    "and or but if so because while not just also even still ever never now then too very really "
    "else other others more most much many few less least such exactly please long far often well "
    "thanks thank ok okay hi hello hey yes great interesting possible better together "
    "today yesterday tomorrow soon already actually usually currently originally"
)
MODIFIERS = _words("only same own old big large first last next new main major")
VERBS = _words(
    """
    accept according achieve act add affect agree aim allow announce appear apply approach
    argue arrest arrive ask attend avoid beat became become becomes began begin begins begun
    believe belong bought bring brings broke brought build builds built buy call called came
    captured carry caught cause caused causes choose chose chosen claim claimed claims collect
    come comes coming compare compared complete conduct consider considered considers consist
    contain contains continue continued contribute controls cost costs create created deal
    decide decided defeat define deliver delivered deny depend derive describe design detect
    develop developed die died dies differ discover discovered draw drawn drew drive drove
    earn eat eats emerge enable end ended enjoy enter entered establish established evolve
    exist existed expand explain face fail failed fall feel fell felt fight fights find finds
    finish fled flee focus follow followed form formed fought found founded gain gave get gets
    getting give given gives go goes going gone got grew grow grown happen happened happening
    happens hear heard held help helped helps hit hold holds hurt identify impact improve
    include included includes including increase influence influenced inform injured inspired
    intend interact invent invented involve involved join joined keep keeps kept kill killed
    knew know known knows lack lasted launch launched lead leads learn leave leaves led left
    lie lies live lived lives look looked looks lose loses lost love made maintain make makes
    making manage managed mean means meant meet mention mentioned merge met move moved need
    needed needs occur occurred offer opened operate originate originated own owned paid
    participate pay pays perform performed play played playing plays prefer prepare prevent
    produce produced promote protect prove provide publish published pull put raise raised ran
    reach reached react read receive received recognized recommend record recorded reduce
    refer reflect reject relate related release released remain remained replace report
    reported represent require required respond retire retired return returned reveal rise
    rises rose run runs said sang saw say says see seek seem seems seen sell send sent serve
    served set shot show sign signed sing sold spend spent split spoke spread stand star
    starred stars start started starts stay stayed stem stop stopped struggle succeed suggest
    support supported surrender survive survived sustain swim take taken takes taking talk
    taught teach tell think thought threaten told took tour toured train trained travel treat
    treated trigger try turn turned understand use used using visit visited vote voted want
    wanted wants went win wins won work worked works write writes writing written wrote
    """
)
"""Verbs that end a subject or follow it. Where a determiner stands before it, it is a noun."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """``text[start:end]`` of a question or an answer."""

    text: str
    start: int
    end: int
    before: str
    """The word in front of it, lower case; "" at the beginning."""
    name: bool
    """It has a word with a capital that is not the sentence's first."""


_NEVER = DETERMINERS | PREPOSITIONS | PRONOUNS | ASKING | AUXILIARIES | FILLERS
_DOING = _words("do does did can could will would should may might must")
_SMALL = _words("of the de del van von bin ibn al el la and")
"""Small words that stand inside a name, between two capitals."""


def phrases(text: str) -> list[Phrase]:
    """Its noun phrases, in order: a determiner, what it governs, and ``of`` with another.

    >>> [phrase.text for phrase in phrases("Who heads the military council of Deir al-Zor?")]
    ['the military council of Deir al-Zor']
    """
    found = list(_TOKEN.finditer(text))
    runs: list[tuple[int, int]] = []
    at = 0
    while at < len(found):
        end, past = _run(found, at)
        if end > at:
            runs.append((at, end))
        at = max(past, at + 1)
    return [_phrase(text, found, start, end) for start, end in _joined(found, runs)]


def _run(found: list[re.Match[str]], start: int) -> tuple[int, int]:
    """Index after the phrase that begins at a token (`start` where none begins), and past it."""
    first = start + (found[start][0].lower() in DETERMINERS)
    at = first
    while at < len(found) and (at == first or _beside(found, at)):
        if _content(found, at, first):
            at += 1
        elif at > first and (over := _inside_name(found, at)):
            at = over
        else:
            break
        if found[at - 1][0][-1] in "'’":
            break
    return (_without_verb(found, start, first, at), at) if at > first else (start, start)


def _beside(found: list[re.Match[str]], at: int) -> bool:
    """Nothing, or one blank, stands between a token and the one before it."""
    return found[at].string[found[at - 1].end() : found[at].start()] in ("", " ")


def _content(found: list[re.Match[str]], at: int, first: int) -> bool:
    word = found[at][0]
    lower = word.lower()
    if not word[0].isalnum() or lower == "i" or lower[:2] in ("i'", "i’"):
        return False
    if _capital(found, at):
        return lower not in ASKING
    before = found[at - 1][0].lower() if at else ""
    if lower in _NEVER or (at == first and before in ("who", "that")):  # its verb
        return False
    governed = before in DETERMINERS | PREPOSITIONS or before[-2:] in ("'s", "’s", "s'", "s’")
    return lower not in VERBS or governed


def _capital(found: list[re.Match[str]], at: int) -> bool:
    """A capital that says something: inside a sentence, or before another, or in a mere title."""
    word = found[at][0]
    if word == word.lower():
        return False
    if at and found[at - 1][0] not in ".?!:":
        return True
    if word.lower() in _NEVER | VERBS | MODIFIERS:
        return False
    after = found[at + 1][0] if at + 1 < len(found) else ""
    title = len(found) < 8 and found[-1][0] not in ".?!"
    return title or after != after.lower() or any(char.isupper() for char in word[1:])


def _inside_name(found: list[re.Match[str]], at: int) -> int:
    """Index of the capital that goes on after small words: Mothers *of* Invention; 0 if none."""
    if not _capital(found, at - 1):
        return 0
    for over in (at + 1, at + 2):
        small = all(each[0].lower() in _SMALL for each in found[at:over])
        if over < len(found) and small and _capital(found, over):
            return over
    return 0


def _without_verb(found: list[re.Match[str]], start: int, first: int, end: int) -> int:
    """The end without a verb grown onto the subject: did the band | tour, was Venom | released."""
    last = found[end - 1][0]
    if last == last.lower() and last.endswith("ed") and len(last) > 4:
        end -= 1
    while end > first and found[end - 1][0].lower() in MODIFIERS:
        end -= 1
    if end == first:
        return start
    last = found[end - 1][0]
    helper = found[start - 1][0].lower() if start else ""
    if end - first < 2 or last != last.lower() or helper not in AUXILIARIES:
        return end
    after = found[end][0].lower() if end < len(found) else "?"
    if helper in _DOING:
        stops = after in _NEVER - {"and", "or"} or not after[0].isalnum()
        return end - 1 if stops else end
    yes_or_no = start == first == 1 and any(_capital(found, at) for at in range(first, end - 1))
    return end - 1 if yes_or_no or last.endswith(("ing", "known", "born")) else end


def _joined(found: list[re.Match[str]], runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in runs:
        if joined and joined[-1][1] == start - 1 and found[start - 1][0] == "of":
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined


def _phrase(text: str, found: list[re.Match[str]], start: int, end: int) -> Phrase:
    return Phrase(
        text[found[start].start() : found[end - 1].end()],
        found[start].start(),
        found[end - 1].end(),
        found[start - 1][0].lower() if start else "",
        any(_capital(found, at) for at in range(start, end)),
    )
