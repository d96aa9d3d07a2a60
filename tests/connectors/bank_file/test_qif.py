"""QIF: days and amounts of the world, splits, transfers, and what must be asked."""

from decimal import Decimal

import pytest

from connectors.bank_file import BANK_FILE
from connectors.bank_file.entries import Statement
from connectors.bank_file.parse import read_statements
from connectors.mapping import DateOrder, Decimals, TableMapping, with_mapping
from connectors.spend import WhyNot
from domain.errors import DocumentError

US = TableMapping(constants={"currency": "USD"}, date_order=DateOrder.MDY, header_row=0)


def qif(*records: str, head: str = "!Type:Bank") -> bytes:
    """A file of records."""
    return "\n".join([head, *(f"{one}\n^" for one in records)]).encode()


def read(body: bytes, mapping: TableMapping = US) -> tuple[Statement, ...]:
    """The statements of a file with its mapping."""
    return read_statements(with_mapping(body, mapping))[0]


@pytest.mark.parametrize("day", ["3/14/2024", "03/14/24", "3/14'24", "3/14' 24", "2024-03-14", "03-14-2024"])
def test_days_as_programs_write_them(day: str) -> None:
    """The apostrophe stands for the year 2000 and later."""
    (statement,) = read(qif(f"D{day}\nT-12.50\nPShell"))
    assert statement.refused == []
    assert statement.entries[0].day.isoformat() == "2024-03-14"


def test_short_year_of_quicken() -> None:
    """`1/ 2' 5` is the second of January 2005."""
    (statement,) = read(qif("D1/ 2' 5\nT-1"))
    assert statement.entries[0].day.isoformat() == "2005-01-02"


def test_split_is_taken_apart() -> None:
    """Each part is a line; a part in brackets goes to another account."""
    (statement,) = read(qif("D3/14/2024\nT-100.00\nPShell\nSFuel\n$-60.00\nS[Savings]\n$-40.00"))
    assert [(one.amount, one.why_not) for one in statement.entries] == [
        (Decimal("-60.00"), None),
        (Decimal("-40.00"), WhyNot.TRANSFER),
    ]


def test_split_that_does_not_add_up_is_refused() -> None:
    """The transaction is named by its line."""
    (statement,) = read(qif("D3/14/2024\nT-100.00\nSFuel\n$-60.00"))
    assert [one.record for one in statement.refused] == ["line 2, $"]


def test_accounts_are_told_apart() -> None:
    """`!Account` names what follows; categories and opening balances are no transactions."""
    body = (
        b"!Account\nNChecking\nTBank\n^\n!Type:Bank\nD3/14/2024\nT5.00\nPOpening Balance\n^\nD3/14/2024\nT-1.00\nPShell\n^\n"
        b"!Type:Cat\nNFuel\nE\n^\n!Account\nNCard\nTCCard\n^\n!Type:CCard\nD3/14/2024\nT-2.00\nPShell\n^\n"
    )
    assert [(one.account, len(one.entries), one.balances_count) for one in read(body)] == [("Checking", 1, 1), ("Card", 1, 0)]


def test_comma_before_the_cents() -> None:
    """As the mapping says it."""
    mapping = TableMapping(constants={"currency": "EUR"}, date_order=DateOrder.DMY, decimals=Decimals.COMMA)
    (statement,) = read(qif("D14.03.2024\nT-1.234,50"), mapping)
    assert statement.entries[0].amount == Decimal("-1234.50")


def test_currency_must_be_said() -> None:
    """The format does not say it, and nothing is assumed."""
    with pytest.raises(DocumentError, match="does not say its currency"):
        BANK_FILE.parse(qif("D3/14/2024\nT-1"))


def test_guess_asks_what_the_file_does_not_say() -> None:
    """The currency always; the order of days where each can be read in two ways."""
    unclear = BANK_FILE.guess(qif("D3/4/2024\nT-1.50"), {})
    clear = BANK_FILE.guess(qif("D3/4/2024\nT-1.50", "D3/14/2024\nT-1.50"), {})
    assert [one.name for one in unclear.questions] == ["currency", "date_order"]
    assert [one.name for one in clear.questions] == ["currency"]
    assert clear.mapping.date_order is DateOrder.MDY


def test_two_equal_records_are_two_and_stay_so() -> None:
    """Two coffees of one day; an overlapping file names them alike."""
    coffee = "D3/14/2024\nT-3.00\nPStarbucks"
    first = BANK_FILE.parse(with_mapping(qif(coffee), US)).activities
    second = BANK_FILE.parse(with_mapping(qif(coffee, coffee), US)).activities
    assert [one.record_key for one in second][:1] == [one.record_key for one in first]
    assert len({one.record_key for one in second}) == 2
