"""camt entries: reversals, batches, references, codes, and XML that nobody should send."""

from decimal import Decimal

import pytest

from connectors.bank_file import BANK_FILE
from connectors.bank_file.entries import Statement, keyed
from connectors.bank_file.parse import read_statements
from connectors.spend import WhyNot
from domain.errors import DocumentError, HostileDocumentError, TruncatedDocumentError, UnknownFormatError


def camt(*entries: str, version: str = "053.001.08", iban: str = "NL26VAYB8060476890") -> bytes:
    """A statement with these entries."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{version}"><BkToCstmrStmt>'
        f"<Stmt><Id>S1</Id><Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def entry(
    amount: str = "12.50", direction: str = "DBIT", *, reference: str = "R1", status: str = "<Cd>BOOK</Cd>", more: str = ""
) -> str:
    """One entry."""
    named = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>{status}</Sts>'
        f"<BookgDt><Dt>2024-03-01</Dt></BookgDt>{named}{more}</Ntry>"
    )


def detail(amount: str = "", name: str = "SHELL", end_to_end: str = "", code: str = "") -> str:
    """Details of one transaction of an entry."""
    money = f'<Amt Ccy="EUR">{amount}</Amt>' if amount else ""
    return (
        f"<TxDtls><Refs><EndToEndId>{end_to_end or 'NOTPROVIDED'}</EndToEndId></Refs>{money}{code}"
        f"<RltdPties><Cdtr><Pty><Nm>{name}</Nm></Pty></Cdtr></RltdPties></TxDtls>"
    )


def read(body: bytes) -> Statement:
    """The one statement of a file."""
    (statement,), _ = read_statements(body)
    return statement


@pytest.mark.parametrize("version", ["052.001.01", "053.001.02", "053.001.13", "054.001.08"])
def test_every_version_is_read(version: str) -> None:
    """The namespace tells the version, and nothing else depends on it."""
    status = "BOOK" if version < "053.001.03" else "<Cd>BOOK</Cd>"
    assert [one.amount for one in read(camt(entry(status=status), version=version)).entries] == [Decimal("-12.50")]


def test_batch_is_taken_apart_where_it_adds_up() -> None:
    """Two parts with their amounts are two purchases; each keeps its name in the next file."""
    parts = f"<NtryDtls>{detail('10.00', 'SHELL', 'A')}{detail('2.50', 'IKEA', 'B')}</NtryDtls>"
    found = read(camt(entry(more=parts))).entries
    assert [(one.amount, one.text) for one in found] == [(Decimal("-10.00"), "SHELL"), (Decimal("-2.50"), "IKEA")]
    assert len({key for key, _ in keyed(found)}) == 2


def test_equal_parts_of_a_batch_are_two() -> None:
    """The same amount to the same shop twice in one batch counts twice."""
    parts = f"<NtryDtls>{detail('6.25')}{detail('6.25')}</NtryDtls>"
    assert len(BANK_FILE.parse(camt(entry(more=parts))).activities) == 2


@pytest.mark.parametrize("amounts", [("10.00", "9.99"), ("", ""), ("12.50", "")])
def test_batch_that_does_not_add_up_stays_whole(amounts: tuple[str, str]) -> None:
    """Where the parts do not say all, the entry counts as the bank booked it."""
    parts = f"<NtryDtls>{detail(amounts[0])}{detail(amounts[1])}</NtryDtls>"
    assert [one.amount for one in read(camt(entry(more=parts))).entries] == [Decimal("-12.50")]


def test_reversals() -> None:
    """A debit that is reversed comes back as a refund; a credit that is reversed takes income away, and is no purchase."""
    refund = entry(direction="CRDT", more="<RvslInd>true</RvslInd><AddtlNtryInf>SHELL</AddtlNtryInf>")
    taken = entry(direction="DBIT", reference="R2", more="<RvslInd>true</RvslInd><AddtlNtryInf>SHELL</AddtlNtryInf>")
    document = BANK_FILE.parse(camt(refund, taken))
    assert [one.quantity_micro for one in document.activities] == [-12_500_000]
    assert read(camt(taken)).entries[0].why_not is WhyNot.INCOME


@pytest.mark.parametrize(("code", "why"), [("CWDL", WhyNot.CASH), ("SALA", WhyNot.INCOME), ("ZABA", WhyNot.TRANSFER)])
def test_bank_transaction_code_says_what_it_is(code: str, why: WhyNot) -> None:
    """ISO's code of the entry, or of its detail."""
    said = f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>CCRD</Cd><SubFmlyCd>{code}</SubFmlyCd></Fmly></Domn></BkTxCd>"
    assert read(camt(entry(more=said))).entries[0].why_not is why
    assert read(camt(entry(more=f"<NtryDtls>{detail(code=said)}</NtryDtls>"))).entries[0].why_not is why


