"""Work beside the server: a process of low priority that tells how far it is, a JSON object a line.

The server's side is `started`; the process itself calls `as_child` first of all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rag import journal

NICENESS = 10
TELL_EVERY_S = 0.2
"""Between two lines that tell how far it is."""

Tell = Callable[[Mapping[str, Any]], None]


def started(module: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """``python -m module arguments`` as a child whose lines come by its `stdout`."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p or os.curdir for p in sys.path)},
        start_new_session=True,
    )  # fmt: skip


def as_child(home: Path) -> Tell:
    """In the child: step back behind the server; what is returned sends it an object.

    Raises (what is returned):
        BrokenPipeError: the server is gone.
    """
    tell = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries print is not ours to send
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    journal.keep(home)

    def telling(said: Mapping[str, Any]) -> None:
        tell.write(json.dumps(said) + "\n")

    return telling
