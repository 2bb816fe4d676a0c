from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import as_nobody
from tiny import WordEncoder, write_files

from index.beir import NOT_A_ROW, Place, id_of, places, row
from index.build import BuildReport, remove, sync
from index.parsed import UnreadableError
from index.retrieve import Retriever
from index.scan import Found, Limits, Omitted, scan
from index.snapshot import Snapshot
from index.types import Filter, Skipped
from rag.cli import app

ROWS = [
    {"_id": "dam/1", "title": "The dam", "text": "The dam of Hajin was built in 1931 of mud."},
    {"_id": "opera", "title": "", "text": "The opera house burnt down.\n\nNobody was hurt."},
    {"_id": 7, "title": "Schools of the river town", "text": " "},
]


def corpus(*rows: object) -> str:
    return "".join(
        (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n"
        for line in rows
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "news", {
        "corpus.jsonl": corpus(*ROWS),
        "queries.jsonl": corpus({"_id": "q1", "text": "dam"}, {"_id": "q2", "text": "opera"}),
        "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\tdam/1\t1\nq2\topera\t1\nq2\t7\t0\n",
    })  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def texts(home: Path) -> dict[str, tuple[str | None, str]]:
    with Snapshot.open(home / "collections" / "default") as opened:
        return {d.path: (d.title, d.text) for d, _ in opened.store.documents()}


def found(home: Path, question: str, where: Filter | None = None) -> list[str]:
    with Retriever.open(home, encoder=WordEncoder()) as retriever:
        hits = retriever.search(question, where=where, channel="lexical")
    return [hit.passage.path for hit in hits]


def test_each_row_is_a_document_with_its_own_title_and_text(folder: Path, home: Path) -> None:
    done = sync(folder, home, WordEncoder())
    assert done.indexed == (
        "news/corpus.jsonl#7", "news/corpus.jsonl#dam/1", "news/corpus.jsonl#opera",
    )  # fmt: skip
    assert done.skipped == ()
    assert [left.path for left in done.omitted] == ["news/qrels/", "news/queries.jsonl"]
    assert texts(home) == {
        "news/corpus.jsonl#dam/1": ("The dam", ROWS[0]["text"]),
        "news/corpus.jsonl#opera": (None, ROWS[1]["text"]),
        "news/corpus.jsonl#7": ("Schools of the river town", "Schools of the river town"),
    }
    assert found(home, "opera") == ["news/corpus.jsonl#opera"]
    with Retriever.open(home, encoder=WordEncoder()) as retriever:
        (hit, *_) = retriever.search("hurt", channel="lexical")
        document = ROWS[1]["text"]
        assert isinstance(document, str)
        assert document[hit.passage.start : hit.passage.end] == hit.passage.text


def test_filters_know_the_file_a_row_is_in(folder: Path, home: Path) -> None:
    write_files(folder, {"note.txt": "An opera singer came on Friday to the old town."})
    sync(folder, home, WordEncoder())
    assert found(home, "opera", Filter(types=("jsonl",))) == ["news/corpus.jsonl#opera"]
    assert found(home, "opera", Filter(types=("txt",))) == ["news/note.txt"]
    assert found(home, "opera", Filter(paths=("news/corpus.jsonl#op*",))) == [
        "news/corpus.jsonl#opera"
    ]


def test_only_changed_rows_are_read_and_encoded_again(folder: Path, home: Path) -> None:
    sync(folder, home, WordEncoder())
    again = sync(folder, home, encoder := WordEncoder())
    assert (again.published, len(again.unchanged), encoder.encoded) == (False, 3, [])

    changed = {**ROWS[0], "text": "The dam of Hajin was built in 1932 of mud."}
    new = {"_id": "new", "text": "A new bridge was opened."}
    write_files(folder, {"corpus.jsonl": corpus(new, changed, ROWS[2])})
    done = sync(folder, home, encoder := WordEncoder())
    assert done.indexed == ("news/corpus.jsonl#new",)
    assert done.updated == ("news/corpus.jsonl#dam/1",)
    assert done.unchanged == ("news/corpus.jsonl#7",)
    assert done.removed == ("news/corpus.jsonl#opera",)
    assert sorted(encoder.encoded) == [new["text"], f"The dam\n{changed['text']}"]
    assert texts(home)["news/corpus.jsonl#dam/1"][1] == changed["text"]
    assert found(home, "opera") == []


def test_a_row_that_was_removed_stays_out(folder: Path, home: Path) -> None:
    sync(folder, home, WordEncoder())
    remove("news/corpus.jsonl#opera", home, WordEncoder(), None)
    assert "news/corpus.jsonl#opera" not in texts(home)
    done = sync(folder, home, WordEncoder())
    assert "news/corpus.jsonl#opera" in [left.path for left in done.omitted]


def test_a_folder_that_was_moved_keeps_its_name(folder: Path, home: Path) -> None:
    sync(folder, home, WordEncoder())
    folder.parent.joinpath("b").mkdir()
    moved = folder.rename(folder.parent / "b" / "news")
    done = sync(moved, home, encoder := WordEncoder())
    assert (len(done.unchanged), done.indexed, encoder.encoded) == (3, (), [])


BAD = {
    2: "oh",
    3: '{"_id": "a"}',
    4: '{"_id": null, "text": "x"}',
    5: '{"_id": "", "text": "x"}',
    6: '["_id", "text"]',
    7: '{"_id": "\\ud800", "text": "x"}',
    8: "[" * 200_000,
}


def test_a_bad_line_is_skipped_with_its_number_and_stops_nothing(folder: Path, home: Path) -> None:
    lines = [
        ROWS[0],
        *BAD.values(),
        "",
        {"_id": "dam/1", "text": "Again."},
        {"_id": "e", "text": ""},
    ]
    text = corpus(*lines).encode() + b'{"_id": "f", "text": "\xff"}\n' + corpus(ROWS[1]).encode()
    write_files(folder, {"corpus.jsonl": text})
    done = sync(folder, home, WordEncoder())
    assert done.indexed == ("news/corpus.jsonl#dam/1", "news/corpus.jsonl#opera")
    reasons = {skipped.path: skipped.reason for skipped in done.skipped}
    assert reasons == {
        **{f"news/corpus.jsonl, line {number}": NOT_A_ROW for number in (*BAD, 12)},
        "news/corpus.jsonl, line 10": "the _id 'dam/1' is another document's",
        "news/corpus.jsonl#e": "empty: nothing but white space",
    }
    again = sync(folder, home, WordEncoder())
    assert (again.published, len(again.skipped)) == (False, len(reasons))


def test_half_a_surrogate_pair_becomes_a_replacement_character(folder: Path, home: Path) -> None:
    write_files(folder, {"corpus.jsonl": '{"_id": "a", "text": "Ein \\ud83e\\udd8a und \\ud83e"}'})
    assert sync(folder, home, WordEncoder()).skipped == ()
    assert texts(home) == {"news/corpus.jsonl#a": (None, "Ein 🦊 und \ufffd")}


def places_of(data: bytes, longest: int = 1000) -> list[Place | Skipped]:
    return list(places(io.BufferedReader(io.BytesIO(data)), "x", longest, set()))  # type: ignore[arg-type]


def test_places_are_counted_in_bytes() -> None:
    first, second = '{"_id": "ö", "text": "é"}'.encode(), b'{"_id": "b", "text": "c"}'
    data = b"\xef\xbb\xbf" + first + b"\r\n\r\n  \n" + second
    found = places_of(data)
    assert [p.id for p in found if isinstance(p, Place)] == ["ö", "b"]
    parts = [data[p.start : p.start + p.size] for p in found if isinstance(p, Place)]
    assert parts == [b"\xef\xbb\xbf" + first, second]
    assert [row(part).text for part in parts] == ["é", "c"]


@pytest.mark.parametrize("over", [0, 1, 2, 3, 500])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_too_long_is_told_and_passed_over(over: int, end: bytes) -> None:
    longest = 40
    short = b'{"_id": "a", "text": "b"}\n'
    long = b'{"_id": "c", "text": "d"}'.ljust(longest + over) + end
    last = b'{"_id": "e", "text": "f"}' if end else b""
    found = places_of(short + long + last, longest)
    told = [p for p in found if isinstance(p, Skipped)]
    ids = [p.id for p in found if isinstance(p, Place)]
    assert [skipped.path for skipped in told] == (["x, line 2"] if over else [])
    assert ids == ["a", *([] if over else ["c"]), *(["e"] if end else [])]
    for place in found:
        if isinstance(place, Place):
            assert row((short + long + last)[place.start : place.start + place.size]).id == place.id


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ('{"text": "no id"}\n', f"not a BEIR corpus: line 1: {NOT_A_ROW}"),
        ("\nnot json\n" + corpus(ROWS[0]), f"not a BEIR corpus: line 2: {NOT_A_ROW}"),
    ],
)
def test_a_file_of_that_name_that_is_no_corpus(content: str, reason: str, tmp_path: Path) -> None:
    write_files(tmp_path / "x", {"corpus.jsonl": content})
    (skipped,) = scan(tmp_path / "x")
    assert isinstance(skipped, Skipped)
    assert (skipped.path, skipped.reason) == ("x/corpus.jsonl", reason)


