"""What the page asks of feedback: words selected as the answer, and the question set of it all."""

from __future__ import annotations

from html import escape
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from eval.sets import Example, line_of
from index.errors import HomeError, SpanwiseError
from rag.chat.library import Library
from rag.chat.marks import plural
from rag.chat.receive import refused
from rag.chat.selected import locate
from rag.feedback import of_collection
from rag.memory import Memory, Selected

LONGEST = 500
"""Characters of an answer that can be selected; more is a passage."""
LEFT_OUT = 50
"""Judged questions of which is told why they are left out."""


def routes(library: Library) -> list[BaseRoute]:
    """The routes over the memory of a library."""
    feedback = _Feedback(library)
    return [
        Route("/feedback/selected", feedback.select, methods=["POST"]),
        Route("/feedback.jsonl", feedback.export, methods=["GET"]),
    ]


def section(library: Library, collection: str) -> str:
    """HTML of what was judged about a collection; "" where nothing was."""
    if library.memory is None:
        return ""
    try:
        examples, complaints = _judged(library, library.memory, collection)
    except SpanwiseError as error:
        return f'<p class="trouble">{escape(str(error))}</p>'
    if not examples and not complaints:
        return ""
    said = ""
    if examples:
        where = "/feedback.jsonl?" + urlencode({"collection": collection})
        said = (
            f"<p>Your judgements give a set of {plural(len(examples), 'question')}, which spanwise "
            f'eval, train and calibrate take. <a href="{escape(where)}" download>Export feedback'
            "</a></p>"
        )
    if complaints:
        items = "".join(f'<li dir="auto">{escape(each)}</li>' for each in complaints[:LEFT_OUT])
        head = f"<summary>{len(complaints):,} left out, and why</summary>"
        said += f'<details>{head}<ul class="listing">{items}</ul></details>'
    return f"<h3>Feedback</h3>{said}"


class _Feedback:
    """The endpoints. A SpanwiseError becomes its sentence, with status 404 or 409."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def select(self, request: Request) -> Response:
        """Keep the words that were selected as the answer to a question."""
        asked, memory = request.query_params, self._library.memory
        try:
            if memory is None:
                raise HomeError("Nothing is remembered here")
            message = memory.message(int(asked["message"]))
            if asked["collection"] != message.answer["collection"]:
                return refused("This document is not of the collection that was asked.", 409)
            document = self._library.document(asked["collection"], asked["document"])
            start, skipped = max(0, int(asked["start"])), max(0, int(asked["skipped"]))
            place = locate(document.text, start, skipped, asked["text"])
            if place is None:
                return refused("These words do not stand there any longer: ask again.", 409)
            if place[1] - place[0] > LONGEST:
                most = f"An answer has at most {LONGEST} characters: select fewer words."
                return refused(most, 409)
            quoted = document.text[slice(*place)]
            memory.select(message.id, Selected(document.path, *place, quoted))
        except (KeyError, ValueError):
            return refused("This document is not in the collection, or no longer.", 404)
        except SpanwiseError as error:
            return refused(str(error), 404)
        return PlainTextResponse("Kept as the answer", 201)

    def export(self, request: Request) -> Response:
        """The question set of what was judged about a collection."""
        name, memory = request.query_params.get("collection", ""), self._library.memory
        try:
            if memory is None:
                raise HomeError("Nothing is remembered here")
            examples, _ = _judged(self._library, memory, name)
        except SpanwiseError as error:
            return refused(str(error), 404)
        file = quote(f"{name} feedback.jsonl", safe="")
        return Response(
            "".join(map(line_of, examples)),
            media_type="application/jsonl; charset=utf-8",
            headers={"Content-Disposition": f"attachment; filename*=UTF-8''{file}"},
        )


def _judged(library: Library, memory: Memory, collection: str) -> tuple[list[Example], list[str]]:
    return of_collection(memory, library.service(collection).retriever)
