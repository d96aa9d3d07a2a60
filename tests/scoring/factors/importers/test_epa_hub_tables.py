"""The EPA hub's tables: published numbers as printed, counts by table, editions against each other, and what is refused."""

import warnings
from collections import Counter
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from domain.errors import FactorSetError
from domain.kinds import KINDS
from domain.units import find_unit
from scoring.factors.importers.epa_hub_tables import hub_changes, hub_heat_content, import_hub_tables
from scoring.factors.importers.published import Imported, PublishedRow

YEARS = (2021, 2024, 2025)
HELD_ATTRIBUTES = {"model_year", "technology"}
"""Attributes of rows that no rule chooses."""


@pytest.fixture(scope="module")
def workbooks(shared_dir: Path) -> dict[int, bytes]:
    """Bytes of the three workbooks held."""
    folder = shared_dir / "data" / "raw" / "epa"
    return {year: (folder / f"ghg-emission-factors-hub-{year}.xlsx").read_bytes() for year in YEARS}


@pytest.fixture(scope="module")
def editions(workbooks: dict[int, bytes]) -> dict[int, Imported]:
    """The three editions."""
    return {year: import_hub_tables(data, year) for year, data in workbooks.items()}


def _found(edition: Imported, table: str, *, rate: str = "", **attributes: str) -> dict[str, str]:
    """Gases of the one row of a table with exactly these attributes."""
    rows = [
        row
        for row in edition.rows
        if row.table_id.partition("-")[2] == table and row.rate == rate and row.attributes == attributes
    ]
    assert len(rows) == 1, rows
    return dict(rows[0].by_gas)


def _changed(data: bytes, cell: str, value: object) -> bytes:
    """The workbook with one other cell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        workbook = openpyxl.load_workbook(BytesIO(data), data_only=True)
    workbook.worksheets[0][cell] = value
    out = BytesIO()
    workbook.save(out)
    return out.getvalue()


def _combustion_and_steam(edition: Imported) -> Imported:
    rows = [row for row in edition.rows if row.table_id.split("-")[1] in {"t1", "t2", "t7"}]
    return Imported(edition.tables, tuple(rows))


def test_row_counts_by_table(editions: dict[int, Imported]) -> None:
    """Every printed fuel, vehicle, material and gas is a row; 2024's copy ends with Table 10."""
    counts = {year: Counter(row.table_id.split("-")[1] for row in edition.rows) for year, edition in editions.items()}
    same = {"t1": 121, "t2": 10, "t7": 2, "t8": 8, "t10": 13, "t5": 40}
    assert counts == {
        2021: same | {"t3": 102, "t4": 30, "t9": 175, "t11": 31, "t12": 36},
        2024: same | {"t3": 112, "t4": 28, "t9": 183},
        2025: same | {"t3": 115, "t4": 28, "t9": 183, "t11": 32, "t12": 30},
    }


def test_natural_gas_per_energy_and_per_volume(editions: dict[int, Imported]) -> None:
    """Row 38 of 2025: E38 53.06 kg, F38 1 g, G38 0.1 g per mmBtu; H38 0.05444 kg, I38 0.00103 g, J38 0.0001 g per scf."""
    per_energy = _found(editions[2025], "t1-natural_gas-mmbtu", heating_value="gross", blend="average")
    assert per_energy == {"co2": "53.06", "ch4": "1", "n2o": "0.1"}
    assert _found(editions[2025], "t1-natural_gas-scf", blend="average") == {"co2": "0.05444", "ch4": "0.00103", "n2o": "0.0001"}


def test_small_numbers_are_plain_decimals(editions: dict[int, Imported]) -> None:
    """Blast furnace gas: the float 0.022000000000000002 of F40 is printed 0.022, and 2e-06 of I40 is 0.000002."""
    fuel = {"fuel": "blast_furnace_gas", "blend": "average"}
    assert _found(editions[2025], "t1-fuel-mmbtu", **fuel, heating_value="gross")["ch4"] == "0.022"
    assert _found(editions[2025], "t1-fuel-scf", **fuel) == {"co2": "0.02524", "ch4": "0.000002", "n2o": "0.000009"}


