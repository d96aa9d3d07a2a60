"""Every collected bank file agrees with what an independent reader found in it."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.bank_file import BANK_FILE
from connectors.bank_file.entries import Statement
from connectors.bank_file.parse import read_statements
from domain.errors import DocumentError

REFUSED = {
    "account_listing_aggregation.ofx": "a list of accounts",
    "bank_small.ofx": "an empty answer",
    "error_message.ofx": "2000 General Server Error",
    "signon_fail.ofx": "15500 Your request could not be processed",
    "signon_success.ofx": "the answer to a sign-on",
    "signon_success_no_message.ofx": "the answer to a sign-on",
}


@pytest.fixture(scope="module")
def folder(shared_dir: Path) -> Path:
    """Where the files are."""
    return shared_dir / "fixtures" / "bank"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Any]:
    """What the independent reader found, by file."""
    found: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return found


def test_every_file_is_expected(folder: Path, expected: dict[str, Any]) -> None:
    """No file of the folder is left out of the checks below."""
    assert {one.name for one in folder.iterdir() if one.suffix in {".ofx", ".xml"}} == expected.keys()


def test_ofx_statements_are_equal(folder: Path, expected: dict[str, Any]) -> None:
    """Accounts, currencies, counts, sums and days of every OFX file."""
    checked_count = 0
    for name, wanted in expected.items():
        if wanted["kind"] == "ofx" and wanted["statements"]:
            statements, _ = read_statements((folder / name).read_bytes())
            assert [ofx_summary(one) for one in statements] == [ofx_wanted(one) for one in wanted["statements"]], name
            checked_count += 1
    assert checked_count == 10


def test_camt_statements_are_equal(folder: Path, expected: dict[str, Any]) -> None:
    """Ids, counts, sums by direction, currencies, days and balances of every camt file."""
    checked_count = 0
    for name, wanted in expected.items():
        if wanted["kind"] == "camt":
            statements, _ = read_statements((folder / name).read_bytes())
            assert [camt_summary(one) for one in statements] == [camt_wanted(one) for one in wanted["statements"]], name
            checked_count += 1
    assert checked_count == 19


@pytest.mark.parametrize("name", REFUSED)
def test_file_without_transactions_is_refused(folder: Path, expected: dict[str, Any], name: str) -> None:
    """A file that is no statement is refused, and the message says what it is."""
    assert expected[name]["statements"] == []
    with pytest.raises(DocumentError) as refused:
        BANK_FILE.parse((folder / name).read_bytes())
    assert REFUSED[name] in refused.value.got
    assert refused.value.next_step


def test_entry_without_a_day_is_refused(folder: Path) -> None:
    """A notification whose entry has neither day of booking nor of value."""
    document = BANK_FILE.parse((folder / "camt054.v8-with-UETR.xml").read_bytes())
    assert document.activities == ()
    assert [one.record for one in document.refused] == ["entry 1, BookgDt"]


def test_pending_entries_are_left_out(folder: Path) -> None:
    """A report of pending entries has lines, and nothing of them counts."""
    (statement,), _ = read_statements((folder / "camt052.v4.xml").read_bytes())
    assert (len(statement.lines), statement.pending_count, statement.entries) == (1, 1, [])


def test_restaurant_of_a_bank_file(folder: Path) -> None:
    """A real line becomes a purchase by the words of its merchant, above zero because it was spent."""
    document = BANK_FILE.parse((folder / "bank_medium.ofx").read_bytes())
    (one,) = document.activities
    assert (one.kind, one.quantity_micro, one.unit, dict(one.attributes)) == ("purchase", 6_600_000, "CAD", {"mcc": "5814"})
    assert len(document.refused) == 2


def ofx_summary(one: Statement) -> tuple[object, ...]:
    """What the oracle says of an OFX statement."""
    days = sorted(day.strftime("%Y%m%d") for day, _, _ in one.lines if day)
    amounts = [amount for _, amount, _ in one.lines]
    return (
        one.currency,
        one.account.partition("/")[2],
        len(one.lines),
        sum(amounts, Decimal(0)),
        sum((amount for amount in amounts if amount < 0), Decimal(0)),
        days[0] if days else None,
        days[-1] if days else None,
        len(one.refused),
    )


def ofx_wanted(one: dict[str, Any]) -> tuple[object, ...]:
    """The oracle's words in the same order."""
    return (
        one["currency"],
        one["account_id"],
        one["transactions"],
        Decimal(one["sum"]),
        Decimal(one["debits"]),
        one["first_date"],
        one["last_date"],
        one["unparsable_amounts"],
    )


def camt_summary(one: Statement) -> tuple[object, ...]:
    """What the oracle says of a camt statement."""
    days = sorted(day.isoformat() for day, _, _ in one.lines if day)
    return (
        one.statement_id,
        len(one.lines),
        sum((amount for _, amount, _ in one.lines if amount > 0), Decimal(0)),
        -sum((amount for _, amount, _ in one.lines if amount < 0), Decimal(0)),
        Counter(currency for _, _, currency in one.lines),
        days[0] if days else None,
        one.balances_count,
    )


def camt_wanted(one: dict[str, Any]) -> tuple[object, ...]:
    """The oracle's words in the same order."""
    return (
        one["id"],
        one["entries"],
        Decimal(one["credit_sum"]),
        Decimal(one["debit_sum"]),
        Counter(one["currencies"]),
        one["first_booking"],
        one["balances"],
    )
