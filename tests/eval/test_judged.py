from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import write_files

from eval import as_beir
from eval.collections import Collection
from eval.corpora import make_corpus
from eval.judged import Topic, document_at, file_name, read_beir, read_trec, sources
from eval.searching import _behind
from eval.sets import Example, Gold, read_set
from index.errors import QuestionError
from index.types import Ranking
from rag.cli import app

DOCUMENTS = {
    "dam/1": ("The dam", "The dam of Hajin was built in 1931 of mud and stone."),
    "opera": ("", "The opera house burnt down. Nobody was hurt in the fire."),
    "school": ("Schools", "The school by the river has forty pupils and a teacher."),
}


def beir(folder: Path) -> Path:
    corpus = [
        json.dumps({"_id": ident, "title": title, "text": text})
        for ident, (title, text) in DOCUMENTS.items()
    ]
    queries = [
        {"_id": "1", "text": "When was the dam built?"},
        {"_id": "2", "text": "Who was hurt in the fire?"},
        {"_id": "3", "text": "How many pupils are there?"},
        {"_id": "4"},
    ]
    qrels = "query-id\tcorpus-id\tscore\n1\tdam/1\t2\n1\tschool\t0\n2\topera\t1\n9\tdam/1\t1\nx\n"
    return write_files(folder, {
        "corpus.jsonl": "\n".join([*corpus, "{}", "oh"]),
        "queries.jsonl": "\n".join(map(json.dumps, queries)),
        "qrels/test.tsv": qrels, "qrels/dev.tsv": "",
    })  # fmt: skip


def test_beir(tmp_path: Path) -> None:
    topics, complaints = read_beir(beir(tmp_path))
    assert topics == [
        Topic("1", "When was the dam built?", {"dam/1": 2, "school": 0}),
        Topic("2", "Who was hurt in the fire?", {"opera": 1}),
    ]
    assert complaints == [
        "queries.jsonl, line 4: no JSON object with _id and text",
        "test.tsv, line 6: not a topic, a document and a grade",
        f"{tmp_path.name}: 1 judged topics have no question, '9' first",
    ]
    read = list(sources(tmp_path))
    assert [s if isinstance(s, str) else s.id for s in read] == [
        "dam/1", "opera", "school",
        "corpus.jsonl, line 4: no JSON object with _id and text",
        "corpus.jsonl, line 5: no JSON object with _id and text",
    ]  # fmt: skip
    (tmp_path / "qrels" / "test.tsv").unlink()
    with pytest.raises(QuestionError, match="No topic has a relevant document"):
        read_beir(tmp_path)


SGML = """
<top>
<num> Number: 301
<title> International
 Organized Crime

<desc> Description:
Identify organizations.
</top>
<top><num>302</num><title>Topic: Polio</title></top>
<top><num> 303 </top>
"""


def test_trec(tmp_path: Path) -> None:
    write_files(tmp_path, {
        "topics": SGML, "lines.tsv": "301\tOrganized crime\r\n302\tPolio\n\noh\n",
        "qrels": "301 0 FT911-3 1\n302 0 FT922-1 0\n302 Q0 LA01 2\n304 0 x 1\n301 FT911-3\n",
    })  # fmt: skip
    topics, complaints = read_trec(tmp_path / "topics", tmp_path / "qrels")
    assert topics == [
        Topic("301", "International Organized Crime", {"FT911-3": 1}),
        Topic("302", "Polio", {"FT922-1": 0, "LA01": 2}),
    ]
    assert complaints == [
        "topics, topic 3: no <num>, or no <title>",
        "qrels, line 5: not a topic, a document and a grade",
        "topics: 1 judged topics have no question, '304' first",
    ]
    topics, complaints = read_trec(tmp_path / "lines.tsv", tmp_path / "qrels")
    assert [topic.question for topic in topics] == ["Organized crime", "Polio"]
    assert complaints[0] == "lines.tsv, line 4: not a number, a tab and the words"
    with pytest.raises(QuestionError, match="cannot be read"):
        read_trec(tmp_path / "topics", tmp_path / "nowhere")


