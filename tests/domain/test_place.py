"""Places: ZIP codes and countries, and nothing guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import PlaceError
from domain.place import Place, place_from_text


@pytest.mark.parametrize(
    ("text", "region", "country"),
    [
        ("94110", "US/zip/94110", "US"),
        ("94110-1234", "US/zip/94110", "US"),
        ("US-94110", "US/zip/94110", "US"),
        ("us-94110", "US/zip/94110", "US"),
        (" 00501\n", "US/zip/00501", "US"),
        ("DE", "DE", "DE"),
        ("de", "DE", "DE"),
        ("US", "US", "US"),
    ],
)
def test_places(text: str, region: str, country: str) -> None:
    """A ZIP code is a region of the US, two letters are a country."""
    assert place_from_text(text, zone="Europe/Berlin") == Place(region, country, "Europe/Berlin")


@given(st.integers(0, 99_999))
def test_every_zip_code_keeps_its_digits(number: int) -> None:
    """Leading zeros stay."""
    assert place_from_text(f"{number:05d}").region == f"US/zip/{number:05d}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9411",
        "941100",
        "94110-12",
        "US-CA",
        "US-DE",
        "USA",
        "D",
        "D1",
        "\u00df",
        "\ufb01",
        "\u0131s",
        "\u0661\u0662\u0663\u0664\u0665",
        "94110 CA",
        "US-US-94110",
        "US/zip/94110",
    ],
)
def test_other_texts_are_no_place(text: str) -> None:
    """States, three letters, other alphabets and other digits are refused; California is not Canada."""
    with pytest.raises(PlaceError, match="expected a five-digit US ZIP code or a two-letter country code"):
        place_from_text(text)


def test_place_refusal_is_whole() -> None:
    """The message says what came, where, and what to do."""
    with pytest.raises(PlaceError) as caught:
        place_from_text("Berlin", record="the form")
    assert caught.value.sentence() == (
        "This place is not known; expected a five-digit US ZIP code or a two-letter country code (94110, DE); got Berlin; "
        "in the form. Give the place where the meter is."
    )
