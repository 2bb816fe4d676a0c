"""The syntax of the question box. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from index.errors import QuestionError
from index.terms import in_a_row
from index.types import Filter

_MARKS = '"“”„«»'
_QUOTED = f"[{_MARKS}]([^{_MARKS}]*)[{_MARKS}]"
_TAIL = "?!,;.:)"
"""What may follow a filter and belongs to the sentence around it."""
_PIECE = re.compile(
    rf"(?<![\w-])(-?)(?:(file|type|after|before):(?:{_QUOTED}|(\S*))"
    rf"|{_QUOTED}(?!\w)|(?<=-)(?<!\S-)([^\W\d_][^\s{_MARKS}]*))",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"(?<!\S)-\w(?:[^-]|(?<=\w)-(?=\w))*\w-(?!\w)")
"""Between two dashes: the council -which he heads- met."""
_WHOLE_QUESTION = re.compile(
    rf"\s*[{_MARKS}]((?:(?:who|whom|whose|what|which|when|where|why|how)\b[^{_MARKS}]*"
    rf"|[^{_MARKS}]*\?))[{_MARKS}]\s*",
    re.IGNORECASE,
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_KINDS = ("file", "type", "after", "before", "phrase", "without")


def parse(text: str) -> tuple[str, Filter]:
    """The question and the filter that are written in the question box.

    - ``file:GLOB``, ``type:pdf`` (``type:pdf,docx``): any of those given. A value with blanks, or
      one that ends in a question mark, is quoted: ``file:"my notes*"``.
    - ``after:2018-01-01``, ``before:2018-12-31``: the document's day, inclusive.
    - ``"exact words"``, in quotation marks of any shape: the passage must hold them in a row. They
      stay in the question. A whole question in quotation marks is but a question.
    - ``-word``, ``-"exact words"``: the passage must not hold them. A hyphen inside a word or by
      itself, a clause between dashes, and a negative number are text.

    >>> parse('who heads the "military council" -Raqqa')[0]
    'who heads the military council'

    Raises:
        QuestionError: a filter has no sense, or nothing is asked beside the filters.
    """
    if whole := _WHOLE_QUESTION.fullmatch(text):
        return whole[1].strip(), Filter()
    found: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    clauses = [clause.span() for clause in _CLAUSE.finditer(text)]
    kept, at = "", 0
    for piece in _PIECE.finditer(text):
        if any(start <= piece.start() < end for start, end in clauses):
            continue
        kept += text[at : piece.start()] + _take(piece, found)
        at = piece.end()
    if not any(found.values()):
        return text, Filter()
    question = re.sub(r"\s+(?=[?!,;.]|$)", "", " ".join((kept + text[at:]).split()))
    if in_a_row(question) is None:
        raise QuestionError("There is no question beside the filter", mend="Write one too.")
    where = Filter(
        paths=tuple(found["file"]),
        types=tuple(found["type"]),
        after=_day("after", found["after"]),
        before=_day("before", found["before"]),
        phrases=tuple(found["phrase"]),
        without=tuple(found["without"]),
    )
    return question, _possible(where)


def standing(fields: Mapping[str, str]) -> Filter:
    """The filter that is set for every question, beside the box.

    >>> standing({"path": "notes", "type": "pdf"}).paths
    ('*notes*',)

    Args:
        fields: any of ``after`` and ``before`` (days), ``path`` (a glob, or a part of paths) and
            ``type``, as a user wrote them.

    Raises:
        QuestionError: a field has no sense.
    """
    given = {key: value.strip() for key, value in fields.items() if value.strip()}
    path = given.get("path", "")
    glob = path if not path or set(path) & set("*?[") else f"*{path}*"
    return Filter(
        paths=(glob,) if glob else (),
        types=tuple(_endings(given["type"])) if "type" in given else (),
        after=_day("after", [given["after"]]) if "after" in given else None,
        before=_day("before", [given["before"]]) if "before" in given else None,
    )


def both(said: Filter, standing: Filter) -> Filter:
    """The filter of a question and the standing one together.

    What the question says itself counts in place of what is set, kind by kind.

    Raises:
        QuestionError: together they leave no day.
    """
    return _possible(
        replace(
            said,
            paths=said.paths or standing.paths,
            types=said.types or standing.types,
            after=said.after or standing.after,
            before=said.before or standing.before,
        )
    )


def _possible(where: Filter) -> Filter:
    if where.after and where.before and where.after > where.before:
        raise QuestionError(
            f"No day is both after:{where.after} and before:{where.before}",
            mend="Exchange the two days.",
        )
    return where


def _take(piece: re.Match[str], found: dict[str, list[str]]) -> str:
    """Add one piece to what was found; what of it stays in the question."""
    minus, key, held, value, phrase, word = piece.groups()
    bare = value or word or ""
    tail = bare[len(bare.rstrip(_TAIL)) :]
    if key:
        given = (held if value is None else value.rstrip(_TAIL)).strip()
        _check(key.lower(), given, minus)
        found[key.lower()] += _endings(given) if key.lower() == "type" else [given]
        return tail
    said = phrase if word is None else word.rstrip(_TAIL)
    if in_a_row(said) is None:  # quotation marks around nothing
        return piece[0]
    found["without" if minus else "phrase"].append(" ".join(said.split()))
    return tail if minus else said


def _check(key: str, given: str, minus: str) -> None:
    if minus:
        raise QuestionError(
            f"-{key}: cannot be left out", mend=f"Name what is wanted, as in {_EXAMPLES[key]}."
        )
    if not given:
        raise QuestionError(
            f"{key}: names nothing", mend=f"Write it without a blank: {_EXAMPLES[key]}."
        )


_EXAMPLES = {
    "file": "file:*.txt",
    "type": "type:pdf",
    "after": "after:2018-01-31",
    "before": "before:2018-12-31",
}


def _endings(given: str) -> list[str]:
    endings = [ending.strip().lstrip(".").lower() for ending in given.split(",")]
    if not all(ending.isalnum() for ending in endings):
        raise QuestionError("Not the ending of a file", where=given, mend="Write type:pdf.")
    return endings


def _day(key: str, given: list[str]) -> date | None:
    if not given:
        return None
    if len(given) > 1:
        raise QuestionError(f"{key}: stands there twice", mend="Leave one of them out.")
    try:
        if _DAY.fullmatch(given[0]):
            return date.fromisoformat(given[0])
    except ValueError:
        pass
    raise QuestionError(
        "Not a day",
        where=given[0],
        mend=f"Write year, month and day: {_EXAMPLES[key]}.",
    )
