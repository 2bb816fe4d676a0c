"""What an install without extras pulls and loads: nothing for the adapters."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tiny import write_files

ROOT = Path(__file__).parents[1]
FRAMEWORKS = {
    "langchain", "langchain-core", "langchain-tests", "llama-index", "llama-index-core",
    "haystack", "haystack-ai", "mcp", "mcp-types", "pyarrow", "polars", "sphinx", "myst-parser",
}  # fmt: skip
MODULES = [
    "langchain", "langchain_core", "llama_index", "haystack", "mcp", "mcp_types", "pyarrow",
    "polars", "sphinx", "myst_parser",
]  # fmt: skip
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    """Names of distributions, normalised (PEP 503)."""
    found = (re.match(r"[\w.-]+", requirement) for requirement in requirements)
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match}


def test_the_core_requires_no_framework() -> None:
    core = names(PROJECT["dependencies"])
    assert {"torch", "transformers", "faiss-cpu"} <= core
    assert not core & FRAMEWORKS


def test_the_built_metadata_asks_for_frameworks_only_under_an_extra(tmp_path: Path) -> None:
    """As the build backend writes it, not as pyproject.toml is read here."""
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("index", "rag", "eval"):
        write_files(tmp_path, {f"{name}/__init__.py": ""})
    (tmp_path / "made").mkdir()
    code = "import setuptools.build_meta as b; b.prepare_metadata_for_build_wheel('made')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    (metadata,) = tmp_path.glob("made/*.dist-info/METADATA")
    required = re.findall(r"^Requires-Dist: (.+)$", metadata.read_text("utf-8"), re.MULTILINE)
    always = [line for line in required if "extra ==" not in line]
    assert names(always) == names(PROJECT["dependencies"])
    under = {line for line in required if names([line]) & FRAMEWORKS}
    asked = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    assert len(under) >= len(names(asked) & FRAMEWORKS)
    assert not under & set(always)


def test_importing_the_packages_imports_no_framework() -> None:
    statement = (
        "import index, rag, eval, rag.service, index.retrieve, index.build, index.export, rag.cli"
    )
    code = (
        f"import json, sys; {statement}; print(json.dumps([m for m in {MODULES} "
        "if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
