"""What is asked for on the command line, as a job and its questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from eval import corpora, judged, sets
from eval.reading import ReadingAlone
from eval.records import Job
from eval.run import Asking
from eval.searching import Searching, examples_of
from eval.sets import Example
from index.errors import QuestionError
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Task:
    """A job, its questions, and a sentence for every line that could not be used."""

    job: Job
    examples: list[Example]
    complaints: list[str]


def task(
    questions: Path, settings: Settings, gold_passage: bool = False, qrels: Path | None = None
) -> Task:
    """The job for a set: a BEIR folder or topics with qrels are searched, others asked or read.

    Raises:
        QuestionError: the set cannot be read.
    """
    if questions.is_dir() or qrels is not None:
        if gold_passage:
            raise QuestionError(
                "Judged documents are searched, not read", where=questions,
                mend="Leave out --gold-passage.",
            )  # fmt: skip
        topics, complaints = (
            judged.read_trec(questions, qrels) if qrels else judged.read_beir(_beir(questions))
        )
        grades = {topic.id: topic.grades for topic in topics}
        return Task(Searching(settings, grades), examples_of(topics), complaints)
    examples, complaints = sets.read_set(questions)
    job: Job = ReadingAlone(settings.reader) if gold_passage else Asking(settings)
    return Task(job, examples, complaints)


def make_corpus(
    questions: Path, folder: Path, complain: Callable[[Sequence[str]], None]
) -> tuple[int, Path]:
    """Write the documents of a set into a new folder; how many, and what to ask of them.

    What to ask is the BEIR folder itself, else a question set written beside the new folder.

    Args:
        questions: the set.
        folder: does not exist, or is empty.
        complain: told of every line that cannot be used, before anything is written.

    Raises:
        QuestionError: there is something in the way already, or the set brings no documents.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise QuestionError("Not an empty folder", where=folder, mend="Name a new one.")
    if questions.is_dir():
        beir = _beir(questions)
        complain([source for source in judged.sources(beir) if isinstance(source, str)])
        return corpora.make_beir_corpus(judged.sources(beir), folder), questions
    file = folder.with_name(folder.name + ".jsonl")
    if file.exists():
        raise QuestionError(
            "The questions would be written over a file that is there", where=file,
            mend="Name another folder.",
        )  # fmt: skip
    examples, complaints = sets.read_set(questions)
    complain(complaints)
    sets.write_set(file, corpora.make_corpus(examples, folder))
    return len(list(folder.iterdir())), file


def new_folder(settings: Settings, questions: Path) -> Path:
    """Where a run is kept that was given no folder: in the home."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return settings.home / "runs" / f"{questions.name.partition('.')[0]}-{stamp}"


def _beir(folder: Path) -> Path:
    if not judged.is_beir(folder):
        raise QuestionError(
            "No question set in this folder", where=folder,
            mend="Name a file, or a BEIR folder (corpus.jsonl, queries.jsonl, qrels/).",
        )  # fmt: skip
    return folder
