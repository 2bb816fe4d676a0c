"""One ASGI application with one gate over all of it. `spanwise chat` runs it."""

from __future__ import annotations

import logging
import os
import socket
import threading
import webbrowser
from collections.abc import Callable

import gradio as gr
import uvicorn
from fastapi import FastAPI

from index.errors import CollectionError, SettingsError, SpanwiseError
from index.home import collections
from rag.chat.library import Library
from rag.chat.page import HEAD, build_chat
from rag.chat.routes import routes
from rag.chat.uploads import Uploads
from rag.gate import LOOPBACK, Entrance, Gate
from rag.memory import Memory
from rag.settings import Settings

PORTS_TRIED = 50

log = logging.getLogger("spanwise.web")


def make_app(library: Library, uploads: Uploads, entrance: Entrance) -> FastAPI:
    """The application over the collections of a home.

    Gradio checks neither Host nor Origin, so that a foreign page could reach a local server or
    have files uploaded to it; the gate stands before each of its routes and of ours. Gradio's own
    uploads are shut: files come by `rag.chat.routes`.
    """
    app = FastAPI(openapi_url=None)
    app.add_middleware(Gate, entrance=entrance)
    app.router.routes.extend(routes(library, uploads))
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
        uploads = Uploads(library)
        library.reader.folder  # noqa: B018  a wrong name is an error now, not at the first question
        url = f"http://{_shown(entrance.host)}:{listening.getsockname()[1]}"
        app = make_app(library, uploads, entrance)
        server = _Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3))

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
            library.close()


def _aside(deed: Callable[[], object]) -> None:
    """In a thread of its own: the server must not wait."""
    threading.Thread(target=deed, daemon=True).start()


class _Server(uvicorn.Server):
    """Calls `begin` once requests are answered."""

    begin: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begin()


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
