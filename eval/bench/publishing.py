"""Many threads search while a writer publishes: errors, and answers made of two generations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from eval.bench.apart import Job, apart

THREADS, SEARCHES, GENERATIONS = 32, 1_000, 20


def publishing(
    threads: int = THREADS, searches: int = SEARCHES, generations: int = GENERATIONS
) -> Iterator[str]:
    """Rows of `eval.concurrency.under_load`, with the real encoder."""
    job = {"threads": threads, "searches": searches, "generations": generations}
    found = apart(searched, job)
    yield (
        f"{threads} threads, {searches:,} searches each, while {generations} generations are "
        "published"
    )
    yield (
        f"  searches      {found['searches'] / found['seconds']:8.1f} a second; "
        f"{found['searches']:,} searches, {len(found['seen'])} generations seen, "
        f"{len(found['errors'])} errors, {found['mixed']} mixed answers, {found['stale']} stale"
    )
    for error in found["errors"][:5]:
        yield f"  error: {error}"


def searched(job: Job) -> dict[str, Any]:
    """The outcome as plain data."""
    from eval.concurrency import under_load
    from index import SentenceEncoder

    outcome = under_load(SentenceEncoder(), **job)
    return {**asdict(outcome), "seen": sorted(outcome.seen)}
