"""Question sets in their several file formats, brought to the one form of row of `eval.sets`.

=========================  ======================================================================
JSON lines, own            ``{"id", "question", "answers": [{"text", "document"?, "start"?,
                           "end"?}], "context"?, "title"?, "conversation"?, "tags"?}``
CSV (``.csv``, ``.tsv``)   the same names as columns. ``answers`` is the JSON list of above if it
                           begins with ``[``, else plain answers parted by ``|``; empty means
                           unanswerable. ``tags`` are parted by ``|``
JSON lines with contexts   ``{"id", "title", "context", "question", "answers": {"text": [...],
                           "answer_start": [...]}}``
SQuAD 1.1 and 2.0          ``{"data": [{"title", "paragraphs": [{"context", "qas": [...]}]}]}``
=========================  ======================================================================

All may be gzipped (``.gz``).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from index.errors import QuestionError

Raw = Any
"""A row as `eval.sets` wants it, or whatever else the file holds in its place; ValueError: why the
file holds no row there."""

CSV = {".csv": ",", ".tsv": "\t"}


def read_text(file: Path) -> str:
    """The whole text of a file, unpacked if its name ends in ``.gz``.

    Raises:
        QuestionError: it cannot be read, unpacked or decoded.
    """
    try:
        data = file.read_bytes()
        if file.suffix == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise QuestionError(
            f"The question set cannot be read ({getattr(error, 'strerror', None) or error})",
            where=file,
            mend="Is its name right?"
            if isinstance(error, FileNotFoundError)
            else "It must be JSON lines, CSV or SQuAD's JSON, in UTF-8.",
        ) from error


def raw_rows(file: Path) -> Iterator[tuple[str, Raw]]:
    """(where in the file, row) of a set in any of the formats."""
    text = read_text(file)
    if text.lstrip()[:5].lower() == "<top>":
        raise QuestionError(
            "These are TREC topics", where=file, mend="Name their judgements too: --qrels FILE."
        )
    kind = Path(file.name.removesuffix(".gz")).suffix.lower()
    if kind in CSV:
        yield from _of_csv(text, CSV[kind])
    elif (squad := _squad(text)) is not None:
        yield from _of_squad(squad)
    else:
        yield from _of_lines(text)


def flat_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row with a title and a context in the form of `eval.sets`; its tag is the title.

    >>> flat_row({"id": 1, "title": "Dam", "context": "It broke.", "question": "What?",
    ...           "answers": {"text": ["It", "It"], "answer_start": [0, 0]}})["answers"]
    [{'text': 'It', 'start': 0, 'end': 2}]
    """
    texts, starts = row["answers"]["text"], row["answers"]["answer_start"]
    if len(texts) != len(starts):
        raise ValueError("answers does not hold as many starts as texts")
    title = str(row.get("title") or "")
    return {
        "id": row["id"],
        "question": row["question"],
        "context": row["context"],
        "title": title,
        "tags": [title] if title else [],
        "answers": [
            {"text": text, "start": start, "end": start + len(text)}
            for text, start in dict.fromkeys(zip(texts, starts, strict=True))
        ],
    }


def _of_lines(text: str) -> Iterator[tuple[str, Raw]]:
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if line.strip():
            yield f"line {number}", _tried(json.loads, line)


def _tried(make: Any, given: Any) -> Raw:  # noqa: ANN401  json.loads or a maker of rows
    """What `make` makes of it, a dictionary of the flat form unfolded; or the ValueError."""
    try:
        row = make(given)
        if isinstance(row, dict) and isinstance(row.get("answers"), dict):
            return flat_row(row)
        return row
    except ValueError as error:
        return error
    except KeyError as error:
        return ValueError(f"{error} is missing")
    except RecursionError:
        return ValueError("it is nested too deeply")
    except (TypeError, AttributeError):
        return ValueError("answers must hold a list text and a list answer_start")


