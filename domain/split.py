"""Splitting one amount over months by days, so that the parts add up exactly."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from domain.period import Month, Period, local_midnight, local_month


def split_over_months(quantity_micro: int, period: Period, zone: ZoneInfo) -> list[tuple[Month, Period, int]]:
    """Parts of an amount by local month, in proportion to time.

    Args:
        quantity_micro: The whole amount, millionths of its unit; may be negative.
        period: The span it was measured over.
        zone: Time zone of the place.

    Returns:
        Month, its part of the span, and its part of the amount; the parts add up to the whole.

    Source:
        shared design, arithmetic, section 2 (cumulative floors).
    """
    months = _months(period, zone)
    cuts = [period.start, *(local_midnight(month.first_date(), zone) for month in months[1:]), period.end]
    spans = [Period(start, end) for start, end in pairwise(cuts)]
    parts = split_in_proportion(quantity_micro, [_microseconds(span) for span in spans])
    return list(zip(months, spans, parts, strict=True))


def split_in_proportion(quantity_micro: int, weights: Sequence[int]) -> list[int]:
    """Parts of an amount in proportion to weights, by cumulative floors.

    Args:
        quantity_micro: The whole amount, in millionths; may be negative.
        weights: Not negative, at least one above zero.

    Returns:
        As many parts as weights, of the amount's sign, adding up to the whole.
    """
    whole, sign = abs(quantity_micro), -1 if quantity_micro < 0 else 1
    total, passed, given = sum(weights), 0, 0
    parts = []
    for weight in weights:
        passed += weight
        upto = whole * passed // total
        parts.append(sign * (upto - given))
        given = upto
    return parts


def bill_period(first: date, last: date, zone: ZoneInfo) -> Period:
    """The instants of a bill from its first to its last day, both in."""
    return Period(local_midnight(first, zone), local_midnight(last + timedelta(days=1), zone))


def _months(period: Period, zone: ZoneInfo) -> list[Month]:
    """The local months of a span; a month begins with its first midnight.

    Newfoundland's clocks went back from 00:01 of 1 November 2009 into October: that hour counts as November here.
    """
    month = local_month(period.start, zone)
    if local_midnight(month.plus(1).first_date(), zone) <= period.start:
        month = month.plus(1)
    months = [month]
    while local_midnight(months[-1].plus(1).first_date(), zone) < period.end:
        months.append(months[-1].plus(1))
    return months


def _microseconds(period: Period) -> int:
    return (period.end - period.start) // timedelta(microseconds=1)
