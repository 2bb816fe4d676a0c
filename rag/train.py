"""Fine-tune a reader: questions and contexts in, a model folder out. A door to transformers.

The usual training of extractive readers (Devlin et al. 2019, section 4.2): cross-entropy of the
first and of the last token of the answer, over the tokens of the context and the first special
token, which stands for "not answered here". Long contexts are cut into the windows that the reader
reads them in; a window without the answer is unanswerable. Windows of one question may be told
apart too, see `Training.together`.

Stopped, it goes on from its last checkpoint, to the same weights as if it had not been.
"""

from __future__ import annotations

import json
import math
import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from index.encode import quiet_loading
from index.errors import QuestionError, SettingsError
from rag.checkpoint import Checkpoint
from rag.decode import windows
from rag.lessons import Lesson
from rag.pair import Ids, Pair, shortened
from rag.read import Reader, load_model

LOOK_AHEAD = 50
"""Batches are made of texts of like length, of so many batches' worth of shuffled windows."""
_MASKED = -10_000.0
_OF_TOKENIZER = ("tokenizer", "vocab", "merges", "special_tokens", "sentencepiece")


@dataclass(frozen=True, slots=True)
class Training:
    """How to train.

    Attributes:
        epochs: passes over the lessons; may be a fraction.
        rate: AdamW's learning rate for the head, after its rise over the first `warmup` of the
            steps; from there it falls linearly to zero.
        layer_decay: a layer learns at this many times the rate of the layer above it.
        batch: windows a step.
        together: whether the windows of successive lessons that ask the same are one group (of
            `batch` windows at most, those with the answer first), in which the answer is to beat
            the spans of all of them, each less the null score of its window, as answers from
            different passages are compared (after the shared normalisation of Clark & Gardner
            2018). A step then takes about `batch` windows.
        train_embeddings: whether the words' vectors learn too; slower, seldom of use.
        bfloat16: whether matrices are multiplied in bfloat16; weights and sums stay float32.
            Faster on processors that have it (AVX512_BF16, AMX), slower on others.
        max_tokens, stride: the windows, see `Reader`.
        checkpoint_every: steps between two checkpoints.
        seed: of the order of the lessons and of a new head.
    """

    epochs: float = 2.0
    rate: float = 5e-5
    layer_decay: float = 0.9
    weight_decay: float = 0.01
    batch: int = 16
    together: bool = False
    warmup: float = 0.05
    train_embeddings: bool = False
    bfloat16: bool = False
    max_tokens: int = 256
    stride: int = 64
    checkpoint_every: int = 200
    seed: int = 1

    def __post_init__(self) -> None:
        wrong = [
            name
            for name, good in (
                ("epochs", 0 < self.epochs < 1_000),
                ("rate", 0 < self.rate < 1),
                ("layer_decay", 0 < self.layer_decay <= 1),
                ("batch", self.batch >= 1),
                ("max_tokens", self.max_tokens >= 32),
            )
            if not good
        ]
        if wrong:
            raise SettingsError(
                f"No training with this {wrong[0]}",
                where=getattr(self, wrong[0]),
                mend="See spanwise train --help.",
            )


@dataclass(frozen=True, slots=True)
class _Window:
    """What the network is shown, and the places of the right first and last token (0: null)."""

    ids: Ids
    types: Ids
    first: int
    last: int
    passage: slice


