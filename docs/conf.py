"""The reference documentation: ``make docs`` builds it into build/site, and the manual page.

Sphinx, because it is the generator of its kind that is being looked after; its own theme asks no
other host for anything, neither at the build nor when a page is opened.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import typer.main
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rag.cli import app as program
from rag.manual import sections

project = "Spanwise"
copyright = "the authors of Spanwise"  # noqa: A001  Sphinx's name
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

default_role = "code"  # our docstrings write `name` for what stands in the code
smartquotes = False  # a flag is --json, not –json
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"exclude-members": "__init__, __new__"}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

html_theme = "alabaster"
html_theme_options = {
    "description": "Ask a folder of documents; get answers that are quotations.",
    "fixed_sidebar": True,
    "page_width": "1080px",
    "show_powered_by": False,
}
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_show_search_summary = False  # would fetch every page found, to quote from it
man_pages = [("cli", "spanwise", "ask a folder of documents, get quotations", "", 1)]


class Commands(SphinxDirective):
    """``.. spanwise-commands::`` every command of `spanwise` with its help page."""

    def run(self) -> list[nodes.Node]:
        """A section for each command, made of what ``--help`` shows."""
        group: Any = typer.main.get_command(program)
        return [self._section(name, command) for name, command in group.commands.items()]

    def _section(self, name: str, command: Any) -> nodes.section:  # noqa: ANN401  typer's own
        section = nodes.section("", nodes.title(text=name), ids=[f"spanwise-{name}"])
        usage = [f"spanwise {name}"]
        usage += [p.name.upper() for p in command.params if p.param_type_name == "argument"]
        section += nodes.literal_block(text=" ".join([*usage, "[options]"]))
        for paragraph in inspect.cleandoc(command.help).split("\n\n"):
            section += nodes.paragraph("", "", *_inline(paragraph))
        section += _definitions((_names(p), _meaning(p)) for p in command.params)
        for heading, rows in sections(name, command.callback):
            section += nodes.rubric(text=heading)
            section += _definitions((what, meaning) for what, meaning in rows)
        self.env.domains.standard_domain.note_hyperlink_target(
            f"spanwise-{name}", self.env.docname, f"spanwise-{name}", name
        )
        return section


def _names(parameter: Any) -> str:  # noqa: ANN401
    if parameter.param_type_name == "argument":
        return str(parameter.name.upper())
    return ", ".join((*parameter.opts, *parameter.secondary_opts))


def _meaning(parameter: Any) -> str:  # noqa: ANN401
    default = parameter.default
    if default in (None, "", False) or parameter.required or parameter.secondary_opts:
        return str(parameter.help)
    return f"{parameter.help} (by default `{default}`)"


def _definitions(rows: Iterable[tuple[str, str]]) -> nodes.definition_list:
    return nodes.definition_list(
        "",
        *(
            nodes.definition_list_item(
                "",
                nodes.term("", "", nodes.literal(text=what)),
                nodes.definition("", nodes.paragraph("", "", *_inline(meaning))),
            )
            for what, meaning in rows
        ),
    )


def _inline(text: str) -> list[nodes.Node]:
    """Text with its `code` set apart."""
    parts = " ".join(text.split()).split("`")
    return [nodes.literal(text=part) if n % 2 else nodes.Text(part) for n, part in enumerate(parts)]


def _readable(*event: Any) -> tuple[str | None, str | None]:  # noqa: ANN401
    """A dataclass's ``<factory>`` is no Python, and would keep a signature on one line."""
    *_, signature, returned = event
    return signature and signature.replace("<factory>", "..."), returned


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("spanwise-commands", Commands)
    app.connect("autodoc-process-signature", _readable)
