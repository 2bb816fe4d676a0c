"""How a run of `spanwise` begins and ends: quiet libraries, and every error a sentence.

`python -m rag` is the same.
"""

from __future__ import annotations

import io
import logging
import os
import sys

import typer

from index.errors import SpanwiseError
from index.home import home_folder
from rag import journal
from rag.cli import app


def main() -> None:
    """Run the command line. Every error is a sentence on stderr, and exit code 2."""
    try:
        _quiet_libraries()
        for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter shows its code
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        journal.keep(home_folder())
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # `spanwise search … | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
    except typer.Abort:
        _fail("Nothing was done.")
    except SpanwiseError as error:
        _fail(str(error))
    except Exception as error:
        if hasattr(error, "format_message"):  # wrong use, as typer found it
            error.show()  # type: ignore[attr-defined]
            sys.exit(2)
        _fail(journal.failed(error))
    sys.exit(code if isinstance(code, int) else 0)


def _quiet_libraries() -> None:
    """Telemetry and hubs off for this process, unless the user's environment says otherwise."""
    for variable, value in {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
    }.items():
        os.environ.setdefault(variable, value)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


def _fail(sentence: str) -> None:
    from rag.show import plain

    typer.echo(f"Error: {plain(sentence)}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
