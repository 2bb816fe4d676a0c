"""Questions a second of `spanwise eval`, against asking one by one; the answers must be equal.

Each way runs in a process of its own, the ways in turn, so that a machine whose speed drifts
drifts for all. Counted is from the first record to the last: loading the models is left out, as it
is of a long run.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from eval.bench.apart import Job, apart

ROUNDS = 3


def throughput(home: Path, questions: Path, sample: int, rounds: int = ROUNDS) -> Iterator[str]:
    """Rows for a question set asked of the collection of a home.

    Args:
        home: with one collection.
        questions: the set's file.
        sample: questions drawn from it.
        rounds: how often each way is taken.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    job = {"home": str(home), "set": str(questions), "sample": sample}
    ways = {"one by one": (one_by_one, job)}
    ways |= {
        f"{n} worker{'s' if n > 1 else ''}": (evaluated, {**job, "workers": n}) for n in (1, 2)
    }
    done: dict[str, list[Any]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (way, given) in ways.items():
            done[name].append(apart(way, given))
    yield f"spanwise eval, {sample} questions, {rounds} rounds, {cores} cores"
    plain = done["one by one"]
    for name, found in done.items():
        ratios = sorted(f["rate"] / p["rate"] for f, p in zip(found, plain, strict=True))
        equal = all(f["answers"] == plain[0]["answers"] for f in found)
        yield (
            f"  {name:<13} {median(f['rate'] for f in found):8.2f} questions/s, ratio "
            f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
            f"{'equal answers' if equal else 'OTHER ANSWERS'}"
        )


def one_by_one(job: Job) -> dict[str, Any]:
    """`Service.ask`, a question after the other, in the order of the set."""
    from rag.service import Service
    from rag.settings import Settings

    answers, ends = {}, []
    with Service.open(settings=Settings(Path(job["home"]))) as service:
        service.warm_up()
        for example in _examples(job):
            answer = service.ask(example.question)
            top = answer.text or next((other.text for other in answer.others), None)
            answers[example.id] = [top, answer.text is not None, answer.confidence]
            ends.append(time.perf_counter())
    return {"rate": _rate(ends), "answers": answers}


def evaluated(job: Job) -> dict[str, Any]:
    """The same questions by `eval.evaluate`."""
    from eval.evaluate import evaluate
    from eval.run import Asking
    from eval.runs import rows_of
    from rag.settings import Settings

    ends: list[float] = []

    def progress(done: int, total: int) -> None:
        if done:
            ends.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        asking = Asking(Settings(Path(job["home"])))
        evaluate(asking, _examples(job), "bench", run, workers=job["workers"], progress=progress)
        rows = {r["id"]: [r["answer"], r["given"], r["confidence"]] for r in rows_of(run)}
    return {"rate": _rate(ends), "answers": rows}


def _examples(job: Job) -> list[Any]:
    from eval.sets import read_set, sample

    return sample(read_set(Path(job["set"]))[0], job["sample"], 1)


def _rate(ends: Sequence[float]) -> float:
    return (len(ends) - 1) / (ends[-1] - ends[0])
