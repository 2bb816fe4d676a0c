from __future__ import annotations

import json
from pathlib import Path

from index.types import Hit, Passage
from rag.types import Answer, Citation, Question, to_json

GOLDEN = Path(__file__).with_name("answer.json")


def test_the_one_json_form_is_pinned() -> None:
    """Every face and every run relies on this form: a change of it is a new schema number."""
    text = "Khawla, who heads the council, spoke."
    passage = Passage("p1", "d1", 100, 137, text, "", False, "seeds/a.txt")
    hits = (Hit(passage, 0.987654, 1, {"lexical": 1, "dense": 2}), Hit(passage, 0.5, 2, {}))
    citation = Citation(
        "d1", "seeds/a.txt", "A title", "2017-08-05", 2, 100, 106, "Khawla", text, 100, 137, "p1"
    )
    question = Question("who heads the council", "who heads it?", ("the council",))
    other = Answer(question, "Dillon", 0.2, (citation,))
    given = Answer(question, "Khawla", 0.9, (citation,), (other,), hits, "", "seeds", 3)
    withheld = Answer(question, None, 0.1, (), (), (), "no_evidence", "seeds", 3)
    form = [to_json(given, 12), to_json(withheld, 1)]
    assert form == json.loads(GOLDEN.read_text("utf-8"))
