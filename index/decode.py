"""Bytes to text: byte-order marks, strict UTF-8, UTF-16 without a mark, then a best guess.

>>> decode("Ŝanĝo".encode("utf-16"))
'Ŝanĝo'
>>> decode(bytes(range(256))) is None
True
"""

from __future__ import annotations

import codecs
import re
from collections import Counter

from charset_normalizer import from_bytes

# UTF-32 first: its little-endian mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What files really come in; the guess is better the fewer there are to mistake one for.
GUESSED = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("iso8859_2", "koi8_r", "cp932", "euc_jp", "gb18030", "big5", "cp949", "cp874"),
)
# Encodings a page may declare for itself; UTF-7 and Python's own escapes are not among them.
DECLARED = re.compile(r"utf-8|cp\d|iso8859|iso2022_jp|koi8|gb|big5|euc|shift_jis|mac|ascii|latin")
CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\v\f\r\x1b") + b"\x7f"
HIGH = bytes(range(128, 256))
SAMPLE = 65_536
# NUL bytes and their kind are kept where the bytes are UTF-8 all the same: SQLite stores them,
# tokenisers drop them, and every offset stays true. Other encodings accept nearly any bytes,
# so there they betray a binary file.
MAX_CONTROLS_UTF8 = 0.4
MAX_CONTROLS_OTHER = 0.02


def decode(data: bytes, declared: str | None = None) -> str | None:
    """The text without its byte-order mark, newlines as they are; None if it is binary.

    `declared` is the encoding that a page names for itself; it is believed where the bytes
    agree. The text holds no lone surrogates: no encoding used here can make one.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(encoding, "replace")
            bad = text.count("\ufffd") + _controls(text.encode())
            if bad <= MAX_CONTROLS_UTF8 * len(text):
                return text
    controls = _controls(data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _not_utf8(data, declared, controls)
    if controls > MAX_CONTROLS_UTF8 * len(data):
        return _utf16(data)
    if declared and data.isascii():
        return _as_declared(data, declared) or text  # ISO-2022-JP is written in ASCII
    return text


def _not_utf8(data: bytes, declared: str | None, controls: int) -> str | None:
    if controls > MAX_CONTROLS_OTHER * len(data):
        return _utf16(data)
    if declared and (text := _as_declared(data, declared)) is not None:
        return text
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = len(text) - len(data.translate(None, HIGH)) - bad
    if good >= 4 * bad:  # UTF-8 with a few broken bytes, such as a cut at the end
        return text
    return data.decode(_guess(data), "replace")


def _guess(data: bytes) -> str:
    """The best-fitting of `GUESSED`, cp1252 (a superset of Latin-1) where it fits too."""
    first = re.search(rb"[\x80-\xff]", data)
    start = max(0, first.start() - 1024) if first else 0
    sample = data[start : start + SAMPLE]
    if len(sample) == SAMPLE:
        sample = sample[: sample.rfind(b"\n") + 1] or sample  # not to cut a character in two
    matches = list(from_bytes(sample, cp_isolation=list(GUESSED)))
    fitting = [name for match in matches for name in match.could_be_from_charset]
    return "cp1252" if "cp1252" in fitting or not matches else matches[0].encoding


def _as_declared(data: bytes, declared: str) -> str | None:
    try:
        name = codecs.lookup(declared).name
        if not DECLARED.match(name):
            return None
        # Browsers read both as cp1252, and pages count on it.
        return data.decode("cp1252" if name in ("iso8859-1", "ascii") else name)
    except (LookupError, ValueError):
        return None


def _utf16(data: bytes) -> str | None:
    """UTF-16 without its mark, of scripts that have an alphabet.

    Its spaces, digits and line ends are ASCII in one byte order only, and its letters come from
    one or two blocks of 256, so that every second byte is one of a few.
    """
    best, best_share = None, 0.05
    for high, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        try:
            text = data[: len(data) // 2 * 2].decode(encoding)
        except UnicodeDecodeError:
            continue
        plain = text.encode("ascii", "ignore")
        controls = _controls(plain)
        share = (len(plain) - controls) / max(1, len(text))
        blocks = sum(count for _, count in Counter(data[high::2]).most_common(2))
        few = blocks >= 0.75 * len(text) and controls <= MAX_CONTROLS_OTHER * len(text)
        if few and share > best_share:
            best, best_share = text, share
    return best


def _controls(data: bytes) -> int:
    return len(data) - len(data.translate(None, CONTROLS))
