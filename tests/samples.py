"""Small real files for the loaders' tests, and a user whom their permissions bind."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import docx
from docx.document import Document


def pdf(pages: Sequence[Sequence[str]], title: str = "", encrypt: bool = False) -> bytes:
    """A PDF of lines of Helvetica. `encrypt`: under a password that nobody knows."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, lines in enumerate(pages):
        shown = " ".join(f"({line}) Tj T*" for line in lines)
        stream = f"BT /F1 12 Tf 50 750 Td 14 TL {shown} ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * i} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    objects.append(f"<< /Title ({title}) /CreationDate (D:20010203040506Z) >>")
    objects.append(f"<< /Filter /Standard /V 1 /R 2 /P -4 /O <{'41' * 32}> /U <{'42' * 32}> >>")
    out, offsets = "%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    secret = f"/Encrypt {size - 1} 0 R /ID [<00> <00>]" if encrypt else ""
    trailer = f"trailer << /Size {size} /Root 1 0 R /Info {size - 2} 0 R {secret} >>"
    out += f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}\nstartxref\n"
    return f"{out}{out.index('xref')}\n%%EOF\n".encode("latin-1")


def docx_bytes(document: Document) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def report_docx() -> bytes:
    """A title, two headings, three paragraphs and a table of two rows."""
    document = docx.Document()
    document.core_properties.title = ""
    document.add_heading("The Harbour Report", 0)
    document.add_paragraph("A barge sank on Monday.")
    document.add_heading("What it carried", 1)
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ["Cargo", "Tonnes", "gravel", "900"], strict=True):
        cell.text = text
    document.add_paragraph("Nobody was hurt.")
    return docx_bytes(document)


def repacked(data: bytes, name: str, content: bytes) -> bytes:
    """The zip `data` with one part replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            kept = content if info.filename == name else old.read(info)
            new.writestr(info.filename, kept, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


PAGE = """<!DOCTYPE html><html><head><title>Barge sinks - The Daily Test</title>
<meta charset="utf-8"><meta property="article:published_time" content="2017-08-05T09:00:00Z">
<script>var secret = "SCRIPT";</script><style>.a { color: STYLE }</style></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/n">News</a></li></ul></nav>
<article><h1>Barge sinks</h1>
<p>A <b>barge</b> sank on Monday in the harbour of Bremen, the port authority said. Nobody was
hurt in the accident, which happened in clear weather and calm water near the old lock.</p>
<h2>What it <i>carried</i></h2><p>It was the second accident of the year.</p>
<table><tr><th>Cargo</th><th>Tonnes</th></tr><tr><td>gravel</td><td>900</td></tr></table>
<script>alert("SCRIPT")</script></article></body></html>"""


@contextmanager
def as_nobody() -> Iterator[Path]:
    """A new folder, and no more rights than any user has: permissions do not bind root."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)