def test_the_file_alone_is_no_root(folder: Path) -> None:
    (skipped,) = scan(folder / "corpus.jsonl")
    assert isinstance(skipped, Skipped) and "folder that it lies in" in skipped.mend


def test_a_row_and_a_file_may_not_have_one_path(folder: Path) -> None:
    write_files(folder, {"corpus.jsonl": corpus({"_id": "5.txt", "text": "A row."})})
    write_files(folder, {"corpus.jsonl#5.txt": "A file."})
    entries = list(scan(folder))
    assert [e.path for e in entries if isinstance(e, Found)] == ["news/corpus.jsonl#5.txt"]
    assert [e.path for e in entries if isinstance(e, Skipped)] == ["news/corpus.jsonl#5.txt"]
    assert len([e for e in entries if isinstance(e, Omitted)]) == 2


def test_a_corpus_that_cannot_be_read_just_now_keeps_its_rows(home: Path) -> None:
    with as_nobody() as base:
        folder = write_files(base / "news", {"corpus.jsonl": corpus(*ROWS), "a.txt": "A tower."})
        sync(folder, base / "home", WordEncoder())
        os.chmod(folder / "corpus.jsonl", 0)
        done = sync(folder, base / "home", WordEncoder())
        assert (len(done.unchanged), done.removed, done.documents) == (4, (), 4)
        assert [skipped.path for skipped in done.skipped] == ["news/corpus.jsonl"]


