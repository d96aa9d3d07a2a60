"""camt.052, camt.053 and camt.054 (ISO 20022 bank to customer cash management), all versions: the booked entries.

Read by local names, as a stream: versions differ in namespace, in `Sts` (text or a code in it) and in where parties have their
names. Source: ISO 20022 message definition reports camt.052-054.001.01 to .13; bank transaction codes: ISO 20022 external code
sets, BTC.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from lxml import etree

from connectors.bank_file.entries import Entry, Statement, day_of_text, refusal
from connectors.spend import WhyNot
from domain.errors import (
    DocumentError,
    DocumentTooLargeError,
    HostileDocumentError,
    InputError,
    TruncatedDocumentError,
    UnknownFormatError,
)
from domain.number import decimal_from_text

MAX_ENTRIES_COUNT = 250_000
"""Entries of one file."""

_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.05[234]\.001\.[0-9]{2}\Z")
_CONTAINERS = frozenset({"Stmt", "Rpt", "Ntfctn"})
_BOOKED, _NOT_BOOKED = "BOOK", frozenset({"PDNG", "INFO", "FUTR"})
_MCC = re.compile(r"[0-9]{4}\Z")
_MCC_TAGS = ("{*}TxCtgy", "{*}MrchntCtgyCd", "{*}MCC")
_NO_REFERENCES = frozenset({"", "NOTPROVIDED", "NONREF", "NONE"})
_WHY_NOT_OF_SUB_FAMILY = {
    "CWDL": WhyNot.CASH,  # cash withdrawal
    "CDPT": WhyNot.CASH,  # cash deposit
    "CAWL": WhyNot.CASH,
    "SALA": WhyNot.INCOME,  # payroll
    "INTR": WhyNot.INTEREST,
    "ACCB": WhyNot.TRANSFER,  # account balancing
    "ZABA": WhyNot.TRANSFER,  # zero balancing
    "SWEP": WhyNot.TRANSFER,
    "TAXE": WhyNot.TAX,
    "DVCA": WhyNot.INVESTMENT,
}
_WHY_NOT_OF_DOMAIN = {"SECU": WhyNot.INVESTMENT, "LDAS": WhyNot.LOAN_PAYMENT, "DERV": WhyNot.INVESTMENT}


def read_camt(body: bytes) -> tuple[Statement, ...]:
    """The statements of a camt file.

    Args:
        body: The XML.

    Returns:
        One for each report, statement or notification.

    Raises:
        UnknownFormatError: It is no camt.052, 053 or 054.
        TruncatedDocumentError: It is no whole XML.
        HostileDocumentError: It has a document type declaration, or goes too deep.
        DocumentTooLargeError: It has more than `MAX_ENTRIES_COUNT` entries.
    """
    reading = _Reading()
    try:
        for element in _elements(body):
            reading.take(element)
    except etree.XMLSyntaxError as error:
        raise TruncatedDocumentError(
            "This XML cannot be read", expected="a whole camt document", got=str(error), next_step="Download the file again."
        ) from error
    if not reading.statements:
        raise UnknownFormatError("This camt document holds no account", expected="Stmt, Rpt or Ntfctn", got="none")
    return tuple(reading.statements)


def _elements(body: bytes) -> Iterator[etree._Element]:
    """Ends of statements' parts, and their beginnings; parts are emptied when they were read.

    Raises:
        UnknownFormatError: The root is none of camt.
    """
    tags = [f"{{*}}{name}" for name in ("Document", "Acct", "Bal", "Ntry", *sorted(_CONTAINERS))]
    events = etree.iterparse(
        io.BytesIO(body),
        events=("start", "end"),
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    is_first = True
    for event, element in events:
        if is_first:
            _check_root(element.getroottree())
            is_first = False
        name = _local(element)
        if event == "start":
            if name in _CONTAINERS:
                yield element
            continue
        if name in {"Acct", "Bal", "Ntry"} and _local(element.getparent()) in _CONTAINERS:
            yield element
            element.clear()
            while name == "Ntry" and element.getprevious() is not None:
                parent = element.getparent()
                if parent is None:
                    break
                del parent[0]
    if is_first:
        raise UnknownFormatError("This XML is no camt document", expected="camt.052, camt.053 or camt.054", got="other XML")


def _check_root(tree: "etree._ElementTree[etree._Element]") -> None:
    if tree.docinfo.internalDTD is not None:
        raise HostileDocumentError("This document declares a document type", expected="none", got="a DOCTYPE")
    root = tree.getroot()
    namespace = str(root.tag).partition("}")[0].removeprefix("{")  # `QName` raises on namespaces that are none
    if not _NAMESPACE.match(namespace):
        raise UnknownFormatError(
            "This XML is no camt document",
            expected="camt.052, camt.053 or camt.054",
            got=namespace or str(root.tag),
            next_step="Choose the account statement as camt.053 in the bank's download.",
        )


def _local(element: etree._Element | None) -> str:
    return str(element.tag).rpartition("}")[2] if element is not None else ""


class _Reading:
    """The statement that the elements belong to."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self._count = 0

    def take(self, element: etree._Element) -> None:
        name = _local(element)
        if name in _CONTAINERS:
            self.statements.append(Statement())
            return
        statement = self.statements[-1]
        if not statement.statement_id:
            parent = element.getparent()
            statement.statement_id = _text(parent, "Id") if parent is not None else ""
        if name == "Acct":
            paths = ("Id/{*}IBAN", "Id/{*}BBAN", "Id/{*}Othr/{*}Id", "Id/{*}PrtryAcct/{*}Id")
            statement.account = next((text for text in (_text(element, path) for path in paths) if text), "").replace(" ", "")
            statement.currency = _text(element, "Ccy")
        elif name == "Bal":
            statement.balances_count += 1
        else:
            self._take_entry(statement, element)

    def _take_entry(self, statement: Statement, element: etree._Element) -> None:
        self._count += 1
        if self._count > MAX_ENTRIES_COUNT:
            raise DocumentTooLargeError(expected=f"at most {MAX_ENTRIES_COUNT} entries", got="more")
        where = f"entry {self._count}"
        status = _text(element, "Sts/{*}Cd") or _text(element, "Sts")
        try:
            line = _Line(statement, element, self._count, where)
            statement.lines.append((line.day, line.amount, line.currency))
            if status in _NOT_BOOKED:
                statement.pending_count += 1
                return
            if status != _BOOKED:
                raise DocumentError(
                    "This entry does not say that it is booked", expected="BOOK", got=status or "none", record="Sts"
                )
            statement.entries += line.entries()
        except InputError as error:
            statement.refused.append(refusal(error, where))


