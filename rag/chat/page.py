"""`build_chat`: the page. Its HTML is made beside it; here it is wired to Gradio.

Text of documents and questions reaches it only escaped, as the value of `gr.HTML` components whose
template is ``${value}``, which inserts and does not evaluate; nothing is Markdown or LaTeX.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from index.errors import SpanwiseError
from rag.chat import replay, shelf
from rag.chat.answer import turn
from rag.chat.desk import Desk, Talk, place_of
from rag.chat.library import Library
from rag.chat.narrow import FOLD, fields
from rag.chat.sources import panel
from rag.service import LONGEST_QUESTION

HEAD = """<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/desk/theme.css"><script src="/desk/page.js"></script>"""
NAME = """<div class="plate"><h1 id="name">Spanwise</h1><button type="button" data-act="menu"
aria-expanded="false" aria-controls="side">Collections, conversations</button></div>"""
AT_ONCE = 4
"""Questions that are answered at the same time; the others wait, in order."""
MOST_WAITING = 64
MOST_PAGES = 100
"""Open or lately closed pages that the server remembers; Gradio keeps about half a megabyte of
each, and by itself of 10,000. A page that is forgotten goes on with a new conversation."""
WIRED = """const wire = () =>
  window.spanwise?.documents ? window.spanwise.wire(element, trigger) : setTimeout(wire, 20);
wire();"""
"""Gradio puts our script into the page when it likes, before or after its components."""
TAKEN = "(text) => window.spanwise.box.taken(text)"
SETTLED = "(...given) => window.spanwise.settled(given)"
"""A question waits until the presses before it have been followed."""

Shown = tuple[Any, ...]
"""Desk, left side, conversations, thread, sources: what every event may change."""


def build_chat(library: Library, most_waiting: int = MOST_WAITING) -> gr.Blocks:
    """The page over the collections of a home. Building it loads no weights.

    Args:
        library: the collections.
        most_waiting: events that wait for their turn at most; whoever asks then is told so.
    """
    with gr.Blocks(title="Spanwise", analytics_enabled=False, fill_width=True) as page:
        desk = gr.State(None)
        with gr.Row(elem_id="desk", equal_height=False):
            with gr.Column(elem_id="side", min_width=0):
                _html(NAME, "name-plate")
                side = _html("", "collections")
                search = gr.Textbox(
                    label="Conversations", placeholder="Search them…", max_length=200,
                    elem_id="search", visible=library.memory is not None,
                )  # fmt: skip
                talks = _html("", "conversations")
            with gr.Column(elem_id="middle", min_width=0):
                thread = _html("", "thread")
                with gr.Column(elem_id="asking", min_width=0):
                    _html(FOLD, "narrow")
                    box = gr.Textbox(
                        label="Question", show_label=False, placeholder="Ask the documents…",
                        max_length=LONGEST_QUESTION, submit_btn=True, autofocus=True,
                        elem_id="box",
                    )  # fmt: skip
                typed, narrowed = gr.Textbox(visible=False), gr.Textbox(visible=False)
            with gr.Column(elem_id="beside", min_width=0):
                sources = _html(panel(None), "sources")
        outputs = [desk, side, talks, thread, sources]
        wired = _Wired(library)
        quiet = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
        asking = {**quiet, "concurrency_limit": AT_ONCE, "concurrency_id": "ask"}
        # The browser itself takes the question out of the box: what is typed next is never lost.
        box.submit(None, box, [typed, narrowed], js=TAKEN, **quiet).then(
            wired.ask, [desk, typed, narrowed], outputs, js=SETTLED, **asking
        )
        thread.click(wired.on_thread, desk, outputs, **asking)
        side.click(wired.on_side, desk, outputs, **quiet)
        talks.click(wired.on_side, desk, outputs, **quiet)
        sources.click(wired.on_sources, desk, outputs, **quiet)
        search.change(wired.search, [desk, search], outputs, **quiet)
        page.load(wired.load, None, outputs, **quiet)
    page.queue(default_concurrency_limit=8, max_size=most_waiting)
    page.state_session_capacity = MOST_PAGES  # what `launch` would set, where Gradio serves itself
    return page


