"""The process of `index.parse`, seen from the side that asks: started, timed, and ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from index.parse import OUT_OF_MEMORY, read_frame, write_frame
from index.parsed import Parsed, UnreadableError
from index.scan import Limits

START_SECONDS = 120.0
"""For the child to start and to import a format's libraries, which a cold disk makes slow."""
_STDERR_KEPT = 2000  # bytes


class ChildDiedError(UnreadableError):
    """The child is of no more use. `slow`: it was ended for taking too long over the file."""

    def __init__(self, reason: str, mend: str = "", *, slow: bool = False) -> None:
        super().__init__(reason, mend)
        self.slow = slow


class Child:
    """One such process. For one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._expired = False
        numbers = [limits.seconds, limits.memory, limits.max_bytes, limits.max_chars]
        self._process = subprocess.Popen(
            # -P: a random.py in the working directory must not be imported.
            [sys.executable, "-P", "-m", "index.parse", *map(str, numbers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_child_environment(),
            start_new_session=True,  # Ctrl-C is for the parent, the terminal not for the child
        )
        self._requests = _open(self._process.stdin)
        self._replies = _open(self._process.stdout)
        self._errors = _open(self._process.stderr)
        self._said = bytearray()
        self._listener = threading.Thread(
            target=_keep_tail, args=(self._errors, self._said), daemon=True
        )
        self._listener.start()

    def parse(self, kind: str, data: bytes) -> Parsed:
        """One file, parsed. Raises UnreadableError, which is a ChildDiedError if it was fatal."""
        self._expired = False
        self._said.clear()
        try:
            reply = json.loads(self._exchange(kind, data))
            if "reason" in reply:
                raise UnreadableError(str(reply["reason"]), str(reply["mend"]))
            return Parsed.from_json(reply)
        except OSError:  # a pipe without its other end
            raise self._death(START_SECONDS, "Run the command again.") from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ChildDiedError(f"its parser sent what cannot be read: {error}") from None

    def _exchange(self, kind: str, data: bytes) -> bytes:
        with self._deadline(START_SECONDS):
            write_frame(self._requests, kind.encode())
            write_frame(self._requests, data)
            ready = read_frame(self._replies, 0)
        if ready is None:
            raise self._death(START_SECONDS, "Run the command again.")
        seconds = self._limits.seconds
        with self._deadline(seconds):
            # Six bytes are the most that JSON makes of a character; the rest is for marks.
            reply = read_frame(self._replies, 6 * self._limits.max_chars + 2**24)
        if reply is None:
            raise self._death(seconds, f"Raise the limit: --max-seconds {2 * seconds:g}")
        return reply

    def close(self) -> None:
        """End the process, which waits for nothing but its input."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._requests, self._replies, self._errors):
            with suppress(OSError):  # what was written and not yet sent is lost, as it should
                pipe.close()

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self._expired = True
        self._process.kill()

    def _death(self, seconds: float, mend: str) -> ChildDiedError:
        """Why no reply came."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:  # it closed its pipe and lives on
            self._process.kill()
            code = self._process.wait()
        self._listener.join()
        if self._expired:
            return ChildDiedError(f"took longer than {seconds:g} s to parse", mend, slow=True)
        if code == OUT_OF_MEMORY:
            reason = f"needs more than {self._limits.memory // 2**20:,} MiB of memory to parse"
            return ChildDiedError(reason, "Split it, or convert it to plain text.")
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        said = self._said.decode("utf-8", "replace").strip().splitlines()
        detail = f": {said[-1][:200]}" if said else ""
        return ChildDiedError(f"its parser crashed ({how}){detail}", "Save it anew.")


def _child_environment() -> dict[str, str]:
    """This process's own, with the paths that this process imports from."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path),
        "PYTHONHASHSEED": "0",  # no library's sets may come in another order the next time
        "OPENBLAS_NUM_THREADS": "1",  # its threads would use up the memory limit
    }


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # Popen was asked for all three
    return pipe


def _keep_tail(stream: IO[bytes], tail: bytearray) -> None:
    while piece := os.read(stream.fileno(), 4096):
        tail += piece
        del tail[:-_STDERR_KEPT]
