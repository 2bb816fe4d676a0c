"""The making of one generation: documents in the order of their paths, cut, encoded, published.

The order of everything written depends on the documents alone, not on the builds before: a
collection that grew file by file answers byte for byte like one indexed at once.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np

from index import snapshot
from index.chunk import ChunkPolicy, chunk, context_of
from index.dense import DenseIndex, unit
from index.ledger import Plan
from index.lexical import Analysis, Bm25, LexicalIndex
from index.load import Loader
from index.scan import Found, Limits, sha256_of
from index.snapshot import Snapshot
from index.store import FILE, SCHEMA, Row, StoreWriter
from index.types import Document, Encoder, Manifest, Skipped, Vectors

ENCODE_AT_ONCE = 64

Progress = Callable[[str, int, int], None]
"""(stage, done, total), stage being "read", "encode" or "write"; from the thread that builds."""


def silent(stage: str, done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class Making:
    """With what a generation is made. What is equal in two of them need not be made again."""

    encoder: dict[str, Any]
    policy: ChunkPolicy
    analysis: Analysis
    bm25: Bm25

    @classmethod
    def of(cls, encoder: Encoder, policy: ChunkPolicy, analysis: Analysis, bm25: Bm25) -> Self:
        """From the parts; the encoder is not loaded if it knows its fingerprint without."""
        identity = {"name": encoder.name, "fingerprint": encoder.fingerprint}
        return cls(identity, policy, analysis, bm25)

    def same_vectors(self, manifest: Manifest) -> bool:
        """The generation's vectors are those that this encoder would make."""
        return all(manifest.encoder.get(key) == value for key, value in self.encoder.items())

    def same_passages(self, manifest: Manifest) -> bool:
        """The generation's documents are cut as this policy would, for this encoder."""
        return self.same_vectors(manifest) and manifest.chunking == self.policy.to_dict()

    def same(self, manifest: Manifest) -> bool:
        """Nothing in the generation would come out otherwise."""
        return (
            self.same_passages(manifest)
            and manifest.tokeniser == self.analysis.to_dict()
            and manifest.bm25 == self.bm25.to_dict()
        )


