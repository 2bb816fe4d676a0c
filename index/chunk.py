"""Documents to passages: whole sentences, to a budget of the encoder's own tokens, with overlap.

A passage is a slice of the document, so its offsets are exact by construction. It never runs over
a heading, a page break or the border of boilerplate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from index.sentences import sentences
from index.types import BOILERPLATE, HEADING, Document, Passage, passage_id

Count = Callable[[Sequence[str]], list[int]]
"""Tokens of each text, special tokens not counted: `Encoder.count`."""

VERSION = 1
"""Of the rules in this file: to be raised when the same document would be cut otherwise."""

CHARS_PER_TOKEN = 8
"""A passage is never longer than this many characters per token of the budget: a tokeniser may
count a megabyte without a blank as one unknown word."""


@dataclass(frozen=True, slots=True)
class ChunkPolicy:
    """How documents are cut.

    Attributes:
        max_tokens: budget of a passage in the encoder's tokens, special tokens not counted.
        overlap_tokens: sentences of up to this many tokens are repeated in the next passage.
        context_tokens: title and section, of up to this many tokens, are encoded and indexed
            with the passage (never cited); 0 for none.
    """

    max_tokens: int = 160
    overlap_tokens: int = 40
    context_tokens: int = 32

    def within(self, limit: int) -> ChunkPolicy:
        """The same policy, cut down so that passage and context fit `limit` tokens."""
        context = min(self.context_tokens, limit // 4)
        budget = max(1, min(self.max_tokens, limit - context))
        return ChunkPolicy(budget, min(self.overlap_tokens, budget // 2), context)

    def to_dict(self) -> dict[str, object]:
        """For the manifest."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What `to_dict` gave."""
        return cls(**{key: value for key, value in data.items() if key != "version"})


@dataclass(frozen=True, slots=True)
class _Block:
    """A stretch that no passage may run out of."""

    start: int
    end: int
    section: str
    boilerplate: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence, or a part of one that is over the budget by itself."""

    start: int
    end: int
    tokens: int


def chunk(document: Document, policy: ChunkPolicy, count: Count) -> list[Passage]:
    """The passages of `document`, in the order of the text.

    Every character that is not blank is in a passage; only overlap puts it in two. Boilerplate
    makes passages of its own.
    """
    text, spans = document.text, dict[tuple[int, int], _Block]()
    for block in _blocks(document):
        runs = _pack(_pieces(text, block, policy, count), policy)
        for (start, end), tokens in zip(runs, count([text[a:b] for a, b in runs]), strict=True):
            whole = tokens <= policy.max_tokens
            for span in [(start, end)] if whole else _halve(text, start, end, policy, count):
                spans.setdefault(span, block)  # two runs that overlap may share a half
    return [_passage(document, a, b, spans[a, b]) for a, b in sorted(spans)]


def _passage(document: Document, start: int, end: int, block: _Block) -> Passage:
    text = document.text[start:end]
    ident = passage_id(document.id, start, end, text)
    return Passage(
        ident, document.id, start, end, text, block.section, block.boilerplate, document.path
    )


def context_of(document: Document, passage: Passage, policy: ChunkPolicy, count: Count) -> str:
    """Title and section, cut to the policy's budget: encoded beside the passage, never cited."""
    if not policy.context_tokens:
        return ""
    parts = [document.title or "", passage.section]
    text = " · ".join(dict.fromkeys(" ".join(part.split()) for part in parts if part))
    words = text[: policy.context_tokens * CHARS_PER_TOKEN].split()
    while words and count([" ".join(words)])[0] > policy.context_tokens:
        words.pop()
    return " ".join(words)


def _blocks(document: Document) -> list[_Block]:
    """Cut at headings (a heading opens its block), page starts and borders of boilerplate."""
    text = document.text
    headings = {
        text.rfind("\n", 0, m.start) + 1: text[m.start : m.end]
        for m in document.marks
        if m.kind == HEADING
    }
    boilerplate = sorted((m.start, m.end) for m in document.marks if m.kind == BOILERPLATE)
    cuts = {0, len(text), *headings, *document.page_starts}
    cuts.update(edge for pair in boilerplate for edge in pair)
    edges = sorted(cut for cut in cuts if 0 <= cut <= len(text))
    blocks: list[_Block] = []
    section, pending = "", 0
    for start, end in zip(edges, edges[1:], strict=False):
        while pending < len(boilerplate) and boilerplate[pending][1] <= start:
            pending += 1
        marked = pending < len(boilerplate) and boilerplate[pending][0] <= start
        if start in headings:
            section = " ".join(headings[start].split())
        if text[start:end].strip():
            blocks.append(_Block(start, end, section, marked))
    return _join_bare_headings(blocks, headings)


