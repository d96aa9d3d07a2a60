"""OFX of both sorts: what banks really write, and what nobody should."""

from decimal import Decimal

import pytest

from connectors.bank_file import BANK_FILE
from connectors.bank_file.entries import Statement
from connectors.bank_file.parse import read_statements
from connectors.spend import WhyNot
from domain.declared import ActivityDocument
from domain.errors import DocumentError, TruncatedDocumentError

HEAD = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n\n"


def sgml(*transactions: str, kind: str = "CCSTMTRS", currency: str = "USD", account: str = "4111") -> bytes:
    """A statement of OFX 1 with these transactions."""
    origin = "CCACCTFROM" if kind == "CCSTMTRS" else "BANKACCTFROM"
    return (
        f"{HEAD}<OFX><CREDITCARDMSGSRSV1><{kind}><CURDEF>{currency}<{origin}><ACCTID>{account}</{origin}><BANKTRANLIST>"
        f"{''.join(transactions)}</BANKTRANLIST><LEDGERBAL><BALAMT>1<DTASOF>20240301</LEDGERBAL></{kind}></CREDITCARDMSGSRSV1></OFX>"
    ).encode("cp1252")


def line(fitid: str = "1", amount: str = "-12.50", day: str = "20240301", name: str = "SHELL OIL", more: str = "") -> str:
    """One transaction of OFX 1, with values that are not ended."""
    return f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>{day}<TRNAMT>{amount}<FITID>{fitid}<NAME>{name}{more}</STMTTRN>"


def read(body: bytes) -> Statement:
    """The one statement of a file."""
    (statement,), _ = read_statements(body)
    return statement


def parsed(body: bytes) -> ActivityDocument:
    """The purchases of a file."""
    return BANK_FILE.parse(body)


def test_sgml_and_xml_say_the_same() -> None:
    """A statement with and without ends of its values gives the same lines."""
    xml = (
        b'<?xml version="1.0"?><?OFX OFXHEADER="200" VERSION="211"?><OFX><CREDITCARDMSGSRSV1><CCSTMTRS><CURDEF>USD</CURDEF>'
        b"<CCACCTFROM><ACCTID>4111</ACCTID></CCACCTFROM><BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT</TRNTYPE>"
        b"<DTPOSTED>20240301</DTPOSTED><TRNAMT>-12.50</TRNAMT><FITID>1</FITID><NAME>SHELL OIL</NAME></STMTTRN>"
        b"</BANKTRANLIST></CCSTMTRS></CREDITCARDMSGSRSV1></OFX>"
    )
    assert parsed(xml).activities == parsed(sgml(line())).activities
    assert len(parsed(xml).activities) == 1


def test_transactions_without_ends_are_told_apart() -> None:
    """SGML may leave out even the end of a transaction."""
    open_lines = [line("1").removesuffix("</STMTTRN>"), line("2", "-3").removesuffix("</STMTTRN>")]
    assert [one.amount for one in read(sgml(*open_lines)).entries] == [Decimal("-12.50"), Decimal(-3)]


def test_merchant_code_of_cards_is_taken() -> None:
    """Card issuers put the merchant category code in SIC; banks put something else there."""
    said = line(more="<SIC>5812", name="UNKNOWN PLACE")
    assert [dict(one.attributes) for one in parsed(sgml(said)).activities] == [{"mcc": "5812"}]
    assert parsed(sgml(said, kind="STMTRS")).activities == ()


def test_text_is_read_as_it_is_meant() -> None:
    """Entities, CDATA and comments; a lone ampersand is one; an umlaut of Windows-1252 is one."""
    assert read(sgml(line(name="A&amp;B &#228; AT&T Café"))).entries[0].text == "A&B ä AT&T Café"
    assert read(sgml(line(name="<![CDATA[M & M <x>]]>"))).entries[0].text == "M & M <x>"
    assert read(sgml(line(name="X<!-- <TRNAMT>9 -->Y"))).entries[0].text == "XY"


