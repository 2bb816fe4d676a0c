"""The tokeniser by examples, by what must hold for any text, and by time."""

from __future__ import annotations

import math
import string
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import IndexMismatchError, SettingsError
from index.lexical import Bm25
from index.terms import LONGEST_TERM, Analysis, analyse, fold, in_a_row, sound

PLAIN = Analysis(stemmer="", stop_words=False, joined=False)
JOINED = Analysis(stemmer="", stop_words=False, joined=True)


def terms(text: str) -> list[str]:
    return analyse(text, PLAIN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ærø Straße STRASSE naïve Łódź İstanbul", "aero strasse strasse naive lodz istanbul"),
        ("Sha'Fah Sha’Fah Shaʿfah Sha`fah", "shafah shafah shafah shafah"),
        ("Al-Sha’abi’s pro-government", "al shaabi pro government"),
        ("Assad's soldiers' don't 'quoted' rock'n'roll", "assad soldiers dont quoted rocknroll"),
        ("Deir ez-Zor, Deir al\u2011Zor", "deir ez zor deir al zor"),
        ("9K333 4,000 3.5 $3.50 1,234,567.8", "9k333 4000 3.5 3.50 1234567.8"),
        ("in 2017. In 2018.The 10.1.2017 1,2,3", "in 2017 in 2018 the 10 1 2017 1 2 3"),
        ("U.S. US u.s. U.S.A. USA us", "us us us us us us"),
        ("the U.S.-led, J.K. Rowling. U.N.The end.Next", "the us led jk rowling un the end next"),
        ("CO₂ km² 3½ ٤٢ Ｆｕｌｌ１２ ﬁnance Ⅳ", "co2 km 2 3 1 2 42 full12 finance iv"),
        ("soft\u00adhyphen zero\u200bwidth e\u0301te\u0301", "softhyphen zero width ete"),
        ("Москва العَرَبِيَّة हिंदी ΑΘΗΝΑ", "москва العربية हिंदी αθηνα"),
        ("北京大学 水 カタカナ 대한민국", "北京 京大 大学 水 カタ タカ カナ 대한 한민 민국"),
        ("iPhone手机-套", "iphone 手机 套"),
        ("snake_case a@b.org C++ 50% 😀", "snake case a b org c 50"),
        ("\ud800lone\x00nul\ufeff", "lone nul"),
        ("inter-\nnational re-\r\n  read", "inter national international re read reread"),
    ],
)
def test_terms(text: str, expected: str) -> None:
    assert terms(text) == expected.split()


def test_joined_form_beside_its_parts() -> None:
    assert analyse("Deir ez-Zor", JOINED) == ["deir", "ez", "zor", "ezzor"]
    assert analyse("T-72 COVID-19", JOINED) == ["t", "72", "t72", "covid", "19", "covid19"]
    assert analyse("2014-2017", JOINED) == ["2014", "2017"]
    assert analyse("state-of-the-art", JOINED) == ["state", "of", "the", "art"]


def test_stop_words_and_stemming() -> None:
    text = "What did the U.S. fighters say to us?"
    assert analyse(text, Analysis(stemmer="", joined=False)) == ["us", "fighters", "say", "us"]
    assert analyse(text, Analysis(joined=False)) == ["us", "fighter", "say", "us"]
    assert analyse("les chevaux", Analysis(stemmer="french", stop_words=False)) == ["le", "cheval"]


def test_settings_make_the_round_trip_and_versions_are_told() -> None:
    analysis = Analysis(stemmer="french", stop_words=False)
    assert Analysis.from_dict(analysis.to_dict()) == analysis
    with pytest.raises(IndexMismatchError, match="Index the folder again"):
        Analysis.from_dict({**analysis.to_dict(), "version": 0})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Analysis(stemmer="klingon"),
        lambda: Bm25(k1=0.0),
        lambda: Bm25(k1=math.nan),
        lambda: Bm25(b=1.5),
        lambda: Bm25(engine="lucene"),  # type: ignore[arg-type]
    ],
)
def test_settings_without_sense(make: Callable[[], object]) -> None:
    with pytest.raises(SettingsError):
        make()


HOSTILE = {
    "one word": "x" * 10**6,
    "digits": "1" * 10**6,
    "accents": "a" + "\u0301\u0316" * 200_000,
    "points": "a." * 200_000 + "ab",
    "decimals": "1." * 200_000,
    "thousands": "1" + ",234" * 100_000 + "5",
    "hyphens": "a-" * 200_000,
    "broken lines": ("a-" + "\n " * 1000) * 200,
    "apostrophes": "a'" * 200_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_linear_and_capped(name: str) -> None:
    start = time.perf_counter()
    found = analyse(HOSTILE[name], JOINED)
    assert time.perf_counter() - start < 5  # quadratic ones took minutes
    assert found and max(map(len, found)) <= LONGEST_TERM


@given(st.text(st.characters(), max_size=80))
def test_any_text_gives_clean_terms(text: str) -> None:
    for term in analyse(text, Analysis()):
        assert 0 < len(term) <= LONGEST_TERM + 5  # a stem may be longer, by a letter or two
        assert not set(term) & set(" \n\t'-,")
        term.encode()  # no lone surrogate


@given(st.text(string.ascii_letters + " -'.,0123456789\n", max_size=60))
def test_case_never_matters(text: str) -> None:
    assert terms(text.upper()) == terms(text.lower())


@pytest.mark.parametrize(
    "spellings",
    [
        "raqqa raqqah raqa raggah",
        "muhammad mohamed mohammed",
        "hezbollah hizbullah hizbollah",
        "zelensky selenskyj zelenskiy".replace("selenskyj", "zelenskyy"),
        "qaddafi kadafi qadhdhafi".replace("qadhdhafi", "kaddafi"),
        "zour zawr",
        "quran koran",
        "dostoevsky dostoyevskiy",
    ],
)
def test_spellings_that_sound_alike(spellings: str) -> None:
    sounds = {sound(spelling) for spelling in spellings.split()}
    assert len(sounds) == 1 and None not in sounds


@pytest.mark.parametrize("term", ["zor", "9k333", "2017", "aeio", "москва", "", "3.5"])
def test_too_little_to_go_by(term: str) -> None:
    assert sound(term) is None


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        ("ez-Zor", "Deir Ez Zór", True),
        ("Deir ez Zor", "“Deir\n ez-Zor”,", True),
        ("zor", "ez-Zor's", True),
        ("Sha'Fah", "in Sha’Fah.", True),
        ("coun", "council", False),
        ("council", "coun-cil", False),
        ("the town", "the old town", False),
        ("a.b*", "aab", False),
        ("北京", "在北京的人", True),
        ("京", "在北京的人", True),
        ("हिंद", "हिंदी", False),
    ],
)
def test_words_in_a_row(words: str, text: str, found: bool) -> None:
    pattern = in_a_row(words)
    assert pattern is not None
    assert bool(pattern.search(fold(text))) is found


@pytest.mark.parametrize("nothing", ["", "  ", "?!", "- '"])
def test_no_words_in_a_row(nothing: str) -> None:
    assert in_a_row(nothing) is None
