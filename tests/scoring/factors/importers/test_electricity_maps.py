"""Electricity Maps: zones, the year that stands in the name alone, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.errors import FactorSetError
from scoring.factors.importers.electricity_maps import import_yearly


@pytest.fixture(scope="module")
def folder(shared_dir: Path) -> Path:
    """Folder of the publisher's files."""
    return shared_dir / "data" / "raw" / "electricitymaps"


def small(**changes: Any) -> bytes:  # noqa: ANN401 - JSON
    """A file of one zone, with these fields of it changed."""
    zone = {"zone": {"zoneName": "Germany"}, "carbonIntensity": {"value": 344, "unit": "gCO2eq/kWh"}}
    return json.dumps({"DE": zone | changes}).encode()


@pytest.mark.parametrize("year", [2021, 2022, 2023, 2024, 2025])
def test_every_zone_of_every_year_is_read(folder: Path, year: int) -> None:
    """352 zones a year, 205 of them countries; the others are regions of their own."""
    found = import_yearly((folder / f"yearly_{year}.json").read_bytes(), year)
    assert (len(found.rows), len(found.regions), found.findings) == (352, 147, ())
    assert {row.year for row in found.rows} == {year}
    assert all(one.parent and one.region == f"ZONE/{one.region.removeprefix('ZONE/')}" for one in found.regions)


def test_published_values_are_kept(folder: Path) -> None:
    """yearly_2024.json: AE 383, AF 121, AG 663 g CO2eq/kWh, as printed there."""
    found = import_yearly((folder / "yearly_2024.json").read_bytes(), 2024)
    assert {row.region: row.by_gas["co2e"] for row in found.rows[:3]} == {"AE": "383", "AF": "121", "AG": "663"}
    assert found.tables[0].licence == "ODbL 1.0"


def test_part_of_a_country_falls_back_to_it(folder: Path) -> None:
    """California's grid operator is a zone below the US, not an eGRID subregion."""
    found = import_yearly((folder / "yearly_2023.json").read_bytes(), 2023)
    zone = next(one for one in found.regions if one.region == "ZONE/US-CAL-CISO")
    assert zone.parent == "US"
    assert "NA" in {row.region for row in found.rows}  # Namibia


def test_file_of_another_year_is_refused(folder: Path) -> None:
    """Nothing inside says the year, so known bytes under a wrong name are told."""
    with pytest.raises(FactorSetError, match=r"expected the file of 2023; got the file of 2024"):
        import_yearly((folder / "yearly_2024.json").read_bytes(), 2023)


def test_unknown_file_is_read_with_a_finding() -> None:
    """Other bytes are read, and said to be unknown."""
    found = import_yearly(small(), 2026)
    assert found.rows[0].by_gas == {"co2e": "344"}
    assert "is not one that this importer knows" in found.findings[0]


def test_printed_digits_stay() -> None:
    """A number is kept as printed, a trailing zero with it."""
    assert import_yearly(small().replace(b"344", b"344.50"), 2026).rows[0].by_gas == {"co2e": "344.50"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (small(carbonIntensity={"value": 0.344, "unit": "kgCO2eq/kWh"}), "expected numbers in gCO2eq/kWh; got kgCO2eq/kWh"),
        (small(carbonIntensity={"value": None, "unit": "gCO2eq/kWh"}), "expected a printed number of zero or more; got None"),
        (small(carbonIntensity={"value": -3, "unit": "gCO2eq/kWh"}), "got -3; in Electricity Maps 2026, DE"),
        (small().replace(b"344", b"NaN"), "got nan"),
        (small(zone={}), "layout is not the expected one.*zoneName"),
        (b"[]", "layout is not the expected one"),
        (b"\xff", "layout is not the expected one.*UnicodeDecodeError"),
        (small()[:-5], "layout is not the expected one.*JSONDecodeError"),
    ],
)
def test_what_is_not_the_layout_is_refused(data: bytes, message: str) -> None:
    """A changed unit, a missing number and damaged JSON are refused by zone."""
    with pytest.raises(FactorSetError, match=message):
        import_yearly(data, 2026)
