"""HTML of a question and its answer, made from the record of the answer alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rag.chat.marks import deed, marked, name, plural
from rag.chat.sources import Record, cited, given
from rag.show import REASONS

SURE = ((0.85, "Sure"), (0.65, "Fairly sure"), (0.45, "Unsure"), (0.0, "Doubtful"))
VERDICTS = (("right", "Yes"), ("wrong", "No"), ("incomplete", "Incomplete"))
ABSENT = "It is not in these documents"
SENTENCES = 3
"""Sentences quoted under one answer; further documents are among the sources."""


def turn(record: Record, number: int, shown: bool) -> str:
    """One question with what was said to it.

    Args:
        record: of the answer; while it is under way ``state`` is ``"waiting"`` or ``"reading"``,
            and ``error`` is the sentence of one that failed.
        number: of the turn, from 0; its buttons send it along.
        shown: its sources are those beside it.
    """
    current = ' aria-current="true"' if shown else ""
    message = f' data-message="{record["message"]}"' if record.get("message") else ""
    return (
        f'<article class="turn" data-turn="{number}"{message}{current}>'
        f'<h2 class="asked" dir="auto">{escape(record["question"])}</h2>'
        f"{_asked_as(record, number)}{_said(record, number)}</article>"
    )


def sure(confidence: float | None, beside: Mapping[str, Any] | None = None) -> str:
    """HTML of a confidence in words, with what it means, and on what if `beside` is given."""
    if confidence is None:
        return "<strong>No confidence</strong>: this reader is not calibrated"
    word = next(word for least, word in SURE if confidence >= least)
    often = _often(confidence)
    if beside is None:
        return f"<strong>{word}</strong>: right {often}"
    on = escape(str(beside.get("on") or "the calibration questions"))
    return f"<strong>{word}</strong>: answers like this were right {often} on {on}"


def _often(confidence: float) -> str:
    """A probability as a count, never so rounded that it is certain.

    >>> _often(0.951), _often(0.95)
    ('more than 19 times in 20', 'about 9 times in 10')
    >>> _often(0.05), _often(0.049)
    ('about once in 10 times', 'less than once in 20 times')
    """
    if confidence > 0.95:
        return "more than 19 times in 20"
    if confidence < 0.05:
        return "less than once in 20 times"
    tenths = min(max(round(confidence * 10), 1), 9)
    return "about once in 10 times" if tenths == 1 else f"about {tenths} times in 10"


def _asked_as(record: Record, number: int) -> str:
    """What a follow-up was understood as, if that differs, and the way out of it."""
    text = record.get("asked_as", record["question"])
    if not record.get("carried"):
        return ""
    literal = deed("literal", "Ask it literally", turn=number)
    return f'<p class="asked-as">asked as: <q dir="auto">{escape(text)}</q> {literal}</p>'


def _said(record: Record, number: int) -> str:
    if record.get("error"):
        return f'<p class="trouble" role="alert">{escape(record["error"])}</p>'
    if record.get("state") == "waiting":
        return '<p class="quiet">Searching…</p>'
    if record.get("state") == "reading":
        return f'<p class="quiet">Reading {plural(len(record["hits"]), "passage")}…</p>'
    answers = given(record)
    body = _answered(record, answers) if answers else _not_found(record)
    return (
        f'<div class="said">{body}{_notes(record)}{_also(record, answers)}{_how(record)}'
        f"{_deeds(record, number)}</div>"
    )


def _answered(record: Record, answers: Sequence[Mapping[str, Any]]) -> str:
    numbers = {ident: n for n, ident in enumerate(cited(record), start=1)}
    first, *equals = (
        _one(record, answer, numbers, SENTENCES if answer is record else 1) for answer in answers
    )
    if not equals:
        return first
    counts = ""
    if len(numbers) > 1:
        said = " · ".join(
            f'{plural(_documents(a), "document")}: <em dir="auto">{escape(a["answer"])}</em>'
            for a in answers
        )
        counts = f'<p class="counts">{said}</p>'
    others = "".join(f"<li>{other}</li>" for other in equals)
    return (
        f'{first}<section class="equals"><h3>The documents also say</h3>{counts}'
        f"<ul>{others}</ul></section>"
    )


def _one(
    record: Record, answer: Mapping[str, Any], numbers: Mapping[str, int], sentences: int
) -> str:
    """An answer with its sources' chips, its sentences and its confidence."""
    documents = dict.fromkeys(c["document_id"] for c in answer["citations"])
    chips = "".join(
        f'<a class="chip" data-act="source" href="#source-{numbers[ident]}" '
        f'aria-label="Source {numbers[ident]}">{numbers[ident]}</a>'
        for ident in documents
    )
    quotations = [_sentence(record, c) for c in answer["citations"]]
    quoted = "".join(dict.fromkeys(quotations[:sentences]))
    line = sure(answer["confidence"], record.get("beside", {}) if answer is record else None)
    say = f"{plural(len(documents), 'document')} {'says' if len(documents) == 1 else 'say'} so"
    return (
        f'<p class="answer"><span dir="auto">{escape(answer["answer"])}</span> {chips}</p>{quoted}'
        f'<p class="sure">{line} <span>{say}</span></p>'
    )


def _documents(answer: Mapping[str, Any]) -> int:
    return len({citation["document_id"] for citation in answer["citations"]})