def train(
    lessons: Sequence[Lesson],
    base: str | Path | None,
    out: Path,
    training: Training | None = None,
    *,
    device: str | None = None,
    progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
) -> Path:
    """Train `base` on `lessons` and write the model to `out`, in float16, with its tokenizer.

    Args:
        lessons: at least one that has an answer.
        base: None for the shipped reader; a folder or hub name of a question-answering model, or
            of an encoder, which is given a new head.
        out: a new folder, or one in which a training like this one was stopped.
        training: None for the defaults.
        device: torch's name of it; None for a GPU if there is one.
        progress: called with (steps done, steps in all, the loss of late).

    Raises:
        ModelError: the base cannot be loaded.
        QuestionError: no lesson has an answer that the base's tokens can express.
        SettingsError: `out` holds something else, or there is no such device.
    """
    import torch

    training = training or Training()
    folder = Reader(base).folder
    state = Checkpoint(out, _fingerprint(lessons, folder, training))
    torch.manual_seed(training.seed)
    model, tokenizer, limit = load_model(folder, new_head=True)
    room = min(training.max_tokens, limit)
    made = _grouped(
        [(lesson, list(_windows(lesson, tokenizer, room, training.stride))) for lesson in lessons],
        training.batch if training.together else 1,
    )
    if not any(window.first for group in made for window in group):
        raise QuestionError(
            "Nothing to learn from: no question has an answer in its context",
            mend="Give answers that stand in the contexts, word for word.",
        )
    where = _device(device)
    if not training.train_embeddings:
        model.base_model.embeddings.requires_grad_(False)
    if training.bfloat16 and where.type == "cpu":
        # There torch's fused attention is slower in bfloat16 than this one.
        model.set_attn_implementation("eager")
    model.to(where).train()
    optimizer = torch.optim.AdamW(_groups(model, training), betas=(0.9, 0.999))
    mean = sum(map(len, made)) / len(made)
    size = max(1, round(training.batch / mean))  # groups a step
    steps = max(1, math.floor(training.epochs * math.ceil(len(made) / size)))
    done = state.load(model, optimizer)
    loss_of_late = math.nan
    for step, batch in enumerate(_batches(made, training.seed, size, steps)):
        if step < done:
            continue
        progress(step, steps, loss_of_late)
        torch.manual_seed(training.seed + step)  # dropout is the same after a stop
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * _slope(step, steps, training.warmup)
        with torch.autocast(where.type, torch.bfloat16, enabled=training.bfloat16):
            loss = _loss(model, batch, where, training.together)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss_of_late = _mean(loss_of_late, float(loss.detach()))
        if (step + 1) % training.checkpoint_every == 0 and step + 1 < steps:
            state.save(model, optimizer, step + 1)
    progress(steps, steps, loss_of_late)
    _write(model, folder, out)
    state.remove()
    return out


def average(folders: Sequence[Path], weights: Sequence[float], out: Path) -> Path:
    """Write the weighted mean of models of one shape (Wortsman et al. 2022, "model soups").

    Args:
        folders: models that were trained from one start.
        weights: of each; they need not add up to 1.
        out: the folder to write; config and tokenizer are those of the first.
    """
    from safetensors.torch import load_file

    total = sum(weights)
    loaded = [load_file(folder / "model.safetensors") for folder in folders]
    mean = {
        name: sum(
            tensors[name].float() * (weight / total)
            for tensors, weight in zip(loaded, weights, strict=True)
        )
        for name in loaded[0]
    }
    model, _, _ = load_model(folders[0])
    model.load_state_dict(mean)
    _write(model, folders[0], out)
    return out


def _device(name: str | None) -> Any:  # noqa: ANN401  torch's
    import torch

    try:
        where = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=where)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise SettingsError(
            "torch has no such device here", where=name, mend="Use cpu, or cuda with a GPU."
        ) from error
    return where


def _windows(lesson: Lesson, tokenizer: Any, room: int, stride: int) -> Iterator[_Window]:  # noqa: ANN401
    """The windows of a lesson. One that holds only a part of the answer teaches nothing."""
    pair = Pair.of(tokenizer, shortened(tokenizer, lesson.question, room), lesson.context)
    inside = [
        i for i, (start, end) in enumerate(pair.offsets)
        if start < lesson.end and lesson.start < end and start < end
    ] if lesson.start >= 0 else []  # fmt: skip
    if lesson.start >= 0 and not inside or not pair.offsets:
        return
    for low, high in windows(len(pair.offsets), room - pair.overhead, stride):
        whole = bool(inside) and low <= inside[0] and inside[-1] < high
        if not whole and any(low <= i < high for i in inside):
            continue
        ids, _, types = pair.window(low, high)
        first = pair.before + inside[0] - low if whole else 0
        last = pair.before + inside[-1] - low if whole else 0
        passage = slice(pair.before, pair.before + high - low)
        yield _Window(ids[0], types[0], first, last, passage)


def _grouped(taught: Sequence[tuple[Lesson, list[_Window]]], most: int) -> list[list[_Window]]:
    """The windows that are told apart: `most` of one question, or with 1 each by itself."""
    if most == 1:
        return [[window] for _, windows in taught for window in windows]
    asked = groupby(taught, key=lambda pair: pair[0].question)
    groups = [[window for _, windows in same for window in windows] for _, same in asked]
    return [sorted(group, key=lambda w: not w.first)[:most] for group in groups if group]


def _batches(
    made: Sequence[list[_Window]], seed: int, size: int, steps: int
) -> Iterator[list[list[_Window]]]:
    """`steps` batches of `size` groups, the same ones for the same seed."""
    rng = random.Random(seed)
    given = 0
    while True:
        order = rng.sample(made, len(made))
        span = LOOK_AHEAD * size
        for start in range(0, len(order), span):
            alike = sorted(order[start : start + span], key=lambda g: max(len(w.ids) for w in g))
            cuts = list(range(0, len(alike), size))
            rng.shuffle(cuts)
            for cut in cuts:
                if given == steps:
                    return
                given += 1
                yield alike[cut : cut + size]


