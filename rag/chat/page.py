"""`build_chat`: the page on which questions are asked and every quotation can be checked.

Text of documents and questions reaches it only escaped, and is never rendered as Markdown, HTML
or LaTeX. The messages of a `gr.Chatbot` are HTML even without Markdown.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from index.errors import SpanwiseError
from rag import journal
from rag.service import Service
from rag.show import REASONS, sure
from rag.types import Answer, Citation

Messages = list[dict[str, Any]]
"""As `gr.Chatbot` takes them: role and content."""

CSS = """
.gradio-container { max-width: 1100px !important; margin: 0 auto; }
#sources figure { margin: 0 0 1.5rem; padding: 0; }
#sources blockquote { margin: 0; border: 0; padding: 0; font: 1.05rem/1.65 Georgia, serif;
  white-space: pre-line; overflow-wrap: anywhere; }
#sources mark { background: #f4c95d; color: #1c1917; padding: 0 .15em; }
#sources figcaption { margin-top: .4rem; font-size: .85rem; opacity: .75; overflow-wrap: anywhere; }
footer { display: none !important; }
"""


def build_chat(service: Service) -> gr.Blocks:
    """The page over an open service. Building it loads no weights."""
    with gr.Blocks(title="Spanwise", analytics_enabled=False) as page:
        gr.Markdown(
            "# Spanwise\nAnswers are quotations from your documents, or they are not given."
        )
        with gr.Row():
            with gr.Column(scale=3):
                chat = gr.Chatbot(
                    label=f"Collection: {service.retriever.collection}",
                    height=480,
                    render_markdown=False,
                    sanitize_html=True,
                    latex_delimiters=[],
                    allow_tags=False,
                    feedback_options=None,
                    buttons=["copy"],
                    placeholder="Ask the documents a question.",
                )
                box = gr.Textbox(
                    show_label=False,
                    label="Question",
                    placeholder="Ask the documents…",
                    max_length=2_000,
                    submit_btn=True,
                    autofocus=True,
                )
            with gr.Column(scale=2):
                # The default template is ${value}, which inserts and does not evaluate.
                sources = gr.HTML(
                    label="Where it stands", show_label=True, container=True, elem_id="sources"
                )

        def ask(question: str, shown: Messages) -> Iterator[tuple[Any, Messages, str]]:
            shown = [*shown, {"role": "user", "content": escape(question)}]
            yield "", shown, ""
            try:
                answer = service.ask(question)
                message, marked = _message(answer), _sources(answer)
            except SpanwiseError as error:
                message, marked = str(error), ""
            except Exception as error:
                message, marked = journal.failed(error), ""
            yield gr.skip(), [*shown, {"role": "assistant", "content": escape(message)}], marked

        # One event for both, once at a time: a second question must not overwrite the first.
        outputs = [box, chat, sources]
        box.submit(ask, [box, chat], outputs, api_visibility="private", trigger_mode="once")
    page.queue(default_concurrency_limit=2, max_size=64)
    return page


def _message(answer: Answer) -> str:
    if answer.text is None:
        said = [REASONS[answer.reason]]
        if answer.hits:
            said.append(f"The nearest passage is in {answer.hits[0].passage.path}.")
        return "\n\n".join(said)
    where = sorted({citation.path for citation in answer.citations})
    lines = [answer.text, "", f"Confidence {sure(answer.confidence)} · {', '.join(where)}"]
    others = [other.text for other in answer.others if other.text and not other.reason]
    if others:
        lines += ["", "Also found: " + "; ".join(others)]
    return "\n".join(lines)


def _sources(answer: Answer) -> str:
    """HTML of the sentences cited, or of the nearest passage."""
    if answer.citations or not answer.hits:
        return "".join(_quotation(citation) for citation in answer.citations)
    nearest = answer.hits[0].passage
    return _figure(escape(nearest.text), [nearest.path])


def _quotation(citation: Citation) -> str:
    offset = citation.sentence_start
    before = citation.sentence[: citation.start - offset]
    after = citation.sentence[citation.end - offset :]
    marked = f"{escape(before)}<mark>{escape(citation.quote)}</mark>{escape(after)}"
    page = f"page {citation.page}" if citation.page else ""
    return _figure(marked, [citation.path, page, citation.title or "", citation.date or ""])


def _figure(quotation: str, about: list[str]) -> str:
    caption = escape(" · ".join(part for part in about if part))
    return (
        f'<figure><blockquote dir="auto">{quotation}</blockquote>'
        f'<figcaption dir="auto">{caption}</figcaption></figure>'
    )
