"""Files of activities: each line understood by itself, so that a bad one is refused and the others stand.

    {"id": "t-17", "kind": "flight", "quantity": "1", "unit": "passenger", "start": "2024-03-01",
     "origin": "ZRH", "destination": "SFO"}

This module is pure. The place of a line is taken as written: which places there are, the factor set knows.
"""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256

from connectors.activities.envelope import Layout, lines_of
from connectors.activities.names import ATTACHMENT_FIELD, ONLY_ESTIMATED, OWN_FIELDS, REQUIRED_FIELDS
from connectors.activities.rows import Number, Row, csv_rows, in_line, json_rows
from domain.canonical import to_canonical
from domain.declared import (
    MONTH_ATTRIBUTE,
    ActivityDocument,
    DeclaredActivity,
    check_amount,
    declared_days,
    quality_of_kind,
)
from domain.errors import AttributeValueError, ClimateFitnessError, DocumentError, InputError, TimeError
from domain.kinds import Kind, checked_attributes, find_kind, kind_quantity
from domain.number import decimal_from_text
from domain.units import MICRO_PER_UNIT, find_unit

PARSER_VERSION = "activities/1"
"""Stands in manifests."""

LONGEST_DAYS_COUNT = 1_827
"""An activity over more than five years is a typing mistake."""

MAX_TEXT_COUNT = 200
"""Characters of one value."""

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_SIMPLE = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,6}))?\Z")


def parse(body: bytes) -> ActivityDocument:
    """The activities of one file.

    Args:
        body: NDJSON or CSV.

    Returns:
        What it declares and takes back, and what was refused with line and reason.

    Raises:
        DocumentError: The file is no text of ours: its encoding, its header, its size.
    """
    layout, lines = lines_of(body)
    reading = Reading()
    for number, row in json_rows(lines) if layout is Layout.NDJSON else csv_rows(lines):
        if isinstance(row, DocumentError):
            reading.refused.append(row)
            continue
        try:
            reading.take(number, row)
        except ClimateFitnessError as error:
            reading.refused.append(in_line(error, number))
    return ActivityDocument(tuple(reading.activities), tuple(reading.removed_keys), tuple(reading.refused))


def removal_document(record_key: str, removed_at: str) -> bytes:
    """A file that takes one activity back: what is written where a person removes it on a page.

    Args:
        record_key: Name of the activity.
        removed_at: When, RFC 3339 in UTC: the same activity can be removed again after it came back.
    """
    return to_canonical({"id": record_key, "removed": True, "removed_at": removed_at}) + b"\n"


class Reading:
    """Activities line by line, as fields of `names`: what was understood so far. Invariant: every record key stands once."""

    def __init__(self) -> None:
        self.activities: list[DeclaredActivity] = []
        self.removed_keys: list[str] = []
        self.refused: list[DocumentError] = []
        self._line_by_key: dict[str, int] = {}
        self._same_counts: Counter[str] = Counter()

    def take(self, number: int, row: Row) -> None:
        """Take in one line.

        Raises:
            InputError: Something of it cannot be used.
        """
        record_key = _record_key(row)
        if "removed" in row and _is_removed(row, record_key):
            self._claim(record_key, number)
            self.removed_keys.append(record_key)
            return
        activity = _activity(number, row, record_key)
        if not record_key:
            digest = _content_digest(activity)
            self._same_counts[digest] += 1
            record_key = f"sha256:{digest}/{self._same_counts[digest]}"
            activity = replace(activity, record_key=record_key)
        self._claim(record_key, number)
        self.activities.append(activity)

    def _claim(self, record_key: str, number: int) -> None:
        before = self._line_by_key.setdefault(record_key, number)
        if before != number:
            raise InputError(
                "This id stands twice in the file",
                expected="each id once",
                got=record_key,
                record="id",
                next_step=f"It stands in line {before}, too, which counts. Give this activity an id of its own.",
            )


def _activity(number: int, row: Row, record_key: str) -> DeclaredActivity:
    for name in REQUIRED_FIELDS:
        if row.get(name) is None:
            raise InputError("A field is missing", expected=name, got=", ".join(row) or "nothing")
    for name, next_step in ONLY_ESTIMATED.items():
        if row.get(name) is not None:
            raise InputError(
                "This field is not for files", expected="a line without it", got=name, record=name, next_step=next_step
            )
    if row.get("removed_at") is not None:
        raise InputError("This field is for removals", expected="removed beside it", got="removed_at", record="removed_at")
    attachment_sha256 = _text(row, ATTACHMENT_FIELD)
    if attachment_sha256 and not _SHA256.match(attachment_sha256):
        raise InputError(
            "This is not the SHA-256 of a file",
            expected="64 lower-case hexadecimal digits",
            got=attachment_sha256,
            record=ATTACHMENT_FIELD,
        )
    kind_name, unit_text = _text(row, "kind"), _text(row, "unit")
    attributes = tuple([(name, _text(row, name)) for name, value in row.items() if name not in OWN_FIELDS and value is not None])
    kind, checked = _checked(kind_name, attributes)
    quantity_micro, unit = _quantity(kind, row["quantity"], unit_text)
    start_date, end_date = _days(_text(row, "start"), _text(row, "end"))
    return DeclaredActivity(
        record_key=record_key,
        kind=kind.name,
        attributes=checked,
        quantity_micro=quantity_micro,
        unit=unit,
        start_date=start_date,
        end_date=end_date,
        region=_text(row, "region"),
        quality=quality_of_kind(kind.name),
        line_number=number,
    )


