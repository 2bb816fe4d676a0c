"""What a parser gives back: a text with its title, pages and headings, or why there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

MAX_TITLE = 300

# Titles that a program made up, not an author.
_NO_TITLE = re.compile(
    r"untitled|no title|title|(?:word |new )?document ?\d*|microsoft word - .*"
    r"|[^\s.]+\.\w{2,5}|\W*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser gives back.

    `headings` are (start, end), sorted; `date` is ISO 8601; `lost` says which parts of the file
    could not be read, if any.
    """

    text: str
    title: str | None = None
    date: str | None = None
    page_starts: tuple[int, ...] = ()
    headings: tuple[tuple[int, int], ...] = ()
    lost: str = ""

    @classmethod
    def from_json(cls, reply: dict[str, Any]) -> Parsed:
        """ValueError, KeyError or TypeError if `reply` is not what `main` writes."""
        text, title, date = str(reply["text"]), reply["title"], reply["date"]
        starts = tuple(int(start) for start in reply["page_starts"])
        headings = tuple((int(start), int(end)) for start, end in reply["headings"])
        inside = all(0 <= start < end <= len(text) for start, end in headings)
        if not inside or any(not 0 <= start <= len(text) for start in starts):
            raise ValueError("offsets outside the text")
        title, date = title and str(title), date and str(date)
        return cls(text, title, date, starts, headings, str(reply["lost"]))


class UnreadableError(Exception):
    """A file has no text to give; the reason and the mend are for its owner."""

    def __init__(self, reason: str, mend: str = "") -> None:
        super().__init__(reason)
        self.reason, self.mend = reason, mend


def check_length(text: str, most: int) -> None:
    """UnreadableError for a text of more than `most` characters."""
    if len(text) > most:
        reason = f"{len(text):,} characters, more than the limit of {most:,}"
        raise UnreadableError(reason, f"Raise the limit: --max-chars {len(text)}")


def real_title(value: str | None) -> str | None:
    """A title from a file's properties on one line; None if it is a file name or made up."""
    title = " ".join((value or "").replace("\0", " ").split())
    return None if _NO_TITLE.fullmatch(title) else title[:MAX_TITLE]
