"""A payment becomes a purchase by money, or is left out for what it is; our tables agree with those of the scoring."""

import csv
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.spend import NoPurchase, Payment, WhyNot, better_kinds, mcc_of_name, purchase_of
from connectors.spend_table import (
    BETTER_KINDS_OF_CATEGORY,
    BETTER_KINDS_OF_MCC,
    CATEGORIES,
    MCC_OF_WORDS,
    NO_PURCHASE_MCC,
    mcc_span,
)
from domain.declared import DeclaredActivity
from domain.errors import AttributeValueError, NumberError, UnknownUnitError
from domain.kinds import KINDS

DAY = date(2024, 3, 1)
REFUSED_BY_SCORING_ONLY = frozenset({"4900", "5552", "9399", "9405"})
"""Purchases that no factor per dollar fits: they are shown with what to enter instead."""


def pay(
    spent: str = "72.10", *, currency: str = "USD", mcc: str = "", category: str = "", merchant: str = ""
) -> DeclaredActivity | NoPurchase:
    """What one payment becomes."""
    return purchase_of(Payment("t-17", DAY, Decimal(spent), currency, mcc=mcc, category=category, merchant=merchant))


def bought(found: DeclaredActivity | NoPurchase) -> tuple[int, str, dict[str, str]]:
    """Amount, currency and attributes of a purchase."""
    assert isinstance(found, DeclaredActivity)
    return found.quantity_micro, found.unit, dict(found.attributes)


@pytest.fixture(scope="module")
def scored(repository: Path) -> Mapping[str, Mapping[str, str]]:
    """Tables of the scoring: "mcc" and "plaid_category" to what each line is scored as; empty where it is not."""
    found: dict[str, dict[str, str]] = {}
    for name in ("mcc", "plaid"):
        with (repository / f"scoring/factors/kept/{name}_naics.csv").open(newline="") as lines:
            found[name] = {line[0]: line[1] for line in list(csv.reader(lines))[1:]}
    return found


def test_code_makes_a_purchase() -> None:
    """A card payment with its code is a purchase of that code on its day, exact in the currency."""
    found = pay(mcc="5411")
    assert bought(found) == (72_100_000, "USD", {"mcc": "5411"})
    assert isinstance(found, DeclaredActivity)
    assert (found.kind, found.start_date, found.end_date, found.quality) == ("purchase", DAY, date(2024, 3, 2), "spend_based")


def test_refund_is_below_zero() -> None:
    """Money that a shop gave back is a purchase below zero."""
    assert bought(pay("-28.34", category="GENERAL_MERCHANDISE_SUPERSTORES"))[0] == -28_340_000


def test_code_goes_before_category() -> None:
    """Where both are given, the code says what was bought: a purchase takes one."""
    assert bought(pay(mcc="5411", category="TRAVEL_FLIGHTS"))[2] == {"mcc": "5411"}


@pytest.mark.parametrize(
    ("category", "why"),
    [
        ("INCOME_WAGES", WhyNot.INCOME),
        ("INCOME_GIG_ECONOMY", WhyNot.INCOME),
        ("TRANSFER_OUT_ACCOUNT_TRANSFER", WhyNot.TRANSFER),
        ("TRANSFER_OUT_WITHDRAWAL", WhyNot.CASH),
        ("TRANSFER_OUT_INVESTMENT_AND_RETIREMENT_FUNDS", WhyNot.INVESTMENT),
        ("LOAN_PAYMENTS_CREDIT_CARD_PAYMENT", WhyNot.CARD_PAYMENT),
        ("LOAN_PAYMENTS_MORTGAGE_PAYMENT", WhyNot.LOAN_PAYMENT),
        ("LOAN_DISBURSEMENTS_STUDENT", WhyNot.LOAN),
        ("BANK_FEES_INTEREST_CHARGE", WhyNot.INTEREST),
        ("GOVERNMENT_AND_NON_PROFIT_TAX_PAYMENT", WhyNot.TAX),
    ],
)
def test_no_consumption_is_left_out(category: str, why: WhyNot) -> None:
    """Income, transfers, loans, cards' bills, cash, investments, interest and taxes are no activities, in any currency."""
    assert pay(category=category) == NoPurchase("t-17", why)
    assert pay(category=category, currency="XTS") == NoPurchase("t-17", why)


