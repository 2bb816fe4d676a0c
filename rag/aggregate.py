"""Spans to distinct answers, each with every citation that supports it. Pure.

Two spans say the same if they are equal under SQuAD's normalisation, or if one is a run of the
other's words; in both cases with the same numbers and the same negations:

>>> same_answer("about 4,000 fighters", "The 4,000"), same_answer("800", "4,000")
(True, False)
>>> same_answer("killed", "not killed"), same_answer("3.5 million", "35 million")
(False, False)
"""

from __future__ import annotations

import re
import string
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from index.terms import STOP_WORDS
from rag.types import Span

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_STRAIGHT = str.maketrans("’‘“”–—", "''\"\"--")
_NUMBER = re.compile(
    r"\d+(?:[.,]\d+)*|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen"
    r"|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy"
    r"|eighty|ninety|(?:dozen|hundred|thousand|million|billion|trillion)s?|half|third|quarter)\b"
)
_NEGATION = re.compile(r"\b(?:no|not|never|neither|nor|none|nobody|nothing|without|cannot)\b|n't\b")


RETRIEVAL = 6.0
"""What a fused score of 1 is worth beside the logits. On the 750 answerable questions of
`rag.recipe.calibration_set` the top answer was right for 78.8% with 6, 77.2% with 0, 77.9% with
18."""

LIKENESS = 10.0
"""What a cosine of 1 between question and sentence is worth beside the logits (`rag.rerank`). On
the same questions 78.8% with 0, 79.5% with 5, 80.0% with 10 to 15."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A distinct answer: its supporting spans, best first, no two of them in the same place.

    `likeness` is the cosine between the question and the sentence of the best span, in [-1, 1];
    0 until `rag.rerank` has looked.
    """

    spans: tuple[Span, ...]
    likeness: float = 0.0

    @property
    def text(self) -> str:
        """The best-scored wording."""
        return self.spans[0].text

    @property
    def score(self) -> float:
        """Evidence for the best span, and how like the question its sentence is."""
        return evidence(self.spans[0]) + LIKENESS * self.likeness


def evidence(span: Span) -> float:
    """How strongly a span speaks for its being the answer, on one scale for all passages.

    Span score minus null score (Devlin et al. 2019, section 4.3), and what retrieval thinks of
    the passage.
    """
    return span.score - span.null_score + RETRIEVAL * span.hit.score


def aggregate(spans: Sequence[Span]) -> list[Candidate]:
    """The distinct answers among `spans`, best first, whatever the order of `spans`.

    From the best span down, ties by place: a span that overlaps a better one of its document is
    the same place and is dropped; one that says the same as the best wording of an answer found
    so far supports the best such answer, if it beats the null score of its passage (else the
    words merely occur there, and it is dropped); any other is a new answer, if it has
    more than stop words or is the first. Wordings are only compared with the best of an answer, so
    that two answers never meet through a third.
    """
    taken: dict[str, list[Span]] = defaultdict(list)
    answers: list[list[Span]] = []
    for span in sorted(spans, key=_order):
        places = taken[span.hit.passage.doc_id]
        if any(span.start < other.end and other.start < span.end for other in places):
            continue
        places.append(span)
        for answer in answers:
            if same_answer(answer[0].text, span.text):
                if span.score > span.null_score:
                    answer.append(span)
                break
        else:
            if not answers or _has_content(span.text):
                answers.append([span])
    return [Candidate(tuple(answer)) for answer in answers]


def normalise(text: str) -> str:
    """SQuAD's normalisation (Rajpurkar et al. 2016, the official evaluation script).

    Lower case, without ASCII punctuation, without articles, words parted by single spaces.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def same_answer(a: str, b: str) -> bool:
    """Whether `a` and `b` say the same; see the module's docstring. Symmetric, not transitive."""
    a, b = a.translate(_STRAIGHT).lower(), b.translate(_STRAIGHT).lower()
    if a == b:
        return True
    if _numbers(a) != _numbers(b) or _NEGATION.findall(a) != _NEGATION.findall(b):
        return False
    short, long = sorted((normalise(a).split(), normalise(b).split()), key=len)
    if not short:  # an answer of articles and punctuation alone
        return False
    runs = range(len(long) - len(short) + 1)
    return any(long[i : i + len(short)] == short for i in runs)


def _has_content(text: str) -> bool:
    return any(word not in STOP_WORDS for word in normalise(text).split())


def _numbers(text: str) -> list[str]:
    """As written, without separators of thousands: normalised, "3.5" would be "35"."""
    return [number.replace(",", "") for number in _NUMBER.findall(text)]


def _order(span: Span) -> tuple[float, str, int, int, str]:
    passage = span.hit.passage
    return -evidence(span), passage.doc_id, span.start, span.end, passage.id
