"""Counts requests, for Prometheus and for a stop that lets them finish."""

from __future__ import annotations

import time
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEDIA = CONTENT_TYPE_LATEST
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Traffic:
    """The figures of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "spanwise_requests", "Requests answered.", ["method", "route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "spanwise_request_seconds", "From the request to the end of its answer.", ["route"],
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._answers = Counter(
            "spanwise_answers", "Questions answered, and answers withheld.", ["outcome"],
            registry=self._registry,
        )  # fmt: skip
        self._present = Gauge(
            "spanwise_requests_in_flight", "Requests under way.", registry=self._registry
        )
        self._under_way = 0
        for outcome in ("given", "withheld"):
            self._answers.labels(outcome)

    @property
    def under_way(self) -> int:
        """Requests that have begun and not ended."""
        return self._under_way

    def answered(self, given: bool) -> None:
        """Count a question."""
        self._answers.labels("given" if given else "withheld").inc()

    def figures(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self._registry)

    async def count(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let `app` answer a request, and count it under the route that it took."""
        status, begun = 500, time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._under_way += 1
        self._present.inc()
        try:
            await app(scope, receive, sending)
        finally:
            self._under_way -= 1
            self._present.dec()
            route = _route(scope)
            self._seconds.labels(route).observe(time.perf_counter() - begun)
            self._requests.labels(_method(scope), route, str(status)).inc()


class Counted:
    """An application whose requests are counted."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer and count a request."""
        if scope["type"] == "http":
            await self._traffic.count(self._app, scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _route(scope: Scope) -> str:
    """The pattern of the path, of which there are few; never the path, which anybody makes up."""
    taken: Any = scope.get("route")
    return getattr(taken, "path", "unknown")


def _method(scope: Scope) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"
