"""What a bank's table seems to mean: proven, likely, or asked."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bank_file import BANK_FILE
from connectors.base import Question
from connectors.guess import Guess, cents_mark
from connectors.mapping import DateOrder, Decimals, Sign, with_mapping
from domain.errors import DocumentError

GERMAN = """"Kontonummer:";"DE123 / Girokonto"
"Von:";"01.01.2024"

"Buchungstag";"Wertstellung";"Buchungstext";"Auftraggeber / Begünstigter";"Verwendungszweck";"Betrag (EUR)"
"15.01.2024";"15.01.2024";"Lastschrift";"REWE Markt";"Einkauf";"-72,10"
"14.01.2024";"14.01.2024";"Gutschrift";"Arbeitgeber GmbH";"Gehalt";"2.500,00"
"13.01.2024";"13.01.2024";"Kartenzahlung";"SHELL 1234";"Tanken";"-1.055,00"
"""
BANKS: dict[str, tuple[str, dict[str, Any]]] = {
    "german": (
        GERMAN,
        {
            "columns": {
                "date": ("Buchungstag",),
                "amount": ("Betrag (EUR)",),
                "description": ("Auftraggeber / Begünstigter", "Buchungstext", "Verwendungszweck"),
            },
            "header_row": 4,
        },
    ),
    "dutch": (
        """Datum;"Naam / Omschrijving";Rekening;Tegenrekening;Code;"Af Bij";"Bedrag (EUR)";Mutatiesoort;Mededelingen
20240131;"Albert Heijn";"NL01";"";"BA";"Af";"12,50";"Betaalautomaat";"Pasvolgnr"
""",
        {
            "columns": {
                "date": ("Datum",),
                "amount": ("Bedrag (EUR)",),
                "direction": ("Af Bij",),
                "account": ("Rekening",),
                "description": ("Naam / Omschrijving", "Mededelingen"),
            },
            "header_row": 1,
        },
    ),
    "british": (
        "Date,Description,Money Out,Money In,Balance\n31/01/2024,TESCO,£12.50,,£100.00\n30/01/2024,PAY,,£1000.00,£112.50\n",
        {
            "columns": {"date": ("Date",), "debit": ("Money Out",), "credit": ("Money In",), "description": ("Description",)},
            "header_row": 1,
        },
    ),
    "neobank": (
        """Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance
CARD_PAYMENT,Current,2024-01-30 10:00:00,2024-01-31 11:00:00,Uber,-12.50,0.00,EUR,COMPLETED,5
""",
        {
            "columns": {
                "date": ("Completed Date",),
                "amount": ("Amount",),
                "currency": ("Currency",),
                "status": ("State",),
                "description": ("Description",),
            },
            "header_row": 1,
        },
    ),
}


def guess(text: str, **said: Any) -> Guess:  # noqa: ANN401 - JSON of a mapping
    """What a table seems to mean."""
    return BANK_FILE.guess(text.encode(), said)


def asked(found: Guess) -> list[str]:
    """Names of what is asked."""
    return [one.name for one in found.questions]


@pytest.mark.parametrize("bank", BANKS)
def test_exports_of_banks_are_understood(bank: str) -> None:
    """Columns and header of exports as banks of several countries write them; nothing is asked."""
    text, wanted = BANKS[bank]
    found = guess(text)
    assert found.questions == ()
    assert (dict(found.mapping.columns), found.mapping.header_row) == (wanted["columns"], wanted["header_row"])


def test_guess_of_a_german_bank_is_read() -> None:
    """The whole way: guess, yes, purchases."""
    document = BANK_FILE.parse(with_mapping(GERMAN.encode(), guess(GERMAN).mapping))
    assert [(one.quantity_micro, one.unit, str(one.start_date)) for one in document.activities] == [
        (72_100_000, "EUR", "2024-01-15"),
        (1_055_000_000, "EUR", "2024-01-13"),
    ]
    assert document.refused == ()


@pytest.mark.parametrize(
    ("days", "order"),
    [
        (["03/04/2024", "13/04/2024"], DateOrder.DMY),
        (["03/04/2024", "04/13/2024"], DateOrder.MDY),
        (["2024-04-03"], DateOrder.YMD),
        (["3 Apr 2024"], DateOrder.YMD),
        (["24/04/03", "32/04/03"], DateOrder.YMD),
    ],
)
def test_order_of_days_is_proven(days: list[str], order: DateOrder) -> None:
    """One day that can be read in one order only proves it for all."""
    found = guess("Date,Amount,Text,Currency\n" + "".join(f"{day},-1.50,x,EUR\n" for day in days))
    assert found.mapping.date_order is order
    assert "date_order" in found.proven
    assert asked(found) == []


@pytest.mark.parametrize("days", [["03/04/2024", "05/06/2024"], ["13/04/2024", "04/13/2024"]])
def test_order_of_days_is_asked(days: list[str]) -> None:
    """Where each day can be read in two ways, and where two contradict each other."""
    found = guess("Date,Amount,Text,Currency\n" + "".join(f"{day},-1.50,x,EUR\n" for day in days))
    assert asked(found) == ["date_order"]
    assert "date_order" not in {**found.proven, **found.likely}


def test_mapping_kept_with_an_open_order_reads_no_day() -> None:
    """Even who ignores the question gets no wrong day, but a refusal of each row."""
    text = "Date,Amount,Text,Currency\n03/04/2024,-1.50,SHELL,EUR\n"
    document = BANK_FILE.parse(with_mapping(text.encode(), guess(text).mapping))
    assert document.activities == ()
    assert [one.record for one in document.refused] == ["line 2, date"]


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=20))
def test_two_readings_are_always_asked(days: list[tuple[int, int]]) -> None:
    """No file whose days all have two readings is ever read without asking."""
    text = "Date,Amount,Text,Currency\n" + "".join(f"{one:02d}/{other:02d}/2024,-1.50,x,EUR\n" for one, other in days)
    assert "date_order" in asked(guess(text))


@pytest.mark.parametrize(
    ("amounts", "decimals"),
    [
        (["-1,234.50"], "."),
        (["-1.234,50"], ","),
        (["-12,5"], ","),
        (["-0,123"], ","),
        (["-1.234.567"], ","),
        (["-12"], "."),
        (["-1234.567"], "."),
    ],
)
def test_mark_before_the_cents_is_proven(amounts: list[str], decimals: str) -> None:
    """By a number that can be read in one way only."""
    found = guess("Date,Amount,Text,Currency\n" + "".join(f'2024-01-31,"{one}",x,EUR\n' for one in amounts))
    assert found.mapping.decimals.value == decimals
    assert asked(found) == []


@pytest.mark.parametrize("amounts", [["-1,234"], ["-1.234", "-12"], ["-1,50", "-1.50"]])
def test_mark_before_the_cents_is_asked(amounts: list[str]) -> None:
    """A thousand or a bit more than one; or both sorts in one file."""
    found = guess("Date,Amount,Text,Currency\n" + "".join(f'2024-01-31,"{one}",x,EUR\n' for one in amounts))
    assert asked(found) == ["decimals"]


@given(st.integers(0, 10**9), st.integers(0, 99), st.booleans())
def test_mark_is_never_mistaken(whole: int, cents: int, is_comma: bool) -> None:  # noqa: FBT001 - drawn
    """Numbers with two digits of cents say their mark, whatever the groups."""
    text = f"{whole:,}.{cents:02d}"
    mark = "," if is_comma else "."
    said = text.replace(",", "G").replace(".", mark).replace("G", "." if is_comma else ",")
    assert cents_mark(said) == mark


def test_sign_is_asked_where_nothing_is_below_zero() -> None:
    """A card's export without signs may be spent or received."""
    found = guess("Date,Amount,Text,Currency\n2024-01-31,12.50,x,EUR\n")
    assert asked(found) == ["sign"]
    usual = guess("Date,Amount,Text,Currency\n2024-01-31,-1.50,x,EUR\n2024-01-31,9.50,x,EUR\n2024-01-31,-1.50,x,EUR\n")
    assert (usual.mapping.sign, "sign" in usual.likely) == (Sign.SPENT_NEGATIVE, True)


