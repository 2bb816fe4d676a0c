"""Small real things that tests share: an encoder that needs no weights, and folders of files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from index.types import Vectors

SEEDS = Path(__file__).parent.parent / "seeds"
SHARED = Path(__file__).parent.parent.parent / "shared" / "data"


class WordEncoder:
    """A bag of hashed words: texts that share words are near each other. Counts words as tokens."""

    dim = 64
    max_tokens = 254

    def __init__(self, name: str = "words", salt: str = "") -> None:
        self.name = name
        self.fingerprint = f"{name}{salt}"
        self.encoded: list[str] = []

    def passages(self, texts: Sequence[str]) -> Vectors:
        self.encoded += texts
        return self.queries(texts)

    def queries(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.casefold()):
                place = hashlib.sha256((self.fingerprint + word).encode()).digest()[0] % self.dim
                vectors[row, place] += 1
        return vectors

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """A folder holding these files."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
