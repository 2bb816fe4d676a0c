"""The same calls as tools of a language model: what each is told of them, and documents by URI.

A tool takes a model of `rag.api.requests` and gives one of `rag.api.objects`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from pydantic import BaseModel, ValidationError

from index.errors import CollectionError, QuestionError
from rag.api import objects
from rag.api.calls import Calls, Object
from rag.api.requests import Ask, ListDocuments, OpenDocument, Search

WINDOW = 20_000
"""Characters of a document that `open_document` gives at once, at most."""
LONGEST_RESOURCE = 1_000_000
"""Characters of a document that is read whole, at most."""
PAGE = 100
"""Documents of a page of resources."""
SCHEME = "spanwise://"
GUIDE = """Spanwise answers questions from the user's own documents with exact quotations, and says
so when they hold no answer. Use `ask` for a question, `search` to gather passages about a subject,
`open_document` to read around a quotation. Quote the citations with their path; where `answer` is
null, say that the documents do not hold it rather than answer from elsewhere."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what it takes, what it gives, and its description."""

    name: str
    takes: type[BaseModel]
    gives: type[BaseModel]
    about: str


TOOLS = (
    Tool(
        "ask", Ask, objects.Answer,
        "Answer a question from the documents: a quotation with its document, its offsets and "
        "the probability that it is right; or null with a reason if they do not hold it. The "
        "passages that were read come with it. For a follow-up question give the turns before it.",
    ),
    Tool(
        "search", Search, objects.HitList,
        "Find the passages that fit words or a question best, by BM25 and by meaning. `where` "
        "narrows them by path, file type, date, title or words. At most 100 passages.",
    ),
    Tool(
        "open_document", OpenDocument, objects.DocumentText,
        "Read a document's text from `start` to `end`, counted in characters, by the "
        f"`document_id` of a hit or citation. At most {WINDOW:,} characters at once; `length` is "
        "that of the whole text.",
    ),
    Tool(
        "list_documents", ListDocuments, objects.DocumentList,
        "List a collection's documents by path, with id, title and date, a page at a time. "
        "`next` goes into `after` for the page after it, and is null on the last one.",
    ),
)  # fmt: skip


class Tools:
    """The tools over the calls. Every method raises SpanwiseError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def call(self, name: str, given: Mapping[str, Any]) -> Object:
        """What a tool gives. QuestionError if there is no such tool, or it cannot take that."""
        takes = {tool.name: tool.takes for tool in TOOLS}
        if name not in takes:
            raise QuestionError("No such tool", where=name, mend=f"There are: {', '.join(takes)}.")
        try:
            request = takes[name].model_validate(dict(given))
        except ValidationError as error:
            wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            raise QuestionError("; ".join(wrong)) from None
        return sendable(await self._made(request))

    async def documents(self, cursor: str) -> tuple[list[Object], str | None]:
        """A page of the documents of all collections, each with its `uri`, and the next cursor.

        Args:
            cursor: of the page before; "" for the first one.
        """
        shelves = (await self._calls.collections())["collections"]
        names = [shelf["name"] for shelf in shelves if shelf["documents"]]
        if not names and not cursor:
            return [], None
        name, _, after = (cursor or f"{names[0]}/").partition("/")
        page = await self._calls.documents(ListDocuments(collection=name, after=after, limit=PAGE))
        later = [f"{other}/" for other in names if other > name]
        following = f"{name}/{page['next']}" if page["next"] else next(iter(later), None)
        listed = [
            {**entry, "uri": f"{SCHEME}{quote(name, safe='')}/{entry['document_id']}"}
            for entry in page["documents"]
        ]
        return [sendable(entry) for entry in listed], following

    async def read(self, uri: str) -> str:
        """A document's whole text. CollectionError if there is no such document."""
        name, _, ident = uri.removeprefix(SCHEME).partition("/")
        try:
            request = OpenDocument(
                document_id=ident, collection=unquote(name), end=LONGEST_RESOURCE
            )
        except ValidationError:
            raise CollectionError("Not the URI of a document", where=uri) from None
        found = await self._calls.document(request)
        if found["length"] > LONGEST_RESOURCE:
            mend = "Read it with the tool open_document, a window at a time."
            raise CollectionError("The document is too long", where=found["path"], mend=mend)
        return str(sendable(found)["text"])

    async def _made(self, request: BaseModel) -> Object:
        if isinstance(request, Ask):
            return await self._calls.ask(request)
        if isinstance(request, Search):
            return await self._calls.search(request)
        if isinstance(request, OpenDocument):
            furthest = request.start + WINDOW
            end = furthest if request.end is None else min(request.end, furthest)
            return await self._calls.document(request.model_copy(update={"end": end}))
        assert isinstance(request, ListDocuments)
        return await self._calls.documents(request)


def sendable(made: Object) -> Object:
    """The object without halves of surrogate pairs; a file's name may hold them, UTF-8 cannot."""
    sent: Object = json.loads(json.dumps(made, ensure_ascii=False).encode("utf-8", "replace"))
    return sent