def test_currency_is_asked_where_nothing_says_it() -> None:
    """A dollar sign says nothing certain: many countries have dollars."""
    assert asked(guess("Date,Amount,Text\n2024-01-31,-1.50,x\n")) == ["currency"]
    assert asked(guess("Date,Amount,Text\n2024-01-31,-$1.50,x\n")) == ["currency"]
    assert guess("Date,Amount,Text\n2024-01-31,-1.50 €,x\n").mapping.constants == {"currency": "EUR"}


def test_column_is_asked_where_none_is_known() -> None:
    """Names in another language; with the answer, the evidence is looked for in that column."""
    text = 'Päivä,Määrä,Selite\n31.1.2024,"-12,50",x\n'
    found = guess(text)
    assert asked(found) == ["currency", "columns.date", "columns.amount"]
    answered = guess(text, columns={"date": ["Päivä"], "amount": ["Määrä"]})
    assert asked(answered) == ["currency"]
    assert (answered.mapping.decimals, answered.mapping.date_order) == (Decimals.COMMA, DateOrder.DMY)


def test_table_without_header_is_guessed_by_content() -> None:
    """Columns are counted from 1; a balance beside the amount makes it a question."""
    found = guess("31.01.2024;REWE;-12,50\n30.01.2024;SHELL;-40,00\n")
    assert (found.mapping.header_row, dict(found.mapping.columns)) == (0, {"date": (1,), "amount": (3,), "description": (2,)})
    assert "columns.amount" in asked(guess("31.01.2024;REWE;-12,50;99,00\n"))


def test_reference_that_is_not_unique_is_none() -> None:
    """A column of that name whose values repeat names no line."""
    assert "id" in guess("Date,Amount,Id,Currency\n2024-01-31,-1.5,a,EUR\n2024-01-31,-1.5,b,EUR\n").mapping.columns
    assert "id" not in guess("Date,Amount,Id,Currency\n2024-01-31,-1.5,a,EUR\n2024-01-31,-1.5,a,EUR\n").mapping.columns


def test_sep_line_of_excel() -> None:
    """`sep=;` says the delimiter, and is no row."""
    found = guess("sep=;\nDate;Amount;Text;Currency\n2024-01-31;-1.50;a,b,c,d,e,f;EUR\n")
    assert (found.mapping.layout.delimiter, found.mapping.header_row) == (";", 2)


def test_formats_that_say_everything_need_no_mapping() -> None:
    """OFX and camt have no columns and no questions."""
    found = BANK_FILE.guess(b"OFXHEADER:100\n\n<OFX></OFX>", {})
    assert (found.columns, found.questions, found.sort) == ((), (), "OFX")


@given(st.text(st.sampled_from('ab1,;\t"\n.-/€é 2024'), max_size=200))
def test_any_text_is_guessed_or_refused(text: str) -> None:
    """A guess whose mapping can be kept, or an error of ours."""
    try:
        found = guess(text)
    except DocumentError:
        return
    assert json.dumps(found.mapping.to_json())
    assert all(isinstance(one, Question) for one in found.questions)
    BANK_FILE.mapped_fields.issuperset(found.mapping.columns)
