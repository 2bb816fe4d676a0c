"""The server as it is started: its port, its names, its errors."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import ROOT, serving
from tiny import write_files

pytestmark = pytest.mark.timeout(900)  # a slow machine that has other things to do


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("web") / "docs", {"a.txt": "The dam broke."})


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serving(str(folder), "--home", str(folder.parent / "home")) as url:
        yield url


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
