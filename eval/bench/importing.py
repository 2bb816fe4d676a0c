"""How long `import index` takes, and that it loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from eval.bench.apart import ROOT

HEAVY = ("torch", "transformers", "faiss", "sentence_transformers", "gradio")
CODE = f"""
import sys, time
begun = time.perf_counter()
import index
taken = time.perf_counter() - begun
print(taken * 1000, *(name for name in {HEAVY} if name in sys.modules))
"""


def importing(times: int = 9) -> Iterator[str]:
    """Rows: the median of `times` fresh interpreters, which have read the files before."""
    taken, loaded = [], set()
    for _ in range(times + 1):
        command = [sys.executable, "-c", CODE]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
        ms, *heavy = done.stdout.split()
        taken.append(float(ms))
        loaded.update(heavy)
    taken = sorted(taken[1:])  # the first may read from the disk
    said = f"it loads {', '.join(sorted(loaded))}" if loaded else "no torch, nothing heavy loaded"
    yield (
        f"  import index  {median(taken):8.1f} ms (median of {times} processes, "
        f"{taken[0]:.1f} to {taken[-1]:.1f}); {said}"
    )