def test_merchant_category_is_taken() -> None:
    """The transaction category of a card payment is the merchant category code."""
    said = "<NtryDtls><TxDtls><CardTx><Tx><TxCtgy>5812</TxCtgy></Tx></CardTx></TxDtls></NtryDtls>"
    (one,) = BANK_FILE.parse(camt(entry(more=said))).activities
    assert dict(one.attributes) == {"mcc": "5812"}


@pytest.mark.parametrize("status", ["<Cd>PDNG</Cd>", "INFO", "<Cd>FUTR</Cd>"])
def test_what_is_not_booked_is_left_out(status: str) -> None:
    """Pending, informative and future entries."""
    statement = read(camt(entry(status=status)))
    assert (statement.pending_count, statement.entries, statement.refused) == (1, [], [])


@pytest.mark.parametrize(
    ("bad", "record"),
    [
        (entry("-1"), "Amt"),
        (entry("1,5"), "Amt"),
        (entry("1e999"), "Amt"),
        (entry(direction="BOTH"), "CdtDbtInd"),
        (entry(status="<Cd>LATER</Cd>"), "Sts"),
        (entry().replace("2024-03-01", "2024-02-30"), "BookgDt"),
    ],
)
def test_bad_entry_is_refused_alone(bad: str, record: str) -> None:
    """The entry is named, and the others stand."""
    statement = read(camt(bad, entry(reference="R2")))
    assert [one.record for one in statement.refused] == [f"entry 1, {record}"]
    assert len(statement.entries) == 1


def test_same_entry_in_report_and_statement_counts_once() -> None:
    """The bank's reference names it in camt.052, 053 and 054 alike."""
    keys = [
        [
            one.record_key
            for one in BANK_FILE.parse(camt(entry(more="<AddtlNtryInf>SHELL</AddtlNtryInf>"), version=version)).activities
        ]
        for version in ("052.001.08", "053.001.08", "054.001.08")
    ]
    assert keys[0] == keys[1] == keys[2] != []


def test_names_hide_the_account() -> None:
    """Neither the account nor the reference can be read in a record key."""
    (one,) = BANK_FILE.parse(camt(entry(reference="SECRET", more="<AddtlNtryInf>SHELL</AddtlNtryInf>"))).activities
    assert "SECRET" not in one.record_key
    assert "NL26" not in one.record_key


def test_document_type_is_refused() -> None:
    """Entities need one, and no bank does."""
    body = camt(entry()).replace(b"?><Document", b'?><!DOCTYPE Document [<!ENTITY a "b">]><Document')
    with pytest.raises(HostileDocumentError, match="document type"):
        BANK_FILE.parse(body)


def test_billion_laughs_do_not_grow() -> None:
    """Nested entities in an attribute, where every parser expands."""
    levels = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    body = camt(entry().replace('Ccy="EUR"', 'Ccy="&l9;"')).replace(
        b"?><Document", f'?><!DOCTYPE Document [<!ENTITY l0 "ha">{levels}]><Document'.encode()
    )
    with pytest.raises(DocumentError):
        BANK_FILE.parse(body)


def test_other_xml_and_cut_xml_are_refused() -> None:
    """A payment order is no statement, and half a file is none."""
    with pytest.raises(UnknownFormatError, match=r"pain\.001"):
        BANK_FILE.parse(camt().replace(b"camt.053.001.08", b"pain.001.001.03"))
    with pytest.raises(UnknownFormatError, match="no camt document"):
        BANK_FILE.parse(b"<html><body/></html>".replace(b"html", b"thing"))
    with pytest.raises(TruncatedDocumentError, match="cannot be read"):
        BANK_FILE.parse(camt(entry())[:-40])


@pytest.mark.parametrize("namespace", ["a}b", "{", "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08}", ""])
def test_namespace_that_is_none_is_refused(namespace: str) -> None:
    """A brace in a namespace: found by random changes of real files."""
    body = camt(entry()).replace(b"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08", namespace.encode())
    with pytest.raises(DocumentError):
        BANK_FILE.parse(body)


def test_depth_is_bounded() -> None:
    """A million levels end in a refusal, not in a crash."""
    with pytest.raises(DocumentError):
        BANK_FILE.parse(camt("<a>" * 100_000 + "</a>" * 100_000))
