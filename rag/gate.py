"""The gate before every route that is or will be served: Host, Origin, token.

A web page from anywhere can make its visitor's browser ask this server. It is refused by the
Origin header that browsers send, and a name that was bent to this machine (DNS rebinding) by the
Host header. Whoever may reach the server from another machine must show the token besides: as a
cookie, which the form gives, or as ``Authorization: Bearer``. Programs are refused in their own
words (problem details), and whether the server is up is told to all.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.errors import SettingsError
from rag.api.problems import problem

LOOPBACK = "127.0.0.1"
LOCAL_NAMES = frozenset({LOOPBACK, "localhost"})
COOKIE = "spanwise"
LOGIN = "/login"
HEALTH = "/api/v1/health"
"""The one path that needs no token."""
PROGRAMS = ("/api", "/mcp")
"""Paths that programs ask, and all below them."""
SHUT = tuple(
    f"/gradio_api/{name}"
    for name in ("upload", "process_recording", "component_server", "file", "proxy")
)
"""Paths of Gradio's that take and give files, and all that begin so. The page asks none of them:
files come and go by `rag.chat`. The last two would have the server fetch any address."""
SHORTEST_TOKEN = 16
DELAY_S = 1.0
"""After a wrong token, so that guessing is slow."""
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    # Gradio's page has scripts of its own in it, and makes functions of its templates.
    b"content-security-policy": b"default-src 'self'; img-src 'self' data: blob:; "
    b"style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    b"font-src 'self' data:; media-src 'self' blob:; worker-src 'self' blob:; object-src 'none'; "
    b"base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
}
_FORM = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Spanwise</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 20vh auto; }</style>
<h1 style="font: 1.75rem Georgia, serif">Spanwise</h1><p role="alert">{said}</p>
<form method="post" action="/login"><label>The token that the server was started with<br>
<input type="password" name="token" autocomplete="current-password" required autofocus
 style="font: inherit; width: 100%; box-sizing: border-box; padding: .4rem"></label>
<p><button style="font: inherit; padding: .4rem 1rem">Open</button></p></form></body></html>"""


@dataclass(frozen=True, slots=True)
class Entrance:
    """Where the server listens, and what must be shown to come in.

    Attributes:
        host: the address to bind.
        token: what visitors must know; "" where only this machine can reach the server.
        proxy: the name under which a proxy in front of it is asked, or "".

    Raises:
        SettingsError: other machines could reach it and there is no token, or a short one.
    """

    host: str = LOOPBACK
    token: str = ""
    proxy: str = ""

    def __post_init__(self) -> None:
        open_to = f"by way of {self.proxy}" if self.proxy else f"at {self.host}"
        if (self.proxy or not self.is_local) and not self.token:
            raise SettingsError(
                f"Other machines could reach the documents {open_to}, and there is no token",
                mend="Give one in SPANWISE_TOKEN or with --token, or leave out the flag.",
            )
        if self.token and len(self.token) < SHORTEST_TOKEN:
            raise SettingsError(
                "The token is too short", mend=f"Take at least {SHORTEST_TOKEN} characters."
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address that is bound."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def knows(self, name: str) -> bool:
        """Whether the server may be asked under this name.

        A bare address cannot be bent to this machine as a name can, so that one that answers on
        all its addresses is found under each of them.
        """
        if name in LOCAL_NAMES | {self.host.lower()} or (self.proxy and name == self.proxy.lower()):
            return True
        try:
            return not self.is_local and bool(ipaddress.ip_address(name))
        except ValueError:
            return False

    @property
    def cookie(self) -> str:
        """What a browser keeps in place of the token; the same after a restart."""
        return hmac.new(self.token.encode(), b"spanwise cookie 1", hashlib.sha256).hexdigest()


class Gate:
    """The outermost layer. Event streams pass through as they come."""

    def __init__(self, app: ASGIApp, entrance: Entrance) -> None:
        self._app = app
        self._entrance = entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or say why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there is no websocket to come in by
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope.get("headers", ())}
        path = scope["path"]
        refusal = self._refused(headers, path)
        if refusal is None and path != HEALTH and not self._is_known(headers):
            refusal = await self._ask_token(Request(scope, receive))
        if refusal is None and path.startswith(SHUT):
            refusal = _refusal(path, 403, "Files come and go under “Documents”, nowhere else.")
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _refused(self, headers: dict[str, str], path: str) -> Response | None:
        asked = headers.get("host", "").lower()
        name = _name(f"//{asked}")
        if name is None or not self._entrance.knows(name):
            return _refusal(path, 400, "Spanwise is not known under this name.")
        origin = headers.get("origin", "").lower()
        proxied = self._entrance.proxy and _name(origin) == self._entrance.proxy.lower()
        if origin and not proxied and origin.partition("://")[2] != asked:
            return _refusal(path, 403, "Spanwise answers only to its own page.")
        return None

    def _is_known(self, headers: dict[str, str]) -> bool:
        if not self._entrance.token:
            return True
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(shown.strip(), self._entrance.token):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and _same(cookie.value, self._entrance.cookie)

    async def _ask_token(self, request: Request) -> Response:
        """The form, or what became of it. The token is never part of an address."""
        said = ""
        if request.method == "POST" and request.url.path == LOGIN:
            body = b""
            async for piece in request.stream():
                body += piece
                if len(body) > 4096:
                    return PlainTextResponse("Too long.", 413)
            given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
            if _same(given, self._entrance.token):
                response = RedirectResponse("/", 303)
                secure = bool(self._entrance.proxy) and request.headers.get(
                    "origin", ""
                ).startswith("https:")
                response.set_cookie(
                    COOKIE, self._entrance.cookie, max_age=30 * 24 * 3600, httponly=True,
                    samesite="strict", secure=secure,
                )  # fmt: skip
                return response
            await asyncio.sleep(DELAY_S)
            said = "That was not the token."
        elif _for_program(request):
            return _refusal(request.scope["path"], 401, "A token is needed.")
        return HTMLResponse(_FORM.replace("{said}", said), 401, {"Cache-Control": "no-store"})


def _for_program(request: Request) -> bool:
    """Whether the form would be of no use to the asker."""
    page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    return not page or _is_of_programs(request.scope["path"])


def _is_of_programs(path: str) -> bool:
    return any(path == start or path.startswith(f"{start}/") for start in PROGRAMS)


def _refusal(path: str, status: int, sentence: str) -> Response:
    if not _is_of_programs(path):
        return PlainTextResponse(sentence, status)
    if status != 401:
        return problem(status, sentence)
    mend = "Send it as Authorization: Bearer TOKEN."
    return problem(401, sentence, mend, {"WWW-Authenticate": "Bearer"})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", ())}
            missing = [(k, v) for k, v in HEADERS.items() if k not in present]
            message = {**message, "headers": [*message.get("headers", ()), *missing]}
        await send(message)

    return sending


def _name(address: str) -> str | None:
    """The host's name in an address; None if it has none, or makes no sense."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
