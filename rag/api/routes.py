"""The application under ``/api/v1``. The gate of `rag.web` stands before all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.errors import SpanwiseError
from rag import journal
from rag.api import objects, problems
from rag.api.calls import Calls
from rag.api.problems import as_json, problem, reply
from rag.api.requests import Ask, AskBatch, DocumentId, ListDocuments, OpenDocument, Search, Window
from rag.api.traffic import MEDIA, Counted, Traffic

MOST_BYTES = 1_000_000
"""Of a request."""
STREAM = "text/event-stream"
ABOUT = """Answers that are quotations from a collection of documents, and passages found in it.
Offsets count Unicode code points. Errors are problem details (RFC 9457) with the mend."""
REFUSALS = {
    400: "The server is not known under this name, or the request is no JSON.",
    401: "A token is needed: `Authorization: Bearer …`.",
    403: "Asked by a page that is not the server's own.",
    404: "No such collection or document.",
    413: "The request is too large.",
    422: "The request does not fit the schema.",
    500: "The server cannot answer; the mend is its owner's.",
    503: "Too many questions at once; `Retry-After` tells when to ask again.",
}
ANYBODY = (400, 403)
READING = (400, 401, 403, 404, 422, 500, 503)
ASKING = (400, 401, 403, 404, 413, 422, 500, 503)


def make_api(calls: Calls, traffic: Traffic) -> FastAPI:
    """The application over the calls; `traffic` counts its requests."""
    api = FastAPI(
        title="Spanwise", version=version("spanwise"), description=ABOUT, docs_url=None,
        redoc_url=None, redirect_slashes=False, openapi_url="/openapi.json",
    )  # fmt: skip
    for error, handler in _HANDLERS.items():
        api.add_exception_handler(error, handler)
    api.add_middleware(_Bounded)
    api.add_middleware(Counted, traffic=traffic)
    end = _Endpoints(calls, traffic)
    known = [Security(HTTPBearer(auto_error=False, description="The server's token, if any."))]

    def add(
        path: str, work: Callable[..., Any], model: type[BaseModel], refusals: tuple[int, ...],
        post: bool = False, content: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        json_of = {"application/json": {"example": objects.EXAMPLES[model]}}
        api.add_api_route(
            path, work, methods=["POST" if post else "GET"], response_model=model,
            dependencies=known if 401 in refusals else [], operation_id=work.__name__,
            responses={200: {"content": json_of | (content or {})}, **_refusals(refusals)},
        )  # fmt: skip

    streamed = {STREAM: {"schema": {"type": "string"}, "example": "event: hits\ndata: {…}\n\n"}}
    add("/search", end.search, objects.HitList, ASKING, post=True)
    add("/ask", end.ask, objects.Answer, ASKING, post=True, content=streamed)
    add("/ask/batch", end.ask_batch, objects.AnswerList, ASKING, post=True)
    add("/documents", end.documents, objects.DocumentList, READING)
    add("/documents/{document_id}", end.document, objects.DocumentText, READING)
    add("/collections", end.collections, objects.CollectionList, (400, 401, 403, 500, 503))
    add("/health", end.health, objects.Health, ANYBODY)
    figures: dict[str, Any] = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    api.add_api_route(
        "/metrics", end.metrics, response_class=Response, dependencies=known,
        operation_id="metrics", responses={200: figures, **_refusals((400, 401, 403))},
    )  # fmt: skip
    problem_schema = objects.Problem.model_json_schema()
    api.openapi()["components"]["schemas"]["Problem"] = problem_schema
    return api


class _Endpoints:
    """The endpoints; their docstrings are the descriptions in the schema."""

    def __init__(self, calls: Calls, traffic: Traffic) -> None:
        self._calls = calls
        self._traffic = traffic

    async def search(self, request: Search) -> Response:
        """The best passages for a question, best first."""
        return reply(await self._calls.search(request))

    async def ask(self, request: Ask, asked: Request) -> Response:
        """The answer to a question, or that the documents do not hold it.

        With `Accept: text/event-stream` an event `hits` with what `/search` gives comes first,
        then `answer`; an event `error` with a problem if that fails.
        """
        wanted = [part.partition(";")[0] for part in asked.headers.get("accept", "").split(",")]
        if STREAM not in map(str.strip, wanted):
            return reply(await self._calls.ask(request))
        steps = self._calls.steps(request)
        first = await anext(steps)  # what is refused is refused before the stream begins
        return StreamingResponse(
            _events(first, steps), media_type=STREAM, headers={"Cache-Control": "no-store"}
        )

    async def ask_batch(self, request: AskBatch) -> Response:
        """The answers to several questions, the same as to each alone."""
        return reply(await self._calls.ask_batch(request))

    async def documents(self, request: Annotated[ListDocuments, Query()]) -> Response:
        """The documents of a collection by path, a page at a time."""
        return reply(await self._calls.documents(request))

    async def document(
        self,
        document_id: Annotated[DocumentId, Path()],
        window: Annotated[Window, Query()],
    ) -> Response:
        """A document's text, whole or from `start` to `end`."""
        asked = OpenDocument(document_id=document_id, **window.model_dump())
        return reply(await self._calls.document(asked))

    async def collections(self) -> Response:
        """Every collection of the server's home."""
        return reply(await self._calls.collections())

    async def health(self) -> Response:
        """Whether the server answers. Needs no token."""
        return reply({"status": "ok", "version": version("spanwise")})

    async def metrics(self) -> Response:
        """Figures for Prometheus, in its text format."""
        return Response(self._traffic.figures(), media_type=MEDIA)


