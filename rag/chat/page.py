"""`build_chat`: the page. Its HTML is made beside it; here it is wired to Gradio.

Text of documents and questions reaches it only escaped, as the value of `gr.HTML` components whose
template is ``${value}``, which inserts and does not evaluate; nothing is Markdown or LaTeX.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from html import escape
from typing import Any

import gradio as gr
from starlette.concurrency import run_in_threadpool

from index.errors import SpanwiseError
from index.home import collections
from rag.chat import replay, shelf
from rag.chat.answer import turn
from rag.chat.asking import Line
from rag.chat.desk import Desk, Talk, place_of, restored
from rag.chat.library import Library
from rag.chat.narrow import FOLD, fields
from rag.chat.sources import panel
from rag.service import LONGEST_QUESTION

HEAD = """<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/desk/theme.css"><script src="/desk/page.js"></script>"""
NAME = """<div class="plate"><h1 id="name">Spanwise</h1><button type="button" data-act="menu"
aria-expanded="false" aria-controls="side">Collections, conversations</button></div>"""
AT_ONCE = 4
"""Questions that are answered at the same time; the others wait, see `rag.chat.asking.Line`."""
IN_LINE = 24
"""Questions that are in that line; Gradio, which follows 40 events at once, keeps the rest."""
MOST_WAITING = 64
MOST_PAGES = 100
"""Open or lately closed pages that the server remembers; Gradio keeps about half a megabyte of
each, and by itself of 10,000. A page that is forgotten says itself what it shows."""
WIRED = """const wire = () =>
  window.spanwise?.documents ? window.spanwise.wire(element, trigger) : setTimeout(wire, 20);
wire();"""
"""Gradio puts our script into the page when it likes, before or after its components."""
TAKEN = "(text) => window.spanwise.box.taken(text)"
SETTLED = "async (...given) => window.spanwise.box.telling(await window.spanwise.settled(given))"
"""A question waits until the presses before it have been followed."""
TELLING = "(...given) => window.spanwise.box.telling(given)"
"""The last of what is sent is what the page shows, see `rag.chat.desk.restored`."""
RELOADED = """() => {
  try { return [sessionStorage.getItem("spanwise-here") ?? ""]; } catch { return [""]; }
}"""
"""The same, before our script is there: as box.js has kept it."""

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
                typed, narrowed, here = (gr.Textbox(visible=False) for _ in range(3))
            with gr.Column(elem_id="beside", min_width=0):
                sources = _html(panel(None), "sources")
        outputs = [desk, side, talks, thread, sources]
        wired = _Wired(library)
        quiet = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
        asking = {**quiet, "concurrency_limit": IN_LINE, "concurrency_id": "ask"}
        # The browser itself takes the question out of the box: what is typed next is never lost.
        box.submit(None, box, [typed, narrowed], js=TAKEN, **quiet).then(
            wired.ask, [desk, typed, narrowed, here], outputs, js=SETTLED, **asking
        )
        # Of the buttons in the conversation only those that ask wait among the questions.
        thread.submit(wired.on_question, desk, outputs, **asking)
        thread.click(wired.on_thread, desk, outputs, **quiet)
        side.click(wired.on_side, desk, outputs, **quiet)
        talks.click(wired.on_side, desk, outputs, **quiet)
        sources.click(wired.on_sources, desk, outputs, **quiet)
        search.change(wired.search, [desk, search, here], outputs, js=TELLING, **quiet)
        page.load(wired.load, here, outputs, js=RELOADED, **quiet)
    page.queue(default_concurrency_limit=8, max_size=most_waiting)
    page.state_session_capacity = MOST_PAGES  # what `launch` would set, where Gradio serves itself
    return page


