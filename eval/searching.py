"""Search alone, on collections whose documents were judged: the job behind BEIR and TREC sets."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from eval import retrieval
from eval.doubts import of_judgements
from eval.judged import Grades, Topic, document_at
from eval.records import Ask, Kind, Record, Unit
from eval.run import index_of
from eval.sets import Example, units
from index.snapshot import Snapshot
from index.types import Ranking
from rag.service import Service
from rag.settings import Settings

DEPTH = 100
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Searching:
    """The job of searching a collection for documents.

    A document's rank in a channel is that of its first passage. Passages are ranked until 100
    documents are among them, or there are no more.

    Attributes:
        settings: which collection.
        grades: topic → document → how relevant.
    """

    settings: Settings
    grades: Mapping[str, Grades]
    kind: Kind = "searched"

    def units(self, examples: Sequence[Example]) -> list[Unit]:
        """Each conversation, else each question."""
        return units(examples)

    @contextmanager
    def open(self) -> Iterator[Ask]:
        """Open the collection."""
        known = {ident for grades in self.grades.values() for ident in grades}
        with Service.open(settings=self.settings) as service:
            service.retriever.warm_up()
            yield lambda unit: [self._search(service, example, known) for example in unit]

    def check(self, examples: Sequence[Example]) -> list[str]:
        """That the relevant documents are in the collection."""
        retrieval.require()
        graded = [item for example in examples for item in self.grades[example.id].items()]
        relevant = {ident for ident, grade in graded if grade > 0}
        with Service.open(settings=self.settings) as service:
            with service.retriever.generation() as found:
                return of_judgements(found, relevant)

    def environment(self) -> dict[str, Any]:
        """The index, and the judgements."""
        with Service.open(settings=self.settings) as service:
            judgements = {topic: sorted(grades.items()) for topic, grades in self.grades.items()}
            return {"index": index_of(service), "judgements": retrieval.digest(judgements)}

    def _search(self, service: Service, example: Example, known: set[str]) -> Record:
        begun = time.perf_counter()
        with service.retriever.generation() as found:
            encoder = service.retriever.encoder
            passages = retrieval.rank_channels(found, encoder, example.question, DEPTH)
            elapsed = (time.perf_counter() - begun) * 1000
            rankings, depth = _of_documents(found, passages, known), DEPTH
            while any(
                len(passages[channel]) == depth and len(ranking) < DEPTH
                for channel, ranking in rankings.items()
            ):
                depth *= 4
                passages = retrieval.rank_channels(found, encoder, example.question, depth)
                deeper = _of_documents(found, passages, known)
                rankings = {name: _behind(rankings[name], deeper[name]) for name in rankings}
        grades = self.grades[example.id]
        row = {
            "id": example.id,
            "question": example.question,
            "tags": [],
            "golds": [],
            "relevant": sum(grade > 0 for grade in grades.values()),
            "found": [
                {"document": ident, "score": round(score, 6), "grade": grades.get(ident)}
                for ident, score in rankings["hybrid"][:SHOWN]
            ],
            "error": "",
            "measures": {},
            "elapsed_ms": round(elapsed, 1),
        }
        return Record(row, rankings, grades)


def examples_of(topics: Sequence[Topic]) -> list[Example]:
    """The topics as questions without golds."""
    return [Example(topic.id, topic.question, ()) for topic in topics]


def _behind(ranking: Ranking, deeper: Ranking) -> Ranking:
    """Filled up to 100 with what only a deeper search finds; what a search gives stays in front."""
    held = {ident for ident, _ in ranking}
    return [*ranking, *(hit for hit in deeper if hit[0] not in held)][:DEPTH]


def _of_documents(
    found: Snapshot, passages: Mapping[str, Ranking], known: set[str]
) -> dict[str, Ranking]:
    """Each document at its first passage, 100 of them at most."""
    ids = list(dict.fromkeys(ident for ranking in passages.values() for ident, _ in ranking))
    at = {p.id: document_at(p.path, known) for p in found.passages(ids)}
    rankings: dict[str, Ranking] = {}
    for channel, ranking in passages.items():
        first: dict[str, float] = {}
        for ident, score in ranking:
            first.setdefault(at[ident], score)
        rankings[channel] = list(first.items())[:DEPTH]
    return rankings
