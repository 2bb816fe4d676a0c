"""What a run was made with, so that its figures can be had again."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from eval.records import Job
from eval.retrieval import digest
from eval.sets import Example

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "spanwise", "torch", "transformers", "tokenizers", "sentence-transformers", "faiss-cpu",
    "bm25s", "numpy", "ir-measures", "pytrec-eval-terrier",
)  # fmt: skip


def environment(
    job: Job, name: str, examples: Sequence[Example], drawn: Mapping[str, Any]
) -> dict[str, Any]:
    """Plain data for ``environment.json``.

    Args:
        job: what is done with the set.
        name: of the set's file.
        examples: the questions that are asked.
        drawn: how they were drawn from the set: ``{"of": 10570, "sample": 1000, "seed": 1}``.
    """
    told = [(e.id, e.question, e.golds, e.context, e.conversation) for e in examples]
    return {
        "schema": 1,
        "kind": job.kind,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "set": {
            "name": name,
            "questions": len(examples),
            "sha256": digest(told),
            **drawn,
        },
        "made with": job.environment(),
        "versions": {
            "python": platform.python_version(),
            **{package: _version(package) for package in PACKAGES},
        },
        "machine": f"{platform.system()} {platform.machine()}",
    }


def commit() -> str | None:
    """That of the checkout that this file lies in, with a + if it was changed; None elsewhere."""
    if not (ROOT / ".git").exists():
        return None
    try:
        name, changed = (
            subprocess.run(
                ["git", "-C", str(ROOT), *command], capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"])
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return name + ("+" if changed else "")


def peak_mb() -> float | None:
    """Peak resident memory of this process, or of the largest of its finished children."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    used = [resource.getrusage(who).ru_maxrss for who in (
        resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]  # fmt: skip
    return round(max(used) / (1e6 if sys.platform == "darwin" else 1e3), 1)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
