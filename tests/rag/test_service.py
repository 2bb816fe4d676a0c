from __future__ import annotations

import asyncio
import json
import string
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import SEEDS, WordEncoder, write_files
from tiny_models import cores

from index import SentenceEncoder, sync
from index.errors import CollectionError
from index.types import Filter
from rag.rerank import DEPTH
from rag.service import Service
from rag.settings import Settings
from rag.types import Answer, Citation, Question, Turn, to_json

QUESTIONS = [
    "Who heads the Deir al-Zor military council?",
    "how many fighters does the military council include",
    "Where did the coalition say that the attack took place?",
    "What is the recipe for sourdough bread?",
    "من يقود المجلس العسكري؟",
    "Khawla",
]


def cited(answer: Answer) -> list[Citation]:
    return [c for each in (answer, *answer.others) for c in each.citations]


def assert_quotes_stand(service: Service, answer: Answer) -> None:
    """The invariant of the whole product: what was read is what stands there."""
    for each in (answer, *answer.others):
        if each.citations:
            assert each.citations[0].quote == each.text
    with service.retriever.generation() as found:
        for c in cited(answer):
            text = found.document(c.doc_id).text
            assert text[c.start : c.end] == c.quote
            assert text[c.sentence_start : c.sentence_end] == c.sentence
            assert c.sentence_start <= c.start < c.end <= c.sentence_end
            assert c.quote.strip()
            (passage,) = found.passages([c.passage_id])
            assert passage.start <= c.start and c.end <= passage.end


def test_the_first_answers_are_weighed_by_the_likeness_of_their_sentences(service: Service) -> None:
    ((_, said),) = service.candidates(QUESTIONS[:1])
    assert len(said) > DEPTH
    assert all(0 < c.likeness < 1 for c in said if c.likeness)
    assert sum(bool(c.likeness) for c in said) == DEPTH
    assert said == sorted(said, key=lambda c: -c.score)


def test_a_question_is_answered_where_it_stands(service: Service) -> None:
    answer = service.ask(QUESTIONS[0])
    assert answer.text is not None and "Khawla" in answer.text
    first = answer.citations[0]
    assert first.path == "seeds/000_d39b82a70d207427.txt"
    assert "who heads the Deir al-Zor military council" in first.sentence
    assert first.quote == answer.text
    assert answer.reason == "" and 0 < answer.confidence <= 1
    assert_quotes_stand(service, answer)


def test_what_is_not_there_is_not_answered(service: Service) -> None:
    answer = service.ask("What is the recipe for sourdough bread?")
    assert answer.text is None
    assert answer.reason == "below_threshold"
    assert answer.citations == ()
    assert answer.hits
    assert_quotes_stand(service, answer)


def as_bytes(answer: Answer) -> str:
    return json.dumps(to_json(answer, 0))


@pytest.mark.slow
def test_the_same_bytes_alone_or_among_others_with_one_thread_or_two(service: Service) -> None:
    alone = [as_bytes(service.ask(question)) for question in QUESTIONS]
    for count in (1, 2):
        with cores(count):
            assert [as_bytes(a) for a in service.ask_batch(QUESTIONS)] == alone
            assert [as_bytes(a) for a in service.ask_batch(QUESTIONS[::-1])][::-1] == alone
    with ThreadPoolExecutor(4) as pool:
        assert [as_bytes(a) for a in pool.map(service.ask, QUESTIONS)] == alone


def test_indexed_twice_the_same_bytes(service: Service, tmp_path: Path) -> None:
    sync(SEEDS, tmp_path, SentenceEncoder(), "seeds")
    with Service.open(tmp_path) as again:
        for question in QUESTIONS[:3]:
            assert as_bytes(again.ask(question)) == as_bytes(service.ask(question))


@pytest.mark.parametrize("question", ["", " \n\t", "x" * 100_000])
def test_questions_that_cannot_be_read(service: Service, question: str) -> None:
    answer = service.ask(question)
    assert (answer.text, answer.reason, answer.hits) == (None, "question_unreadable", ())
    some = service.search("Who heads the council?")
    assert service.answer(question, some).reason == "question_unreadable"


@pytest.mark.parametrize(
    "question", ["?", "\0", "\udcff who?", "的", "🦊" * 500, "🦊", "' OR 1=1 --", "…", "a" * 2000]
)
def test_strange_questions_do_no_harm(service: Service, question: str) -> None:
    assert_quotes_stand(service, service.ask(question))