class _Wired:
    """The page's events. Each gets the desk of its page and says what is to be shown anew."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def load(self, request: gr.Request) -> Shown:
        """A page has been opened."""
        wanted = request.query_params.get("collection")
        names = [each.name for each in self._library.shelves()]
        return self._all(Desk(self._library, wanted if wanted in names else None))

    def ask(
        self, desk: Desk | None, text: str, narrowed: str, literal: bool = False
    ) -> Iterator[Shown]:
        """A question; shown as it grows, unless another conversation was opened meanwhile."""
        desk = desk or Desk(self._library)  # the server was started anew under an open page
        if not text.strip():
            yield (desk, *[gr.skip()] * 4)
            return
        last = None
        for talk in desk.ask(text.strip(), literal, fields(narrowed)):
            if talk is desk.talk:
                last = talk
                yield desk, gr.skip(), gr.skip(), self._thread(desk), panel(talk.sources())
        if last is desk.talk:
            yield desk, self._side(desk), self._talks(desk), gr.skip(), gr.skip()

    def on_thread(self, desk: Desk | None, event: gr.EventData) -> Iterator[Shown]:
        """A button in the conversation."""
        desk, data = desk or Desk(self._library), _data(event)
        act, place = data.get("act"), place_of(data.get("turn"), desk)
        narrowed = str(data.get("narrowed", ""))
        if act == "ask":
            yield from self.ask(desk, str(data.get("text", ""))[:LONGEST_QUESTION], narrowed)
        elif place is None:
            return
        elif act == "literal":
            yield from self.ask(desk, desk.talk.records[place]["question"], narrowed, literal=True)
        elif act in ("verdict", "unselect", "judged"):
            try:
                _judge(desk, place, data)
            except (SpanwiseError, ValueError) as error:
                gr.Warning(escape(str(error)))
            yield desk, gr.skip(), gr.skip(), self._thread(desk), gr.skip()
        else:
            desk.talk.shown = place
            yield desk, gr.skip(), gr.skip(), self._thread(desk), panel(desk.talk.sources())

    def on_side(self, desk: Desk | None, event: gr.EventData) -> Shown:
        """A button on the left side."""
        desk, data, memory = desk or Desk(self._library), _data(event), self._library.memory
        act, talk = data.get("act"), desk.talk
        try:
            desk.followed = max(desk.followed, int(data.get("n") or 0))
            number = int(data.get("id") or 0)
            name = str(data.get("name", ""))
            if act == "collection" or (act == "refresh" and desk.talk.collection is None):
                names = [each.name for each in self._library.shelves()]
                desk.begin(name if name in names else self._library.default())
            elif act == "new":
                desk.begin(desk.talk.collection)
            elif act == "conversation":
                desk.open(number)
            elif act == "earlier":
                desk.listed += shelf.LISTED
            elif act == "rename" and memory is not None:
                memory.rename(number, str(data.get("title", "")))
            elif act == "delete" and memory is not None:
                memory.delete(number)
                if desk.talk.id == number:
                    desk.begin(desk.talk.collection)
        except (SpanwiseError, ValueError) as error:
            gr.Warning(escape(str(error)))
        if desk.talk is not talk:
            return self._all(desk)
        # The conversation is left alone: a question may be under way in it, and have more to show.
        return desk, self._side(desk), self._talks(desk), gr.skip(), gr.skip()

    def on_sources(self, desk: Desk | None, event: gr.EventData) -> Shown:
        """A question of a run is put among the sources, or the conversation's come back."""
        desk, data = desk or Desk(self._library), _data(event)
        shown = panel(desk.talk.sources())
        try:
            desk.followed = max(desk.followed, int(data.get("n") or 0))
            if data.get("act") == "evaluated":
                row = int(data.get("row") or 0)
                shown = replay.question(self._library, str(data.get("run")), row)
        except (SpanwiseError, ValueError) as error:
            gr.Warning(escape(str(error)))
        return desk, self._side(desk), gr.skip(), gr.skip(), shown

    def search(self, desk: Desk | None, text: str) -> Shown:
        """Words that conversations are searched for."""
        desk = desk or Desk(self._library)
        desk.search, desk.listed = text, shelf.LISTED
        return (desk, gr.skip(), self._talks(desk), gr.skip(), gr.skip())

    def _all(self, desk: Desk) -> Shown:
        shown = panel(desk.talk.sources())
        return desk, self._side(desk), self._talks(desk), self._thread(desk), shown

    def _side(self, desk: Desk) -> str:
        return shelf.collections(self._library.shelves(), desk.talk.collection, desk.followed)

    def _talks(self, desk: Desk) -> str:
        memory = self._library.memory
        if memory is None:
            return ""
        try:
            said = memory.conversations(desk.search)
        except SpanwiseError as error:
            return f'<p class="trouble">{escape(str(error))}</p>'
        return shelf.conversations(said, desk.talk.id, desk.search, desk.listed)

    def _thread(self, desk: Desk) -> str:
        talk: Talk = desk.talk
        if talk.records:
            turns = (turn(r, n, n == talk.shown) for n, r in enumerate(talk.records))
            return "".join(turns)
        shelves = {each.name: each for each in self._library.shelves()}
        here = shelves.get(talk.collection or "")
        return shelf.welcome(here, here is not None and self._library.is_demo(here.name))


def _html(value: str, ident: str) -> gr.HTML:
    """A part of the page that shows our own HTML and evaluates nothing."""
    return gr.HTML(value, elem_id=ident, apply_default_css=False, js_on_load=WIRED, container=False)


def _judge(desk: Desk, place: int, data: dict[str, Any]) -> None:
    """What a button says of an answer; "judged": it has been said by another way."""
    if data["act"] == "verdict":
        desk.judge(place, str(data.get("verdict")))
    elif data["act"] == "unselect":
        start, end = int(data.get("start", 0)), int(data.get("end", 0))
        desk.unselect(place, str(data.get("file", "")), start, end)
    else:
        desk.recall(place)


def _data(event: gr.EventData) -> dict[str, Any]:
    """What a button sent along."""
    sent = event._data
    return sent if isinstance(sent, dict) else {}
