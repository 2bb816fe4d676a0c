"""Vectors on disk and exact search over them. The only door to FAISS.

Vectors are made unit length here and only here, so that an inner product is a cosine. They lie in
a plain float32 ``.npy`` file, memory-mapped and searched by ``faiss.knn``, whose results equal
``faiss.IndexFlatIP``'s bit for bit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.types import Vectors

FILE = "vectors.npy"


def unit(vectors: Vectors) -> Vectors:
    """Each row divided by its length; a zero row stays zero, and so is never a hit."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    out: Vectors = np.zeros_like(vectors, dtype=np.float32)
    np.divide(vectors, lengths, out=out, where=lengths > 0)
    return out


class DenseIndex:
    """Exact cosine search over an (n, dim) float32 array of unit vectors.

    >>> index = DenseIndex(np.eye(3, dtype=np.float32))
    >>> index.search(np.array([1, 1, 0], dtype=np.float32), k=1)
    [(0, 0.7071067690849304), (1, 0.7071067690849304)]
    """

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors

    @staticmethod
    def build(vectors: Vectors, folder: Path) -> None:
        """Write unit vectors of shape (n, dim) below `folder`."""
        np.save(folder / FILE, np.ascontiguousarray(vectors, np.float32), allow_pickle=False)

    @classmethod
    def open(cls, folder: Path) -> DenseIndex:
        """Map the vectors below `folder` into memory."""
        array = np.load(folder / FILE, mmap_mode="r", allow_pickle=False)
        if array.ndim != 2 or array.dtype != np.float32:
            raise ValueError(f"{FILE} holds {array.dtype} {array.shape}, not float32 (n, dim)")
        return cls(array)

    def __len__(self) -> int:
        return len(self.vectors)

    def search(
        self, query: Vectors, k: int, rows: NDArray[np.int64] | slice | None = None
    ) -> list[tuple[int, float]]:
        """(row, cosine) of the `k` best rows, best first, ties by row, only above zero.

        Every row that ties with the k-th is in the list too, so that the caller may cut by id.

        Args:
            query: (dim,) of any length.
            k: how many.
            rows: which rows may be returned; all by default. A slice costs nothing, an array of
                row numbers copies those vectors.
        """
        pool, numbers = self._pool(rows)
        if not len(pool) or k < 1:
            return []
        query = unit(np.asarray(query, np.float32).reshape(1, -1))
        k = min(k, len(pool))
        scores, found = _knn(query, pool, min(k + 1, len(pool)))
        if len(scores) > k and scores[k] == scores[k - 1]:
            # The k-th place is shared. Every tie is wanted: ask again until the tie ends.
            wanted = 2 * (k + 1)
            while True:
                wanted = min(wanted, len(pool))
                scores, found = _knn(query, pool, wanted)
                if wanted == len(pool) or scores[-1] < scores[k - 1]:
                    break
                wanted *= 4
            keep = scores >= scores[k - 1]
        else:
            keep = np.arange(len(scores)) < k
        keep &= scores > 0
        named = found if numbers is None else numbers[found]
        return sorted(
            zip(named[keep].tolist(), scores[keep].tolist(), strict=True),
            key=lambda pair: (-pair[1], pair[0]),
        )

    def _pool(
        self, rows: NDArray[np.int64] | slice | None
    ) -> tuple[Vectors, NDArray[np.int64] | None]:
        if rows is None:
            return self.vectors, None
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self.vectors))
            return self.vectors[start:stop], np.arange(start, stop)
        return np.ascontiguousarray(self.vectors[rows]), rows


def _knn(query: Vectors, pool: Vectors, k: int) -> tuple[NDArray[Any], NDArray[Any]]:
    import faiss  # not before the encoder has imported torch, or macOS crashes (faiss-wheels#73)

    scores, rows = faiss.knn(query, pool, k, metric=faiss.METRIC_INNER_PRODUCT)
    return scores[0], rows[0]
