"""Tables of any kind of activity: CSV and workbooks, by a mapping."""

import io
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from connectors.activities import ACTIVITIES
from connectors.mapping import mapping_from_json, with_mapping
from connectors.spreadsheet import SPREADSHEET
from connectors.spreadsheet.parse import FIELDS
from domain.declared import ActivityDocument
from domain.errors import DocumentError, UnknownFormatError

BASE: dict[str, Any] = {
    "columns": {"start": ["Day"], "quantity": ["Distance"]},
    "constants": {"kind": "car", "unit": "km"},
}


def parsed(body: str | bytes, **more: Any) -> ActivityDocument:  # noqa: ANN401 - JSON of a mapping
    """The activities of a table with its mapping."""
    file = body if isinstance(body, bytes) else body.encode()
    return SPREADSHEET.parse(with_mapping(file, mapping_from_json({**BASE, **more}, FIELDS)))


def workbook(*rows: list[object]) -> bytes:
    """A workbook with one sheet."""
    book, stream = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()


def test_table_says_what_a_file_of_activities_says() -> None:
    """The same activities, the same names: by way of another connector."""
    table = 'Day,Distance,Who\n2024-03-01,"12.5",me\n2024-03-01,"12.5",me\n'
    lines = b"kind,quantity,unit,start\ncar,12.5,km,2024-03-01\ncar,12.5,km,2024-03-01\n"
    assert parsed(table).activities == ACTIVITIES.parse(lines).activities


def test_workbook_and_csv_say_the_same() -> None:
    """Days and numbers of a workbook need no order and no mark."""
    book = workbook(["Day", "Distance"], [date(2024, 3, 1), 12.3], [date(2024, 3, 2), 1000])
    table = 'Day;Distance\n01.03.2024;"12,3"\n02.03.2024;1.000\n'
    assert parsed(book).activities == parsed(table, delimiter=";", decimals=",", date_order="dmy").activities


def test_formula_of_a_workbook_is_refused() -> None:
    """What it said last is not in the file for certain; the row is named, the others stand."""
    document = parsed(workbook(["Day", "Distance"], [date(2024, 3, 1), "=1+1"], [date(2024, 3, 1), 5]))
    assert [one.record for one in document.refused] == ["line 2, quantity"]
    assert "paste them as values" in document.refused[0].next_step
    assert len(document.activities) == 1


