"""Ask a question set of a collection; a row a question, and the figures made from the rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from eval.measures import auroc, bootstrap_interval, exact_match, is_right, token_f1
from eval.sets import Example, Gold
from index.types import Hit
from rag.service import AT_ONCE, Service
from rag.types import Answer, Citation

TOP = 5


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one question.

    `answer` is the top answer, given or withheld; `given` says which. `right`, `f1` and `exact`
    judge it either way; all are false or 0 for an unanswerable question. `bearing` is the rank of
    the first hit that holds a gold span, or None.
    """

    id: str
    question: str
    golds: tuple[str, ...]
    answer: str | None
    given: bool
    confidence: float
    reason: str
    right: bool
    f1: float
    exact: bool
    right_document: bool
    bearing: int | None
    quotes_stand: bool


def run(
    service: Service,
    examples: Sequence[Example],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Ask every example; rows in the order of the set."""
    rows: list[Row] = []
    for start in range(0, len(examples), AT_ONCE):
        progress(start, len(examples))
        part = examples[start : start + AT_ONCE]
        answers = service.ask_batch([example.question for example in part])
        rows += [_row(service, e, a) for e, a in zip(part, answers, strict=True)]
    progress(len(examples), len(examples))
    return rows


def figures(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Name → value, n and 95% interval, over the answerable, the unanswerable, or all.

    The first six are those that the demo corpus is judged by: right answers (the top answer,
    given or withheld), token F1, right document cited, answer-bearing passage in the top 5,
    right abstentions (unanswerable questions that got no answer) and false abstentions
    (answerable questions that got none).
    """
    answerable = [row for row in rows if row.golds]
    unanswerable = [row for row in rows if not row.golds]
    measured: dict[str, list[float]] = {
        "right answer at the top": [row.right for row in answerable],
        "token F1": [row.f1 for row in answerable],
        "right document cited": [row.right_document for row in answerable],
        f"answer-bearing passage in the top {TOP}": [
            row.bearing is not None and row.bearing <= TOP for row in answerable
        ],
        "right abstentions": [not row.given for row in unanswerable],
        "false abstentions": [not row.given for row in answerable],
        "right answers withheld": [row.right and not row.given for row in answerable],
        "exact match": [row.exact for row in answerable],
        "right answers given": [row.right and row.given for row in answerable],
        "wrong among the answers given": [not row.right for row in rows if row.given],
        "every quote stands where it says": [row.quotes_stand for row in rows],
    }
    named = {
        name: {
            "value": sum(values) / len(values) if values else None,
            "n": len(values),
            "interval": bootstrap_interval(values) if values else None,
        }
        for name, values in measured.items()
    }
    area = auroc([row.confidence for row in rows], [row.right for row in rows])
    named["AUROC of right by confidence"] = {
        "value": None if math.isnan(area) else area,
        "n": len(rows),
        "interval": None,
    }
    return named


def to_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Figures and rows as plain data."""
    return {"schema": 1, "figures": figures(rows), "rows": [asdict(row) for row in rows]}


def _row(service: Service, example: Example, answer: Answer) -> Row:
    given = answer.text is not None
    top: Answer | None = answer if given else next(iter(answer.others), None)
    text = (top.text if top else None) or ""
    texts = [gold.text for gold in example.golds]
    citations = top.citations if top else ()
    bearing = next((hit.rank for hit in answer.hits if _bears(hit, example.golds)), None)
    said = [each for each in (answer, *answer.others) if each.citations]
    return Row(
        id=example.id,
        question=example.question,
        golds=tuple(texts),
        answer=text or None,
        given=given,
        confidence=answer.confidence or 0.0,
        reason=answer.reason,
        right=bool(text) and is_right(text, texts),
        f1=token_f1(text, texts) if text else 0.0,
        exact=bool(text) and exact_match(text, texts),
        right_document=any(c.path == g.document for c in citations for g in example.golds),
        bearing=bearing,
        quotes_stand=all(each.citations[0].quote == each.text for each in said)
        and all(_stands(service, citation) for each in said for citation in each.citations),
    )


def _bears(hit: Hit, golds: Sequence[Gold]) -> bool:
    """The hit holds a gold: its very span where the set tells it, else its words."""
    passage = hit.passage
    for gold in golds:
        if gold.start is None or gold.end is None:
            if gold.text.casefold() in passage.text.casefold():
                return True
        elif gold.document in (None, passage.path) and (
            passage.start <= gold.start and gold.end <= passage.end
        ):
            return True
    return False


def _stands(service: Service, citation: Citation) -> bool:
    with service.retriever.generation() as found:
        text = found.document(citation.doc_id).text
    return text[citation.start : citation.end] == citation.quote
