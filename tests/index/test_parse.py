from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile

import docx
import pytest
from docx.oxml.parser import parse_xml
from samples import PAGE, docx_bytes, pdf, repacked, report_docx

from index import parse_docx, parse_html, parse_pdf
from index.parse import read_frame, write_frame
from index.parsed import Parsed, UnreadableError, check_length, real_title

LIMIT = 1_000_000
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def html(body: str) -> Parsed:
    return parse_html.parse(f"<html><body>{body}</body></html>".encode(), LIMIT)


def headings(parsed: Parsed) -> list[str]:
    return [parsed.text[start:end] for start, end in parsed.headings]


# PDF


def test_pdf_pages_and_title() -> None:
    parsed = parse_pdf.parse(pdf([["One", "two"], [], ["Three"]], title="A Title"), LIMIT)
    assert parsed.text == "One\r\ntwo\n\nThree"
    assert parsed.page_starts == (0, 9, 10)
    assert parsed.title == "A Title"
    assert parsed.date is None  # the file's creation is no publication


def test_pdf_with_a_broken_page_keeps_the_others() -> None:
    whole = pdf([["One"], ["Two"], ["Three"]])
    parsed = parse_pdf.parse(
        whole.replace(b"6 0 obj\n<< /Type /Page ", b"6 0 obj\n[[ /Type /Page "), LIMIT
    )
    assert (parsed.text, parsed.page_starts) == ("One\n\nThree", (0, 4, 5))
    assert parsed.lost == "broken pages: 2"


def test_pdf_offsets_are_those_of_the_library() -> None:
    parsed = parse_pdf.parse(pdf([["a hyphen-", "ated word"]]), LIMIT)
    assert parsed.text == "a hyphen\u00adated word"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pdf([["Secret"]], encrypt=True), "encrypted with a password"),
        (pdf([[], []]), "no text (only pictures of it?)"),
        (b"%PDF-1.7\n", "broken PDF"),
        (pdf([["One"]])[:200], "broken PDF"),
        (b"no PDF at all", "broken PDF"),
    ],
)
def test_pdf_without_text_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        parse_pdf.parse(data, LIMIT)
    assert raised.value.reason == reason
    assert raised.value.mend


@pytest.mark.parametrize(
    "title",
    [
        "",
        " \0",
        "Untitled",
        "untitled",
        "Microsoft Word - report.docx",
        "report_v2.pdf",
        "Document1",
    ],
)
def test_titles_made_up_by_programs(title: str) -> None:
    assert real_title(title) is None


def test_other_titles_are_kept_on_one_line() -> None:
    assert real_title(" Report.pdf:\n two \0 lines ") == "Report.pdf: two lines"


# Word


def test_docx_in_document_order() -> None:
    parsed = parse_docx.parse(report_docx(), LIMIT)
    assert parsed.text == (
        "The Harbour Report\n\nA barge sank on Monday.\n\nWhat it carried\n\n"
        "Cargo | Tonnes\ngravel | 900\n\nNobody was hurt."
    )
    assert headings(parsed) == ["The Harbour Report", "What it carried"]
    assert parsed.title == "The Harbour Report"
    assert parsed.date is None


def test_docx_title_of_its_properties() -> None:
    document = docx.Document()
    document.core_properties.title = "The Title"
    document.add_paragraph("Text.")
    assert parse_docx.parse(docx_bytes(document), LIMIT).title == "The Title"
    document.core_properties.title = "Word Document"
    assert parse_docx.parse(docx_bytes(document), LIMIT).title is None


def test_docx_text_outside_plain_paragraphs() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Kept, ")
    for xml in (
        f'<w:ins {W}><w:r><w:t xml:space="preserve">inserted, </w:t></w:r></w:ins>',
        f"<w:del {W}><w:r><w:delText>deleted, </w:delText></w:r></w:del>",
        f"<w:hyperlink {W}><w:r><w:t>linked</w:t><w:br/><w:t>below</w:t></w:r></w:hyperlink>",
    ):
        paragraph._p.append(parse_xml(xml))
    body = document.element.body
    inside = "<w:p><w:r><w:t>A control.</w:t></w:r></w:p>"
    control = f"<w:sdt {W}><w:sdtContent>{inside}</w:sdtContent></w:sdt>"
    body.insert(len(body) - 1, parse_xml(control))
    outer = document.add_table(1, 2)
    outer.cell(0, 0).text = "left"
    inner = outer.cell(0, 1).add_table(1, 1)
    inner.cell(0, 0).text = "in\nner"
    assert parse_docx.parse(docx_bytes(document), LIMIT).text == (
        "Kept, inserted, linked\nbelow\n\nA control.\n\nleft | in ner"
    )


