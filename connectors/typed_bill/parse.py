"""Typed bills as documents: canonical JSON with what the person typed, word for word."""

from array import array
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NoReturn

from domain.activity import Direction
from domain.canonical import from_canonical, to_canonical
from domain.errors import ClimateFitnessError, DocumentError, TimeError
from domain.fields import Fields
from domain.number import decimal_from_text
from domain.period import checked_instant, date_from_text, zone_of
from domain.series import IntervalSeries, MeterDocument
from domain.split import bill_period
from domain.units import Dimension, to_canonical_micro

PARSER_VERSION = "typed-bill/1"
"""Stands in manifests."""

BILL_FORMAT = "climate-fitness/typed-bill/1"
"""Name and version of the document's layout."""

LONGEST_BILL_DAYS = 400
"""A bill over more days is a typing mistake."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a person typed.

    Attributes:
        utility: Name of the utility, the meter's name here.
        first_date: First day of the bill, as `2024-03-01`.
        last_date: Last day, in the bill, too.
        amount_text: The amount as typed: "412.5".
        unit: Its unit: "kWh".
        zone: IANA time zone of the meter.
        attachment_sha256: SHA-256 of the file attached as evidence, or empty.
        is_additional: Whether it counts beside other data of the same days: it is for another meter.
    """

    utility: str
    first_date: str
    last_date: str
    amount_text: str
    unit: str
    zone: str
    attachment_sha256: str = ""
    is_additional: bool = False


def bill_document(bill: Bill) -> bytes:
    """A typed bill as a document: the inverse of reading it."""
    return to_canonical(
        {
            "amount": bill.amount_text,
            "attachment_sha256": bill.attachment_sha256,
            "first_date": bill.first_date,
            "format": BILL_FORMAT,
            "is_additional": bill.is_additional,
            "kind": "electricity",
            "last_date": bill.last_date,
            "unit": bill.unit,
            "utility": bill.utility,
            "zone": bill.zone,
        }
    )


def parse(body: bytes) -> MeterDocument:
    """The one reading of a typed bill.

    Args:
        body: As `bill_document` makes it.

    Returns:
        A series with one reading as long as the bill.

    Raises:
        DocumentError: The bytes are not a typed bill, or what was typed cannot be.
    """
    bill, kind = _bill_of(body)
    try:
        return _document(bill, kind)
    except ClimateFitnessError as error:
        _refuse(error)


def bill_of_document(body: bytes) -> Bill:
    """What was typed: the inverse of `bill_document`.

    Args:
        body: As `bill_document` makes it.

    Returns:
        The bill.

    Raises:
        DocumentError: The bytes are not a typed bill.
    """
    return _bill_of(body)[0]


def _bill_of(body: bytes) -> tuple[Bill, str]:
    """The bill and its kind of activity.

    Raises:
        DocumentError: The bytes are not a typed bill.
    """
    try:
        fields = Fields(from_canonical(body, record="typed bill"), "typed bill")
        if fields.text("format") != BILL_FORMAT:
            raise DocumentError(expected=BILL_FORMAT, got=fields.text("format"), record="typed bill")
        bill = Bill(
            utility=fields.text("utility"),
            first_date=fields.text("first_date"),
            last_date=fields.text("last_date"),
            amount_text=fields.text("amount"),
            unit=fields.text("unit"),
            zone=fields.text("zone"),
            attachment_sha256=fields.text("attachment_sha256"),
            is_additional="is_additional" in fields.names() and fields.boolean("is_additional"),  # older ones do not say it
        )
        return bill, fields.text("kind")
    except DocumentError:
        raise
    except ClimateFitnessError as error:
        _refuse(error)


def _refuse(error: ClimateFitnessError) -> NoReturn:
    """Say of a bill what was refused of it.

    Raises:
        DocumentError: Always.
    """
    raise DocumentError(
        f"This bill cannot be used: {error.message}",
        expected=error.expected,
        got=error.got,
        record=error.record or "typed bill",
        next_step=error.next_step,
    ) from error


def _document(bill: Bill, kind: str) -> MeterDocument:
    first = date_from_text(bill.first_date, record="first day")
    last = date_from_text(bill.last_date, record="last day")
    _check_days(first, last)
    period = bill_period(first, last, zone_of(bill.zone, record="typed bill"))
    start, end = checked_instant(period.start, record="first day"), checked_instant(period.end, record="last day")
    amount = decimal_from_text(bill.amount_text, record="amount")
    quantity = to_canonical_micro(amount, bill.unit, dimension=Dimension.ENERGY, record="amount")
    start_s = int(start.timestamp())
    series = IntervalSeries(
        usage_point=bill.utility,
        series_key="bill",
        kind=kind,
        direction=Direction.DELIVERED,
        unit=quantity.unit,
        micro_per_value=Fraction(1),
        starts_s=array("q", [start_s]),
        durations_s=array("q", [int(end.timestamp()) - start_s]),
        values=array("q", [quantity.quantity_micro]),
        qualities=array("q"),
        is_additive=True,
        source_unit=bill.unit,
        is_bill=True,
    )
    return MeterDocument(series=(series,), title=bill.utility)


def _check_days(first: date, last: date) -> None:
    days_count = (last - first).days + 1
    if not 1 <= days_count <= LONGEST_BILL_DAYS:
        raise TimeError(
            "A bill has a first and a last day",
            expected=f"a last day from {first} on, at most {LONGEST_BILL_DAYS} days",
            got=f"{first} to {last}",
            record="typed bill",
            next_step="Check both days.",
        )