def test_given_hits_are_read(service: Service) -> None:
    question = QUESTIONS[0]
    assert service.answer(question, service.search(question)) == service.ask(question)
    assert service.answer(question, []).reason == "no_evidence"


def test_a_follow_up_is_asked_with_what_it_leaves_out(service: Service) -> None:
    turns = [Turn(QUESTIONS[0], "Ahmed Abu Khawla")]
    typed = "How many fighters does it include?"
    whole = "How many fighters does the Deir al-Zor military council include?"
    answer = service.ask(typed, turns=turns)
    assert answer.question == Question(whole, typed, ("the Deir al-Zor military council",))
    assert answer.text is not None and "4,000" in answer.text
    assert answer.hits == service.ask(whole).hits
    assert service.answer(answer.question, service.search(whole)) == answer
    assert service.ask(typed).question == Question(typed, typed)
    assert service.ask_batch([typed, typed], turns=[turns, []]) == [answer, service.ask(typed)]
    with pytest.raises(ValueError):
        service.ask_batch([typed, typed], turns=[turns])


def test_asked_beside_an_event_loop_it_answers_the_same(service: Service, seeds_home: Path) -> None:
    turns = [Turn(QUESTIONS[0], "Ahmed Abu Khawla")]
    typed = "How many fighters does it include?"
    only = Filter(titles=("us backed*",))

    async def asked() -> list[Answer]:
        async with Service.open(seeds_home) as same:
            one = await same.aask(typed, turns=turns, where=only)
            return [one, *await same.aask_batch([typed, QUESTIONS[0]], turns=[turns, []])]

    wanted = [service.ask(typed, turns=turns, where=only)]
    assert wanted[0].hits
    wanted += service.ask_batch([typed, QUESTIONS[0]], turns=[turns, []])
    assert asyncio.run(asked()) == wanted


def test_as_a_library_it_is_silent_and_changes_nothing(seeds_home: Path) -> None:
    code = """if True:
        import logging, os, sys
        def state():
            return dict(os.environ), logging.root.handlers[:], logging.root.level
        before = state()
        import index, rag, eval
        with rag.Service.open(sys.argv[1]) as service:
            assert service.retriever.search("council", 1, channel="lexical")
            loaded = {"torch", "transformers", "sentence_transformers", "faiss", "gradio"}
            assert not loaded & sys.modules.keys()
        assert state() == before
    """
    command = [sys.executable, "-c", code, str(seeds_home)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=SEEDS.parent)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_a_filter_reaches_the_answer(service: Service) -> None:
    only = Filter(paths=("002_*",))
    assert {h.passage.path for h in service.ask(QUESTIONS[0], where=only).hits} == {
        "seeds/002_3cabbef2c5ac372d.txt"
    }
    nothing = service.ask(QUESTIONS[0], where=Filter(types=("pdf",)))
    assert nothing.reason == "no_evidence"


def test_boilerplate_is_found_only_when_asked_for(service: Service) -> None:
    question = "Where can I support the project by PayPal?"
    assert not any("PayPal" in h.passage.text for h in service.search(question, 20))
    hits = service.search(question, 20, Filter(boilerplate=True))
    assert any("PayPal" in h.passage.text for h in hits)


def test_the_risk_moves_the_threshold(seeds_home: Path) -> None:
    bold = Settings(seeds_home, max_risk=1.0)
    with Service.open(settings=bold) as service:
        assert service.ask("What is the recipe for sourdough bread?").text is not None


def test_asking_before_indexing(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="spanwise index FOLDER"):
        Service.open(tmp_path)


HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from("\0\r\n\t\u2028\u00a0\u200d\u0301\u202e\U0001f600ﷺ[]()“”’.,?!-"),
        st.sampled_from(string.ascii_letters + string.digits + " "),
        st.characters(exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=600,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(HOSTILE, min_size=1, max_size=3), question=HOSTILE)
def test_every_quote_stands_where_it_says_in_hostile_texts(
    texts: list[str], question: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("hostile")
    files = {f"{n}.txt": f"The dam of {text} broke.\n{text}" for n, text in enumerate(texts)}
    encoder = WordEncoder()
    sync(write_files(place / "docs", files), place / "home", encoder)
    bold = Settings(place / "home", max_risk=1.0)
    with Service.open(settings=bold, encoder=encoder) as service:
        assert_quotes_stand(service, service.ask(f"What broke? {question[:300]}"))
