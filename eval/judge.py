"""An answer judged by the golds of its question: measures, and what went wrong. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from eval.measures import exact_match, is_right, token_f1
from eval.retrieval import bears
from eval.sets import Gold
from rag.types import Answer, Citation

TOP = 5

RETRIEVAL_MISS = "retrieval miss"
READING_MISS = "reading miss"
WRONG_CHOICE = "wrong choice among spans"
FALSE_ABSTENTION = "false abstention"
FALSE_ANSWER = "false answer"
ERRORS = (RETRIEVAL_MISS, READING_MISS, WRONG_CHOICE, FALSE_ABSTENTION, FALSE_ANSWER)

NAMES = (
    "right answer at the top",
    "right answer in the top 3",
    "right answer in the top 5",
    "token F1",
    "exact match",
    "right document cited",
    "citation precision",
    "citation recall",
    f"answer-bearing passage in the top {TOP}",
    "right abstentions",
    "false abstentions",
    "right answers withheld",
    "right answers given",
    "wrong among the answers given",
    "share answered",
    "right decisions",
    "token F1 with unanswerables",
    "every quote stands where it says",
)
"""Every measure of an answer, in the order in which they are shown."""

LOWER_IS_BETTER = {
    "false abstentions",
    "right answers withheld",
    "wrong among the answers given",
}


def judge(golds: Sequence[Gold], answer: Answer, quotes_stand: bool) -> dict[str, float]:
    """Name → value of each measure that applies.

    "At the top" counts the best answer whether it was given or withheld.

    * Of answerable questions: right answer at the top, or among the first 3 or 5; token F1 and
      exact match of the top answer; answer-bearing passage among the first 5 that were read;
      false abstentions (no answer given); right answers withheld, and given.
    * Of those whose golds name documents: whether a citation of the top answer is in one of them;
      and where they say offsets: which share of the first citation's characters lies in a gold
      (precision), and which share of that gold it covers (recall), for the gold that fits best.
    * Of unanswerable ones: right abstentions (no answer given).
    * Of the answers given: whether it is wrong.
    * Of all: share answered; right decisions (a right answer given, or none where there is none);
      token F1 with unanswerables (of what was given, an abstention counting as SQuAD 2.0 has it);
      every quote stands where it says.
    """
    given = answer.text is not None
    said = ([answer] if given else []) + list(answer.others)
    texts = [gold.text for gold in golds]
    rights = [_right(each, texts) for each in said[:TOP]]
    right, top = any(rights[:1]), (said[0].text or "" if said else "")
    f1 = token_f1(top, texts) if top else 0.0
    found: dict[str, float] = {
        "share answered": given,
        "right decisions": (right and given) if golds else not given,
        "token F1 with unanswerables": (f1 if given else 0.0) if golds else not given,
        "every quote stands where it says": quotes_stand,
    }
    if given:
        found["wrong among the answers given"] = not right
    if not golds:
        return _as_numbers({**found, "right abstentions": not given})
    bearing = next((hit.rank for hit in answer.hits if bears(hit.passage, golds)), TOP + 1)
    found |= {
        "right answer at the top": right,
        "right answer in the top 3": any(rights[:3]),
        "right answer in the top 5": any(rights),
        "token F1": f1,
        "exact match": bool(top) and exact_match(top, texts),
        f"answer-bearing passage in the top {TOP}": bearing <= TOP,
        "false abstentions": not given,
        "right answers withheld": right and not given,
        "right answers given": right and given,
    }
    return _as_numbers(found | _of_citations(golds, said[0].citations if said else ()))


def error_class(golds: Sequence[Gold], answer: Answer) -> str:
    """What went wrong; "" for a right answer given, and for none where there is none.

    An answer to an unanswerable question is a *false answer*. A right answer withheld is a *false
    abstention*. A wrong one, given or withheld, is a *wrong choice among spans* if a right one is
    among the other answers, else a *retrieval miss* if no passage that was read holds a gold, else
    a *reading miss*.
    """
    given = answer.text is not None
    if not golds:
        return FALSE_ANSWER if given else ""
    texts = [gold.text for gold in golds]
    said = ([answer] if given else []) + list(answer.others)
    rights = [_right(each, texts) for each in said]
    if any(rights[:1]):
        return "" if given else FALSE_ABSTENTION
    if any(rights):
        return WRONG_CHOICE
    held = any(bears(hit.passage, golds) for hit in answer.hits)
    return READING_MISS if held else RETRIEVAL_MISS


def _right(said: Answer, golds: Sequence[str]) -> bool:
    return bool(said.text) and is_right(said.text or "", golds)


def _of_citations(golds: Sequence[Gold], citations: Sequence[Citation]) -> dict[str, float]:
    found: dict[str, float] = {}
    documents = {gold.document for gold in golds if gold.document is not None}
    if documents:
        found["right document cited"] = any(c.path in documents for c in citations)
    placed = [g for g in golds if g.document is not None and g.start is not None]
    if placed:
        shares = [_overlap(gold, citations[0]) for gold in placed] if citations else []
        best = max(shares, key=lambda pair: (sum(pair) and 2 * pair[0] * pair[1] / sum(pair)),
                   default=(0.0, 0.0))  # fmt: skip
        found["citation precision"], found["citation recall"] = best
    return found


def _overlap(gold: Gold, citation: Citation) -> tuple[float, float]:
    """Shares of the citation's and of the gold's characters that the other covers."""
    if gold.document != citation.path or gold.start is None or gold.end is None:
        return 0.0, 0.0
    both = max(0, min(gold.end, citation.end) - max(gold.start, citation.start))
    return both / max(1, citation.end - citation.start), both / max(1, gold.end - gold.start)


def _as_numbers(found: dict[str, float]) -> dict[str, float]:
    """JSON's numbers, whatever they were made as."""
    return {name: float(found[name]) for name in NAMES if name in found}
