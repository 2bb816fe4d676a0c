"""Words selected on the page → where they stand in the document."""

from __future__ import annotations

import re
from itertools import islice

BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ufeff]")
"""What a page may show otherwise than it stands in the text; the same set is in feedback.js."""


def locate(text: str, start: int, skipped: int, selected: str) -> tuple[int, int] | None:
    r"""(start, end) of the selected words in the text; None if they do not stand there.

    A browser changes blanks alone, so that a place is told by counting the other characters.

    >>> locate("One  two\r\nthree.", 0, 3, "two three")
    (5, 15)

    Args:
        text: of the document.
        start: where the part that was shown begins in it.
        skipped: characters that are no blanks between there and the selection.
        selected: the words as the browser gives them.
    """
    wanted = BLANK.sub("", selected)
    inked = (place for place in range(start, len(text)) if not BLANK.match(text[place]))
    places = list(islice(inked, skipped, skipped + len(wanted)))
    if not places or "".join(text[place] for place in places) != wanted:
        return None
    return places[0], places[-1] + 1
