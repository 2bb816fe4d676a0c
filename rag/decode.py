"""Logits to spans: windows over a passage, the best spans of them, and their exact edges. Pure.

>>> text = "The council has 4,000 fighters, he said of the “U.S.-led” force."
>>> start, end = neat(text, text.index("000"), text.index(" he"))
>>> text[start:end]
'4,000 fighters'
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.sentences import sentences

Scores = NDArray[np.float64]
Range = tuple[int, int]

_ARTICLES = ("a", "an", "the", "The")
_AROUND = 120
"""How far beyond a span an address or an abbreviation may reach, in characters."""

_WHOLE = re.compile(
    r"(?:(?<![^\W_])[^\W\d_]\.){2,}"  # U.S., p.m.
    r"|[^\s@]{1,64}@[^\s@]{1,64}\.\w+|(?:https?://|www\.)\S*[\w/]"
)
_ABBREVIATION = re.compile(r"(?:(?<![^\W_])[^\W\d_]\.){2,}$")
# Written without spaces, where every run of letters is many words: Thai to Myanmar, Khmer, kana
# and ideographs.
_UNSPACED = re.compile("[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_PAIRS = {"(": ")", "[": "]", "{": "}", "“": "”", "‘": "’", "«": "»", "„": "“", '"': '"'}
_JOINERS = "\u00ad\u200c\u200d"
_KEPT = "%‰&@#§"
_STRAY = "<>|~^`´="


def windows(count: int, room: int, stride: int) -> Iterator[Range]:
    """``[first, last)`` of each window over `count` tokens: `room` of them, `stride` shared.

    Every token is in a window, however little room there is.
    """
    room = max(1, room)
    step = max(1, room - min(stride, room // 2))
    first = 0
    while first + room < count:
        yield first, first + room
        first += step
    yield first, count


def joint(start: NDArray[np.float32], end: NDArray[np.float32], longest: int) -> Scores:
    """(tokens, longest): ``[i, j]`` is the start logit of token i + the end logit of i + j."""
    ahead: Scores = _ahead(end.astype(np.float64), longest, -np.inf)
    return start.astype(np.float64)[:, None] + ahead


def best_spans(
    text: str, offsets: Sequence[Range], scores: Scores, top: int
) -> list[tuple[int, int, float]]:
    """The best spans of a passage that do not overlap: (start, end, score), best first.

    Each lies in one sentence, starts and ends with whole words and says more than an article.

    Args:
        text: the passage.
        offsets: where each of its tokens stands in it.
        scores: (tokens, longest answer), see `joint`; the best of all windows.
        top: how many spans at most.
    """
    width = scores.shape[1]
    bounds = sentences(text)
    within = _sentence_of(bounds, offsets)
    starts = np.array([start for start, _ in offsets], dtype=np.int64)[:, None]
    ends = _ahead(np.array([end for _, end in offsets], dtype=np.int64), width, 0)
    left = np.where(_allowed(text, offsets, within, width), scores, -np.inf)
    found: list[tuple[int, int, float]] = []
    while len(found) < top:
        row, column = divmod(int(np.argmax(left)), width)
        score = float(left[row, column])
        if score == -np.inf:
            break
        low, high = bounds[within[row]]
        start, end = neat(text[low:high], offsets[row][0] - low, int(ends[row, column]) - low)
        start, end = low + start, low + end
        left[row, column] = -np.inf
        taken = any(start < other and one < end for one, other, _ in found)
        if taken or text[start:end] in _ARTICLES:  # "'s army" grows to "Syria's army"
            continue
        found.append((start, end, score))
        left[(starts < end) & (ends > start)] = -np.inf
    return found


def _sentence_of(bounds: Sequence[Range], offsets: Sequence[Range]) -> list[int]:
    """Number of the sentence each token lies in; -1 for a token that is no text of one."""
    firsts = [first for first, _ in bounds]
    numbers = [bisect_right(firsts, start) - 1 for start, _ in offsets]
    return [
        number if number >= 0 and start < end <= bounds[number][1] else -1
        for number, (start, end) in zip(numbers, offsets, strict=True)
    ]


def _allowed(
    text: str, offsets: Sequence[Range], within: Sequence[int], width: int
) -> NDArray[np.bool_]:
    """(tokens, width): whether the tokens i to i + j are in one sentence and say something."""
    speaks = [any(c.isalnum() for c in text[start:end]) for start, end in offsets]
    words = np.array(speaks, dtype=np.int64)
    said = np.cumsum(words)
    place = np.array(within, dtype=np.int64)[:, None]
    allowed: NDArray[np.bool_] = (place >= 0) & (_ahead(place[:, 0], width, -2) == place)
    return allowed & (_ahead(said, width, 0) > (said - words)[:, None])


def _ahead(values: NDArray[Any], longest: int, beyond: float) -> NDArray[Any]:
    """(len(values), longest): row i is ``values[i : i + longest]``, `beyond` after the last."""
    padded = np.concatenate([values, np.full(longest - 1, beyond, dtype=values.dtype)])
    return np.lib.stride_tricks.sliding_window_view(padded, longest)


def neat(text: str, start: int, end: int) -> tuple[int, int]:
    """``[start, end)`` of `text`, grown to whole words and then trimmed of what is no part of it.

    Half a word, number, abbreviation or address is completed ("000" to "4,000", "K333" to
    "9K333", "U.S" to "U.S.", "98" to "98%"); a possessive 's and the parts of a hyphenated word
    may stay outside. White space and punctuation go, except a closing bracket or quotation mark
    whose partner is inside. The result holds a letter or digit if the span did; else it is empty.
    """
    for whole in _WHOLE.finditer(text, max(0, start - _AROUND), min(len(text), end + _AROUND)):
        start = whole.start() if whole.start() < start < whole.end() else start
        end = whole.end() if whole.start() < end < whole.end() else end
    while 0 < start < len(text) and (_joined(text, start) or _is_possessive(text, start)):
        start -= 1
    while 0 < end < len(text) and _joined(text, end):
        end += 1
    return _trimmed(text, start, end)


def _joined(text: str, i: int) -> bool:
    """Whether ``text[i - 1]`` and ``text[i]`` belong to one word or number."""
    before, after = text[i - 1], text[i]
    if _is_mark(after):
        return True
    if _is_word(before) and _is_word(after):
        return not (_UNSPACED.match(before) or _UNSPACED.match(after))
    behind, beyond = text[max(0, i - 2) : i - 1], text[i + 1 : i + 2]
    if before.isdigit() and after in ".,:":
        return beyond.isdigit()
    if after.isdigit() and before in ".,:":
        return behind.isdigit()
    if before.isalpha() and after in "'’":
        return beyond.isalpha() and not _is_possessive(text, i)
    if after.isalpha() and before in "'’":
        return behind.isalpha()
    if before in "-−+" and after.isdigit():
        return not behind or behind.isspace() or behind in "(["
    if before in "#@" and after.isalnum():
        return not behind or not _is_word(behind)
    if unicodedata.category(before) == "Sc" and after.isdigit():
        return True
    return before.isdigit() and after in "%‰°"


def _is_possessive(text: str, i: int) -> bool:
    """Whether an 's that ends a word begins at `i`."""
    suffix = text[i : i + 2].lower() in ("'s", "’s")
    return suffix and text[i - 1].isalpha() and not _is_word(text[i + 2 : i + 3] or " ")


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    partner = _partners(text, start, end)
    while start < end:
        if start not in partner and _is_stray(text[start]) and not _is_sign(text, start):
            start += 1
        elif end - 1 not in partner and _is_stray(text[end - 1]) and not _abbreviated(text, end):
            end -= 1
        elif partner.get(start) == end - 1:
            start, end = start + 1, end - 1
        else:
            break
    return (start, end) if any(c.isalnum() for c in text[start:end]) else (start, start)


def _partners(text: str, start: int, end: int) -> dict[int, int]:
    """Positions of the brackets and quotation marks that are opened and closed in the span."""
    opened: list[int] = []
    found: dict[int, int] = {}
    for i in range(start, end):
        if opened and _PAIRS[text[opened[-1]]] == text[i]:
            found[i] = opened.pop()
            found[found[i]] = i
        elif text[i] in _PAIRS:
            opened.append(i)
    return found


def _is_word(c: str) -> bool:
    return c.isalnum() or c == "_" or _is_mark(c)


def _is_mark(c: str) -> bool:
    """Whether `c` only changes the letter before it: an accent, a vowel sign, a joiner."""
    return c in _JOINERS or unicodedata.category(c).startswith("M")


def _is_stray(c: str) -> bool:
    return c in _STRAY or c not in _KEPT and unicodedata.category(c)[0] in "PZC"


def _is_sign(text: str, i: int) -> bool:
    return text[i] in "-−" and text[i + 1 : i + 2].isdigit() and not text[max(0, i - 1) : i].strip()


def _abbreviated(text: str, end: int) -> bool:
    return bool(_ABBREVIATION.search(text, max(0, end - _AROUND), end))
