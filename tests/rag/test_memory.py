from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from index.errors import BusyError, HomeError, QuestionError
from rag import database as module
from rag.memory import FILE, LONGEST_TITLE, Memory, Selected
from rag.types import Turn

PASSAGE = "Khawla, who *heads* the <b>council</b>, said ![x](http://x/y.png) so."


def answer(question: str = "Who heads it?", text: str | None = "Khawla") -> dict[str, Any]:
    citation = {
        "document_id": "d1", "path": "seeds/a_b.txt", "title": "A [title]", "date": "2017-08-05",
        "page": 2, "start": 100, "end": 106, "quote": "Khawla", "sentence_start": 100,
        "sentence_end": 100 + len(PASSAGE), "passage_id": "p1",
    }  # fmt: skip
    return {
        "schema": 1,
        "question": question,
        "asked_as": "Who heads the council?",
        "carried": ["the council"],
        "collection": "seeds",
        "generation": 3,
        "answer": text,
        "confidence": 0.934,
        "reason": "" if text else "below_threshold",
        "citations": [citation] if text else [],
        "others": [{"answer": "Dillon", "confidence": 0.2, "citations": []}],
        "hits": [{"rank": 1, "passage_id": "p1", "start": 100, "text": PASSAGE}],
        "elapsed_ms": 12,
    }


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory.open(tmp_path / "home") as opened:
        yield opened


def test_a_conversation_comes_back_after_a_restart(tmp_path: Path) -> None:
    said = answer("Wer heißt \udcff?\0\n")
    with Memory.open(tmp_path) as memory:
        ident = memory.create("seeds", "  The\ncouncil ")
        first = memory.add(ident, said)
        memory.add(ident, answer(text=None))
        memory.feedback(first, "wrong")
        memory.feedback(first, "right", "just so")
    with Memory.open(tmp_path) as memory:
        (conversation,) = memory.conversations()
        assert (conversation.id, conversation.title) == (ident, "The council")
        assert (conversation.collection, conversation.count) == ("seeds", 2)
        assert conversation.created <= conversation.updated
        assert conversation.created.endswith("+00:00")
        one, two = memory.messages(ident)
        assert (one.id, one.conversation_id, one.answer) == (first, ident, said)
        assert (one.verdict, one.note, two.verdict) == ("right", "just so", "")
        assert memory.turns(ident) == [
            Turn("Who heads the council?", "Khawla"),
            Turn("Who heads the council?", None),
        ]


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    Memory.open(tmp_path / "home").close()
    file = tmp_path / "home" / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    Memory.open(tmp_path / "home").close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_newest_first_and_found_by_words(memory: Memory) -> None:
    older, newer = memory.create("seeds", "Évian"), memory.create("notes", "The dam_1%")
    assert [c.id for c in memory.conversations()] == [newer, older]
    memory.add(older, answer("Où est Raqqa?"))
    assert [c.id for c in memory.conversations()] == [older, newer]
    for search, found in {
        "": [older, newer],
        "evian": [older],
        "RAQQA khaw": [older],  # a question's word and part of an answer
        "ou": [older],
        "dam raqqa": [],
        "m_1": [newer],
        "%": [older, newer],  # no word at all
        "'": [],
    }.items():
        assert [c.id for c in memory.conversations(search)] == found, search


def test_renamed_and_deleted(memory: Memory) -> None:
    ident, other = memory.create("seeds", "one"), memory.create("seeds", "two")
    message = memory.add(ident, answer("Where is the Xyzzyx?"))
    memory.feedback(message, "right")
    memory.rename(ident, "x" * 1_000)
    assert [len(c.title) for c in memory.conversations("xxx")] == [LONGEST_TITLE]
    memory.delete(ident)
    assert [c.id for c in memory.conversations()] == [other]
    assert memory._database.all("SELECT count(*) FROM messages", ()) == [(0,)]
    assert memory._database.all("SELECT count(*) FROM feedback", ()) == [(0,)]
    assert b"yzzy" not in memory._database.file.read_bytes()  # wiped, not only unlinked
    assert memory.create("seeds", "three") > other


def test_what_is_no_longer_there_is_told(memory: Memory) -> None:
    for call in (
        lambda: memory.messages(7),
        lambda: memory.turns(7),
        lambda: memory.rename(7, "x"),
        lambda: memory.delete(7),
        lambda: memory.add(7, answer()),
        lambda: memory.feedback(7, "right"),
        lambda: memory.export_json(7),
        lambda: memory.export_markdown(7),
    ):
        with pytest.raises(HomeError, match="no longer there"):
            call()  # type: ignore[no-untyped-call]
    with pytest.raises(QuestionError, match="title is empty"):
        memory.create("seeds", " \n")
    ident = memory.create("seeds", "x")
    with pytest.raises(ValueError, match="verdict"):
        memory.feedback(memory.add(ident, answer()), "fine")  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [2**63, -(2**64), 10**22])
