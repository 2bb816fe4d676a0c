"""HTML of a collection's documents: what is indexed, what was skipped and why, what goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from index.scan import ENDINGS
from index.store import Entry
from rag.chat.marks import day, deed, plural
from rag.chat.uploads import MOST_FILE_BYTES, MOST_FILES, Job

ROWS = 500
"""Documents listed; all of them are listed by `spanwise info --documents`."""

Listing = Sequence[tuple[str, str | None, str | None, int]]
"""(path, title, date, number of passages), as `index.store.Store.listing` gives it."""


def panel(
    collection: str,
    listing: Listing,
    ledger: Mapping[str, Entry],
    roots: Mapping[str, str],
    job: Job,
    own: str | None = None,
) -> str:
    """The whole panel; for a collection that is still to be made, `collection` is "".

    `own` is the root of the page's uploads, see `rag.chat.uploads.Uploads.root`.
    """
    if collection:
        head = f'<h2>Documents in <span dir="auto">{escape(collection)}</span></h2>'
    else:
        head = (
            "<h2>A new collection</h2><p><label>Its name "
            '<input id="new-collection" maxlength="64" dir="auto"></label></p>'
        )
    return (
        f"<header>{head}</header>{_drop_zone(collection)}"
        f'<div id="job" role="status">{progress(job)}</div>'
        f"{_indexed(listing)}{_left_out(ledger, own)}{_roots(roots)}"
    )


def progress(job: Job) -> str:
    """How far the indexing is, or how the last deed ended."""
    if job.running:
        if not job.total:
            return f'<p data-running="1">{escape(job.stage)}…</p>'
        return (
            f'<p data-running="1"><label>{escape(job.stage)}: {job.done:,} of {job.total:,} '
            f'<progress value="{job.done}" max="{job.total}"></progress></label></p>'
        )
    lines = f'<p class="trouble">{escape(job.error)}</p>' if job.error else ""
    if job.report is not None:
        said = ", ".join(f"{count:,} {name}" for name, count in job.report.items() if count)
        lines += f"<p>Done: {escape(said or 'nothing had changed')}. It counts from now on.</p>"
    return lines + (f'<p dir="auto">{escape(job.said)}</p>' if job.said else "")


def _drop_zone(collection: str) -> str:
    most = f"{MOST_FILE_BYTES // 10**6} MB a file, {MOST_FILES:,} files"
    files = f'<input type="file" multiple accept="{",".join(ENDINGS)}">'
    return (
        f'<div class="drop" data-collection="{escape(collection)}"><p>Drop files or a folder here, '
        f'or choose <label class="choose">files{files}</label> or '
        '<label class="choose">a folder<input type="file" webkitdirectory></label></p>'
        f'<p class="quiet">{" ".join(ENDINGS)} · {most}. They are copied into the home folder of '
        "Spanwise on this machine.</p></div>"
    )


def _indexed(listing: Listing) -> str:
    if not listing:
        return ""
    rows = "".join(
        f'<li><span class="title" dir="auto">{escape(title or path.rpartition("/")[2])}</span>'
        f'<span class="about"><span dir="auto">{escape(path)}</span>'
        f" · {escape(day(date)) or 'undated'} · {plural(passages, 'passage')}</span>"
        f"{deed('remove', 'Remove', path=path)}</li>"
        for path, title, date, passages in listing[:ROWS]
    )
    more = len(listing) - ROWS
    tail = f'<p class="quiet">and {more:,} more: spanwise info --documents</p>' if more > 0 else ""
    return f'<h3>{plural(len(listing), "document")}</h3><ul class="listing">{rows}</ul>{tail}'


def _left_out(ledger: Mapping[str, Entry], own: str | None) -> str:
    """What was not indexed, and why."""
    out = [entry for entry in ledger.values() if entry.status != "indexed"]
    rows = "".join(
        f'<li><span class="title" dir="auto">{escape(entry.path)}</span>'
        f'<span class="about" dir="auto">{escape(entry.reason)}. {escape(entry.mend)}</span>'
        f"{_let_in(entry, own)}</li>"
        for entry in out[:ROWS]
    )
    head = f"<summary>{len(out):,} left out, and why</summary>"
    return f'<details open>{head}<ul class="listing">{rows}</ul></details>' if out else ""


def _let_in(entry: Entry, own: str | None) -> str:
    known_again = entry.status == "excluded" and entry.root != own
    return deed("let-in", "Let it in again", path=entry.path) if known_again else ""


def _roots(roots: Mapping[str, str]) -> str:
    """The folders that it was made of, each to be read again."""
    rows = "".join(
        f'<li><span class="title" dir="auto">{escape(name)}</span>'
        f'<span class="about" dir="auto">{escape(folder)}</span>'
        f"{deed('again', 'Read again', root=name)}</li>"
        for name, folder in sorted(roots.items())
    )
    return f'<h3>Made of</h3><ul class="listing">{rows}</ul>' if rows else ""
