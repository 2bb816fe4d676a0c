"""Text to terms: one tokeniser for building, asking and both BM25 engines.

>>> analyse("Sha’Fah’s 4,000 U.S.-backed fighters", Analysis())
['shafah', '4000', 'us', 'back', 'fighter']
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Self

import Stemmer

from index.errors import IndexMismatchError, SettingsError

VERSION = 1
"""Of the tokeniser and of the files: to be raised with every change of what they hold."""
LONGEST_TERM = 40
"""Code points; what is longer (base64, a line without blanks) is cut there."""
_VERSIONS = (VERSION, Stemmer.version())

STOP_WORDS = frozenset(
    """a an the this that these those and or but if as than so because while
    of at by for with about against between into through during before after above below to from
    up down in out on off over under again further then once here there
    i me my we our ours you your yours he him his she her hers it its they them their theirs
    am is are was were be been being have has had having do does did doing would should could can
    what which who whom whose when where why how
    all any both each few more most other some such only own same too very just also""".split()
)
"""English words without a subject. Not in it on purpose: ``us`` (the country, see `analyse`),
``may`` and ``will`` (a month, a name) and the negations."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What `analyse` does beyond folding. The defaults are those chosen by `eval.sweep`.

    Attributes:
        stemmer: Snowball language ("english", "french", …), or "" for none.
        stop_words: leave out the English `STOP_WORDS`.
        joined: of a hyphenated word give the joined form too, beside its parts.
        alike: for a word of the question that stands in no passage, search those that sound
            alike; see `sound`.
    """

    stemmer: str = "english"
    stop_words: bool = True
    joined: bool = True
    alike: bool = True

    def __post_init__(self) -> None:
        if self.stemmer and self.stemmer not in Stemmer.algorithms():
            raise SettingsError(
                "Unknown stemmer",
                where=self.stemmer,
                mend=f'Use "" for none, or one of {", ".join(Stemmer.algorithms())}.',
            )

    def to_dict(self) -> dict[str, object]:
        """Plain data for the manifest, with the tokeniser's and the stemmer's versions."""
        return {"version": VERSION, "snowball": Stemmer.version(), **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What `to_dict` gave; IndexMismatchError if it was another version's."""
        settings = dict(data)
        if (settings.pop("version", 0), settings.pop("snowball", "")) != _VERSIONS:
            raise IndexMismatchError(
                "The index was written by another version of the tokeniser",
                mend="Index the folder again: spanwise index FOLDER",
            )
        return cls(**settings)


_PLAIN = {"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe"}
_PLAIN |= {"þ": "th", "ð": "d"}
_APOSTROPHES = "'‘’‛`´ʹʻʼʽʾʿˈ՚′＇ʹ"
_HYPHENS = "-‐‑‒﹣－"
# Written without blanks between words, or with endings grown on: cut into pairs of characters.
_PAIRED = "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u30ff\u3130-\u318f"
_PAIRED += "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
_PAIRS = re.compile(f"([{_PAIRED}]+)")

_INSIDE, _BETWEEN = r"[^ \n'.,\-]", r"[ \n'.,\-]"
"""Of a word, and beside it, in a folded text."""
_WORD = r"[^ \n'.,\-]++(?:'[^ \n'.,\-]++)*+"
_TOKEN = re.compile(
    rf"""
      [^ \n'.,\-0-9](?:\.[^ \n'.,\-0-9](?![^ \n'.,\-]))++    # U.S., J.K.
    | [0-9]{{1,3}}(?:,[0-9]{{3}}(?![0-9]))++(?:\.[0-9]++)?+  # 4,000, 1,234.5
    | (?<![0-9]\.)[0-9]++\.[0-9]++(?!\.[0-9])                # 3.5
    | {_WORD}(?:-(?:[ ]?\n[ ]*+)?+{_WORD})*+                 # Sha'Fah, ez-Zor, bro-\nken
    """,
    re.VERBOSE,
)
_BREAK = re.compile(r"-[ \n]*+")


class _Folding(dict[int, str | None]):
    """Code point → what stands for it, worked out when first seen; for `str.translate`.

    One character at a time: it is linear, where `unicodedata.normalize` is not on a long run of
    combining marks. What remains are word characters, blanks, line feeds and ``'.,-``.
    """

    def __missing__(self, code: int) -> str | None:
        self[code] = folded = _fold(chr(code))
        return folded


def _fold(char: str) -> str | None:
    """The character without case, accent and width; " " where no word goes on; None for nothing."""
    if char in "\n.,":
        return char
    if char in _APOSTROPHES:
        return "'"
    if char in _HYPHENS:
        return "-"
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.digit(char))
    if category == "Cf":  # soft hyphen, joiners, marks of direction; but U+200B is a blank
        return " " if char == "\u200b" else None
    if char == "\u0640" or (category == "Mn" and unicodedata.combining(char)):
        return None  # the stroke that lengthens Arabic words; accents
    if category[0] in "LM":
        if "\uac00" <= char <= "\ud7af":
            return char
        parts = unicodedata.normalize("NFKD", char.casefold())
        kept = "".join(_PLAIN.get(c, c) for c in parts if unicodedata.category(c)[0] in "LMN")
        return "".join(c for c in kept if not unicodedata.combining(c)).casefold()
    if category[0] == "N":
        parts = unicodedata.normalize("NFKD", char).casefold()
        digits = "".join(c if c.isalnum() else " " for c in parts)
        # A raised 2 is most often a footnote's and not the word's; a lowered one is CO₂'s.
        return digits if "<sub>" in unicodedata.decomposition(char) else f" {digits} "
    return " "


