"""Who is let in."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from index.errors import SettingsError
from rag import gate
from rag.api.problems import MEDIA
from rag.gate import Entrance, Gate

TOKEN = "a token of some length"


def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


def client(entrance: Entrance, base_url: str = "http://127.0.0.1:7860") -> TestClient:
    app = Starlette(routes=[Route("/x", hello, methods=["GET", "POST"])])
    return TestClient(Gate(app, entrance), base_url=base_url)


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1:7860", 200), ("localhost:7860", 200), ("LOCALHOST", 200), ("evil.example", 400),
        ("127.0.0.1.evil.example", 400), ("evil.example:7860", 400), ("192.168.1.5:7860", 400),
        ("localhost@evil.example", 400), ("[::1", 400), ("", 400),
    ],
)  # fmt: skip
def test_only_under_this_machines_own_names(host: str, code: int) -> None:
    assert client(Entrance()).get("/x", headers={"Host": host}).status_code == code


@pytest.mark.parametrize("path", ["file=http://a.example/x", "file=/etc/hosts", "file/etc/hosts",
                                  "proxy=http://a.example/x"])  # fmt: skip
def test_nothing_is_fetched_for_a_visitor(path: str) -> None:
    visitor = TestClient(
        Gate(Starlette(routes=[Route("/gradio_api/{rest:path}", hello)]), Entrance()),
        base_url="http://127.0.0.1:7860",
    )
    assert visitor.get("/gradio_api/other").status_code == 200
    assert visitor.get(f"/gradio_api/{path}").status_code == 403


def test_gradios_own_uploads_are_shut() -> None:
    """However small the file, and whoever sends it; strangers are asked for the token first."""
    paths = [f"/gradio_api/{name}" for name in ("upload", "process_recording", "component_server")]
    app = Starlette(routes=[Route(f"{path}{end}", hello, methods=["POST"]) for path in paths
                            for end in ("", "/")])  # fmt: skip
    open_to_all, guarded = Entrance(), Entrance(token=TOKEN)
    for path in (each + end for each in paths for end in ("", "/", "?upload_id=1")):
        visitor = TestClient(Gate(app, open_to_all), base_url="http://127.0.0.1:7860")
        refused = visitor.post(path, files={"files": ("a.txt", b"x" * 64)})
        assert refused.status_code == 403 and "“Documents”" in refused.text
        visitor = TestClient(Gate(app, guarded), base_url="http://127.0.0.1:7860")
        assert visitor.post(path).status_code == 401
        known = {"Authorization": f"Bearer {TOKEN}"}
        assert visitor.post(path, headers=known).status_code == 403


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("http://127.0.0.1:7860", 200), ("http://127.0.0.1:9999", 403),
        ("http://localhost:7860", 403), ("http://evil.example", 403), ("null", 403),
        ("http://127.0.0.1:7860.evil.example", 403),
    ],
)  # fmt: skip
def test_only_from_its_own_page(origin: str, code: int) -> None:
    answer = client(Entrance()).post("/x", headers={"Origin": origin})
    assert answer.status_code == code


def test_every_answer_forbids_what_the_page_does_not_need() -> None:
    headers = client(Entrance()).get("/x").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "entrance",
    [
        {"host": "0.0.0.0"}, {"host": "192.168.1.5"}, {"host": "::"}, {"host": "my.machine"},
        {"proxy": "docs.example"}, {"host": "0.0.0.0", "token": "short"},
    ],
)  # fmt: skip
def test_no_other_address_without_a_token(entrance: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="token"):
        Entrance(**entrance)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_this_machine_needs_none(host: str) -> None:
    assert Entrance(host).is_local


def test_the_token_comes_in_by_a_form_and_stays_in_a_cookie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "DELAY_S", 0)
    visitor = client(Entrance("0.0.0.0", TOKEN), "http://192.168.1.5:7860")
    asked = visitor.get("/x", headers={"Accept": "text/html"})
    assert asked.status_code == 401 and 'name="token"' in asked.text and TOKEN not in asked.text
    assert visitor.post("/x").status_code == 401
    wrong = visitor.post("/login", data={"token": "wrong"}, headers={"Accept": "text/html"})
    assert wrong.status_code == 401 and not visitor.cookies
    assert visitor.post("/login", data={"token": "x" * 9_000}).status_code == 413
    right = visitor.post("/login", data={"token": TOKEN}, follow_redirects=False)
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and TOKEN not in cookie
    assert visitor.get("/x").text == "hello"
    visitor.cookies.clear()
    assert visitor.get(f"/x?token={TOKEN}").status_code == 401
    assert visitor.get("/x", headers={"Cookie": "spanwise=guess"}).status_code == 401
    assert visitor.get("/x", headers={"Authorization": f"Bearer {TOKEN}"}).text == "hello"


def test_host_and_origin_are_checked_before_the_token() -> None:
    visitor = client(Entrance("0.0.0.0", TOKEN), "http://192.168.1.5:7860")
    known = {"Authorization": f"Bearer {TOKEN}"}
    assert visitor.get("/x", headers={**known, "Host": "evil.example"}).status_code == 400
    assert visitor.post("/x", headers={**known, "Origin": "http://evil.example"}).status_code == 403


def test_behind_a_proxy_everybody_shows_the_token() -> None:
    """For the server every visitor is then this machine."""
    entrance = Entrance(token=TOKEN, proxy="docs.example")
    for host in ("docs.example", "127.0.0.1:7860"):
        assert client(entrance).get("/x", headers={"Host": host}).status_code == 401
    asked = {"Host": "127.0.0.1:7860", "Origin": "https://docs.example"}
    known = {**asked, "Authorization": f"Bearer {TOKEN}"}
    assert client(entrance).post("/x", headers=known).text == "hello"
    login = client(entrance).post(
        "/login", data={"token": TOKEN}, headers=asked, follow_redirects=False
    )
    assert "secure" in login.headers["set-cookie"].lower()


def for_programs(entrance: Entrance, base_url: str = "http://127.0.0.1:7860") -> TestClient:
    paths = ("/api/v1/health", "/api/v1/ask", "/apiary", "/mcp")
    app = Starlette(routes=[Route(path, hello, methods=["GET", "POST"]) for path in paths])
    return TestClient(Gate(app, entrance), base_url=base_url)


@pytest.mark.parametrize("path", ["/api/v1/ask", "/api/v1/none", "/api", "/api/v2/health", "/mcp"])
def test_a_program_is_refused_in_its_own_words(path: str) -> None:
    visitor = for_programs(Entrance("0.0.0.0", TOKEN), "http://192.168.1.5:7860")
    page = {"Accept": "text/html"}  # the form would be of no use under these paths
    for headers in ({}, page, {"Authorization": "Bearer wrong"}, {"Cookie": "spanwise=guess"}):
        refused = visitor.get(path, headers=headers)
        said = refused.json()
        assert refused.status_code == said["status"] == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.headers["content-type"] == MEDIA and "Bearer" in said["mend"]
    for headers, status in (({"Host": "evil.example"}, 400), ({"Origin": "http://evil"}, 403)):
        refused = visitor.get(path, headers=headers)
        assert refused.status_code == refused.json()["status"] == status
        assert refused.headers["content-type"] == MEDIA


def test_a_program_shows_the_token() -> None:
    visitor = for_programs(Entrance("0.0.0.0", TOKEN), "http://192.168.1.5:7860")
    known = {"Authorization": f"Bearer {TOKEN}"}
    assert visitor.post("/api/v1/ask", headers=known).text == "hello"
    assert visitor.post("/mcp", headers={"authorization": f"bearer  {TOKEN} "}).text == "hello"


def test_health_alone_is_told_to_all_of_them() -> None:
    visitor = for_programs(Entrance("0.0.0.0", TOKEN), "http://192.168.1.5:7860")
    assert visitor.get("/api/v1/health").text == "hello"
    for path in ("/api/v1/health/", "/api/v1//health", "/api/v1/health/../ask", "/API/v1/health"):
        assert visitor.get(path).status_code == 401
    assert visitor.get("/api/v1/health", headers={"Host": "evil.example"}).status_code == 400
    assert visitor.get("/api/v1/health", headers={"Origin": "http://evil"}).status_code == 403


def test_a_page_whose_name_begins_alike_is_no_program() -> None:
    visitor = for_programs(Entrance("0.0.0.0", TOKEN), "http://192.168.1.5:7860")
    refused = visitor.get("/apiary")
    assert refused.status_code == 401 and refused.headers["content-type"].startswith("text/plain")
    assert 'name="token"' in visitor.get("/apiary", headers={"Accept": "text/html"}).text