async def _events(
    first: tuple[str, dict[str, Any]], rest: AsyncIterator[tuple[str, dict[str, Any]]]
) -> AsyncIterator[bytes]:
    async with aclosing(rest):  # type: ignore[type-var]
        yield _event(*first)
        try:
            async for name, said in rest:
                yield _event(name, said)
        except SpanwiseError as error:
            yield _event("error", problems.fields(**problems.described(error)))
        except Exception as error:
            yield _event("error", problems.fields(500, journal.failed(error)))


def _event(name: str, said: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: ".encode() + as_json(said) + b"\n\n"


def _refusals(statuses: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    """Those statuses as the schema documents them."""
    shape = {"schema": {"$ref": "#/components/schemas/Problem"}}
    example = objects.EXAMPLES[objects.Problem]
    return {
        status: {
            "description": REFUSALS[status],
            "content": {problems.MEDIA: shape | ({"example": example} if status == 404 else {})},
        }
        for status in statuses
    }


def _of_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SpanwiseError)
    return problems.of_error(error)


def _unfit(request: Request, error: Exception) -> Response:
    """Which fields do not fit, and why; what they hold is not said back."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"at": ".".join(map(str, found["loc"])), "detail": str(found["msg"])}
        for found in error.errors()
    ]
    return problem(
        422, f"{errors[0]['at']}: {errors[0]['detail']}.",
        "The schema is at /api/v1/openapi.json.", errors=errors,
    )  # fmt: skip


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, f"{error.detail}.", headers=error.headers)


_HANDLERS: dict[type[Exception], Any] = {
    SpanwiseError: _of_error,
    RequestValidationError: _unfit,
    HTTPException: _of_http,
}


class _Bounded:
    """Reads a request whole, if it is not too large, and lets no traceback out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        body: list[Message] = []
        size, more = 0, True
        while more:
            body.append(await receive())
            size += len(body[-1].get("body", b""))
            if size > MOST_BYTES:
                too_large = problem(413, f"The request is larger than {MOST_BYTES:,} bytes.")
                await too_large(scope, receive, send)
                return
            more = body[-1].get("more_body", False)

        async def replaying() -> Message:
            return body.pop(0) if body else await receive()

        try:
            await self._app(scope, replaying, sending)
        except Exception as error:
            if begun:
                raise
            await problem(500, journal.failed(error))(scope, receive, send)
