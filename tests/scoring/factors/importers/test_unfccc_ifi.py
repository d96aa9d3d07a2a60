"""UNFCCC IFI margins: published numbers, names that are their own, and what is refused."""

from pathlib import Path

import pytest

from domain.errors import FactorSetError
from scoring.factors.importers.countries import import_countries
from scoring.factors.importers.published import Imported
from scoring.factors.importers.unfccc_ifi import RATES, import_ifi


@pytest.fixture(scope="module")
def data(shared_dir: Path) -> bytes:
    """The file held."""
    return (shared_dir / "data/raw/unfccc/IFI_Default_Grid_Factors_2021_v3.1.csv").read_bytes()


@pytest.fixture(scope="module")
def region_of(shared_dir: Path) -> dict[str, str]:
    """English name of a country to its region."""
    regions = import_countries((shared_dir / "data/raw/geo/country-codes.csv").read_bytes())[1]
    return {row.name: row.region for row in regions}


@pytest.fixture(scope="module")
def imported(data: bytes, region_of: dict[str, str]) -> Imported:
    """What it gives."""
    return import_ifi(data, region_of)


def _of(imported: Imported, region: str) -> list[str]:
    by_rate = {row.rate: row.by_gas["co2"] for row in imported.rows if row.region == region}
    return [by_rate[rate] for rate in RATES]


def test_published_margins(imported: Imported) -> None:
    """Germany 313 firm, 523 intermittent, 650 operating; Namibia is not a missing value; Albania avoids nothing."""
    assert _of(imported, "DE") == ["313", "523", "650"]
    assert _of(imported, "NA") == ["139", "274", "355"]
    assert _of(imported, "AL") == ["0", "0", "0"]
    assert {table.kind for table in imported.tables} == {"electricity_export"}


def test_names_of_the_file_find_their_countries(imported: Imported) -> None:
    """Vanatu is Vanuatu, China's row says Hong Kong too, the Channel Islands are two."""
    assert _of(imported, "VU") == ["504", "659", "753"]
    assert _of(imported, "CN") == _of(imported, "HK") == ["485", "744", "899"]
    assert _of(imported, "JE") == _of(imported, "GG") == ["389", "616", "753"]


def test_every_row_of_the_file_is_there_once(imported: Imported) -> None:
    """233 lines of numbers, less four places without a code, and two names that are two places."""
    assert len(imported.rows) == (233 - 4 + 2) * len(RATES)
    assert len({(row.region, row.rate) for row in imported.rows}) == len(imported.rows)
    places = "Azores (Portugal), Canary Islands (Spain), Madeira (Portugal), Memo: EU 27"
    record = "UNFCCC IFI default grid factors 2021"
    assert imported.findings == (f"{record}: places without a code of their own left out: {places}",)


def test_licence_says_that_there_is_none(imported: Imported) -> None:
    """Figures are quoted, not the file."""
    assert imported.tables[0].licence == "no licence stated; figures quoted with source"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            b"Firm Energy",
            b"Firm Power",
            r"expected .*Firm Energy .*; got .*Firm Power .*; in UNFCCC IFI default grid factors 2021",
        ),
        (b'"Germany"', b'"Germania"', r"expected the English name of a country; got Germania; in .*line [0-9]+, Germania"),
        (b"313,523,313,313,650", b"313,NaN,313,313,650", r"expected a printed number of zero or more; got NaN; in .*Germany"),
        (b"313,523,313,313,650", b"313,523,314,313,650", r"expected one combined margin .*; got 313, 314, 313; in .*Germany"),
    ],
)
def test_bad_files_are_refused(data: bytes, region_of: dict[str, str], old: bytes, new: bytes, message: str) -> None:
    """Another column, an unknown country, no number, a column that is no copy any more."""
    assert old in data
    with pytest.raises(FactorSetError, match=message):
        import_ifi(data.replace(old, new), region_of)
