from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny import write_files

from eval.workers import records
from index.errors import QuestionError

ROOT = Path(__file__).parents[2]
# A module of its own: worker processes import what they are given.
JOBS = """
import os, sys, time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eval.records import Record
from eval.sets import Example
from eval.workers import records


@dataclass(frozen=True)
class Echo:
    folder: str
    kind: str = "asked"

    @contextmanager
    def open(self):
        (Path(self.folder) / f"pid-{os.getpid()}").touch()
        yield self.ask

    def ask(self, unit):
        if unit[0].question == "die":
            os._exit(9)
        if unit[0].question == "wait":
            time.sleep(600)
        if unit[0].question == "late":
            time.sleep(0.2)
        return [Record({"id": e.id, "threads": os.environ.get("OMP_NUM_THREADS")}) for e in unit]

    def environment(self):
        return {}


def units(*questions):
    return [(Example(str(n), question, ()),) for n, question in enumerate(questions)]


if __name__ == "__main__":
    list(records(Echo(sys.argv[1]), units("", "wait", "wait"), 2))
"""


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    write_files(tmp_path, {"jobs_of_test.py": JOBS})
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "jobs_of_test", raising=False)
    import jobs_of_test  # type: ignore[import-not-found]

    return jobs_of_test


def test_records_come_in_the_order_of_the_units(jobs: object, tmp_path: Path) -> None:
    units = jobs.units(*["late" if n % 3 == 0 else "" for n in range(20)])  # type: ignore[attr-defined]
    found = [r for part in records(jobs.Echo(str(tmp_path)), units, 2) for r in part]  # type: ignore[attr-defined]
    assert [r.row["id"] for r in found] == [str(n) for n in range(20)]
    assert {r.row["threads"] for r in found} == {"1"}
    alone = [r for part in records(jobs.Echo(str(tmp_path)), units, 1) for r in part]  # type: ignore[attr-defined]
    assert [r.row["id"] for r in alone] == [r.row["id"] for r in found]
    assert f"pid-{os.getpid()}" in {file.name for file in tmp_path.glob("pid-*")}


def test_a_worker_that_dies_is_told(jobs: object, tmp_path: Path) -> None:
    units = jobs.units("", "die", "", "")  # type: ignore[attr-defined]
    with pytest.raises(QuestionError, match="worker process died.*--resume"):
        list(records(jobs.Echo(str(tmp_path)), units, 2))  # type: ignore[attr-defined]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")
def test_workers_end_with_a_parent_that_is_killed(jobs: object, tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    command = [sys.executable, str(tmp_path / "jobs_of_test.py"), str(tmp_path)]
    parent = subprocess.Popen(command, env=environ)
    while len(list(tmp_path.glob("pid-*"))) < 2:
        assert parent.poll() is None
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    workers = [file.name.removeprefix("pid-") for file in tmp_path.glob("pid-*")]
    while any(_runs(pid) for pid in workers):  # pytest's own limit of time ends it
        time.sleep(0.05)


def _runs(pid: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
