r"""Title and publication date, where a text itself gives them near its top, and else None.

>>> publication_date("Video: An Operations Room?\n\nGlobal Research, August 05, 2017\n")
'2017-08-05'
>>> publication_date("The town fell on 5 August 2017, they said.\n") is None
True
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from index.types import BOILERPLATE, HEADING, Mark

TOP_LINES = 12
MAX_TITLE = 150
MAX_BYLINE = 120
MAX_BYLINE_WORDS = 8
HEAD = 20_000  # no more of a text than this is looked at

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DATE = re.compile(
    rf"""(?<![\w/.-])(?:
    (?P<y1>\d{{4}})(?P<sep1>[-/.])(?P<m1>\d\d?)(?P=sep1)(?P<d1>\d\d?)
    | (?P<d2>\d\d?)(?:st|nd|rd|th)?[ ](?:of[ ])?(?P<m2>{_MONTH}),?[ ](?P<y2>\d{{4}})
    | (?P<m3>{_MONTH})[ ](?P<d3>\d\d?)(?:st|nd|rd|th)?,?[ ](?P<y3>\d{{4}})
    | (?P<a>\d\d?)(?P<sep4>[-/.])(?P<b>\d\d?)(?P=sep4)(?P<y4>\d{{4}})
    )(?!\d|[-/]\d)""",
    re.VERBOSE | re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = re.compile(
    r"\bT?\d{1,2}[:.]\d\d(?::\d\d(?:\.\d+)?)?(?:\s*[ap]\.?m\b\.?)?(?:\s*[+-]\d\d:?\d\d\b)?(?:Z\b)?",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_][\w'’.&-]*")
# Words that a byline has in small letters; any other says that the line is a sentence.
_SMALL = frozenset(
    "by on at and the of for in from to de du la le von van der al el bin am pm a.m p.m "
    "published posted written updated modified last first date dated released issued".split()
)
_ISSUED = frozenset("published posted written updated modified dated released issued".split())
# Before a date these make it the date of something else ...
_PREPOSITIONS = frozenset("on of in since until till before after from to between by".split())
# ... and so do these anywhere in the line.
_OTHER_DATES = frozenset(
    "born died deadline due expires expired expiry valid effective event accessed retrieved "
    "since until starts ends copyright dear".split()
)
_UPDATED = re.compile(r"\W*(?:last\s+)?(?:updated|modified|revised|edited)\b", re.IGNORECASE)
_BULLET = re.compile(r"\s*(?:[•·‣◦▪■►▶»›*+-]|\d{1,3}[.)])\s")
_BY = re.compile(r"\s*by\s+[^\W\d_]", re.IGNORECASE)
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“"}
_FENCE = re.compile(r"---[ \t]*\r?\n")
_FIELD = re.compile(r"([A-Za-z_-]+)\s*:\s*(\S.*)")


def publication_date(text: str, marks: Sequence[Mark] = (), at: int = 0) -> str | None:
    """The date in a byline or in a line of its own among the first lines from `at`, ISO 8601.

    A date inside a sentence is not taken, nor one whose day and month could be swapped. A line
    that says "updated" is only taken where no other has a date.
    """
    updated = None
    for _, line in _top(text, marks, at):
        found = _byline_date(line)
        if found and not _UPDATED.match(line):
            return found
        updated = updated or found
    return updated


def title(text: str, marks: Sequence[Mark] = (), at: int = 0) -> str | None:
    """The first heading, or the first line from `at` that is a title by its looks.

    Which is: short, no sentence, and apart from what follows it or shorter than that.
    """
    for mark in marks:
        if mark.kind == HEADING:
            return unquoted(text[mark.start : mark.end])[:MAX_TITLE]
    for start, line in _top(text, marks, at):
        if _BULLET.match(line) or _BY.match(line) or _byline_date(line) or not _WORD.search(line):
            continue
        following = text[start + len(line) : start + len(line) + 4 * MAX_TITLE].splitlines()[1:]
        if len(line.strip()) > MAX_TITLE or not _stands_apart(line, following):
            return None
        return unquoted(line)
    return None


def front_matter(text: str) -> tuple[dict[str, str], int]:
    """The ``key: value`` lines between two ``---`` at a Markdown's top, and where they end.

    Keys are in small letters. ({}, 0) if there are none.
    """
    opening = _FENCE.match(text)
    if not opening:
        return {}, 0
    fields: dict[str, str] = {}
    at = opening.end()
    for line in text[at : at + HEAD].splitlines(keepends=True):
        at += len(line)
        if line.rstrip() in ("---", "..."):
            return fields, at
        if field := _FIELD.fullmatch(line.rstrip()):
            fields.setdefault(field[1].lower(), unquoted(field[2]))
    return {}, 0


def full_date(value: str) -> str | None:
    """The one date that `value` holds, as ISO 8601; None if it holds none, two, or half a one.

    >>> full_date("Sat, 5 Aug 2017 09:30 GMT"), full_date("03/04/2017"), full_date("2017-08")
    ('2017-08-05', None, None)
    """
    found = {_iso(match) for match in _DATE.finditer(value[:HEAD])}
    return found.pop() if len(found) == 1 else None


def unquoted(value: str) -> str:
    """`value` on one line, without the quotation marks around all of it."""
    value = " ".join(value.split())
    if len(value) > 2 and _QUOTES.get(value[0]) == value[-1]:
        inside = value[1:-1]
        if value[0] not in inside and value[-1] not in inside:
            return inside.strip()
    return value


def _top(text: str, marks: Sequence[Mark], at: int) -> Iterator[tuple[int, str]]:
    """(offset, line) of the first lines from `at` that are neither blank nor boilerplate."""
    start, count = at, 0
    boilerplate = [mark for mark in marks if mark.kind == BOILERPLATE and mark.start < at + HEAD]
    for whole in text[at : at + HEAD].splitlines(keepends=True):
        line = whole.rstrip()
        end = start + len(line)
        if line and not any(mark.start < end and mark.end > start for mark in boilerplate):
            yield start, line
            count += 1
        if count == TOP_LINES:
            return
        start += len(whole)


def _stands_apart(line: str, following: list[str]) -> bool:
    line = line.strip()
    if line.endswith((".", ",", ";", ":")) and not re.search(r"\b[A-Z]\.$|\.\.\.$", line):
        return False
    text_after = next((after for after in following if after.strip()), "")
    apart = not following or not following[0].strip()
    return bool(text_after) and (apart or len(text_after) > len(line))


def _byline_date(line: str) -> str | None:
    """The date of a line that is nothing but names, words such as "published", and that date."""
    if len(line) > MAX_BYLINE or not (match := _DATE.search(line)):
        return None
    rest = _CLOCK.sub(" ", line[: match.start()] + " , " + line[match.end() :])
    words = [word.rstrip(".") for word in _WORD.findall(rest)]
    if len(words) > MAX_BYLINE_WORDS or rest.rstrip(" ,.").endswith(("?", "!")):
        return None
    for word in words:
        small = word.casefold()
        if small in _OTHER_DATES or (word[0].islower() and small not in _SMALL):
            return None
    before = [word.casefold() for word in _WORD.findall(line[: match.start()])]
    if before and before[-1] in _PREPOSITIONS and not _ISSUED.intersection(before):
        return None
    return full_date(line)


def _iso(match: re.Match[str]) -> str | None:
    """A match of `_DATE` as ISO 8601; None if there is no such day, or two readings."""
    group = match.groupdict()
    if group["y1"]:
        year, month, day = group["y1"], int(group["m1"]), int(group["d1"])
    elif group["a"]:
        year, day, month = group["y4"], int(group["a"]), int(group["b"])
        if day <= 12 and month <= 12 and day != month:
            return None
        if month > 12:
            day, month = month, day
    else:
        year, day = group["y2"] or group["y3"], int(group["d2"] or group["d3"])
        month = 1 + _MONTHS.index((group["m2"] or group["m3"])[:3].lower())
    try:
        return date(int(year), month, day).isoformat()
    except ValueError:
        return None