def test_co2_of_biomass_is_biogenic(editions: dict[int, Imported]) -> None:
    """Wood (row 35), biodiesel and pulping liquor have biogenic CO2; CH4 and N2O stay; anthracite's CO2 is fossil."""
    wood = _found(editions[2025], "t1-fuel-short_ton", fuel="wood_and_wood_residuals", blend="average")
    assert wood == {"biogenic_co2": "1640", "ch4": "126", "n2o": "63"}
    assert _found(editions[2025], "t2-fuel-gal_us", rate="mobile", fuel="biodiesel", blend="average") == {"biogenic_co2": "9.45"}
    assert _found(editions[2025], "t1-fuel-short_ton", fuel="anthracite", blend="average")["co2"] == "2602"
    biogenic = [row for row in editions[2025].rows if row.table_id == "hub2025-t1-fuel-mmbtu" and "biogenic_co2" in row.by_gas]
    assert len(biogenic) == 4 + 2 + 4 + 5


def test_computed_cells_are_taken_as_shown(editions: dict[int, Imported]) -> None:
    """2024 holds 1.3597865955318438 kg per truck-mile (D413) and shows 1.360; 2021 holds 4.5005492 for LNG (D104), shows 4.50."""
    truck = _found(editions[2024], "t8-truck-mi", vehicle="all", laden="average", is_refrigerated="no")
    assert truck == {"co2": "1.36", "ch4": "0.012", "n2o": "0.038"}
    assert _found(editions[2021], "t2-fuel-gal_us", rate="mobile", fuel="lng", blend="average") == {"co2": "4.5"}


def test_travel_of_2025(editions: dict[int, Imported]) -> None:
    """Table 10, rows 504 to 515: car, light-duty truck, transit rail twice, medium-haul flight."""
    assert _found(editions[2025], "t10-car-mi", powertrain="unknown", size="average")["co2"] == "0.297"
    assert _found(editions[2025], "t10-car-mi", powertrain="unknown", segment="light_duty_truck")["co2"] == "0.394"
    for service in ("underground", "light_rail"):
        assert _found(editions[2025], "t10-rail-pmi", service=service) == {"co2": "0.093", "ch4": "0.0075", "n2o": "0.001"}
    flight = _found(editions[2025], "t10-flight-pmi", haul="medium", cabin="average", radiative_forcing="without")
    assert flight == {"co2": "0.129", "ch4": "0.0006", "n2o": "0.0041"}
    assert _found(editions[2025], "t10-rail-pmi", service="intercity")["co2"] == "0.096"
    assert _found(editions[2025], "t10-rail-pmi", rate="northeast_corridor", service="intercity")["co2"] == "0.023"


def test_waterborne_freight_stands_for_sea_and_inland(editions: dict[int, Imported]) -> None:
    """Row 427 of 2025 is two rows of ours with the same words."""
    table = "t8-freight-short_ton_mi-combustion"
    for mode in ("sea", "inland_waterway"):
        assert _found(editions[2025], table, mode=mode, vehicle="average") == {"co2": "0.077", "ch4": "0.031", "n2o": "0.002"}


def test_waste_leaves_out_what_is_not_applicable(editions: dict[int, Imported]) -> None:
    """Mixed MSW (row 477) has landfill 0.58 and combustion 0.43 and nothing else, weighted with AR4."""
    rows = [row for row in editions[2025].rows if row.attributes.get("material") == "mixed_msw"]
    assert [(row.attributes["treatment"], row.by_gas["co2e"]) for row in rows] == [("landfill", "0.58"), ("combustion", "0.43")]
    assert {table.gwp_set for table in editions[2025].tables if table.kind == "waste"} == {"AR4"}