def _text(row: Row, name: str) -> str:
    """The text of a field; empty where it is left out.

    Raises:
        InputError: It is no text, or too long.
    """
    value = row.get(name)
    if type(value) is str:
        if len(value) > MAX_TEXT_COUNT or not value.isprintable():
            raise InputError(
                "This text cannot be used",
                expected=f"at most {MAX_TEXT_COUNT} characters that can be printed",
                got=value,
                record=name,
            )
        return value
    if value is None:
        return ""
    raise InputError(
        "This field is text", expected=f"text in {name}", got=value, record=name, next_step="Put it in quotation marks."
    )


@lru_cache(maxsize=16_384)
def _checked(kind_name: str, attributes: tuple[tuple[str, str], ...]) -> tuple[Kind, tuple[tuple[str, str], ...]]:
    kind = find_kind(kind_name, record="kind")
    given = dict(attributes)
    if MONTH_ATTRIBUTE in given:
        raise AttributeValueError(
            "The month follows from the days",
            expected="start and end",
            got=f"month {given[MONTH_ATTRIBUTE]}",
            record=MONTH_ATTRIBUTE,
            next_step="Leave it out.",
        )
    return kind, checked_attributes(kind, given)


def _quantity(kind: Kind, value: object, unit_text: str) -> tuple[int, str]:
    """Millionths of the unit that the kind is kept in, and that unit.

    Raises:
        InputError: It is no number, or one that cannot be.
    """
    if not isinstance(value, str):
        raise InputError(expected='a number as text, such as "350.5"', got=value, record="quantity")
    unit, scale_micro = _scale(kind.name, unit_text)
    simple = _SIMPLE.match(value) if scale_micro else None
    if simple:
        sign, whole, part = simple.groups("")
        quantity_micro = int(whole) * scale_micro + int(part.ljust(6, "0")) * scale_micro // MICRO_PER_UNIT
        quantity_micro = -quantity_micro if sign else quantity_micro
    else:
        amount = Fraction(decimal_from_text(value, record="quantity"))
        quantity_micro = kind_quantity(kind, amount, unit_text, record="quantity").quantity_micro
    if quantity_micro <= 0:
        check_amount(kind, find_unit(unit_text).dimension, quantity_micro, got=f"{value} {unit_text}", record="quantity")
    return quantity_micro, unit


@lru_cache(maxsize=1_024)
def _scale(kind_name: str, unit_text: str) -> tuple[str, int]:
    """The unit that an amount is kept in, and how many millionths of it one unit of the file is; 0 where that is not simple."""
    one = kind_quantity(find_kind(kind_name), Fraction(1), unit_text, record="unit")
    is_whole = not one.rounded_away and one.quantity_micro % MICRO_PER_UNIT == 0 and one.quantity_micro <= 1_000 * MICRO_PER_UNIT
    return one.unit, one.quantity_micro if is_whole else 0


@lru_cache(maxsize=16_384)
def _days(start: str, end: str) -> tuple[date, date]:
    start_date, end_date = declared_days(start, end)
    if end_date - start_date > timedelta(days=LONGEST_DAYS_COUNT):
        raise TimeError(
            "This activity is too long",
            expected=f"at most {LONGEST_DAYS_COUNT} days",
            got=f"{start_date} to {end_date}",
            record="end",
            next_step="Check both days.",
        )
    return start_date, end_date


def _record_key(row: Row) -> str:
    """The id of a line as text; empty where it has none.

    Raises:
        InputError: It has spaces around it, or is no text.
    """
    value = row.get("id")
    if value is None:
        return ""
    text = str(value) if isinstance(value, Number) else _text(row, "id")
    if not text or text != text.strip():
        raise InputError("An id is text without spaces around it", expected="such as t-17", got=value, record="id")
    return text


def _is_removed(row: Row, record_key: str) -> bool:
    value = row["removed"]
    if value in (False, "false", None):
        return False
    if value not in (True, "true"):
        raise InputError(expected="true, or leave it out", got=value, record="removed")
    others = [name for name in row if name not in {"id", "removed", "removed_at"}]
    if others or not record_key:
        raise InputError(
            "A removal is an id and nothing else",
            expected="id and removed",
            got=", ".join(row),
            record="removed",
            next_step="To correct an activity, give it again under its id, without removed.",
        )
    _text(row, "removed_at")
    return True


def _content_digest(activity: DeclaredActivity) -> str:
    """What an activity says, however its line was laid out: 32 hexadecimal digits."""
    said = [
        activity.kind,
        activity.attributes,
        activity.quantity_micro,
        activity.unit,
        str(activity.start_date),
        str(activity.end_date),
        activity.region,
    ]
    return sha256(json.dumps(said).encode()).hexdigest()[:32]
