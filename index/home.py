"""Where everything that Spanwise writes lies: the home folder and its collections.

``home/collections/<name>/`` holds ``CURRENT``, ``generations/``, ``locks/`` and ``writer.lock``.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from index.errors import BusyError, CollectionError, HomeError

DEFAULT_COLLECTION = "default"
_NAME = re.compile(r"\w[\w .-]{0,62}\w|\w", re.UNICODE)
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}
"""Names that Windows keeps for itself."""


def home_folder(home: str | Path | None = None) -> Path:
    """`home`, else ``SPANWISE_HOME``, else the system's data folder for users."""
    if home is None:
        home = os.environ.get("SPANWISE_HOME") or None
    if home is not None and not str(home).strip():
        raise HomeError("The name of the home folder is empty", mend="Check --home.")
    if home is None:
        import platformdirs

        return Path(platformdirs.user_data_dir("spanwise", appauthor=False))
    try:
        return Path(home).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise HomeError(
            f"Not a place for the home folder ({error})", where=home, mend="Check the path."
        ) from None


def make_home(home: Path) -> Path:
    """Make the home folder, readable by its owner alone, since it holds the documents' text."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "collections").mkdir(exist_ok=True)
    except OSError as error:
        raise HomeError(
            f"The home folder cannot be made ({error.strerror})",
            where=home,
            mend="Name another one with --home or SPANWISE_HOME.",
        ) from error
    return home


def collections(home: Path) -> list[str]:
    """Names of the collections that have a published index, sorted."""
    try:
        return sorted(p.parent.name for p in (home / "collections").glob("*/CURRENT"))
    except OSError as error:
        raise HomeError(
            f"The home folder cannot be read ({error.strerror})",
            where=home,
            mend="Check its permissions, or name another one with --home.",
        ) from error


def collection_folder(home: Path, collection: str | None) -> Path:
    """Folder of a collection that may not exist yet.

    None means ``default``, or the only collection there is.

    Raises:
        CollectionError: None, while there are several and none is called ``default``; or a name
            that cannot be a folder's on every system.
    """
    if collection is None:
        names = collections(home)
        if len(names) > 1 and DEFAULT_COLLECTION not in names:
            raise CollectionError(
                "There are several collections",
                where=", ".join(names),
                mend="Choose one with --collection.",
            )
        alone = len(names) == 1
        collection = names[0] if alone else DEFAULT_COLLECTION
    device = collection.partition(".")[0].casefold() in _DEVICES
    if not _NAME.fullmatch(collection) or device or len(collection.encode()) > 200:
        raise CollectionError(
            "Not a name for a collection",
            where=repr(collection),
            mend="Use letters, digits, blanks, '.', '-' and '_', at most 64, "
            "beginning and ending with a letter or digit.",
        )
    return home / "collections" / collection


def existing_collection(home: Path, collection: str | None) -> Path:
    """Folder of a collection that has been indexed.

    Raises:
        CollectionError: there is none of that name; the message lists those there are.
    """
    folder = collection_folder(home, collection)
    if not (folder / "CURRENT").is_file():
        names = collections(home)
        there = f"There are: {', '.join(names)}. " if names else ""
        raise CollectionError(
            "Nothing has been indexed yet" if not names else "No such collection",
            where=f"{folder.name} in {home}",
            mend=f"{there}Run: spanwise index FOLDER",
        )
    return folder


def drop(home: Path, collection: str) -> None:
    """Delete a collection's index. The folders that it was made from are not touched.

    What stays is the writer's lock file, and an empty folder with the last generation's number:
    the next one gets another, so that whoever has the old one open sees that it is gone.

    Raises:
        BusyError: another process is writing it.
        HomeError: something cannot be deleted.
    """
    from filelock import FileLock, Timeout

    folder = existing_collection(home, collection)
    try:
        with FileLock(folder / "writer.lock", timeout=0, fallback_to_soft=False):
            number = (folder / "CURRENT").read_text("ascii").strip()
            (folder / "CURRENT").unlink()  # without it the collection no longer exists
            for path in folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != "writer.lock":
                    path.unlink()
            (folder / "generations" / number.rjust(6, "0")).mkdir(parents=True)
    except Timeout:
        raise BusyError(
            "Another process is writing this collection", where=folder.name, mend="Try again later."
        ) from None
    except OSError as error:
        raise HomeError(
            f"The collection could not be deleted wholly ({error})",
            where=folder,
            mend="Delete the folder by hand.",
        ) from error
