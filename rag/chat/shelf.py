"""HTML of the left side: collections and conversations; and of what greets a newcomer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from rag.chat.library import Shelf
from rag.chat.marks import day, deed, plural
from rag.memory import Conversation

EXAMPLES = (
    "Who heads the Deir al-Zor military council?",
    "How many fighters does the military council include?",
    "How many troops does the US have in Syria?",
)
"""For the demo corpus."""
LISTED = 40
"""Conversations that show at first, and that come with each press of "Earlier ones": the list goes
to the page with every answer."""


def collections(
    shelves: Iterable[Shelf], present: str | None, followed: int = 0, talk: int | None = None
) -> str:
    """The collections to pick from, and the way to add documents.

    Args:
        shelves: the collections.
        present: that of the conversation.
        followed: the number of the last press that was followed, see ``settled`` in page.js.
        talk: the conversation, if it is remembered, see ``here`` in page.js.
    """
    items = "".join(
        f'<li><button type="button" data-act="collection" data-name="{escape(shelf.name)}" '
        f'aria-pressed="{str(shelf.name == present).lower()}"><span dir="auto">'
        f'{escape(shelf.name)}</span> <span class="count" title="documents">{shelf.documents:,}'
        "</span></button></li>"
        for shelf in shelves
    )
    documents = deed("documents", "Documents", collection=present or "")
    documents += deed("evaluate", "Evaluate", collection=present or "")
    new = deed("documents", "New collection", collection="")
    return (
        f'<nav aria-label="Collections"><h2>Collections</h2><ul>{items}</ul>'
        f'<p class="deeds">{documents if present else ""}{new}</p></nav>'
        f'<span id="side-done" data-n="{followed}" data-collection="{escape(present or "")}" '
        f'data-talk="{talk or ""}" hidden></span>'
    )


def conversations(
    said: Sequence[Conversation], present: int | None, search: str, most: int = LISTED
) -> str:
    """The conversations that are remembered, the last used first: `most` and the present one."""
    shown = [each for n, each in enumerate(said) if n < most or each.id == present]
    items = "".join(_conversation(each, each.id == present) for each in shown)
    if not items:
        none = "None has these words." if search else "Your questions are kept here."
        items = f'<li class="quiet">{none}</li>'
    if hidden := len(said) - len(shown):
        items += f'<li class="quiet">{deed("earlier", f"Earlier ones ({hidden:,})")}</li>'
    new = deed("new", "New conversation")
    return f'<nav aria-label="Conversations"><p class="deeds">{new}</p><ul>{items}</ul></nav>'


def _conversation(said: Conversation, present: bool) -> str:
    title = escape(said.title)
    here = ' aria-current="true"' if present else ""
    what = f"{said.collection}, {day(said.updated)}, {plural(said.count, 'question')}"
    return (
        f'<li><button type="button" data-act="conversation" data-id="{said.id}"{here} '
        f'title="{escape(what)}" dir="auto">{title}</button>'
        f'<details class="more"><summary aria-label="More: {title}">⋯</summary><div>'
        f'<form data-act="rename" data-id="{said.id}">'
        f'<input name="title" value="{title}" aria-label="Title" maxlength="200" dir="auto">'
        f'<button type="submit">Rename</button></form><p class="deeds">'
        f'<a href="/conversations/{said.id}.md" download>Markdown</a>'
        f'<a href="/conversations/{said.id}.json" download>JSON</a>'
        f"{deed('delete', 'Delete', id=said.id)}</p></div></details></li>"
    )


def welcome(shelf: Shelf | None, demo: bool) -> str:
    """What stands where no question has been asked yet."""
    if shelf is None or not shelf.documents:
        add = deed("documents", "Add documents", collection=shelf.name if shelf else "")
        return (
            '<section class="welcome"><h2>Nothing to read yet</h2><p>Spanwise answers from your '
            "own documents: PDF, Word, HTML, Markdown or plain text. They stay on this machine."
            f"</p><p>{add}</p></section>"
        )
    examples = "".join(f"<li>{deed('ask', text, text=text)}</li>" for text in EXAMPLES if demo)
    tried = f"<p>For instance:</p><ul>{examples}</ul>" if examples else ""
    return (
        '<section class="welcome"><h2>Ask the documents</h2><p>An answer is a quotation from '
        f"{plural(shelf.documents, 'document')} in <em>{escape(shelf.name)}</em>, shown beside "
        f"the words it stands on; or it is not given.</p>{tried}</section>"
    )
