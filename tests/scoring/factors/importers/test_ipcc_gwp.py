"""Global warming potentials by gas and assessment report."""

from collections import Counter
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from domain.kinds import KINDS, checked_attributes
from scoring.factors.importers.ipcc_gwp import import_gwp, import_gwp_species, proper_name

HEADER = "# Sources,,,,,\nSpecies,SARGWP100,TARGWP100,AR4GWP100,AR5GWP100,AR6GWP100\n"


@pytest.fixture(scope="module")
def raw_bytes(shared_dir: Path) -> bytes:
    """The package's table."""
    return (shared_dir / "data/raw/gwp/globalwarmingpotentials.csv").read_bytes()


def test_count_by_report(raw_bytes: bytes) -> None:
    """356 of the file's 879 numbers are over 100 years and without feedbacks."""
    found = import_gwp_species(raw_bytes)
    assert Counter(row.rate for row in found.rows) == {"SAR": 36, "TAR": 90, "AR4": 58, "AR5": 86, "AR6": 86}
    assert len({row.attributes["refrigerant"] for row in found.rows}) == 101


@pytest.mark.parametrize(
    ("gas", "values"),
    [
        ("methane", {"SAR": "21", "TAR": "23", "AR4": "25", "AR5": "28", "AR6": "27.9"}),
        ("HFC-134a", {"SAR": "1300", "TAR": "1300", "AR4": "1430", "AR5": "1300", "AR6": "1530"}),
        ("SF6", {"SAR": "23900", "TAR": "22200", "AR4": "22800", "AR5": "23500", "AR6": "25200"}),
        ("PFC-14", {"SAR": "6500", "TAR": "5700", "AR4": "7390", "AR5": "6630", "AR6": "7380"}),
        ("Halon-1202", {"AR6": "216"}),
    ],
)
def test_values_as_published(raw_bytes: bytes, gas: str, values: dict[str, str]) -> None:
    """Lines of the file; a report without a value has no row."""
    rows = import_gwp_species(raw_bytes).rows
    assert {row.rate: row.by_gas["co2e"] for row in rows if row.attributes["refrigerant"] == gas} == values


def test_table_says_unit_and_report(raw_bytes: bytes) -> None:
    """Kept in grams, published per kilogram, weighted with the report's own set; the year is the report's."""
    found = import_gwp_species(raw_bytes)
    assert {(table.unit, table.published_unit) for table in found.tables} == {("g", "kg/kg")}
    assert [table.gwp_set for table in found.tables] == ["SAR", "TAR", "AR4", "AR5", "AR6"]
    assert {(row.rate, row.year) for row in found.rows} == {
        ("SAR", 1995),
        ("TAR", 2001),
        ("AR4", 2007),
        ("AR5", 2013),
        ("AR6", 2021),
    }


def test_same_numbers_as_the_parameters(raw_bytes: bytes) -> None:
    """Methane that leaked counts what methane counts everywhere else."""
    parameters = {(one.name, one.region): one.value_text for one in import_gwp(raw_bytes).parameters}
    rows = {(row.attributes["refrigerant"], row.rate): row.by_gas["co2e"] for row in import_gwp_species(raw_bytes).rows}
    for report in ("AR4", "AR5", "AR6"):
        assert rows["methane", report] == parameters["gwp100_ch4", report]
        assert rows["nitrous_oxide", report] == parameters["gwp100_n2o", report]


@pytest.mark.parametrize(
    ("species", "name"),
    [
        ("HFC4310mee", "HFC-43-10mee"),
        ("HCFC141b", "HCFC-141b"),
        ("CFC11", "CFC-11"),
        ("Halon1301", "Halon-1301"),
        ("cC4F8", "PFC-318"),
        ("NF3", "NF3"),
        ("CH4", "methane"),
        ("C4F10", "PFC-31-10"),
        ("HG10", "HFE-236ca12"),
        ("(CF3)2CHOH", "(CF3)2CHOH"),
    ],
)
def test_proper_names(species: str, name: str) -> None:
    """Series get their hyphen, PFCs their number, some a word; trade names their series; other formulas stay."""
    assert proper_name(species) == name


def test_names_are_attributes_of_refrigerant(raw_bytes: bytes) -> None:
    """Every row's attributes are the kind's own, and no gas stands twice in a report."""
    rows = import_gwp_species(raw_bytes).rows
    for row in rows:
        checked_attributes(KINDS["refrigerant"], row.attributes, record=row.label)
    assert max(Counter((row.rate, row.attributes["refrigerant"]) for row in rows).values()) == 1


def test_large_changes_between_reports_are_findings(raw_bytes: bytes) -> None:
    """HFE-374pc2 falls from 627 to 12.5: named, not hidden; methane moves little."""
    findings = import_gwp_species(raw_bytes).findings
    assert "IPCC global warming potentials: HFE-374pc2 moved from 627 (AR5) to 12.5 (AR6)" in findings
    assert not [text for text in findings if "methane" in text]


def test_a_zero_value_is_no_crash() -> None:
    """A report that says 0 is legal; the next one's change is named."""
    found = import_gwp_species(f"{HEADER}XF6,,,0,5,5\n".encode())
    assert "IPCC global warming potentials: XF6 moved from 0 (AR4) to 5 (AR5)" in found.findings


def test_missing_report_is_refused() -> None:
    """A table without a report is another table."""
    with pytest.raises(FactorSetError, match="expected a column TARGWP100"):
        import_gwp_species(b"Species,SARGWP100,AR4GWP100,AR5GWP100,AR6GWP100\nCH4,21,25,28,27.9\n")


@pytest.mark.parametrize("cell", ["NaN", "<1", "-1"])
def test_what_is_no_number_is_refused(cell: str) -> None:
    """The gas and the report are named."""
    with pytest.raises(FactorSetError, match=r"expected a printed number of zero or more.*CH4 AR5"):
        import_gwp_species(f"{HEADER}CH4,21,23,25,{cell},27.9\n".encode())


def test_gas_that_stands_twice_is_refused() -> None:
    """Which of two lines holds is nobody's choice."""
    with pytest.raises(FactorSetError, match="expected a gas once in the column Species; got CH4"):
        import_gwp_species(f"{HEADER}CH4,21,23,25,28,27.9\nCH4,21,23,25,28,27.9\n".encode())


def test_changed_bytes_are_a_finding(raw_bytes: bytes) -> None:
    """An unknown file with good content is read, and named."""
    assert "is not one that this importer knows" in import_gwp_species(raw_bytes + b"\n").findings[0]
