"""A document shown at its words: the page, the picture with its box, and words that have moved."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from harbour import LINES
from samples import pdf
from starlette.testclient import TestClient
from tiny import WordEncoder, write_files

from index import sync
from rag.chat import paint as painting
from rag.chat.library import Library
from rag.chat.marks import address
from rag.chat.paint import paint


def address_of(library: Library, path: str, words: str) -> dict[str, str]:
    """Of an older Spanwise, without the fingerprint of the words."""
    with library.service("harbour").retriever.generation() as found:
        document = found.store.document_by_path(path)
    assert document is not None
    start = document.text.index(words)
    end = str(start + len(words))
    return {"collection": "harbour", "document": document.id, "start": str(start), "end": end}


def test_a_document_is_shown_by_its_id(client: TestClient, library: Library) -> None:
    asked = address_of(library, "papers/a.pdf", "Porto")
    shown = client.get("/view", params=asked)
    assert shown.status_code == 200
    assert '<mark id="mark" tabindex="-1">Porto</mark>' in shown.text
    assert "The &lt;b&gt;ferry&lt;/b&gt;" in shown.text
    assert "/view/page.png?collection=harbour&amp;document=" in shown.text
    assert "Page 2" in shown.text
    picture = client.get("/view/page.png", params=asked)
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


def test_the_last_pictures_are_kept(
    client: TestClient, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Painted once, then shown even where no process can be started; but not for ever."""
    asked = address_of(library, "papers/a.pdf", "Porto")
    first = client.get("/view/page.png", params=asked).content
    other = asked | {"end": str(int(asked["end"]) - 1)}
    monkeypatch.setattr("rag.chat.library.PICTURES", 1)
    with monkeypatch.context() as slow:
        slow.setattr(painting, "SECONDS", 0.0001)
        assert client.get("/view/page.png", params=asked).content == first
        assert client.get("/view/page.png", params=other).status_code == 404
    assert client.get("/view/page.png", params=other).status_code == 200
    monkeypatch.setattr(painting, "SECONDS", 0.0001)
    assert client.get("/view/page.png", params=asked).status_code == 404


def test_a_text_has_no_picture(client: TestClient, library: Library) -> None:
    asked = address_of(library, "papers/b.md", "dam")
    shown = client.get("/view", params=asked)
    assert "<img" not in shown.text and "indexed" not in shown.text
    assert client.get("/view/page.png", params=asked).status_code == 404


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_another_file_than_the_one_indexed_is_not_shown(
    client: TestClient, library: Library, tmp_path: Path, change: str
) -> None:
    file = tmp_path / "papers" / "a.pdf"
    if change == "gone":
        file.unlink()
    else:
        file.write_bytes(pdf([["Other"], ["The ferry Aurora sank in Faro."]]))
    asked = address_of(library, "papers/a.pdf", "Porto")
    shown = client.get("/view", params=asked)
    assert "has changed or is gone" in shown.text and "<img" not in shown.text
    assert "Porto" in shown.text
    assert client.get("/view/page.png", params=asked).status_code == 404


def linked(library: Library, path: str, words: str) -> dict[str, str]:
    """The address that an answer has."""
    asked = address_of(library, path, words)
    where = address(
        asked["collection"], asked["document"], int(asked["start"]), int(asked["end"]), words
    )
    return dict(parse_qsl(urlsplit(where).query))


def changed(library: Library, tmp_path: Path, files: dict[str, str | bytes]) -> None:
    write_files(tmp_path / "papers", files)
    sync(tmp_path / "papers", library.home, WordEncoder(), "harbour")


def test_words_that_have_moved_are_marked_where_they_stand(
    client: TestClient, library: Library, tmp_path: Path
) -> None:
    asked, old = linked(library, "papers/b.md", "dam"), address_of(library, "papers/b.md", "dam")
    assert "changed since" not in client.get("/view", params=asked).text
    changed(library, tmp_path, {"b.md": "It had rained for days. A dam broke."})
    moved = client.get("/view", params=asked).text
    assert '<mark id="mark" tabindex="-1">dam</mark>' in moved and moved.count("<mark") == 1
    assert "has changed since: the words are marked where they stand now" in moved
    taken_at_its_word = client.get("/view", params=old).text
    assert ">dam</mark>" not in taken_at_its_word and "<mark" in taken_at_its_word
    changed(library, tmp_path, {"b.md": "It had rained for days."})
    gone = client.get("/view", params=asked).text
    assert "<mark" not in gone and "not found in it any longer" in gone and "It had rained" in gone


def test_the_box_follows_words_that_have_moved(
    client: TestClient, library: Library, tmp_path: Path
) -> None:
    """And none is drawn around others."""
    asked = linked(library, "papers/a.pdf", "Porto")
    changed(library, tmp_path, {"a.pdf": pdf([["In short:"], ["It sank. Porto is far."]])})
    now = linked(library, "papers/a.pdf", "Porto")
    assert now["start"] != asked["start"]
    picture = client.get("/view/page.png", params=asked)
    assert picture.status_code == 200
    assert picture.content == client.get("/view/page.png", params=now).content
    other = client.get("/view/page.png", params={**asked, "words": ""})
    assert other.status_code == 404 or picture.content != other.content
    shown = client.get("/view", params=asked).text
    assert "<img" in shown and "Page 2" in shown and "where they stand now" in shown
    changed(library, tmp_path, {"a.pdf": pdf([["In short:"], ["It sank."]])})
    gone = client.get("/view", params=asked).text
    assert "<img" not in gone and "<mark" not in gone and "not found in it any longer" in gone
    assert client.get("/view/page.png", params=asked).status_code == 404


@pytest.mark.parametrize(
    "spoiled",
    [{"document": "nothing"}, {"collection": "none"}, {"collection": "../x"}, {"start": "x"}],
)
def test_what_is_not_there_is_a_sentence(
    client: TestClient, library: Library, spoiled: dict[str, str]
) -> None:
    asked = address_of(library, "papers/a.pdf", "Porto") | spoiled
    for path in ("/view", "/view/page.png"):
        answer = client.get(path, params=asked)
        assert answer.status_code == 404 and answer.text
        assert answer.headers["content-type"].startswith("text/plain")


def test_the_box_is_drawn_around_the_words() -> None:
    """The pixels that differ from the page without a box lie where the words stand."""
    from io import BytesIO

    from PIL import Image, ImageChops

    data, text = pdf(LINES), "\n".join(line for (line,) in LINES)
    page_start = text.index("The ferry")

    def painted(words: str) -> Image.Image:
        start = text.index(words)
        png = paint(data, page_start, 2, start, start + len(words))
        assert png is not None
        return Image.open(BytesIO(png))

    plain = paint(data, page_start, 2, page_start, page_start)
    assert plain is not None
    left, top, right, bottom = (
        ImageChops.difference(Image.open(BytesIO(plain)), painted("Aurora")).getbbox() or ()
    )
    # Helvetica 12 at (50, 750) of 600 x 800 points, drawn at 2 pixels a point.
    assert 2 * 50 + 2 * 40 < left < right < 2 * 50 + 2 * 12 * len("The ferry Aurora")
    assert 2 * 36 < top < 2 * 50 < bottom < 2 * 56


def test_a_broken_or_endless_pdf_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paint(b"%PDF-junk", 0, 1, 0, 1) is None
    assert paint(pdf(LINES), 0, 99, 0, 1) is None
    monkeypatch.setattr(painting, "SECONDS", 0.001)
    assert paint(pdf(LINES), 0, 1, 0, 1) is None
