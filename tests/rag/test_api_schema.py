"""Whatever fits the schema, and whatever does not, is answered as the schema says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from serving import serving

TOKEN = "a token of many letters"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_schemathesis_finds_nothing(
    seeds_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own program, with all its checks, against the server with a token."""
    pytest.importorskip("schemathesis")
    monkeypatch.setenv("SPANWISE_PASSAGES", "1")  # a long question set, read shallowly
    with serving("--home", str(seeds_home), "--no-memory", token=TOKEN) as (_, url):
        command = [Path(sys.executable).parent / "schemathesis", "run"]
        command += [f"{url}/api/v1/openapi.json", "--header", f"Authorization:Bearer {TOKEN}"]
        command += ["--checks", "all", "--phases", "examples,coverage,fuzzing", "--no-color"]
        command += [
            "--max-examples",
            "15",
            "--generation-deterministic",
            "--request-timeout",
            "600",
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
