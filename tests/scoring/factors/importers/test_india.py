"""The Indian compilation: published numbers, what is marked as computed, what is left out, and what is refused."""

from collections import Counter
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from domain.kinds import KINDS
from domain.units import find_unit
from scoring.factors.importers.india import import_india
from scoring.factors.importers.published import Imported, PublishedRow


@pytest.fixture(scope="module")
def data(shared_dir: Path) -> bytes:
    """The file held."""
    return (shared_dir / "data/raw/india/open-india-emission-factors-v1.2.json").read_bytes()


@pytest.fixture(scope="module")
def imported(data: bytes) -> Imported:
    """What it gives."""
    return import_india(data)


def _rows(imported: Imported, kind: str) -> list[PublishedRow]:
    tables = {table.table_id: table for table in imported.tables}
    return [row for row in imported.rows if tables[row.table_id].kind == kind]


def test_counts_by_kind(imported: Imported) -> None:
    """80 of 116 records: 32 losses and 48 that give 52 rows."""
    tables = {table.table_id: table for table in imported.tables}
    assert Counter(tables[row.table_id].kind for row in imported.rows) == {
        "electricity": 16,
        "electricity_export": 3,
        "fuel": 12,
        "natural_gas": 1,
        "rail": 3,
        "freight": 4,
        "flight": 2,
        "bus": 1,
        "refrigerant": 8,
        "waste": 1,
        "wastewater": 1,
    }
    assert len(imported.parameters) == 32
    assert len(imported.regions) == 5 + 31


def test_grid_average_is_the_one_that_cea_publishes(imported: Imported) -> None:
    """0.7117 kg CO2/kWh for fiscal year 2024-25; what was computed for states and grids has rates of its own."""
    rates = {(row.region, row.rate): row.by_gas["co2"] for row in _rows(imported, "electricity")}
    assert rates["IN", "weighted_average"] == "0.7117"
    assert rates["IN/state/DL", "state_generation"] == "0.4127"
    assert rates["IN/grid/north_eastern", "regional_generation"] == "0.4285"
    assert {rate for region, rate in rates if region != "IN"} == {"state_generation", "regional_generation"}
    assert {row.year for row in _rows(imported, "electricity")} == {2024}


def test_computed_rows_are_marked(imported: Imported) -> None:
    """Tables say that they are compiled, from what, and which were computed by the compiler."""
    tables = {table.table_id: table for table in imported.tables}
    assert all("Compiled by Open India EF" in table.note and "Source: " in table.note for table in imported.tables)
    marked = {row.rate for row in imported.rows if "Computed by the compiler" in tables[row.table_id].note}
    assert marked == {"state_generation", "regional_generation"}
    assert "Computed" not in tables[next(row.table_id for row in imported.rows if row.region == "IN")].note


def test_what_is_co2_alone_is_kept_as_co2(imported: Imported) -> None:
    """Coal is said to be CO2e and its components are CO2 alone; natural gas is kept per TJ, net."""
    coal = [row for row in _rows(imported, "fuel") if row.attributes["fuel"] == "subbituminous_coal"]
    assert [dict(row.by_gas) for row in coal] == [{"co2": "1883.6"}, {"co2": "96100"}]
    (gas,) = _rows(imported, "natural_gas")
    assert (gas.by_gas["co2"], gas.attributes["heating_value"]) == ("56100", "net")


def test_losses_are_no_grid_loss(imported: Imported) -> None:
    """15.37 percent of 2022-23 for India, 51.7 for Arunachal Pradesh; under a name of their own."""
    by_region = {one.region: (one.name, one.value_text, one.unit, one.year) for one in imported.parameters}
    assert by_region["IN"] == ("atc_loss", "15.37", "percent", 2022)
    assert by_region["IN/state/AR"] == ("atc_loss", "51.7", "percent", 2022)


def test_states_stand_under_india(imported: Imported) -> None:
    """Odisha has the code of 2023, and every region's parent is India."""
    names = {region.region: region.name for region in imported.regions}
    assert names["IN/state/OD"] == "Odisha"
    assert names["IN/grid/north_eastern"] == "India, north-eastern grid"
    assert {region.parent for region in imported.regions} == {"IN"}


def test_findings_count_what_is_left_out_and_name_a_contradiction(imported: Imported) -> None:
    """36 records have no kind; LPG says less CO2e than CO2; the file held is known."""
    record = "Open India Emission Factors"
    sectors = (
        "13 of Agriculture",
        "4 of DG Sets",
        "2 of Fugitive Emissions (Coal)",
        "10 of Industrial Processes",
        "1 of Stationary Combustion (Sugar, Paper, Power, Industry)",
        "4 of Transportation (Employee Commuting)",
        "2 of Waste (Industrial Wastewater)",
    )
    assert imported.findings == (
        f"{record}: 36 records have no kind of ours or contradict themselves: {', '.join(sectors)}",
        f"{record}: fuel-lpg-stationary-combustion says 2.983 kg CO2e per kg of which 2.985 are CO2",
    )


def test_rows_speak_the_vocabulary(imported: Imported) -> None:
    """Kinds, units and attributes are ours, and no two rows are for the same thing."""
    tables = {table.table_id: table for table in imported.tables}
    assert len(tables) == len(imported.tables)
    for row in imported.rows:
        kind = KINDS[tables[row.table_id].kind]
        assert find_unit(tables[row.table_id].unit).dimension in kind.dimensions
        for name, value in row.attributes.items():
            attribute = kind.attribute(name)
            assert attribute is not None
            assert not attribute.choices or value in attribute.choices
    keys = Counter((row.table_id, row.region, row.rate, *sorted(row.attributes.items())) for row in imported.rows)
    assert keys.most_common(1)[0][1] == 1


def test_import_is_deterministic(data: bytes, imported: Imported) -> None:
    """The same bytes give the same rows."""
    assert import_india(data) == imported


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"value": 0.7117', b'"value": NaN', r"expected a printed number of zero or more; got nan; in .*grid-india-national"),
        (b'"value": 0.7117', b'"value": -0.7', r"expected a printed number of zero or more; got -0\.7; in .*grid-india-national"),
        (b'"unit": "kgCO2e/litre"', b'"unit": "kgCO2e/gallon"', r"expected kgCO2e/litre; got kgCO2e/gallon; in .*fuel-diesel"),
        (b'"geography": "Punjab"', b'"geography": "Panjab"', r"expected a state or territory of India; got Panjab; in .*punjab"),
        (b'"id": "fuel-cng-road-ttw"', b'"id": "fuel-cng"', r"expected a record fuel-cng-road-ttw; got none"),
        (b'"version": "1.2"', b'"version": "1.3"', r"of another version; expected 1\.2; got 1\.3"),
        (b"CO2 only (IPCC", b"CO2e (IPCC", r"expected components that say 'CO2 only'; got CO2e \(IPCC .*stationary-coal"),
        (b'"unit": "percent"', b'"unit": "ratio"', r"expected percent; got ratio; in .*td-loss-national"),
    ],
)
def test_bad_records_are_refused(data: bytes, old: bytes, new: bytes, message: str) -> None:
    """No number, another unit, an unknown state, a lost record, another version: refused, naming the record."""
    assert old in data
    with pytest.raises(FactorSetError, match=message):
        import_india(data.replace(old, new))


def test_what_is_no_json_is_refused() -> None:
    """A truncated file says so."""
    with pytest.raises(FactorSetError, match=r"expected JSON; got .*; in Open India Emission Factors"):
        import_india(b'{"metadata": ')
