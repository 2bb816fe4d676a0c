"""Retrieval collections: topics and the documents judged relevant to them, BEIR's or TREC's.

A BEIR folder holds ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/test.tsv``. TREC's topics are a
file of ``<top>`` elements, or of lines "number TAB words"; its judgements are lines "topic 0
document grade". What is searched is a collection of the user's, in which a document goes by its
file's name: the document ``FT911-3`` is any ``FT911-3.txt``, or a path that is written out. A BEIR
folder that was indexed as it is (`index.beir`) keeps its ids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

from eval.formats import read_text
from index.beir import id_of
from index.errors import QuestionError

Grades = dict[str, int]
"""Document → how relevant; above 0 counts as relevant."""

_TOP = re.compile(r"<top>(.*?)</top>", re.S | re.I)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*(\S+?)\s*(?:<|$)", re.I | re.M)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*(.*?)\s*(?=<|\Z)", re.S | re.I)


@dataclass(frozen=True, slots=True)
class Topic:
    """A question with the documents judged for it."""

    id: str
    question: str
    grades: Grades


@dataclass(frozen=True, slots=True)
class Source:
    """A document or a query of a BEIR collection."""

    id: str
    title: str
    text: str


def is_beir(folder: Path) -> bool:
    """Whether there is a BEIR collection in the folder."""
    return any((folder / f"queries.jsonl{end}").is_file() for end in ("", ".gz"))


def read_beir(folder: Path) -> tuple[list[Topic], list[str]]:
    """The judged topics of a BEIR folder, and a sentence for every unusable line.

    The judgements are ``qrels/test.tsv``, or the only file of ``qrels/``.

    Raises:
        QuestionError: a file is missing, or no topic is judged.
    """
    found = sorted((folder / "qrels").glob("*.tsv"))
    files = [file for file in found if file.name == "test.tsv"] or found
    if len(files) != 1:
        raise QuestionError(
            "A BEIR folder needs its judgements in qrels/test.tsv", where=folder,
            mend=f"Found there: {[file.name for file in found]}.",
        )  # fmt: skip
    complaints: list[str] = []
    texts = _json_lines(_one_of(folder, "queries.jsonl"), complaints)
    questions: dict[str, str] = {}
    for source in texts:
        if source.text.strip():
            _add(questions, source.id, source.text, "queries.jsonl", complaints)
    return _topics(folder, questions, _qrels(files[0], complaints), complaints), complaints


def read_trec(topics: Path, qrels: Path) -> tuple[list[Topic], list[str]]:
    """The judged topics, and a sentence for every unusable line.

    Raises:
        QuestionError: a file cannot be read, or no topic is judged.
    """
    complaints: list[str] = []
    text = read_text(topics)
    questions: dict[str, str] = {}
    for number, top in enumerate(_TOP.findall(text), start=1):
        ident, title = _NUMBER.search(top), _TITLE.search(top)
        if ident and title and title[1].strip():
            _add(questions, ident[1], " ".join(title[1].split()), topics.name, complaints)
        else:
            complaints.append(f"{topics.name}, topic {number}: no <num>, or no <title>")
    if not questions and not complaints:
        for place, line in _lines(topics, text):
            ident_, tab, words = line.partition("\t")
            if tab and words.strip():
                _add(questions, ident_.strip(), words.strip(), topics.name, complaints)
            else:
                complaints.append(f"{place}: not a number, a tab and the words")
    return _topics(topics, questions, _qrels(qrels, complaints), complaints), complaints


def _add(
    questions: dict[str, str], ident: str, words: str, name: str, complaints: list[str]
) -> None:
    """The first question of an id stays."""
    if questions.setdefault(ident, words) != words:
        complaints.append(f"{name}: the id {ident!r} is taken by an earlier topic")


def sources(folder: Path) -> Iterator[Source | str]:
    """The documents of a BEIR folder; for an unusable line the complaint."""
    complaints: list[str] = []
    yield from _json_lines(_one_of(folder, "corpus.jsonl"), complaints)
    yield from complaints


def file_name(ident: str) -> str:
    """Name of the file that holds a document; `documents_at` finds it again.

    >>> file_name("a/b c"), document_at("root/a%2Fb%20c.txt", {"a/b c"})
    ('a%2Fb%20c.txt', 'a/b c')
    """
    return quote(ident, safe="") + ".txt"


def document_at(path: str, known: Container[str]) -> str:
    """Id of the document at `path`: the path, the file's name or that without its ending.

    The first of them that is among the `known` ids; else the last. For a row of a BEIR corpus it
    is the row's id.

    >>> document_at("scifact/corpus.jsonl#4983", {"4983"})
    '4983'
    """
    name = PurePosixPath(path).name
    row = id_of(path)
    stem = unquote(name.rpartition(".")[0]) or name
    names = (unquote(name), stem) if row is None else (row,)
    ids: tuple[str, ...] = (path, path.partition("/")[2], *names)
    return next((ident for ident in ids if ident in known), ids[-1])


def _topics(
    where: Path, questions: dict[str, str], grades: dict[str, Grades], complaints: list[str]
) -> list[Topic]:
    unknown = [ident for ident in grades if ident not in questions]
    if unknown:
        complaints.append(
            f"{where.name}: {len(unknown)} judged topics have no question, {unknown[0]!r} first"
        )
    judged = [
        Topic(ident, question, grades[ident])
        for ident, question in questions.items()
        if any(grade > 0 for grade in grades.get(ident, {}).values())
    ]
    if not judged:
        raise QuestionError(
            "No topic has a relevant document", where=where,
            mend=complaints[0] if complaints else "Are these its judgements?",
        )  # fmt: skip
    return judged


def _qrels(file: Path, complaints: list[str]) -> dict[str, Grades]:
    """Lines of three columns (BEIR, under a heading) or of four (TREC)."""
    grades: dict[str, Grades] = {}
    for place, line in _lines(file, read_text(file)):
        cells = line.split("\t") if "\t" in line else line.split()
        try:
            topic, document, grade = cells[0], cells[-2], int(cells[-1])
            if len(cells) not in (3, 4):
                raise ValueError
        except (ValueError, IndexError):
            heading = place.endswith(", line 1") and len(cells) == 3 and cells[-1].isalpha()
            if not heading:
                complaints.append(f"{place}: not a topic, a document and a grade")
            continue
        grades.setdefault(topic, {})[document] = grade
    return grades


def _lines(file: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{file.name}, line {number}", line.strip("\r")


def _json_lines(file: Path, complaints: list[str]) -> Iterator[Source]:
    """BEIR's queries and documents: ``{"_id", "text", "title"?}``."""
    for place, line in _lines(file, read_text(file)):
        try:
            row = json.loads(line)
            if not isinstance(row["text"], str):
                raise TypeError
            source = Source(str(row["_id"]), str(row.get("title") or ""), row["text"])
            "".join((source.id, source.title, source.text)).encode()
            yield source
        except UnicodeEncodeError:
            complaints.append(f"{place}: it holds half a character (a lone surrogate)")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            complaints.append(f"{place}: no JSON object with _id and text")


def _one_of(folder: Path, name: str) -> Path:
    packed = folder / f"{name}.gz"
    return packed if packed.is_file() else folder / name
