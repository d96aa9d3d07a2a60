"""Typed bills as documents: exact words in, one reading out, or a refusal by name."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import registry
from connectors.typed_bill.parse import LONGEST_BILL_DAYS, Bill, bill_document, bill_of_document, parse
from domain.activity import Direction
from domain.canonical import from_canonical, to_canonical
from domain.errors import DocumentError
from domain.period import local_midnight

BILL = Bill("Con Edison", "2025-03-01", "2025-03-31", "412.5", "kWh", "America/New_York")


def changed(**fields: str) -> bytes:
    """The document of the usual bill with other fields."""
    content = from_canonical(bill_document(BILL))
    assert isinstance(content, dict)
    return to_canonical({**content, **fields})


def test_bill_is_one_reading() -> None:
    """A bill is one additive reading of delivered electricity as long as its days, also over a clock change."""
    (series,) = parse(bill_document(BILL)).series
    assert (series.usage_point, series.kind, series.direction, series.is_additive) == (
        "Con Edison",
        "electricity",
        Direction.DELIVERED,
        True,
    )
    assert (list(series.durations_s), series.total()) == ([31 * 86_400 - 3_600], Fraction("412.5"))


@given(
    st.dates(date(1990, 1, 1), date(2037, 1, 1)),
    st.integers(1, LONGEST_BILL_DAYS),
    st.decimals(-(10**6), 10**6, places=6, allow_nan=False),
    st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland"]),
)
def test_any_bill_comes_back(first: date, days_count: int, amount: Decimal, zone_name: str) -> None:
    """Days and amount of any bill are read as they were typed, to the millionth; a refund stays negative."""
    last = first + timedelta(days=days_count - 1)
    bill = Bill("U", str(first), str(last), f"{amount:f}", "kWh", zone_name)
    (series,) = parse(bill_document(bill)).series
    zone = ZoneInfo(zone_name)
    assert series.starts_s[0] == int(local_midnight(first, zone).timestamp())
    assert series.starts_s[0] + series.durations_s[0] == int(local_midnight(last + timedelta(days=1), zone).timestamp())
    assert series.values[0] == amount * 1_000_000


def test_other_energy_units_are_exact() -> None:
    """A megawatt-hour is a thousand kilowatt-hours."""
    (series,) = parse(changed(unit="MWh", amount="0.4125")).series
    assert (series.total(), series.unit, series.source_unit) == (Fraction("412.5"), "kWh", "MWh")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"unit": "kg"}, "got .*kg"),
        ({"unit": "lightyear"}, "lightyear"),
        ({"amount": "a lot"}, "in amount"),
        ({"amount": "1e400"}, "in amount"),
        ({"amount": ""}, "in amount"),
        ({"first_date": "2025-04-01"}, "A bill has a first and a last day"),
        ({"first_date": "2024-01-01"}, "at most 400 days"),
        ({"last_date": "31 March"}, "in last day"),
        ({"zone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"format": "climate-fitness/typed-bill/2"}, "climate-fitness/typed-bill/1"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, str], words: str) -> None:
    """Units, amounts, days and zones that cannot be are refused, saying which."""
    with pytest.raises(DocumentError, match=words):
        parse(changed(**fields))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(body: bytes) -> None:
    """Bytes that are no typed bill are a DocumentError and nothing else."""
    with pytest.raises(DocumentError):
        parse(body)


def test_layout_matters() -> None:
    """The document is canonical: the same words in another layout are not it."""
    with pytest.raises(DocumentError, match="canonical"):
        parse(bill_document(BILL).replace(b",", b", "))


def test_attachment_is_named_in_the_document() -> None:
    """The hash of the attached file is part of what was typed."""
    named = Bill(**{**{name: getattr(BILL, name) for name in BILL.__slots__}, "attachment_sha256": "ab" * 32})
    assert b"ab" * 32 in bill_document(named)
    assert parse(bill_document(named)).series[0].values == parse(bill_document(BILL)).series[0].values


def test_registry_knows_it() -> None:
    """It is found by its name, works now, and its parser has a version."""
    connector = registry.find("typed-bill")
    assert connector.manifest.works_now
    assert connector.manifest.parser_version == "typed-bill/1"
    assert connector.pull is None
    assert connector.parse(bill_document(BILL)) == parse(bill_document(BILL))


@pytest.mark.parametrize("is_additional", [False, True])
def test_document_says_all_that_was_typed(*, is_additional: bool) -> None:
    """A bill comes back from its document, also whether it counts beside other data."""
    bill = replace(BILL, is_additional=is_additional)
    assert bill_of_document(bill_document(bill)) == bill


def test_older_document_is_not_additional() -> None:
    """A document that was kept before bills said it is a bill like any other."""
    older = bill_document(BILL).replace(b'"is_additional":false,', b"")
    assert bill_of_document(older) == BILL
    assert parse(older) == parse(bill_document(BILL))


def test_amount_below_zero_is_marked_as_a_bill() -> None:
    """A refund stays below zero and is said to be a bill's, so that nobody takes it for export."""
    (series,) = parse(bill_document(replace(BILL, amount_text="-12.5"))).series
    assert (list(series.values), series.is_bill) == ([-12_500_000], True)


def test_other_bytes_are_no_bill() -> None:
    """What is no typed bill is refused by its name."""
    with pytest.raises(DocumentError, match=r"This bill cannot be used"):
        bill_of_document(b"{")
