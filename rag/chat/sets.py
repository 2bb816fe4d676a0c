"""Question sets that the page offers: received into ``home/sets``, and those of a checkout.

A set is known by the name of its file; what a browser names is looked up, never joined to a path.
"""

from __future__ import annotations

import secrets
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import eval
from eval.sets import Example, read_set
from index.errors import QuestionError
from index.home import make_home
from rag.chat.library import Library
from rag.chat.uploads import harmless

ENDINGS = (".jsonl", ".csv", ".json")
MOST_BYTES = 20_000_000
MOST_SETS = 100
COMPLAINTS = 20
"""Rows that cannot be used of which is told why."""
SHIPPED = Path(eval.__file__).parent / "questions"
"""About the demo corpus; a wheel has none."""


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A set as it is offered.

    Attributes:
        name: of its file.
        questions: how many can be asked; `answerable` of them have an answer.
        left_out: rows that cannot be used; a sentence for each of the first is in `complaints`.
        own: whether it was received, and can be deleted here.
        trouble: why none of it can be used, or "".
    """

    name: str
    questions: int = 0
    answerable: int = 0
    left_out: int = 0
    complaints: tuple[str, ...] = ()
    own: bool = True
    trouble: str = ""


class Sets:
    """The question sets of a home. Safe to share between threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._known: dict[Path, tuple[tuple[int, int], QuestionSet]] = {}

    @property
    def folder(self) -> Path:
        """Where those that were received lie."""
        return self._library.home / "sets"

    def files(self, collection: str) -> dict[str, Path]:
        """Name → file of the sets offered for a collection; one's own before a shipped one."""
        found = {}
        if self._library.is_demo(collection):
            found = {file.name: file for file in sorted(SHIPPED.glob("*.jsonl"))}
        return found | self._own()

    def offered(self, collection: str) -> list[QuestionSet]:
        """The sets offered for a collection, as they are."""
        return [self._told(file) for file in self.files(collection).values()]

    def file(self, collection: str, name: str) -> Path:
        """The file of a set that is offered. QuestionError for any other name."""
        files = self.files(collection)
        if name not in files:
            raise QuestionError(
                "No such question set", where=ascii(name)[:200], mend="Choose one of the list."
            )
        return files[name]

    def place(self, name: str, size: int) -> Path:
        """Where a set of that name and size may be written, in a folder of its own; then `keep` it.

        Raises:
            HomeError: the folder cannot be made.
            QuestionError: it is of no type that is read, too large, or one too many.
        """
        name = unicodedata.normalize("NFC", name)
        if "/" in name or not harmless(name) or len(name.encode()) > 200:
            raise QuestionError("Not a name for a file", where=ascii(name)[:200])
        if Path(name).suffix.lower() not in ENDINGS:
            mend = f"A question set is one of {' '.join(ENDINGS)}."
            raise QuestionError("Not a question set, by its name", where=name, mend=mend)
        if size > MOST_BYTES:
            raise QuestionError(
                f"The question set is larger than {MOST_BYTES // 10**6} MB", where=name,
                mend="Ask it from the command line: spanwise eval FILE",
            )  # fmt: skip
        own = self._own()
        if name not in own and len(own) >= MOST_SETS:
            mend = "Delete one that is no longer needed."
            raise QuestionError(f"There are {MOST_SETS} question sets already", mend=mend)
        make_home(self._library.home)
        target = self.folder / f".{secrets.token_hex(8)}" / name
        target.parent.mkdir(mode=0o700, parents=True)
        return target

    def keep(self, received: Path) -> QuestionSet:
        """Take up what was received at a `place`, in place of a set of the same name.

        Raises:
            QuestionError: no row of it can be used; nothing is kept.
        """
        _read(received)
        return self._told(received.replace(self.folder / received.name))

    def forget(self, received: Path) -> None:
        """Clear away what is left at a `place`."""
        shutil.rmtree(received.parent, ignore_errors=True)

    def delete(self, name: str) -> None:
        """Delete a set that was received. QuestionError for any other name."""
        own = self._own()
        if name not in own:
            raise QuestionError("No such question set of yours", where=ascii(name)[:200])
        own[name].unlink(missing_ok=True)

    def _own(self) -> dict[str, Path]:
        files = sorted(self.folder.glob("*")) if self.folder.is_dir() else []
        return {file.name: file for file in files if _is_set(file)}

    def _told(self, file: Path) -> QuestionSet:
        """The set in a file; read anew when the file is another one."""
        stat = file.stat()
        stamp = stat.st_mtime_ns, stat.st_size
        known, told = self._known.get(file, (None, QuestionSet("")))
        if known != stamp:
            told = self._look(file)
            self._known[file] = stamp, told
        return told

    def _look(self, file: Path) -> QuestionSet:
        own = file.parent == self.folder
        try:
            examples, complaints = _read(file)
        except QuestionError as error:
            return QuestionSet(file.name, own=own, trouble=str(error))
        return QuestionSet(
            name=file.name,
            questions=len(examples),
            answerable=sum(bool(example.golds) for example in examples),
            left_out=len(complaints),
            complaints=tuple(complaints[:COMPLAINTS]),
            own=own,
        )


def _is_set(file: Path) -> bool:
    return file.suffix.lower() in ENDINGS and file.name[0] != "." and file.is_file()


def _read(file: Path) -> tuple[list[Example], list[str]]:
    """As `eval.sets.read_set`; its error names the set, not where it lies."""
    try:
        return read_set(file)
    except QuestionError as error:
        raise QuestionError(error.what, where=file.name, mend=error.mend) from error
