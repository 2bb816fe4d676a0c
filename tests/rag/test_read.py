"""The reader, with the shipped weights and with tiny models of two kinds made here."""

from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import bert_config, cores, save, tiny_bert, word_pieces
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    BertModel,
    RobertaConfig,
    RobertaForQuestionAnswering,
)

from index.errors import ModelError
from index.sentences import sentences
from index.types import Hit, Passage
from rag.read import Reader
from rag.types import Span

TEXT = "He said (on Friday) council of Raqqa and 4,000 fighters of U.S. heads said so to 4 men."
FAR = 1_000


def hit(text: str, start: int = FAR, doc: str = "d", passage: str = "p") -> Hit:
    return Hit(Passage(passage, doc, start, start + len(text), text), 0.0, 1)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    letters = ["<s>", "<pad>", "</s>", "<unk>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({p: i for i, p in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    config = RobertaConfig(
        vocab_size=len(letters),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=66,
        type_vocab_size=1,
        initializer_range=1.0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = RobertaForQuestionAnswering(config)
    folder = tmp_path_factory.mktemp("models") / "roberta"
    return save(model, tokenizer, folder, pad_token="<pad>", cls_token="<s>", sep_token="</s>")


@pytest.fixture(scope="module")
def shipped() -> Reader:
    return Reader()


def by_transformers(
    folder: Path, question: str, text: str, max_tokens: int, stride: int, longest: int
) -> tuple[dict[tuple[int, int], float], list[float]]:
    """Every stretch of tokens with its score, and each window's null score, by transformers."""
    model = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    given = tokenizer(
        question,
        text,
        max_length=max_tokens,
        truncation="only_second",
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_token_type_ids=True,
    )
    scores: dict[tuple[int, int], float] = {}
    nulls = []
    for window in range(len(given["input_ids"])):
        fields = {"input_ids": torch.tensor([given["input_ids"][window]])}
        if model.config.type_vocab_size > 1:
            fields["token_type_ids"] = torch.tensor([given["token_type_ids"][window]])
        with torch.inference_mode():
            out = model(**fields)
        start, end = out.start_logits[0].tolist(), out.end_logits[0].tolist()
        nulls.append(start[0] + end[0])
        offsets, parts = given["offset_mapping"][window], given.sequence_ids(window)
        # A blank alone is a token without text; an answer can neither start nor end there.
        real = [part == 1 and a < b for part, (a, b) in zip(parts, offsets, strict=True)]
        for i in range(len(offsets)):
            for j in range(i, min(i + longest, len(offsets))):
                if real[i] and real[j]:
                    place = (offsets[i][0], offsets[j][1])
                    scores[place] = max(scores.get(place, -1e9), start[i] + end[j])
    return scores, nulls


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize(("text", "several"), [(TEXT[:36], False), (TEXT, True)])
def test_any_model_is_read_as_transformers_reads_it(
    kind: str, text: str, several: bool, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(kind)
    size, stride = (64 if not several else 18 if kind == "bert" else 50), 5
    question = "Who heads?"
    reader = Reader(folder, max_tokens=size, stride=stride, max_answer_tokens=4)
    (spans,) = reader.read([(question, [hit(text)])], top=1000)
    expected, nulls = by_transformers(folder, question, text, size, stride, 4)
    assert (len(nulls) > 2) == several
    assert spans[0].null_score == pytest.approx(min(nulls), abs=1e-4)
    letters = [s for place, s in expected.items() if any(map(str.isalnum, text[slice(*place)]))]
    assert spans[0].score == pytest.approx(max(letters), abs=1e-4)
    assert len(spans) > 3
    for one in spans:
        assert min(abs(one.score - score) for score in letters) < 1e-4


def check(spans: list[Span], hits: list[Hit]) -> None:
    """What holds of the spans of any text."""
    assert [s.score for s in spans] == sorted((s.score for s in spans), reverse=True)
    for one in spans:
        passage = one.hit.passage
        assert one.hit in hits
        assert passage.start <= one.start < one.end <= passage.end
        start, end = one.start - passage.start, one.end - passage.start
        assert one.text == passage.text[start:end] == one.text.strip()
        assert any(c.isalnum() for c in one.text)
        assert any(low <= start and end <= high for low, high in sentences(passage.text))


HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from(list(" \n.,'’“”()-%$409asAS\0\ud800\u0301\u200d\u202e😀中é\ufeff")),
        st.characters(),
    ),
    max_size=120,
)


@settings(max_examples=20, deadline=None)
@given(st.lists(HOSTILE, max_size=3), HOSTILE)
def test_spans_of_hostile_texts_are_exact(
    bert: Path, roberta: Path, texts: list[str], question: str
) -> None:
    hits = [hit(text, FAR * (i + 1), f"d{i}", f"p{i}") for i, text in enumerate(texts)]
    for folder in (bert, roberta):
        reader = READERS.setdefault(folder, Reader(folder, max_tokens=40, stride=8))
        check(reader.read([(question, hits)])[0], hits)


READERS: dict[Path, Reader] = {}


def test_offsets_count_code_points_whatever_stands_before(shipped: Reader) -> None:
    text = "😀 e\u0301\0 \ufeff“中”\u200b 👨\u200d👩 The council has 4,000 fighters, he said."
    (spans,) = shipped.read([("How many fighters does the council have?", [hit(text)])])
    assert spans[0].text == "4,000"
    assert spans[0].start == FAR + text.index("4,000")
    assert spans[0].score > spans[0].null_score


