from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from samples import pdf
from tiny import SEEDS, WordEncoder, write_files

from index import export as module
from index.build import sync
from index.errors import ExportError, MissingExtraError
from index.export import Exported, export
from index.retrieve import Retriever

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet` is not installed")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The demo corpus and a PDF of two pages; some of the passages are boilerplate."""
    folder = write_files(tmp_path / "docs", {
        **{file.name: file.read_bytes() for file in SEEDS.glob("*.txt")},
        "two pages.pdf": pdf([["The dam broke."], ["The tower fell."]], title="On dams"),
    })  # fmt: skip
    sync(folder, tmp_path / "home", WordEncoder())
    return tmp_path / "home"


def test_the_file_holds_the_store_and_the_vectors_value_for_value(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROW_GROUP", 7)
    seen: list[tuple[int, int]] = []
    file = tmp_path / "out.parquet"
    with Retriever.open(home, encoder=WordEncoder()) as retriever:
        done = export(retriever, file, lambda *counts: seen.append(counts))
        with retriever.generation() as found:
            documents = [document for document, _ in found.store.documents()]
            rows = {
                number: (document, row.passage)
                for document in documents
                for number, row in found.store.rows_of(document.id)
            }
            vectors = np.array(found.dense.vectors)
            manifest = found.manifest
    table = parquet.read_table(file)
    count = len(rows)
    assert count == len(vectors) > 50
    assert done == Exported(file, file.stat().st_size, "default", 1, 6, count)
    assert table.column_names == [
        "passage_id", "document_id", "path", "title", "date", "page", "section", "start", "end",
        "text", "boilerplate", "vector",
    ]  # fmt: skip
    for number, read in enumerate(table.drop_columns("vector").to_pylist()):
        document, passage = rows[number]
        assert read == {
            "passage_id": passage.id, "document_id": document.id, "path": document.path,
            "title": document.title, "date": document.date,
            "page": document.page(passage.start), "section": passage.section,
            "start": passage.start, "end": passage.end,
            "text": document.text[passage.start : passage.end],
            "boilerplate": passage.boilerplate,
        }  # fmt: skip
    pages = {row["page"] for row in table.to_pylist() if row["path"] == "docs/two pages.pdf"}
    assert pages == {1, 2}
    assert {row["boilerplate"] for row in table.to_pylist()} == {True, False}
    read_back = table["vector"].combine_chunks()
    assert str(read_back.type) == "fixed_size_list<element: float not null>[64]"
    assert read_back.flatten().to_numpy().tobytes() == vectors.tobytes()

    opened = parquet.ParquetFile(file)
    sizes = [opened.metadata.row_group(n).num_rows for n in range(opened.num_row_groups)]
    assert sizes == [7] * (count // 7) + ([count % 7] if count % 7 else [])
    assert seen == [(min(7 * n, count), count) for n in range(1, len(sizes) + 1)]
    assert json.loads(opened.schema_arrow.metadata[module.METADATA]) == {
        "schema": 1, "collection": "default", "generation": 1, "created": manifest.created,
        "documents": 6, "passages": count, "dimension": 64,
        "encoder": {"name": "words", "fingerprint": "words"},
    }  # fmt: skip


def test_pandas_reads_it(home: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    with Retriever.open(home, encoder=WordEncoder()) as retriever:
        export(retriever, tmp_path / "out.parquet")
        (hit, *_) = retriever.search("Verba", channel="lexical")
    frame = pandas.read_parquet(tmp_path / "out.parquet").set_index("passage_id")
    assert frame.loc[hit.passage.id, "text"] == hit.passage.text
    assert np.stack(frame["vector"]).shape == (len(frame), 64)


def test_what_stood_there_stays_until_the_new_file_is_whole(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.parquet"
    file.write_text("before")

    def stop(done: int, total: int) -> None:
        assert file.read_text() == "before"
        raise KeyboardInterrupt

    with Retriever.open(home, encoder=WordEncoder()) as retriever:
        with pytest.raises(KeyboardInterrupt):
            export(retriever, file, stop)
        assert (file.read_text(), list(tmp_path.glob("*.part"))) == ("before", [])
        export(retriever, file)
    assert parquet.read_table(file).num_rows > 50


@pytest.mark.parametrize("place", ["nowhere/out.parquet", "file/out.parquet", "folder.parquet"])
def test_a_place_that_cannot_be_written(place: str, home: Path, tmp_path: Path) -> None:
    write_files(tmp_path, {"file": "x", "folder.parquet/x": "x"})
    with Retriever.open(home, encoder=WordEncoder()) as retriever:
        with pytest.raises(ExportError, match="cannot be written"):
            export(retriever, tmp_path / place)
    assert list(tmp_path.glob("*.part")) == []


def test_without_the_extra_the_error_says_the_pip_line(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with Retriever.open(home, encoder=WordEncoder()) as retriever:
        with pytest.raises(MissingExtraError) as caught:
            export(retriever, tmp_path / "out.parquet")
    assert 'pip install ".[parquet]"' in str(caught.value)


MEASURE = """
import resource, sys
from pathlib import Path
sys.path.insert(0, "tests")
from tiny import WordEncoder
from index.retrieve import Retriever
from index.export import export
import pyarrow.parquet
with Retriever.open(sys.argv[1], encoder=WordEncoder()) as retriever:
    with retriever.generation() as found:
        found.store.ids(range(10))
    begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    export(retriever, sys.argv[2])
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux")
def test_memory_is_flat(tmp_path: Path) -> None:
    """Four times the passages, the same memory: within half of what the vectors take."""
    grown = {}
    for documents in (400, 1600):
        folder = tmp_path / f"docs{documents}"
        words = " ".join(f"word{n} stands here ." for n in range(700))
        write_files(folder, {f"{n}.txt": f"Document {n}. {words}" for n in range(documents)})
        home = tmp_path / f"home{documents}"
        passages = sync(folder, home, WordEncoder()).passages
        command = [sys.executable, "-c", MEASURE, str(home), str(tmp_path / "out.parquet")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        grown[passages] = int(done.stdout)
    (few, small), (many, large) = grown.items()
    bytes_added = (many - few) * (64 * 4 + len(words) * documents // many) / 1024
    assert large - small < bytes_added / 2
