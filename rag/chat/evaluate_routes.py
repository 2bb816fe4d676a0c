"""What the Evaluate panel asks for: sets received; runs begun, stopped, resumed and looked at."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from eval.report import FILE
from index.errors import QuestionError, SpanwiseError
from rag.chat import evaluate, runs
from rag.chat.evaluations import Evaluations
from rag.chat.receive import receive, refused

REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""A report needs its own script and style; it may reach nothing, this server included."""


def routes(evaluations: Evaluations) -> list[BaseRoute]:
    """The routes over the evaluations of a library."""
    desk = _Desk(evaluations)
    return [
        Route("/evaluate", _said(desk.panel), methods=["GET"]),
        Route("/evaluate/job", _said(desk.job), methods=["GET"]),
        Route("/evaluate/run", _said(desk.run), methods=["GET"]),
        Route("/evaluate/report", _said(desk.report), methods=["GET"]),
        Route("/evaluate/begin", _said(desk.begin), methods=["POST"]),
        Route("/evaluate/resume", _said(desk.resume), methods=["POST"]),
        Route("/evaluate/stop", _said(desk.stop), methods=["POST"]),
        Route("/evaluate/set", desk.receive, methods=["PUT"]),
        Route("/evaluate/delete", _said(desk.delete), methods=["POST"]),
    ]


def _said(deed: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """The deed; what stands in its way becomes a sentence."""

    def answer(request: Request) -> Response:
        try:
            return deed(request)
        except QuestionError as error:
            return refused(str(error), 404)
        except (SpanwiseError, OSError) as error:
            return refused(str(error), 409)

    return answer


class _Desk:
    """The endpoints."""

    def __init__(self, evaluations: Evaluations) -> None:
        self._evaluations = evaluations

    def panel(self, request: Request) -> Response:
        """Sets and runs of a collection."""
        name = _asked(request, "collection")
        job, sets = self._evaluations.job(name), self._evaluations.sets.offered(name)
        return HTMLResponse(evaluate.panel(name, sets, self._evaluations.runs(name), job))

    def job(self, request: Request) -> Response:
        """How far the run under way is."""
        job = self._evaluations.job(_asked(request, "collection"))
        return HTMLResponse(evaluate.progress(job))

    def run(self, request: Request) -> Response:
        """The figures of a finished run, and the questions that went wrong."""
        run = self._finished(request)
        return HTMLResponse(evaluate.report(run, runs.failed(run)))

    def report(self, request: Request) -> Response:
        """The report of a run, for a tab of its own."""
        file = self._finished(request).folder / FILE
        if not file.is_file():
            raise QuestionError("The run has no report", where=file.parent.name)
        headers = {"Content-Security-Policy": REPORT_POLICY, "Cache-Control": "no-store"}
        return FileResponse(file, media_type="text/html; charset=utf-8", headers=headers)

    def begin(self, request: Request) -> Response:
        """Ask a set."""
        self._evaluations.begin(_asked(request, "collection"), _asked(request, "set"))
        return PlainTextResponse("", 202)

    def resume(self, request: Request) -> Response:
        """Go on with a run."""
        self._evaluations.resume(_asked(request, "collection"), _asked(request, "run"))
        return PlainTextResponse("", 202)

    def stop(self, request: Request) -> Response:
        """Stop the run under way."""
        self._evaluations.stop(_asked(request, "collection"))
        return PlainTextResponse("", 202)

    async def receive(self, request: Request) -> Response:
        """A question set; kept if any row of it can be used."""
        sets, size = self._evaluations.sets, request.headers.get("content-length", "")
        if not size.isdigit():
            return refused("The size of the file was not told.", 411)
        try:
            target = await run_in_threadpool(sets.place, _asked(request, "name"), int(size))
        except (SpanwiseError, OSError) as error:
            return refused(str(error), 400)
        try:
            await receive(request, target, int(size), target.name)
            await run_in_threadpool(sets.keep, target)
        except (SpanwiseError, OSError) as error:
            return refused(str(error), 400)
        finally:
            sets.forget(target)
        return PlainTextResponse("", 201)

    def delete(self, request: Request) -> Response:
        """Delete a set that was received."""
        self._evaluations.sets.delete(_asked(request, "set"))
        return PlainTextResponse("", 200)

    def _finished(self, request: Request) -> runs.Run:
        run = runs.find(self._evaluations.library.home, _asked(request, "run"))
        if run.metrics is None:
            raise QuestionError("The run is not finished", where=run.name, mend="Resume it first.")
        return run


def _asked(request: Request, name: str) -> str:
    """A part of the address. QuestionError where it is not there."""
    try:
        return request.query_params[name]
    except KeyError:
        raise QuestionError(f"It was not told which {name}") from None
