"""Files that the page sends: written whole or not at all; and the sentence of what is refused."""

from __future__ import annotations

import errno
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from index.errors import FolderError, HomeError, SpanwiseError


async def receive(request: Request, place: Path, size: int, name: str) -> None:
    """Write a request's body to a new file.

    Args:
        request: its body is the file.
        place: where to; the caller clears it away if this fails.
        size: in bytes, as it was told.
        name: what the user calls it.

    Raises:
        FolderError: it was more or less than the `size` that was told.
        HomeError: it cannot be written.
    """
    received = 0
    try:
        with place.open("xb") as out:
            async for piece in request.stream():
                received += len(piece)
                if received > size:
                    raise FolderError("The file is larger than was told", where=name)
                out.write(piece)
        if received != size:
            raise FolderError("The file did not arrive whole", where=name)
    except ClientDisconnect:
        raise FolderError("The file did not arrive whole", where=name) from None
    except OSError as error:
        raise worded(error, name) from error


def worded(error: OSError, name: str) -> SpanwiseError:
    """Why the system does not take a file of that name, in words."""
    if error.errno == errno.ENAMETOOLONG:
        mend = "Give it, or the folder it lies in, a shorter one."
        return FolderError("The name is too long", where=f"{name[:60]}…", mend=mend)
    if isinstance(error, FileExistsError | NotADirectoryError):
        mend = "Rename the folder, or remove that file first."
        return FolderError("Its folder has the name of a file that is there", where=name, mend=mend)
    mend = "Check the permissions and the space on the disk."
    return HomeError(f"The file cannot be kept ({error.strerror})", where=name, mend=mend)


def refused(sentence: str, status: int) -> Response:
    """An error of the user's, as the page shows it."""
    return PlainTextResponse(sentence, status)
