"""What the page asks beside Gradio: documents to look at, files to add, conversations to keep.

Documents are served by id, never by path; every answer is text or escaped HTML of ours. The gate
of `rag.web` stands before all of it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from index.build import remove
from index.errors import CollectionError, HomeError, SpanwiseError
from index.home import collections
from index.retrieve import Retriever
from rag.chat import document, judging, ledger, narrow
from rag.chat.library import Library, is_pdf
from rag.chat.receive import receive, refused
from rag.chat.uploads import Uploads

HERE = Path(__file__).parent
BESIDE = (
    "“{name}” was here already with other content: this one is kept beside it as “{kept}”. Remove "
    "the one that is no longer wanted."
)
FILES = {
    "theme.css": ("theme.css",),
    "page.js": ("page.js", "kept.js", "sheet.js", "box.js", "feedback.js", "narrow.js")
    + ("documents.js", "evaluate.js"),
}
"""What is served under a name: files one after the other, so that they are run in this order."""
OTHER_FILE = (
    "The file has changed or is gone since it was indexed: this is its text as it was read then."
)


def routes(library: Library, uploads: Uploads) -> list[BaseRoute]:
    """The routes over a library and its uploads."""
    desk = _Desk(library, uploads)
    return [
        *(Route(f"/desk/{name}", _files(*parts), methods=["GET"]) for name, parts in FILES.items()),
        Route("/view", desk.view, methods=["GET"]),
        Route("/view/page.png", desk.picture, methods=["GET"]),
        Route("/documents", desk.documents, methods=["GET"]),
        Route("/documents/job", desk.job, methods=["GET"]),
        Route("/documents/file", desk.receive, methods=["PUT"]),
        Route("/documents/index", desk.index, methods=["POST"]),
        Route("/documents/remove", desk.remove, methods=["POST"]),
        *judging.routes(library),
        *narrow.routes(library),
        Route("/conversations/{number}.md", desk.markdown, methods=["GET"]),
        Route("/conversations/{number}.json", desk.whole, methods=["GET"]),
    ]


def _files(*names: str) -> Callable[[Request], Response]:
    text = "\n".join((HERE / name).read_text("utf-8") for name in names)
    media = "text/css" if names[0].endswith(".css") else "text/javascript"

    def serve(request: Request) -> Response:
        return Response(text, media_type=media, headers={"Cache-Control": "no-cache"})

    return serve


class _Desk:
    """The endpoints. A SpanwiseError becomes its sentence, with status 404 or 409."""

    def __init__(self, library: Library, uploads: Uploads) -> None:
        self._library = library
        self._uploads = uploads

    def view(self, request: Request) -> Response:
        """A document as stored, scrolled to by its mark."""
        asked = request.query_params
        try:
            name, start, end = asked["collection"], int(asked["start"]), int(asked["end"])
            found = self._library.document(name, asked["document"])
        except (KeyError, ValueError):
            return refused("This document is not in the collection, or no longer.", 404)
        except SpanwiseError as error:
            return refused(str(error), 404)
        place = document.followed(found.text, start, end, asked.get("words", ""))
        if place is None:
            return HTMLResponse(document.view(found, name, 0, 0, note=document.GONE))
        picture, notes = "", [] if place == (start, end) else [document.MOVED]
        if is_pdf(found) and found.page(place[0]):
            if self._library.is_as_indexed(name, found):
                picture = "/view/page.png?" + urlencode(dict(asked))
            else:
                notes.append(OTHER_FILE)
        return HTMLResponse(document.view(found, name, *place, picture, " ".join(notes)))

    def picture(self, request: Request) -> Response:
        """The page of a PDF with the span boxed."""
        asked = request.query_params
        try:
            found = self._library.document(asked["collection"], asked["document"])
            start, end = int(asked["start"]), int(asked["end"])
            place = document.followed(found.text, start, end, asked.get("words", ""))
            png = place and self._library.page_picture(asked["collection"], found, *place)
        except (KeyError, ValueError, SpanwiseError):
            png = None
        if not png:
            return refused("This page cannot be shown.", 404)
        return Response(png, media_type="image/png")

    def documents(self, request: Request) -> Response:
        """The panel of a collection's documents."""
        name = request.query_params.get("collection", "")
        job = self._uploads.job(name)
        if name not in collections(self._library.home):
            return HTMLResponse(ledger.panel(name, [], {}, {}, job))
        try:
            with self._library.service(name).retriever.generation() as found:
                listing, entries = found.store.listing(), found.store.ledger()
                roots = found.manifest.roots
        except SpanwiseError as error:
            return refused(str(error), 409)
        shown = ledger.panel(name, listing, entries, roots, job, self._uploads.root(name))
        return HTMLResponse(shown + judging.section(self._library, name))

    def job(self, request: Request) -> Response:
        """How far the indexing is."""
        name = request.query_params.get("collection", "")
        return HTMLResponse(ledger.progress(self._uploads.job(name)))

    async def receive(self, request: Request) -> Response:
        """One file, written under its name, or a free one beside it, once all of it is here."""
        asked = request.query_params
        size = request.headers.get("content-length", "")
        if not size.isdigit():
            return refused("The size of the file was not told.", 411)
        try:
            target = await run_in_threadpool(
                self._uploads.place, asked["collection"], asked["name"], int(size)
            )
            received = target.with_name(f".{secrets.token_hex(8)}.received")
            try:
                await receive(request, received, int(size), target.name)
                kept = await run_in_threadpool(
                    self._uploads.keep, asked["collection"], received, target
                )
            finally:
                received.unlink(missing_ok=True)
        except KeyError:
            return refused("Neither collection nor name was told.", 400)
        except SpanwiseError as error:
            return refused(str(error), 400)
        if kept == target:
            return PlainTextResponse("", 201)
        return PlainTextResponse(BESIDE.format(name=target.name, kept=kept.name), 201)

    def index(self, request: Request) -> Response:
        """Index what was received, or read a known root again."""
        asked = request.query_params
        try:
            self._uploads.begin(asked["collection"], *asked.getlist("root")[:1])
        except KeyError:
            return refused("No collection was named.", 400)
        except (SpanwiseError, OSError, ValueError) as error:
            return refused(str(error), 409)
        return PlainTextResponse("", 202)

    def remove(self, request: Request) -> Response:
        """Take a document out of the index, or let it in again."""
        asked = request.query_params
        undo = asked.get("undo") == "1"
        try:
            name, path = asked["collection"], asked["path"]
            service = self._library.service(name)
            if not undo and path not in _paths(service.retriever):
                raise CollectionError("No document has this path", where=path)
            remove(path, self._library.home, service.retriever.encoder, name, undo=undo)
            if undo:
                self._uploads.begin(name, path.partition("/")[0])
            else:
                self._uploads.forget(name, path)
                self._uploads.told(name, f"Removed: {path}. No answer comes from it any longer.")
        except KeyError:
            return refused("Neither collection nor path was told.", 400)
        except (SpanwiseError, OSError) as error:
            return refused(str(error), 409)
        return PlainTextResponse("", 200)

    def markdown(self, request: Request) -> Response:
        """A conversation to be read."""
        return self._export(request, "md")

    def whole(self, request: Request) -> Response:
        """A conversation as one JSON object."""
        return self._export(request, "json")

    def _export(self, request: Request, kind: str) -> Response:
        memory = self._library.memory
        try:
            if memory is None:
                raise HomeError("Nothing is remembered here")
            number = int(request.path_params["number"])
            said = memory.export_json(number)
            if kind == "json":
                text = json.dumps(said, ensure_ascii=False, indent=1)
            else:
                text = memory.export_markdown(number)
        except ValueError:
            return refused("There is no such conversation.", 404)
        except SpanwiseError as error:
            return refused(str(error), 404)
        name = quote(f"{said['title'][:80]}.{kind}", safe="")
        media = "application/json" if kind == "json" else "text/markdown; charset=utf-8"
        disposition = f"attachment; filename*=UTF-8''{name}"
        return Response(text, media_type=media, headers={"Content-Disposition": disposition})


def _paths(retriever: Retriever) -> set[str]:
    """Of the documents; a root's name is not among them, so that no root is removed by mistake."""
    with retriever.generation() as found:
        return {path for path, *_ in found.store.listing()}
