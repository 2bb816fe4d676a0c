"""Models of a few hundred weights, with real tokenizers, that tests make for themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForQuestionAnswering, PreTrainedTokenizerFast

from index.lanes import _lanes

WORDS = (
    "who heads the council of raqqa and 4 , 000 fighters . ? ( ) he said ' s u on friday".split()
)


@contextmanager
def cores(count: int) -> Iterator[None]:
    """As on a machine of so many cores: torch's threads, and lanes made anew for them."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    _lanes.cache_clear()
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _lanes.cache_clear()


def save(model: Any, tokenizer: Tokenizer, folder: Path, **special: str) -> Path:
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return folder


def tiny_bert(
    folder: Path, kind: Callable[..., Any] = BertForQuestionAnswering, seed: int = 1
) -> Path:
    """A model of one layer, never trained, of the given kind."""
    tokenizer = word_pieces()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(bert_config(tokenizer.get_vocab_size()))
    return save(model, tokenizer, folder, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]")


def bert_config(vocabulary: int) -> BertConfig:
    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=66,
        initializer_range=1.0,
    )


def word_pieces() -> Tokenizer:
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, "##a", "##s"]
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.enable_truncation(7)  # as shipped with many models; a reader must not obey it
    tokenizer.enable_padding(length=9)
    return tokenizer
