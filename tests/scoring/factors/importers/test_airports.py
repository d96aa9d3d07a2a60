"""Airports: codes, countries and positions as published."""

import gzip
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from scoring.factors.importers.airports import COLUMNS, import_airports
from scoring.factors.importers.countries import import_countries

HEADER = '"icao","iata","name","city","subd","country","elevation","lat","lon","tz","lid"\n'


@pytest.fixture(scope="module")
def raw_bytes(shared_dir: Path) -> bytes:
    """The package's compressed file."""
    return (shared_dir / "data/raw/geo/airports.csv.gz").read_bytes()


def _file(*lines: str) -> bytes:
    return gzip.compress((HEADER + "".join(f"{line}\n" for line in lines)).encode())


def _line(iata: str = "ZRH", country: str = "CH", latitude: str = "47.4647", longitude: str = "8.54917") -> str:
    return f'"LSZH","{iata}","Zurich Airport","Zurich","Zurich","{country}",1416,{latitude},{longitude},"Europe/Zurich",""'


def test_every_airport_with_a_code(raw_bytes: bytes) -> None:
    """7,950 of the 28,403 lines have an IATA code; they are sorted by it."""
    found = import_airports(raw_bytes)
    (table,) = found.parameter_tables
    assert (table.name, table.columns) == ("airports", COLUMNS)
    assert len(table.rows) == 7950
    assert list(table.rows) == sorted(table.rows)
    assert found.findings == ()


def test_position_is_the_published_text(raw_bytes: bytes) -> None:
    """The lines of ZRH, SFO and LHR."""
    by_code = {row[0]: row for row in import_airports(raw_bytes).parameter_tables[0].rows}
    assert by_code["ZRH"] == ("ZRH", "CH", "47.4647", "8.54917", "Zurich Airport")
    assert by_code["SFO"] == ("SFO", "US", "37.618806", "-122.375417", "San Francisco International Airport")
    assert by_code["LHR"][1:4] == ("GB", "51.4706", "-0.46194")


def test_namibia_has_airports(raw_bytes: bytes) -> None:
    """The country NA is Namibia's: Windhoek has two."""
    countries = {row[0]: row[1] for row in import_airports(raw_bytes).parameter_tables[0].rows}
    assert countries["WDH"] == countries["ERS"] == "NA"


def test_countries_are_iso(raw_bytes: bytes, shared_dir: Path) -> None:
    """Every country code is one of ISO 3166-1, or Kosovo's XK."""
    alpha2_of, _, _ = import_countries((shared_dir / "data/raw/geo/country-codes.csv").read_bytes())
    used = {row[1] for row in import_airports(raw_bytes).parameter_tables[0].rows}
    assert used - set(alpha2_of.values()) == {"XK"}


def test_airport_without_iata_code_is_left_out() -> None:
    """An airfield with an ICAO code alone is on no ticket."""
    assert import_airports(_file(_line(iata=""), _line())).parameter_tables[0].rows[0][0] == "ZRH"


def test_other_columns_are_refused() -> None:
    """A renamed column is refused."""
    data = gzip.compress(HEADER.replace("lat", "latitude").encode())
    with pytest.raises(FactorSetError, match=r"expected icao, .*lat, lon.*got icao, .*latitude, lon.*airportsdata, airports"):
        import_airports(data)


@pytest.mark.parametrize("latitude", ["NaN", "", "90.1", "-91", "4e1", "47,4"])
def test_what_is_no_latitude_is_refused(latitude: str) -> None:
    """Not a number, out of range, exponent, comma: refused with the airport."""
    with pytest.raises(FactorSetError, match=r"expected degrees between -90 and 90|expected 11 cells"):
        import_airports(_file(_line(latitude=latitude)))


def test_longitude_out_of_range_is_refused() -> None:
    """180 degrees are the end."""
    with pytest.raises(
        FactorSetError, match=r"expected degrees between -180 and 180; got 180\.5; in airportsdata, airports, ZRH"
    ):
        import_airports(_file(_line(longitude="180.5")))


@pytest.mark.parametrize(("iata", "country"), [("ZR1", "CH"), ("zrh", "CH"), ("ZRH", ""), ("ZRH", "CHE")])
def test_what_is_no_code_is_refused(iata: str, country: str) -> None:
    """Codes have three letters, countries two."""
    with pytest.raises(FactorSetError, match="expected a code such as ZRH and a country such as CH"):
        import_airports(_file(_line(iata=iata, country=country)))


def test_code_that_stands_twice_is_refused() -> None:
    """Which of two would be taken is nobody's choice."""
    with pytest.raises(FactorSetError, match="An IATA code stands twice; expected one airport; got ZRH"):
        import_airports(_file(_line(), _line(latitude="47.5")))


def test_uncompressed_file_is_refused() -> None:
    """The file comes compressed."""
    with pytest.raises(FactorSetError, match="expected gzip of UTF-8 text"):
        import_airports(HEADER.encode())


def test_changed_bytes_are_a_finding() -> None:
    """A newer file is read, and named."""
    assert "is not one that this importer knows" in import_airports(_file(_line())).findings[0]
