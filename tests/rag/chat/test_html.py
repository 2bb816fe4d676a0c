"""The HTML of messages, sources and documents, from records alone."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from hostile import HOSTILE
from hypothesis import given as given_any
from hypothesis import strategies as st

from index.store import Entry
from index.types import BOILERPLATE, Document, Mark
from rag.chat import document, ledger, shelf
from rag.chat.answer import sure, turn
from rag.chat.library import Shelf
from rag.chat.marks import excerpt, fingerprint, marked, rolled
from rag.chat.sources import cited, given, panel
from rag.chat.uploads import Job
from rag.memory import Conversation

PASSAGE = "The council met. It has 4,000 fighters, said Khawla. It sat in Raqqa."
OTHER = "A rival paper counts about 800 of them."


class Tags(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("input", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def hit(passage_id: str, text: str, path: str, **ranks: int | None) -> dict[str, Any]:
    return {
        "rank": 1, "passage_id": passage_id, "document_id": f"d-{path}", "path": path, "start": 100,
        "end": 100 + len(text), "text": text, "score": 0.9,
        "lexical_rank": ranks.get("lexical"), "dense_rank": ranks.get("dense"),
    }  # fmt: skip


def citation(found: dict[str, Any], quote: str, title: str | None = None) -> dict[str, Any]:
    start = found["start"] + found["text"].index(quote)
    return {
        "document_id": found["document_id"], "path": found["path"], "title": title,
        "date": "2017-08-25", "page": 3, "start": start, "end": start + len(quote), "quote": quote,
        "sentence_start": found["start"], "sentence_end": found["end"],
        "passage_id": found["passage_id"],
    }  # fmt: skip


def a_record(**changes: Any) -> dict[str, Any]:
    first = hit("p1", PASSAGE, "seeds/a.txt", lexical=1, dense=2)
    second = hit("p2", OTHER, "seeds/b.txt", dense=1)
    third = hit("p3", "Nothing of interest.", "seeds/c.txt", lexical=7)
    record = {
        "schema": 1, "question": "How many?", "asked_as": "How many?", "carried": [],
        "collection": "seeds", "generation": 3, "answer": "4,000", "confidence": 0.91, "reason": "",
        "citations": [citation(first, "4,000", "The council")],
        "others": [
            {"answer": "800", "confidence": 0.5, "citations": [citation(second, "800")]},
            {"answer": "Raqqa", "confidence": 0.1, "citations": [citation(first, "Raqqa")]},
        ],
        "hits": [first, second, third], "elapsed_ms": 62,
        "beside": {
            "on": "our 1,100 test questions", "threshold": 0.3, "search_ms": 20, "read_ms": 42,
            "documents": {"d-seeds/c.txt": {"title": "Of no matter", "date": "2001-02-03"}},
            "pages": {"p3": 9}, "narrowed": "", "undated": 0,
        },
    }  # fmt: skip
    return json.loads(json.dumps(record | changes))  # as it comes back from the memory


def test_the_answer_stands_with_its_sentence_confidence_and_documents() -> None:
    html = turn(a_record(), 0, True)
    assert '<span dir="auto">4,000</span>' in html
    assert "It has <mark>4,000</mark> fighters" in html
    text = Tags(html).text
    assert "Sure: answers like this were right about 9 times in 10 on our 1,100 test" in text
    assert "1 document" in text
    assert "How this was found (62 ms)" in text


def test_other_answers_above_the_threshold_are_equals_and_the_rest_is_folded() -> None:
    record = a_record()
    assert [answer["answer"] for answer in given(record)] == ["4,000", "800"]
    html = turn(record, 0, True)
    equals, folded = html.split('<details class="also">')
    assert "1 document: 4,000 · 1 document: 800" in Tags(equals + "</div></article>").text
    assert "Also considered (1)" in folded and "Raqqa" in folded.partition("</details>")[0]


def test_another_span_of_the_same_sentence_is_no_other_answer() -> None:
    record = a_record()
    record["others"][1]["confidence"] = 0.9
    assert [answer["answer"] for answer in given(record)] == ["4,000", "800"]


def test_without_a_calibration_no_number_is_shown() -> None:
    record = a_record(confidence=None, others=[])
    del record["beside"]["threshold"], record["beside"]["on"]
    text = Tags(turn(record, 0, True)).text
    assert "this reader is not calibrated" in text and "in 10" not in text


@pytest.mark.parametrize(
    ("confidence", "words"),
    [
        (1.0, "Sure: right more than 19 times in 20"),
        (0.951, "Sure: right more than 19 times in 20"), (0.95, "Sure: right about 9 times in 10"),
        (0.85, "Sure: right about 8 times in 10"),
        (0.7, "Fairly sure: right about 7 times in 10"), (0.5, "Unsure: right about 5 times in 10"),
        (0.12, "Doubtful: right about once in 10 times"),
        (0.05, "Doubtful: right about once in 10 times"),
        (0.049, "Doubtful: right less than once in 20 times"),
    ],
)  # fmt: skip
def test_confidence_in_words(confidence: float, words: str) -> None:
    assert Tags(sure(confidence)).text == words


def test_sources_are_numbered_by_document_and_the_rest_is_folded() -> None:
    record = a_record()
    assert list(cited(record)) == ["d-seeds/a.txt", "d-seeds/b.txt"]
    html = panel(record)
    cards, folded = html.split("<details>")
    assert cards.index('id="source-1"') < cards.index('id="source-2"')
    text = Tags(cards).text
    assert "The council" in text and "25 Aug 2017 · seeds/a.txt · page 3" in text
    assert "words #1 · meaning #2" in text
    assert "1 more passage" in folded and "Of no matter" in folded
    assert "3 Feb 2001 · seeds/c.txt · page 9" in Tags(folded.replace("</details>", "")).text
    assert (
        "collection=seeds&amp;document=d-seeds%2Fa.txt&amp;start=124&amp;end=129&amp;words="
        in cards
    )
    copied = "“4,000” (The council, 25 Aug 2017, seeds/a.txt, p. 3)"
    assert f'data-text="{copied}"' in cards


def test_the_mark_of_the_answer_is_stronger_than_that_of_others() -> None:
    record = a_record()
    record["others"][1]["confidence"] = 0.9
    record["others"][1]["citations"][0]["sentence_start"] = 150
    assert "<mark>4,000</mark>" in panel(record)
    assert '<mark class="other">Raqqa</mark>' in panel(record)


def test_each_answer_of_a_document_has_deeds_of_its_own() -> None:
    """Open, copy and link, named after the answer; of a single one they need no name."""
    record = a_record()
    html = panel(record)
    assert html.count(">Open</a>") == 3 and "aria-label" not in html
    record["others"][1] |= {"confidence": 0.9, "answer": 'Raqqa "city"'}
    record["others"][1]["citations"][0]["sentence_start"] = 150
    card = panel(record).partition('id="source-2"')[0]
    first, second = card.partition('<p class="deeds"><q ')[2].split('<p class="deeds"><q ')
    assert 'dir="auto">4,000</q>' in first and 'dir="auto">Raqqa &quot;city&quot;</q>' in second
    for label in ("Open", "Copy quote", "Copy link"):
        assert f'aria-label="{label}: 4,000">{label}<' in first
        assert f'aria-label="{label}: Raqqa &quot;city&quot;">{label}<' in second
    assert f"end=129&amp;words={fingerprint('4,000')}" in first and "“4,000” (The" in first
    start = 100 + PASSAGE.index("Raqqa")
    where = f"start={start}&amp;end={start + 5}&amp;words={fingerprint('Raqqa')}"
    assert second.count(where) == 2 and "“Raqqa” (" in second


def test_not_found_says_why_and_shows_what_is_nearest() -> None:
    record = a_record(answer=None, citations=[], reason="below_threshold")
    assert given(record) == [] and cited(record) == {}
    text = Tags(turn(record, 0, True)).text
    assert "The documents do not seem to answer this." in text and "too doubtful" in text
    assert "Also considered (2)" in text
    assert "Nearest passages" in panel(record) and "4,000 fighters" in panel(record)


def test_passages_show_while_the_answer_is_read() -> None:
    record = a_record(answer=None, citations=[], others=[], state="reading")
    assert "Reading 3 passages" in turn(record, 0, True)
    assert "Passages found" in panel(record) and "4,000 fighters" in panel(record)
    assert "Searching" in turn({"question": "How many?", "state": "waiting"}, 0, False)


def test_a_follow_up_shows_what_it_was_asked_as() -> None:
    record = a_record(carried=["the council"], asked_as="How many fighters has the council?")
    html = turn(record, 4, True)
    assert "asked as: " in html and "How many fighters has the council?" in html
    assert 'data-act="literal" data-turn="4"' in html
    assert "literal" not in turn(a_record(), 4, True)


def test_filters_and_the_undated_that_fell_out_are_told() -> None:
    record = a_record()
    record["beside"] |= {"narrowed": "dated 1 Jan 2018 or later", "undated": 2}
    text = Tags(turn(record, 0, True)).text
    assert "Only dated 1 Jan 2018 or later. 2 undated documents fell out." in text


def test_an_error_is_a_sentence() -> None:
    text = Tags(turn({"question": "x", "error": "No <such> thing."}, 0, False)).text
    assert "No <such> thing." in text


def test_whether_it_was_right_is_asked_only_where_it_is_remembered() -> None:
    assert "Is this right?" not in turn(a_record(), 0, True)
    html = turn(a_record(message=7, verdict="incomplete"), 0, True)
    pressed = html.partition('aria-pressed="true"')[2]
    assert pressed.startswith(">Incomplete")
    assert "Incomplete" not in turn(a_record(message=7, answer=None, reason="no_evidence"), 0, True)


def test_after_a_verdict_the_right_words_are_asked_for_and_shown() -> None:
    assert "Select the right words" not in turn(a_record(message=7, verdict="right"), 0, True)
    spans = [{"path": "seeds/a<b>.txt", "start": 3, "end": 9, "text": "<i>x</i>"}]
    record = a_record(message=7, verdict="wrong", selected=spans)
    html = turn(record, 4, True)
    text = Tags(html).text
    assert "Select the right words" in text and "It is not in these documents" in text
    assert "<i>x</i>" in text and "a<b>.txt" in text and Tags(html).tags.isdisjoint({"i", "b"})
    assert 'data-act="unselect" data-turn="4" data-file="seeds/a&lt;b&gt;.txt"' in html
    nothing = a_record(message=7, verdict="wrong", answer=None, reason="no_evidence")
    assert "It is not in these documents" not in turn(nothing, 0, True)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(text: str) -> None:
    """In text, file name, title, question and answer: no tag or attribute but ours."""
    known = Tags(turn(a_record(carried=["x"], message=1), 0, True) + panel(a_record()))
    spoiled = f"so {text} is"
    first = hit("p1", spoiled, f"seeds/{text}.txt", lexical=1)
    record = a_record(
        question=text, asked_as=text, carried=[text], answer=text, hits=[first],
        citations=[citation(first, text, text)], others=[], message=1,
    )  # fmt: skip
    record["beside"]["narrowed"] = text
    html = turn(record, 0, True) + panel(record)
    found = Tags(html)
    assert found.tags <= known.tags and found.attributes <= known.attributes
    assert found.open == [], "a tag was left open or closed by the text"
    assert found.text.count(text) >= 6
    listing = [(f"seeds/{text}.txt", text, text, 1)]
    entries = {"x": Entry(text, "seeds", "skipped", reason=text, mend=text)}
    said = [Conversation(1, text, text, "2026-11-20T10:00:00Z", text, 1)]
    whole = (
        ledger.panel(text, listing, entries, {text: text}, Job(False, error=text))
        + shelf.collections([Shelf(text, 1, 1)], text)
        + shelf.conversations(said, 1, text)
        + shelf.welcome(Shelf(text, 1, 1), False)
    )
    assert Tags(whole).tags.isdisjoint({"script", "img", "svg", "iframe", "style", "math"})
    assert not {name for name in Tags(whole).attributes if name.startswith("on")}
    assert Tags(whole).open == []


def test_marks_are_where_they_belong() -> None:
    assert marked("abc def", 10, [(14, 17), (10, 11)]) == "<mark>a</mark>bc <mark>def</mark>"
    assert marked("abc", 10, [(0, 11), (99, 100)]) == "<mark>a</mark>bc"
    assert marked("abcd", 0, [(0, 3), (1, 2)]) == "<mark>abc</mark>d"
    assert marked("a\n\n b", 0, []) == "a\nb"


def test_an_excerpt_holds_its_span_and_whole_words() -> None:
    text = " ".join(f"w{n:03}" for n in range(400))
    start = text.index("w200")
    shown = Tags(excerpt(text, 50, [(start + 50, start + 54)])).text
    assert shown.startswith("… w") and shown.endswith(" …") and "w200" in shown
    assert set(shown.strip("… ").split()) <= set(text.split())
    assert len(shown) < 450
    assert excerpt("Short.", 7, []) == '<span data-start="7">Short.</span>'


@given_any(st.text(alphabet="ab😀\0\ud800", max_size=9), st.integers(0, 9))
def test_stretches_have_the_fingerprints_of_their_texts(text: str, length: int) -> None:
    stretches = [text[at : at + length] for at in range(max(1, len(text) - length + 1))]
    assert [f"{value:x}" for value in rolled(text, length)] == list(map(fingerprint, stretches))


@pytest.mark.parametrize(
    ("text", "start", "place"),
    [
        ("In Porto and Porto.", 3, (3, 8)), ("In Porto and Porto.", 13, (13, 18)),
        ("In Porto and Porto.", 7, (3, 8)), ("In Porto and Porto.", 9, (13, 18)),
        ("Porto", 10**30, (0, 5)), ("Porto", -(10**30), (0, 5)), ("Faro.", 0, None),
        ("", 0, None), ("Por", 0, None), ("x" * 99 + "Porto", 0, None),
        ("x" * 40 + "Porto", 0, (40, 45)),
    ],
)  # fmt: skip
def test_words_are_followed_to_where_they_stand_now(
    monkeypatch: pytest.MonkeyPatch, text: str, start: int, place: tuple[int, int] | None
) -> None:
    monkeypatch.setattr(document, "NEAR", 50)
    words = fingerprint("Porto")
    assert document.followed(text, start, start + 5, words) == place
    assert document.followed(text, start, start + 5, "") == (start, start + 5)
    for nonsense in (words[:-1], "x"):
        assert document.followed(text, start, start + 5, nonsense) is None


def test_of_an_address_from_elsewhere_little_is_made() -> None:
    """However long the stretch that it names, the time it takes is short."""
    text = "x" * 3_000_000
    assert document.followed(text, 0, 1_500_000, "1") is None
    assert document.followed(text, 0, 10**30, "1") is None
    assert document.followed(text, 9, 3, "1") is None


def a_document(text: str, **more: Any) -> Document:
    return Document("d", "seeds/a.pdf", text, "0" * 64, **more)


def test_a_document_shows_whole_with_its_mark_pages_and_kinds() -> None:
    text = "Menu. Title. One two. Three four."
    marks = (Mark(0, 5, BOILERPLATE), Mark(6, 12, "heading"))
    html = document.view(a_document(text, page_starts=(0, 22), marks=marks), "seeds", 13, 16)
    body = html.partition('<div class="paper"')[2]
    shown = Tags('<div class="paper"' + body).text
    assert shown == "Page 1Menu. Title. One two. Page 2Three four."
    assert '<mark id="mark" tabindex="-1">One</mark>' in body
    assert (
        '<span class="dim">Menu.</span>' in body and '<span class="heading">Title.</span>' in body
    )


def test_a_span_across_pages_and_kinds_is_marked_throughout() -> None:
    html = document.view(a_document("abcdef", page_starts=(0, 3)), "seeds", 2, 5)
    assert html.count("<mark") == 2 and ">c</mark>" in html and "<mark>de</mark>" in html


def test_of_an_endless_document_the_part_around_the_mark_shows() -> None:
    text = "x" * 500_000
    html = document.view(a_document(text), "seeds", 400_000, 400_001)
    assert "300,000 characters before this are not shown here." in html
    assert len(html) < document.WINDOW + 2_000


def test_the_ledger_says_what_was_left_out_and_why() -> None:
    entries = {
        "seeds/a.xls": Entry("seeds/a.xls", "seeds", "skipped", reason="unknown type .xls"),
        "seeds/b.txt": Entry("seeds/b.txt", "seeds", "excluded", reason="removed by you"),
    }
    html = ledger.panel("seeds", [("seeds/c.txt", None, None, 3)], entries, {}, Job(False))
    text = Tags(html).text
    assert "2 left out, and why" in text and "unknown type .xls" in text
    assert "c.txt" in text and "undated · 3 passages" in text
    assert html.count('data-act="let-in"') == 1


def test_progress_is_told() -> None:
    assert "Reading files: 3 of 9" in Tags(ledger.progress(Job(True, "Reading files", 3, 9))).text
    report = {"indexed": 2, "updated": 0, "skipped": 1}
    assert "2 indexed, 1 skipped" in ledger.progress(Job(False, report=report))
    assert "No space." in ledger.progress(Job(False, error="No space."))
    both = ledger.progress(Job(False, error="No space.", report=report))
    assert "No space." in both and "2 indexed" in both
    assert "Removed: a&lt;b&gt;." in ledger.progress(Job(False, said="Removed: a<b>."))
