"""The process that parses .pdf, .docx and .html, apart from the one that asks for it.

Run as ``python -m index.parse SECONDS MEMORY MAX_BYTES MAX_CHARS`` by `index.child`, which may
kill it. It reads frames (eight bytes of length, big-endian, then as many bytes) from its standard
input and writes frames to its standard output. For each file:

    asked     b"pdf"        the name of a format
    asked     b"%PDF-1.7…"  the file's bytes
    answered  b""           the format's libraries are loaded, the clock for the file may start
    answered  b"{…}"        `Parsed` as JSON, or {"reason": …, "mend": …}

It opens no file and no connection of its own, and ends when its input does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from typing import IO, Any

from index.parsed import Parsed, UnreadableError, check_length

FORMATS = {"pdf": "index.parse_pdf", "docx": "index.parse_docx", "html": "index.parse_html"}
LENGTH = 8
OUT_OF_MEMORY = 77
"""The exit code of one that hit its memory limit, and is of no more use."""


def write_frame(stream: IO[bytes], payload: bytes) -> None:
    """Send one frame. OSError if the other side is gone."""
    stream.write(len(payload).to_bytes(LENGTH, "big"))
    stream.write(payload)
    stream.flush()


def read_frame(stream: IO[bytes], most: int = sys.maxsize) -> bytes | None:
    """Receive one frame; None if the other side is gone. ValueError beyond `most` bytes."""
    head = stream.read(LENGTH)
    if len(head) < LENGTH:
        return None
    length = int.from_bytes(head, "big")
    if length > most:
        raise ValueError(f"a frame of {length:,} bytes")
    payload = stream.read(length)
    return payload if len(payload) == length else None


def main() -> None:
    """Answer until the input ends."""
    seconds = float(sys.argv[1])
    memory, max_bytes, max_chars = map(int, sys.argv[2:])
    requests, replies = _own_pipes()
    _limit_memory(memory)
    while (name := read_frame(requests)) is not None:
        data = read_frame(requests)
        if data is None:
            return
        parse = import_module(FORMATS[name.decode()]).parse
        write_frame(replies, b"")
        _limit_cpu(seconds)
        reply = _reply(parse, data, max_bytes, max_chars)
        write_frame(replies, json.dumps(reply, ensure_ascii=False).encode("utf-8", "replace"))


def _reply(
    parse: Callable[[bytes, int], Parsed], data: bytes, max_bytes: int, max_chars: int
) -> dict[str, Any]:
    try:
        parsed = parse(data, max_bytes)
        check_length(parsed.text, max_chars)
        return asdict(parsed)
    except UnreadableError as error:
        return {"reason": error.reason, "mend": error.mend}
    except MemoryError:
        raise
    except Exception as error:  # whatever a parser does to a hostile file, the build goes on
        reason = f"cannot be parsed: {type(error).__name__}: {error}"
        return {"reason": reason[:300], "mend": "Open it and save it anew, or convert it."}


def _own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The two pipes, out of reach of libraries that read or print: those get nothing and stderr."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def _limit_memory(memory: int) -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the document
        if sys.platform == "linux":  # macOS does not keep to it, and refuses some values
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            soft = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _limit_cpu(seconds: float) -> None:
    """Let the system end this process if the parent, which keeps the clock, is gone."""
    if sys.platform != "win32":
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(min(used.ru_utime + used.ru_stime + seconds, 10**9)) + 5
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


if __name__ == "__main__":
    try:
        main()
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