def test_a_row_that_changes_between_scan_and_reading(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from index.load import Loader

    sync(folder, home, WordEncoder())
    load: Callable[[Loader, Found], object] = Loader.load

    def meanwhile(self: Loader, found: Found) -> object:
        write_files(folder, {"corpus.jsonl": corpus({"_id": "z", "text": "Longer " * 9}, *ROWS)})
        return load(self, found)

    monkeypatch.setattr(Loader, "load", meanwhile)
    write_files(folder, {"corpus.jsonl": corpus(*ROWS, {"_id": "n", "text": "A new one."})})
    done: BuildReport = sync(folder, home, WordEncoder())
    assert [(s.path, s.passing) for s in done.skipped] == [("news/corpus.jsonl#n", True)]
    assert len(done.unchanged) == 3


def test_limits_of_characters_hold_for_a_row(folder: Path, home: Path) -> None:
    done = sync(folder, home, WordEncoder(), limits=Limits(max_chars=30))
    assert [s.path for s in done.skipped] == [
        "news/corpus.jsonl#dam/1", "news/corpus.jsonl#opera",
    ]  # fmt: skip
    again = sync(folder, home, WordEncoder())
    assert again.documents == 3


@pytest.mark.parametrize(
    ("path", "ident"),
    [
        ("a/corpus.jsonl#1#2", "1#2"), ("corpus.jsonl#x", "x"), ("a/my-corpus.jsonl#x", None),
        ("a/corpus.jsonl", None), ("a/b.txt", None),
    ],
)  # fmt: skip
def test_id_of(path: str, ident: str | None) -> None:
    assert id_of(path) == ident


def test_no_row() -> None:
    with pytest.raises(UnreadableError, match=NOT_A_ROW):
        row(b"\xff")


def test_eval_matches_the_ids_of_a_folder_indexed_as_it_is(
    folder: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["index", str(folder)], ["eval", str(folder), "--out", str(tmp_path / "run")]):
        capsys.readouterr()
        assert app([*command, "--home", str(home), "--json"], standalone_mode=False) in (0, None)
    figures = json.loads(capsys.readouterr().out)["retrieval"]["hybrid"]
    assert figures["nDCG@10"]["value"] == figures["R@100"]["value"] == 1.0
    found = {tuple(line.split()[::2][:2]) for line in _run(tmp_path).splitlines()}
    assert found >= {("q1", "dam/1"), ("q2", "opera")}
    assert {ident for _, ident in found} <= {"dam/1", "opera", "7"}


def _run(tmp_path: Path) -> str:
    return (tmp_path / "run" / "hybrid.trec").read_text("utf-8")
