from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Left never imports right.
ORDER = [
    {"index.errors"},
    {"index.types"},
    {"index.sentences", "index.clean", "index.decode", "index.scan", "index.terms", "index.parsed"},
    {"index.byline", "index.parse_pdf", "index.parse_html", "index.parse_docx", "index.lexical"},
    {"index.parse"},
    {"index.child", "index.chunk", "index.encode", "index.dense", "index.fuse", "index.home"},
    {"index.load", "index.store"},
    {"index.snapshot", "index.ledger"},
    {"index.compose"},
    {"index.build", "index.retrieve"},
    {"index"},
    {"rag.types", "rag.settings", "rag.decode", "rag.journal", "rag.pair"},
    {"rag.query", "rag.phrases"},
    {"rag.read", "rag.aggregate", "rag.salience", "rag.transcript"},
    {"rag.converse"},
    {"rag.abstain"},
    {"rag.service", "rag.memory"},
    {"rag"},
    {"eval", "eval.formats", "eval.sets", "eval.judged", "eval.measures", "eval.confidence"},
    {"eval.records", "eval.retrieval", "eval.plots", "eval.report_rows"},
    {"eval.corpora", "eval.collections", "eval.judge", "eval.runs", "eval.workers"},
    {"eval.reading", "eval.run", "eval.environment", "eval.report"},
    {"eval.as_beir", "eval.searching", "eval.bench", "eval.sweep"},
    {"eval.tasks", "eval.evaluate", "eval.conversation"},
    {"eval.compare"},
    {"eval.tune"},
    {"rag.lessons"},
    {"rag.calibrate", "rag.train"},
    {"rag.recipe", "rag.recipe.row"},
    {"rag.recipe.sources", "rag.recipe.negatives", "rag.recipe.noise"},
    {"rag.recipe.mix", "rag.recipe.calibration_set"},
    {"rag.recipe.make"},
    {"rag.recipe.__main__"},
    {"rag.show"},
    {"rag.inform", "eval.show"},
    {"rag.chat", "rag.chat.marks", "rag.chat.paint"},
    {"rag.chat.sources", "rag.chat.document", "rag.chat.library"},
    {"rag.chat.answer", "rag.chat.asking", "rag.chat.shelf", "rag.chat.uploads"},
    {"rag.chat.desk", "rag.chat.ledger"},
    {"rag.chat.routes", "rag.chat.page", "rag.gate"},
    {"rag.web"},
    {"rag.options"},
    {"rag.cli_measure", "rag.cli_train"},
    {"rag.cli"},
    {"rag.__main__"},
    {"app"},
]
HEAVY = {
    "faiss": {"index.dense"},
    "sentence_transformers": {"index.encode", "eval.bench"},
    "transformers": {"index.encode", "rag.read", "eval.bench"},
    "torch": {"index.encode", "rag.read", "rag.train", "rag.recipe.make", "eval.bench"},
    "gradio": {"rag.chat.page", "rag.web"},
    "fastapi": {"rag.web"},
    "sqlite3": {"index.store", "index.snapshot", "index.build", "rag.memory"},
    "bm25s": {"index.lexical"},
    "rank_bm25": {"index.lexical", "eval.bench"},
    "trafilatura": {"index.parse_html"},
    "pypdfium2": {"index.parse_pdf", "rag.chat.paint"},
    "docx": {"index.parse_docx"},
}


def modules() -> dict[str, Path]:
    files = [f for top in ("index", "rag", "eval") for f in (ROOT / top).rglob("*.py")]
    files.append(ROOT / "app.py")
    named = {}
    for file in files:
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        named[name.removesuffix(".__init__")] = file
    return named


def imports(file: Path) -> set[str]:
    """Every module imported anywhere in a file but for type checking."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            ours = names & modules().keys()
            found.update(ours or {node.module})
    return found


def test_every_module_has_its_place_and_imports_run_one_way() -> None:
    place = {name: n for n, group in enumerate(ORDER) for name in group}
    assert modules().keys() == place.keys()
    for name, file in modules().items():
        for other in imports(file) & place.keys():
            assert place[other] <= place[name], f"{name} imports {other}"


def test_each_heavy_library_has_one_door() -> None:
    for name, file in modules().items():
        for library in {other.partition(".")[0] for other in imports(file)} & HEAVY.keys():
            assert name in HEAVY[library], f"{name} imports {library}"


@pytest.mark.parametrize("statement", ["import index, rag, eval", "from rag.cli import app"])
def test_importing_loads_nothing_heavy(statement: str) -> None:
    heavy = sorted((HEAVY.keys() - {"sqlite3"}) | {"trafilatura", "docx", "pypdfium2", "numba"})
    code = f"import sys; {statement}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