def test_docx_styles_built_on_headings() -> None:
    document = docx.Document()
    style = document.styles.add_style("Chapter", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["Heading 2"]
    looped = document.styles.add_style("Loop", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    looped.base_style = looped
    document.add_paragraph(" One ", style)
    document.add_paragraph("Text.", looped)
    assert headings(parse_docx.parse(docx_bytes(document), LIMIT)) == ["One"]


XXE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
BODY = f"<w:document {W}><w:body><w:p><w:r><w:t>&e;</w:t></w:r></w:p></w:body></w:document>"


@pytest.mark.parametrize(
    "part",
    [
        f"<?xml version='1.0'?>{XXE}{BODY}".encode(),
        f"<?xml version='1.0' encoding='UTF-16'?>{XXE}{BODY}".encode("utf-16"),
        b" " * 65_530 + f"{XXE}{BODY}".encode(),
    ],
)
def test_docx_with_a_document_type_is_refused(part: bytes) -> None:
    with pytest.raises(UnreadableError, match="declares a document type"):
        parse_docx.parse(repacked(report_docx(), "word/document.xml", part), LIMIT)


def test_docx_bombs() -> None:
    bomb = repacked(report_docx(), "word/document.xml", b"<w:p/>" * 2_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(UnreadableError) as raised:
        parse_docx.parse(bomb, LIMIT)
    assert raised.value.reason.startswith("unpacks to 12,")
    assert int(raised.value.mend.removeprefix("Raise the limit: --max-bytes ")) * 10 > 12_000_000
    # The same, declaring that it unpacks to ten bytes: the size is in the part's own header and
    # in the list at the end, four bytes each.
    liar = bomb.replace((12_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with zipfile.ZipFile(io.BytesIO(liar)) as archive:
        assert archive.getinfo("word/document.xml").file_size == 10
    with pytest.raises(UnreadableError, match="broken docx"):
        parse_docx.parse(liar, LIMIT)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
            "encrypted with a password, or an old .doc",
        ),
        (b"PK\x03\x04 cut", "broken docx"),
        (b"no zip", "broken docx"),
        (report_docx()[:2000], "broken docx"),
        (repacked(report_docx(), "[Content_Types].xml", b"<Types/>"), "broken docx"),
        (docx_bytes(docx.Document()), "no text"),
    ],
)
def test_docx_without_text_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        parse_docx.parse(data, LIMIT)
    assert raised.value.reason == reason


# HTML


def test_html_main_text() -> None:
    parsed = parse_html.parse(PAGE.encode(), LIMIT)
    assert parsed.title == "Barge sinks"
    assert parsed.date == "2017-08-05"
    assert headings(parsed) == ["Barge sinks", "What it carried"]
    assert "\n\nCargo | Tonnes\ngravel | 900" in parsed.text
    assert "A barge sank on Monday" in parsed.text
    for unseen in ("SCRIPT", "STYLE", "Home", "Daily Test"):
        assert unseen not in parsed.text


def test_html_that_is_no_article_keeps_all_that_shows() -> None:
    parsed = html(
        "<table><tr><td><h1>Old <b>page</b></h1><p>It has a lay<i>out</i> table.</p></td>"
        "<td>Side<br>bar</td></tr></table><script>SCRIPT</script><p hidden>HIDDEN</p>"
        "<p style='display : none'>HIDDEN</p><table><tr><th>a</th><th></th><th>c</th></tr>"
        "<tr><td>1</td><td>2<br>3</td><td><p>4</p><p>5</p></td></tr></table>"
    )
    assert parsed.text == (
        "Old page\n\nIt has a layout table.\n\nSide\nbar\n\na | | c\n1 | 2 3 | 4 5"
    )
    assert headings(parsed) == ["Old page"]
    assert headings(html("<h1>One<h2>Two</h2></h1><p>Text.</p>")) == ["One Two"]
    assert html("<pre>one\n  two</pre>").text == "one\n  two"
    assert html("bare words").text == "bare words"
    assert parse_html.parse(b"no mark-up", LIMIT).text == "no mark-up"


@pytest.mark.parametrize(
    "page",
    [b"<script>SCRIPT</script>", b"<html></html>", b"<!-- only this -->", b"<style>a{}</style> \n"],
)
def test_html_without_text(page: bytes) -> None:
    with pytest.raises(UnreadableError, match="no text"):
        parse_html.parse(page, LIMIT)


@pytest.mark.parametrize(
    "head",
    [
        '<meta name="date" content="2017-08-05">',
        '<meta itemprop="datePublished" content="Sat, 5 Aug 2017 10:00:00 GMT">',
        '<script type="application/ld+json">{"datePublished": "2017-08-05T10:00"}</script>',
        '<time pubdate datetime="2017-08-05">Saturday</time>',
        '<time datetime="2017-08-05T10:00">x</time> <time datetime="2017-08-05">y</time>',
    ],
)
def test_html_dates_that_the_page_gives(head: str) -> None:
    assert html(f"{head}<p>Text.</p>").date == "2017-08-05"


@pytest.mark.parametrize(
    "head",
    [
        "<p>Copyright 2017</p>",
        '<meta property="article:modified_time" content="2017-08-05">',
        '<meta http-equiv="last-modified" content="2017-08-05">',
        '<meta name="date" content="03/04/2017">',
        '<time datetime="2017-08-05">x</time> <time datetime="2018-01-01">y</time>',
        '<link rel="canonical" href="https://example.org/2017/08/05/x.html">',
        '<img src="/2017/08/05/x.png">',
    ],
)
def test_html_dates_are_not_guessed(head: str) -> None:
    assert html(f"{head}<p>The town fell on 5 August 2017, they said.</p>").date is None


def test_html_encodings() -> None:
    page = '<html><head><meta charset="{}"></head><body><p>Łódź – Zürich</p></body></html>'
    for declared, encoding in [("iso-8859-2", "cp1250"), ("utf-8", "utf-8"), ("x", "utf-16")]:
        data = page.format(declared).encode(encoding)
        if encoding == "cp1250":
            data = page.format("windows-1250").encode(encoding)
        assert parse_html.parse(data, LIMIT).text == "Łódź – Zürich"
    latin = page.replace("Łódź –", "").format("utf-8").encode("latin-1")  # it lies
    assert parse_html.parse(latin, LIMIT).text == "Zürich"
    xml = "<?xml version='1.0' encoding='iso-8859-15'?><html><body><p>5 €</p></body></html>"
    assert parse_html.parse(xml.encode("iso-8859-15"), LIMIT).text == "5 €"
    assert html("nul \0 byte \x01").text == "nul \ufffd byte \ufffd"


def test_html_nested_without_end() -> None:
    assert html("<div>x" * 1000).text.count("x") == 1000
    with pytest.raises(UnreadableError, match="nested too deep"):
        html("<p>first</p>" + "<b>" * 3000 + "lost")


def test_html_with_more_elements_than_trafilatura_can_take() -> None:
    items = "<li>item</li>" * (parse_html.MOST_ELEMENTS + 1)
    assert html(f"<ul>{items}</ul>").text.count("item\n") == parse_html.MOST_ELEMENTS


def test_html_with_a_text_of_more_than_libxml2_takes_by_default() -> None:
    assert len(html(f"<p>{'word ' * 2_200_000}</p><p>end</p>").text) > 11_000_000


# The process


def test_length_limit() -> None:
    check_length("ab", 2)
    with pytest.raises(UnreadableError) as raised:
        check_length("abc", 2)
    assert raised.value.reason == "3 characters, more than the limit of 2"
    assert raised.value.mend == "Raise the limit: --max-chars 3"


def test_frames() -> None:
    stream = io.BytesIO()
    for payload in (b"", b"abc"):
        write_frame(stream, payload)
    data = stream.getvalue()
    assert data == bytes(8) + bytes(7) + b"\x03abc"
    stream.seek(0)
    assert [read_frame(stream), read_frame(stream), read_frame(stream)] == [b"", b"abc", None]
    assert read_frame(io.BytesIO(data[8:-1])) is None
    with pytest.raises(ValueError, match="3 bytes"):
        read_frame(io.BytesIO(data[8:]), 2)


def test_replies_are_checked() -> None:
    good = {"text": "abc", "title": None, "date": None, "page_starts": [0], "headings": [[0, 2]]}
    good["lost"] = ""
    assert Parsed.from_json(good) == Parsed("abc", page_starts=(0,), headings=((0, 2),))
    for bad in (
        {"headings": [[0, 4]]},
        {"page_starts": [9]},
        {"headings": [[2, 1]]},
        {"headings": 1},
    ):
        with pytest.raises((ValueError, TypeError)):
            Parsed.from_json(good | bad)


def test_the_protocol_on_plain_pipes() -> None:
    asked = io.BytesIO()
    for payload in (b"docx", report_docx(), b"html", b"<script></script>"):
        write_frame(asked, payload)
    command = [sys.executable, "-m", "index.parse", "60", str(2**31), str(LIMIT), str(LIMIT)]
    done = subprocess.run(
        command, input=asked.getvalue(), capture_output=True, check=True, timeout=60
    )
    answered = io.BytesIO(done.stdout)
    assert read_frame(answered) == b""
    assert json.loads(read_frame(answered) or b"")["title"] == "The Harbour Report"
    assert read_frame(answered) == b""
    assert json.loads(read_frame(answered) or b"")["reason"] == "no text (scripts only?)"
    assert read_frame(answered) is None
