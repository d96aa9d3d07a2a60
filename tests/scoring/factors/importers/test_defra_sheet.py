"""The flat file's sheet: what is read around, and what is refused with its row."""

from collections.abc import Callable
from io import BytesIO
from math import inf, nan

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from domain.errors import FactorSetError
from scoring.factors.importers.defra import import_defra
from scoring.factors.importers.defra_sheet import number_text, read_flat

HEADER = [
    "ID",
    "Scope",
    "Level 1",
    "Level 2",
    "Level 3",
    "Level 4",
    "Column Text",
    "UOM",
    "GHG/Unit",
    "GHG Conversion Factor 2024",
]
COAL = ["1", "Scope 1", "Fuels", "Solid fuels", "Coking coal", None, None, "tonnes"]
CAR = ["1", "Scope 1", "Passenger vehicles", "Cars (by size)", "Small car", None, "Petrol"]
LINES = [
    [*COAL, "kg CO2e", 3165.24],
    [*COAL, "kg CO2e of CO2 per unit", 3144.16],
    [*COAL, "kg CO2e of CH4 per unit", 7.0],
    [*COAL, "kg CO2e of N2O per unit", 14.08],
    [*CAR, "km", "kg CO2e", 0.14],
    [*CAR, "miles", "kg CO2e", 0.22531],
    ["END"],
]


def _workbook(change: Callable[[Worksheet], None] | None = None, *, year: int = 2024) -> bytes:
    """A flat file of one fuel and one car; `change` alters the sheet, whose header is row 1."""
    workbook = openpyxl.Workbook()
    front = workbook.create_sheet("Front page")
    front.append(["Version:", 1.1, None, "Year:", year])
    sheet = workbook.create_sheet("Factors by Category")
    for line in [HEADER, *LINES]:
        sheet.append(line)
    if change:
        change(sheet)
    stream = BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def _set(cell: str, value: object) -> Callable[[Worksheet], None]:
    def change(sheet: Worksheet) -> None:
        sheet[cell] = value

    return change


def test_small_file_is_read() -> None:
    """One row per factor: the fuel with its gases, the car per km; the row per mile agrees and is not kept."""
    found = import_defra(_workbook(), 2024)
    assert [row.by_gas for row in found.rows] == [
        {"co2e": "3165.24", "co2": "3144.16", "ch4": "7", "n2o": "14.08"},
        {"co2e": "0.14"},
    ]
    assert [table.table_id for table in found.tables] == [
        "defra2024-fuels-fuel-combustion-t",
        "defra2024-passenger_vehicles-car-combustion-km",
    ]


def test_unknown_file_is_a_finding() -> None:
    """Other bytes with good content are read, and named."""
    findings = import_defra(_workbook(), 2024).findings
    assert "is not one that this importer knows; its values are checked like any other's" in findings[0]


def test_other_year_is_refused() -> None:
    """The front page says which year it is."""
    with pytest.raises(
        FactorSetError, match=r"another year; expected 2024; got 2023.*; in GHG Conversion Factors 2024, Front page"
    ):
        import_defra(_workbook(year=2023), 2024)


def test_what_is_no_workbook_is_refused() -> None:
    """Bytes of anything else are refused with the sheets that are wanted."""
    with pytest.raises(FactorSetError, match=r'expected a workbook with the sheets "Front page" and "Factors by Category"'):
        import_defra(b"not a workbook", 2024)


def test_renamed_column_is_refused() -> None:
    """A renamed column is refused with the header's row."""
    with pytest.raises(
        FactorSetError, match=r"expected Scope, Level 1.*got Scope, Level 1, Level 2, Level 3, Level 4, Text.*row 1"
    ):
        import_defra(_workbook(_set("G1", "Text")), 2024)


def test_file_without_a_header_is_refused() -> None:
    """No header in the first ten rows."""
    with pytest.raises(FactorSetError, match=r'expected a header with "Level 1" in the first ten rows'):
        import_defra(_workbook(_set("C1", "Group")), 2024)


def test_unknown_gas_is_refused() -> None:
    """A gas that is none of the four is refused with its row."""
    with pytest.raises(FactorSetError, match=r"expected one of kg co2e.*got kg SF6; in .*, row 3"):
        import_defra(_workbook(_set("I3", "kg SF6")), 2024)


def test_unknown_unit_is_refused() -> None:
    """A unit that we do not know is refused."""
    with pytest.raises(FactorSetError, match=r"expected one of cubic metres.*got furlongs; in .*, row 6"):
        import_defra(_workbook(_set("H6", "furlongs")), 2024)


def test_unit_of_another_dimension_is_refused() -> None:
    """A car is not driven by the litre."""
    with pytest.raises(FactorSetError, match=r"expected car per distance; got litres; in .*, row 6"):
        import_defra(_workbook(_set("H6", "litres")), 2024)