def _sentence(record: Record, citation: Mapping[str, Any]) -> str:
    """The sentence that a citation stands in, as far as its passage holds it."""
    hit = next((h for h in record["hits"] if h["passage_id"] == citation["passage_id"]), None)
    if hit is None:
        return f'<blockquote dir="auto"><mark>{escape(citation["quote"])}</mark></blockquote>'
    start = max(citation["sentence_start"], hit["start"])
    end = min(citation["sentence_end"], hit["end"])
    text = hit["text"][start - hit["start"] : end - hit["start"]]
    shown = marked(text, start, [(citation["start"], citation["end"])])
    before = "… " if start > citation["sentence_start"] else ""
    after = " …" if end < citation["sentence_end"] else ""
    return f'<blockquote dir="auto">{before}{shown}{after}</blockquote>'


def _not_found(record: Record) -> str:
    """That there is no answer, why, and where one might look."""
    why = {
        "below_threshold": "The best that was found is too doubtful to be given as an answer.",
        "no_evidence": "No passage has to do with the question, by its words or by its meaning.",
        "empty_index": "Add documents first: “Documents”, on the left.",
        "question_unreadable": "",
    }[record["reason"]]
    said = REASONS[record["reason"]]
    nearest = ""
    if record["hits"]:
        nearest = " The nearest passages are among the sources."
    return f'<p class="answer none">{escape(said)}</p><p class="why">{escape(why + nearest)}</p>'


def _notes(record: Record) -> str:
    """The filter in words, with the undated documents that fell out; and what went wrong."""
    beside, notes = record.get("beside", {}), []
    if beside.get("narrowed"):
        undated = beside.get("undated")
        fell = f" {plural(undated, 'undated document')} fell out." if undated else ""
        notes.append(f"Only {beside['narrowed']}.{fell}")
    if record.get("trouble"):
        notes.append(f"This answer is not kept: {record['trouble']}")
    return "".join(f'<p class="note">{escape(note)}</p>' for note in notes)


def _also(record: Record, answers: Sequence[Mapping[str, Any]]) -> str:
    """The answers that the threshold withholds, folded."""
    equals = {id(answer) for answer in answers}
    rest = [other for other in record["others"] if id(other) not in equals]
    if not rest:
        return ""
    items = "".join(
        f'<li><p dir="auto">{escape(o["answer"])}</p>{_sentence(record, o["citations"][0])}'
        f'<p class="sure">{sure(o["confidence"])}</p></li>'
        for o in rest
    )
    return (
        f'<details class="also"><summary>Also considered ({len(rest)})</summary>'
        f"<ul>{items}</ul></details>"
    )


def _how(record: Record) -> str:
    """How the answer was found, with timings, folded."""
    beside = record.get("beside", {})
    lines = [
        f"Searched {record['collection']}, generation {record['generation']}, by words and by "
        f"meaning: {beside.get('search_ms', 0)} ms to the first passage.",
        f"Read {plural(len(record['hits']), 'passage')}: {beside.get('read_ms', 0)} ms.",
    ]
    if beside.get("on") and record["confidence"] is not None:
        lines.append(f"The best answer has confidence {record['confidence']:.2f} of 1.")
    if beside.get("threshold") is not None:
        lines.append(f"From {beside['threshold']:.2f} on an answer is given.")
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    took = f"{record['elapsed_ms']:,} ms"
    head = f"<summary>How this was found ({took})</summary>"
    return f'<details class="how">{head}<ul>{items}</ul></details>'


def _deeds(record: Record, number: int) -> str:
    """Sources again; and whether it was right, where answers are remembered."""
    said = [deed("show", "Show its sources", turn=number)]
    if record.get("message"):
        given_one = record["answer"] is not None
        verdicts = "".join(
            _verdict(record, number, key, label)
            for key, label in (VERDICTS if given_one else VERDICTS[:2])
        )
        said.append(f'<span class="verdict"><span>Is this right?</span>{verdicts}</span>')
    return f'<div class="deeds">{"".join(said)}</div>{_judged(record, number)}'


def _verdict(record: Record, number: int, key: str, label: str) -> str:
    pressed = str(record.get("verdict") == key).lower()
    return (
        f'<button type="button" data-act="verdict" data-turn="{number}" data-verdict="{key}" '
        f'aria-pressed="{pressed}">{label}</button>'
    )


def _judged(record: Record, number: int) -> str:
    """How to say what would have been right, and the words that were selected as the answer."""
    said = ""
    if record.get("verdict") in ("wrong", "incomplete", "absent"):
        said = (
            '<p class="quiet">Select the right words in a source or in an opened document, and '
            "press “This is the answer”.</p>"
        )
        if record["answer"] is not None:
            said += f'<p class="deeds">{_verdict(record, number, "absent", ABSENT)}</p>'
    spans = "".join(
        f'<li><q dir="auto">{escape(span["text"])}</q> '
        f'<span class="about" dir="auto">{escape(name(span["path"]))}</span> '
        f"{_forget(span, number)}</li>"
        for span in record.get("selected") or ()
    )
    if spans:
        said += f'<p class="quiet">The answer, as selected by you:</p><ul>{spans}</ul>'
    return f'<div class="judged">{said}</div>' if said else ""


def _forget(span: Mapping[str, Any], number: int) -> str:
    # Not `path`: Gradio takes an object with a path for a file, and drops the event.
    place = {"file": span["path"], "start": span["start"], "end": span["end"]}
    return deed("unselect", "Forget", turn=number, **place)
