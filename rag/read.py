"""The reader: spans of passages that answer a question. The only door to transformers (with train).

A passage is read in windows that share `stride` tokens, so that no text goes unread, and each
window in a forward pass of its own, side by side (`index.lanes`): the same words give the same
bits whatever else is asked. The network only gives logits; windows and decoding are `tokenizers`
and numpy.
"""

from __future__ import annotations

import inspect
import logging
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.encode import quiet_loading, sha256_of_weights
from index.errors import ModelError
from index.lanes import side_by_side
from index.types import Hit
from rag.decode import best_spans, joint, windows
from rag.pair import Ids, Pair, shortened
from rag.types import Span

SHIPPED = Path(__file__).parent / "models" / "reader"

Logits = NDArray[np.float32]
Network = Callable[[Ids, Ids, Ids], tuple[Logits, Logits]]
"""(ids, mask, types), each (windows, tokens), to (start, end) logits of the same shape."""

log = logging.getLogger("spanwise.read")

_HUB_NAME = re.compile(r"[\w.-]+(?:/[\w.-]+)?")


class Reader:
    """A question-answering model of the transformers library. Made light, loaded at the first use.

    Args:
        model: None for the reader that Spanwise ships, else a local folder or the name of a model
            on the Hugging Face hub (which needs the network once, unless it is in the cache).
        max_tokens: length of a window: question, special tokens and passage.
        stride: passage tokens that neighbouring windows share.
        max_answer_tokens: the longest answer.

    Raises:
        ModelError: from `warm_up`, `fingerprint` and `read`, if the model cannot be loaded, is no
            question-answering model or has no safetensors weights.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        max_tokens: int = 256,
        stride: int = 64,
        max_answer_tokens: int = 30,
    ) -> None:
        self.name = "spanwise-reader" if model is None else str(model)
        self._model = SHIPPED if model is None else model
        self._max_tokens, self._stride, self._longest = max_tokens, stride, max_answer_tokens
        self._lock = threading.RLock()
        self._found: Path | None = None
        self._loaded: _Loaded | None = None
        self._fingerprint = ""

    @property
    def folder(self) -> Path:
        """Where the weights lie; a model on the hub is brought into the cache first."""
        with self._lock:
            if self._found is None:
                self._found = _folder(self._model)
            return self._found

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the weights; loads nothing."""
        with self._lock:
            if not self._fingerprint:
                try:
                    self._fingerprint = sha256_of_weights(self.folder)
                except OSError as error:
                    raise ModelError(
                        "The reader's weights cannot be read", where=self.name, mend=_told(error)
                    ) from error
            return self._fingerprint

    def warm_up(self) -> None:
        """Load the weights, once; safe to call from several threads."""
        self._ready()

    def _ready(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self.folder)
                log.info("reader %s loaded", self.name)
            return self._loaded

    def read(self, asked: Sequence[tuple[str, Sequence[Hit]]], top: int = 5) -> list[list[Span]]:
        """For each question the spans of all its passages on one scale, best first.

        A passage gives at most `top` spans, no two of which overlap; each lies in one sentence,
        is made of whole words and holds a letter or digit. Ties are in order of place.
        """
        if not any(hits for _, hits in asked):
            return [[] for _ in asked]
        loaded = self._ready()
        limit = min(self._max_tokens, loaded.limit)
        shorts = [shortened(loaded.tokenizer, question, limit) for question, _ in asked]
        pairs = (
            (short, hit) for short, (_, hits) in zip(shorts, asked, strict=True) for hit in hits
        )
        read = side_by_side(lambda pair: self._read_one(loaded, *pair, top), pairs)
        return [sorted(chain(*islice(read, len(hits))), key=_order) for _, hits in asked]

    def _read_one(self, loaded: _Loaded, question: str, hit: Hit, top: int) -> list[Span]:
        text = hit.passage.text
        limit = min(self._max_tokens, loaded.limit)
        pair = Pair.of(loaded.tokenizer, question, text)
        if not pair.offsets:
            return []
        scores = np.full((len(pair.offsets), self._longest), -np.inf)
        null = np.inf
        for first, last in windows(len(pair.offsets), limit - pair.overhead, self._stride):
            start, end = loaded.network(*pair.window(first, last))
            null = min(null, float(start[0, 0]) + float(end[0, 0]))
            inside = slice(pair.before, pair.before + last - first)
            here = joint(start[0, inside], end[0, inside], self._longest)
            scores[first:last] = np.maximum(scores[first:last], here)
        offset = hit.passage.start
        return [
            Span(hit, offset + start, offset + end, round(score, 6), round(null, 6))
            for start, end, score in best_spans(text, pair.offsets, scores, top)
        ]


