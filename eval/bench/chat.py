"""The chat as it is run: a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eval.bench.apart import ROOT


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat that runs: where it is reached, and which process it is."""

    url: str
    pid: int


@contextmanager
def chatting(home: Path) -> Iterator[Chat]:
    """`spanwise chat` over the collections of a home, for as long as the context lasts.

    Raises:
        RuntimeError: it ended before it said where it is.
    """
    command = [sys.executable, "-m", "rag", "chat", "--home", str(home), "--no-browser", "--json"]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (home / "chat.log").open("w+") as log:
        server = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, env=environ
        )
        try:
            yield Chat(_address(server, Path(log.name)), server.pid)
        finally:
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()


def _address(server: subprocess.Popen[str], log: Path) -> str:
    for line in server.stdout or ():
        if found := re.search(r'"url": "(http[^"]+)"', line):
            return found[1]
    raise RuntimeError(f"The chat ended: {log.read_text()}")
