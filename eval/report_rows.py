"""The rows of a run as its report holds them: small, each text once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

SHOWN = ("token F1", "exact match", "citation precision", "citation recall")
"""Of a question; the other measures can be seen from the rest."""


class Pages:
    """Makes rows small: a text that several of them show is numbered, and handed out once.

    Of the texts it keeps hashes alone.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def row(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], list[list[str]]]:
        """A row for the page, and the texts that it is the first to show, as [path, text].

        Texts count from 0 in the order in which they are handed out. Absent is what a row has not.
        """
        texts: list[list[str]] = []
        small = {
            "id": row["id"],
            "q": row["question"],
            "as": row.get("asked_as") if row.get("asked_as") != row["question"] else None,
            "a": row.get("answer"),
            "given": row.get("given"),
            "c": row.get("confidence", row.get("margin")),
            "e": row["error"],
            "t": row["tags"],
            "g": list(dict.fromkeys(gold["text"] for gold in row["golds"])),
            "ms": row.get("elapsed_ms"),
            "m": {n: round(row["measures"][n], 3) for n in SHOWN if n in row["measures"]},
            "o": [[other["answer"], other["confidence"]] for other in row.get("others", ())],
            "h": [
                [hit["path"], hit["lexical_rank"], hit["dense_rank"], hit["score"], hit["bears"]]
                for hit in row.get("hits", ())
            ],
            "d": [[hit["document"], hit["score"], hit["grade"]] for hit in row.get("found", ())],
            "s": self._excerpts(row, texts),
        }
        kept = {name: value for name, value in small.items() if value not in (None, [], {})}
        return kept, texts

    def _excerpts(self, row: Mapping[str, Any], texts: list[list[str]]) -> list[list[Any]]:
        """[source, [[start, end] of the answer], [[start, end] of the golds]], in its text."""
        shown = {}
        for excerpt in row.get("excerpts", ()):
            path, start, text = excerpt["path"], excerpt["start"], excerpt["text"]
            told = repr((path, start, text)).encode("utf-8", "surrogatepass")
            known = len(self._known)
            place = self._known.setdefault(hashlib.sha256(told).digest(), known)
            if place == known:
                texts.append([path, text])
            said = _inside(row.get("citations", ()), "path", excerpt)
            golds = _inside(row["golds"], "document", excerpt)
            shown[place] = [place, said, golds]
        return list(shown.values())


def _inside(
    spans: Iterable[Mapping[str, Any]], of: str, excerpt: Mapping[str, Any]
) -> list[list[int]]:
    """Where the spans stand in the excerpt's text; one without offsets where its words first do."""
    offset, text = excerpt["start"], excerpt["text"]
    found = []
    for span in spans:
        start, end = span.get("start"), span.get("end")
        if (span.get(of) or excerpt["path"]) != excerpt["path"]:
            continue
        if start is None or end is None:
            if match := re.search(re.escape(span["text"]), text, re.IGNORECASE):
                found.append([match.start(), match.end()])
        elif offset <= start and end <= offset + len(text):
            found.append([start - offset, end - offset])
    return found
