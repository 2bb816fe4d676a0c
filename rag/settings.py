"""One frozen `Settings`: defaults < ``settings.toml`` in the home < ``SPANWISE_*`` < flags.

Below this file there are only plain arguments.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from index.errors import SettingsError
from index.home import home_folder

FILE = "settings.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set. Each field is a flag, ``SPANWISE_<FIELD>`` and a line of the file.

    Attributes:
        home: the home folder.
        collection: the collection; None means ``default``, or the only one there is.
        encoder: name or folder of the sentence-transformers model for *new* collections.
        reader: name or folder of the question-answering model; None for the shipped one.
        passages: how many passages are read for a question.
        max_risk: an answer is given when the share of wrong ones among answers as sure as it is,
            on the calibration questions, is at most this; None for the calibration's own.
    """

    home: Path
    collection: str | None = None
    encoder: str | None = None
    reader: str | None = None
    passages: int = 8
    max_risk: float | None = None

    def __post_init__(self) -> None:
        if self.passages < 1:
            raise SettingsError(
                "The number of passages to read must be at least 1", where=self.passages
            )
        if self.max_risk is not None and not 0 <= self.max_risk <= 1:
            raise SettingsError("The risk must lie between 0 and 1", where=self.max_risk)

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ, **flags: object) -> Settings:
        """Settings from the home's file, the environment and the flags that are not None.

        Raises:
            SettingsError: a name that is no setting, or a value that makes no sense.
        """
        given = {name: value for name, value in flags.items() if value is not None}
        home = home_folder(given.pop("home", None))  # type: ignore[arg-type]
        settings = cls(home=home)
        names = {field.name for field in fields(cls)} - {"home"}
        settings = _apply(settings, _from_file(home / FILE), str(home / FILE), names)
        for name in sorted(names):
            variable = f"SPANWISE_{name.upper()}"
            if environ.get(variable):
                settings = _apply(settings, {name: environ[variable]}, variable, names)
        return _apply(settings, given, "the command line", names)


def _from_file(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The settings cannot be read ({error})", where=file, mend="Mend or remove the file."
        ) from error


def _apply(
    settings: Settings, values: Mapping[str, object], source: str, names: set[str]
) -> Settings:
    for name, value in values.items():
        if name not in names:
            raise SettingsError(
                f"There is no setting {name!r}", where=source, mend=f"There are: {sorted(names)}."
            )
        try:
            settings = replace(settings, **{name: _typed(name, value)})  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            raise SettingsError(
                f"{value!r} makes no sense for {name}", where=source, mend=f"({error})"
            ) from error
        except SettingsError as error:
            raise SettingsError(error.what, where=f"{name} = {value} in {source}") from error
    return settings


def _typed(name: str, value: object) -> object:
    if name == "passages":
        return int(str(value))
    if name == "max_risk":
        return float(str(value))
    return str(value)
