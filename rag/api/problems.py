"""Errors as other programs read them: problem details (RFC 9457), and JSON that is always valid."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from index.errors import BusyError, CollectionError, QuestionError, SettingsError, SpanwiseError

MEDIA = "application/problem+json"
RETRY_AFTER_S = 2
STATUS = {
    CollectionError: HTTPStatus.NOT_FOUND,
    QuestionError: HTTPStatus.UNPROCESSABLE_ENTITY,
    SettingsError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Of what the asker can mend; every other error is the server's."""


def as_json(value: object) -> bytes:
    r"""UTF-8 JSON. Half of a surrogate pair, as a file's name may hold, is escaped.

    >>> as_json({"path": "caf\u00e9", "odd": "\udc80"})
    b'{"path": "caf\xc3\xa9", "odd": "\\udc80"}'
    """
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(as_json(value), status, headers, "application/json")


def problem(
    status: int,
    detail: str,
    mend: str = "",
    headers: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401
) -> Response:
    """What is wrong, and the mend."""
    return Response(as_json({**fields(status, detail, mend), **more}), status, headers, MEDIA)


def fields(status: int, detail: str, mend: str = "") -> dict[str, Any]:
    """The fields of a problem."""
    title = HTTPStatus(status).phrase
    said = {"type": "about:blank", "title": title, "status": int(status), "detail": detail}
    return {**said, "mend": mend}


def status_of(error: SpanwiseError) -> int:
    """The HTTP status of an error."""
    return STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)


def described(error: SpanwiseError) -> dict[str, Any]:
    """An error as the fields of a problem."""
    place = "" if error.where is None else f": {error.where}"
    return {"status": status_of(error), "detail": f"{error.what}{place}.", "mend": error.mend}


def of_error(error: SpanwiseError) -> Response:
    """The problem that an error is; with the time to wait where waiting helps."""
    busy = isinstance(error, BusyError)
    return problem(**described(error), headers={"Retry-After": str(RETRY_AFTER_S)} if busy else {})
