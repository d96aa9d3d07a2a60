"""An answer of Plaid becomes purchases: exact, last word first, one bad payment never the others' fault."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.exact_json import MAX_DOCUMENT_SIZE
from connectors.plaid.parse import parse, read_page
from domain.errors import DocumentError, DocumentTooLargeError, HostileDocumentError, TruncatedDocumentError, UnknownFormatError
from tests.connectors.plaid.sync_text import TRANSFER, amounts, answer, payment


def test_payment_is_a_purchase() -> None:
    """What left the account is a purchase of its category on the day it was made, with its country."""
    document = parse(answer([payment(location={"country": "FR"})]))
    (one,) = document.activities
    assert (one.record_key, one.kind, one.quantity_micro, one.unit) == ("t1", "purchase", 12_340_000, "USD")
    assert (one.start_date, one.end_date, one.region) == (date(2024, 3, 4), date(2024, 3, 5), "FR")
    assert (dict(one.attributes), document.refused, document.removed_keys) == (
        {"plaid_category": "FOOD_AND_DRINK_GROCERIES"},
        (),
        (),
    )


def test_day_of_booking_where_no_other_is_said() -> None:
    """Without a day of authorisation the day of booking counts."""
    (one,) = parse(answer([payment(authorized_date=None)])).activities
    assert one.start_date == date(2024, 3, 5)


@pytest.mark.parametrize(
    ("digits", "quantity_micro"),
    [
        ("0.1", 100_000),
        ("72.1", 72_100_000),
        ("1e2", 100_000_000),
        ("4503599627370.5", 4503599627370_500_000),
        ("-28.34", -28_340_000),
        ("0", 0),
        ("1.0000005", 1_000_000),
    ],
)
def test_digits_are_kept(digits: str, quantity_micro: int) -> None:
    """Amounts are read from their digits and never pass through a float; beyond millionths they are rounded once."""
    assert amounts(parse(answer([payment(amount=digits)]))) == {"t1": quantity_micro}


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_every_amount_is_exact(amount: Decimal) -> None:
    """Any amount in cents arrives to the cent."""
    (one,) = parse(answer([payment(amount=str(amount))])).activities
    assert Decimal(one.quantity_micro).scaleb(-6) == amount


def test_posted_takes_pending_back() -> None:
    """A posted payment has a new name, and takes the one that it had while it was pending."""
    document = parse(answer([payment("posted", pending_of="pending")]))
    assert (amounts(document), document.removed_keys) == ({"posted": 12_340_000}, ("pending",))


def test_pending_and_posted_in_one_answer() -> None:
    """Where both stand in one answer, in any order, the posted one counts."""
    both = [payment("pending", pending=True), payment("posted", pending_of="pending", amount="15.00")]
    for order in (both, both[::-1]):
        assert amounts(parse(answer(order))) == {"posted": 15_000_000}


def test_payment_that_replaces_itself_stays() -> None:
    """A pending name that is the payment's own takes nothing back."""
    document = parse(answer([payment("t1", pending_of="t1")]))
    assert (amounts(document), document.removed_keys) == ({"t1": 12_340_000}, ())


def test_modified_is_the_later_word() -> None:
    """Added and modified in one answer: the modification counts, once."""
    assert amounts(parse(answer([payment()], modified=[payment(amount="99")]))) == {"t1": 99_000_000}


def test_removed_is_the_last_word() -> None:
    """What an answer removes does not count, though it adds it."""
    document = parse(answer([payment("t1"), payment("t2")], removed=["t1", "old"]))
    assert (amounts(document), document.removed_keys) == ({"t2": 12_340_000}, ("t1", "old"))


def test_purchase_that_became_a_transfer() -> None:
    """A payment that is no purchase is taken back, whether it was one before or not."""
    document = parse(answer([payment("t2", category=TRANSFER)], modified=[payment("t1", category=TRANSFER)]))
    assert (document.activities, document.removed_keys, document.refused) == ((), ("t2", "t1"), ())


def test_loans_and_investments_are_left_out() -> None:
    """Of accounts that are loans or investments nothing is taken; of cards and of accounts not named everything is."""
    payments = [payment(name, account=name) for name in ("check", "card", "loan", "broker", "elsewhere")]
    assert amounts(parse(answer(payments))).keys() == {"check", "card", "elsewhere"}


def test_currency_of_the_account() -> None:
    """A payment without a currency is in that of its account; one in an unofficial currency is refused."""
    document = parse(
        answer(
            [
                payment("t1", iso_currency_code=None),
                payment("t2", iso_currency_code=None, unofficial_currency_code="BTC"),
                payment("t3", iso_currency_code="GBP"),
                payment("t4", iso_currency_code=None, account="elsewhere"),
            ]
        )
    )
    assert {one.record_key: one.unit for one in document.activities} == {"t1": "USD", "t3": "GBP"}
    assert [(one.got, one.record) for one in document.refused] == [("BTC", "added, payment 2, t2"), ("", "added, payment 4, t4")]


