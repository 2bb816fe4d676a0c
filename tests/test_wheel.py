"""The package as a stranger gets it: built, installed elsewhere, without network or checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from tiny import SEEDS

ROOT = Path(__file__).parent.parent

# Any connection but loopback, and any file of the checkout (its environment apart) or of what
# lies beside it, ends the process.
GUARD = """
import os, sys
FORBIDDEN, ALLOWED = {forbidden!r}, {allowed!r}
def guard(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        if not str(arguments[1][0]).startswith(("127.", "::1")):
            os.write(2, f"GUARD: connection to {{arguments[1][0]}}".encode()); os._exit(99)
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "127.0.0.1", "localhost"):
        os.write(2, f"GUARD: look-up of {{arguments[0]}}".encode()); os._exit(99)
    if event == "open" and isinstance(arguments[0], str):
        path = os.path.abspath(arguments[0])
        if path.startswith(FORBIDDEN) and not path.startswith(ALLOWED):
            os.write(2, f"GUARD: opened {{path}}".encode()); os._exit(99)
sys.addaudithook(guard)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tracked files, so that nothing else can get in."""
    source = tmp_path_factory.mktemp("source") / "spanwise"
    for name in ("index", "rag", "eval"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    out = source.parent / "dist"
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(source)], check=True, capture_output=True)
    (built,) = out.glob("spanwise-*.whl")
    return built


def test_what_is_in_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"index", "rag", "eval"}
    for wanted in (
        "rag/models/reader/model.safetensors", "rag/models/reader/calibrator.json",
        "rag/models/reader/README.md", "rag/py.typed", "index/py.typed", "eval/py.typed",
    ):  # fmt: skip
        assert wanted in names
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert not any("questions" in name or name.startswith("tests") for name in names)


def test_installed_elsewhere_it_answers(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "env"
    venv.create(place, with_pip=False)
    site = next(place.glob("lib*/**/site-packages"))
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "-q"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True, capture_output=True)
    # A plain path in a .pth does not run the .pth files over there: the checkout stays unseen.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    guard = GUARD.format(
        forbidden=(f"{ROOT}{os.sep}", f"{ROOT.parent / 'shared'}{os.sep}"),
        allowed=(sysconfig.get_paths()["data"] + os.sep,),
    )
    (site / "sitecustomize.py").write_text(guard)
    shutil.copytree(SEEDS, tmp_path / "seeds")
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}

    def spanwise(*arguments: str) -> dict[str, object]:
        done = subprocess.run(
            [str(python), "-m", "rag", *arguments, "--json", "--home", str(tmp_path / "home")],
            capture_output=True, text=True, cwd=tmp_path, env=environ, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        result: dict[str, object] = json.loads(done.stdout)
        return result

    assert spanwise("index", "seeds")["documents"] == 5
    answer = spanwise("ask", "Who heads the Deir al-Zor military council?")
    assert "Khawla" in str(answer["answer"])


def test_the_guard_bites(tmp_path: Path) -> None:
    guard = GUARD.format(forbidden=(str(SEEDS),), allowed=())
    for deed in (
        "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)",
        f"open({str(SEEDS / '000_d39b82a70d207427.txt')!r})",
    ):
        done = subprocess.run([sys.executable, "-c", guard + deed], capture_output=True)
        assert (done.returncode, done.stderr[:6]) == (99, b"GUARD:")