_FOLDING = _Folding()
_local = threading.local()


def fold(text: str) -> str:
    """The text without case, accents and width, to compare words by; not of the same length.

    >>> fold("Sha’Fah, Évian – “SDF”")
    "sha'fah, evian    sdf "
    """
    return text.translate(_FOLDING)


def whole_words(words: str) -> list[str]:
    """The words as they stand in a folded text, their parts apart.

    >>> whole_words("Évian, ez-Zor")
    ['evian', 'ez', 'zor']
    """
    return re.findall(f"{_INSIDE}+", fold(words))


def in_a_row(words: str) -> re.Pattern[str] | None:
    """A pattern that finds these whole words, one after the other, in a folded text.

    What stands between words does not count: "ez-Zor" finds "ez Zor". None where there is no word.

    >>> bool(in_a_row("Évian, the").search(fold("at evian – the lake")))
    True
    """
    found = whole_words(words)
    if not found:
        return None
    before = "" if _PAIRS.match(found[0]) else f"(?<!{_INSIDE})"
    after = "" if _PAIRS.match(found[-1][-1]) else f"(?!{_INSIDE})"
    return re.compile(before + f"{_BETWEEN}+".join(map(re.escape, found)) + after)


def analyse(text: str, analysis: Analysis) -> list[str]:
    """The terms of `text`, in order, repeated as often as they stand there. Linear in its length.

    - Case, accents and width are folded: ``Ærø`` is ``aero``.
    - An apostrophe of any shape joins: ``Sha'Fah`` is ``shafah``, ``don't`` is ``dont``; an
      English possessive 's is dropped.
    - A hyphen gives the parts, and with `Analysis.joined` the whole of up to three parts as well,
      so that ``T-72`` finds ``T72`` and ``Deir Ezzor`` finds ``Deir ez-Zor``. A word broken at the
      end of a line always gives both.
    - Numbers: ``4,000`` is ``4000``, ``3.5`` stays, ``9K333`` is one term.
    - ``U.S.``, ``US`` and ``USA`` are all ``us``, which is therefore no stop word: the pronoun is
      rare beside it in what people ask, and its weight is low where it is common.
    - Scripts without blanks between words (Chinese, Japanese, Thai, …) and Korean give overlapping
      pairs of characters.
    """
    settings = (analysis.stemmer, analysis.stop_words, analysis.joined)
    terms: list[str] = []
    for token in _TOKEN.findall(fold(text)):
        # Nearly every token has been seen before; a very long one is not worth remembering.
        terms += (_terms if len(token) < 100 else _terms.__wrapped__)(token, *settings)
    return terms


@lru_cache(maxsize=1 << 16)
def _terms(token: str, stemmer: str, stop_words: bool, joined: bool) -> tuple[str, ...]:
    terms = [_plain(part) for part in _BREAK.split(token)]
    if len(terms) > 1 and ((joined and len(terms) <= 3) or "\n" in token):
        whole = "".join(terms)
        terms += [] if whole.isdigit() else [whole]  # 2014-2017 is two years and no number
    if not token.isascii():
        terms = [piece for term in terms for piece in _pairs(term)]
    terms = ["us" if term == "usa" else term[:LONGEST_TERM] for term in terms]
    if stop_words:
        terms = [term for term in terms if term not in STOP_WORDS]
    return tuple(_stemmed(terms, stemmer) if stemmer else terms)


def _plain(word: str) -> str:
    """Without possessive 's, apostrophes, the points of an acronym and the commas of a number."""
    word = word.removesuffix("'s").replace("'", "").replace(",", "")
    return word if word[0].isdigit() else word.replace(".", "")


def _pairs(term: str) -> list[str]:
    """A term of mixed scripts: words as they are, runs without blanks as pairs of characters."""
    pieces: list[str] = []
    for place, run in enumerate(_PAIRS.split(term)):
        if place % 2 and len(run) > 1:
            pieces += map("".join, pairwise(run))
        elif run:
            pieces.append(run)
    return pieces


def _stemmed(terms: list[str], language: str) -> list[str]:
    # A Stemmer may not be shared between threads.
    if getattr(_local, "language", None) != language:
        _local.stemmer, _local.language = Stemmer.Stemmer(language), language
    stems: list[str] = _local.stemmer.stemWords(terms)
    return stems


_KINDRED = str.maketrans({"q": "k", "c": "k", "g": "k", "z": "s", "v": "f", "x": "ks"})


def sound(term: str) -> str | None:
    """The consonants of a word as a stranger may have heard them, by which spellings are matched.

    Vowels are left out but for a first one, h, w and y count as vowels, kindred letters are one
    and doubled ones too. None for what says too little: below four letters or two consonants, or
    not in Latin letters.

    >>> sound("raqqah"), sound("raggah"), sound("muhammad"), sound("mohamed"), sound("9k333")
    ('rk', 'rk', 'md', 'md', None)
    """
    if len(term) < 4 or not (term.isascii() and term.isalpha()):
        return None
    letters = term.replace("ph", "f").replace("dj", "j").translate(_KINDRED)
    first = "a" if letters[0] in "aeiouyhw" else letters[0]
    bones = first + re.sub("[aeiouyhw]", "", letters[1:])
    bones = re.sub(r"(.)\1+", r"\1", bones)
    return bones if len(bones) > 1 else None
