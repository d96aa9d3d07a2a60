"""Tables of banks: the nasty ones."""

from typing import Any

import pytest

from connectors.bank_file import BANK_FILE
from connectors.bank_file.entries import Statement
from connectors.bank_file.parse import read_statements
from connectors.bank_file.rows import FIELDS
from connectors.mapping import mapping_from_json, with_mapping
from domain.declared import ActivityDocument
from domain.errors import DocumentError, UnknownFormatError

BASE: dict[str, Any] = {
    "columns": {"date": ["Date"], "amount": ["Amount"], "description": ["Text"]},
    "constants": {"currency": "EUR"},
    "date_order": "dmy",
}


def framed(text: str | bytes, **more: Any) -> bytes:  # noqa: ANN401 - JSON of a mapping
    """A table with its mapping before it."""
    body = text if isinstance(text, bytes) else text.encode()
    return with_mapping(body, mapping_from_json({**BASE, **more}, FIELDS))


def read(text: str | bytes, **more: Any) -> Statement:  # noqa: ANN401 - as above
    """The one statement of a table."""
    (statement,), _ = read_statements(framed(text, **more))
    return statement


def parsed(text: str | bytes, **more: Any) -> ActivityDocument:  # noqa: ANN401 - as above
    """The purchases of a table."""
    return BANK_FILE.parse(framed(text, **more))


def amounts(text: str | bytes, **more: Any) -> list[str]:  # noqa: ANN401 - as above
    """Amounts as the holder sees them, of a table in which nothing is refused."""
    statement = read(text, **more)
    assert statement.refused == []
    return [str(one.amount) for one in statement.entries]


def test_table_without_mapping_is_refused() -> None:
    """What columns mean is the person's word, never a silent guess."""
    with pytest.raises(DocumentError, match=r"needs a mapping.*preview"):
        BANK_FILE.parse(b"Date,Amount,Text\n31.01.2024,-1,SHELL\n")


