"""A question and a passage in a model's tokens, and windows of them. Numpy and tokenizers only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

QUESTION_TOKENS = 64
"""A question is cut to so many, and to a third of a window."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and a passage; a window is all of it but for some of the passage's tokens.

    Attributes:
        ids: (tokens,) of the whole pair.
        types: (tokens,), which of the two a token belongs to, for models that ask.
        before: tokens ahead of the passage's first.
        after: tokens behind its last.
        offsets: where each of the passage's tokens stands in it.
    """

    ids: Ids
    types: Ids
    before: int
    after: int
    offsets: list[tuple[int, int]]

    @classmethod
    def of(cls, tokenizer: Any, question: str, text: str) -> Pair:  # noqa: ANN401
        """The pair in the tokens of a `tokenizers.Tokenizer`."""
        encoding = tokenizer.encode(question, _SURROGATE.sub("\ufffd", text))
        inside = [i for i, part in enumerate(encoding.sequence_ids) if part == 1]
        count = len(encoding.ids)
        before, after = (inside[0], count - inside[-1] - 1) if inside else (count, 0)
        ids, types = np.array(encoding.ids), np.array(encoding.type_ids)
        every = encoding.offsets  # made anew at each access
        offsets = [every[i] for i in inside]
        return cls(ids.astype(np.int64), types.astype(np.int64), before, after, offsets)

    @property
    def overhead(self) -> int:
        """Tokens of the question and special ones."""
        return self.before + self.after

    def window(self, first: int, last: int) -> tuple[Ids, Ids, Ids]:
        """ids, mask and types, each (1, tokens), with the passage's tokens [first, last)."""
        rest = len(self.ids) - self.after
        chosen = np.r_[
            0 : self.before, self.before + first : self.before + last, rest : len(self.ids)
        ]
        ids = self.ids[None, chosen]
        return ids, np.ones_like(ids), self.types[None, chosen]


def shortened(tokenizer: Any, question: str, max_tokens: int) -> str:  # noqa: ANN401
    """The question, cut so that a window of `max_tokens` has room for a passage."""
    question = _SURROGATE.sub("\ufffd", question)
    budget = min(QUESTION_TOKENS, max_tokens // 3)
    offsets = tokenizer.encode(question, add_special_tokens=False).offsets
    return question if len(offsets) <= budget else question[: offsets[budget - 1][1]]