def test_documents_go_by_their_files_names() -> None:
    known = {"FT911-3", "a/b c", "x.v2", "y.txt", "docs/z.txt"}
    assert document_at("docs/FT911-3.txt", known) == "FT911-3"
    assert document_at(f"docs/{file_name('a/b c')}", known) == "a/b c"
    assert document_at("docs/x.v2.md", known) == "x.v2"
    assert document_at("docs/deep/y.txt", known) == "y.txt"
    assert document_at("docs/z.txt", known) == "docs/z.txt"
    assert document_at("docs/other.pdf", known) == "other"


def test_a_corpus_of_passages(tmp_path: Path) -> None:
    examples = [
        Example("1", "?", (Gold("b", None, 1, 2), Gold("x")), ("t",), "abc", title="A/B"),
        Example("2", "?", (), (), "def", "talk", title="a_b"),
        Example("3", "?", (Gold("e", None, 1, 2),), (), "def"),
        Example("4", "?", (), (), "ghi", title="A/B"),
    ]
    laid = make_corpus(examples, tmp_path / "docs")
    files = {f.name: f.read_text("utf-8") for f in (tmp_path / "docs").iterdir()}
    assert files["A_B.txt"] == "A/B\n\nabc\n\nghi\n"
    assert files["a_b-2.txt"] == "a b\n\ndef\n"
    assert len(files) == 3
    by_id = {example.id: example for example in laid}
    assert by_id["1"].golds == (Gold("b", "docs/A_B.txt", 6, 7), Gold("x", "docs/A_B.txt"))
    assert by_id["2"].conversation == "talk" and by_id["2"].context is None
    gold = by_id["3"].golds[0]
    text = (tmp_path / str(gold.document)).read_text("utf-8")
    assert text[gold.start : gold.end] == "e"
    with pytest.raises(QuestionError, match="without a passage"):
        make_corpus([Example("5", "?", ())], tmp_path / "more")


@pytest.fixture
def spanwise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(*arguments: str) -> Any:
        command = [*arguments, "--home", str(tmp_path / "home"), "--json"]
        assert app(command, standalone_mode=False) in (0, None)
        return json.loads(capsys.readouterr().out)

    return run


def test_a_beir_collection_from_its_files_to_its_figures(
    tmp_path: Path, spanwise: Callable[..., Any]
) -> None:
    folder, docs = str(beir(tmp_path / "beir")), str(tmp_path / "docs")
    with pytest.raises(QuestionError, match="line 4.*and 2 more.*--strict"):
        spanwise("eval", folder, "--strict")
    laid = spanwise("eval", folder, "--make-corpus", docs)
    assert laid["documents"] == 3 and laid["questions"] == folder
    with pytest.raises(QuestionError, match="Not an empty folder"):
        spanwise("eval", folder, "--make-corpus", docs)
    spanwise("index", docs)
    found = spanwise("eval", folder, "--out", str(tmp_path / "run"))
    assert found["kind"] == "searched" and found["questions"] == 2
    assert set(found["retrieval"]) == {"lexical", "dense", "hybrid"}
    for channel in ("lexical", "dense", "hybrid"):
        assert found["retrieval"][channel]["nDCG@10"]["value"] == 1.0
        assert found["retrieval"][channel]["R@100"]["n"] == 2
    assert (tmp_path / "run" / "qrels.trec").read_text() == (
        "1 0 dam/1 2\n1 0 school 0\n2 0 opera 1\n"
    )
    # the same by TREC's files
    write_files(tmp_path, {"topics.tsv": "1\tWhen was the dam built?\n", "qrels": "1 0 dam/1 1\n"})
    topics, qrels = str(tmp_path / "topics.tsv"), str(tmp_path / "qrels")
    found = spanwise("eval", topics, "--qrels", qrels)
    assert found["retrieval"]["hybrid"]["RR"] == {"value": 1.0, "n": 1, "interval": [1.0, 1.0]}
    assert Path(found["run"]).parent == tmp_path / "home" / "runs"


def test_a_set_with_passages_laid_out(tmp_path: Path, spanwise: Callable[..., Any]) -> None:
    row = {"id": "1", "title": "Dam", "context": "It was built in 1931.", "question": "When?",
           "answers": {"text": ["1931"], "answer_start": [16]}}  # fmt: skip
    write_files(tmp_path, {"set.jsonl": json.dumps(row)})
    folder = tmp_path / "new" / "docs"
    made = spanwise("eval", str(tmp_path / "set.jsonl"), "--make-corpus", str(folder))
    (example,), _ = read_set(Path(made["questions"]))
    assert example.golds == (Gold("1931", "docs/Dam.txt", 21, 25),)


