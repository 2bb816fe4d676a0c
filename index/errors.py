"""The one family of exceptions. Each says what is wrong, where, and the mend.

>>> str(FolderError("No such folder", where="/tmp/x", mend="Check the path."))
'No such folder: /tmp/x. Check the path.'
"""

from __future__ import annotations


class SpanwiseError(Exception):
    """Base of every error that Spanwise raises on purpose.

    Args:
        what: what is wrong, as a sentence without its full stop.
        where: the file, folder or value concerned, if there is one.
        mend: what the user can do about it, as whole sentences.
    """

    def __init__(self, what: str, *, where: object = None, mend: str = "") -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.mend = mend
        place = "" if self.where is None else f": {self.where}"
        super().__init__(f"{what}{place}. {mend}".rstrip())


class FolderError(SpanwiseError):
    """The folder to index is missing, unreadable, or holds nothing to index."""


class HomeError(SpanwiseError):
    """The home folder cannot be made, read or written."""


class CollectionError(SpanwiseError):
    """The collection is unknown, ambiguous, badly named or not indexed yet."""


class IndexMismatchError(SpanwiseError):
    """The index was written by another schema, encoder, tokeniser or chunk policy."""


class CorruptIndexError(SpanwiseError):
    """A file of the index is missing or is not the file that was published."""


class BusyError(SpanwiseError):
    """Another process is writing this collection."""


class ModelError(SpanwiseError):
    """A model cannot be loaded, or is not the one that was asked for."""


class SettingsError(SpanwiseError):
    """A setting, flag or environment variable has no sense."""


class QuestionError(SpanwiseError):
    """A question or a row of a question set cannot be used."""


class ExportError(SpanwiseError):
    """A file for other programs cannot be written."""


class MissingExtraError(SpanwiseError):
    """An optional part is not installed.

    >>> str(MissingExtraError("pyarrow", "parquet"))
    'pyarrow is not installed. From the checkout: pip install ".[parquet]"'

    Args:
        library: what cannot be imported.
        extra: the extra of Spanwise that brings it.
    """

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(
            f"{library} is not installed", mend=f'From the checkout: pip install ".[{extra}]"'
        )
