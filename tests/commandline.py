"""`spanwise` on the path of a subprocess: this checkout's, wherever it is called."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def with_spanwise(folder: Path) -> str:
    """A PATH that begins with a folder below `folder` in which the command lies."""
    script = folder / "bin" / "spanwise"
    script.parent.mkdir(parents=True)
    lines = [
        f"#!{sys.executable}",
        f"import sys; sys.path.insert(0, {str(ROOT)!r})",
        "from rag.__main__ import main",
        "main()",
    ]
    script.write_text("\n".join(lines) + "\n")
    script.chmod(0o755)
    return f"{script.parent}{os.pathsep}{os.environ['PATH']}"
