"""QIF (Quicken Interchange Format): bank, card and cash accounts, one record per transaction, split or not.

QIF says no currency, and its days have no certain order: both stand in the mapping. It names no transaction either. Source:
"QIF file format" of Intuit's Quicken help, as kept by the GnuCash project.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from connectors.bank_file.entries import Entry, Statement, refusal
from connectors.mapping import TableMapping, day_of, plain_number
from connectors.spend import WhyNot
from connectors.table import text_of
from domain.errors import DocumentError, DocumentTooLargeError, InputError
from domain.number import decimal_from_text

MAX_LINES_COUNT = 3_000_000
"""Lines of one file: about 400,000 transactions."""

_ACCOUNTS = frozenset({"bank", "cash", "ccard", "oth a", "oth l"})
_LEFT_OUT = frozenset({"cat", "class", "memorized", "security", "prices", "budget", "tag", "invst", "invoice"})
_SHORT_YEAR = re.compile(r"' ?([0-9])\Z")
_OPENING = re.compile(r"opening balance\Z|anfangssaldo\Z|solde initial\Z", re.IGNORECASE)


@dataclass(slots=True)
class QifRecord:
    """One transaction as it stands there.

    Attributes:
        account: Name of its account; empty where the file names none.
        fields: First sign of a line to the rest of it: the first one counts.
        splits: Category, memo and amount of each part.
        number: Line of its first field, from 1.
    """

    account: str
    fields: dict[str, str] = field(default_factory=dict)
    splits: list[dict[str, str]] = field(default_factory=list)
    number: int = 0


def qif_records(text: str) -> Iterator[QifRecord]:
    """The transactions of a QIF file.

    Args:
        text: The file.

    Yields:
        Each record of a bank, card or cash account; lists, memorized payments and investments are passed over.

    Raises:
        DocumentTooLargeError: More than `MAX_LINES_COUNT` lines.
    """
    if text.count("\n") > MAX_LINES_COUNT:
        raise DocumentTooLargeError(expected=f"at most {MAX_LINES_COUNT} lines", got="more", next_step="Export a shorter period.")
    section, account = "bank", ""
    record = QifRecord(account)
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()  # noqa: PLW2901 - the same line
        if line.startswith("!"):
            section = _section(line)
            record = QifRecord(account)
        elif line.startswith("^"):
            if section == "account":
                account = record.fields.get("N", account)
            elif section in _ACCOUNTS and record.fields:
                yield record
            record = QifRecord(account)
        elif line:
            _take(record, line, number)
    if section in _ACCOUNTS and record.fields:
        yield record


def read_qif(body: bytes, mapping: TableMapping) -> tuple[Statement, ...]:
    """The statements of a QIF file.

    Args:
        body: The file.
        mapping: Says the currency, the order of days, and what stands before the cents.

    Returns:
        One for each account.

    Raises:
        DocumentError: The mapping says no currency, or the file is too large.
    """
    currency = mapping.constants.get("currency", "")
    if not currency:
        raise DocumentError(
            "A QIF file does not say its currency",
            expected="a mapping with the currency",
            got="none",
            record="currency",
            next_step="Look at the file with `climate-fitness preview`, and say the currency.",
        )
    found: dict[str, Statement] = {}
    for record in qif_records(text_of(body, mapping.layout.encoding)):
        account = record.account or mapping.constants.get("account", "")
        statement = found.setdefault(account, Statement(account=account, currency=currency))
        where = f"line {record.number}"
        if _OPENING.match(record.fields.get("P", "")):
            statement.balances_count += 1
            continue
        try:
            entries = _entries(record, account, currency, mapping)
        except InputError as error:
            statement.refused.append(refusal(error, where))
            continue
        statement.entries += entries
        statement.lines.append((entries[0].day, sum((one.amount for one in entries), Decimal(0)), currency))
    return tuple(found.values())


def _section(line: str) -> str:
    word = line[1:].casefold()
    if word.startswith("type:"):
        name = word.removeprefix("type:").strip()
        return name if name in _ACCOUNTS or name in _LEFT_OUT else "unknown"
    return "account" if word.startswith("account") else "option"


def _take(record: QifRecord, line: str, number: int) -> None:
    sign, rest = line[0], line[1:].strip()
    record.number = record.number or number
    if sign == "S":
        record.splits.append({"S": rest})
    elif sign in "E$%" and record.splits:
        record.splits[-1].setdefault(sign, rest)
    else:
        record.fields.setdefault(sign, rest)


def qif_day(text: str) -> str:
    """A day of QIF as others write it: `1/ 2' 5` is `1/2/05`."""
    return _SHORT_YEAR.sub(r"/0\1", text).replace("'", "/").replace(" ", "")


def _entries(record: QifRecord, account: str, currency: str, mapping: TableMapping) -> list[Entry]:
    """One entry, or one for each part.

    Raises:
        InputError: It has no day or amount.
        DocumentError: Its parts do not add up.
    """
    fields = record.fields
    day = date.fromisoformat(day_of(qif_day(fields.get("D", "")), mapping.date_order, record="D"))
    amount = _amount(fields.get("T") or fields.get("U") or "", mapping, "T")
    parts = [(_amount(one.get("$", ""), mapping, "$"), one) for one in record.splits if "$" in one]
    if parts and sum(part for part, _ in parts) != amount:
        raise DocumentError(
            "The parts of this transaction do not add up",
            expected=str(amount),
            got=str(sum(part for part, _ in parts)),
            record="$",
        )
    if not parts:
        parts = [(amount, {"S": fields.get("L", "")})]
    found = []
    for part, said in parts:
        category = said.get("S", "")
        is_transfer = category.startswith("[")
        texts = (fields.get("P", ""), fields.get("M", ""), said.get("E", ""), "" if is_transfer else category.replace(":", " "))
        found.append(
            Entry(
                account=account,
                day=day,
                amount=part,
                currency=currency,
                text=" ".join(dict.fromkeys(text for text in texts if text)),
                why_not=WhyNot.TRANSFER if is_transfer else None,
                number=record.number,
                where=f"line {record.number}",
            )
        )
    return found


def _amount(text: str, mapping: TableMapping, record: str) -> Decimal:
    return decimal_from_text(plain_number(text, mapping.decimals, record=record)[0], record=record)
