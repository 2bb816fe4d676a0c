"""The trainer, with tiny models made here: it learns, goes on where it stopped, and averages."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import tiny_bert, word_pieces
from transformers import BertForQuestionAnswering, BertModel

from index.errors import ModelError, QuestionError, SettingsError
from index.types import Hit, Passage
from rag import train as module
from rag.lessons import Lesson
from rag.read import Reader
from rag.train import Training, average, train

QUICK = Training(epochs=1, rate=0.01, batch=4, checkpoint_every=2, max_tokens=48, stride=8)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("models") / "base")


def lessons(count: int = 40) -> list[Lesson]:
    """The answer is "raqqa"; every fourth context has none."""
    draw = random.Random(1)
    found = []
    for n in range(count):
        words = draw.choices("council fighters friday said on he".split(), k=8)
        start = -1
        if n % 4:
            place = draw.randrange(8)
            words[place] = "raqqa"
            start = len(" ".join([*words[:place], ""]))
        end = start + len("raqqa") if n % 4 else -1
        found.append(Lesson(str(n), "who heads ?", " ".join(words), start, end))
    return found


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(folder / "model.safetensors"))


def loss_of(folder: Path, aside: Path) -> float:
    """Of one pass at a rate too low to change anything; `aside` is where that is written."""
    seen: list[float] = []
    still = Training(epochs=1, rate=1e-12, batch=40, max_tokens=48, stride=8)
    train(lessons(), folder, aside, still, progress=lambda done, total, loss: seen.append(loss))
    return seen[-1]


def test_it_learns_and_the_reader_reads_what_it_wrote(base: Path, tmp_path: Path) -> None:
    longer = Training(epochs=60, rate=0.02, batch=8, max_tokens=48, layer_decay=1.0,
                      train_embeddings=True)  # fmt: skip
    out = train(lessons(), base, tmp_path / "out", longer, device="cpu")
    assert loss_of(out, tmp_path / "after") < 0.5 * loss_of(base, tmp_path / "before")
    text = "he said on friday raqqa council"
    hit = Hit(Passage("p", "d", 0, len(text), text), 0.0, 1)
    span = Reader(out).read([("who heads ?", [hit])])[0][0]
    assert span.text == "raqqa"
    assert span.score > span.null_score
    assert weights(out)["qa_outputs.weight"].dtype == torch.float16
    assert not (out / "checkpoint").exists()


def test_the_same_seed_gives_the_same_bytes(base: Path, tmp_path: Path) -> None:
    one, two = (train(lessons(), base, tmp_path / name, QUICK) for name in "ab")
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
    other = train(lessons(), base, tmp_path / "c", Training(**{**vars_of(QUICK), "seed": 2}))
    assert (one / "model.safetensors").read_bytes() != (other / "model.safetensors").read_bytes()


def vars_of(training: Training) -> dict[str, Any]:
    return {name: getattr(training, name) for name in Training.__dataclass_fields__}


def test_a_stopped_training_ends_with_the_same_bytes(base: Path, tmp_path: Path) -> None:
    whole = train(lessons(), base, tmp_path / "whole", QUICK)

    def stop(done: int, total: int, loss: float) -> None:
        if done == 5:
            raise KeyboardInterrupt

    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train(lessons(), base, out, QUICK, progress=stop)
    assert (out / "checkpoint" / "state.safetensors").exists()
    with pytest.raises(SettingsError, match="Another training"):
        train(lessons()[1:], base, out, QUICK)
    seen: list[int] = []
    train(lessons(), base, out, QUICK, progress=lambda done, total, loss: seen.append(done))
    assert seen[0] == 4
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_a_damaged_checkpoint_is_told(base: Path, tmp_path: Path) -> None:
    state = tmp_path / "out" / "checkpoint" / "state.safetensors"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="checkpoint"):
        train(lessons(), base, tmp_path / "out", QUICK)


def test_a_model_is_not_written_over(base: Path) -> None:
    with pytest.raises(SettingsError, match="already"):
        train(lessons(), None, base, QUICK)


def test_an_encoder_is_given_a_head_by_the_seed(tmp_path: Path) -> None:
    encoder = tiny_bert(tmp_path / "encoder", BertModel)
    one, two = (train(lessons(), encoder, tmp_path / name, QUICK) for name in "ab")
    assert torch.equal(weights(one)["qa_outputs.weight"], weights(two)["qa_outputs.weight"])
    with pytest.raises(ModelError, match="no weights"):
        Reader(encoder).warm_up()
    Reader(one).warm_up()


def test_nothing_to_learn_from(base: Path, tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="Nothing to learn"):
        train([Lesson("1", "who ?", "raqqa on friday")], base, tmp_path / "out", QUICK)


def test_embeddings_stay_unless_asked_for(base: Path, tmp_path: Path) -> None:
    name = "bert.embeddings.word_embeddings.weight"
    out = train(lessons(), base, tmp_path / "out", QUICK)
    assert torch.equal(weights(out)[name], weights(base)[name].half())
    assert not torch.equal(
        weights(out)["qa_outputs.weight"], weights(base)["qa_outputs.weight"].half()
    )


def test_bfloat16_learns_too_on_its_own_way(base: Path, tmp_path: Path) -> None:
    plain = Training(epochs=20, rate=0.02, batch=8, max_tokens=48, train_embeddings=True)
    before = loss_of(base, tmp_path / "before")
    fine = train(lessons(), base, tmp_path / "fine", plain, device="cpu")
    rough = train(lessons(), base, tmp_path / "rough", replace(plain, bfloat16=True), device="cpu")
    assert loss_of(fine, tmp_path / "fine-after") < 0.8 * before
    assert loss_of(rough, tmp_path / "rough-after") < 0.8 * before
    assert not torch.equal(weights(fine)["qa_outputs.weight"], weights(rough)["qa_outputs.weight"])


def beside(count: int = 20) -> list[Lesson]:
    """Of each question a passage that answers it and one that does not."""
    found = []
    for one in lessons(count):
        question = f"who heads {one.id} ?"
        found.append(replace(one, question=question))
        found.append(Lesson(f"{one.id}b", question, "he said on friday"))
    return found


def test_passages_of_one_question_are_one_group(base: Path, tmp_path: Path) -> None:
    tokenizer = word_pieces()
    tokenizer.no_truncation()
    tokenizer.no_padding()
    taught = [(lesson, list(module._windows(lesson, tokenizer, 48, 8))) for lesson in beside(3)]
    together = module._grouped(taught, 4)
    assert [len(group) for group in together] == [2, 2, 2]
    assert [group[0].first > 0 for group in together] == [False, True, True]
    assert [len(group) for group in module._grouped(taught, 1)] == [1] * 6
    [cut] = module._grouped(taught[:3:-1] * 3, 4)
    assert [window.first > 0 for window in cut] == [True, True, True, False]
    seen: list[tuple[int, float]] = []
    longer = replace(QUICK, together=True, epochs=40, rate=0.02, train_embeddings=True)
    train(beside(), base, tmp_path / "out", longer, device="cpu",
          progress=lambda done, total, loss: seen.append((total, loss)))  # fmt: skip
    assert seen[-1][0] == 40 * 10  # 20 groups of two windows, four windows a step
    assert seen[-1][1] < 0.5 * seen[1][1]


def test_an_answer_is_to_beat_the_spans_of_the_other_passages() -> None:
    # Null score first. One group of two windows, the answer in the first; one without an answer.
    scores = torch.tensor([[1.0, 4.0, 2.0], [0.5, 3.0, -9.0], [2.0, 1.0, 0.0]])
    members = torch.tensor([[True, True, False], [False, False, True]])
    loss = module._apart(scores, torch.tensor([1, 0, 0]), members)
    margins = [0.0, 3.0, 1.0, 2.5, -9.5]
    answered = math.log(sum(map(math.exp, margins))) - 3.0
    silent = math.log(1 + math.exp(-1.0) + math.exp(-2.0))
    assert float(loss) == pytest.approx((answered + silent) / 2)


def test_windows_hold_the_whole_answer_or_none_of_it() -> None:
    tokenizer = word_pieces()
    tokenizer.no_truncation()
    tokenizer.no_padding()
    words = ["on"] * 60
    words[30:32] = ["raqqa", "council"]
    text = " ".join(words)
    start = text.index("raqqa")
    lesson = Lesson("1", "who ?", text, start, start + len("raqqa council"))
    # [CLS] who ? [SEP] … [SEP] leaves 20 of 25 tokens; with 8 shared they begin at 0, 12, 24, …
    found = list(module._windows(lesson, tokenizer, 25, 8))
    assert [len(window.ids) for window in found] == [25, 25, 25, 25, 17]
    assert [(w.first, w.last) for w in found] == [(0, 0), (22, 23), (10, 11), (0, 0), (0, 0)]
    # With none shared they begin at 0, 15, 30, 45: moved by one word, the answer is cut in two.
    moved = Lesson("2", "who ?", text[3:], start - 3, start - 3 + len("raqqa council"))
    cut = list(module._windows(moved, tokenizer, 20, 0))
    assert [(len(w.ids), w.first) for w in cut] == [(20, 0), (19, 0)]


def test_rates_fall_with_the_depth(base: Path) -> None:
    model = BertForQuestionAnswering.from_pretrained(base)
    groups = module._groups(model, Training(rate=0.8, layer_decay=0.5, train_embeddings=True))
    peak = {id(p): group["peak"] for group in groups for p in group["params"]}
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    layer = model.bert.encoder.layer[0].output.dense
    assert peak[id(model.qa_outputs.weight)] == 0.8
    assert peak[id(layer.weight)] == 0.4
    assert peak[id(model.bert.embeddings.word_embeddings.weight)] == 0.2
    assert (decay[id(layer.weight)], decay[id(layer.bias)]) == (0.01, 0.0)


def test_the_rate_rises_then_falls_to_nothing() -> None:
    slope = [module._slope(step, 10, 0.2) for step in range(10)]
    assert slope[:2] == [0.5, 1.0]
    assert slope[2:] == pytest.approx([n / 8 for n in range(8, 0, -1)])


def test_the_mean_of_two_models(base: Path, tmp_path: Path) -> None:
    other = tiny_bert(tmp_path / "other", seed=2)
    mean = weights(average([base, other], [3, 1], tmp_path / "mean"))
    for name, tensor in weights(base).items():
        wanted = (0.75 * tensor + 0.25 * weights(other)[name]).half()
        assert torch.allclose(mean[name].float(), wanted.float(), atol=1e-3), name
    Reader(tmp_path / "mean").warm_up()


def test_settings_that_make_no_sense() -> None:
    for wrong in ({"epochs": 0}, {"rate": -1}, {"batch": 0}, {"layer_decay": math.inf}):
        with pytest.raises(SettingsError, match=next(iter(wrong))):
            Training(**wrong)  # type: ignore[arg-type]