class _Line:
    """One entry: its amount with the sign of the account, and what its details add."""

    def __init__(self, statement: Statement, element: etree._Element, number: int, where: str) -> None:
        self._statement, self._element, self._number, self._where = statement, element, number, where
        self.amount, self.currency = _amount(element, "Amt")
        self._is_credit = _is_credit(element)
        if not self._is_credit:
            self.amount = -self.amount
        self.day = _day(element)
        self._reference = _reference(element, "AcctSvcrRef")

    def entries(self) -> list[Entry]:
        """One per detail where the details say all amounts and these add up, else one.

        Raises:
            DocumentError: There is no day.
        """
        if self.day is None:
            raise DocumentError("This entry has no day", expected="BookgDt or ValDt", got="neither", record="BookgDt")
        details = self._element.findall("{*}NtryDtls/{*}TxDtls")
        amounts = [_detail_amount(one, self.currency, is_credit=self._is_credit) for one in details]
        known = [one for one in amounts if one is not None]
        if len(details) > 1 and len(known) == len(details) and sum(known) == self.amount:
            return self._parts(details, known, self.day)
        return [self._entry(self.amount, details, self._own_reference(details), self.day)]

    def _parts(self, details: list[etree._Element], amounts: list[Decimal], day: date) -> list[Entry]:
        seen: Counter[tuple[str, Decimal]] = Counter()
        found = []
        for detail, amount in zip(details, amounts, strict=True):
            own = _detail_reference(detail)
            seen[own, amount] += 1
            reference = f"{self._reference}/{own}/{amount.normalize()}/{seen[own, amount]}" if self._reference or own else ""
            found.append(self._entry(amount, [detail], reference, day))
        return found

    def _own_reference(self, details: list[etree._Element]) -> str:
        return self._reference or (_detail_reference(details[0]) if len(details) == 1 else "")

    def _entry(self, amount: Decimal, details: list[etree._Element], reference: str, day: date) -> Entry:
        is_credit = amount > 0
        texts = [text for one in details for text in _detail_texts(one, is_credit=is_credit)]
        texts += [_text(self._element, "AddtlNtryInf")]
        return Entry(
            account=self._statement.account,
            day=day,
            amount=amount,
            currency=self.currency,
            reference=reference,
            text=" ".join(dict.fromkeys(text for text in texts if text))[:1000],
            mcc=next((code for one in [*details, self._element] for code in _mccs(one)), ""),
            why_not=self._why_not(details),
            number=self._number,
            where=self._where,
        )

    def _why_not(self, details: list[etree._Element]) -> WhyNot | None:
        """What the bank's code says; and a reversal that takes money out is of money that came in (camt.053, RvslInd)."""
        if not self._is_credit and _text(self._element, "RvslInd") in {"true", "1"}:
            return WhyNot.INCOME
        for one in [*details[:1], self._element]:
            domain, sub_family = _text(one, "BkTxCd/{*}Domn/{*}Cd"), _text(one, "BkTxCd/{*}Domn/{*}Fmly/{*}SubFmlyCd")
            found = _WHY_NOT_OF_SUB_FAMILY.get(sub_family) or _WHY_NOT_OF_DOMAIN.get(domain)
            if found:
                return found
        return None


