"""What is the same in every arm of the comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

from eval.bench.apart import Job

READ = 8
"""Passages that are read for a question."""
WINDOW, STRIDE = 256, 64
"""Tokens of a window, and those that neighbouring windows share, as `rag.read.Reader` has them."""
LONGEST = 30
"""Tokens of the longest answer, as `rag.read.Reader` has it; Haystack's reader has no limit."""

Said = tuple[str, list[str]]
"""The best answer, given or withheld, and the ids of the passages that were read, best first."""
Ask = Callable[[str], Said]
Passages = Sequence[Mapping[str, str]]
"""``{"id", "text", "about"}``: about is the title and section that are searched beside the text."""


def versions(job: Job) -> dict[str, str]:
    """Of the packages named in ``of``."""
    return {name: version(name) for name in job["of"]}
