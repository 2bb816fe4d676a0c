"""`spanwise serve` as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


@contextmanager
def serving(*arguments: str, token: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address; it is ended if it has not ended by itself."""
    server = subprocess.Popen(
        [sys.executable, "-m", "rag", "serve", "--json", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "SPANWISE_TOKEN": token},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        said = ""
        for line in server.stdout:  # ends, too, where the server does
            said += line
            if line.startswith("}"):
                break
        yield server, json.loads(said)["url"]
    finally:
        if server.poll() is None:
            server.terminate()
        server.wait(120)
        server.stdout.close()