def _text(element: etree._Element, path: str) -> str:
    text = element.findtext(f"{{*}}{path}")
    return " ".join(text.split()) if text else ""


def _amount(element: etree._Element, path: str) -> tuple[Decimal, str]:
    found = element.find(f"{{*}}{path}")
    text = (found.text or "").strip() if found is not None else ""
    if found is None or not text or text.startswith("-"):
        raise DocumentError("This entry has no amount", expected="Amt, never below zero", got=text or "none", record="Amt")
    return decimal_from_text(text, record="Amt"), found.get("Ccy", "")


def _is_credit(element: etree._Element) -> bool:
    indicator = _text(element, "CdtDbtInd")
    if indicator not in {"CRDT", "DBIT"}:
        raise DocumentError(
            "This entry does not say its direction", expected="CRDT or DBIT", got=indicator or "none", record="CdtDbtInd"
        )
    return indicator == "CRDT"


def _day(element: etree._Element) -> date | None:
    """Day of booking, else of value; as the bank writes it, whatever its offset."""
    for path in ("BookgDt/{*}Dt", "BookgDt/{*}DtTm", "ValDt/{*}Dt", "ValDt/{*}DtTm"):
        text = _text(element, path)
        if text:
            return day_of_text(text[:10], path.partition("/")[0])
    return None


def _reference(element: etree._Element, path: str) -> str:
    text = _text(element, path)
    return "" if text.upper() in _NO_REFERENCES else text


def _detail_reference(detail: etree._Element) -> str:
    """The narrowest name that the bank gives: its own first, the payer's last."""
    names = ("AcctSvcrRef", "UETR", "TxId", "InstrId", "EndToEndId", "MndtId", "ChqNb")
    return next((text for text in (_reference(detail, f"Refs/{{*}}{name}") for name in names) if text), "")


def _detail_amount(detail: etree._Element, currency: str, *, is_credit: bool) -> Decimal | None:
    """The amount of a detail in the currency of its entry, with the sign of the account; None where it says none."""
    for path in ("Amt", "AmtDtls/{*}TxAmt/{*}Amt"):
        found = detail.find(f"{{*}}{path}")
        if found is not None and found.get("Ccy") == currency and found.text:
            amount = decimal_from_text(found.text, record="TxDtls, Amt")
            indicator = _text(detail, "CdtDbtInd")
            return amount if (indicator == "CRDT" or (not indicator and is_credit)) else -amount
    return None


def _detail_texts(detail: etree._Element, *, is_credit: bool) -> list[str]:
    party = "Dbtr" if is_credit else "Cdtr"
    names = (f"RltdPties/{{*}}{name}/{{*}}{path}" for name in (f"Ultmt{party}", party) for path in ("Nm", "Pty/{*}Nm"))
    found = [_text(detail, name) for name in names]
    found += [" ".join((one.text or "").split()) for one in detail.findall("{*}RmtInf/{*}Ustrd")]
    return [*found, _text(detail, "AddtlTxInf")]


def _mccs(element: etree._Element) -> Iterator[str]:
    for one in element.iter(*_MCC_TAGS):
        text = (one.text or "").strip()
        if _MCC.match(text):
            yield text