class _Wired:
    """The page's events. Each gets the desk of its page and says what is to be shown anew."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._line = Line(AT_ONCE)

    def load(self, told: str, request: gr.Request) -> Shown:
        """A page has been opened, or loaded again: it shows what it did, but for its address."""
        desk, wanted = restored(self._library, told), request.query_params.get("collection")
        desk.followed = 0
        if wanted != desk.talk.collection and wanted in collections(self._library.home):
            desk.begin(wanted)
        return self._all(desk)

    async def ask(
        self, desk: Desk | None, text: str, narrowed: str, told: str, literal: bool = False
    ) -> AsyncIterator[Shown]:
        """A question; shown as it grows, unless another conversation was opened meanwhile."""
        desk = await self._known(desk, told)
        if not text.strip():
            yield _left(desk)
            return
        talk, place = desk.put(text.strip())
        steps = desk.answer(talk, place, literal, fields(narrowed))
        growth, more = self._line.join(talk.turn, steps), True
        try:
            while more:
                if talk is desk.talk:
                    grown = await run_in_threadpool(self._grown, desk)
                    if talk is desk.talk:  # still, for a press may have opened another meanwhile
                        yield desk, gr.skip(), gr.skip(), *grown
                more = await growth.more()
            followed, beside = -1, None
            while talk is desk.talk and followed != desk.followed:
                followed = desk.followed
                beside = await run_in_threadpool(self._beside, desk)
            if talk is desk.talk and beside is not None:
                yield desk, *beside, gr.skip(), gr.skip()
        finally:
            growth.close()

    async def on_question(self, desk: Desk | None, event: gr.EventData) -> AsyncIterator[Shown]:
        """A button in the conversation that asks."""
        data, text = _data(event), ""
        desk = await self._known(desk, data.get("here"))
        literal = data.get("act") == "literal"
        if not literal:
            text = str(data.get("text", ""))[:LONGEST_QUESTION]
        elif (place := place_of(data, desk)) is not None:
            text = desk.talk.records[place]["question"]
        async for shown in self.ask(desk, text, str(data.get("narrowed", "")), "", literal):
            yield shown

    def on_thread(self, desk: Desk | None, event: gr.EventData) -> Shown:
        """Another button in the conversation."""
        data = _data(event)
        desk = desk or restored(self._library, data.get("here"))
        place = place_of(data, desk)
        if place is None:
            return _left(desk)
        if data.get("act") in ("verdict", "unselect", "judged"):
            try:
                _judge(desk, place, data)
            except (SpanwiseError, ValueError) as error:
                gr.Warning(escape(str(error)))
            return desk, gr.skip(), gr.skip(), self._thread(desk), gr.skip()
        desk.talk.shown = place
        return desk, gr.skip(), gr.skip(), *self._grown(desk)

    def on_side(self, desk: Desk | None, event: gr.EventData) -> Shown:
        """A button on the left side."""
        data, memory = _data(event), self._library.memory
        desk = desk or restored(self._library, data.get("here"))
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
            elif act == "conversation" and number != desk.talk.id:  # what failed is not remembered
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
        return desk, *self._beside(desk), gr.skip(), gr.skip()

    def on_sources(self, desk: Desk | None, event: gr.EventData) -> Shown:
        """A question of a run is put among the sources, or the conversation's come back."""
        data = _data(event)
        desk = desk or restored(self._library, data.get("here"))
        shown = panel(desk.talk.sources())
        try:
            desk.followed = max(desk.followed, int(data.get("n") or 0))
            if data.get("act") == "evaluated":
                row = int(data.get("row") or 0)
                shown = replay.question(self._library, str(data.get("run")), row)
        except (SpanwiseError, ValueError) as error:
            gr.Warning(escape(str(error)))
        return desk, self._side(desk), gr.skip(), gr.skip(), shown

    def search(self, desk: Desk | None, text: str, told: str) -> Shown:
        """Words that conversations are searched for."""
        desk = desk or restored(self._library, told)
        desk.search, desk.listed = text, shelf.LISTED
        return (desk, gr.skip(), self._talks(desk), gr.skip(), gr.skip())

    async def _known(self, desk: Desk | None, told: object) -> Desk:
        if desk is None:
            return await run_in_threadpool(restored, self._library, told)
        return desk

    def _all(self, desk: Desk) -> Shown:
        return desk, *self._beside(desk), *self._grown(desk)

    def _beside(self, desk: Desk) -> tuple[str, str]:
        return self._side(desk), self._talks(desk)

    def _grown(self, desk: Desk) -> tuple[str, str]:
        return self._thread(desk), panel(desk.talk.sources())

    def _side(self, desk: Desk) -> str:
        talk, shelves = desk.talk, self._library.shelves()
        return shelf.collections(shelves, talk.collection, desk.followed, talk.id)

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


def _left(desk: Desk) -> Shown:
    """Nothing is to be shown anew."""
    return (desk, *[gr.skip()] * 4)


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
