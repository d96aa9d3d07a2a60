"""Numbers: strict reading, exact texts, and ties."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import NumberError
from domain.number import (
    INT64_MAX,
    decimal_from_text,
    decimal_of_micro,
    decimal_to_text,
    fraction_from_text,
    fraction_of,
    fraction_to_text,
    grams_of_micrograms,
    quantize_text,
    round_half_away,
    round_half_even,
)

FRACTIONS = st.fractions(min_value=-(10**20), max_value=10**20, max_denominator=10**9)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=12)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "12"),
        ("-3.50", "-3.50"),
        ("+1", "1"),
        ("1e-7", "0.0000001"),
        ("1E+2", "100"),
        (".5", "0.5"),
        ("5.", "5"),
        ("007", "7"),
        (" 12\r\n", "12"),
        ("0e99", "0"),
        ("9" * 30 + "." + "9" * 30, "9" * 30 + "." + "9" * 30),
    ],
)
def test_plain_numbers_are_read_exactly(text: str, value: str) -> None:
    """A plain decimal text is its value, to the last digit."""
    assert fraction_of(decimal_from_text(text)) == Fraction(value)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "NaN",
            "nan",
            "Infinity",
            "-inf",
            "sNaN",
            "\u0661\u0662",
            "\uff11\uff12",
            "²",
            "1_000",
            "1,000",
            "1 000",
            "1.2.3",
            "--1",
            "+-1",
        ),
        *("1e", "e5", ".", "+", "1e+", "1e100", "1E+999999999", "0x10", "1\x002", "12 kWh", "1\u00a0", "9" * 31, "1" * 10**6),
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_anything_else_is_refused(text: str) -> None:
    """Other digits, separators, exponents of three digits and words are no plain numbers."""
    with pytest.raises(NumberError, match=r"expected a plain decimal number such as 12 or -3\.50"):
        decimal_from_text(text)


@pytest.mark.parametrize("text", ["1" + "0" * 29 + "e1", "1e30", "-1e30", "1e99"])
def test_ten_to_the_thirty_is_refused(text: str) -> None:
    """10^30 and more is no amount of anything."""
    with pytest.raises(NumberError, match=r"expected an amount below 10\^30"):
        decimal_from_text(text)


def test_number_refusal_names_record_and_next_step() -> None:
    """The message says what came, where it stood, and what to write instead."""
    with pytest.raises(NumberError) as caught:
        decimal_from_text("1,234", record="line 7")
    assert caught.value.sentence() == (
        "This is not a plain decimal number in the allowed range; expected a plain decimal number such as 12 or -3.50; "
        "got 1,234; in line 7. Write digits with a point; no thousands separator, no unit."
    )


def test_reading_does_not_depend_on_the_decimal_context() -> None:
    """A caller's low precision does not round what is read."""
    with localcontext(prec=3):
        assert decimal_from_text("123456.789").as_tuple().digits == (1, 2, 3, 4, 5, 6, 7, 8, 9)


@given(DECIMALS)
def test_decimal_text_round_trip(value: Decimal) -> None:
    """A decimal's text is read as the same number."""
    assert decimal_from_text(decimal_to_text(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+2", "100"),
        ("-0.00", "0"),
        ("0E-40", "0"),
        ("0E+5", "0"),
        ("1.500", "1.5"),
        ("100", "100"),
        ("-2.0", "-2"),
        ("1E-7", "0.0000001"),
    ],
)
def test_decimal_to_text_is_the_shortest(value: str, text: str) -> None:
    """No exponent, no trailing zeros, no negative zero."""
    assert decimal_to_text(Decimal(value)) == text


@given(DECIMALS)
def test_fraction_text_of_a_decimal_is_its_text(value: Decimal) -> None:
    """A fraction with a finite decimal form is written exactly."""
    assert fraction_to_text(fraction_of(value)) == decimal_to_text(value)


