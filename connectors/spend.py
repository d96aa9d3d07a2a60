"""How a payment of a bank account or card becomes a purchase, or why it is none: pure, for every connector that reads payments.

    match purchase_of(Payment("t-17", date(2024, 3, 1), Decimal("72.10"), "USD", mcc="5411")):
        case NoPurchase(why=why): ...          # left out: income, a transfer, a loan
        case activity: activities.append(activity)

Money that came back from a shop is a purchase below zero. What was bought is said by its merchant category code, else by the
provider's category, else by words of the merchant's name; a payment that none of them places is refused, never guessed.

A purchase of fuel, flights or energy stays a purchase by money: `better_kinds` says which kinds would say the same thing better,
so that one can be found when it comes from another source.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from connectors.spend_table import (
    BETTER_KINDS_OF_CATEGORY,
    BETTER_KINDS_OF_MCC,
    CATEGORIES,
    MCC_OF_WORDS,
    NO_PURCHASE_MCC,
    WhyNot,
    mcc_span,
)
from domain.activity import Quality
from domain.declared import DeclaredActivity
from domain.errors import AttributeValueError, UnknownUnitError
from domain.kinds import checked_attributes, find_kind, kind_quantity
from domain.units import CURRENCIES

__all__ = ["NoPurchase", "Payment", "WhyNot", "better_kinds", "is_placed", "mcc_of_name", "merchant_name", "purchase_of"]

_ONE_DAY = timedelta(days=1)
_PURCHASE = find_kind("purchase")
_CURRENCIES = frozenset(CURRENCIES)
_MCC = re.compile(r"[0-9]{4}\Z")
_MAX_NAME_COUNT = 300
_NAME_WORDS_COUNT = 4
_NAME_SIZE = 60
_MOST_WORDS_COUNT = max(len(words.split()) for words in MCC_OF_WORDS)


@dataclass(frozen=True, slots=True)
class Payment:
    """One booked or pending line of an account.

    Attributes:
        record_key: Its name at the source: the same name later is a correction.
        day: Local day on which it was made; the day of booking where that is all that is known.
        spent: What left the account, in `currency`, exact; below zero what came in. Mind the source's sign: Plaid's is this one,
            OFX, QIF and camt have it the other way round.
        currency: ISO 4217.
        mcc: Merchant category code, four digits; empty where the source says none.
        category: Plaid personal finance category, detailed, else primary; empty where the source says none.
        merchant: Name of the merchant or text of the line; used where neither code nor category says anything. It is not kept.
        said_mcc: Code that the person gave this merchant; it counts where neither code nor category says anything.
        why_not: What the source itself says it is instead of a purchase, such as a cash withdrawal; None where it says nothing.
        region: Place as the source writes it; empty where it says none.
        line_number: Where it stands in its document, from 1.
        record: What messages call it; `record_key` where left out.
    """

    record_key: str
    day: date
    spent: Decimal
    currency: str
    mcc: str = ""
    category: str = ""
    merchant: str = ""
    said_mcc: str = ""
    why_not: WhyNot | None = None
    region: str = ""
    line_number: int = 0
    record: str = ""


@dataclass(frozen=True, slots=True)
class NoPurchase:
    """A payment that consumes nothing, and is left out.

    Attributes:
        record_key: Its name: a source that called it a purchase before takes that back.
        why: What it is.
    """

    record_key: str
    why: WhyNot


def purchase_of(payment: Payment) -> DeclaredActivity | NoPurchase:
    """What a payment is as an activity.

    Args:
        payment: The payment.

    Returns:
        A purchase by money, below zero where money came back; or why it is none.

    Raises:
        UnknownUnitError: The currency is none that purchases are kept in.
        AttributeValueError: Nothing says what was bought, or the code or category is not known.
        NumberError: The amount does not fit in 64 bits of millionths.
    """
    record = payment.record or payment.record_key
    found = payment.why_not or _what(payment, record)
    if isinstance(found, WhyNot):
        return NoPurchase(payment.record_key, found)
    if payment.currency not in _CURRENCIES:
        raise UnknownUnitError(
            "Purchases are not kept in this currency",
            expected=f"one of {', '.join(CURRENCIES)}",
            got=payment.currency,
            record=record,
            next_step="It has no published exchange rate: add the purchase by hand in the currency of your bank.",
        )
    quantity = kind_quantity(_PURCHASE, Fraction(payment.spent), payment.currency, record=record)
    return DeclaredActivity(
        record_key=payment.record_key,
        kind=_PURCHASE.name,
        attributes=checked_attributes(_PURCHASE, found, record=record),
        quantity_micro=quantity.quantity_micro,
        unit=quantity.unit,
        start_date=payment.day,
        end_date=payment.day + _ONE_DAY,
        region=payment.region,
        quality=Quality.SPEND_BASED,
        line_number=payment.line_number,
    )


def better_kinds(attributes: Mapping[str, str]) -> frozenset[str]:
    """Kinds of activity that would say the same thing better than money does.

    Args:
        attributes: Of a purchase: `mcc` or `plaid_category`.

    Returns:
        Names of kinds: of a filling station "fuel" and "car"; empty where money is all that one has.
    """
    mcc, category = attributes.get("mcc", ""), attributes.get("plaid_category", "")
    if mcc:
        return mcc_span(BETTER_KINDS_OF_MCC, mcc) or frozenset()
    return BETTER_KINDS_OF_CATEGORY.get(category, frozenset())


def mcc_of_name(merchant: str) -> str:
    """Merchant category code that words of a merchant's name stand for; the longest words win, empty where none is known.

    Args:
        merchant: As the bank prints it: "SHELL OIL 57444 SEATTLE WA".

    Returns:
        Four digits, or empty.
    """
    words = re.sub(r"[^\w&]+", " ", merchant[:_MAX_NAME_COUNT].casefold()).split()
    for length_count in range(_MOST_WORDS_COUNT, 0, -1):
        for start_index in range(len(words) - length_count + 1):
            found = MCC_OF_WORDS.get(" ".join(words[start_index : start_index + length_count]))
            if found:
                return found
    return ""


def merchant_name(text: str) -> str:
    """A merchant as one name, however the line goes on: `ACME Handels GmbH 4711 05.02.` is `acme handels gmbh`.

    Args:
        text: As the bank prints it.

    Returns:
        Its first words without a digit, small letters, at most four; empty where there is none.
    """
    words = re.sub(r"[^\w&]+", " ", text[:_MAX_NAME_COUNT].casefold()).split()
    return " ".join([word for word in words if not any(sign.isdigit() for sign in word)][:_NAME_WORDS_COUNT])[:_NAME_SIZE]


def is_placed(payment: Payment) -> bool:
    """Whether anything says what was bought, or that nothing was."""
    has_code = bool(payment.mcc or payment.said_mcc or mcc_of_name(payment.merchant))
    return payment.why_not is not None or has_code or payment.spent < 0 or _known_category(payment.category) is not None


def _what(payment: Payment, record: str) -> Mapping[str, str] | WhyNot:
    """The attribute that says what was bought, or why nothing was.

    Raises:
        AttributeValueError: Nothing says it.
    """
    if payment.mcc:
        if not _MCC.match(payment.mcc) or not payment.mcc.isascii():
            raise AttributeValueError("This is no merchant category code", expected="four digits", got=payment.mcc, record=record)
        return mcc_span(NO_PURCHASE_MCC, payment.mcc) or {"mcc": payment.mcc}
    known = _known_category(payment.category)
    if known is not None:
        return known
    if payment.said_mcc:
        return mcc_span(NO_PURCHASE_MCC, payment.said_mcc) or {"mcc": payment.said_mcc}
    mcc = mcc_of_name(payment.merchant)
    if mcc:
        return {"mcc": mcc}
    if payment.spent < 0:
        return WhyNot.MONEY_IN
    raise AttributeValueError(
        "Nothing says what was bought",
        expected="a merchant category code, a category, or a merchant that is known",
        got=payment.category or payment.merchant or "none",
        record=record,
        next_step="Give the payment a category, or add the purchase by hand.",
    )


def _known_category(category: str) -> Mapping[str, str] | WhyNot | None:
    """What a category says: the category itself, else the widest beginning of it that is known; None where there is none."""
    while category:
        found = CATEGORIES.get(category)
        if isinstance(found, WhyNot):
            return found
        if found is not None:
            return {"plaid_category": found} if found else None
        category = category.rpartition("_")[0]
    return None