def test_a_number_beyond_sqlites_own_is_in_no_row(memory: Memory, number: int) -> None:
    for deed in (
        lambda: memory.messages(number),
        lambda: memory.message(number),
        lambda: memory.rename(number, "x"),
        lambda: memory.delete(number),
        lambda: memory.feedback(number, "right"),
        lambda: memory.unselect(number, "x", 0, 1),
        lambda: memory.export_json(number),
    ):
        with pytest.raises(HomeError, match="no such conversation or message"):
            deed()
    assert memory.conversations() == []


def test_exported_as_json(memory: Memory) -> None:
    ident = memory.create("seeds", "The council")
    memory.feedback(memory.add(ident, answer()), "wrong", "no")
    told = memory.export_json(ident)
    assert json.loads(json.dumps(told)) == told
    assert (told["schema"], told["title"], told["collection"]) == (1, "The council", "seeds")
    (message,) = told["messages"]
    assert (message["answer"], message["verdict"], message["note"]) == (answer(), "wrong", "no")


def test_exported_as_markdown_in_which_nothing_is_markup(memory: Memory) -> None:
    ident = memory.create("seeds", "# <i>The</i> council")
    memory.feedback(memory.add(ident, answer("1. it?")), "right", "yes *")
    memory.add(ident, answer("and then", text=None))
    day = memory.conversations()[0].created[:10]
    assert memory.export_markdown(ident).split("\n\n") == [
        r"# \# \<i\>The\</i\> council",
        f"Collection seeds, {day}",
        r"## 1\. it?",
        "Asked as: Who heads the council?",
        "**Khawla** (confidence 93%)",
        r"> **Khawla**, who \*heads\* the \<b\>council\</b\>, said \!\[x\](http://x/y.png) so.",
        r"A \[title\], 2017-08-05, seeds/a\_b.txt, page 2, characters 100 to 106",
        "Also: Dillon",
        r"Judged right. yes \*",
        "## and then",
        "Asked as: Who heads the council?",
        "Not found.\n",
    ]


def test_threads_share_it(memory: Memory) -> None:
    ident = memory.create("seeds", "x")
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda n: memory.add(ident, answer(f"{n}?")), range(40)))
    assert sorted(m.id for m in memory.messages(ident)) == sorted(added)
    assert {m.answer["question"] for m in memory.messages(ident)} == {f"{n}?" for n in range(40)}


def write(home: Path, name: str) -> None:
    with Memory.open(home) as memory:
        ident = memory.create("seeds", name)
        for n in range(10):
            memory.add(ident, answer(f"{n}?"))


def test_processes_share_it(tmp_path: Path) -> None:
    """They make the file at the same time, too."""
    context = multiprocessing.get_context("spawn")
    working = [context.Process(target=write, args=(tmp_path, f"p{n}")) for n in range(3)]
    for process in working:
        process.start()
    for process in working:
        process.join()
        assert process.exitcode == 0
    with Memory.open(tmp_path) as memory:
        assert sorted((c.title, c.count) for c in memory.conversations()) == [
            ("p0", 10), ("p1", 10), ("p2", 10),
        ]  # fmt: skip


def test_a_file_that_cannot_be_used_is_left_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "kept")
    file = tmp_path / FILE
    whole = file.read_bytes()
    for damage, said in {
        b"not a database at all" * 99: "damaged.*Move it aside",
        whole[:100] + b"\xff" * 400 + whole[500:]: "damaged.*Move it aside",
        whole[: len(whole) // 2]: "damaged.*Move it aside",
    }.items():
        file.write_bytes(damage)
        with pytest.raises(HomeError, match=said):
            Memory.open(tmp_path)
        assert file.read_bytes() == damage
    file.write_bytes(whole)
    with Memory.open(tmp_path) as memory:
        assert memory.conversations()[0].count == 10


def changed(file: Path, sql: str) -> bytes:
    db = sqlite3.connect(file, isolation_level=None)
    db.executescript(sql)
    db.close()
    return file.read_bytes()


def test_a_newer_file_and_a_strange_one_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "kept")
    newer = changed(tmp_path / FILE, "PRAGMA user_version = 99")
    with pytest.raises(HomeError, match="newer Spanwise.*Update Spanwise"):
        Memory.open(tmp_path)
    assert (tmp_path / FILE).read_bytes() == newer
    (tmp_path / "other").mkdir()
    strange = changed(tmp_path / "other" / FILE, "CREATE TABLE notes (text)")
    with pytest.raises(HomeError, match="Not the conversations of Spanwise"):
        Memory.open(tmp_path / "other")
    assert (tmp_path / "other" / FILE).read_bytes() == strange