def _order(span: Span) -> tuple[float, str, int, int, str]:
    passage = span.hit.passage
    return -span.score, passage.doc_id, span.start, span.end, passage.id


@dataclass(frozen=True, slots=True)
class _Loaded:
    """`tokenizer` is a `tokenizers.Tokenizer`, `limit` the longest window of the model."""

    network: Network
    tokenizer: Any
    limit: int


def _folder(model: str | Path) -> Path:
    """The folder of a model; one on the hub is brought into the cache first."""
    name = str(model)
    try:
        path = Path(model).expanduser()
        there, complete = path.exists(), (path / "config.json").is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(
            "The model folder cannot be read", where=name, mend=_told(error)
        ) from error
    if there and not complete:
        raise ModelError(
            "No model in this folder",
            where=path,
            mend="It needs config.json, tokenizer.json and model.safetensors, as transformers' "
            "save_pretrained writes them.",
        )
    if not there:
        path = _from_hub(model)
    if not any(path.glob("*.safetensors")):
        raise ModelError(
            "No safetensors weights in the model folder",
            where=path,
            mend="Spanwise does not unpickle; convert the model to safetensors first.",
        )
    return path


def _from_hub(model: str | Path) -> Path:
    name = str(model)
    if isinstance(model, Path) or not _HUB_NAME.fullmatch(name):
        raise ModelError("No such model folder", where=name, mend="Check the path.")
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "*.txt", "*.model", "*.safetensors"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception as error:  # network, proxy, login, disk and cache each have their own
        raise ModelError(
            "The reader is neither a folder nor to be had from the hub",
            where=name,
            mend=f"Check the name and the network, or name a local folder. {_told(error)}",
        ) from error


def _load(folder: Path) -> _Loaded:
    model, tokenizer, limit = load_model(folder)
    return _Loaded(_torch_network(model.eval()), tokenizer, limit)


def load_model(folder: Path, new_head: bool = False) -> tuple[Any, Any, int]:
    """(transformers' model in float32, its `tokenizers.Tokenizer`, tokens of its longest window).

    Args:
        folder: config, tokenizer and safetensors weights.
        new_head: whether a model without weights for answering may be given new, random ones.

    Raises:
        ModelError: it cannot be loaded, or is not of the kind that is wanted.
    """
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    try:
        with quiet_loading():
            model, report = AutoModelForQuestionAnswering.from_pretrained(
                str(folder),
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
            theirs = AutoTokenizer.from_pretrained(
                str(folder), trust_remote_code=False, local_files_only=True
            )
        # A copy of our own: transformers changes its one at every call, which threads cannot share.
        tokenizer = Tokenizer.from_str(theirs.backend_tokenizer.to_str())
    except Exception as error:  # whatever a foreign folder can set off in transformers
        raise ModelError(
            "The reader cannot be loaded",
            where=folder,
            mend=f"Name a question-answering model that transformers can load. {_told(error)}",
        ) from error
    missing = {key for key in report["missing_keys"] if not (new_head and "qa_outputs" in key)}
    if missing:
        raise ModelError(
            "Not a question-answering model: it has no weights for "
            + ", ".join(sorted(missing)[:3]),
            where=folder,
            mend="Fine-tune it first (spanwise train), or name one that was.",
        )
    # Without a tokeniser's files transformers makes up one that knows no words.
    if not model.config.vocab_size // 2 <= tokenizer.get_vocab_size() <= model.config.vocab_size:
        raise ModelError(
            "The tokenizer is not the model's",
            where=folder,
            mend="Put the tokenizer.json that the model was trained with beside its weights.",
        )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    # RoBERTa and its kin keep two positions for themselves.
    positions = getattr(model.config, "max_position_embeddings", 0) or 514
    return model, tokenizer, min(int(theirs.model_max_length), positions - 2)


def _torch_network(model: Any) -> Network:  # noqa: ANN401  transformers is imported on demand
    import torch

    typed = "token_type_ids" in inspect.signature(model.forward).parameters
    typed = typed and getattr(model.config, "type_vocab_size", 0) > 1

    def network(ids: Ids, mask: Ids, types: Ids) -> tuple[Logits, Logits]:
        given = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if typed:
            given["token_type_ids"] = torch.from_numpy(types)
        with torch.inference_mode():
            out = model(**given)
        if getattr(out, "start_logits", None) is None:
            raise ModelError(
                "This kind of model gives no start and end logit for every token",
                where=model.name_or_path,
                mend="Name a model of another kind, such as BERT, RoBERTa, ELECTRA or DeBERTa.",
            )
        return out.start_logits.numpy(), out.end_logits.numpy()

    return network


def _told(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"({type(error).__name__}: {lines[0][:200]})"