def test_refrigerants_name_their_report(editions: dict[int, Imported]) -> None:
    """HFC-134a is 1430 in AR4 (2021) and 1300 in AR5 (2025); SF6 has one name in both."""
    for year, report, number, sf6 in ((2021, "AR4", "1430", "22800"), (2025, "AR5", "1300", "23500")):
        table = "t11-refrigerant"
        assert _found(editions[year], table, rate=report, refrigerant="HFC-134a") == {"co2e": number}
        assert _found(editions[year], table, rate=report, refrigerant="SF6") == {"co2e": sf6}


def test_blend_with_hcfc_is_no_whole(editions: dict[int, Imported]) -> None:
    """R-410A is 1924; R-409A, all HCFC, is printed with 0 and never stands under the report's own rate."""
    assert _found(editions[2025], "t12-blend", rate="AR5", refrigerant="R-410A") == {"co2e": "1924"}
    assert _found(editions[2025], "t12-blend", rate="AR5_hfc_pfc_part", refrigerant="R-409A") == {"co2e": "0"}
    assert not [row for row in editions[2025].rows if row.rate == "AR5" and row.by_gas["co2e"] == "0"]


def test_vehicle_rows_say_model_year_and_technology(editions: dict[int, Imported]) -> None:
    """Row 128 of 2025: gasoline passenger car of 1975, 0.1423 g CH4 and 0.0443 g N2O per mile."""
    own = {"technology": "gasoline_passenger_cars", "model_year": "1975", "powertrain": "petrol", "size": "average"}
    assert _found(editions[2025], "t3-car", rate="mobile_ch4_n2o", **own) == {"ch4": "0.1423", "n2o": "0.0443"}
    suv = [
        row for row in editions[2025].rows if row.label.startswith("Gasoline Light-Duty Trucks (Vans, Pickup Trucks, SUVs) / ")
    ]
    assert len(suv) == 41


def test_fuel_and_steam_factors_of_2024_equal_2025(editions: dict[int, Imported]) -> None:
    """132 published factors of Tables 1, 2 and 7 (steam is two rows of ours) are the same in both editions."""
    older, newer = (_combustion_and_steam(editions[year]) for year in (2024, 2025))
    assert len(older.rows) == len(newer.rows) == 132 + 1
    assert hub_changes(older, newer, ratio=Fraction(0)) == ()


def test_heat_content_times_factor_gives_the_factor_per_unit(editions: dict[int, Imported]) -> None:
    """Within half of the last printed place, for all gases of all 58 fuels of all editions."""
    assert [text for edition in editions.values() for text in edition.findings if "heat content x factor" in text] == []


def test_slipped_factor_per_unit_is_a_finding(workbooks: dict[int, bytes]) -> None:
    """Anthracite with 2620 kg per short ton in H17 misses 25.09 x 103.69."""
    found = import_hub_tables(_changed(workbooks[2025], "H17", 2620), 2025)
    wanted = "Table 1: Anthracite CO2 per short ton is 2620, heat content x factor is 2601.58"
    assert [text for text in found.findings if text.endswith(wanted)]
    assert "is not one that this importer knows" in found.findings[0]


def test_heat_contents_agree_in_all_editions(workbooks: dict[int, bytes]) -> None:
    """58 heat contents with their units; natural gas 0.001026 mmBtu per scf (D38)."""
    rows = {year: [row[:3] for row in hub_heat_content(data, year).rows] for year, data in workbooks.items()}
    assert rows[2021] == rows[2024] == rows[2025]
    assert len(rows[2025]) == 58
    assert ("natural_gas", "scf", "0.001026") in rows[2025]


def test_changes_over_a_quarter_are_named(editions: dict[int, Imported]) -> None:
    """Amtrak's Northeast Corridor fell from 0.058 to 0.023 kg per passenger-mile."""
    wanted = "EPA hub t10-rail-pmi: service=intercity northeast_corridor co2 moved from 0.058 (2024) to 0.023 (2025)"
    assert wanted in hub_changes(editions[2024], editions[2025])
    assert len(hub_changes(editions[2024], editions[2025])) == 12