@pytest.mark.parametrize("cell", ["+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "=1"])
def test_formulas_are_no_text(cell: str) -> None:
    """Texts of activities are shown and exported: none may run in somebody's spreadsheet."""
    document = parsed(f'Day,Distance,Id\n2024-03-01,5,"{cell}"\n', columns={**BASE["columns"], "id": ["Id"]})
    assert [one.record for one in document.refused] == ["line 2, id"]


def test_words_of_the_person_are_translated() -> None:
    """`values` says what the cells of a column mean."""
    more = {
        "columns": {**BASE["columns"], "kind": ["What"], "unit": ["Unit"]},
        "constants": {},
        "values": {"kind": {"Auto": "car", "Bahn": "rail"}, "unit": [["Pkm", "pkm"]]},
    }
    document = parsed("Day,Distance,What,Unit\n2024-03-01,5,Auto,km\n2024-03-01,5,Bahn,Pkm\n2024-03-01,5,Bus,Pkm\n", **more)
    assert [one.kind for one in document.activities] == ["car", "rail"]
    assert [one.record for one in document.refused] == ["line 4, kind"]


def test_attributes_are_columns_too() -> None:
    """Everything that a factor depends on can be mapped."""
    more = {
        "columns": {"start": ["Day"], "origin": ["From"], "destination": ["To"], "quantity": ["N"]},
        "constants": {"kind": "flight", "unit": "passenger"},
    }
    (one,) = parsed("Day,From,To,N\n2024-03-01,ZRH,SFO,1\n", **more).activities
    assert dict(one.attributes) == {"destination": "SFO", "origin": "ZRH"}


def test_money_has_its_currency_as_unit() -> None:
    """A column of currencies, or the currency beside the amount."""
    columns = {"start": ["Day"], "quantity": ["Cost"], "currency": ["Cur"], "mcc": ["Mcc"]}
    text = "Day,Cost,Cur,Mcc\n2024-03-01,5,EUR,5411\n2024-03-01,$5,USD,5411\n2024-03-01,5 GBP,EUR,5411\n"
    document = parsed(text, columns=columns, constants={"kind": "purchase"})
    assert [one.unit for one in document.activities] == ["EUR", "USD"]
    assert [one.message for one in document.refused] == ["Two units stand in this row"]


def test_last_day_is_said() -> None:
    """A table says the last day, or the one after it: the mapping says which."""
    more = {
        "columns": {"start": ["From"], "end": ["To"], "quantity": ["kWh"]},
        "constants": {"kind": "electricity", "unit": "kWh"},
    }
    text = "From,To,kWh\n2024-03-01,2024-03-31,5\n"
    assert str(parsed(text, **more).activities[0].end_date) == "2024-03-31"
    assert str(parsed(text, **more, end_is_included=True).activities[0].end_date) == "2024-04-01"


def test_totals_are_not_counted() -> None:
    """A row with an amount and no day."""
    document = parsed("Day,Distance\n2024-03-01,5\n,5\n")
    assert len(document.activities) == 1
    assert "may be a total" in document.refused[0].message


def test_id_corrects() -> None:
    """An id of the table is the name of the activity; twice in a file it is refused."""
    columns = {**BASE["columns"], "id": ["Id"]}
    document = parsed("Id,Day,Distance\na,2024-03-01,5\na,2024-03-01,6\n", columns=columns)
    assert [one.record_key for one in document.activities] == ["a"]
    assert [one.record for one in document.refused] == ["line 3, id"]


@pytest.mark.parametrize("missing", ["kind", "unit"])
def test_mapping_says_kind_and_unit(missing: str) -> None:
    """Nothing is assumed where the mapping is silent."""
    constants = {name: value for name, value in BASE["constants"].items() if name != missing}
    with pytest.raises(UnknownFormatError, match=f"no {missing}"):
        parsed("Day,Distance\n2024-03-01,5\n", constants=constants)


def test_table_without_mapping_is_refused() -> None:
    """As every table."""
    with pytest.raises(DocumentError, match="needs a mapping"):
        SPREADSHEET.parse(b"Day,Distance\n2024-03-01,5\n")


def test_guess_asks_for_the_kind() -> None:
    """The unit stands in the header; which kinds are measured in it, is offered."""
    found = SPREADSHEET.guess(b"Date,Distance (mi)\n2024-03-01,12.5\n", {})
    assert found.mapping.constants == {"unit": "mi"}
    (question,) = found.questions
    assert question.name == "kind"
    assert "car" in question.choices
    assert "electricity" not in question.choices


def test_guess_asks_whether_the_end_is_included() -> None:
    """Bills say the last day, calendars the next one."""
    found = SPREADSHEET.guess(b"kind,From,To,quantity,unit\nelectricity,2024-03-01,2024-03-31,5,kWh\n", {})
    assert [one.name for one in found.questions] == ["end_is_included"]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """A mapped document of anything: activities and refusals, or an error of ours."""
    for more in (
        {},
        {"encoding": "utf-16"},
        {"encoding": "windows-1252", "header_row": 0, "columns": {"start": [1], "quantity": [2]}},
    ):
        try:
            document = parsed(body, **more)
        except DocumentError:
            continue
        assert all(one.quantity_micro >= 0 for one in document.activities)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=8))
def test_any_cells_are_read_or_refused(cells: list[tuple[str, str]]) -> None:
    """Whatever stands in a workbook's cells, written by an independent program."""
    book, stream = Workbook(), io.BytesIO()
    book.active.append(["Day", "Distance"])
    for row, (day, amount) in enumerate(cells, 2):
        for column, text in enumerate((day, amount), 1):
            if text.isprintable():
                book.active.cell(row, column).value = text
    book.save(stream)
    document = parsed(stream.getvalue())
    assert len(document.activities) + len(document.refused) <= len(cells)
