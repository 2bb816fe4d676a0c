"""The schema says what is asked and answered; whatever fits it, or not, is answered so."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from rest import HEADED
from serving import serving
from starlette.testclient import TestClient

from index.types import Filter
from rag.api import objects
from rag.api.problems import MEDIA
from rag.api.requests import Where

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
            "--max-response-time",  # the first question loads the models
            "600",
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_part_of_a_filter_can_be_asked() -> None:
    assert set(Where.model_fields) == {field.name for field in fields(Filter)}
    given = {
        "paths": ["a/*"], "types": ["pdf"], "after": "2017-08-05", "before": "2018-01-01",
        "phrases": ["dry dock"], "without": ["ship"], "boilerplate": True,
        "documents": ["0f3a52cd81b9e467"], "titles": ["*dam*"],
    }  # fmt: skip
    assert Where(**given).model_dump(mode="json") == given
    where = Where(**given).as_filter()
    assert (where.paths, where.after.isoformat()) == (("a/*",), "2017-08-05")  # type: ignore[union-attr]
    assert Where().as_filter() == Filter()


def test_the_objects_are_described_exactly(client: TestClient, headed: dict[str, Any]) -> None:
    """Nothing more and nothing less is in them than the schema says, in answers and examples."""
    assert headed["others"] and headed["citations"] and headed["hits"]
    described = {
        objects.Answer: headed,
        objects.HitList: client.post("/search", json={"question": HEADED}).json(),
        objects.DocumentList: client.get("/documents").json(),
        objects.DocumentText: client.get(f"/documents/{headed['hits'][0]['document_id']}").json(),
        objects.CollectionList: client.get("/collections").json(),
        objects.Health: client.get("/health").json(),
    }
    for model, said in [*described.items(), *objects.EXAMPLES.items()]:
        again = model.model_validate(said).model_dump(mode="json", by_alias=True)
        assert {k: v for k, v in again.items() if k in said or v is not None} == said, model
    answer = objects.EXAMPLES[objects.Answer]
    hit, cited = answer["hits"][0], answer["citations"][0]
    assert hit["text"][cited["start"] : cited["end"]] == cited["quote"] == answer["answer"]


def test_the_schema_has_examples_that_can_be_asked(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                kinds = set(response["content"])
                assert (kinds == {MEDIA}) == (int(status) >= 400), (path, status)
            if path != "/metrics":
                assert operation["responses"]["200"]["content"]["application/json"]["example"]
    for name in ("Search", "Ask", "AskBatch"):
        examples = schema["components"]["schemas"][name]["examples"]
        path = {"Search": "/search", "Ask": "/ask", "AskBatch": "/ask/batch"}[name]
        for example in examples:
            assert client.post(path, json=example).status_code == 200
