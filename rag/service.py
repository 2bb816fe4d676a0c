"""The facade for every face: a question in, a cited answer out.

>>> from rag import Service
>>> with Service.open() as service:                                        # doctest: +SKIP
...     answer = service.ask("Who heads the council?")
...     print(answer.text, answer.citations[0].sentence)

Beside an event loop, `aask` does the same in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from index.build import BuildReport, sync
from index.compose import Progress, silent
from index.retrieve import Retriever
from index.retrieve import search as search_backend
from index.scan import Limits
from index.sentences import sentence_at
from index.types import Backend, Document, Encoder, Filter, Hit
from rag.abstain import FILE as CALIBRATOR_FILE
from rag.abstain import Calibrator, features
from rag.aggregate import Candidate, aggregate
from rag.converse import standalone
from rag.read import Reader
from rag.rerank import rerank
from rag.settings import Settings
from rag.types import Answer, Citation, Question, Reason, Span, Turn

LONGEST_QUESTION = 2_000
"""Characters; what is longer is a document, not a question."""
AT_ONCE = 16
"""Questions that `ask_batch` holds in memory together."""
OTHERS = 4
"""Other answers that are reported, at most."""


class Service:
    """Answers questions over one collection. Thread-safe; stateless between questions.

    A context manager, ``with`` or ``async with``.
    Make it with `open`. Nothing heavy is loaded before the first question or `warm_up`.
    """

    def __init__(self, retriever: Retriever, reader: Reader, settings: Settings) -> None:
        self.retriever = retriever
        self.reader = reader
        self.settings = settings
        self._calibrator: tuple[tuple[Path, int], Calibrator] | None = None

    @classmethod
    def open(
        cls,
        home: str | Path | None = None,
        collection: str | None = None,
        settings: Settings | None = None,
        encoder: Encoder | None = None,
    ) -> Service:
        """Open a collection for questions.

        Args:
            home: the home folder; by default ``SPANWISE_HOME`` or the system's data folder.
            collection: its name; None means ``default``, or the only one there is.
            settings: all of them, in place of the home's file and the environment.
            encoder: that which made the index; by default the one that its manifest names.

        Raises:
            CollectionError: nothing has been indexed there, or the name is ambiguous.
            CorruptIndexError, IndexMismatchError, SettingsError: each names its mend.
        """
        settings = settings or Settings.load(home=home, collection=collection)
        retriever = Retriever.open(settings.home, settings.collection, encoder)
        reader = Reader(settings.reader)
        return cls(retriever, reader, settings)

    def search(self, question: str, k: int | None = None, where: Filter | None = None) -> list[Hit]:
        """The passages that `ask` would read."""
        return self.retriever.search(question, k or self.settings.passages, where)

    def ask(
        self, question: str, *, turns: Sequence[Turn] = (), where: Filter | None = None
    ) -> Answer:
        """Answer one question, or abstain with a reason. Never raises for what is asked.

        Args:
            question: as the user typed it.
            turns: the conversation before it, oldest first; see `rag.converse.standalone`.
            where: which passages may be read.
        """
        return self.ask_batch([question], turns=[turns], where=where)[0]

    def ask_batch(
        self,
        questions: Sequence[str],
        *,
        turns: Sequence[Sequence[Turn]] = (),
        where: Filter | None = None,
    ) -> list[Answer]:
        """`ask` for each question; the same answers as one by one.

        `turns` holds the conversation before each question, or nothing.
        """
        before = turns or [()] * len(questions)
        asked = [standalone(q, said) for q, said in zip(questions, before, strict=True)]
        answers = []
        for start in range(0, len(asked), AT_ONCE):
            part = asked[start : start + AT_ONCE]
            with self.retriever.generation() as found:
                hits = self._hits(found, [question.text for question in part], where)
                answers += self._conclude(found, part, hits)
        return answers

    async def aask(
        self, question: str, *, turns: Sequence[Turn] = (), where: Filter | None = None
    ) -> Answer:
        """`ask` in a thread, which leaves the event loop free.

        Cancelled, it returns at once; the thread ends its question and lets the generation go.
        """
        return (await self.aask_batch([question], turns=[turns], where=where))[0]

    async def aask_batch(
        self,
        questions: Sequence[str],
        *,
        turns: Sequence[Sequence[Turn]] = (),
        where: Filter | None = None,
    ) -> list[Answer]:
        """`ask_batch` in a thread; see `aask`."""
        return await asyncio.to_thread(self.ask_batch, questions, turns=turns, where=where)

    def candidates(self, questions: Sequence[str]) -> list[tuple[list[Hit], list[Candidate]]]:
        """What was read for each question, and the answers found, unjudged; to calibrate by."""
        with self.retriever.generation() as found:
            hits = self._hits(found, questions, None)
        return list(zip(hits, self._read(questions, hits), strict=True))

    def answer(self, question: str | Question, hits: Sequence[Hit]) -> Answer:
        """Read the answer to a question out of given hits of this collection.

        Args:
            question: a text, read as it is, or what `rag.converse.standalone` made of one.
            hits: what `search` found for the question's `text`.

        Raises:
            KeyError: a hit's passage is not in the current generation.
        """
        with self.retriever.generation() as found:
            found.passages([hit.passage.id for hit in hits])
            if isinstance(question, str):
                question = Question(question, question)
            return self._conclude(found, [question], [list(hits)])[0]

    def sync(
        self, folder: str | Path, *, limits: Limits | None = None, progress: Progress = silent
    ) -> BuildReport:
        """Bring the collection up to date with a folder; see `index.build.sync`."""
        home, collection = self.settings.home, self.retriever.collection
        encoder = self.retriever.encoder
        return sync(folder, home, encoder, collection, limits=limits, progress=progress)

    def warm_up(self) -> None:
        """Load every model now rather than at the first question."""
        self.retriever.warm_up()
        self.reader.warm_up()
        self.calibrator()

    def calibrator(self) -> Calibrator | None:
        """That of the collection, else that beside the reader's weights, else none.

        Raises:
            ModelError: it is damaged, or was fitted for another reader.
        """
        for folder in (self.retriever.folder, self.reader.folder):
            file = folder / CALIBRATOR_FILE
            if file.exists():
                version = file, file.stat().st_mtime_ns
                if self._calibrator is None or self._calibrator[0] != version:
                    loaded = Calibrator.load(file, self.reader.fingerprint)
                    self._calibrator = version, loaded
                return self._calibrator[1]
        return None

    def close(self) -> None:
        """Let the collection go."""
        self.retriever.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Service:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def _judge(
        self, chosen: Sequence[Candidate], said: Sequence[Candidate], hits: Sequence[Hit]
    ) -> list[tuple[float | None, bool]]:
        """For each of the chosen answers its confidence, and whether that is enough to give it."""
        calibrator = self.calibrator()
        if calibrator is None:  # a foreign reader: SQuAD 2.0's own rule, and no probability
            return [(None, c.spans[0].score > c.spans[0].null_score) for c in chosen]
        threshold = calibrator.threshold(self.settings.max_risk)
        sure = [round(calibrator.probability(features(c, hits, said)), 3) for c in chosen]
        return [(confidence, confidence >= threshold) for confidence in sure]

    def _hits(
        self, found: Backend, questions: Sequence[str], where: Filter | None
    ) -> list[list[Hit]]:
        readable = [question if _readable(question) else "" for question in questions]
        k = self.settings.passages
        return search_backend(found, self.retriever.encoder, readable, k, where or Filter())

    def _read(
        self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]
    ) -> list[list[Candidate]]:
        read = self.reader.read(list(zip(questions, hits, strict=True)))
        said = [aggregate(spans) for spans in read]
        return rerank(self.retriever.encoder, list(zip(questions, said, strict=True)))

    def _conclude(
        self, found: Backend, questions: Sequence[Question], hits: Sequence[Sequence[Hit]]
    ) -> list[Answer]:
        """Read, aggregate, rerank, abstain: the second half of the trip."""
        texts = [question.text for question in questions]
        hits = [those if _readable(q) else () for q, those in zip(texts, hits, strict=True)]
        said = self._read(texts, hits)
        return [
            self._answer(found, question, tuple(those), candidates)
            for question, those, candidates in zip(questions, hits, said, strict=True)
        ]

    def _answer(
        self, found: Backend, question: Question, hits: tuple[Hit, ...], said: list[Candidate]
    ) -> Answer:
        manifest = found.manifest
        name, number = self.retriever.collection, manifest.generation
        if not said:
            reason: Reason = "no_evidence"
            if not _readable(question.text):
                reason = "question_unreadable"
            elif not manifest.passages:
                reason = "empty_index"
            return Answer(question, None, 0.0, (), (), hits, reason, name, number)
        # Whatever does not beat the null score of its passage merely stands there.
        rest = [c for c in said[1:] if c.spans[0].score > c.spans[0].null_score]
        chosen = [said[0], *rest[:OTHERS]]
        judged = self._judge(chosen, said, hits)
        documents = _Documents(found)
        each = [
            Answer(
                question=question,
                text=candidate.text,
                confidence=confidence,
                citations=tuple(documents.cite(span) for span in candidate.spans),
                reason="" if enough else "below_threshold",
                collection=name,
                generation=number,
            )
            for candidate, (confidence, enough) in zip(chosen, judged, strict=True)
        ]
        top = each[0]
        if top.reason:
            return replace(top, text=None, citations=(), others=tuple(each), hits=hits)
        return replace(top, others=tuple(each[1:]), hits=hits)


class _Documents:
    """The documents that one answer cites, each fetched once."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: dict[str, Document] = {}

    def cite(self, span: Span) -> Citation:
        ident = span.hit.passage.doc_id
        document = self._known.get(ident) or self._backend.document(ident)
        self._known[ident] = document
        start, end = sentence_at(document.text, span.start, span.end)
        return Citation(
            doc_id=ident,
            path=document.path,
            title=document.title,
            date=document.date,
            page=document.page(span.start),
            start=span.start,
            end=span.end,
            quote=document.text[span.start : span.end],
            sentence=document.text[start:end],
            sentence_start=start,
            sentence_end=end,
            passage_id=span.hit.passage.id,
        )


def _readable(question: str) -> bool:
    return bool(question.strip()) and len(question) <= LONGEST_QUESTION
