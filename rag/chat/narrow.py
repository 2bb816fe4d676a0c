"""The fold beside the question box that narrows which documents are searched, and what it sends."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from index.errors import SpanwiseError
from rag.chat.library import Library

LONGEST = 200
"""Characters of a field."""
FOLD = f"""<div role="group" aria-label="Which documents are searched"><details>
<summary>Narrow</summary><div class="fields">
<label>From <input type="date" name="after"></label>
<label>To <input type="date" name="before"></label>
<label>Path <input name="path" maxlength="{LONGEST}" placeholder="reports/*" dir="auto"></label>
<label>Type <select name="type"><option value="">any</option></select></label>
</div></details><ul class="chips"></ul></div>"""
"""HTML; narrow.js keeps the chips and the types that there are."""


def fields(sent: str) -> Mapping[str, str]:
    """What the fold is set to, as the page sends it with a question; nothing if that is no JSON."""
    try:
        given = json.loads(sent or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(given, dict):
        return {}
    return {name: value[:LONGEST] for name, value in given.items() if isinstance(value, str)}


def routes(library: Library) -> list[BaseRoute]:
    """The route that tells which types of files there are."""

    def types(request: Request) -> Response:
        """Their endings, as JSON; none of a collection that cannot be read."""
        try:
            service = library.service(request.query_params.get("collection", ""))
            with service.retriever.generation() as found:
                paths = [path for path, *_ in found.store.listing()]
        except SpanwiseError:
            return JSONResponse([])
        return JSONResponse(sorted({path.rpartition(".")[2].casefold() for path in paths}))

    return [Route("/documents/types", types, methods=["GET"])]
