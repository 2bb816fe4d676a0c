"""One ASGI application with one gate over all of it. `spanwise chat` runs it."""

from __future__ import annotations

import logging
import os
import socket
import threading
import webbrowser
from collections.abc import Callable
from urllib.parse import urlsplit

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from index.errors import SettingsError, SpanwiseError
from rag.chat.page import CSS, build_chat
from rag.service import Service
from rag.settings import Settings

ADDRESS = "127.0.0.1"
HOSTS = (ADDRESS, "localhost")
PORTS_TRIED = 50

log = logging.getLogger("spanwise.web")


def make_app(service: Service) -> FastAPI:
    """The application over an open service.

    Gradio checks no Host header, so that a foreign page could reach a local server by DNS
    rebinding, and lets foreign pages upload; here every route answers to this machine's own names
    and pages alone.
    """
    app = FastAPI(openapi_url=None)
    app.add_middleware(_Gate)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS))
    gr.mount_gradio_app(
        app,
        build_chat(service),
        path="",
        css=CSS,
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


def serve(settings: Settings, port: int, browser: bool, announce: Callable[[str], None]) -> None:
    """Serve the chat until interrupted. The page is up before the weights are loaded.

    Args:
        settings: which collection, which reader.
        port: the first to try.
        browser: open the page.
        announce: told the page's address once it is up.

    Raises:
        CollectionError: nothing is indexed.
        ModelError: there is no such reader.
        SettingsError: no port is free.
    """
    with Service.open(settings=settings) as service, _listen(port) as listening:
        url = f"http://{ADDRESS}:{listening.getsockname()[1]}"
        service.reader.folder  # noqa: B018  a wrong name is an error now, not at the first question
        app = make_app(service)
        server = _Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3))

        def warm_up() -> None:
            try:
                service.warm_up()
            except SpanwiseError as error:
                log.error("%s", error)  # the page says so at the first question

        def begin() -> None:
            announce(url)
            _aside(warm_up)
            if browser:
                _aside(lambda: webbrowser.open(url))

        server.begin = begin
        server.run(sockets=[listening])


def _aside(deed: Callable[[], object]) -> None:
    """In a thread of its own: the server must not wait."""
    threading.Thread(target=deed, daemon=True).start()


class _Gate:
    """Lets in what was asked from this machine's own pages, or from no page at all.

    Without it a foreign page could have files uploaded here: that needs no answer to be read.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = dict(scope.get("headers") or ()).get(b"origin", b"").decode("latin-1")
        if origin and urlsplit(origin).hostname not in HOSTS:
            refusal = PlainTextResponse("Spanwise answers only to its own page.", 403)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """Calls `begin` once requests are answered."""

    begin: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begin()


def _listen(port: int) -> socket.socket:
    """A socket on the first free port from `port` on, bound here so that nobody else takes it."""
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere it would share a port that is in use
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((ADDRESS, candidate))
            listening.listen()
        except OSError:
            listening.close()
        else:
            return listening
    raise SettingsError(
        f"No port is free between {port} and {port + PORTS_TRIED - 1}",
        mend="Choose another one with --port.",
    )