def test_the_same_bytes_are_read_the_same_way() -> None:
    """The mapping travels with the file: an auditor needs nothing else."""
    body = framed("Date,Amount,Text\n31.01.2024,-1,SHELL\n")
    assert BANK_FILE.parse(body) == BANK_FILE.parse(bytes(body))
    assert [str(one.start_date) for one in BANK_FILE.parse(body).activities] == ["2024-01-31"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(encoding: str) -> None:
    """With and without byte order mark, as the mapping says."""
    name = {"utf-8-sig": "utf-8", "cp1252": "windows-1252"}.get(encoding, encoding)
    body = "Date;Amount;Text\r\n31.01.2024;-1,50;Bücher Müller\r\n".encode(encoding)
    statement = read(body, encoding=name, delimiter=";", decimals=",")
    assert [(str(one.amount), one.text) for one in statement.entries] == [("-1.50", "Bücher Müller")]


def test_quoted_line_ends() -> None:
    """A text over three lines; the line of the row is its first one."""
    statement = read('Date,Amount,Text\n31.01.2024,-1,"SHELL\nStation\n5"\n31.01.2024,x,\n')
    assert [one.text for one in statement.entries] == ["SHELL Station 5"]
    assert [one.record for one in statement.refused] == ["line 5, amount"]


@pytest.mark.parametrize(
    ("cell", "decimals", "amount"),
    [
        ("-1.234,56", ",", "-1234.56"),
        ("-1234,56", ",", "-1234.56"),
        ("-1,234.56", ".", "-1234.56"),
        ("-1 234.56", ".", "-1234.56"),
        ("-1\u202f234,56", ",", "-1234.56"),
        ("-1'234.56", ".", "-1234.56"),
        ("(12.50)", ".", "-12.50"),
        ("12.50-", ".", "-12.50"),
        ("\u221212.50", ".", "-12.50"),
        ("€ -12.50", ".", "-12.50"),
        ("-12.50 EUR", ".", "-12.50"),
        ("EUR -12.50", ".", "-12.50"),
        ("+12.50", ".", "12.50"),
        ("-.50", ".", "-0.50"),
        ("-1,000,000", ".", "-1000000"),
    ],
)
def test_amounts_as_people_write_them(cell: str, decimals: str, amount: str) -> None:
    """Thousands, signs on either side, parentheses, currencies."""
    assert amounts(f'Date,Amount,Text\n31.01.2024,"{cell}",SHELL\n', decimals=decimals) == [amount]


@pytest.mark.parametrize(
    "cell",
    [
        "12,34,5",
        "1.2.3",
        "1,23",
        "1e5",
        "NaN",
        "١٢",
        "12 50 1",
        "--5",
        "0x10",
        "1_000",
        "",
        "=1+1",
        "@SUM(1)",
        "12.50 €€",
    ],
)
def test_bad_amount_is_refused_alone(cell: str) -> None:
    """The row is named, and the other one stands."""
    statement = read(f'Date,Amount,Text\n31.01.2024,"{cell}",SHELL\n31.01.2024,-2,SHELL\n')
    assert [one.record.partition(",")[0] for one in statement.refused] == ["line 2"]
    assert [str(one.amount) for one in statement.entries] == ["-2"]


@pytest.mark.parametrize(
    ("cell", "order", "day"),
    [
        ("03/04/2024", "dmy", "2024-04-03"),
        ("03/04/2024", "mdy", "2024-03-04"),
        ("03.04.24", "dmy", "2024-04-03"),
        ("24-04-03", "ymd", "2024-04-03"),
        ("2024-04-03", "dmy", "2024-04-03"),
        ("20240403", "mdy", "2024-04-03"),
        ("3 Apr 2024", "mdy", "2024-04-03"),
        ("Apr 3, 2024", "dmy", "2024-04-03"),
        ("03-APR-24", "ymd", "2024-04-03"),
        ("3. März 2024", "dmy", "2024-03-03"),
        ("03/04/2024 13:45:00", "dmy", "2024-04-03"),
        ("2024-04-03T23:59:59+02:00", "dmy", "2024-04-03"),
        ("01/02/91", "dmy", "1991-02-01"),
    ],
)
def test_days_as_banks_write_them(cell: str, order: str, day: str) -> None:
    """In the order of the mapping, and in forms that have only one."""
    statement = read(f'Date,Amount,Text\n"{cell}",-1,SHELL\n', date_order=order)
    assert [one.day.isoformat() for one in statement.entries] == [day]


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("31/04/2024", "dmy"),
        ("13/14/2024", "mdy"),
        ("03/04/2024", "ymd"),
        ("1.1.1889", "dmy"),
        ("soon", "dmy"),
        ("٠٣/٠٤/٢٠٢٤", "dmy"),
    ],
)
def test_no_day_is_refused(cell: str, order: str) -> None:
    """A day that there is not, or not in this order, is refused with its row."""
    statement = read(f"Date,Amount,Text\n{cell},-1,SHELL\n", date_order=order)
    assert [one.record for one in statement.refused] == ["line 2, date"]


def test_debit_and_credit_columns() -> None:
    """Two columns, of which one is empty or zero; signs in them say nothing."""
    columns = {"columns": {"date": ["Date"], "debit": ["Out"], "credit": ["In"], "description": ["Text"]}}
    text = "Date,Out,In,Text\n31.01.2024,5,,SHELL\n31.01.2024,-6,0.00,SHELL\n31.01.2024,,7,SHELL\n"
    assert amounts(text, **columns) == ["-5", "-6", "7"]
    both = read("Date,Out,In,Text\n31.01.2024,5,7,SHELL\n31.01.2024,,,SHELL\n", **columns)
    assert [one.message for one in both.refused] == ["This row has an amount in both columns", "This row has no amount"]


