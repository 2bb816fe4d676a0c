"""Spanwise as tools of a language model's host (Model Context Protocol), by stdio and HTTP.

The tools and the documents are those of `rag.api.tools`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

try:
    import mcp_types as types
    from mcp.server.lowlevel import Server
    from mcp.server.stdio import stdio_server
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.shared.exceptions import MCPError
except ImportError as error:
    raise ImportError(
        'The MCP server needs its extra; in the checkout: pip install ".[mcp]"'
    ) from error

from index.errors import SpanwiseError
from rag import journal
from rag.api.calls import Calls
from rag.api.problems import problem
from rag.api.tools import GUIDE, SCHEME, TOOLS, Tools

MOST_BYTES = 1_000_000
"""Of a request by HTTP."""
READS = types.ToolAnnotations(read_only_hint=True, open_world_hint=False)


async def over_stdio(calls: Calls, begin: Callable[[], None]) -> None:
    """Serve on stdin and stdout until stdin ends. What is printed meanwhile goes to stderr.

    `begin` is called once that is so.
    """
    server = _server(calls)
    async with stdio_server() as (read, write):
        begin()
        await server.run(read, write, server.create_initialization_options())


def over_http(calls: Calls) -> tuple[ASGIApp, Callable[[Any], AbstractAsyncContextManager[None]]]:
    """An ASGI application without sessions, and the lifespan that it needs.

    It checks neither Host nor Origin nor token: the gate of `rag.web` does.
    """
    manager = StreamableHTTPSessionManager(
        _server(calls), json_response=True, stateless=True, max_request_body_size=MOST_BYTES
    )

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await manager.handle_request(scope, receive, send)
        else:  # without sessions there is nothing to listen to, and none to end
            await problem(405, "Only POST.", headers={"Allow": "POST"})(scope, receive, send)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with manager.run():
            yield

    return answer, lifespan


def _server(calls: Calls) -> Server:
    tell = _Handlers(Tools(calls))
    return Server(
        "spanwise",
        version=version("spanwise"),
        title="Spanwise",
        instructions=GUIDE,
        on_list_tools=tell.tools,
        on_call_tool=tell.call,
        on_list_resources=tell.resources,
        on_list_resource_templates=tell.templates,
        on_read_resource=tell.read,
    )


class _Handlers:
    """Each is given the context of the request, which none needs, and its parameters."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def tools(self, *_: object) -> types.ListToolsResult:
        listed = [
            types.Tool(
                name=tool.name,
                description=tool.about,
                annotations=READS,
                input_schema=tool.takes.model_json_schema(),
                output_schema=tool.gives.model_json_schema(),
            )
            for tool in TOOLS
        ]
        return types.ListToolsResult(tools=listed)

    async def call(self, _: object, asked: types.CallToolRequestParams) -> types.CallToolResult:
        """A failure is a result too, so that the model can mend it."""
        try:
            made = await self._tools.call(asked.name, asked.arguments or {})
        except Exception as error:
            said = str(error) if isinstance(error, SpanwiseError) else journal.failed(error)
            return types.CallToolResult(content=[types.TextContent(text=said)], is_error=True)
        text = types.TextContent(text=json.dumps(made, ensure_ascii=False))
        return types.CallToolResult(content=[text], structured_content=made)

    async def resources(
        self, _: object, asked: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        try:
            page, cursor = await self._tools.documents((asked and asked.cursor) or "")
        except SpanwiseError as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from None
        listed = [
            types.Resource(
                uri=one["uri"], name=one["path"], title=one["title"], mime_type="text/plain"
            )
            for one in page
        ]
        return types.ListResourcesResult(resources=listed, next_cursor=cursor)

    async def templates(self, *_: object) -> types.ListResourceTemplatesResult:
        template = types.ResourceTemplate(
            uri_template=f"{SCHEME}{{collection}}/{{document_id}}",
            name="document",
            description="A document's whole text, as it was extracted.",
            mime_type="text/plain",
        )
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def read(
        self, _: object, asked: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        try:
            text = await self._tools.read(asked.uri)
        except SpanwiseError as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from None
        content = types.TextResourceContents(uri=asked.uri, text=text, mime_type="text/plain")
        return types.ReadResourceResult(contents=[content])
