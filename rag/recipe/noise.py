"""What raw web pages and people do to text: applied to a share of the rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from rag.recipe.row import Row, moved

_PLACES = "BEIRUT GENEVA LONDON MOSCOW ANKARA CAIRO AMMAN PARIS WASHINGTON BAGHDAD NAIROBI".split()
_AGENCIES = ("", " (Reuters)", " (AP)", " (AFP)")
_MONTHS = "Jan. Feb. March April May June July Aug. Sept. Oct. Nov. Dec.".split()
_BOILERPLATE = (
    "Skip to main content", "Share this article", "Advertisement", "Read more", "Print Friendly",
    "Leave Your Comment", "Back To Top", "Follow us on Twitter", "Sign up for our newsletter",
    "Home » News » World", "Image copyright AFP Image caption", "Story highlights", "Tweet",
    "By our staff and agencies", "Support our journalism with a donation", "Related Stories",
)  # fmt: skip
# Words that ask for the same; a question's word may become any other of its line.
_SYNONYMS = """
killed slain|died|lost their lives
began started|kicked off
begin start
ended finished|concluded
happened occurred|took place
bought purchased|acquired
heads leads|runs|is in charge of
headed led|ran
leads heads|is at the head of
big large|sizeable
small little
attacked assaulted|struck|hit
captured seized|took
seized captured|took over
destroyed ruined|wrecked
built constructed|erected
created made|set up
founded established|set up
established founded|set up
named called|known as
called named|known as
located situated|found
found discovered|located
show demonstrate|reveal
showed demonstrated|revealed
said stated|remarked
says states|claims
announced declared|made known
declared proclaimed|announced
received got|was given
gave handed|provided
help assist|aid
helped assisted|aided
wrote authored|penned
released published|put out
published released|brought out
moved relocated|went
left departed|quit
arrived came|turned up
return come back|go back
returned came back|went back
reason cause|grounds
purpose aim|goal
type kind|sort
kind type|sort
amount quantity
country nation|state
city town
company firm|business
job occupation|work
movie film
film movie
leader head|chief
boss head|chief
number count
area region|zone
region area|part
group band|organisation
fighters combatants|militants
soldiers troops
army military
war conflict
agreement deal|accord
meeting gathering|summit
people persons
children kids
used utilised|employed
use employ|utilise
required needed|necessary
need require
think believe
believe think
believed thought
prevent stop|keep from
allow permit|let
allowed permitted|let
increased grew|rose
decreased fell|dropped
currently now|at present
previously before|earlier
main chief|principal
important significant
famous well-known
during in the course of|in
about concerning|on
approximately about|around|roughly
"""
_SYNONYM = {
    line.split(" ", 1)[0]: line.split(" ", 1)[1].split("|")
    for line in _SYNONYMS.strip().splitlines()
}
_VOWELS = str.maketrans("aeiou", "eaeuo")


def noisy(row: Row, others: Sequence[str], rng: Random) -> Row:
    """The row as it might have been met on a web page and asked by a hurried person.

    Args:
        row: any row; that its answer stands in its context, or does not, stays true.
        others: contexts of other rows, of which a sentence may come before or after.
        rng: decides what is done.
    """
    if rng.random() < 0.5:
        name = rng.choice(sorted(_ON_CONTEXT))
        row = _ON_CONTEXT[name](row, others, rng)
    if rng.random() < 0.4:
        row = replace(row, question=_asked(row, rng))
    return row


def _asked(row: Row, rng: Random) -> str:
    question = row.question
    what = rng.random()
    if what < 0.25:
        return question.lower()
    if what < 0.45:
        return question.rstrip("? ")
    if what < 0.8 or not row.answerable:
        return _reworded(question, rng)
    return _misspelt(question, rng)


def _reworded(question: str, rng: Random) -> str:
    found = [m for m in re.finditer(r"[a-z]+", question) if m.group() in _SYNONYM]
    if not found:
        return question
    word = rng.choice(found)
    return question[: word.start()] + rng.choice(_SYNONYM[word.group()]) + question[word.end() :]


def _misspelt(question: str, rng: Random) -> str:
    """With one name spelled otherwise, as names from other scripts are."""
    names = [m for m in re.finditer(r"(?<=\w )[A-Z][\w’'-]{3,}", question)]
    if not names:
        return question
    name = rng.choice(names)
    text = name.group()
    at = rng.randrange(1, len(text))
    changed = rng.choice(
        [
            text.replace("-", " ").replace("'", ""),
            text[:at] + text[at].translate(_VOWELS) + text[at + 1 :],
            text[:at] + text[at] + text[at:] if text[at].isalpha() else text,
            re.sub(r"(\w)\1", r"\1", text),
            text.replace("ou", "u").replace("ph", "f").replace("q", "k"),
        ]
    )
    return question[: name.start()] + changed + question[name.end() :]


def _before(row: Row, text: str) -> Row:
    return moved(replace(row, context=text + row.context), len(text))


def _dateline(row: Row, others: Sequence[str], rng: Random) -> Row:
    day = f", {rng.choice(_MONTHS)} {rng.randrange(1, 29)}" if rng.random() < 0.4 else ""
    place, agency, dash = rng.choice(_PLACES), rng.choice(_AGENCIES), rng.choice([" - ", " — "])
    return _before(row, place + day + agency + dash)


def _headline(row: Row, others: Sequence[str], rng: Random) -> Row:
    return _before(row, _some(others, rng, 14).rstrip(".") + rng.choice(["\n", "\n\n", " | "]))


def _teaser(row: Row, others: Sequence[str], rng: Random) -> Row:
    row = _before(row, _some(others, rng, 30) + "\n")
    return replace(row, context=row.context + "\n" + _some(others, rng, 30))


def _framed(row: Row, others: Sequence[str], rng: Random) -> Row:
    row = _before(row, "\n".join(rng.choices(_BOILERPLATE, k=rng.randrange(0, 4))) + "\n")
    return replace(row, context=f"{row.context}\n{rng.choice(_BOILERPLATE)}")


def _curled(row: Row, others: Sequence[str], rng: Random) -> Row:
    """Straight quotation marks and apostrophes made curly, letter for letter."""
    curly = re.sub(r'"(?=\w)', "“", row.context).replace('"', "”").replace("'", "’")
    return replace(row, context=curly)


def _spaced(row: Row, others: Sequence[str], rng: Random) -> Row:
    """Some spaces made breaks of lines or unbreakable, letter for letter."""

    def space(found: re.Match[str]) -> str:
        return rng.choice("\n\u00a0\t") if rng.random() < 0.05 else " "

    return replace(row, context=re.sub(" ", space, row.context))


def _some(others: Sequence[str], rng: Random, most: int) -> str:
    words = rng.choice(others).split()
    start = rng.randrange(max(1, len(words) - most))
    return " ".join(words[start : start + rng.randrange(4, most + 1)])


_ON_CONTEXT: dict[str, Callable[[Row, Sequence[str], Random], Row]] = {
    "dateline": _dateline, "headline": _headline, "teaser": _teaser, "framed": _framed,
    "curled": _curled, "spaced": _spaced,
}  # fmt: skip