def test_cash_machine_is_left_out() -> None:
    """A withdrawal is no purchase by its code either; a code inside a span is found."""
    assert pay(mcc="6011") == NoPurchase("t-17", WhyNot.CASH)
    assert pay(mcc="6537") == NoPurchase("t-17", WhyNot.TRANSFER)


def test_source_says_that_it_is_none() -> None:
    """What the source itself says goes before codes and words."""
    payment = Payment("t", DAY, Decimal(1), "USD", mcc="5411", merchant="LIDL", why_not=WhyNot.CASH)
    assert purchase_of(payment) == NoPurchase("t", WhyNot.CASH)


def test_detail_of_next_year_is_its_primary() -> None:
    """A detailed category that is not known yet counts as its primary one."""
    assert bought(pay(category="FOOD_AND_DRINK_SPACE_FOOD"))[2] == {"plaid_category": "FOOD_AND_DRINK"}
    assert pay(category="TRANSFER_OUT_BY_PIGEON") == NoPurchase("t-17", WhyNot.TRANSFER)


def test_second_taxonomy_is_scored_as_the_first() -> None:
    """Categories that the scoring does not know are those that it knows."""
    assert bought(pay(category="BANK_FEES_LATE_FEES"))[2] == {"plaid_category": "BANK_FEES_OTHER_BANK_FEES"}


@pytest.mark.parametrize(
    ("merchant", "mcc"),
    [
        ("SHELL OIL 57444 SEATTLE WA", "5541"),
        ("McDonald's #12", "5814"),
        ("UBER   *EATS PENDING", "5812"),
        ("Uber *TRIP HELP.UBER.COM", "4121"),
        ("REWE SAGT DANKE. 4711", "5411"),
        ("PG&E/EZ-PAY 100", "4900"),
        ("SHELLFISH BAR", ""),
        ("", ""),
    ],
)
def test_words_of_names(merchant: str, mcc: str) -> None:
    """Whole words of a merchant's name stand for a code, the longest words first."""
    assert mcc_of_name(merchant) == mcc


def test_name_is_asked_last() -> None:
    """Where neither code nor category says anything, the merchant's name does."""
    assert bought(pay(category="OTHER_OTHER", merchant="LIDL 1234"))[2] == {"mcc": "5411"}
    assert bought(pay(merchant="LIDL 1234"))[2] == {"mcc": "5411"}


def test_unknown_payment_is_refused() -> None:
    """Money spent on nobody knows what is refused with what to do; never guessed."""
    with pytest.raises(AttributeValueError, match=r"Nothing says what was bought.*Give the payment a category"):
        pay(merchant="SEPA 991 J. DOE")


def test_unknown_money_in_is_left_out() -> None:
    """Money that came in from nobody knows where is no refund."""
    assert pay("-500", merchant="SEPA 991 J. DOE") == NoPurchase("t-17", WhyNot.MONEY_IN)


@pytest.mark.parametrize("currency", ["XTS", "usd", "$", "BTC", "", "kWh"])
def test_unkept_currency_is_refused(currency: str) -> None:
    """A purchase in a currency without a rate, or in no currency, is refused."""
    with pytest.raises(UnknownUnitError, match="not kept in this currency"):
        pay(mcc="5411", currency=currency)


@pytest.mark.parametrize("mcc", ["541", "54111", "5 11", "٥٤١١", "abcd"])
def test_malformed_code_is_refused(mcc: str) -> None:
    """A code is four ASCII digits."""
    with pytest.raises(AttributeValueError, match="no merchant category code"):
        pay(mcc=mcc)


