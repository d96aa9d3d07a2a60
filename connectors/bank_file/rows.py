"""Rows of a bank's table (CSV or a workbook) as lines of an account, by a mapping."""

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

from connectors.bank_file.entries import Entry, Statement
from connectors.mapping import MappedRow, MappedTable, Sign, TableMapping, day_of, plain_number
from connectors.table import at_row
from domain.errors import DocumentError, InputError, UnknownFormatError
from domain.number import decimal_from_text

FIELDS = frozenset(
    {
        "date",
        "amount",
        "debit",
        "credit",
        "direction",
        "currency",
        "description",
        "id",
        "mcc",
        "category",
        "status",
        "account",
        "region",
    }
)
"""What a mapping of a bank's table can say; `debit` and `credit` are two columns of amounts, `direction` is for one."""

_PENDING = re.compile(
    r"pending|authori[sz]ed|authori[sz]ation|hold|reserved|vorgemerkt|en attente|en cours|pendiente|in behandeling|in sospeso|"
    r"pdng|declined|failed|cancell?ed|abgelehnt|storniert|refusé",
    re.IGNORECASE,
)
"""States of a line that is not booked, or never will be."""
_TOTAL = re.compile(
    r"(sub ?total|grand total|total|totals|sum|summe|gesamt|saldo|endsaldo|anfangssaldo|kontostand|somme|solde|totale|"
    r"totaal|opening balance|closing balance|balance|suma)\b[^0-9]{0,40}[:=]?",
    re.IGNORECASE,
)
_OUT = frozenset(
    {
        "debit",
        "dbit",
        "d",
        "dr",
        "out",
        "af",
        "s",
        "soll",
        "lastschrift",
        "belastung",
        "débit",
        "debito",
        "paid",
        "spent",
        "withdrawal",
        "payment",
        "-",
    }
)
_IN = frozenset(
    {
        "credit",
        "crdt",
        "c",
        "cr",
        "in",
        "bij",
        "h",
        "haben",
        "gutschrift",
        "crédit",
        "credito",
        "received",
        "deposit",
        "refund",
        "+",
    }
)


def read_table(body: bytes, mapping: TableMapping) -> tuple[Statement, ...]:
    """The statements of a bank's table.

    Args:
        body: CSV or a workbook.
        mapping: What its columns mean.

    Returns:
        One for each account.

    Raises:
        DocumentError: The file is no table, it lacks a column of the mapping, or the mapping says no day, amount or currency.
    """
    _check_mapping(mapping)
    found: dict[str, Statement] = {}
    for number, row in MappedTable(body, mapping).rows():
        account = row.get("account", "") if not isinstance(row, DocumentError) else ""
        statement = found.setdefault(account, Statement(account=account))
        if isinstance(row, DocumentError):
            statement.refused.append(row)
            continue
        if "status" in row and _PENDING.search(row["status"]):
            statement.pending_count += 1
            continue
        try:
            entry = _entry(row, mapping, number)
        except InputError as error:
            statement.refused.append(at_row(error, number))
            continue
        statement.entries.append(entry)
        statement.lines.append((entry.day, entry.amount, entry.currency))
    return tuple(found.values())


def _check_mapping(mapping: TableMapping) -> None:
    missing = [name for name in ("date", "currency") if not mapping.has(name)]
    if not mapping.has("amount") and not (mapping.has("debit") or mapping.has("credit")):
        missing.append("amount")
    if missing:
        raise UnknownFormatError(
            "The mapping does not say everything",
            expected="date, currency, and amount (or debit and credit)",
            got=f"no {', '.join(missing)}",
            record="mapping",
            next_step="Look at the file with `climate-fitness preview`, and say what is missing.",
        )


def _entry(row: MappedRow, mapping: TableMapping, number: int) -> Entry:
    if "date" not in row:
        raise _no_day(row)
    day = _date(row["date"], mapping)
    amount, beside = _amount(row, mapping)
    currency = row.get("currency", "").upper()
    if beside and beside != currency:
        if currency != mapping.constants.get("currency", "") or "currency" in mapping.columns:
            raise DocumentError("Two currencies stand in this row", expected=currency, got=beside, record="amount")
        currency = beside
    return Entry(
        account=row.get("account", ""),
        day=day,
        amount=amount,
        currency=currency,
        reference=row.get("id", ""),
        text=" ".join(row.get("description", "").split()),
        mcc=row.get("mcc", ""),
        category=row.get("category", ""),
        region=row.get("region", ""),
        number=number,
        where=f"line {number}",
    )


def _no_day(row: MappedRow) -> DocumentError:
    is_total = any(_TOTAL.match(cell) for cell in row.values())
    return DocumentError(
        "This row looks like a total or a balance, which is not counted" if is_total else "This row has no day",
        expected="a transaction with its day",
        got=", ".join(row.values())[:80],
        record="date",
        next_step="Nothing is to be done." if is_total else "Write the day into the row, or take the row out.",
    )


def _date(cell: str, mapping: TableMapping) -> date:
    text = day_of(cell, mapping.date_order, record="date")
    return _date_of(text)


@lru_cache(maxsize=16_384)
def _date_of(text: str) -> date:
    return date.fromisoformat(text)


def _amount(row: MappedRow, mapping: TableMapping) -> tuple[Decimal, str]:
    """The amount as the holder sees it, and the currency beside it.

    Raises:
        DocumentError: There is none, or it is said twice.
        NumberError: It is no number.
    """
    if "amount" in row:
        text, beside = plain_number(row["amount"], mapping.decimals, record="amount")
        amount = decimal_from_text(text, record="amount")
        if "direction" in row:
            return (-abs(amount) if _is_out(row["direction"]) else abs(amount)), beside
        return (amount if mapping.sign is Sign.SPENT_NEGATIVE else -amount), beside
    found = []
    for name in ("debit", "credit"):
        if name in row:
            text, beside = plain_number(row[name], mapping.decimals, record=name)
            amount = decimal_from_text(text, record=name)
            if amount:
                found.append((-abs(amount) if name == "debit" else abs(amount), beside))
    if len(found) != 1:
        raise DocumentError(
            "This row has no amount" if not found else "This row has an amount in both columns",
            expected="one amount",
            got=", ".join(row.values())[:80],
            record="amount",
        )
    return found[0]


def is_direction(cell: str) -> bool:
    """Whether a word says that money went out or came in."""
    word = cell.casefold().strip(". ")
    return word in _OUT or word in _IN


def _is_out(direction: str) -> bool:
    word = direction.casefold().strip(". ")
    if word in _OUT:
        return True
    if word in _IN:
        return False
    raise DocumentError(
        "It is not known whether this is money spent",
        expected="debit or credit",
        got=direction,
        record="direction",
        next_step='Say what the word means in the mapping: "values": {"direction": [["...", "debit"]]}.',
    )
