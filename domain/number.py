"""Numbers as people and files write them, read strictly.

Python's own `Decimal` and `int` accept Arabic-Indic digits, underscores and `1E+999999999`; a bill never means those.
"""

import re
from decimal import Decimal
from fractions import Fraction

from domain.errors import NumberError

INT64_MAX = 2**63 - 1
"""Largest signed 64-bit integer."""

_PLAIN = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?\Z")


_FRACTION = re.compile(r"-?[0-9]{1,400}(/[1-9][0-9]{0,399})?")


def decimal_from_text(text: str, *, record: str = "") -> Decimal:
    """The number that a plain decimal text says, exactly.

    Args:
        text: ASCII digits with an optional sign, point and two-digit exponent: "12", "-3.50", "1e-7".
        record: Where it stands, for the message.

    Returns:
        The exact value; its unit is the caller's.

    Raises:
        NumberError: The text is anything else (NaN, infinity, a comma, other digits) or 10^30 and more.
    """
    stripped = text.strip(" \t\r\n")
    if not _PLAIN.match(stripped):
        raise NumberError(
            expected="a plain decimal number such as 12 or -3.50",
            got=text,
            record=record,
            next_step="Write digits with a point; no thousands separator, no unit.",
        )
    value = Decimal(stripped)
    if value.copy_abs() >= Decimal(10) ** 30:  # `abs` would round to 28 digits first
        raise NumberError(expected="an amount below 10^30", got=text, record=record, next_step="Check the number.")
    return value


def decimal_to_text(value: Decimal) -> str:
    """A decimal without exponent and without trailing zeros: `Decimal("1E+2")` is "100"."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def fraction_to_text(value: Fraction, *, places_count: int = 6) -> str:
    """A fraction as decimal text: exact where it has a finite decimal form, else rounded half to even.

    Args:
        value: The number; its unit is the caller's.
        places_count: Decimal places kept where the form is infinite.

    Returns:
        Decimal text without exponent.
    """
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives) if rest == 1 else places_count
    scaled = round_half_even(value * 10**places)
    sign = "-" if scaled < 0 else ""
    digits = str(abs(scaled)).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}".rstrip("0").rstrip(".") if places else digits
    return "0" if text == "0" else f"{sign}{text}"


def round_half_even(value: Fraction) -> int:
    """The nearest integer; ties go to the even one."""
    return round(value)


def round_half_away(value: Fraction) -> int:
    """The nearest integer; ties go away from zero."""
    magnitude = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return -magnitude if value < 0 else magnitude


def fraction_of(value: Decimal) -> Fraction:
    """The same number as an exact fraction."""
    return Fraction(value)


def fraction_from_text(text: str) -> Fraction:
    """The fraction that its shortest text says: "41/959", "3"; the inverse of `str`.

    Args:
        text: Numerator, or numerator, slash and denominator, in lowest terms.

    Returns:
        The fraction.

    Raises:
        NumberError: It is no such text.
    """
    if _FRACTION.fullmatch(text):
        value = Fraction(text)
        if str(value) == text:
            return value
    raise NumberError(expected='a fraction in lowest terms, such as "41/959"', got=text)


def decimal_of_micro(quantity_micro: int) -> Decimal:
    """A quantity in millionths as a decimal number of whole units."""
    return Decimal(quantity_micro).scaleb(-6)


def grams_of_micrograms(amount_ug: int) -> int:
    """Whole grams of a mass in micrograms, rounded half away from zero."""
    return round_half_away(Fraction(amount_ug, 1_000_000))


def quantize_text(value: Fraction, *, places_count: int) -> str:
    """A fraction with exactly this many decimal places, rounded half to even (for screens)."""
    scaled = round_half_even(value * 10**places_count)
    digits = str(abs(scaled)).rjust(places_count + 1, "0")
    whole, part = (digits[:-places_count], digits[-places_count:]) if places_count else (digits, "")
    return f"{'-' if scaled < 0 else ''}{whole}{'.' if part else ''}{part}"