def test_our_collections_as_beir(tmp_path: Path) -> None:
    collection = Collection(
        "tiny", ["a dam", "an “opera”\n", "a school"],
        {"1": "which dam", "2": "what", "3": "unjudged"}, {"1": {0, 2}, "2": {1}, "4": {1}},
    )  # fmt: skip
    as_beir.write(collection, tmp_path)
    topics, complaints = read_beir(tmp_path)
    assert complaints == []
    assert topics == [
        Topic("1", "which dam", {"000000": 1, "000002": 1}),
        Topic("2", "what", {"000001": 1}),
    ]
    texts = [source.text for source in sources(tmp_path) if not isinstance(source, str)]
    assert texts == collection.texts


def test_no_file_is_written_over_by_a_corpus(tmp_path: Path, spanwise: Callable[..., Any]) -> None:
    row = {"id": "1", "title": ".NET", "context": "It broke.", "question": "What?", "answers": []}
    file = write_files(tmp_path, {"squad.jsonl": json.dumps(row)}) / "squad.jsonl"
    with pytest.raises(QuestionError, match="written over a file"):
        spanwise("eval", str(file), "--make-corpus", str(tmp_path / "squad"))
    assert json.loads(file.read_text()) == row
    with pytest.raises(QuestionError, match="Not an empty folder"):
        spanwise("eval", str(file), "--make-corpus", str(file))
    file.write_text(json.dumps(row) + "\n{}\n")
    with pytest.raises(QuestionError, match="--strict"):
        spanwise("eval", str(file), "--strict", "--make-corpus", str(tmp_path / "docs"))
    assert not (tmp_path / "docs").exists()
    spanwise("eval", str(file), "--make-corpus", str(tmp_path / "docs"))
    assert [f.name for f in (tmp_path / "docs").iterdir()] == ["NET.txt"]


def test_a_long_document_leaves_room_for_the_others(
    tmp_path: Path, spanwise: Callable[..., Any]
) -> None:
    long = "\n\n".join(f"{n}. The dam of Hajin broke. " * 30 for n in range(120))
    write_files(tmp_path / "docs", {"long.txt": long, "short.txt": "Somewhere a dam stands."})
    write_files(tmp_path, {"topics.tsv": "1\tThe dam of Hajin\n", "qrels": "1 0 short 1\n"})
    assert spanwise("index", str(tmp_path / "docs"))["passages"] > 110
    topics, qrels = str(tmp_path / "topics.tsv"), str(tmp_path / "qrels")
    found = spanwise("eval", topics, "--qrels", qrels)["retrieval"]
    assert found["dense"]["R@100"]["value"] == found["lexical"]["R@100"]["value"] == 1.0


def test_what_only_a_deeper_search_finds_stands_behind() -> None:
    first: Ranking = [("b", 0.8), ("a", 0.6)]
    assert _behind(first, [("a", 0.9), ("b", 0.8), ("c", 0.1)]) == [*first, ("c", 0.1)]
    many: Ranking = [(str(n), 1 / (n + 1)) for n in range(300)]
    assert _behind(many[:100], many) == many[:100]


def test_an_id_taken_twice_and_half_a_character_are_told(tmp_path: Path) -> None:
    qrels = "1 0 d1 1\n"
    write_files(tmp_path, {"topics.tsv": "1\tWho?\n1\tWhat?\n", "qrels.txt": qrels})
    topics, complaints = read_trec(tmp_path / "topics.tsv", tmp_path / "qrels.txt")
    assert [topic.question for topic in topics] == ["Who?"]
    assert complaints == ["topics.tsv: the id '1' is taken by an earlier topic"]
    queries = '{"_id": "1", "text": "Who?"}\n{"_id": "2", "text": "Who \\ud83d is?"}\n'
    beir = {"qrels/test.tsv": "1\td1\t1\n2\td1\t1\n", "queries.jsonl": queries}
    write_files(tmp_path, beir)
    topics, complaints = read_beir(tmp_path)
    assert [topic.id for topic in topics] == ["1"]
    assert complaints[0] == "queries.jsonl, line 2: it holds half a character (a lone surrogate)"
