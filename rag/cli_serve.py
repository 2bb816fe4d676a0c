"""The commands that other programs ask: `serve` and `mcp`."""

from __future__ import annotations

import threading
from contextlib import suppress
from importlib.util import find_spec

import typer

from index.errors import SettingsError, SpanwiseError
from rag.options import (
    BehindProxy,
    Collection,
    Home,
    Host,
    Json,
    Memory,
    Port,
    Reader,
    Token,
    print_json,
    settings_from,
)


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of their help."""
    app.command()(serve)
    app.command()(mcp)


def serve(
    home: Home = None,
    collection: Collection = None,
    reader: Reader = None,
    port: Port = 7860,
    memory: Memory = True,
    host: Host = "127.0.0.1",
    token: Token = "",
    behind_proxy: BehindProxy = "",
    as_json: Json = False,
) -> None:
    """Serve other programs: /api/v1 (REST), /mcp (with its extra), and the page, on one port."""
    from rag.gate import Entrance

    entrance = Entrance(host, token, behind_proxy)  # said before anything heavy is loaded
    from rag import web

    settings = settings_from(home=home, collection=collection, reader=reader)

    def announce(url: str) -> None:
        api, tools = url + web.API, url + web.MCP if find_spec("mcp_types") else None
        if as_json:
            print_json({"url": url, "api": api, "mcp": tools})
            return
        typer.echo(f"Spanwise is at {url} (stop it with Ctrl-C)", err=True)
        typer.echo(f"REST: {api}  MCP: {tools or 'needs its extra'}", err=True)

    web.serve(settings, port, browser=False, announce=announce, entrance=entrance, remember=memory)


def mcp(home: Home = None, collection: Collection = None, reader: Reader = None) -> None:
    """Serve a language model's host on stdin and stdout (Model Context Protocol)."""
    try:
        from rag.adapters.mcp import over_stdio
    except ImportError:
        raise SettingsError(
            "MCP needs its extra", mend='In the checkout: pip install ".[mcp]"'
        ) from None
    import anyio

    from index.home import existing_collection
    from rag.api.calls import Calls
    from rag.api.traffic import Traffic
    from rag.chat.library import Library

    settings = settings_from(home=home, collection=collection, reader=reader)
    if settings.collection is not None:
        existing_collection(settings.home, settings.collection)  # a wrong name is told at once
    library = Library(settings)

    def warm_up() -> None:
        with suppress(SpanwiseError):  # the first question will say so
            library.warm_up()

    try:
        begin = threading.Thread(target=warm_up, daemon=True).start
        anyio.run(over_stdio, Calls(library, Traffic()), begin)
    finally:
        library.close()
