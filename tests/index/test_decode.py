from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.decode import decode

GERMAN = "Die Straße nach Zürich führt über die Brücke, sagte der Bürgermeister.\n"
RUSSIAN = "Президент заявил, что переговоры состоятся в понедельник в Москве.\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "latin-1"),
        ("It’s the “quoted” text – with a £5 fee.\n", "cp1252"),
        ("Café Zürich", "cp1252"),
        ("Zażółć gęślą jaźń, powiedział prezydent w Łodzi.\n", "cp1250"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        ("大統領は月曜日に東京で会談が行われると述べた。\n" * 5, "shift_jis"),
        ("总统表示，会谈将于星期一在北京举行。\n" * 5, "gb18030"),
        ("Plain English text.\r\nIn two lines.\r\n", "utf-16-le"),
        ("Plain English text.\r\nIn two lines.\r\n", "utf-16-be"),
        (RUSSIAN, "utf-16-le"),
        (RUSSIAN, "utf-16-be"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-32"),
        (GERMAN, "utf-8-sig"),
        ("x\N{BARBER POLE}y " * 30_000 + GERMAN, "utf-8"),
    ],
)
def test_encodings_are_detected(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_the_guess_looks_where_the_letters_are() -> None:
    text = "Plain English text, a lot of it.\n" * 20_000 + GERMAN
    assert decode(text.encode("latin-1")) == text


def test_a_few_broken_bytes_do_not_make_utf8_something_else() -> None:
    text = GERMAN * 3
    data = text.encode()
    cut = data[: data.rindex("ü".encode()) + 1]
    assert decode(cut) == text[: text.rindex("ü")] + "\ufffd"
    assert decode(data.replace("ß".encode(), b"\xdf", 1)) == text.replace("ß", "\ufffd", 1)


@pytest.mark.parametrize(
    "text",
    ["a\0b", "NUL\0bytes\0in\0a text", "\x1b[1mbold\x1b[0m", "form\ffeed", "\ufeffBOM inside"],
)
def test_control_characters_stay_in_a_text(text: str) -> None:
    assert decode(b"\xef\xbb\xbf" + text.encode()) == text
    if not text.startswith("\ufeff"):
        assert decode(text.encode()) == text


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 10,
        b"\x7fELF\x02\x01\x01" + bytes(60) + b"\x03\x00>\x00\x01\x00\x00\x00" * 20,
        b"PK\x03\x04\x14\x00\x08\x00\x08\x00" + bytes(range(255, 0, -1)) * 3,
        bytes(1000),
        b"\xff\xfe" + b"\x01\x00" * 100,
    ],
)
def test_binary_is_told_from_text(data: bytes) -> None:
    assert decode(data) is None


def test_a_declared_encoding_is_believed_where_the_bytes_agree() -> None:
    assert decode("Łódź".encode("iso8859-2"), "ISO-8859-2") == "Łódź"
    assert decode("日本".encode("iso2022_jp"), "iso-2022-jp") == "日本"
    assert decode("“é”".encode("cp1252"), "iso-8859-1") == "“é”"
    assert decode("Zürich".encode(), "iso-8859-1") == "Zürich"  # valid UTF-8 is UTF-8
    assert decode("Zürich".encode("cp1252"), "utf-8") == "Zürich"
    for name in ("utf-7", "zlib", "rot13", "idna", "unicode_escape", "no such", "a\0b"):
        assert decode(b"+AGE- \\u0041", name) == "+AGE- \\u0041"


@given(st.binary() | st.text().map(lambda text: text.encode("utf-16-le", "surrogatepass")))
def test_no_bytes_raise_or_make_lone_surrogates(data: bytes) -> None:
    for prefix in (b"", codecs.BOM_UTF16_LE, codecs.BOM_UTF32_LE, codecs.BOM_UTF8):
        text = decode(prefix + data)
        assert text is None or text.encode() is not None