def test_direction_column() -> None:
    """One column of amounts and one of words; a word that is not known is asked for."""
    columns = {"columns": {**BASE["columns"], "direction": ["Af Bij"]}}
    text = "Date,Amount,Text,Af Bij\n31.01.2024,5,SHELL,Af\n31.01.2024,5,SHELL,Bij\n"
    assert amounts(text, **columns) == ["-5", "5"]
    statement = read(text.replace("Bij\n", "Niks\n").replace("Af Niks", "Af Bij"), **columns)
    assert "values" in statement.refused[0].next_step
    meant = {**columns, "values": {"direction": {"Niks": "credit"}}}
    assert amounts("Date,Amount,Text,Af Bij\n31.01.2024,5,SHELL,Niks\n", **meant) == ["5"]


def test_sign_of_card_exports() -> None:
    """Cards write what was spent without a sign."""
    assert amounts("Date,Amount,Text\n31.01.2024,5,SHELL\n", sign="spent_positive") == ["-5"]


def test_totals_and_balances_are_not_counted() -> None:
    """A row without a day is refused; the message says that it looks like a total."""
    statement = read('Date,Amount,Text\n31.01.2024,-1,SHELL\n,-1,Saldo\n"",-1,"Total:"\n,-1,SHELL\n')
    assert len(statement.entries) == 1
    assert [one.message for one in statement.refused] == [
        "This row looks like a total or a balance, which is not counted",
        "This row looks like a total or a balance, which is not counted",
        "This row has no day",
    ]


def test_formulas_are_no_values() -> None:
    """A cell that a spreadsheet would run is refused where it is mapped, and no matter where it is not."""
    text = "Date,Amount,Text,Note\n31.01.2024,-1,=cmd|' /C calc'!A0,x\n31.01.2024,-1,SHELL,=1+1\n"
    statement = read(text)
    assert [one.record for one in statement.refused] == ["line 2, description"]
    assert len(statement.entries) == 1


def test_name_with_an_at_is_no_formula() -> None:
    """People are called so by payment services."""
    assert read("Date,Amount,Text\n31.01.2024,-1,@john for lunch\n").entries[0].text == "@john for lunch"


def test_text_that_is_kept_with_its_zeros() -> None:
    """`="0012"` is how programs keep a spreadsheet from taking the zeros away."""
    columns = {"columns": {**BASE["columns"], "id": ["Id"]}}
    assert read('Date,Amount,Text,Id\n31.01.2024,-1,SHELL,"=""0012"""\n', **columns).entries[0].reference == "0012"


def test_pending_rows_are_left_out() -> None:
    """What is not booked, or never will be."""
    columns = {"columns": {**BASE["columns"], "status": ["State"]}}
    text = "Date,Amount,Text,State\n31.01.2024,-1,SHELL,PENDING\n31.01.2024,-1,SHELL,Declined\n31.01.2024,-1,SHELL,COMPLETED\n"
    assert (read(text, **columns).pending_count, len(read(text, **columns).entries)) == (2, 1)


def test_currency_of_each_row() -> None:
    """A column of currencies; where the amount says another one, the row contradicts itself."""
    columns = {"columns": {**BASE["columns"], "currency": ["Cur"]}, "constants": {}}
    statement = read("Date,Amount,Text,Cur\n31.01.2024,-1,SHELL,usd\n31.01.2024,-1 GBP,SHELL,USD\n", **columns)
    assert [one.currency for one in statement.entries] == ["USD"]
    assert [one.message for one in statement.refused] == ["Two currencies stand in this row"]


def test_currency_beside_an_amount_counts() -> None:
    """The mapping's currency is that of rows that say none themselves."""
    statement = read("Date,Amount,Text\n31.01.2024,-1 USD,SHELL\n31.01.2024,-1,SHELL\n")
    assert [one.currency for one in statement.entries] == ["USD", "EUR"]