@given(FRACTIONS, st.integers(0, 12))
def test_fraction_text_is_within_half_a_unit(value: Fraction, places_count: int) -> None:
    """What is written differs by at most half of the last place."""
    assert abs(Fraction(fraction_to_text(value, places_count=places_count)) - value) <= Fraction(1, 2 * 10**places_count)


@pytest.mark.parametrize(
    ("value", "places_count", "text"),
    [
        (Fraction(1, 3), 6, "0.333333"),
        (Fraction(-2, 3), 6, "-0.666667"),
        (Fraction(1, 3), 0, "0"),
        (Fraction(-1, 30_000_000), 6, "0"),
        (Fraction(1, 8), 1, "0.125"),
        (Fraction(-7), 6, "-7"),
        (Fraction(1200), 6, "1200"),
        (Fraction(0), 6, "0"),
    ],
)
def test_fraction_texts(value: Fraction, places_count: int, text: str) -> None:
    """Exact where finite, else rounded; never a negative zero."""
    assert fraction_to_text(value, places_count=places_count) == text


@pytest.mark.parametrize(("halves", "even", "away"), [(1, 0, 1), (3, 2, 2), (5, 2, 3), (-1, 0, -1), (-3, -2, -2), (-5, -2, -3)])
def test_ties(halves: int, even: int, away: int) -> None:
    """Half to even and half away from zero differ at ties only in their choice."""
    assert (round_half_even(Fraction(halves, 2)), round_half_away(Fraction(halves, 2))) == (even, away)


@given(FRACTIONS)
def test_rounding_is_symmetric(value: Fraction) -> None:
    """A refund rounds as a charge does."""
    assert (round_half_away(-value), round_half_even(-value)) == (-round_half_away(value), -round_half_even(value))


@given(FRACTIONS)
def test_both_roundings_are_nearest(value: Fraction) -> None:
    """The rounded number is at most one half away."""
    assert abs(round_half_away(value) - value) <= Fraction(1, 2)
    assert abs(round_half_even(value) - value) <= Fraction(1, 2)


@given(st.integers(-INT64_MAX, INT64_MAX))
def test_decimal_of_micro_is_exact(quantity_micro: int) -> None:
    """A quantity in millionths is shown without loss."""
    assert Fraction(decimal_of_micro(quantity_micro)) * 1_000_000 == quantity_micro


@pytest.mark.parametrize(
    ("amount_ug", "grams"), [(0, 0), (499_999, 0), (500_000, 1), (-500_000, -1), (-499_999, 0), (1_500_000, 2)]
)
def test_grams_round_half_away(amount_ug: int, grams: int) -> None:
    """Half a gram counts as one, in both directions."""
    assert grams_of_micrograms(amount_ug) == grams


@pytest.mark.parametrize(
    ("value", "places_count", "text"),
    [
        ("0.5", 0, "0"),
        ("1.5", 0, "2"),
        ("-0.004", 2, "0.00"),
        ("-0.005", 2, "0.00"),
        ("-0.015", 2, "-0.02"),
        ("1234.5", 2, "1234.50"),
    ],
)
def test_quantize_text(value: str, places_count: int, text: str) -> None:
    """Screens get a fixed number of places, half to even, and no negative zero."""
    assert quantize_text(Fraction(value), places_count=places_count) == text


@given(FRACTIONS)
def test_fraction_from_text_is_the_inverse_of_str(value: Fraction) -> None:
    """A fraction's shortest text is read as the same fraction."""
    assert fraction_from_text(str(value)) == value


@pytest.mark.parametrize(
    "text", ["", "0.5", "2/4", "3/1", "1/0", "1/-2", "-0", "+1", "01", " 1", "1/2 ", "1_0", "1/2/3", "\u0661"]
)
def test_fraction_in_another_form_is_refused(text: str) -> None:
    """A fraction has one text: lowest terms, no sign below the line, no leading zero."""
    with pytest.raises(NumberError, match=r'expected a fraction in lowest terms, such as "41/959"'):
        fraction_from_text(text)
