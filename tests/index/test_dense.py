from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.dense import FILE, DenseIndex, unit


def test_values_equal_exact_cosine(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(300, 16)).astype(np.float32)
    DenseIndex.build(unit(raw), tmp_path)
    index = DenseIndex.open(tmp_path)
    query = rng.normal(size=16).astype(np.float32)
    cosine = raw @ query / np.linalg.norm(raw, axis=1) / np.linalg.norm(query)
    best = [int(row) for row in np.argsort(-cosine)[:20]]
    found = index.search(query, 20)
    assert [row for row, _ in found] == best
    assert np.allclose([score for _, score in found], cosine[best], atol=1e-6)


def test_rows_limit_what_is_found() -> None:
    index = DenseIndex(np.eye(4, dtype=np.float32))
    query = np.array([0.9, 0.8, 0.7, 0.6], dtype=np.float32)
    assert [row for row, _ in index.search(query, 9, slice(2, 4))] == [2, 3]
    assert [row for row, _ in index.search(query, 9, np.array([1, 3]))] == [1, 3]
    assert index.search(query, 9, np.array([], dtype=np.int64)) == []


@pytest.mark.parametrize("copies", [2, 5, 50])
def test_all_ties_at_the_last_rank_are_fetched(copies: int) -> None:
    vectors = np.vstack([np.eye(2, dtype=np.float32)] * copies)
    found = DenseIndex(vectors).search(np.array([1, 0.5], dtype=np.float32), 1)
    assert sorted(row for row, _ in found) == list(range(0, 2 * copies, 2))
    assert len({score for _, score in found}) == 1


def test_no_evidence_is_no_hit() -> None:
    index = DenseIndex(np.array([[1, 0], [-1, 0], [0, 0]], dtype=np.float32))
    assert index.search(np.array([1, 0], dtype=np.float32), 3) == [(0, 1.0)]
    assert index.search(np.zeros(2, dtype=np.float32), 3) == []


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / FILE, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects"):
        DenseIndex.open(tmp_path)