def test_column_that_is_gone_refuses_the_file() -> None:
    """The bank changed its export: nothing is read by position."""
    with pytest.raises(UnknownFormatError, match=r"not in this file; expected the column 'Amount' once"):
        BANK_FILE.parse(framed("Date,Betrag,Text\n31.01.2024,-1,SHELL\n"))
    with pytest.raises(UnknownFormatError, match="stands twice"):
        BANK_FILE.parse(framed("Date,Amount,Amount,Text\n31.01.2024,-1,-1,SHELL\n"))


def test_lines_above_the_header() -> None:
    """Name of the bank, an empty line, then the header."""
    assert amounts("My bank\n\nDate,Amount,Text\n31.01.2024,-1,SHELL\n", header_row=3) == ["-1"]
    with pytest.raises(UnknownFormatError, match="no header"):
        BANK_FILE.parse(framed("Date,Amount,Text\n", header_row=9))


def test_no_header() -> None:
    """Columns by position."""
    columns: dict[str, Any] = {"columns": {"date": [1], "amount": [3], "description": [2]}, "header_row": 0}
    assert amounts("31.01.2024,SHELL,-1\n", **columns) == ["-1"]


def test_huge_field_is_one_refusal() -> None:
    """Ten million signs in one cell: the row is refused, the next one stands."""
    text = f'Date,Amount,Text\n31.01.2024,-1,"{"x" * 10_000_000}"\n31.01.2024,-1,SHELL\n'
    statement = read(text)
    assert [one.record for one in statement.refused] == ["line 2"]
    assert len(statement.entries) == 1


def test_quotation_mark_that_is_not_closed() -> None:
    """It takes no other row with it."""
    text = 'Date,Amount,Text\n31.01.2024,-1,"SHELL\n' + "31.01.2024,-1,SHELL\n" * 200
    statement = read(text)
    assert [one.record for one in statement.refused] == ["line 2"]
    assert len(statement.entries) == 200


def test_short_and_long_rows() -> None:
    """Missing cells are empty; further ones are not looked at."""
    statement = read("Date,Amount,Text\n31.01.2024,-1\n31.01.2024,-1,SHELL,more,more\n31.01.2024\n")
    assert [one.text for one in statement.entries] == ["", "SHELL"]
    assert [one.message for one in statement.refused] == ["This row has no amount"]


def test_too_many_rows_are_refused_at_once() -> None:
    """A million rows are several files."""
    with pytest.raises(DocumentError, match="at most 250000 lines"):
        BANK_FILE.parse(framed("Date,Amount,Text\n" + "31.01.2024,-1,SHELL\n" * 1_000_000))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"%PDF-1.7", "a PDF"),
        (b":20:STARTUMS\r\n:25:123", "MT940"),
        (b'{"a": 1}', "JSON"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"", "0 bytes"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel"),
    ],
)
def test_other_files_are_named(body: bytes, what: str) -> None:
    """The message says what the file looks like."""
    with pytest.raises(DocumentError, match=what):
        BANK_FILE.parse(with_mapping(body, mapping_from_json(BASE, FIELDS)))


def test_refund_and_income() -> None:
    """Money back from a shop is a purchase below zero; a salary is left out."""
    document = parsed("Date,Amount,Text\n31.01.2024,5,SHELL\n31.01.2024,2500,ACME GmbH Gehalt\n")
    assert [one.quantity_micro for one in document.activities] == [-5_000_000]
    assert document.refused == ()


def test_title_says_what_was_left_out() -> None:
    """So that a statement without any purchase explains itself."""
    columns = {"columns": {**BASE["columns"], "status": ["State"]}}
    text = "Date,Amount,Text,State\n31.01.2024,2500,ACME GmbH Gehalt,BOOKED\n31.01.2024,-1,SHELL,PENDING\n"
    assert parsed(text, **columns).title == "table of 1 account, 1 lines that are no purchase left out, 1 pending lines left out"
