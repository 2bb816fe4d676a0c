"""One ASGI application with one gate over all of it: the chat, ``/api/v1``, ``/mcp``.

`spanwise chat` and `spanwise serve` both run it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import webbrowser
from collections.abc import Callable
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp

from index.errors import CollectionError, SettingsError, SpanwiseError
from index.home import collections
from rag.api.calls import Calls
from rag.api.routes import make_api
from rag.api.traffic import Counted, Traffic
from rag.chat.evaluate_routes import routes as evaluate_routes
from rag.chat.evaluations import Evaluations
from rag.chat.library import Library
from rag.chat.page import HEAD, build_chat
from rag.chat.routes import routes
from rag.chat.uploads import Uploads
from rag.gate import LOOPBACK, Entrance, Gate
from rag.memory import Memory
from rag.settings import Settings

API = "/api/v1"
MCP = "/mcp"
PORTS_TRIED = 50
PATIENCE_S = 600
"""For the requests of programs that are under way when the server is told to stop."""
MOMENT_S = 3
"""For the rest: the page's streams are open as long as the page is."""

log = logging.getLogger("spanwise.web")


def make_app(
    library: Library,
    uploads: Uploads,
    evaluations: Evaluations,
    entrance: Entrance,
    traffic: Traffic,
) -> FastAPI:
    """The application over the collections of a home; `traffic` counts what programs ask.

    Gradio checks neither Host nor Origin, so that a foreign page could reach a local server or
    have files uploaded to it; the gate stands before each of its routes and of ours. Gradio's own
    uploads are shut: files come by `rag.chat.routes`.
    """
    calls = Calls(library, traffic)
    tools = _mcp(calls)
    app = FastAPI(openapi_url=None, lifespan=tools and tools[1])
    app.add_middleware(Gate, entrance=entrance)
    app.router.routes.extend(routes(library, uploads))
    app.router.routes.extend(evaluate_routes(evaluations))
    app.mount(API, make_api(calls, traffic))
    if tools is not None:
        app.router.routes.append(Route(MCP, Counted(tools[0], traffic)))
    gr.mount_gradio_app(
        app,
        build_chat(library),
        path="",
        head=HEAD,
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size="1kb",
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
    )
    return app


def serve(
    settings: Settings,
    port: int,
    browser: bool,
    announce: Callable[[str], None],
    entrance: Entrance = Entrance(),  # noqa: B008  frozen
    remember: bool = True,
) -> None:
    """Serve the chat until interrupted. The page is up before the weights are loaded.

    Args:
        settings: which home, which collection first, which reader.
        port: the first to try.
        browser: open the page.
        announce: told the page's address once it is up.
        entrance: where to listen, and what visitors must show.
        remember: keep the conversations.

    Raises:
        CollectionError: the collection named does not exist.
        HomeError: the conversations cannot be kept.
        ModelError: there is no such reader.
        SettingsError: no port is free.
    """
    names = collections(settings.home)
    if settings.collection is not None and settings.collection not in names and names:
        raise CollectionError(
            "No such collection", where=settings.collection, mend=f"There are: {', '.join(names)}."
        )
    with _listen(entrance.host, port) as listening:
        library = Library(settings, Memory.open(settings.home) if remember else None)
        uploads, evaluations = Uploads(library), Evaluations(library)
        library.reader.folder  # noqa: B018  a wrong name is an error now, not at the first question
        url = f"http://{_shown(entrance.host)}:{listening.getsockname()[1]}"
        traffic = Traffic()
        app = make_app(library, uploads, evaluations, entrance, traffic)
        server = _Server(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=PATIENCE_S)
        )
        server.traffic = traffic

        def warm_up() -> None:
            try:
                library.warm_up()
            except SpanwiseError as error:
                log.error("%s", error)  # the page says so at the first question

        def begin() -> None:
            announce(url)
            _aside(warm_up)
            if browser:
                _aside(lambda: webbrowser.open(url))

        server.begin = begin
        try:
            server.run(sockets=[listening])
        finally:
            uploads.close()
            evaluations.close()
            library.close()


def _mcp(calls: Calls) -> tuple[ASGIApp, Callable[[Any], Any]] | None:
    """The MCP tools over HTTP and their lifespan; None without the extra."""
    try:
        from rag.adapters.mcp import over_http
    except ImportError as error:
        log.info("No MCP: %s", error)
        return None
    return over_http(calls)


def _aside(deed: Callable[[], object]) -> None:
    """In a thread of its own: the server must not wait."""
    threading.Thread(target=deed, daemon=True).start()


class _Server(uvicorn.Server):
    """Calls `begin` once requests are answered, and lets those of programs finish at the end."""

    begin: Callable[[], None]
    traffic: Traffic

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begin()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cutting = asyncio.create_task(self._cut())
        await super().shutdown(sockets)
        cutting.cancel()

    async def _cut(self) -> None:
        """End what is still open after a moment, but not while a program waits for its answer."""
        await asyncio.sleep(MOMENT_S)
        while self.traffic.under_way:
            await asyncio.sleep(0.1)
        for connection in list(self.server_state.connections):
            connection.transport.close()  # as if the page had been closed
        await asyncio.sleep(MOMENT_S)
        for task in self.server_state.tasks:
            task.cancel()


def _shown(host: str) -> str:
    """The host as an address has it; one that stands for all addresses is reached by loopback."""
    if host in ("0.0.0.0", "::"):
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    """A socket on the first free port from `port` on, bound here so that nobody else takes it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        listening = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere it would share a port that is in use
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen()
        except socket.gaierror as error:
            listening.close()
            raise SettingsError("Not an address of this machine", where=host) from error
        except OSError:
            listening.close()
        else:
            return listening
    raise SettingsError(
        f"No port is free between {port} and {port + PORTS_TRIED - 1} at {host}",
        mend="Choose another one with --port.",
    )
