"""Judged answers → a question set, which `spanwise eval`, `train` and `calibrate` take as it is.

A question is asked as it was understood. An answer judged right gives its citations as right
answers; whatever the verdict, the spans that the user selected are right answers. What is not in
the documents, by the user's word, has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from eval.sets import Example, Gold
from index.retrieve import Retriever
from rag.memory import Memory, Message

Text = Callable[[str], str]
"""Path of a document → its text now; "" where there is no such document."""


def of_collection(memory: Memory, retriever: Retriever) -> tuple[list[Example], list[str]]:
    """The question set of what was judged about a collection, and a sentence for each left out."""
    judged = memory.judged(retriever.collection)
    with retriever.generation() as found:

        def text(path: str) -> str:
            document = found.store.document_by_path(path)
            return document.text if document is not None else ""

        return question_set(judged, text)


def question_set(judged: Iterable[Message], text: Text) -> tuple[list[Example], list[str]]:
    """The questions of judged messages, and a sentence for each that gives none.

    Where a question was judged more than once, the last judgement that says what is right counts.

    Args:
        judged: oldest first.
        text: of the documents now: an answer that has moved is followed, one that is gone is left
            out.
    """
    examples: dict[str, Example] = {}
    complaints: dict[str, str] = {}
    for message in judged:
        question = str(message.answer["asked_as"]).strip()
        try:
            golds = _golds(message, text)
        except ValueError as error:
            complaints[question] = f"“{question}”: {error}"
            continue
        tags = (f"judged {message.verdict}",) if message.verdict else ()
        ident = f"{message.answer['collection']}-{message.id}"
        examples.pop(question, None)  # to stand in the order judged
        examples[question] = Example(ident, question, golds, tags)
    return list(examples.values()), [
        said for question, said in complaints.items() if question not in examples
    ]


def _golds(message: Message, text: Text) -> tuple[Gold, ...]:
    """The right answers, as they stand in the documents now; none for what is not in them.

    Raises:
        ValueError: why the judgement does not say what is right.
    """
    answer, right = message.answer, message.verdict == "right"
    if message.verdict == "absent" or (right and answer["answer"] is None and not message.selected):
        if answer.get("beside", {}).get("narrowed"):
            raise ValueError("it was asked of a part of the documents only")
        return ()
    places = [(span.path, span.start, span.text) for span in message.selected]
    if right:
        places += [(c["path"], c["start"], c["quote"]) for c in answer["citations"]]
    if not places:
        said = f"it was judged {message.verdict}, but no answer was selected for it"
        raise ValueError(said)
    golds = tuple(dict.fromkeys(gold for place in places if (gold := _stands(*place, text))))
    if not golds:
        raise ValueError("its answer no longer stands in the documents")
    return golds


def _stands(path: str, start: int, quote: str, text: Text) -> Gold | None:
    """The gold at its place, or at the nearest where its document has the same words."""
    whole = text(path)
    places: Sequence[int] = (start,)
    if whole[start : start + len(quote)] != quote:
        places = [found.start() for found in re.finditer(re.escape(quote), whole)]
    if not places:
        return None
    nearest = min(places, key=lambda place: abs(place - start))
    return Gold(quote, path, nearest, nearest + len(quote))
