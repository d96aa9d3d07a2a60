"""Open Emission Factors DB: what is taken, as what, and what is counted as left out."""

import csv
import gzip
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from domain.kinds import KINDS, checked_attributes
from scoring.factors.importers.oefdb import COLUMNS, import_database
from scoring.factors.importers.oefdb_rows import SUBDIVISIONS, TAKEN
from scoring.factors.importers.published import Imported, PublishedRow

LINE = {
    "activity_id": "fuel_type_petrol-fuel_use_transport",
    "name": "Petrol (transport)",
    "activity_unit": "L",
    "kgCO2e-AR4": "2.45323824",
    "lca_activity": "fuel_combustion",
    "source": "MfE",
    "year_released": "2020",
    "region": "NZ",
}


@pytest.fixture(scope="module")
def data(shared_dir: Path) -> bytes:
    """The database's file, compressed."""
    return (shared_dir / "data/raw/climatiq/OpenEmissionFactorsDB-2022-05-12.csv.gz").read_bytes()


@pytest.fixture(scope="module")
def found(data: bytes) -> Imported:
    """What it gives."""
    return import_database(data)


def line(**changes: str) -> bytes:
    """A file of one line, with these cells changed."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerow(LINE | changes)
    return text.getvalue().encode()


def rows_of(found: Imported, table_id: str) -> dict[str, PublishedRow]:
    """Rows of one table by region."""
    return {row.region: row for row in found.rows if row.table_id == table_id}


def test_rows_are_counted_by_kind(found: Imported) -> None:
    """507 of 6,181 rows have a kind of ours; all others are counted."""
    kind_of = {table.table_id: table.kind for table in found.tables}
    assert Counter(kind_of[row.table_id] for row in found.rows) == {
        "electricity": 419,
        "rail": 26,
        "freight": 23,
        "car": 13,
        "fuel": 9,
        "flight": 7,
        "van": 4,
        "bus": 3,
        "truck": 1,
        "motorcycle": 1,
        "taxi": 1,
    }
    left_out = [int(text.split(": ")[1].split()[0]) for text in found.findings if "rows left out" in text]
    assert sum(left_out) + len(found.rows) == 6181


def test_egrid_2020_has_gases(found: Imported) -> None:
    """eGRID2020 of the US, line "Grid mix, US, 2022": 0.371173 kg CO2, 0.000029 CH4, 0.000004 N2O, printed CO2e 0.373138."""
    rows = rows_of(found, "oefdb-epa-2020-electricity-kwh-gases-generation")
    assert rows["US"].by_gas == {"co2": "0.371173", "ch4": "0.000029", "n2o": "0.000004", "co2e": "0.373138"}
    assert len(rows) == 80
    assert {region.split("/")[1] for region in rows if "/" in region} == {"egrid", "state"}
    assert rows["US/state/CA"].by_gas["co2"] == "0.204805"
    assert rows["US"].year == 2020


def test_non_baseload_is_a_rate_of_its_own(found: Imported) -> None:
    """eGRID2019: 28 total-output and 28 non-baseload rows; CAMX non-baseload is 0.437268 kg CO2."""
    rows = [row for row in found.rows if row.table_id == "oefdb-epa-2019-electricity-kwh-gases-generation"]
    assert Counter(row.rate for row in rows) == {"total_output": 28, "non_baseload": 28}
    assert next(r for r in rows if r.region == "US/egrid/CAMX" and r.rate == "non_baseload").by_gas["co2"] == "0.437268"


def test_aib_of_2020_is_the_production_mix(found: Imported) -> None:
    """Norway's 0.00762 is its hydropower, not what is left after certificates: it is never called a residual mix."""
    rows = rows_of(found, "oefdb-aib-2020-electricity-kwh-gases-generation")
    assert len(rows) == 31
    assert (rows["NO"].rate, rows["NO"].by_gas) == ("production_mix", {"co2": "0.00762"})


def test_aib_residual_mix_is_of_2018(found: Imported) -> None:
    """The residual mixes are those that the GHG Protocol's tool repeats: Norway 0.28049, Germany 0.72869, CO2 alone."""
    rows = rows_of(found, "oefdb-ghg-protocol-2021-electricity-kwh-gases-generation")
    assert {(row.rate, row.year) for row in rows.values()} == {("residual_mix", 2018)}
    assert (rows["NO"].by_gas, rows["DE"].by_gas) == ({"co2": "0.28049"}, {"co2": "0.72869"})
    assert not [region for region in rows if region.startswith(("US", "CA"))]  # Green-e's
    assert any("34 rows left out" in text and "Green-e" in text for text in found.findings)