def test_amount_outside_64_bits_is_refused() -> None:
    """An amount that cannot be stored is refused, never cut off."""
    with pytest.raises(NumberError):
        pay("99999999999999", mcc="5411")


@example(Decimal("0.1"))
@given(st.decimals(min_value=-1_000_000, max_value=1_000_000, places=2))
def test_amounts_are_exact(spent: Decimal) -> None:
    """Every amount in cents is kept to the cent, with its sign."""
    found = purchase_of(Payment("t", DAY, spent, "EUR", mcc="5411"))
    assert isinstance(found, DeclaredActivity)
    assert Decimal(found.quantity_micro).scaleb(-6) == spent


@given(
    category=st.text(st.sampled_from("ABC_"), max_size=40) | st.sampled_from(sorted(CATEGORIES)), merchant=st.text(max_size=60)
)
def test_every_text_has_an_answer(category: str, merchant: str) -> None:
    """Whatever a source writes: a purchase with one of the kind's attributes, left out, or refused by name."""
    try:
        found = purchase_of(Payment("t", DAY, Decimal(1), "USD", category=category, merchant=merchant))
    except AttributeValueError:
        return
    assert isinstance(found, NoPurchase) or len(found.attributes) == 1


def test_scoring_knows_every_category(scored: Mapping[str, Mapping[str, str]]) -> None:
    """What we call a purchase stands in the table of the scoring; what scoring calls no purchase is none here."""
    kept = {one for one in CATEGORIES.values() if one and not isinstance(one, WhyNot)}
    assert kept <= scored["plaid"].keys()
    left_out = {one for one in scored["plaid"] if isinstance(pay(category=one), NoPurchase)}
    assert [one for one in left_out if scored["plaid"][one]] == []
    unscored = {one for one in kept if not scored["plaid"][one]}
    assert {one.partition("_")[0] for one in unscored} == {"GOVERNMENT", "RENT"}  # purchases without a factor per dollar


def test_scoring_agrees_about_codes(scored: Mapping[str, Mapping[str, str]]) -> None:
    """A code is no purchase here exactly where the scoring has no industry for it, but for energy and government."""
    for span, naics in scored["mcc"].items():
        is_left_out = mcc_span(NO_PURCHASE_MCC, span[:4]) is not None
        assert is_left_out == (not naics and span not in REFUSED_BY_SCORING_ONLY), span


def test_words_stand_for_scored_codes(scored: Mapping[str, Mapping[str, str]]) -> None:
    """Every code that words stand for is known to the scoring; words are as they are looked up."""
    spans = [(one.partition("-")[0], one.rpartition("-")[2]) for one in scored["mcc"]]
    assert [mcc for mcc in MCC_OF_WORDS.values() if not any(first <= mcc <= last for first, last in spans)] == []
    assert [words for words, mcc in MCC_OF_WORDS.items() if mcc_of_name(words.upper()) != mcc] == []


def test_better_kinds_exist() -> None:
    """Every kind that is called better is one of ours, and every category and code is one that is a purchase."""
    named = {kind for kinds in (*BETTER_KINDS_OF_MCC.values(), *BETTER_KINDS_OF_CATEGORY.values()) for kind in kinds}
    assert named <= KINDS.keys()
    assert BETTER_KINDS_OF_CATEGORY.keys() <= CATEGORIES.keys()
    assert [one for one in BETTER_KINDS_OF_MCC if mcc_span(NO_PURCHASE_MCC, one[:4])] == []


def test_better_kinds_of_a_purchase() -> None:
    """Fuel, flights and energy bills say which kinds would say it better; a haircut has none."""
    assert better_kinds({"mcc": "5542"}) == {"fuel", "car", "van", "motorcycle"}
    assert better_kinds({"mcc": "3058"}) == {"flight"}
    assert "electricity" in better_kinds({"plaid_category": "RENT_AND_UTILITIES_GAS_AND_ELECTRICITY"})
    assert better_kinds({"mcc": "7230"}) == better_kinds({}) == frozenset()
