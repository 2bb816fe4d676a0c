"""What the tests of the adapters share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from index import Filter, Hit, Retriever

ROOT = Path(__file__).parent.parent
QUESTION = "Who heads the Deir al-Zor military council?"
ONLY = Filter(paths=("000*", "004*"))


def sources(retriever: Retriever, hits: Sequence[Hit]) -> list[dict[str, Any]]:
    """What a framework must be told of each hit, taken from the index by another way."""
    told = []
    with retriever.generation() as found:
        listing = {path: (title, date) for path, title, date, _ in found.store.listing()}
        for hit in hits:
            p = hit.passage
            assert found.document(p.doc_id).text[p.start : p.end] == p.text
            title, date = listing[p.path]
            told.append(
                {
                    "passage_id": p.id, "document_id": p.doc_id, "path": p.path, "title": title,
                    "date": date, "page": None, "start": p.start, "end": p.end,
                    "section": p.section, "rank": hit.rank, "score": hit.score, "via": hit.via,
                }
            )  # fmt: skip
    return told


def imported_without(framework: str, module: str) -> str:
    """The last line that Python says when a module is imported and the framework is not there."""
    code = f"import sys; sys.modules[{framework!r}] = None; import {module}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]
