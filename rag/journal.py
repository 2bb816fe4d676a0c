"""The log in the home: file names and where errors happened, never what was asked or read.

Only the programs write it (the command line, the chat); the packages configure nothing.
"""

from __future__ import annotations

import logging
import logging.handlers
import traceback
from pathlib import Path

from index.errors import HomeError
from index.home import make_home

log = logging.getLogger("spanwise")


class _File(logging.handlers.RotatingFileHandler):
    """Makes the home only when there is something to say; silent if it cannot be written."""

    def __init__(self, home: Path) -> None:
        self.home = home
        file = home / "logs" / "spanwise.log"
        super().__init__(file, maxBytes=1_000_000, backupCount=2, delay=True, encoding="utf-8")
        self.setLevel(logging.WARNING)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            make_home(self.home)
            Path(self.baseFilename).parent.mkdir(exist_ok=True)
        except (HomeError, OSError):
            return
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Say nothing: there is nowhere left to say it."""


def keep(home: Path) -> None:
    """Write warnings and errors of the packages to ``home/logs/spanwise.log`` from now on."""
    for handler in [h for h in log.handlers if isinstance(h, _File)]:
        log.removeHandler(handler)
        handler.close()
    log.addHandler(_File(home))


def failed(error: Exception) -> str:
    """Log where an unexpected error happened; the sentence to show instead of a traceback."""
    name = type(error).__name__
    log.error("%s\n%s", name, "".join(traceback.format_tb(error.__traceback__)))
    files = [Path(h.baseFilename) for h in log.handlers if isinstance(h, _File)]
    where = f" Where it happened is written in {files[0]}" if any(f.exists() for f in files) else ""
    return f"Something went wrong that should not ({name}).{where}"
