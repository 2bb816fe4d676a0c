"""The reader as a Haystack component: quotations out of what the retriever found.

>>> from rag.adapters.haystack_reader import SpanwiseReader                 # doctest: +SKIP
>>> SpanwiseReader.open().run("Who heads the council?", documents)          # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

try:
    from haystack import Document, component, default_to_dict
    from haystack.dataclasses import ExtractedAnswer
except ImportError as error:
    raise ImportError(
        'haystack-ai is not installed. From the checkout: pip install ".[haystack]"'
    ) from error

from index.types import Hit
from rag.service import Service
from rag.types import Answer, to_json


@component
class SpanwiseReader:
    """`Service.answer` as a component: it reads the documents that `SpanwiseRetriever` found.

    The first answer is the service's; where that abstains, `data` is None and ``meta["reason"]``
    says why. `score` is the confidence that the best answer found is right, given or withheld;
    0 where the reader has no calibration.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.home: str | None = str(service.retriever.folder.parent.parent)

    @classmethod
    def open(cls, home: str | Path | None = None, collection: str | None = None) -> SpanwiseReader:
        """Open the collection that the retriever searches; see `rag.Service.open`."""
        opened = cls(Service.open(home, collection))
        opened.home = None if home is None else str(home)  # not where it lies on this machine
        return opened

    def warm_up(self) -> None:
        """Load the models now rather than at the first query."""
        self.service.warm_up()

    @component.output_types(answers=list[ExtractedAnswer])
    def run(self, query: str, documents: list[Document]) -> dict[str, list[ExtractedAnswer]]:
        """The answer and, if one is given, the others that are sure enough, best first.

        `document_offset` counts in the content of the document, `context` is the sentence;
        ``meta["citations"]`` tells of every place, with its offsets in the text of the file.

        Raises:
            ValueError: a document is no passage of the collection as it is now.
        """
        try:
            answer = self.service.answer(query, self._hits(documents))
        except KeyError as error:
            raise ValueError(
                "SpanwiseReader reads what SpanwiseRetriever found in the same collection, "
                f"{self.service.retriever.collection}; {error} is missing"
            ) from error
        others = [other for other in answer.others if answer.text and not other.reason]
        return {"answers": [_extracted(query, each, documents) for each in (answer, *others)]}

    @component.output_types(answers=list[ExtractedAnswer])
    async def run_async(
        self, query: str, documents: list[Document]
    ) -> dict[str, list[ExtractedAnswer]]:
        """`run` in a thread, which leaves the event loop free."""
        return await asyncio.to_thread(self.run, query, documents)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the home as it was given, and the collection."""
        return default_to_dict(self, home=self.home, collection=self.service.retriever.collection)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SpanwiseReader:
        """Open what `to_dict` told of."""
        return cls.open(**data["init_parameters"])

    def _hits(self, documents: list[Document]) -> list[Hit]:
        """The hits that the documents were made of, with the text of the index."""
        with self.service.retriever.generation() as found:
            passages = found.passages([document.id for document in documents])
        told = [document.meta for document in documents]
        return [
            Hit(passage, meta["score"], meta["rank"], meta["via"])
            for passage, meta in zip(passages, told, strict=True)
        ]


def _extracted(query: str, answer: Answer, documents: list[Document]) -> ExtractedAnswer:
    plain = to_json(answer, 0)
    meta = {key: plain[key] for key in ("confidence", "reason", "citations", "collection")}
    score = answer.confidence or 0.0
    if not answer.citations:
        return ExtractedAnswer(query, score, meta=meta)
    cited = answer.citations[0]
    document = next(d for d in documents if d.id == cited.passage_id)

    def counted_from(origin: int) -> ExtractedAnswer.Span:
        return ExtractedAnswer.Span(cited.start - origin, cited.end - origin)

    return ExtractedAnswer(
        query=query,
        score=score,
        data=answer.text,
        document=document,
        context=cited.sentence,
        document_offset=counted_from(document.meta["start"]),
        context_offset=counted_from(cited.sentence_start),
        meta=meta,
    )
