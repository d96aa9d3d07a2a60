"""Half-hourly readings of Octopus Energy as a series. Pure: bytes in, values out.

    #cf-context/1 {"direction":"delivered","fuel":"electricity","point":"1200000345678","serial":"19L1234567","unit":"kWh"}
    {"count":2,"next":null,"previous":null,"results":[
      {"consumption":0.063,"interval_start":"2024-03-31T02:00:00+01:00","interval_end":"2024-03-31T02:30:00+01:00"},
      {"consumption":0.071,"interval_start":"2024-03-31T00:30:00Z","interval_end":"2024-03-31T02:00:00+01:00"}]}

The answer names neither meter nor unit: both stand in the line before it. Amounts are read from their digits; what has more than
six decimals is rounded half to even to a millionth, once.
"""

import re
from array import array
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

from connectors.context import unframed
from connectors.exact_json import Number, listed, named, read_exact, text
from connectors.green_button.columns import EARLIEST_START_S, LATEST_END_S, Refusals
from connectors.octopus.meters import Meter
from domain.errors import ClimateFitnessError, NumberError, TimeError, UnknownFormatError
from domain.number import decimal_from_text, round_half_even
from domain.period import instant_from_text, instant_of_epoch_s, instant_to_text
from domain.series import IntervalSeries, MeterDocument
from domain.units import MICRO_PER_UNIT

PARSER_VERSION = "octopus-1"
"""Stands in manifests; changes when the same document would give other series."""

MOST_AMOUNT_COUNT = 1_000_000
"""Most kWh or m3 of one reading: a gigawatt-hour in half an hour is none, and many of them would pass what a day can hold."""

LONGEST_S = 26 * 3600
"""We ask for half hours. A day may come, too; a week or a month beside them would be counted twice."""

_USUAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})\Z")
_KIND = {"electricity": "electricity", "gas": "natural_gas"}


@dataclass(frozen=True, slots=True)
class Page:
    """One answer.

    Attributes:
        document: Its readings.
        next_url: Where the next page is; empty on the last one.
        spans_s: Begin and end of each reading, seconds since 1970, sorted.
    """

    document: MeterDocument
    next_url: str
    spans_s: list[tuple[int, int]]


def parse(body: bytes) -> MeterDocument:
    """The readings of one answer.

    Args:
        body: Its bytes, after the line that names the meter.

    Returns:
        One series in kWh or m3, or none where the answer is empty, and what was refused with the reason.

    Raises:
        DocumentError: No meter is named, or it is no page of readings.
    """
    return read_page(body).document


def read_page(body: bytes) -> Page:
    """The readings of one answer, and where the next ones are.

    Args:
        body: As for `parse`.

    Returns:
        The page.

    Raises:
        DocumentError: No meter is named, or it is not JSON.
        UnknownFormatError: It is no page of readings.

    Source:
        developer.octopus.energy, REST API, "Consumption".
    """
    context, answer = unframed(body)
    meter = Meter.from_context(context)
    page = read_exact(answer)
    if not isinstance(named(page, "results"), list):
        raise UnknownFormatError(
            "This is no page of readings as Octopus Energy gives them",
            expected="an object with a list of results",
            got=", ".join(page)[:120] if isinstance(page, dict) else type(page).__name__,
            next_step="The provider may have changed its format; it is kept for a look.",
        )
    readings = _Readings()
    readings.take_all(listed(page, "results"))
    readings.refuse_overlaps()
    title = f"Octopus Energy, {meter.direction} {meter.fuel} of meter {meter.name}, {meter.unit}"
    series = (readings.series(meter),) if readings.starts_s else ()
    return Page(MeterDocument(series, readings.refusals.all(), title=title), text(page, "next"), readings.spans_s())


