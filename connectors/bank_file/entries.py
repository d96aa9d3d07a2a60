"""Lines of an account, whatever file they stand in, and what becomes of them: names that stay the same, and purchases."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256

from connectors.spend import NoPurchase, Payment, WhyNot, merchant_name, purchase_of
from domain.declared import ActivityDocument, DeclaredActivity
from domain.errors import DocumentError, InputError
from domain.period import date_from_text

MAX_TEXT_SIZE = 300
"""Characters of a line's text that are looked at."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One booked line of an account.

    Attributes:
        account: The account as the file names it; empty where it does not.
        day: Day of booking.
        amount: Exact, in `currency`, as the holder sees it: below zero what was spent.
        currency: ISO 4217.
        reference: The bank's own name of the line; empty where it gives none.
        text: Name of the other side, and what the line says.
        mcc: Merchant category code; empty where the file says none.
        category: Plaid category, where a mapping says one.
        why_not: What the file itself says it is instead of a purchase; None where it says nothing.
        region: Place, where a mapping says one.
        number: Line, or count of the record in its file, from 1.
        where: What messages call it: `line 17`, `transaction 17`.
    """

    account: str
    day: date
    amount: Decimal
    currency: str
    reference: str = ""
    text: str = ""
    mcc: str = ""
    category: str = ""
    why_not: WhyNot | None = None
    region: str = ""
    number: int = 0
    where: str = ""


@dataclass(slots=True)
class Statement:
    """One account in one file.

    Attributes:
        statement_id: The statement's own id; empty where it has none.
        account: As `Entry.account`.
        currency: Of the account; empty where the file does not say it.
        entries: Booked lines.
        refused: Lines that were not read.
        pending_count: Lines that are not booked yet, and so not read.
        balances_count: Balances that stand beside; they are not counted.
        lines: All lines as the bank wrote them, pending ones too, before batches are taken apart: day or None, amount as in
            `Entry`, currency. What a person compares with the bank's own sums.
    """

    statement_id: str = ""
    account: str = ""
    currency: str = ""
    entries: list[Entry] = field(default_factory=list)
    refused: list[DocumentError] = field(default_factory=list)
    pending_count: int = 0
    balances_count: int = 0
    lines: list[tuple[date | None, Decimal, str]] = field(default_factory=list)


@lru_cache(maxsize=4_096)
def day_of_text(text: str, record: str) -> date:
    """The day of an ISO date: a statement has few days and many lines.

    Args:
        text: `2024-03-01`.
        record: Which field it is, for the message.

    Returns:
        The day.

    Raises:
        TimeError: It is none.
    """
    return date_from_text(text, record=record)


def document_of(statements: Sequence[Statement], sort: str, merchants: Mapping[str, str]) -> ActivityDocument:
    """The purchases of statements, each line once; lines that are no purchase are left out.

    Args:
        statements: Of one file.
        sort: Name of its format, for people.
        merchants: Merchants to the codes that the person gave them.

    Returns:
        The purchases, and what was refused with the reason; the title says how many lines were left out.
    """
    left_out_count = 0
    activities: list[DeclaredActivity] = []
    refused = [error for one in statements for error in one.refused]
    for key, entry in keyed(entry for one in statements for entry in one.entries):
        try:
            found = purchase_of(payment_of(key, entry, merchants))
        except InputError as error:
            refused.append(refusal(error, entry.where))
            continue
        if isinstance(found, NoPurchase):
            left_out_count += 1
        else:
            activities.append(found)
    pending_count = sum(one.pending_count for one in statements)
    parts = [f"{sort} of {len(statements)} account{'' if len(statements) == 1 else 's'}"]
    parts += [f"{left_out_count} lines that are no purchase left out"] if left_out_count else []
    parts += [f"{pending_count} pending lines left out"] if pending_count else []
    return ActivityDocument(tuple(activities), (), tuple(refused), ", ".join(parts))


def payment_of(key: str, entry: Entry, merchants: Mapping[str, str]) -> Payment:
    """A line as `connectors.spend` wants it: what was spent is above zero there.

    Args:
        key: Its name.
        entry: The line.
        merchants: Merchants to the codes that the person gave them.
    """
    text = entry.text[:MAX_TEXT_SIZE]
    return Payment(
        record_key=key,
        day=entry.day,
        spent=-entry.amount,
        currency=entry.currency,
        mcc=entry.mcc,
        category=entry.category,
        merchant=text,
        said_mcc=merchants.get(merchant_name(text), "") if merchants else "",
        why_not=entry.why_not,
        region=entry.region,
        line_number=entry.number,
        record=entry.where,
    )


def refusal(error: InputError, where: str) -> DocumentError:
    """A refusal of one record.

    Args:
        error: What was refused.
        where: Which record.
    """
    record = where if not error.record or error.record == where else f"{where}, {error.record}"
    return DocumentError(error.message, expected=error.expected, got=error.got, record=record, next_step=error.next_step)


def keyed(entries: Iterable[Entry]) -> list[tuple[str, Entry]]:
    """Every line with a name that another file with the same line gives it, too; hashed, since accounts are personal.

    A line with a reference is named by account, day and reference: banks count some references anew in each file, so the
    reference alone is no name. The same reference twice on a day is the same line where all of it is the same, and else
    two. A line without reference is named by what it says and an occurrence number: two coffees of one day are two.

    Args:
        entries: Of one file, in its order.

    Returns:
        Name and line; a line that stands twice, once.
    """
    listed = list(entries)
    said: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in listed:
        if one.reference:
            said[one.account, one.day.isoformat(), one.reference].add(_content(one))
    found: dict[str, Entry] = {}
    counts: Counter[str] = Counter()
    for one in listed:
        content = _content(one)
        if one.reference:
            name = (one.account, one.day.isoformat(), one.reference)
            key = _digest("reference", *name) if len(said[name]) == 1 else _digest("reference", *name, content)
        else:
            counts[content] += 1
            key = _digest("content", content, str(counts[content]))
        found.setdefault(key, one)
    return list(found.items())


def _content(one: Entry) -> str:
    return json.dumps([one.account, one.day.isoformat(), str(one.amount.normalize()), one.currency, one.text])


def _digest(*parts: str) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()[:32]
