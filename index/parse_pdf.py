"""PDF: each page's characters in pdfium's own order. Runs in the process of `index.parse`."""

from __future__ import annotations

import pypdfium2
from pypdfium2 import raw

from index.parsed import Parsed, UnreadableError, real_title

# pdfium's mark for a hyphen that only breaks a word at a line's end, and Unicode's own for it.
# One for one, so that offsets still count pdfium's characters.
_HYPHEN, _SOFT_HYPHEN = "\ufffe", "\u00ad"
_BROKEN = ("broken PDF", "Open it in a PDF viewer and print it to a new PDF.")


def parse(data: bytes, max_bytes: int) -> Parsed:
    """Pages are joined by one newline; `page_starts` has one offset for each, blank ones too.

    The file's own dates tell when it was converted, not when its text was published: no date.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            mend = "Save a copy without the password."
            raise UnreadableError("encrypted with a password", mend) from None
        raise UnreadableError(*_BROKEN) from None
    pages = [_page_text(document, number) for number in range(len(document))]
    broken = [str(number) for number, page in enumerate(pages, 1) if page is None]
    if len(broken) == len(pages):
        raise UnreadableError(*_BROKEN)
    if not any(page and page.strip() for page in pages):
        raise UnreadableError("no text (only pictures of it?)", "Recognise its text (OCR) first.")
    starts, at = [], 0
    for page in pages:
        starts.append(at)
        at += len(page or "") + 1
    return Parsed(
        text="\n".join(page or "" for page in pages),
        title=real_title(document.get_metadata_value("Title")),
        page_starts=tuple(starts),
        lost=f"broken pages: {', '.join(broken)}" if broken else "",
    )


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str | None:
    """None for a page that pdfium cannot read."""
    try:
        page = document[number]
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError:
        return None
    text: str = text_page.get_text_range()
    text_page.close()
    page.close()
    return text.replace(_HYPHEN, _SOFT_HYPHEN)
