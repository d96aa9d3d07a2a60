"""The readings of an estimate of electricity: hours or parts of hours, which must be those of its quantity and span.

    "profile": [["2024-03-01T00:00:00Z", "0.412"], ["2024-03-01T01:00:00Z", "0.385"], ...]

Each is its begin and an amount in the request's unit, ascending. Every reading is as long as the smallest distance between two
begins, an hour at most. A begin lies on the day that is written in it, whatever its offset from UTC.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

from domain.activity import Kind, Profile
from domain.errors import InputError, TimeError
from domain.kinds import kind_quantity
from domain.number import decimal_from_text, fraction_of, fraction_to_text
from domain.period import instant_from_text
from scoring.hourly import HourWeights

PROFILE_FIELD = "profile"
PROFILE_KIND = "electricity"
"""The one kind whose estimate takes readings."""

MAX_READINGS_COUNT = 100_000
_HOUR = timedelta(hours=1)
_PAIR = 2


def readings_by_year(
    value: object, *, kind: Kind, amount: Decimal, unit: str, first_date: date, end_date: date
) -> Mapping[int, HourWeights]:
    """The electricity by the hour, for each calendar year as written.

    Args:
        value: What the request has.
        kind: Kind of the request.
        amount: Its quantity, in its unit.
        unit: Its unit, of which the readings are amounts.
        first_date: First day of its span.
        end_date: First day after it.

    Returns:
        Year to the electricity of its hours; they add up to the request's quantity to the millionth.

    Raises:
        InputError: It is no list of pairs, or does not add up to the quantity.
        NumberError: An amount is no number.
        TimeError: A begin is no instant with offset, is not after the one before, or leaves the span.
    """
    begins, amounts = _pairs(value)
    length = _length(begins)
    for number, begin in enumerate(begins, start=1):
        end = begin + length
        if not (first_date <= begin.date() and (end.date(), end.time()) <= (end_date, time.min)):
            raise TimeError(
                "A reading leaves the span",
                expected=f"readings from {first_date} to before {end_date}",
                got=begin.isoformat(),
                record=f"{PROFILE_FIELD}, reading {number}",
            )
    if sum(amounts, Fraction(0)) != fraction_of(amount):
        raise InputError(
            "The profile does not add up to the quantity",
            expected=f"{fraction_to_text(fraction_of(amount))} {unit}",
            got=f"{fraction_to_text(sum(amounts, Fraction(0)))} {unit}",
            record=PROFILE_FIELD,
            next_step="Give every reading of the quantity, in the same unit.",
        )
    upto_micro = [0, *(kind_quantity(kind, upto, unit, record=PROFILE_FIELD).quantity_micro for upto in accumulate(amounts))]
    found: dict[int, HourWeights] = {}
    for begin, (before, after) in zip(begins, pairwise(upto_micro), strict=True):
        reading = Profile((0,), (int(length.total_seconds()),), (after - before,))
        found.setdefault(begin.year, HourWeights()).add(int(begin.timestamp()), after - before, reading)
    return found


def _pairs(value: object) -> tuple[list[datetime], list[Fraction]]:
    expected = 'a list of begins and amounts: [["2024-03-01T00:00:00Z", "0.412"], ...]'
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_READINGS_COUNT:
        raise InputError(expected=expected, got=value, record=PROFILE_FIELD)
    begins, amounts = [], []
    for number, pair in enumerate(value, start=1):
        record = f"{PROFILE_FIELD}, reading {number}"
        if not isinstance(pair, list) or len(pair) != _PAIR or not isinstance(pair[0], str):
            raise InputError(expected=expected, got=pair, record=record)
        instant_from_text(pair[0], record=record)
        begins.append(datetime.fromisoformat(pair[0].upper()))  # as written: its own day and offset
        amounts.append(_amount(pair[1], record))
        if begins[-1].microsecond:
            raise TimeError(expected="a begin in whole seconds", got=pair[0], record=record)
        if len(begins) > 1 and begins[-1] <= begins[-2]:
            raise TimeError(
                "Readings are in order, each once", expected=f"after {value[number - 2][0]}", got=pair[0], record=record
            )
    return begins, amounts


def _amount(value: object, record: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise InputError(expected='a number as text, such as "0.412"', got=value, record=record)
    return fraction_of(decimal_from_text(str(value), record=record))


def _length(begins: Sequence[datetime]) -> timedelta:
    """The smallest distance between two begins, an hour at most."""
    return min([_HOUR, *(after - before for before, after in pairwise(begins))])