def test_an_older_file_is_migrated_in_one_step_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "kept")
    add = "ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0"
    monkeypatch.setattr(module, "_MIGRATIONS", (*module._MIGRATIONS, f"{add}; NO SUCH STATEMENT"))
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(HomeError, match="syntax"):
        Memory.open(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before
    monkeypatch.setattr(module, "_MIGRATIONS", (*module._MIGRATIONS[:-1], add))
    for _ in range(2):
        with Memory.open(tmp_path) as memory:
            assert memory.conversations()[0].count == 10
            assert memory._database.all("SELECT pinned FROM conversations", ()) == [(0,)]


def test_a_busy_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAIT_S", 0.05)
    with Memory.open(tmp_path) as memory:
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BusyError, match="Another process"):
            memory.create("seeds", "x")
        other.execute("ROLLBACK")
        other.close()
        assert memory.create("seeds", "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(HomeError, match="name another"):
        Memory.open(tmp_path)
    tmp_path.chmod(0o700)


def test_judged_and_taken_back(memory: Memory) -> None:
    ident = memory.create("seeds", "x")
    first, second = memory.add(ident, answer()), memory.add(ident, answer())
    other = memory.add(memory.create("notes", "y"), answer())
    assert memory.judged("seeds") == []
    span = Selected("seeds/a_b.txt", 100, 106, "Khawla")
    memory.feedback(first, "incomplete")
    memory.select(second, span)
    memory.select(second, Selected("seeds/a_b.txt", 3, 5, "so"))
    memory.select(second, span)  # once more: it is there once
    memory.feedback(other, "right")
    assert [(m.id, m.verdict, len(m.selected)) for m in memory.judged("seeds")] == [
        (first, "incomplete", 0), (second, "", 2),
    ]  # fmt: skip
    assert memory.message(second).selected[-1] == span
    memory.unselect(second, "seeds/a_b.txt", 3, 5)
    memory.feedback(first, "")
    assert [m.id for m in memory.judged("seeds")] == [second]
    memory.delete(ident)
    assert memory._database.all("SELECT count(*) FROM golds") == [(0,)]
    with pytest.raises(HomeError, match="message is no longer there"):
        memory.select(second, span)


def test_what_is_absent_has_no_span_and_what_has_one_is_not_absent(memory: Memory) -> None:
    message = memory.add(memory.create("seeds", "x"), answer())
    span = Selected("seeds/a_b.txt", 100, 106, "Khawla")
    memory.select(message, span)
    memory.feedback(message, "absent")
    assert memory.message(message).selected == ()
    memory.select(message, span)
    assert memory.message(message).verdict == "wrong"


def test_judgements_are_exported(memory: Memory) -> None:
    ident = memory.create("seeds", "x")
    memory.feedback(memory.add(ident, answer()), "absent")
    memory.select(memory.add(ident, answer()), Selected("seeds/a_b.txt", 100, 106, "*Khawla*"))
    one, two = memory.export_json(ident)["messages"]
    assert (one["verdict"], one["selected"]) == ("absent", [])
    assert two["selected"] == [
        {"path": "seeds/a_b.txt", "start": 100, "end": 106, "text": "*Khawla*"}
    ]
    said = memory.export_markdown(ident)
    assert "Judged: not in these documents." in said
    assert r"Selected as the answer: **\*Khawla\*** (seeds/a\_b.txt, characters 100 to" in said


def test_the_first_files_verdicts_are_brought_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of version 1: good, bad, and bad with the note "incomplete"."""
    with monkeypatch.context() as old:
        old.setattr(module, "_MIGRATIONS", module._MIGRATIONS[:1])
        database = module.Database(tmp_path / FILE)
    with database.writing() as db:
        db.execute("INSERT INTO conversations VALUES (1, 'x', 'seeds', '', '', '')")
        for n, (verdict, note) in enumerate(
            [("good", "yes"), ("bad", ""), ("bad", "incomplete"), ("good", "incomplete")], 1
        ):
            db.execute("INSERT INTO messages VALUES (?, 1, '', ?, '')", (n, json.dumps(answer())))
            db.execute("INSERT INTO feedback VALUES (?, ?, ?, '')", (n, verdict, note))
    database.close()
    with Memory.open(tmp_path) as memory:
        assert [(m.verdict, m.note) for m in memory.messages(1)] == [
            ("right", "yes"), ("wrong", ""), ("incomplete", ""), ("right", "incomplete"),
        ]  # fmt: skip