def test_no_text_goes_unread(shipped: Reader) -> None:
    filler = "The weather was mild and the road was long and nobody said a word. " * 20
    question = "How many fighters does the council have?"
    for text in (
        f"{filler}The council has 4,000 fighters.",
        f"The council has 4,000 men. {filler}",
    ):
        (spans,) = shipped.read([(question, [hit(text)])], top=1)
        assert spans[0].text in ("4,000", "4,000 fighters", "4,000 men")
        assert len(spans) == 1


def test_a_passage_is_read_however_long_the_question(shipped: Reader) -> None:
    question = "How many fighters does the council have? " + "Tell me, please, I ask you. " * 4_000
    (spans,) = shipped.read([(question, [hit("The council has 4,000 fighters, he said.")])])
    assert spans[0].text == "4,000"


def test_spans_of_all_passages_are_on_one_scale_and_in_order(shipped: Reader) -> None:
    hits = [
        hit("The road to Damascus is long.", doc="a"),
        hit("The council has 4,000 fighters, he said.", doc="b"),
        hit("", doc="c"),
        hit(" \n ", doc="d"),
    ]
    (spans,) = shipped.read([("How many fighters does the council have?", hits)])
    check(spans, hits)
    assert (spans[0].text, spans[0].hit) == ("4,000", hits[1])
    assert {one.hit.passage.doc_id for one in spans} == {"a", "b"}
    assert shipped.read([("Who?", []), ("Who?", hits[2:])]) == [[], []]
    assert shipped.read([]) == []


def test_the_same_bits_alone_and_among_others_with_one_thread_and_two(shipped: Reader) -> None:
    words = "The council of Raqqa has 4,000 fighters, said Col. Ryan Dillon on Friday in Geneva."
    hits = [hit(words[: 20 + 7 * i] + " and" * (5 * i), doc=f"d{i}") for i in (0, 3, 6, 8)]
    asked = [("How many fighters does it have?", hits), ("Who said so?", hits[2:])]
    with cores(1):
        together = shipped.read(asked)
    with cores(2):
        assert shipped.read(asked) == together
    for (question, passages), spans in zip(asked, together, strict=True):
        alone = [one for h in passages for one in shipped.read([(question, [h])])[0]]
        assert sorted(alone, key=lambda s: (-s.score, s.hit.passage.doc_id, s.start)) == spans


def test_threads_share_one_reader(bert: Path) -> None:
    reader, asked = Reader(bert), [("Who heads the council?", [hit(TEXT)])]
    expected = Reader(bert).read(asked)
    found: list[list[list[Span]]] = []
    threads = [threading.Thread(target=lambda: found.append(reader.read(asked))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


def test_making_a_reader_loads_nothing_and_its_fingerprint_is_that_of_the_weights(
    bert: Path, tmp_path: Path
) -> None:
    import hashlib

    reader = Reader(str(bert))
    weights = (bert / "model.safetensors").read_bytes()
    assert reader.fingerprint == hashlib.sha256(weights).hexdigest()
    assert (reader.name, Reader().name) == (str(bert), "spanwise-reader")
    assert (
        Reader().fingerprint
        == hashlib.sha256((Reader().folder / "model.safetensors").read_bytes()).hexdigest()
    )
    Reader(tmp_path / "nothing here")  # is told of when it is needed


def test_loading_is_silent_and_changes_nothing(
    bert: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from transformers.utils import logging as theirs

    shown, threads = theirs.is_progress_bar_enabled(), torch.get_num_threads()
    filters = list(logging.getLogger("transformers.modeling_utils").filters)
    caplog.set_level(logging.INFO, "spanwise")
    reader = Reader(bert)
    reader.warm_up()
    reader.warm_up()
    assert capfd.readouterr() == ("", "")
    assert [r.getMessage() for r in caplog.records] == [f"reader {bert} loaded"]
    assert theirs.is_progress_bar_enabled() == shown
    assert torch.get_num_threads() == threads
    assert logging.getLogger("transformers.modeling_utils").filters == filters


def test_what_cannot_be_loaded_is_told(bert: Path, tmp_path: Path) -> None:
    headless = tmp_path / "headless"
    save(BertModel(bert_config(27)), word_pieces(), headless, pad_token="[PAD]")
    pickled = tmp_path / "pickled"
    shutil.copytree(bert, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    broken = tmp_path / "broken"
    shutil.copytree(bert, broken)
    (broken / "model.safetensors").write_bytes(b"no weights at all")
    odd = tmp_path / "odd"
    shutil.copytree(bert, odd)
    (odd / "config.json").write_text('{"model_type": "nothing-known"}')
    wordless = tmp_path / "wordless"
    shutil.copytree(bert, wordless)
    for file in wordless.glob("tokenizer*"):
        file.unlink()
    (tmp_path / "empty").mkdir()
    expected = {
        str(headless): "Not a question-answering model",
        str(pickled): "No safetensors weights",
        str(broken): "cannot be loaded",
        str(odd): "cannot be loaded",
        str(wordless): "tokenizer is not the model's",
        str(tmp_path / "empty"): "No model in this folder",
        str(bert / "config.json"): "No model in this folder",
        str(tmp_path / "none"): "No such model folder",
        "a\0b": "No such model folder",
        "spanwise-tests/no-such-model": "neither a folder nor to be had from the hub",
    }
    for model, message in expected.items():
        with pytest.raises(ModelError, match=message) as told:
            Reader(model).warm_up()
        assert told.value.mend and "\n" not in str(told.value)


def test_the_fingerprint_of_a_missing_model_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such model folder"):
        _ = Reader(tmp_path / "none").fingerprint
