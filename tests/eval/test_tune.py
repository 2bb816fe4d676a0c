from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import WordEncoder, write_files
from tiny_models import tiny_bert

from eval.sets import Example, Gold
from eval.tune import NDCG, Setup, _Bench, _OnceEncoded, _OnceRead, tune
from index import sync
from index.errors import QuestionError
from rag.service import Service
from rag.settings import Settings

WORDS = ("dam", "opera", "river", "school", "market", "bridge")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A collection of forty-eight short documents, read by a tiny reader that was never trained."""
    home = tmp_path_factory.mktemp("tune")
    reader = tiny_bert(home / "reader")
    folder = write_files(home / "docs", {
        f"{n}.txt": f"The {word} of town {n} was built in {1900 + n}. It has {n} {word}s."
        for n, word in enumerate(WORDS * 8)
    })  # fmt: skip
    encoder = WordEncoder()
    sync(folder, home, encoder)
    with Service.open(settings=Settings(home, reader=str(reader)), encoder=encoder) as opened:
        yield opened


def examples() -> list[Example]:
    asked = [
        Example(f"q{n}", f"When was the {word} of town {n} built?", (Gold(f"in {1900 + n}"),))
        for n, word in enumerate(WORDS * 8)
    ]
    return [*asked, Example("none", "Who painted the ceiling?", ())]


def test_what_is_in_use_is_measured_as_it_is_asked(service: Service, tmp_path: Path) -> None:
    with service.retriever.generation() as found:
        manifest = found.manifest.bm25
        setup = Setup(float(str(manifest["k1"])), float(str(manifest["b"])), 0.6, 8, None)
        bench = _Bench(service, found, tmp_path, setup)
        reading = Service(service.retriever, _OnceRead(service), service.settings)
        for example in examples()[:3]:
            asked = service.ask(example.question)
            answer = bench._ask(reading, example, setup)
            assert [h.passage.id for h in answer.hits] == [h.passage.id for h in asked.hits]
            assert [h.score for h in answer.hits] == [h.score for h in asked.hits]
            assert (answer.text, answer.citations) == (asked.text, asked.citations)
        bench.close()


def test_a_passage_is_read_once(service: Service) -> None:
    once = _OnceRead(service)
    hits = service.search("When was the dam of town 6 built?", 4)
    first = once.read([("When?", hits[:2])])[0]
    reader = once._reader
    once._reader = None  # type: ignore[assignment]  # what was read is not read again
    assert once.read([("When?", hits[:2])])[0] == first
    once._reader = reader
    alone = service.reader.read([("When?", hits)])[0]
    assert sorted(map(repr, once.read([("When?", hits)])[0])) == sorted(map(repr, alone))
    assert once.questions == {"When?"}


def test_a_text_is_encoded_once() -> None:
    encoder = WordEncoder()
    once = _OnceEncoded(encoder)
    first = once.passages(["a dam", "a river", "a dam"])
    assert (first == WordEncoder().passages(["a dam", "a river", "a dam"])).all()
    assert (once.passages(["a river"]) == first[1]).all()
    assert encoder.encoded == ["a dam", "a river"]
    assert (once.queries(["a dam"]) == WordEncoder().queries(["a dam"])).all()
    assert once.passages([]).shape == (0, encoder.dim)


def test_one_half_chooses_and_the_other_reports(service: Service) -> None:
    seen: list[tuple[int, int]] = []
    encoder = service.retriever.encoder
    found = tune(service, examples(), lambda done, total: seen.append((done, total)))
    assert service.retriever.encoder is encoder
    assert found.choosing + found.reporting == 49
    assert min(found.choosing, found.reporting) > 20
    assert list(found.tried) == ["BM25", "fusion", "passages read", "accepted risk"]
    assert found.tried["fusion"][f"lexical={found.chosen.lexical}"] >= (
        max(found.tried["fusion"].values()) - 0.0021
    )
    # the reader has no calibration, so that the accepted risk changes nothing
    assert len(set(found.tried["accepted risk"].values())) == 1
    assert found.chosen.max_risk is None
    by_name = {one.name: one for one in found.differences}
    assert by_name[NDCG].n <= found.reporting
    assert by_name[NDCG].interval[0] <= by_name[NDCG].after - by_name[NDCG].before + 1e-9
    assert seen[-1] == (49, 49)


def test_too_few_questions(service: Service) -> None:
    with pytest.raises(QuestionError, match="Too few answerable questions"):
        tune(service, examples()[:30])
