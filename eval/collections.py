"""Collections for measuring retrieval: passages, questions, and which passages are relevant."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

WINDOW, STEP = 120, 100  # words of a passage of `chunking`, and from one start to the next


@dataclass(frozen=True, slots=True)
class Collection:
    """Passages, questions by id, and for each question the rows of the relevant passages."""

    name: str
    texts: list[str]
    questions: dict[str, str]
    relevant: dict[str, set[int]]

    def half(self, other: bool) -> Collection:
        """The same passages with the judged questions of one half."""
        ids = [q for q in self.questions if q in self.relevant and _odd(self.name + q) == other]
        return replace(
            self,
            questions={q: self.questions[q] for q in ids},
            relevant={q: self.relevant[q] for q in ids},
        )


def _odd(name: str) -> bool:
    return bool(hashlib.sha256(name.encode()).digest()[0] % 2)


def cranfield(folder: Path) -> Collection:
    """Abstracts on aerodynamics; judged on a scale, of which anything above 0 counts."""
    documents = (folder / "cran.all.1400.xml").read_text("utf-8")
    topics = re.findall(r"<title>(.*?)</title>", (folder / "cran.qry.xml").read_text("utf-8"), re.S)
    relevant: dict[str, set[int]] = {}
    for line in (folder / "cranqrel.trec.txt").read_text("utf-8").splitlines():
        topic, _, document, grade = line.split()
        if int(grade) > 0:
            relevant.setdefault(topic, set()).add(int(document) - 1)
    # The judgements count the topics in their order, whatever their <num>.
    questions = {str(place): topic.strip() for place, topic in enumerate(topics, 1)}
    texts = [text.strip() for text in re.findall(r"<text>(.*?)</text>", documents, re.S)]
    return Collection("cranfield", texts, questions, relevant)


def cisi(folder: Path) -> Collection:
    """Abstracts on library science, with questions a paragraph long."""

    def records(name: str) -> dict[str, str]:
        text = (folder / name).read_text("utf-8", errors="replace")
        return {
            record.split()[0]: "\n".join(
                re.findall(r"^\.[TW]\n(.*?)(?=^\.[A-Z]\n|\Z)", record, re.M | re.S)
            )
            for record in re.split(r"^\.I ", text, flags=re.M)[1:]
        }

    documents = records("CISI.ALL")
    rows = {document: row for row, document in enumerate(documents)}
    relevant: dict[str, set[int]] = {}
    for line in (folder / "CISI.REL").read_text("utf-8").splitlines():
        topic, document = line.split()[:2]
        relevant.setdefault(topic, set()).add(rows[document])
    return Collection("cisi", list(documents.values()), records("CISI.QRY"), relevant)


def npl(folder: Path) -> Collection:
    """Titles and short abstracts on electronics."""

    def records(name: str) -> dict[str, str]:
        parts = re.split(r"^\s*/\s*$", (folder / name).read_text("utf-8"), flags=re.M)
        pairs = [part.strip().partition("\n") for part in parts if part.strip()]
        return {number: body for number, _, body in pairs}

    documents = records("doc-text")
    rows = {document: row for row, document in enumerate(documents)}
    relevant = {t: {rows[d] for d in body.split()} for t, body in records("rlv-ass").items()}
    return Collection("npl", list(documents.values()), records("query-text"), relevant)


def hotpot_mini(folder: Path) -> Collection:
    """Wikipedia paragraphs under their titles; each question has two gold paragraphs."""

    def records(name: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]

    documents = records("corpus.jsonl")
    rows = {document["title"]: row for row, document in enumerate(documents)}
    questions, relevant = {}, {}
    for row in records("grpo_val.jsonl"):
        questions[row["id"]] = row["question"]
        paragraphs: list[Mapping[str, str]] = row["paragraphs"]  # type: ignore[assignment]
        relevant[row["id"]] = {rows[p["title"]] for p in paragraphs if p["is_gold"]}
    texts = [f"{document['title']}\n{document['text']}" for document in documents]
    return Collection("hotpot_mini", texts, questions, relevant)


def chunking(folder: Path) -> Collection:
    """Five long documents in windows of words; relevant is what overlaps a reference span."""
    texts: list[str] = []
    places: list[tuple[str, int, int]] = []
    for path in sorted((folder / "corpora").glob("*.md")):
        document = path.read_bytes().decode("utf-8")
        words = list(re.finditer(r"\S+", document))
        for first in range(0, max(1, len(words) - (WINDOW - STEP)), STEP):
            window = words[first : first + WINDOW]
            places.append((path.stem, window[0].start(), window[-1].end()))
            texts.append(document[window[0].start() : window[-1].end()])
    questions: dict[str, str] = {}
    relevant: dict[str, set[int]] = {}
    with (folder / "questions_df.csv").open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream)):
            spans = [(s["start_index"], s["end_index"]) for s in json.loads(row["references"])]
            questions[str(number)] = row["question"]
            relevant[str(number)] = {
                place
                for place, (name, start, end) in enumerate(places)
                if name == row["corpus_id"] and any(start < e and s < end for s, e in spans)
            }
    return Collection("chunking", texts, questions, relevant)


LOADERS = (hotpot_mini, chunking, cranfield, cisi, npl)


def unhyphened(collection: Collection) -> Collection:
    """The questions that hold a hyphenated word, with it written as one."""
    questions = {
        ident: re.sub(r"\b(\w+)-(\w+)\b", r"\1\2", question)
        for ident, question in collection.questions.items()
    }
    return _changed(collection, questions)


def misspelt(collection: Collection) -> Collection:
    """The questions with the names that their gold passages hold written as they may be heard.

    Each name gets two changes of vowels, doubled or kindred letters; questions without such a
    name are left out.
    """
    kindred = "ph:f q:k ck:k c:k ou:u oo:u ee:i ie:i y:i z:s a:e e:a i:e o:u u:o ss:s ll:l tt:t"
    changes = [tuple(change.split(":")) for change in f"{kindred} nn:n rr:r kh:h sh:ch".split()]
    questions = {}
    for ident, question in collection.questions.items():
        dice = random.Random(ident)
        gold = " ".join(collection.texts[row] for row in sorted(collection.relevant[ident]))
        for name in sorted(set(re.findall(r"(?<!^)\b[A-Z][a-z]{3,}\b", question))):
            other = name
            for _ in range(2):
                old, new = dice.choice([c for c in changes if c[0] in other[1:]] or [("", "")])
                other = other[0] + other[1:].replace(old, new, 1)
            if name in gold:
                question = re.sub(rf"\b{name}\b", other, question)
        questions[ident] = question
    return _changed(collection, questions)


def _changed(collection: Collection, questions: Mapping[str, str]) -> Collection:
    changed = {i: q for i, q in questions.items() if q != collection.questions[i]}
    relevant = {ident: collection.relevant[ident] for ident in changed}
    return replace(collection, questions=changed, relevant=relevant)