def test_amount_in_another_currency() -> None:
    """`CURRENCY` says that the amount is in another currency; `ORIGCURRENCY` only that it was."""
    foreign = line(more="<CURRENCY><CURRATE>1.1<CURSYM>EUR</CURRENCY>")
    converted = line(more="<ORIGCURRENCY><CURRATE>1.1<CURSYM>EUR</ORIGCURRENCY>")
    assert read(sgml(foreign)).entries[0].currency == "EUR"
    assert read(sgml(converted)).entries[0].currency == "USD"


def test_comma_before_the_cents_is_legal() -> None:
    """OFX allows both marks, and no thousands."""
    assert read(sgml(line(amount="-12,50"))).entries[0].amount == Decimal("-12.50")
    assert [one.record for one in read(sgml(line(amount="-1,234.50"))).refused] == ["transaction 1, TRNAMT"]


@pytest.mark.parametrize("day", ["20240230", "2024", "1824010112", "20240301\x00", "2024-03-01", ""])
def test_no_day_is_refused(day: str) -> None:
    """A transaction without a real day is refused, and the next one stands."""
    statement = read(sgml(line("1", day=day), line("2")))
    assert [one.record.partition(",")[0] for one in statement.refused] == ["transaction 1"]
    assert len(statement.entries) == 1


@pytest.mark.parametrize(
    "day", ["20240301", "20240301120000", "20240301120000.000", "20240301235959.123[-5:EST]", "20240301000000[0:GMT]"]
)
def test_local_day_is_as_written(day: str) -> None:
    """The bank's own day counts, whatever its offset."""
    assert read(sgml(line(day=day))).entries[0].day.isoformat() == "2024-03-01"


def test_what_the_bank_says_is_no_purchase() -> None:
    """Cash, transfers, interest, dividends and salaries by their type; a payment to a card by its words."""
    types = {"ATM": WhyNot.CASH, "XFER": WhyNot.TRANSFER, "INT": WhyNot.INTEREST, "DIRECTDEP": WhyNot.INCOME}
    for name, why in types.items():
        assert read(sgml(line().replace("DEBIT", name))).entries[0].why_not is why
    payment = line(amount="500", name="AUTOPAY PAYMENT - THANK YOU").replace("DEBIT", "CREDIT")
    assert read(sgml(payment)).entries[0].why_not is WhyNot.CARD_PAYMENT


def test_refund_is_a_purchase_below_zero() -> None:
    """Money back from a shop that is known."""
    (one,) = parsed(sgml(line(amount="5.25"))).activities
    assert one.quantity_micro == -5_250_000


def test_hold_is_pending() -> None:
    """A hold is not booked."""
    statement = read(sgml(line().replace("DEBIT", "HOLD")))
    assert (statement.pending_count, statement.entries) == (1, [])


def test_correction_of_another_transaction_is_refused() -> None:
    """Which record it corrects cannot be known for certain, so the person is asked."""
    statement = read(sgml(line(more="<CORRECTFITID>7<CORRECTACTION>DELETE")))
    assert "Take the earlier one back by hand" in statement.refused[0].sentence()


def test_cut_file_is_refused() -> None:
    """A download that broke off is not half a month."""
    body = sgml(line(), line("2"))
    with pytest.raises(TruncatedDocumentError, match="ends within a statement"):
        parsed(body[: body.index(b"</BANKTRANLIST>")])


def test_document_type_expands_nothing() -> None:
    """Entities of a document type declaration stay what they are: no file is opened, nothing grows."""
    bomb = '<!DOCTYPE x [<!ENTITY a "SHELL"><!ENTITY b SYSTEM "file:///etc/passwd">]>'
    body = sgml(line(name="&a;&b;")).replace(b"<OFX>", bomb.encode() + b"<OFX>")
    assert read(body).entries[0].text == "&a;&b;"


def test_transaction_outside_of_an_account_is_refused() -> None:
    """Nobody's transaction."""
    with pytest.raises(DocumentError, match="outside of any account"):
        parsed(f"{HEAD}<OFX>{line()}</OFX>".encode())


def test_unclosed_marks_take_linear_time() -> None:
    """A hundred thousand comments that never end are read once."""
    body = sgml(line()).replace(b"</OFX>", b"</OFX>" + b"<!--" * 100_000)
    assert len(read(body).entries) == 1