class Composer:
    """Makes one generation of the collection in the folder `target`, whose writer lock is held.

    `encoded` counts the passages whose vectors were made rather than reused.
    """

    def __init__(
        self, target: Path, encoder: Encoder, making: Making, old: Snapshot | None,
        limits: Limits, progress: Progress, afresh: bool = False,
    ) -> None:  # fmt: skip
        self._target, self._encoder, self._making = target, encoder, making
        self._old, self._limits, self._progress = old, limits, progress
        self._reuses_vectors = old is not None and not afresh and making.same_vectors(old.manifest)
        self._reuses_passages = self._reuses_vectors and making.same_passages(old.manifest)  # type: ignore[union-attr]
        self._fresh: dict[str, Document] = {}
        self.encoded = 0

    def compose(self, plan: Plan, roots: Mapping[str, str], number: int) -> Manifest | None:
        """Carry out `plan`, and publish; None, and nothing published, if nothing can be indexed."""
        wanted_something = bool(plan.load)
        aside = snapshot.prepare(self._target)
        try:
            with StoreWriter(aside / FILE) as writer:
                rows, documents = self._documents(plan, writer)
                if wanted_something and not (plan.indexed or plan.updated or plan.unchanged):
                    return None
                rows.sort(key=lambda row: row.passage.boilerplate)  # stable: all text comes first
                writer.add_passages(rows)
                writer.add_ledger(plan.ledger[path] for path in sorted(plan.ledger))
            vectors = self._vectors(rows)
            DenseIndex.build(vectors, aside)
            self._progress("write", 0, 1)
            LexicalIndex.build(
                (row.indexed_text for row in rows), aside / snapshot.LEXICAL,
                self._making.analysis, self._making.bm25,
            )  # fmt: skip
            out = {p: e.root for p, e in sorted(plan.ledger.items()) if e.status == "excluded"}
            manifest = Manifest(
                schema=SCHEMA,
                generation=number,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                encoder={**self._making.encoder, "dim": vectors.shape[1]},
                tokeniser=self._making.analysis.to_dict(),
                bm25=self._making.bm25.to_dict(),
                chunking=self._making.policy.to_dict(),
                roots=dict(roots),
                excluded=out,
                documents=documents,
                passages=len(rows),
                files={},
            )
            published = snapshot.publish(self._target, aside, manifest)
            self._progress("write", 1, 1)
            return published
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _documents(self, plan: Plan, writer: StoreWriter) -> tuple[list[Row], int]:
        """Write every document, old and new, by path; the passages of all of them."""
        rows: list[Row] = []
        documents = read = 0
        with Loader(self._limits) as loader:
            for path in sorted(plan.keep | plan.load.keys()):
                if path in plan.load:
                    self._progress("read", read, len(plan.load))
                    read += 1
                    self._load(plan, path, loader)
                document = self._fresh.pop(path, None)
                if document is not None:
                    made = self._cut(document)
                elif path in plan.keep:
                    document = self._kept(path)
                    made = self._kept_rows(document)
                else:
                    continue
                documents += 1
                writer.add_document(document, plan.ledger[path].root)
                rows += made
        self._progress("read", read, len(plan.load))
        return rows, documents

    def _load(self, plan: Plan, path: str, loader: Loader) -> None:
        """Read a file: into `_fresh`, or to be kept as it was, or skipped."""
        found, _, indexed = plan.load[path]
        now = time.time_ns()
        document = loader.load(found)
        entry = replace(plan.ledger[path], read_ns=now)
        if not isinstance(document, Skipped):
            plan.ledger[path] = replace(entry, sha256=document.sha256)
            (plan.indexed if indexed is None else plan.updated).append(path)
            self._fresh[path] = document
        elif indexed is not None and document.passing:
            plan.skipped.append(document)
            plan.ledger[path] = indexed
            plan.keep.add(path)
        else:
            plan.skip(document, replace(entry, sha256=_hash_if_unchanged(found)))
            if indexed is not None:
                plan.removed.append(path)

    def _kept(self, path: str) -> Document:
        assert self._old is not None  # only a plan made against a generation keeps anything
        document = self._old.store.document_by_path(path)
        assert document is not None  # its ledger entry says "indexed"
        return document

    def _kept_rows(self, document: Document) -> list[Row]:
        if self._old is None or not self._reuses_passages:
            return self._cut(document)
        return [row for _, row in self._old.store.rows_of(document.id)]

    def _cut(self, document: Document) -> list[Row]:
        policy = self._making.policy.within(self._encoder.max_tokens)
        count = self._encoder.count
        rows, contexts = [], dict[str, str]()
        for passage in chunk(document, policy, count):
            if passage.section not in contexts:
                contexts[passage.section] = context_of(document, passage, policy, count)
            row = Row(passage, contexts[passage.section], b"")
            key = hashlib.sha256(row.indexed_text.encode("utf-8", "surrogatepass")).digest()
            rows.append(replace(row, vector_key=key))
        return rows

    def _vectors(self, rows: list[Row]) -> Vectors:
        """Unit vectors (len(rows), dim): reused by the hash of what was encoded, else made."""
        known: dict[bytes, int] = {}
        if self._old is not None and self._reuses_vectors:
            known = self._old.store.vector_rows()
        missing = {row.vector_key: row.indexed_text for row in rows if row.vector_key not in known}
        dim = self._old.dense.vectors.shape[1] if known and self._old else self._encoder.dim
        made = np.empty((len(missing), dim), dtype=np.float32)
        texts = list(missing.values())
        for start in range(0, len(texts), ENCODE_AT_ONCE):
            self._progress("encode", start, len(texts))
            part = texts[start : start + ENCODE_AT_ONCE]
            made[start : start + len(part)] = unit(self._encoder.passages(part))
        self.encoded = len(texts)
        self._progress("encode", len(texts), len(texts))
        place = {key: number for number, key in enumerate(missing)}
        vectors = np.empty((len(rows), dim), dtype=np.float32)
        for number, row in enumerate(rows):
            if row.vector_key in known and self._old is not None:
                vectors[number] = self._old.dense.vectors[known[row.vector_key]]
            else:
                vectors[number] = made[place[row.vector_key]]
        return vectors


def _hash_if_unchanged(found: Found) -> str:
    """What a skipped file is known by, so that it is not tried again; "" if that is not certain."""
    if found.sha256:
        return found.sha256
    try:
        status = found.file.stat()
        if (status.st_size, status.st_mtime_ns) == (found.size, found.mtime_ns):
            return sha256_of(found.file)
    except OSError:
        pass
    return ""
