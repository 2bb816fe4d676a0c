"""How a run of `spanwise` begins and ends: quiet libraries, and every error a sentence.

`python -m rag` is the same.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import traceback

import typer

from index.errors import SpanwiseError
from index.home import home_folder
from rag.cli import app


def main() -> None:
    """Run the command line; every error is a sentence, and exit code 2."""
    try:
        _quiet_libraries()
        app(standalone_mode=True)
    except SpanwiseError as error:
        _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
    except Exception as error:
        _fail(f"Something went wrong that should not ({type(error).__name__}). {_log(error)}")


def _quiet_libraries() -> None:
    """Telemetry and hubs off for this process, unless the user's environment says otherwise."""
    for variable, value in {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
    }.items():
        os.environ.setdefault(variable, value)


def _fail(sentence: str) -> None:
    from rag.show import plain

    typer.echo(f"Error: {plain(sentence)}", err=True)
    sys.exit(2)


def _log(error: Exception) -> str:
    """Write where it happened, never what was asked or read, and say where that is."""
    try:
        file = home_folder(_flag("--home")) / "logs" / "spanwise.log"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(file, maxBytes=1_000_000, backupCount=2)
        where = "".join(traceback.format_tb(error.__traceback__))
        record = logging.makeLogRecord({"msg": f"{type(error).__name__}\n{where}"})
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        handler.emit(record)
        handler.close()
        return f"Where it happened is written in {file}"
    except OSError:
        return "It could not be logged, since the home folder cannot be written."


def _flag(name: str) -> str | None:
    arguments = sys.argv
    return arguments[arguments.index(name) + 1] if name in arguments[:-1] else None


if __name__ == "__main__":
    main()
