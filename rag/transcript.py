"""An answer, as `rag.types.to_json` gives it, as Markdown to be read elsewhere.

All that comes from a document or a user is escaped: where the transcript is shown, nothing in it
becomes a link, an image or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MARKUP = re.compile(r"([\\`*_\[\]<>#&!|~$]|^ ?[-+=])")
"""What CommonMark and its customary extensions read as more than text, within one line."""
_NUMBERED = re.compile(r"^( ?\d+)(?=[.)])")
_VERDICTS = {
    "right": "Judged right.",
    "wrong": "Judged wrong.",
    "incomplete": "Judged incomplete.",
    "absent": "Judged: not in these documents.",
}


def plain(text: str) -> str:
    r"""The text on one line, with nothing in it that Markdown would read.

    >>> print(plain("see <b>![this](x)</b>"))
    see \<b\>\!\[this\](x)\</b\>
    """
    return _line(text).strip()


def entry(
    answer: Mapping[str, Any],
    verdict: str = "",
    note: str = "",
    selected: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    """The blocks of one question and its answer, to be parted by blank lines.

    `verdict`, `note` and `selected` are what its user thought of it; see `rag.memory.Message`.
    """
    blocks = [f"## {plain(answer['question'])}"]
    if answer["asked_as"] != answer["question"]:
        blocks.append(f"Asked as: {plain(answer['asked_as'])}")
    if answer["answer"] is None:
        blocks.append("Not found.")
    else:
        sure = answer["confidence"]
        tail = "" if sure is None else f" (confidence {sure:.0%})"
        blocks.append(f"**{plain(answer['answer'])}**{tail}")
        for citation in answer["citations"]:
            blocks += _cited(citation, answer["hits"])
        for other in answer["others"]:
            blocks.append(f"Also: {plain(other['answer'])}")
            for citation in other["citations"]:
                blocks += _cited(citation, answer["hits"])
    if verdict:
        blocks.append(f"{_VERDICTS[verdict]} {plain(note)}".rstrip())
    for span in selected:
        place = f"{span['path']}, characters {span['start']} to {span['end']}"
        blocks.append(f"Selected as the answer: **{plain(span['text'])}** ({plain(place)})")
    return blocks


def _cited(citation: Mapping[str, Any], hits: list[Mapping[str, Any]]) -> list[str]:
    """The sentence with the span marked, as far as the passage holds it, and where it stands."""
    quote = f"**{plain(citation['quote'])}**"
    for hit in hits:
        if hit["passage_id"] == citation["passage_id"]:
            text, offset = hit["text"], hit["start"]
            before = text[max(0, citation["sentence_start"] - offset) : citation["start"] - offset]
            after = text[citation["end"] - offset : citation["sentence_end"] - offset]
            quote = f"{_line(before)}{quote}{_line(after)}".strip()
            break
    place = [citation["title"] or "", citation["date"] or "", citation["path"]]
    if citation["page"] is not None:
        place.append(f"page {citation['page']}")
    place.append(f"characters {citation['start']} to {citation['end']}")
    return [f"> {quote}", f"{plain(', '.join(part for part in place if part))}"]


def _line(text: str) -> str:
    escaped = _MARKUP.sub(r"\\\1", re.sub(r"\s+", " ", text))
    return _NUMBERED.sub(r"\1\\", escaped)
