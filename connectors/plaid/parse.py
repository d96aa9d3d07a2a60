"""Answers of Plaid's /transactions/sync as purchases. Pure: bytes in, values out.

An amount above zero left the account. A posted payment takes its pending one back, a payment that is no purchase takes itself
back, and what the answer removes is removed. Of accounts that are loans or investments nothing is taken.

Left out on purpose: balances, masks and names of accounts, names of merchants (looked at, not kept), addresses, counterparties.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connectors.exact_json import Ambiguous, Number, named, read_exact, text
from connectors.spend import Payment, WhyNot, purchase_of
from connectors.spend_table import TABLE_VERSION
from domain.declared import ActivityDocument, DeclaredActivity
from domain.errors import ClimateFitnessError, DocumentError
from domain.number import decimal_from_text
from domain.period import date_from_text

PARSER_VERSION = f"plaid/1 {TABLE_VERSION}"
"""Stands in manifests; changes when the same answer would be read differently."""

MAX_CURSOR_COUNT = 1_000
"""Characters of a cursor; Plaid says at most 256."""

_ID = re.compile(r"[A-Za-z0-9_.-]{1,120}\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
_SHORT_COUNT = 120
_WHY_NOT_OF_ACCOUNT: Mapping[str, WhyNot] = {
    "loan": WhyNot.LOAN_PAYMENT,
    "investment": WhyNot.INVESTMENT,
    "brokerage": WhyNot.INVESTMENT,
}


@dataclass(frozen=True, slots=True)
class Page:
    """One answer.

    Attributes:
        document: What it says.
        next_cursor: Where the next answer begins; empty where the bank has not handed over anything yet.
        has_more: Whether this update goes on.
        status: Whether the bank has handed over the history: "HISTORICAL_UPDATE_COMPLETE"; empty where it is not said.
    """

    document: ActivityDocument
    next_cursor: str
    has_more: bool
    status: str


def parse(body: bytes) -> ActivityDocument:
    """The purchases of one answer.

    Args:
        body: An answer of /transactions/sync.

    Returns:
        What it adds, corrects and takes back, and what was refused with place and reason.

    Raises:
        DocumentError: It is no such answer, or not one of its payments has the fields that payments have.
    """
    return read_page(body).document


def read_page(body: bytes) -> Page:
    """One answer, with where the next begins.

    Args:
        body: An answer of /transactions/sync.

    Returns:
        The page.

    Raises:
        DocumentError: As `parse`.
    """
    answer = read_exact(body)
    reading = _Reading({_id_of(one, "account_id"): one for one in _listed(answer, "accounts")})
    for name in ("added", "modified"):
        for index, one in enumerate(_listed(answer, name), 1):
            reading.take(name, index, one)
    for index, one in enumerate(_listed(answer, "removed"), 1):
        reading.take_removed(index, one)
    next_cursor, has_more = named(answer, "next_cursor"), named(answer, "has_more")
    if type(next_cursor) is not str or type(has_more) is not bool or len(next_cursor) > MAX_CURSOR_COUNT:
        raise DocumentError(
            "This answer does not say where the next begins",
            expected=f"next_cursor of at most {MAX_CURSOR_COUNT} characters, and has_more",
            got=f"{next_cursor!r}, {has_more!r}",
            record="next_cursor",
        )
    return Page(reading.document(), next_cursor, has_more, text(answer, "transactions_update_status"))


class _Reading:
    """What was understood so far. Invariant: of every payment the last word counts, and a removal is the last of all."""

    def __init__(self, accounts: Mapping[str, object]) -> None:
        self._accounts = accounts
        self._purchases: dict[str, DeclaredActivity] = {}
        self._removed: dict[str, None] = {}
        self._refused: list[DocumentError] = []
        self._taken_count = self._malformed_count = 0

    def take(self, name: str, index: int, one: object) -> None:
        """Take in a payment that is added or modified."""
        self._taken_count += 1
        record = f"{name}, payment {index}"
        try:
            payment = _payment(one, self._accounts.get(text(one, "account_id")), self._taken_count)
        except ClimateFitnessError as error:
            self._malformed_count += 1
            self._refused.append(_refusal(error, record))
            return
        pending_id = _id_of(one, "pending_transaction_id")
        if pending_id and pending_id != payment.record_key:
            self._removed[pending_id] = None
        try:
            found = purchase_of(payment)
        except ClimateFitnessError as error:
            self._refused.append(_refusal(error, record))
            return
        self._purchases.pop(payment.record_key, None)
        if isinstance(found, DeclaredActivity):
            self._purchases[payment.record_key] = found
        else:  # also where it is new: an answer that was stored before the cursor was may have called it a purchase
            self._removed[found.record_key] = None

    def take_removed(self, index: int, one: object) -> None:
        """Take in the name of a payment that is gone."""
        removed_id = _id_of(one, "transaction_id")
        if removed_id:
            self._removed[removed_id] = None
        else:
            self._refused.append(
                DocumentError("A removal names no payment", expected="transaction_id", got=repr(one), record=f"removed, {index}")
            )

    def document(self) -> ActivityDocument:
        """What was understood.

        Raises:
            DocumentError: Every payment lacked what payments have: the layout is another one.
        """
        if self._malformed_count and self._malformed_count == self._taken_count:
            raise DocumentError(
                "Not one payment of this answer has the fields of a payment",
                expected="transaction_id, amount, date",
                got=self._refused[0].sentence(),
                record=self._refused[0].record,
            )
        purchases = tuple(one for key, one in self._purchases.items() if key not in self._removed)
        return ActivityDocument(purchases, tuple(self._removed), tuple(self._refused))


def _payment(one: object, account: object, line_number: int) -> Payment:
    """One payment, before anybody asks what was bought.

    Raises:
        DocumentError: It is none: something that every payment has is missing.
    """
    if not isinstance(one, dict) or isinstance(one, Ambiguous):
        what = "an object with a name that stands twice" if isinstance(one, Ambiguous) else repr(one)
        raise DocumentError("This is no payment", expected="an object with each name once", got=what)
    record_key, amount = _id_of(one, "transaction_id"), named(one, "amount")
    if not record_key:
        raise DocumentError("A payment has no name", expected="transaction_id", got=repr(named(one, "transaction_id")))
    if not isinstance(amount, Number):
        raise DocumentError("A payment has no amount", expected="a number", got=repr(amount), record=f"{record_key}, amount")
    category, country = named(one, "personal_finance_category"), text(named(one, "location"), "country")
    return Payment(
        record_key=record_key,
        day=date_from_text(text(one, "authorized_date") or text(one, "date"), record=f"{record_key}, date"),
        spent=decimal_from_text(amount, record=f"{record_key}, amount"),
        currency=next(_currencies(one, account), ""),
        category=(text(category, "detailed") or text(category, "primary"))[:_SHORT_COUNT],
        merchant=text(one, "merchant_name") or text(one, "name"),
        why_not=_WHY_NOT_OF_ACCOUNT.get(text(account, "type")),
        region=country if _COUNTRY.match(country) else "",
        line_number=line_number,
    )


def _currencies(one: object, account: object) -> Iterator[str]:
    """Currencies that a payment is said to be in, best first; those of the account only where the payment says none."""
    for holder in (one, named(account, "balances")):
        for name in ("iso_currency_code", "unofficial_currency_code"):
            if text(holder, name):
                yield text(holder, name)


def _listed(answer: object, name: str) -> list[object]:
    """A list that every answer has.

    Raises:
        DocumentError: It has none of that name.
    """
    value = named(answer, name)
    if not isinstance(value, list):
        raise DocumentError("A list is missing in this answer", expected=f"a list {name}", got=type(value).__name__, record=name)
    return value


def _id_of(one: object, name: str) -> str:
    """An identifier of Plaid; empty where there is none that could be one."""
    found = text(one, name)
    return found if _ID.match(found) else ""


def _refusal(error: ClimateFitnessError, record: str) -> DocumentError:
    where = f"{record}, {error.record}" if error.record else record
    return DocumentError(error.message, expected=error.expected, got=error.got, record=where, next_step=error.next_step)