def _join_bare_headings(blocks: list[_Block], headings: dict[int, str]) -> list[_Block]:
    """A heading with nothing under it goes with the block that follows it."""
    joined: list[_Block] = []
    for block in blocks:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.start in headings
            and last.end == block.start
            and last.boilerplate == block.boilerplate
            and last.end - last.start <= len(headings[last.start]) + 4
        ):
            joined[-1] = _Block(last.start, block.end, block.section, block.boilerplate)
        else:
            joined.append(block)
    return joined


def _pieces(text: str, block: _Block, policy: ChunkPolicy, count: Count) -> list[_Piece]:
    spans = [
        (block.start + start, block.start + end)
        for start, end in sentences(text[block.start : block.end])
    ]
    pieces = []
    for (start, end), tokens in zip(spans, count([text[a:b] for a, b in spans]), strict=True):
        if tokens <= policy.max_tokens and end - start <= policy.max_tokens * CHARS_PER_TOKEN:
            pieces.append(_Piece(start, end, tokens))
        else:
            pieces.extend(_words(text, start, end, policy, count))
    return pieces


def _words(text: str, start: int, end: int, policy: ChunkPolicy, count: Count) -> list[_Piece]:
    """The words of a sentence that is over the budget; a word without end is cut hard."""
    widest = policy.max_tokens * CHARS_PER_TOKEN
    spans = [
        (start + cut, min(start + cut + widest, start + word.end()))
        for word in re.finditer(r"\S+", text[start:end])
        for cut in range(word.start(), word.end(), widest)
    ]
    tokens = count([text[a:b] for a, b in spans])
    return [_Piece(a, b, n) for (a, b), n in zip(spans, tokens, strict=True)]


def _pack(pieces: list[_Piece], policy: ChunkPolicy) -> list[tuple[int, int]]:
    """Runs of pieces within the budget; each repeats the last sentences of the one before."""
    runs: list[tuple[int, int]] = []
    first = 0
    while first < len(pieces):
        last, tokens = first, pieces[first].tokens
        while last + 1 < len(pieces) and _room(pieces, first, last + 1, tokens, policy):
            last += 1
            tokens += pieces[last].tokens
        runs.append((pieces[first].start, pieces[last].end))
        if last + 1 == len(pieces):
            break
        again, overlap = last + 1, 0
        while again - 1 > first and overlap + pieces[again - 1].tokens <= policy.overlap_tokens:
            again -= 1
            overlap += pieces[again].tokens
        # Overlap that leaves no room for the next piece would only repeat itself.
        while again <= last and not _room(pieces, again, last + 1, overlap, policy):
            overlap -= pieces[again].tokens
            again += 1
        first = again
    return runs


def _room(
    pieces: list[_Piece], first: int, following: int, tokens: int, policy: ChunkPolicy
) -> bool:
    width = pieces[following].end - pieces[first].start
    fits = width <= policy.max_tokens * CHARS_PER_TOKEN
    return fits and tokens + pieces[following].tokens <= policy.max_tokens


def _halve(
    text: str, start: int, end: int, policy: ChunkPolicy, count: Count
) -> list[tuple[int, int]]:
    """Halves of a run that a tokeniser counts higher than the sum of its parts."""
    middle = text.rfind(" ", start + 1, (start + end) // 2 + 1)
    middle = middle if middle > start else (start + end) // 2
    halves = []
    for a, b in ((start, middle), (middle, end)):
        stripped = text[a:b].strip()
        if not stripped:
            continue
        a = text.index(stripped, a)
        b = a + len(stripped)
        if len(stripped) < 2 or count([stripped])[0] <= policy.max_tokens:
            halves.append((a, b))
        else:
            halves += _halve(text, a, b, policy, count)
    return halves
