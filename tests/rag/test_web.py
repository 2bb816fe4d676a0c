"""The server as it is started: its port, its names, its errors."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from browser import ROOT, serving
from starlette.testclient import TestClient
from tiny import write_files

from rag.gate import HEALTH, Entrance
from rag.settings import Settings

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("web") / "docs", {"a.txt": "The dam broke."})


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serving(str(folder), "--home", str(folder.parent / "home")) as url:
        yield url


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Before the whole application over an empty home, which wants a token."""
    from rag.api.traffic import Traffic
    from rag.chat.evaluations import Evaluations
    from rag.chat.library import Library
    from rag.chat.uploads import Uploads
    from rag.web import make_app

    library = Library(Settings(tmp_path_factory.mktemp("empty")))
    entrance = Entrance(token="a token of some length")
    app = make_app(library, Uploads(library), Evaluations(library), entrance, Traffic())
    return TestClient(app, base_url="http://127.0.0.1:7860", follow_redirects=False)


def served(routes: Iterable[Any], above: str = "") -> Iterator[tuple[str, str]]:
    """(method, path) of every route, however deep; an unknown kind of route is an error."""
    for route in routes:
        if hasattr(route, "original_router"):  # FastAPI's own, of a router that was included
            yield from served(route.original_router.routes, above)
        elif getattr(route, "routes", None):
            yield from served(route.routes, above + route.path)
        else:
            path = above + re.sub(r"\{[^}]+\}", "1", route.path)
            yield from ((method, path) for method in route.methods or {"GET", "POST"})


def refusal(address: str, method: str = "GET", **headers: str) -> int:
    """The status of an answer that is no success."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    data = b"--x--" if method != "GET" else None
    request = urllib.request.Request(address, data=data, headers=headers, method=method)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    return refused.value.code


def test_another_host_name_is_refused_everywhere(address: str) -> None:
    for path in ("/", "/gradio_api/info", "/view", "/documents", "/desk/page.js", "/nothing"):
        assert refusal(address + path, Host="evil.example") == 400
    assert urllib.request.urlopen(address).status == 200


def test_a_foreign_page_is_refused_everywhere(address: str) -> None:
    multipart = {"Content_Type": "multipart/form-data; boundary=x"}
    for path in ("/gradio_api/upload", "/gradio_api/queue/join", "/documents/index", "/"):
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
            assert refusal(address + path, "POST", Origin=origin, **multipart) == 403
    assert refusal(address, "POST", Origin=address, **multipart) == 405


def test_gradios_own_uploads_are_shut(address: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
    body += b"x" * 5_000 + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{address}/gradio_api/upload", body, headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code in (403, 413)


def test_nothing_is_served_by_path(address: str, folder: Path) -> None:
    for path in ("/file=/etc/hostname", f"/gradio_api/file={folder}/a.txt", "/desk/../web.py"):
        assert refusal(address + path) in (403, 404)


def test_the_next_free_port_and_nothing_read_again(address: str, folder: Path) -> None:
    home = ["--home", str(folder.parent / "home")]
    taken = int(address.rpartition(":")[2])
    info = [sys.executable, "-m", "rag", "info", *home, "--json"]
    before = json.loads(subprocess.check_output(info, cwd=ROOT))
    with serving(str(folder), *home, "--port", str(taken)) as second:
        assert int(second.rpartition(":")[2]) > taken
    assert json.loads(subprocess.check_output(info, cwd=ROOT)) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--collection", "nope"], "There are: default"),
        (["--host", "0.0.0.0"], "SPANWISE_TOKEN"),
        (["--behind-proxy", "docs.example"], "SPANWISE_TOKEN"),
    ],
)
def test_what_cannot_be_opened_is_told(
    address: str, folder: Path, arguments: list[str], said: str
) -> None:
    command = [sys.executable, "-m", "rag", "chat", "--home", str(folder.parent / "home")]
    command += ["--no-browser", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_only_this_machine_is_listened_to(address: str) -> None:
    host = socket.gethostbyname(socket.gethostname())
    if host.startswith("127."):
        pytest.skip("this machine has no other address")
    with pytest.raises(OSError):
        socket.create_connection((host, int(address.rpartition(":")[2])), timeout=2)


def test_an_upload_beyond_the_limits_is_refused(address: str) -> None:
    put = f"{address}/documents/file?collection=new&name="
    for name in ("a.exe", "../a.txt", "/a.txt", "a/../../b.txt", ".hidden.txt", "a%00.txt", ""):
        assert refusal(put + name, "PUT") == 400
    assert refusal(f"{address}/documents/file?collection=../x&name=a.txt", "PUT") == 400
    assert refusal(put + "a.txt", "PUT", Content_Length="60000000") == 400


def test_no_route_is_open_without_the_token(visitor: TestClient) -> None:
    """Gradio's, ours, those of programs; one that is added later is among them."""
    everything = set(served(visitor.app.routes))  # type: ignore[attr-defined]
    for known in (
        ("GET", "/"), ("POST", "/gradio_api/upload"), ("GET", "/view"), ("PUT", "/documents/file"),
        ("POST", "/api/v1/ask"), ("GET", "/api/v1/openapi.json"), ("GET", "/api/v1/metrics"),
        ("GET", HEALTH), *([("POST", "/mcp")] if find_spec("mcp") else []),
    ):  # fmt: skip
        assert known in everything
    for method, path in sorted(everything):
        if path == HEALTH:
            continue
        refused = visitor.request(method, path)
        assert refused.status_code == 401, f"{method} {path}"
        if path.startswith(("/api/", "/mcp")):
            assert refused.headers["www-authenticate"] == "Bearer"
            assert refused.headers["content-type"] == "application/problem+json"
    assert visitor.get(HEALTH).json()["status"] == "ok"


def test_programs_are_let_in_by_the_token_and_by_nothing_else(visitor: TestClient) -> None:
    known = {"Authorization": "Bearer a token of some length"}
    assert visitor.get("/api/v1/collections", headers=known).json()["collections"] == []
    nothing = visitor.post("/api/v1/ask", json={"question": "x"}, headers=known)
    assert nothing.status_code == 404 and "spanwise index" in nothing.json()["mend"]
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        for path in ("/api/v1/collections", HEALTH, "/mcp"):
            refused = visitor.get(path, headers={**known, **headers})
            assert refused.status_code in (400, 403)
            assert refused.headers["content-type"] == "application/problem+json"
    for path in ("/api/v1/nothing", "/api/v1/ask/", "/api/v1"):
        assert visitor.get(path, headers=known).status_code in (404, 405)


def test_the_schema_is_behind_the_gate_and_names_its_own_place(visitor: TestClient) -> None:
    known = {"Authorization": "Bearer a token of some length"}
    schema = visitor.get("/api/v1/openapi.json", headers=known).json()
    assert schema["servers"] == [{"url": "/api/v1"}]
    assert set(schema["paths"]) == {
        "/search", "/ask", "/ask/batch", "/documents", "/documents/{document_id}", "/collections",
        "/health", "/metrics",
    }  # fmt: skip
    operations = {path: next(iter(ops.values())) for path, ops in schema["paths"].items()}
    assert [path for path, op in operations.items() if "security" not in op] == ["/health"]