def test_factor_that_stands_twice_is_refused() -> None:
    """The same gas of the same factor a second time is refused."""
    with pytest.raises(FactorSetError, match=r"stands twice; expected one row of co2 per factor.*row 4"):
        import_defra(_workbook(_set("I4", "kg CO2e of CO2 per unit")), 2024)


def test_two_names_of_one_thing_are_refused() -> None:
    """Two rows that mean the same to us are refused with both labels."""

    def change(sheet: Worksheet) -> None:
        for column, value in zip(
            "ABCDEFGHIJ", ["1", "", "Passenger vehicles", "Managed cars (by size)", "Small car"], strict=False
        ):
            sheet[f"{column}8"] = value
        sheet["G8"], sheet["H8"], sheet["I8"], sheet["J8"] = "Petrol", "km", "kg CO2e", 0.15

    wanted = (
        r"got Cars \(by size\) / Small car / Petrol / km and Managed cars \(by size\) / Small car / Petrol / km; in .*, row 8"
    )
    with pytest.raises(FactorSetError, match=wanted):
        import_defra(_workbook(change), 2024)


def test_negative_number_is_refused() -> None:
    """A factor below zero is no published factor."""
    with pytest.raises(FactorSetError, match=r"expected a number of zero or more; got -3165\.24; in .*, row 2"):
        import_defra(_workbook(_set("J2", -3165.24)), 2024)


def test_gases_that_do_not_add_up_are_named() -> None:
    """A slipped digit is a finding with both sums."""
    findings = import_defra(_workbook(_set("J3", 3414.16)), 2024).findings
    wanted = "row 2: gases of Solid fuels / Coking coal / tonnes give 3435.24, published CO2e is 3165.24"
    assert [finding for finding in findings if finding.endswith(wanted)]


def test_mile_that_disagrees_is_named() -> None:
    """A row per mile that is not 1.609344 km is a finding."""
    findings = import_defra(_workbook(_set("J7", 0.25531)), 2024).findings
    wanted = "row 7: Cars (by size) / Small car / Petrol / miles, co2e is 0.25531 here and 0.14 per km"
    assert [finding for finding in findings if finding.endswith(wanted)]


def test_mile_without_km_is_named() -> None:
    """A row per mile with nothing per km beside it is a finding and no row."""
    found = import_defra(_workbook(_set("E7", "Large car")), 2024)
    assert [finding for finding in found.findings if finding.endswith("has no row in km beside it; left out")]
    assert len(found.rows) == 2


def test_missing_gas_leaves_the_total() -> None:
    """CO2e without one of its gases is kept as CO2e alone."""
    found = import_defra(_workbook(_set("J4", None)), 2024)
    assert found.rows[0].by_gas == {"co2e": "3165.24"}
    assert [finding for finding in found.findings if finding.endswith("tonnes has CO2e but no ch4; kept as CO2e only")]


def test_missing_total_leaves_nothing() -> None:
    """Gases without the printed CO2e are left out."""
    found = import_defra(_workbook(_set("J2", "n/a")), 2024)
    assert [row.attributes for row in found.rows] == [{"powertrain": "petrol", "size": "small"}]
    assert [finding for finding in found.findings if finding.endswith("tonnes has no co2e; left out")]


def test_spaces_and_capitals_of_names_do_not_matter() -> None:
    """Names are read with single spaces; those of the hidden columns are skipped."""

    def change(sheet: Worksheet) -> None:
        for row in range(2, 6):
            sheet[f"E{row}"] = " Coking  Coal "

    (factor, *_) = read_flat(_workbook(change), 2024).factors
    assert factor.label == "Solid fuels / Coking Coal / tonnes"
    assert import_defra(_workbook(change), 2024).rows[0].attributes == {"fuel": "coking_coal", "blend": "average"}


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (0.24114999999999998, "0.24115"),
        (0.30000000000000004, "0.3"),
        (9e-05, "0.00009"),
        (3033.3806711409397, "3033.38067114094"),
        (91.0, "91"),
        (0.0, "0"),
        (0, "0"),
    ],
)
def test_numbers_are_kept_as_a_spreadsheet_shows_them(cell: float, text: str) -> None:
    """Fifteen significant digits, no exponent, no trailing zeros."""
    assert number_text(cell, record="x") == text


@pytest.mark.parametrize("cell", ["", "< 1", "n/a", None, True])
def test_what_is_no_number_has_no_text(cell: object) -> None:
    """Blank, text and yes/no are no numbers; never zero."""
    assert number_text(cell, record="x") is None


@pytest.mark.parametrize("cell", [nan, inf, -1.0])
def test_impossible_numbers_are_refused(cell: float) -> None:
    """NaN, infinity and negative numbers are refused with their place."""
    with pytest.raises(FactorSetError, match=r"expected a number of zero or more; got .*; in row 7"):
        number_text(cell, record="row 7")
