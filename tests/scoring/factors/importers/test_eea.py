"""EEA intensities: published numbers, what is left out, and what is refused."""

from pathlib import Path

import pytest

from domain.errors import FactorSetError
from scoring.factors.importers.countries import import_countries
from scoring.factors.importers.eea import import_eea

HEAD = b"Date:year,Member State:text,index:number,Indicative level - high:number,Indicative level - low:number\n"


@pytest.fixture(scope="module")
def raw(shared_dir: Path) -> Path:
    """Folder of the publishers' files."""
    return shared_dir / "data" / "raw"


@pytest.fixture(scope="module")
def region_of(raw: Path) -> dict[str, str]:
    """English name of a country to its region."""
    return {row.name: row.region for row in import_countries((raw / "geo/country-codes.csv").read_bytes())[1]}


def test_published_numbers_of_edition_6(raw: Path, region_of: dict[str, str]) -> None:
    """Line 874: Austria 2019 is 91.0; line 902: the United Kingdom 2019 is 228.0; CO2 only."""
    found = import_eea((raw / "hyperledger/eea/co2-emission-intensity-6.csv").read_bytes(), region_of)
    by_place = {(row.region, row.year): dict(row.by_gas) for row in found.rows}
    assert by_place["AT", 2019] == {"co2": "91.0"}
    assert by_place["GB", 2019] == {"co2": "228.0"}
    assert len(found.rows) == len(by_place) == 28 * 30 + 1  # Norway has 2019 alone
    assert found.tables[0].life_cycle_scope == "generation"


def test_groups_of_countries_are_left_out(raw: Path, region_of: dict[str, str]) -> None:
    """The Union of 27 and of 28 are no place; levels of 2030 are no intensity; no file of ours is unknown."""
    found = import_eea((raw / "hyperledger/eea/co2-emission-intensity-6.csv").read_bytes(), region_of)
    groups = "European Union - 27 countries (from 2020), European Union - 28 countries (2013-2020)"
    assert found.findings[0] == f"EEA CO2 intensity of electricity: groups left out: {groups}"
    assert max(row.year for row in found.rows) == 2019


def test_file_of_the_other_edition_is_refused(raw: Path, region_of: dict[str, str]) -> None:
    """The columns of edition 5 are not those of 6."""
    data = (raw / "hyperledger/eea/co2-emission-intensity-from-electricity-generation-5.csv").read_bytes()
    with pytest.raises(FactorSetError, match=r"expected Date:year, .*; got date:number, ugeo:text, index:number"):
        import_eea(data, region_of)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"1990,Atlantis,10.0,,\n", r"expected the English name of a country; got Atlantis; in .*electricity, line 2"),
        (b"1990,Austria,nan,,\n", r"expected a printed number of zero or more; got nan; in .*electricity, line 2"),
        (b"1990,Austria,,,\n", r"expected a printed number of zero or more; in .*electricity, line 2"),
        (b"1990,Austria,-1,,\n", r"expected a printed number of zero or more; got -1"),
        (b"199x,Austria,1,,\n", r"expected a year; got 199x; in .*electricity, line 2"),
    ],
)
def test_bad_lines_are_refused(region_of: dict[str, str], line: bytes, message: str) -> None:
    """No country, no number, no year."""
    with pytest.raises(FactorSetError, match=message):
        import_eea(HEAD + line, region_of)


def test_move_of_more_than_a_quarter_is_named(region_of: dict[str, str]) -> None:
    """100 to 130 g/kWh is a finding, and so is an unknown file."""
    found = import_eea(HEAD + b"1990,Austria,100,,\n1991,Austria,130,,\n", region_of)
    assert "SHA-256" in found.findings[0]
    assert found.findings[-1].endswith("AT generation_intensity co2 moved from 100 (1990) to 130 (1991)")
