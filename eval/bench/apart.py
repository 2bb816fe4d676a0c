"""A function measured in a process of its own, so that nothing before it can warm or swell it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

Job = Mapping[str, Any]
"""Plain data."""


def apart(
    measure: Callable[[Job], Any],
    job: Job,
    python: str | Path = sys.executable,
    environ: Mapping[str, str] | None = None,
) -> Any:  # noqa: ANN401  whatever plain data the function gives
    """What `measure` of a module of ours gives for the job, both plain data.

    Args:
        measure: a function at the top of its module.
        job: what it is given.
        python: the interpreter that runs it.
        environ: to be added to the environment.

    Raises:
        RuntimeError: the process failed; what it said.
    """
    command = [str(python), "-m", __name__, measure.__module__, measure.__name__]
    done = subprocess.run(
        command, input=json.dumps(job), capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, **(environ or {})},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def peak_mb() -> float:
    """Peak resident memory of this process."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def _main() -> None:
    module, name = sys.argv[1:]
    measure = getattr(importlib.import_module(module), name)
    sys.stdout.write("\n" + json.dumps(measure(json.load(sys.stdin))) + "\n")


if __name__ == "__main__":
    _main()
