"""OFX 1.x (SGML) and 2.x (XML) bank, card and investment statements: the lines of each account.

Source: Open Financial Exchange 1.0.3, 1.6 and 2.3, chapters 2 (headers), 3.2.8 (dates, amounts), 11.4 (bank and card
statements). A tag with text after it is a value, ended or not; so one reader serves both. Nothing is ever expanded: a document
type declaration is passed over like any other mark.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn

from connectors.bank_file.entries import Entry, Statement, day_of_text, refusal
from connectors.spend import WhyNot
from connectors.table import encoding_of, text_of
from domain.errors import DocumentError, InputError, NumberError, TruncatedDocumentError, UnknownFormatError
from domain.number import decimal_from_text

MAX_TAGS_COUNT = 5_000_000
"""Tags of one file: about 400,000 transactions."""

_TAG = re.compile(r"<(/?)([A-Za-z0-9._]{1,40})>([^<]*)")
_START = re.compile(r"<OFX[ >]", re.IGNORECASE)
_CHARSET = re.compile(r"CHARSET:([0-9A-Za-z-]{1,20})")
_CHARSETS = {"1252": "windows-1252", "8859-1": "iso-8859-1", "ISO-8859-1": "iso-8859-1"}
_ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|#[0-9]{1,7});")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{2,6}(?:\.[0-9]{1,6})?)?(?:\[[-+0-9.]{1,6}(?::[A-Za-z ]{0,10})?\])?\Z")
_MCC = re.compile(r"[0-9]{4}\Z")
_STATEMENTS = {"STMTRS": "bank", "CCSTMTRS": "card", "INVSTMTRS": "investment"}
_WHY_NOT = {
    "ATM": WhyNot.CASH,
    "CASH": WhyNot.CASH,
    "XFER": WhyNot.TRANSFER,
    "INT": WhyNot.INTEREST,
    "DIV": WhyNot.INVESTMENT,
    "DIRECTDEP": WhyNot.INCOME,
    "DEP": WhyNot.MONEY_IN,
}
"""What a type of transaction says besides the amount: OFX 2.3, 11.4.4.3. A fee is a purchase; interest may be owed or earned."""
_PAYMENT_TYPES = frozenset({"PAYMENT", "XFER", "CREDIT", "DIRECTDEP", "DEP", "REPEATPMT"})
_CARD_PAYMENT_WORDS = re.compile(r"\b(payment|autopay|thank you|zahlung|paiement|betaling|pago)\b", re.IGNORECASE)
_PENDING = "HOLD"


@dataclass(slots=True)
class _Found:
    """What stands in a file besides transactions."""

    statements: list[Statement] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    tags_count: int = 0


def read_ofx(body: bytes) -> tuple[Statement, ...]:
    """The statements of an OFX file.

    Args:
        body: The file.

    Returns:
        One for each account, also without transactions.

    Raises:
        UnknownFormatError: It has no OFX in it, or an answer to something else than a statement: a sign-on, a list of accounts.
        TruncatedDocumentError: It ends within a statement.
        DocumentError: The bank answered with an error.
    """
    text = _text(body)
    start = _START.search(text)
    if not start:
        raise UnknownFormatError("This is no OFX file", expected="<OFX>", got=text[:60])
    found = _Found()
    reading = _Reading(found)
    for is_end, tag, value in _tags(text, start.start(), found):
        reading.take(tag.upper(), value, is_end=is_end)
    if reading.is_open:
        raise TruncatedDocumentError("This file ends within a statement", expected="</OFX>", got=text[-40:])
    if not found.statements:
        _refuse_without_statement(found)
    return tuple(found.statements)


def _text(body: bytes) -> str:
    encoding, is_certain = encoding_of(body)
    if not is_certain:
        said = _CHARSET.search(body[:1000].decode("ascii", "replace"))
        encoding = _CHARSETS.get(said[1] if said else "", encoding)
    text = text_of(body, encoding)
    return _without_marks(text) if "<!" in text else text


def _without_marks(text: str) -> str:
    """The text without comments, and with CDATA as plain text; each found once, so that the time is linear."""
    parts: list[str] = []
    at = 0
    while True:
        mark = text.find("<!", at)
        if mark < 0:
            return "".join([*parts, text[at:]])
        parts.append(text[at:mark])
        if text.startswith("<!--", mark):
            end = text.find("-->", mark)
            at = end + 3 if end >= 0 else len(text)
        elif text.startswith("<![CDATA[", mark):
            end = text.find("]]>", mark)
            end = end if end >= 0 else len(text)
            parts.append(text[mark + 9 : end].replace("&", "&amp;").replace("<", "&lt;"))
            at = end + 3
        else:
            at = mark + 2


def _tags(text: str, start: int, found: _Found) -> Iterator[tuple[bool, str, str]]:
    for match in _TAG.finditer(text, start):
        found.tags_count += 1
        if found.tags_count > MAX_TAGS_COUNT:
            raise DocumentError(expected=f"at most {MAX_TAGS_COUNT} tags", got="more", next_step="Download a shorter period.")
        value = match[3].strip()
        if "&" in value:
            value = _ENTITY.sub(_sign_of, value)
        yield match[1] == "/", match[2], value


def _sign_of(match: re.Match[str]) -> str:
    name = match[1]
    if not name.startswith("#"):
        return _ENTITIES[name]
    number = int(name[1:])
    return chr(number) if 32 <= number < 0xD800 else " "  # noqa: PLR2004 - control characters and surrogates are none


class _Reading:
    """The statement and the transaction that the tags are in."""

    def __init__(self, found: _Found) -> None:
        self._found = found
        self._kind = ""
        self._statement: Statement | None = None
        self._fields: dict[str, str] | None = None
        self._within = ""
        self._account: dict[str, str] = {}
        self._in_account = False
        self._status: dict[str, str] | None = None
        self._count = 0

    @property
    def is_open(self) -> bool:
        return self._statement is not None

    def take(self, tag: str, value: str, *, is_end: bool) -> None:
        if self._fields is not None:
            self._take_in_transaction(tag, value, is_end=is_end)
        elif tag in _STATEMENTS:
            self._take_statement(tag, is_end=is_end)
        elif tag == "STMTTRN" and not is_end:
            if self._statement is None:
                raise DocumentError("A transaction stands outside of any account", expected="STMTRS or CCSTMTRS", got=tag)
            self._count += 1
            self._fields = {}
        elif tag == "STATUS":
            self._take_status(is_end=is_end)
        elif self._status is not None and value and not is_end:
            self._status[tag] = value
        elif self._statement is not None:
            self._take_in_statement(tag, value, is_end=is_end)
        else:
            self._found.tags.add(tag)

    def _take_statement(self, tag: str, *, is_end: bool) -> None:
        if is_end:
            self._statement = None
            return
        self._kind, self._account, self._in_account = _STATEMENTS[tag], {}, False
        self._statement = Statement()
        self._found.statements.append(self._statement)

    def _take_status(self, *, is_end: bool) -> None:
        if not is_end:
            self._status = {}
            return
        status, self._status = self._status or {}, None
        if status.get("SEVERITY", "").upper() == "ERROR":
            self._found.errors.append(f"{status.get('CODE', '')} {status.get('MESSAGE', '')}".strip())

    def _take_in_statement(self, tag: str, value: str, *, is_end: bool) -> None:
        statement = self._statement
        if statement is None:
            return
        if tag in {"BANKACCTFROM", "CCACCTFROM", "INVACCTFROM"}:
            self._in_account = not is_end
            if is_end:
                bank = self._account.get("BANKID") or self._account.get("BROKERID") or ""
                statement.account = f"{bank}/{self._account.get('ACCTID', '')}"
        elif self._in_account and value and not is_end:
            self._account[tag] = value
        elif tag == "CURDEF" and value:
            statement.currency = value.upper()
        elif tag in {"LEDGERBAL", "AVAILBAL", "INVBAL"} and not is_end:
            statement.balances_count += 1

    def _take_in_transaction(self, tag: str, value: str, *, is_end: bool) -> None:
        if self._fields is None or self._statement is None:
            return
        if tag == "STMTTRN" or (is_end and tag in {"BANKTRANLIST", *_STATEMENTS}):
            fields, self._fields, self._within = self._fields, None, ""
            self._end_transaction(self._statement, fields)
            self._fields = {} if not is_end else None  # SGML may leave the end out
            self._count += not is_end
            if is_end and tag in _STATEMENTS:
                self._statement = None
        elif tag in {"CURRENCY", "ORIGCURRENCY"}:
            self._within = "" if is_end else f"{tag}."
        elif value and not is_end:
            self._fields.setdefault(f"{self._within}{tag}" if tag in {"CURSYM", "CURRATE"} else tag, value)

    def _end_transaction(self, statement: Statement, fields: dict[str, str]) -> None:
        try:
            entry = _entry(statement, self._kind, fields, self._count)
        except InputError as error:
            statement.refused.append(refusal(error, f"transaction {self._count}"))
            return
        statement.lines.append((entry.day, entry.amount, entry.currency))
        if fields.get("TRNTYPE", "").upper() == _PENDING:
            statement.pending_count += 1
        else:
            statement.entries.append(entry)


def _entry(statement: Statement, kind: str, fields: dict[str, str], number: int) -> Entry:
    where = f"transaction {number}"
    posted = fields.get("DTPOSTED") or fields.get("DTUSER") or ""
    match = _DATE.match(posted)
    if not match:
        raise DocumentError("This transaction has no day", expected="DTPOSTED as YYYYMMDD", got=posted, record="DTPOSTED")
    day = day_of_text(f"{match[1]}-{match[2]}-{match[3]}", "DTPOSTED")
    amount = _amount(fields.get("TRNAMT", ""))
    currency = (fields.get("CURRENCY.CURSYM") or statement.currency).upper()
    if not currency:
        raise DocumentError("This transaction has no currency", expected="CURDEF of its account", got="none", record="CURDEF")
    if fields.get("CORRECTFITID"):
        raise DocumentError(
            "This transaction corrects an earlier one",
            expected="a transaction of its own",
            got=f"{fields.get('CORRECTACTION', '')} {fields['CORRECTFITID']}",
            record="CORRECTFITID",
            next_step="Take the earlier one back by hand, and add this one if it replaces it.",
        )
    text = " ".join(dict.fromkeys(one for one in (fields.get("NAME", ""), fields.get("MEMO", "")) if one))
    sic = fields.get("SIC", "")
    return Entry(
        account=statement.account,
        day=day,
        amount=amount,
        currency=currency,
        reference=fields.get("FITID", ""),
        text=text,
        mcc=sic if kind == "card" and _MCC.match(sic) and sic != "0000" else "",
        why_not=_why_not(kind, fields.get("TRNTYPE", "").upper(), amount, text),
        number=number,
        where=where,
    )


def _amount(text: str) -> Decimal:
    """An amount: digits with a point or a comma before the cents (OFX 2.3, 3.2.9.1), no thousands.

    Raises:
        NumberError: It is none.
    """
    plain = text.replace(",", ".")
    if not plain or plain.count(".") > 1:
        raise NumberError(
            "This transaction has no amount that can be read",
            expected="a number such as -12.50",
            got=text or "none",
            record="TRNAMT",
            next_step="Download the file again.",
        )
    return decimal_from_text(plain, record="TRNAMT")


def _why_not(kind: str, transaction_type: str, amount: Decimal, text: str) -> WhyNot | None:
    if kind == "investment":
        return WhyNot.INVESTMENT
    if kind == "card" and amount > 0 and transaction_type in _PAYMENT_TYPES and _CARD_PAYMENT_WORDS.search(text):
        return WhyNot.CARD_PAYMENT
    if transaction_type == "DEP" and amount <= 0:
        return None
    return _WHY_NOT.get(transaction_type)


def _refuse_without_statement(found: _Found) -> NoReturn:
    if found.errors:
        raise DocumentError(
            "The bank answered with an error instead of transactions",
            expected="a statement with transactions",
            got="; ".join(found.errors),
            record="STATUS",
            next_step="Download the file again from the bank.",
        )
    what = "an empty answer"
    if found.tags & {"ACCTINFO", "ACCTINFORS", "ACCTINFOTRNRS"}:
        what = "a list of accounts"
    elif "SONRS" in found.tags:
        what = "the answer to a sign-on"
    raise UnknownFormatError(
        "This OFX file holds no statement",
        expected="a bank or card statement (STMTRS, CCSTMTRS)",
        got=what,
        next_step="Download the transactions of an account from the bank.",
    )