def _loss(model: Any, groups: list[list[_Window]], where: Any, together: bool) -> Any:  # noqa: ANN401  torch's
    import torch

    batch = [window for group in groups for window in group]
    shape = len(batch), max(len(window.ids) for window in batch)
    ids, types, mask = (np.zeros(shape, np.int64) for _ in range(3))
    barred = np.full(shape, _MASKED, np.float32)
    barred[:, 0] = 0
    for row, window in enumerate(batch):
        ids[row, : len(window.ids)] = window.ids
        types[row, : len(window.ids)] = window.types
        mask[row, : len(window.ids)] = 1
        barred[row, window.passage] = 0
    given = {"input_ids": ids, "attention_mask": mask}
    if getattr(model.config, "type_vocab_size", 0) > 1:
        given["token_type_ids"] = types
    out = model(**{name: torch.from_numpy(part).to(where) for name, part in given.items()})
    extra = torch.from_numpy(barred).to(where)
    first = torch.tensor([window.first for window in batch], device=where)
    last = torch.tensor([window.last for window in batch], device=where)
    of = [number for number, group in enumerate(groups) for _ in group]
    members = torch.tensor(of, device=where) == torch.arange(len(groups), device=where)[:, None]
    losses = []
    for logits, right in ((out.start_logits, first), (out.end_logits, last)):
        scores = logits.float() + extra
        losses.append(torch.nn.functional.cross_entropy(scores, right))
        if together:
            losses.append(_apart(scores, right, members))
    return torch.stack(losses).mean()


def _apart(scores: Any, right: Any, members: Any) -> Any:  # noqa: ANN401  torch's
    """Cross-entropy over the tokens of all windows of a group, each less its window's null score.

    Args:
        scores: (windows, tokens), the null score first.
        right: (windows,), the place of the right token, 0 where the window has none.
        members: (groups, windows), whether the window is the group's.
    """
    import torch

    margins = scores - scores[:, :1]
    none = margins.new_full((), _MASKED)
    found = torch.where(right > 0, margins.gather(1, right[:, None])[:, 0], none)
    answered = (members & (right > 0)).any(1)
    told = torch.where(members, found, none).logsumexp(1)
    whole = torch.where(members, margins[:, 1:].logsumexp(1), none)
    rest = torch.cat([margins.new_zeros(len(members), 1), whole], 1).logsumexp(1)
    return (rest - torch.where(answered, told, torch.zeros_like(told))).mean()


def _groups(model: Any, training: Training) -> list[dict[str, Any]]:  # noqa: ANN401
    """Parameter groups for AdamW: a rate for each layer, no weight decay on biases and norms."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    places = {name: re.search(r"\.(?:layer|layers|h|block)\.(\d+)\.", name) for name, _ in named}
    depth = 1 + max((int(found[1]) for found in places.values() if found), default=0)
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in named:
        found = places[name]
        below = name.startswith(model.base_model_prefix + ".") and not found
        layer = int(found[1]) if found else -1 if below and "embedding" in name else depth
        decays = parameter.ndim > 1
        peak = training.rate * training.layer_decay ** (depth - layer)
        weight_decay = training.weight_decay if decays else 0.0
        fresh = {"params": [], "peak": peak, "lr": 0.0, "weight_decay": weight_decay}
        groups.setdefault((layer, decays), fresh)["params"].append(parameter)
    return list(groups.values())


def _slope(step: int, steps: int, warmup: float) -> float:
    rise = max(1, round(steps * warmup))
    return min((step + 1) / rise, (steps - step) / max(1, steps - rise))


def _mean(late: float, now: float) -> float:
    return now if math.isnan(late) else 0.98 * late + 0.02 * now


def _write(model: Any, base: Path, out: Path) -> None:  # noqa: ANN401
    """The model in float16, and everything of the base's folder that belongs to its tokenizer."""
    out.mkdir(parents=True, exist_ok=True)
    with quiet_loading():
        model.to("cpu").half().save_pretrained(str(out))
    for file in base.iterdir():
        if file.name.startswith(_OF_TOKENIZER):
            shutil.copyfile(file, out / file.name)


def _fingerprint(lessons: Sequence[Lesson], base: Path, training: Training) -> str:
    told = json.dumps([Reader(base).fingerprint, asdict(training)])
    digest = sha256(told.encode())
    for lesson in lessons:
        digest.update(repr(lesson).encode())
    return digest.hexdigest()
