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
    {"index.sentences", "index.clean", "index.decode", "index.terms", "index.parsed"},
    {"index.beir", "index.lanes"},
    {"index.scan"},
    {"index.byline", "index.parse_pdf", "index.parse_html", "index.parse_docx", "index.lexical"},
    {"index.parse"},
    {"index.child", "index.chunk", "index.encode", "index.dense", "index.fuse", "index.home"},
    {"index.load", "index.store"},
    {"index.snapshot", "index.ledger"},
    {"index.compose"},
    {"index.build", "index.retrieve"},
    {"index.export"},
    {"index"},
    {"rag.types", "rag.settings", "rag.decode", "rag.journal", "rag.pair"},
    {"rag.query", "rag.phrases"},
    {"rag.read", "rag.aggregate", "rag.salience", "rag.transcript"},
    {"rag.converse"},
    {"rag.abstain", "rag.rerank"},
    {"rag.service", "rag.database"},
    {"rag.memory"},
    {"rag"},
    {"eval", "eval.formats", "eval.sets", "eval.judged", "eval.measures", "eval.confidence"},
    {"eval.records", "eval.retrieval", "eval.plots", "eval.report_rows"},
    {"eval.corpora", "eval.collections", "eval.judge", "eval.runs", "eval.workers", "eval.doubts"},
    {"eval.reading", "eval.run", "eval.environment", "eval.report"},
    {"eval.as_beir", "eval.searching", "eval.concurrency"},
    {"eval.sweep"},
    {"eval.tasks", "eval.evaluate", "eval.conversation"},
    {"eval.bench", "eval.bench.apart", "eval.bench.importing"},
    {"eval.bench.asking", "eval.bench.chat", "eval.bench.publishing", "eval.bench.throughput"},
    {"eval.bench.crowd", "eval.bench.page"},
    {"eval.bench.__main__"},
    {"eval.peers", "eval.peers.same"},
    {"eval.peers.haystack", "eval.peers.table"},
    {"eval.peers.arms"},
    {"eval.peers.__main__"},
    {"eval.compare"},
    {"eval.tune"},
    {"rag.lessons", "rag.feedback", "rag.checkpoint"},
    {"rag.calibrate", "rag.train"},
    {"rag.recipe", "rag.recipe.row"},
    {"rag.recipe.sources", "rag.recipe.negatives", "rag.recipe.noise"},
    {"rag.recipe.mix", "rag.recipe.calibration_set"},
    {"rag.recipe.make"},
    {"rag.recipe.__main__"},
    {"rag.show"},
    {"rag.inform", "eval.show"},
    {"rag.chat", "rag.chat.marks", "rag.chat.paint", "rag.chat.child", "rag.chat.receive"},
    {"rag.chat.selected"},
    {"rag.chat.sources", "rag.chat.document", "rag.chat.library", "rag.chat.runs"},
    {"rag.chat.answer", "rag.chat.asking", "rag.chat.shelf", "rag.chat.uploads"},
    {"rag.chat.judging", "rag.chat.narrow"},
    {"rag.chat.desk", "rag.chat.ledger", "rag.chat.sets", "rag.chat.evaluations"},
    {"rag.chat.evaluate", "rag.chat.replay"},
    {"rag.api", "rag.api.requests", "rag.api.objects", "rag.api.problems", "rag.api.traffic"},
    {"rag.api.calls"},
    {"rag.api.routes", "rag.api.tools"},
    {"rag.chat.routes", "rag.chat.evaluate_routes", "rag.chat.page", "rag.gate"},
    {"rag.adapters", "rag.adapters.found"},
    {"rag.adapters.langchain", "rag.adapters.llamaindex"},
    {"rag.adapters.haystack", "rag.adapters.haystack_reader"},
    {"rag.adapters.mcp"},
    {"rag.web"},
    {"rag.options"},
    {"rag.cli_measure", "rag.cli_train", "rag.cli_feedback", "rag.cli_files", "rag.manual"},
    {"rag.cli_serve"},
    {"rag.cli"},
    {"rag.__main__"},
    {"app"},
]
HEAVY = {
    "faiss": {"index.dense"},
    "sentence_transformers": {"index.encode", "eval.bench.asking"},
    "transformers": {"index.encode", "rag.read", "eval.bench.asking", "eval.peers.arms"},
    "torch": {"index.encode", "index.lanes", "rag.read", "rag.train", "rag.checkpoint"}
    | {"rag.recipe.make", "eval.bench.asking", "eval.peers.arms", "eval.peers.haystack"},
    "gradio": {"rag.chat.page", "rag.web"},
    "fastapi": {"rag.web", "rag.api.routes"},
    "prometheus_client": {"rag.api.traffic"},
    "mcp": {"rag.adapters.mcp"},
    "mcp_types": {"rag.adapters.mcp"},
    "sqlite3": {"index.store", "index.snapshot", "index.build", "rag.database"},
    "bm25s": {"index.lexical"},
    "rank_bm25": {"index.lexical", "eval.bench.asking", "eval.peers.arms"},
    "trafilatura": {"index.parse_html"},
    "pypdfium2": {"index.parse_pdf", "rag.chat.paint"},
    "docx": {"index.parse_docx"},
    "langchain_core": {"rag.adapters.langchain"},
    "llama_index": {"rag.adapters.llamaindex"},
    "haystack": {"rag.adapters.haystack", "rag.adapters.haystack_reader", "eval.peers.haystack"},
    "pyarrow": {"index.export"},
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
