"""Passages and vectors as one Parquet file, for pandas, polars, DuckDB and the rest.

>>> from index import Retriever
>>> with Retriever.open() as retriever:                                    # doctest: +SKIP
...     export(retriever, "passages.parquet")

A row a passage, in the order of the store; a row group at a time is in memory. The only door to
pyarrow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from index.errors import ExportError, MissingExtraError
from index.retrieve import Retriever
from index.snapshot import Snapshot
from index.types import Document, Passage, Vectors

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = 1
METADATA = b"spanwise"
"""Key of the file's metadata under which the JSON of `export` stands."""
ROW_GROUP = 4096
"""Passages a row group: 6 MB of vectors of 384 dimensions."""

_REPEATED = ["document_id", "path", "title", "date", "section"]
"""Columns in which neighbours are alike: written as a dictionary."""

Progress = Callable[[int, int], None]
"""(passages written, all of them)."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the file, its size in bytes, and the generation that is in it."""

    file: Path
    bytes: int
    collection: str
    generation: int
    documents: int
    passages: int


def export(
    retriever: Retriever, file: str | Path, progress: Progress = lambda done, total: None
) -> Exported:
    """Write every passage of the collection's current generation, with its vector.

    Columns: ``passage_id``, ``document_id``, ``path``, ``title``, ``date`` (ISO 8601), ``page``
    (from 1), ``section``, ``start`` and ``end`` (code points of the document's text), ``text``,
    ``boilerplate`` (such passages are searched only when asked for) and ``vector`` (dim × float32,
    of unit length). ``title``, ``date`` and ``page`` are null where the document has none.

    The file's metadata holds under ``spanwise`` a JSON object: ``schema``, ``collection``,
    ``generation``, ``created``, ``documents``, ``passages``, ``dimension`` and ``encoder`` with
    its ``name`` and ``fingerprint``.

    Args:
        retriever: an open one; no model is loaded.
        file: where to; what stands there is replaced once the new file is whole.
        progress: called after each row group.

    Raises:
        MissingExtraError: pyarrow is not installed.
        ExportError: the file cannot be written.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    file = Path(file)
    aside = file.with_name(f"{file.name}.part")
    with retriever.generation() as found:
        manifest, schema = found.manifest, _schema(found, retriever.collection)
        options = {"compression": "zstd", "use_dictionary": _REPEATED}
        try:
            with parquet.ParquetWriter(aside, schema, **options) as writer:
                for start in range(0, manifest.passages, ROW_GROUP):
                    group = _group(found, schema, start, min(start + ROW_GROUP, manifest.passages))
                    writer.write_table(group, row_group_size=ROW_GROUP)
                    progress(start + len(group), manifest.passages)
            aside.replace(file)
            size = file.stat().st_size
        except OSError as error:
            raise ExportError(
                f"The export cannot be written ({error.strerror or error})",
                where=file,
                mend="Check the folder, its permissions and the space on the disk.",
            ) from error
        finally:
            with suppress(OSError):
                aside.unlink()
    name, number = retriever.collection, manifest.generation
    return Exported(file, size, name, number, manifest.documents, manifest.passages)


def _schema(found: Snapshot, collection: str) -> pa.Schema:
    import pyarrow as pa

    manifest = found.manifest
    dimension = found.dense.vectors.shape[1]
    kinds = {
        "passage_id": pa.string(), "document_id": pa.string(), "path": pa.string(),
        "title": pa.string(), "date": pa.string(), "page": pa.int32(), "section": pa.string(),
        "start": pa.int64(), "end": pa.int64(), "text": pa.string(), "boilerplate": pa.bool_(),
        "vector": pa.list_(pa.field("element", pa.float32(), nullable=False), dimension),
    }  # fmt: skip
    gaps = {"title", "date", "page"}
    made = {
        "schema": SCHEMA,
        "collection": collection,
        "generation": manifest.generation,
        "created": manifest.created,
        "documents": manifest.documents,
        "passages": manifest.passages,
        "dimension": dimension,
        "encoder": {key: manifest.encoder[key] for key in ("name", "fingerprint")},
    }
    columns = [pa.field(name, kind, nullable=name in gaps) for name, kind in kinds.items()]
    return pa.schema(columns, metadata={METADATA: json.dumps(made).encode()})


def _group(found: Snapshot, schema: pa.Schema, start: int, end: int) -> pa.Table:
    """The passages of the rows from `start` to `end`."""
    import pyarrow as pa

    passages = found.passages(found.store.ids(range(start, end)))
    rows = [_row(passage, document) for passage, document in _with_documents(found, passages)]
    vectors: Vectors = np.ascontiguousarray(found.dense.vectors[start:end])
    kinds = [field.type for field in schema]
    columns = [
        pa.array(column, kind)
        for column, kind in zip(zip(*rows, strict=True), kinds[:-1], strict=True)
    ]
    columns.append(pa.FixedSizeListArray.from_arrays(vectors.reshape(-1), type=kinds[-1]))
    return pa.Table.from_arrays(columns, schema=schema)


def _with_documents(
    found: Snapshot, passages: Sequence[Passage]
) -> Iterator[tuple[Passage, Document]]:
    """Each passage with its document; passages of one document follow each other in the store."""
    document: Document | None = None
    for passage in passages:
        if document is None or document.id != passage.doc_id:
            document = found.document(passage.doc_id)
        yield passage, document


def _row(passage: Passage, document: Document) -> tuple[Any, ...]:
    """The columns of a passage, but for its vector."""
    return (
        passage.id, document.id, document.path, document.title, document.date,
        document.page(passage.start), passage.section, passage.start, passage.end, passage.text,
        passage.boilerplate,
    )  # fmt: skip
