"""One ASGI application with one gate over all of it. `spanwise chat` runs it."""

from __future__ import annotations

import os
import socket
import threading
import webbrowser
from collections.abc import Callable

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from index.errors import SettingsError
from rag.chat.page import CSS, build_chat
from rag.service import Service
from rag.settings import Settings

ADDRESS = "127.0.0.1"
PORTS_TRIED = 50


def make_app(service: Service) -> FastAPI:
    """The application over an open service.

    Gradio checks no Host header, so that a foreign page could reach a local server by DNS
    rebinding; here every route answers to this machine's own names alone.
    """
    app = FastAPI(openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[ADDRESS, "localhost"])
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

    Raises:
        CollectionError: nothing is indexed.
        SettingsError: no port is free.
    """
    with Service.open(settings=settings) as service, _listen(port) as listening:
        url = f"http://{ADDRESS}:{listening.getsockname()[1]}"
        app = make_app(service)
        server = _Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3))

        def begin() -> None:
            announce(f"Spanwise is at {url} (stop it with Ctrl-C)")
            threading.Thread(target=service.warm_up, daemon=True).start()
            if browser:
                webbrowser.open(url)

        server.begin = begin
        server.run(sockets=[listening])


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