def test_what_is_left_out_is_said(editions: dict[int, Imported]) -> None:
    """Buses by vehicle-mile, a GWP that is a bound, and tables that the file lacks."""
    buses = "Table 4: 6 rows of buses per vehicle-mile left out, no kind has that unit"
    hub = "EPA GHG Emission Factors Hub"
    assert editions[2025].findings == (f"{hub} 2025, {buses}",)
    assert editions[2021].findings == (f"{hub} 2021, {buses}", f"{hub} 2021, Table 11: C10F18 is printed as >7,500 and left out")
    missing = tuple(f"{hub} 2024: Table {number} is not in the file that is held" for number in (11, 12))
    assert editions[2024].findings == (*missing, f"{hub} 2024, {buses}")


def test_rows_speak_the_vocabulary(editions: dict[int, Imported]) -> None:
    """Kinds, units and attributes are ours, and no two rows of a table are for the same thing."""
    for edition in editions.values():
        tables = {table.table_id: table for table in edition.tables}
        assert {row.table_id for row in edition.rows} == set(tables)
        for row in edition.rows:
            kind = KINDS[tables[row.table_id].kind]
            assert find_unit(tables[row.table_id].unit).dimension in kind.dimensions
            _check_attributes(kind.name, row)
        keys = Counter((row.table_id, row.region, row.rate, *sorted(row.attributes.items())) for row in edition.rows)
        assert keys.most_common(1)[0][1] == 1


def _check_attributes(kind_name: str, row: PublishedRow) -> None:
    for name, value in row.attributes.items():
        attribute = KINDS[kind_name].attribute(name)
        if attribute is None:
            assert name in HELD_ATTRIBUTES
            assert row.rate == "mobile_ch4_n2o"
        else:
            assert not attribute.choices or value in attribute.choices


def test_import_is_deterministic(workbooks: dict[int, bytes], editions: dict[int, Imported]) -> None:
    """The same bytes give the same rows in the same order."""
    assert import_hub_tables(workbooks[2025], 2025) == editions[2025]


@pytest.mark.parametrize(
    ("cell", "value", "message"),
    [
        (
            "C17",
            "Brown gold",
            r"A row of the table is not known; expected one of .*got Brown gold; in .*Hub 2025, Table 1, row 17",
        ),
        ("E17", "NaN", r"expected a printed number of zero or more; got NaN; in .*Hub 2025, Table 1, row 17, co2"),
        ("E17", -1, r"expected a printed number of zero or more; got -1; in .*Table 1, row 17, co2"),
        ("D17", None, r"expected heat content and three factors per unit, or none; .*Table 1, row 17"),
        ("D103", "lb CO2 per unit", r"expected Fuel Type \| kg CO2 per unit \| Unit; got Fuel Type \| lb CO2 per unit \| Unit"),
        ("E104", "litre", r"got litre; in .*Table 2, row 104"),
        ("D422", "#DIV/0!", r"expected a printed number of zero or more; got #DIV/0!; in .*Table 8, row 422, co2"),
        ("D434", "kg CO2e / Short Ton", r"expected a line that says 'Metric Tons CO2e / Short Ton Material'"),
        ("B407", "Table 77", r"expected a row titled Table 7; got none; in EPA GHG Emission Factors Hub 2025"),
        ("E15", "lb CO2 per mmBtu", r"expected a line of units; got mmBtu per short ton \| lb CO2 per mmBtu"),
    ],
)
def test_bad_cells_are_refused_with_their_place(workbooks: dict[int, bytes], cell: str, value: object, message: str) -> None:
    """An unknown fuel, no number, another unit, another header, a lost table: refused, naming table and row."""
    with pytest.raises(FactorSetError, match=message):
        import_hub_tables(_changed(workbooks[2025], cell, value), 2025)


def test_edition_that_quotes_another_report_is_refused(workbooks: dict[int, bytes]) -> None:
    """The 2025 workbook is AR5: read as that of 2021, its GWP tables are not taken for AR4."""
    with pytest.raises(FactorSetError, match=r"a line that says 'Fourth Assessment Report \(AR4\)'.*Hub 2021, Table 11"):
        import_hub_tables(workbooks[2025], 2021)