def test_uncertainty_is_kept(found: Imported) -> None:
    """ADEME's French mix of 2020: 0.0599 kg CO2e ± 10 %, life cycle."""
    row = rows_of(found, "oefdb-ademe-2020-electricity-kwh-ar5-life_cycle")["FR"]
    assert (row.by_gas, row.uncertainty_percent, row.year) == ({"co2e": "0.0599"}, "10", 2020)


def test_foreign_grids_of_ademe_are_of_2013(found: Imported) -> None:
    """The IEA's numbers are CO2 alone and old: the United Arab Emirates' 0.598 is not of 2021. Namibia is a country."""
    rows = rows_of(found, "oefdb-ademe-2021-electricity-kwh-gases-generation")
    assert (rows["AE"].by_gas, rows["AE"].year) == ({"co2": "0.598"}, 2013)
    assert "NA" in rows
    assert "EU" not in rows


def test_no_row_stands_twice(found: Imported) -> None:
    """Table, place, year, rate and attributes name one row."""
    keys = [(r.table_id, r.region, r.year, r.rate, tuple(sorted(r.attributes.items()))) for r in found.rows]
    assert len(set(keys)) == len(keys)


def test_attributes_are_ours(found: Imported) -> None:
    """Every attribute is one of its kind, with a value that the kind has; required ones are there."""
    kind_of = {table.table_id: KINDS[table.kind] for table in found.tables}
    for row in found.rows:
        checked_attributes(kind_of[row.table_id], row.attributes, record=row.label)


def test_every_activity_of_the_list_is_in_the_file(data: bytes) -> None:
    """Nothing is listed that the database does not have."""
    lines = csv.DictReader(StringIO(gzip.decompress(data).decode("utf-8-sig")))
    held = {(one["source"], one["activity_id"]) for one in lines}
    assert not [(source, activity) for source, taken in TAKEN.items() for activity in taken if (source, activity) not in held]


def test_parts_of_countries_have_parents(found: Imported) -> None:
    """A province falls back to its country; all paths of the list are used."""
    assert {(one.region, one.parent) for one in found.regions} == {(path, path[:2]) for path, _ in SUBDIVISIONS.values()}


def test_exponents_are_written_out() -> None:
    """3.63E-05 is 0.0000363."""
    cells = {"kgCO2": "0.4", "kgCH4": "3.63E-05", "description": "based on 2019 statistics", "activity_unit": "kWh"}
    grid = {"source": "EPA", "activity_id": "electricity-energy_source_grid_mix", "region": "US", "kgCO2e-AR4": ""}
    row = import_database(line(**cells, **grid)).rows[0]
    assert (row.by_gas, row.year) == ({"co2": "0.4", "ch4": "0.0000363"}, 2019)


def test_large_changes_are_named(found: Imported) -> None:
    """Washington's rate fell by 29 % from 2019 to 2020."""
    assert any("US/state/WA total_output co2e moved from 0.135667553 (2019) to 0.09674 (2020)" in text for text in found.findings)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            line(activity_unit="kg"),
            "expected fuel_type_petrol-fuel_use_transport in kg/L; got kg/kg; in OEFDB 2022-05-12, line 2",
        ),
        (line(**{"kgCO2e-AR4": "NaN"}), "expected a printed number of zero or more; got NaN; in OEFDB 2022-05-12, line 2"),
        (line(**{"kgCO2e-AR4": "1Ex"}), "expected a printed number of zero or more; got 1Ex"),
        (line(**{"kgCO2e-AR4": "not-supplied"}), "expected at least one number; got none"),
        (line().replace(b"kgN2O", b"kgNO2"), "columns are not the expected ones.*kgNO2"),
        (b"", "columns are not the expected ones"),
    ],
)
def test_what_is_not_the_layout_is_refused(data: bytes, message: str) -> None:
    """A changed unit, number or column is refused by its line."""
    with pytest.raises(FactorSetError, match=message):
        import_database(data)


def test_what_has_no_kind_is_counted() -> None:
    """An unknown activity and an unknown part of a country are findings, not rows."""
    assert "1 rows left out: MfE: no kind of ours" in import_database(line(activity_id="fuel_type_dilithium")).findings[1]
    assert "a part of a country that has no path here" in import_database(line(region="NZ-XXX")).findings[1]
