"""A page of a PDF as a picture, with a span boxed, made by a process of its own.

Run as ``python -m rag.chat.paint PAGE_START PAGE START END``: the file's bytes come by standard
input, a PNG leaves by standard output. pdfium is other people's code on hostile bytes: the process
has limits of time and memory, and its death is a page that is not shown.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from io import BytesIO
from typing import Any

SECONDS = 20
MEMORY = 1024**3
LONGEST_SIDE = 1600  # pixels
BOX = (214, 158, 46, 90)  # red, green, blue, alpha


def paint(data: bytes, page_start: int, page: int, start: int, end: int) -> bytes | None:
    """PNG of a page with characters ``[start, end)`` of the document boxed; None if it fails.

    Args:
        data: the PDF.
        page_start: where the page begins in the document's text.
        page: its number, from 1.
        start: where the span begins in the document's text.
        end: where it ends.
    """
    numbers = map(str, (page_start, page, start, end))
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "rag.chat.paint", *numbers],
            input=data, capture_output=True, timeout=SECONDS, start_new_session=True, check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p or os.curdir for p in sys.path)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 and done.stdout else None


def render(data: bytes, page_start: int, number: int, start: int, end: int) -> bytes:
    """The same, in this process."""
    import pypdfium2
    from PIL import Image, ImageDraw

    page = pypdfium2.PdfDocument(data)[number - 1]
    scale = min(2.0, LONGEST_SIDE / max(page.get_size()))
    picture = page.render(scale=scale).to_pil().convert("RGBA")
    overlay = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(overlay)
    for left, top, right, bottom in _boxes(
        page, picture.size, start - page_start, end - page_start
    ):
        box = (left - 3, top - 3, right + 3, bottom + 3)
        pen.rectangle(box, fill=BOX, outline=BOX[:3], width=2)
    out = BytesIO()
    Image.alpha_composite(picture, overlay).convert("RGB").save(out, "PNG")
    return out.getvalue()


def _boxes(
    page: Any,  # noqa: ANN401  pypdfium2 has no types
    size: tuple[int, int],
    start: int,
    end: int,
) -> list[tuple[int, int, int, int]]:
    """Pixels (left, top, right, bottom) of each line of characters ``[start, end)`` of the page."""
    from pypdfium2 import raw

    text_page = page.get_textpage()
    text = text_page.get_text_range()
    start, end = max(start, 0), min(end, len(text))
    if start >= end:
        return []
    first, last = (
        raw.FPDFText_GetCharIndexFromTextIndex(text_page, _utf16_units(text[:at]))
        for at in (start, end - 1)
    )
    boxes = []
    for n in range(text_page.count_rects(first, last - first + 1) if last >= first >= 0 else 0):
        left, bottom, right, top = text_page.get_rect(n)
        corners = [_pixel(page, size, x, y) for x, y in ((left, top), (right, bottom))]
        (x0, y0), (x1, y1) = corners
        boxes.append((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    return boxes


def _utf16_units(text: str) -> int:
    """What pdfium counts its text by."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _pixel(page: Any, size: tuple[int, int], x: float, y: float) -> tuple[int, int]:  # noqa: ANN401
    """Where a point of the page lies in its picture, whatever the page's rotation and crop."""
    from pypdfium2 import raw

    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, across, down)
    return across.value, down.value


def _limit() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    _limit()
    sys.stdout.buffer.write(render(sys.stdin.buffer.read(), *map(int, sys.argv[1:5])))