def test_name_of_the_merchant_helps() -> None:
    """Without a category the merchant's name is asked; where it says nothing the payment is refused, and the others stand."""
    document = parse(
        answer(
            [
                payment("t1", category=None, merchant_name="Starbucks"),
                payment("t2", category="OTHER_OTHER", name="J DOE"),
                payment("t3"),
            ]
        )
    )
    assert {one.record_key: dict(one.attributes) for one in document.activities} == {
        "t1": {"mcc": "5814"},
        "t3": {"plaid_category": "FOOD_AND_DRINK_GROCERIES"},
    }
    assert ["Nothing says what was bought" in one.message for one in document.refused] == [True]


def test_names_are_not_kept() -> None:
    """Merchant, place and account do not appear in what is read."""
    full = payment(merchant_name="Doctor Smith", location={"country": "US", "city": "Poway"}, account_owner="J DOE")
    said = repr(parse(answer([full])))
    assert not [word for word in ("Smith", "Poway", "DOE", "CORNER") if word in said]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        7,
        "t9",
        [],
        {},
        payment("t9") | {"amount": "12.34"},
        payment("t9") | {"amount": None},
        payment("t9") | {"amount": True},
        payment("t9", amount="1e400"),
        payment("t9") | {"transaction_id": 12},
        payment("t9") | {"transaction_id": "a b"},
        payment("t9") | {"transaction_id": "x" * 500},
        payment("t9") | {"transaction_id": "\ud800"},
        payment("t9", authorized_date=None, date=None),
        payment("t9", authorized_date="2024-02-30"),
        payment("t9", authorized_date="0001-01-01"),
        payment("t9", amount="9" * 25),
    ],
)
def test_bad_payment_is_refused_alone(bad: object) -> None:
    """A payment that is none is refused with its place; those around it stand."""
    document = parse(answer([payment("t1"), bad, payment("t2")]))
    assert amounts(document).keys() == {"t1", "t2"}
    (refused,) = document.refused
    assert refused.record.startswith("added, payment 2")


def test_name_that_stands_twice() -> None:
    """A payment in which a name stands twice says two things, and is refused alone."""
    text = answer([payment("t1"), payment("t2")]).replace(b'"transaction_id": "t2"', b'"amount": 1, "transaction_id": "t2"')
    document = parse(text)
    assert (set(amounts(document)), [one.message for one in document.refused]) == ({"t1"}, ["This is no payment"])


def test_other_layout_is_seen() -> None:
    """Where not one payment has the fields of a payment, the layout has changed: nothing is taken."""
    with pytest.raises(DocumentError, match="Not one payment"):
        parse(answer([{"id": "t1", "value": "12"}, {"id": "t2", "value": "13"}]))


@pytest.mark.parametrize("name", ["accounts", "added", "modified", "removed", "next_cursor", "has_more"])
def test_missing_part_is_seen(name: str) -> None:
    """An answer without one of its parts is another format."""
    whole = json.loads(answer([payment(amount="1")]))
    del whole[name]
    for changed in (whole, whole | {name: None}, whole | {name: 3}, whole | {name: {}}):
        with pytest.raises(DocumentError):
            parse(json.dumps(changed).encode())


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", TruncatedDocumentError),
        (b"<html>", UnknownFormatError),
        (b"[]", DocumentError),
        (b'"text"', DocumentError),
        (b"\xff\xfe{", UnknownFormatError),
        (answer(next_cursor="c1").replace(b'"c1"', b"NaN"), DocumentError),
        (answer()[:-5], TruncatedDocumentError),
        (answer().replace(b'{"accounts"', b'{"has_more": true, "accounts"'), DocumentError),
        (b"[" * 100_000, HostileDocumentError),
        (b" " * (MAX_DOCUMENT_SIZE + 1), DocumentTooLargeError),
        (answer(next_cursor="x" * 5_000), DocumentError),
    ],
)
def test_hostile_answer_is_refused(body: bytes, error: type[DocumentError]) -> None:
    """What is no answer, or is built to do harm, is refused by name."""
    with pytest.raises(error):
        parse(body)


def test_huge_integer_is_not_computed() -> None:
    """A million digits stay text, and are refused as an amount."""
    document = parse(answer([payment("t1"), payment("t2", amount="9" * 1_000_000)]))
    assert (set(amounts(document)), len(document.refused)) == ({"t1"}, 1)


@given(st.binary(max_size=200) | st.text(st.sampled_from('{}[]",:0123456789.eE-addedtrunl '), max_size=200).map(str.encode))
def test_any_bytes_have_an_answer(body: bytes) -> None:
    """Whatever comes, the answer is a document or a DocumentError."""
    try:
        parse(body)
    except DocumentError:
        return


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*payment(), "accounts"]), _JSON, max_size=5), _JSON)
def test_any_fields_have_an_answer(fields: dict[str, object], other: object) -> None:
    """Whatever stands in the fields of a payment, the payment beside it is read, and nothing breaks."""
    body = answer([payment("good"), {**payment("odd", amount="1"), **fields}, other])
    document = parse(body)
    assert "good" in amounts(document)
    assert len(document.activities) + len(document.refused) + len(document.removed_keys) >= 2


def test_page_says_where_the_next_begins() -> None:
    """Cursor, end and the state of the history are read beside the payments."""
    page = read_page(answer(next_cursor="c9", has_more=True, status="INITIAL_UPDATE_COMPLETE"))
    assert (page.next_cursor, page.has_more, page.status) == ("c9", True, "INITIAL_UPDATE_COMPLETE")
