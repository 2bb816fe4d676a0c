from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import SettingsError
from rag.settings import FILE, Settings


def test_flags_win_over_the_environment_over_the_file(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('passages = 3\ncollection = "file"\nmax_risk = 0.3\n')
    environ = {"SPANWISE_PASSAGES": "5", "SPANWISE_COLLECTION": "environment"}
    settings = Settings.load(environ, home=str(tmp_path), collection="flag", passages=None)
    assert settings == Settings(tmp_path, "flag", passages=5, max_risk=0.3)


def test_defaults(tmp_path: Path) -> None:
    assert Settings.load({}, home=tmp_path) == Settings(tmp_path)


@pytest.mark.parametrize(
    ("file", "environ", "said"),
    [
        ("passages = 0", {}, "at least 1.*settings.toml"),
        ("passage = 8", {}, "no setting 'passage'.*settings.toml"),
        ("passages = [", {}, "cannot be read.*settings.toml"),
        ("", {"SPANWISE_PASSAGES": "many"}, "'many' makes no sense.*SPANWISE_PASSAGES"),
        ("", {"SPANWISE_MAX_RISK": "2"}, "between 0 and 1.*SPANWISE_MAX_RISK"),
    ],
)
def test_nonsense_is_told_with_its_source(
    file: str, environ: dict[str, str], said: str, tmp_path: Path
) -> None:
    (tmp_path / FILE).write_text(file)
    with pytest.raises(SettingsError, match=f"(?s){said}"):
        Settings.load(environ, home=tmp_path)