def _of_csv(text: str, delimiter: str) -> Iterator[tuple[str, Raw]]:
    header: list[str] | None = None
    for number, cells in _csv_cells(text, delimiter):
        place = f"line {number}"
        if isinstance(cells, ValueError):
            yield place, cells
        elif not any(cell.strip() for cell in cells):
            continue
        elif header is None:
            header = [cell.strip() for cell in cells]
            missing = [name for name in ("id", "question", "answers") if name not in header]
            if missing:
                parted = "tabs" if delimiter == "\t" else "commas"
                said = f"parted by {parted} the columns are {header}: {missing[0]!r} is missing"
                yield place, ValueError(said)
                return
        elif len(cells) != len(header):
            yield place, ValueError(f"{len(cells)} cells under {len(header)} columns")
        else:
            yield place, _tried(_csv_row, dict(zip(header, cells, strict=True)))


def _csv_cells(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | ValueError]]:
    """(number of its first line, cells) of every row; of one that cannot be parsed, why.

    After a quotation mark that is never closed, which would swallow the rest, rows begin again on
    the next line; after any other fault, on the line behind it.
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    lines = list(io.StringIO(text, newline=""))
    begin = 0
    while begin < len(lines):
        rows = csv.reader(lines[begin:], delimiter=delimiter, strict=True)
        before = 0
        try:
            for cells in rows:
                yield begin + before + 1, cells
                before = rows.line_num
            return
        except csv.Error as error:
            unclosed = "unexpected end" in str(error)
            said = "a quotation mark is not closed" if unclosed else str(error)
            yield begin + before + 1, ValueError(said)
            begin += before + 1 if unclosed else rows.line_num


def _csv_row(cells: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {name: cell for name, cell in cells.items() if cell.strip()}
    said = cells["answers"].strip()
    if said.startswith("["):
        row["answers"] = json.loads(said)
    else:
        row["answers"] = [{"text": part} for part in _parts(said)]
    row["tags"] = _parts(cells.get("tags", ""))
    return row


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


def _squad(text: str) -> Any:  # noqa: ANN401
    """The articles of a SQuAD file; None if the text is no such file."""
    first, _, rest = text.lstrip().partition("\n")
    if rest.strip() and not isinstance(_tried(json.loads, first), ValueError):
        return None  # JSON lines
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data.get("data") if isinstance(data, dict) else None


def _of_squad(articles: Any) -> Iterator[tuple[str, Raw]]:  # noqa: ANN401
    if not isinstance(articles, list):
        yield "data", ValueError("not a list of articles")
        return
    for number, article in enumerate(articles, start=1):
        place = f"article {number}"
        for at, paragraph in enumerate(_listed(article, "paragraphs"), start=1):
            here = f"{place}, paragraph {at}"
            if isinstance(paragraph, ValueError):
                yield place, paragraph
                continue
            for nth, qa in enumerate(_listed(paragraph, "qas"), start=1):
                if isinstance(qa, ValueError):
                    yield here, qa
                    continue
                named = isinstance(qa, dict) and "id" in qa
                asked = f"question {qa['id']}" if named else f"{here}, question {nth}"
                yield asked, _tried(_squad_row, (article, paragraph, qa))


def _listed(within: Any, name: str) -> list[Any]:  # noqa: ANN401  whatever the file holds
    """The list of this name, or one ValueError in its place."""
    try:
        found = within[name]
    except KeyError:
        return [ValueError(f"{name!r} is missing")]
    except TypeError:
        return [ValueError("not as in SQuAD")]
    return found if isinstance(found, list) else [ValueError(f"{name!r} is not a list")]


def _squad_row(given: tuple[dict[str, Any], dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    article, paragraph, qa = given
    if qa.get("is_impossible") and qa["answers"]:
        raise ValueError("it is said to be impossible, and has answers")
    return {
        "id": qa["id"],
        "title": article.get("title"),
        "context": paragraph["context"],
        "question": qa["question"],
        "answers": {
            "text": [answer["text"] for answer in qa["answers"]],
            "answer_start": [answer["answer_start"] for answer in qa["answers"]],
        },
    }