class _Readings:
    """The columns. Invariant: equally long; every start stands once."""

    def __init__(self) -> None:
        self.starts_s, self.durations_s, self.quantities_micro = array("q"), array("q"), array("q")
        self.refusals = Refusals()
        self._row_of_start: dict[int, int] = {}
        self._second_of: dict[str, int] = {}  # the end of one reading is the begin of the next
        self._micro_of: dict[str, int] = {}  # amounts of half hours are few and come again

    def take_all(self, rows: list[object]) -> None:
        """Take in readings; the same one again is no news, and each that cannot be is refused alone."""
        for number, row in enumerate(rows, 1):
            try:
                self._take(row)
            except ClimateFitnessError as error:
                self.refusals.reading(error.message, expected=error.expected, got=error.got, record=f"reading {number}")

    def _take(self, row: object) -> None:
        """Take in one reading.

        Raises:
            UnknownFormatError: It has no amount or no times.
            TimeError: A time is none, or has no offset, or the end is not soon after the begin.
            NumberError: The amount cannot be, or its time has another amount already.
        """
        if row.__class__ is not dict:
            raise UnknownFormatError("This is no reading", expected="consumption, interval_start and interval_end", got=row)
        amount, begin, end = row.get("consumption"), row.get("interval_start"), row.get("interval_end")
        if amount.__class__ is not Number or begin.__class__ is not str or end.__class__ is not str:
            raise UnknownFormatError(
                "A reading has an amount and two times",
                expected="consumption as a number, interval_start and interval_end as text",
                got=f"consumption {amount}, from {begin} to {end}",
            )
        quantity_micro = self._micro_of.get(amount)
        if quantity_micro is None:
            quantity_micro = self._micro_of[amount] = _micro(amount)
        start_s, end_s = self._second_of.get(begin), self._second_of.get(end)
        if start_s is None:
            start_s = self._second_of[begin] = _second(begin)
        if end_s is None:
            end_s = self._second_of[end] = _second(end)
        if not 0 < end_s - start_s <= LONGEST_S:
            raise TimeError(
                "A reading is of a half hour", expected="an end at most a day after the begin", got=f"{begin} to {end}"
            )
        row_index = len(self.starts_s)
        before = self._row_of_start.setdefault(start_s, row_index)
        if before != row_index:
            if (self.durations_s[before], self.quantities_micro[before]) != (end_s - start_s, quantity_micro):
                raise NumberError("This time has another amount already", expected="each time once", got=f"{amount} at {begin}")
            return
        self.starts_s.append(start_s)
        self.durations_s.append(end_s - start_s)
        self.quantities_micro.append(quantity_micro)

    def refuse_overlaps(self) -> None:
        """Leave out what measures a time that another reading measures: of two the longer one, of equals the later one."""
        rows = sorted(range(len(self.starts_s)), key=self.starts_s.__getitem__)
        ends_s = [start_s + length_s for start_s, length_s in zip(self.starts_s, self.durations_s, strict=True)]
        if all(ends_s[one] <= self.starts_s[other] for one, other in pairwise(rows)):
            return
        kept: list[int] = []
        for row in rows:
            while kept and ends_s[kept[-1]] > self.starts_s[row] and self.durations_s[kept[-1]] > self.durations_s[row]:
                self._refuse_overlap(kept.pop())
            if kept and ends_s[kept[-1]] > self.starts_s[row]:
                self._refuse_overlap(row)
            else:
                kept.append(row)
        kept.sort()  # the order of the document
        self.starts_s, self.durations_s, self.quantities_micro = (
            array("q", [column[row] for row in kept]) for column in (self.starts_s, self.durations_s, self.quantities_micro)
        )

    def _refuse_overlap(self, row_index: int) -> None:
        start_s = self.starts_s[row_index]
        begin, end = instant_of_epoch_s(start_s), instant_of_epoch_s(start_s + self.durations_s[row_index])
        self.refusals.reading(
            "This reading measures a time that another one measures",
            expected="half hours, one after the other",
            got=f"{instant_to_text(begin)} to {instant_to_text(end)}",
            record=f"reading from {instant_to_text(begin)}",
        )

    def series(self, meter: Meter) -> IntervalSeries:
        """The columns as a series."""
        return IntervalSeries(
            usage_point=meter.name,
            series_key=f"{meter.fuel} {meter.name}",
            kind=_KIND[meter.fuel],
            direction=meter.direction,
            unit=meter.unit,
            micro_per_value=Fraction(1),
            starts_s=self.starts_s,
            durations_s=self.durations_s,
            values=self.quantities_micro,
            qualities=array("q"),
            is_additive=True,
            source_unit=meter.unit,
        )

    def spans_s(self) -> list[tuple[int, int]]:
        """Begin and end of each reading, seconds since 1970, sorted."""
        return sorted((start_s, start_s + length_s) for start_s, length_s in zip(self.starts_s, self.durations_s, strict=True))


def _second(at: str) -> int:
    """The instant of a time with its offset, seconds since 1970.

    Raises:
        TimeError: It is none, or has a part of a second.
    """
    if _USUAL_TIME.match(at):
        try:
            at_s = int(datetime.fromisoformat(at).timestamp())
        except ValueError:
            at_s = 0
        if EARLIEST_START_S <= at_s <= LATEST_END_S:
            return at_s
    instant = instant_from_text(at)
    if instant.microsecond:
        raise TimeError("A reading begins and ends with a full second", expected="2024-03-01T00:30:00Z", got=at)
    return int(instant.timestamp())


def _micro(amount: str) -> int:
    """Millionths of the unit.

    Raises:
        NumberError: It is no plain decimal number, below zero, or too large.
    """
    value = decimal_from_text(amount)
    if value < 0 or value > MOST_AMOUNT_COUNT:
        raise NumberError("A reading is an amount", expected=f"0 to {MOST_AMOUNT_COUNT}", got=amount)
    return round_half_even(Fraction(value) * MICRO_PER_UNIT)
