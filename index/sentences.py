r"""Sentences of a text, as spans of it: what a passage is made of and what a citation shows.

>>> text = "U.S.-led forces left on Friday.The city is calm.\nA headline"
>>> [text[start:end] for start, end in sentences(text)]
['U.S.-led forces left on Friday.', 'The city is calm.', 'A headline']

`sentencex` finds the ends; around it stand a few rules for raw text: a line is a paragraph unless
it was plainly wrapped, a sentence glued to the next one is parted, a web address is not. A text is
split in slices at fixed offsets, so that what is a sentence depends only on the text nearby, and
`sentence_at` of a long document costs no more than that of a short one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import sentencex

Bounds = tuple[int, int]

SLICE = 20_000
"""A text is split in slices of about this many characters; no sentence crosses their ends."""
_REACH = 2_000
"""How far before its fixed offset a slice may begin."""
_WIDTH = 130
"""Lines longer than this are paragraphs, not lines of one."""

_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_BREAK = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_AS_SPACES = {ord(c): " " for c in "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_OPENING = re.compile(r'(?:(?<=[\s(\[{—–-])|^)"(?=\S)')
_MARKER = re.compile(r"[-*+•▪◦·–—|#>]|(?:\d{1,3}|[A-Za-z]|[ivx]{2,4})[.)]\s")
_CELLS = re.compile(r"[|\t]")
_WORD = re.compile(r"\S+")

_LONG = 300
"""A sentence longer than this is split again as if it had no quotation marks."""
_UNQUOTED = {ord(c): " " for c in "“”‘«»„"}
_CLOSERS = "\"'”’»)\\]"
# "on Friday.The", "towns”.The", "soon?I", "in 2017.The"; but not "3.50", "U.S.The" or "a.B".
_GLUED_END = re.compile(rf"(?:[^\W\d_A-Z]{{2}}|\d\d|[%{_CLOSERS}])[.!?]+[{_CLOSERS}]*$")
_CLOSED = re.compile(rf"[{_CLOSERS}]+(?=\s)")
_GLUED_START = re.compile(r"[\"'“‘(\[]?(?:[^\W\d_a-z][^\W\d_A-Z]|[IA]\s)")
_ADDRESS = re.compile(r"[@/\\]|^www\.|\w[.]\w+[.]\w", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"(?:^|[\s(])(?:Ms|Amb|Spc|Ft|Figs?|Eqs?|Chs?|Vols?|approx|est|eds?|Ret)\.$"
    r"|^[(\[]?(?:\d{1,3}|[A-Za-z])[.)]$"
)
_LETTER = re.compile(r"[^\W_]")
_TIME = re.compile(r"\b[ap]\.m\.$")
_DAY = re.compile(r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|[A-Z]{2,4}\b")


def sentences(text: str) -> list[Bounds]:
    """Spans of the sentences of `text`: sorted, trimmed, not overlapping, none longer than a slice.

    Every character that is not white space lies in exactly one of them.
    """
    found: list[Bounds] = []
    start = 0
    for number in range(1, len(text) // SLICE + 2):
        end = _cut(text, number)
        for paragraph in _paragraphs(text, start, end):
            found += _split(text, *paragraph)
        start = end
    return found


def sentence_at(text: str, start: int, end: int) -> Bounds:
    """The smallest run of whole sentences of `text` that holds ``[start, end)``.

    White space between sentences belongs to none: a range that lies in it, or hangs out into it,
    keeps its own end there. Looks no further than the slices around the range.
    """
    stop = max(end, start + 1)
    first, last = start, end
    number = start // SLICE
    low = _cut(text, number)
    while low < min(stop, len(text)):
        number += 1
        high = _cut(text, number)
        for paragraph in _paragraphs(text, low, high):
            if paragraph[0] < stop and start < paragraph[1]:
                for one in _split(text, *paragraph):
                    if one[0] < stop and start < one[1]:
                        first, last = min(first, one[0]), max(last, one[1])
        low = high
    return first, last


def _cut(text: str, number: int) -> int:
    """Where slice `number` begins: at the last sentence, else word, before its fixed offset."""
    offset = number * SLICE
    if offset <= 0:
        return 0
    if offset >= len(text):
        return len(text)
    low = offset - _REACH
    starts = [one[0] for part in _paragraphs(text, low, offset) for one in _split(text, *part)]
    if len(starts) > 1:
        return starts[-1]
    words = [word.start() for word in _WORD.finditer(text, low, offset)]
    return words[-1] if len(words) > 1 else offset


def _paragraphs(text: str, low: int, high: int) -> Iterator[Bounds]:
    """Runs of lines of ``text[low:high]`` that belong together, trimmed, none of them blank."""
    lines: list[Bounds] = []
    for line in _LINE.finditer(text, low, high):
        trimmed = _trim(text, line.start(), line.end())
        if trimmed[0] < trimmed[1]:
            lines.append(trimmed)
    if not lines:
        return
    start = lines[0][0]
    for i, (line_start, line_end) in enumerate(lines[:-1]):
        below_start, below_end = lines[i + 1]
        near = [text[a:b] for a, b in lines[max(0, i - 2) : i + 4]]
        blank = len(_BREAK.findall(text, line_end, below_start)) > 1
        if blank or not _wrapped(text[line_start:line_end], text[below_start:below_end], near):
            yield start, line_end
            start = below_start
    yield start, lines[-1][1]


def _wrapped(line: str, below: str, near: list[str]) -> bool:
    """Whether the break between two lines only wraps a paragraph.

    Either the next line goes on in lower case, or its first word had no room on this one and a
    line close by goes on in lower case.
    """
    if len(line) < 30 or _MARKER.match(below) or _CELLS.search(line + below):
        return False
    if below[0].islower() and line[-1] not in ".!?…:;":
        return True
    width = max(map(len, near))
    filled = len(line) + 1 + len(below.split(maxsplit=1)[0]) > 0.9 * width
    return width <= _WIDTH and filled and any(other[0].islower() for other in near)


def _split(text: str, start: int, end: int) -> list[Bounds]:
    """Sentences of the paragraph ``text[start:end]``, which is trimmed and not blank."""
    plain = text[start:end].translate(_AS_SPACES)
    plain = _SURROGATE.sub("\ufffd", plain)  # sentencex takes only what UTF-8 can hold
    # Straight quotes all look alike, and sentencex would pair a closing one with the next opening.
    plain = _OPENING.sub("“", plain).replace('"', "”")
    found: list[Bounds] = []
    for one in _boundaries(text, start, plain):
        if one[1] - one[0] > _LONG:  # sentencex keeps a quoted speech whole
            inner = plain[one[0] - start : one[1] - start].translate(_UNQUOTED)
            found += _boundaries(text, one[0], inner)
        else:
            found.append(one)
    return found


def _boundaries(text: str, start: int, plain: str) -> list[Bounds]:
    """What sentencex makes of `plain`, the form of ``text[start:]`` it is shown, mended."""
    found: list[Bounds] = []
    for boundary in sentencex.get_sentence_boundaries("en", plain):
        piece = _trim(text, start + boundary["start_index"], start + boundary["end_index"])
        if found and (closers := _CLOSED.match(text, found[-1][1], piece[1])):
            found[-1] = (found[-1][0], closers.end())
            piece = _trim(text, closers.end(), piece[1])
        if piece[0] >= piece[1]:
            continue
        if found and not _ends(text, found[-1], piece):
            found[-1] = (found[-1][0], piece[1])
        else:
            found.append(piece)
    return found


def _ends(text: str, one: Bounds, after: Bounds) -> bool:
    """Whether the sentence `one` ends where sentencex ended it, `after` being the next piece."""
    said, following = text[slice(*one)][-_REACH:], text[slice(*after)][:_REACH]
    if not (_LETTER.search(said) and _LETTER.search(following)) or _UNFINISHED.search(said):
        return False
    if _TIME.search(said) and _DAY.match(following):
        return False
    if one[1] < after[0] or said[-1] in "。！？।":
        return True
    token = said.rsplit(maxsplit=1)[-1] + following.split(maxsplit=1)[0]
    return bool(
        _GLUED_END.search(said) and _GLUED_START.match(following) and not _ADDRESS.search(token)
    )


def _trim(text: str, start: int, end: int) -> Bounds:
    """``text[start:end]`` without the white space around it."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
