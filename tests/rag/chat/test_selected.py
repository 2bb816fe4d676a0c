"""Words selected on the page are found in the document, and kept as the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harbour import harbour
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from eval.sets import read_set
from index.types import document_id
from rag.chat.library import Library
from rag.chat.selected import BLANK, locate

TEXT = "\ufeffThe 🦊 fox\r\n\r\n  met  Zoë 😀 and the\u00a0fox\tran."
PATH = "papers/a.txt"


@pytest.mark.parametrize(
    ("start", "skipped", "selected", "found"),
    [
        (0, 0, "The", "The"), (0, 3, "🦊", "🦊"), (0, 4, " fox\nmet ", "fox\r\n\r\n  met"),
        (5, 1, "fox", "fox"), (0, 17, "the fox", "the\u00a0fox"), (0, 10, "Zoë 😀", "Zoë 😀"),
        (0, 20, "fox ran.", "fox\tran."),
    ],
)  # fmt: skip
def test_located(start: int, skipped: int, selected: str, found: str) -> None:
    place = locate(TEXT, start, skipped, selected)
    assert place is not None and TEXT[slice(*place)] == found


@pytest.mark.parametrize(
    ("start", "skipped", "selected"),
    [
        (0, 0, "fox"), (0, 0, ""), (0, 0, " \n"), (0, 99, "fox"), (999, 0, "fox"),
        (0, 20, "fox ran. x"),
    ],
)  # fmt: skip
def test_not_located(start: int, skipped: int, selected: str) -> None:
    assert locate(TEXT, start, skipped, selected) is None


@given(
    st.text(alphabet=st.sampled_from("aé😀𝔘 \t\r\n\u00a0\ufeff\x85\x1f"), max_size=30),
    st.integers(0, 30), st.integers(0, 30), st.integers(0, 30),
)  # fmt: skip
def test_whatever_a_browser_does_to_blanks(text: str, shown: int, one: int, other: int) -> None:
    """What it shows begins at `shown`, its runs of blanks are one; any part of it is found."""
    begin, end = sorted((max(one, shown), max(other, shown)))
    selected = re.sub(rf"(?:{BLANK.pattern})+", " ", text[begin:end])
    skipped = len(BLANK.sub("", text[shown:begin]))
    place = locate(text, shown, skipped, selected)
    inked = [at for at in range(begin, min(end, len(text))) if not BLANK.match(text[at])]
    assert place == ((inked[0], inked[-1] + 1) if inked else None)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with harbour(tmp_path, {"a.txt": TEXT, "b.md": "word " * 400}) as opened:
        yield opened


@pytest.fixture
def asked(library: Library) -> dict[str, str]:
    """A selection in a.txt for an answer that is remembered."""
    answer = {
        "question": "Whom?", "asked_as": "Whom did the fox meet?", "collection": "harbour",
        "answer": "the fox", "citations": [], "others": [], "hits": [],
    }  # fmt: skip
    assert library.memory is not None
    message = library.memory.add(library.memory.create("harbour", "x"), answer)
    return {
        "message": str(message), "collection": "harbour", "document": document_id(PATH),
        "start": "0", "skipped": "10", "text": "Zoë 😀",
    }  # fmt: skip


def test_a_selection_is_kept_exported_and_shown(
    client: TestClient, library: Library, asked: dict[str, str], tmp_path: Path
) -> None:
    assert client.post("/feedback/selected", params=asked).status_code == 201
    with library.service("harbour").retriever.generation() as found:
        text = found.document(asked["document"]).text
    assert library.memory is not None
    (span,) = library.memory.message(int(asked["message"])).selected
    assert text[span.start : span.end] == span.text == "Zoë 😀"
    assert "set of 1 question," in client.get("/documents?collection=harbour").text
    export = client.get("/feedback.jsonl?collection=harbour")
    assert "harbour%20feedback.jsonl" in export.headers["content-disposition"]
    (tmp_path / "set.jsonl").write_bytes(export.content)
    (example,), complaints = read_set(tmp_path / "set.jsonl")
    assert complaints == [] and example.question == "Whom did the fox meet?"
    assert [(g.document, g.start, g.end) for g in example.golds] == [(PATH, span.start, span.end)]


@pytest.mark.parametrize(
    ("spoiled", "status", "said"),
    [
        ({"text": "Zoe"}, 409, "do not stand there"),
        ({"skipped": "9"}, 409, "do not stand there"),
        (
            {"document": document_id("papers/b.md"), "skipped": "0", "text": "word " * 130}, 409,
            "at most 500",
        ),
        ({"collection": "other"}, 409, "not of the collection"),
        ({"document": "none"}, 404, "not in the collection"),
        ({"start": "x"}, 404, "not in the collection"),
        ({"message": "99"}, 404, "no longer there"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_a_sentence(
    client: TestClient,
    library: Library,
    asked: dict[str, str],
    spoiled: dict[str, str],
    status: int,
    said: str,
) -> None:
    refused = client.post("/feedback/selected", params=asked | spoiled)
    assert (refused.status_code, said in refused.text) == (status, True), refused.text
    assert library.memory is not None and library.memory.judged("harbour") == []


def test_what_was_judged_and_says_nothing_is_told(
    client: TestClient, library: Library, asked: dict[str, str]
) -> None:
    assert "Feedback" not in client.get("/documents?collection=harbour").text
    assert library.memory is not None
    library.memory.feedback(int(asked["message"]), "wrong")
    panel = client.get("/documents?collection=harbour").text
    assert "1 left out, and why" in panel and "no answer was selected" in panel
    assert "Export" not in panel
    assert client.get("/feedback.jsonl?collection=nothing").status_code == 404
