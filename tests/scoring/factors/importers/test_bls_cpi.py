"""CPI-U: months and annual averages as printed, the month that is missing, and files that are refused."""

import gzip
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from scoring.factors.importers.bls_cpi import SERIES, import_cpi
from scoring.factors.importers.published import Imported

HEADER = "series,title,year,period,value\n"
GOOD = HEADER + "".join(f'{SERIES},"All items, all",2022,M{month:02d},{280 + month}.5\n' for month in range(1, 13))
GOOD += f'{SERIES},"All items, all",2022,M13,287.0\nCUUR0000SAA,Apparel,2022,M01,120\n'


@pytest.fixture(scope="module")
def imported(shared_dir: Path) -> Imported:
    """The file held."""
    return import_cpi((shared_dir / "data/raw/cpi/bls-cpi-u-us-city-average.csv.gz").read_bytes())


def _packed(text: str) -> bytes:
    return gzip.compress(text.encode())


def test_months_as_printed(imported: Imported) -> None:
    """1990-01 is 127.4, 2022-07 is 296.276, 2026-08 the newest is 334.98."""
    monthly, _ = imported.parameter_tables
    by_month = {row[1]: row[2] for row in monthly.rows}
    assert (by_month["1990-01"], by_month["2022-07"], by_month["2026-08"]) == ("127.4", "296.276", "334.98")
    assert (monthly.name, monthly.columns, monthly.edition) == (
        "cpi_us_monthly",
        ("series", "month", "index_text"),
        "CPI-U to 2026-08",
    )
    assert len(monthly.rows) == 439
    assert {row[0] for row in monthly.rows} == {"CUUR0000SA0"}


def test_annual_averages_as_printed(imported: Imported) -> None:
    """2021 and 2022, the price years of the factors: 270.97 and 292.655; the newest is 2025."""
    _, annual = imported.parameter_tables
    by_year = {row[1]: row[2] for row in annual.rows}
    assert (annual.name, len(by_year), max(by_year)) == ("cpi_us_annual", 36, "2025")
    assert (by_year["2021"], by_year["2022"]) == ("270.97", "292.655")


def test_month_without_prices_is_absent(imported: Imported) -> None:
    """October 2025 was not collected: absent, and a finding says so, as does the average over eleven months."""
    assert "2025-10" not in {row[1] for row in imported.parameter_tables[0].rows}
    assert "BLS CPI-U: no index between 2025-09 and 2025-11" in imported.findings
    assert "BLS CPI-U: average of 2025 is printed as 321.943 over 11 months" in imported.findings


def test_averages_are_those_of_their_months(imported: Imported) -> None:
    """No other year's printed average differs from the mean of its months, and the file's hash is known."""
    assert len(imported.findings) == 3
    assert imported.findings[0].startswith("BLS CPI-U: 29 other series left out: CUUR0000SAA, ")


def test_wrong_average_is_a_finding() -> None:
    """An average that its months do not give is named."""
    findings = import_cpi(_packed(GOOD.replace("M13,287.0", "M13,288.0"))).findings
    assert "BLS CPI-U: average of 2022 is printed as 288.0, its months give 287.000" in findings


def test_unknown_hash_is_a_finding() -> None:
    """Another file is read all the same."""
    assert "is not one that this importer knows" in import_cpi(_packed(GOOD)).findings[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("period", "month", r"columns are not the expected ones.*got series, title, year, month, value"),
        ("M01,281.5", "M14,281.5", r"expected a year and M01 to M13; got 2022 M14; in BLS CPI-U, row 2"),
        ("M02,282.5", "M01,282.5", r"expected each month once; got 2022-01; in BLS CPI-U, row 3"),
        ("281.5", "NaN", r"expected a printed number of zero or more; got NaN; in BLS CPI-U, row 2"),
        ("281.5", "281.5,1", r"expected 5 cells; got 6; in BLS CPI-U, row 2"),
    ],
)
def test_changed_file_is_refused(old: str, new: str, message: str) -> None:
    """Header, period, repetition and number are checked row by row."""
    with pytest.raises(FactorSetError, match=message):
        import_cpi(_packed(GOOD.replace(old, new, 1)))


def test_file_without_the_series_is_refused() -> None:
    """Groups alone are no deflator."""
    with pytest.raises(FactorSetError, match=r"expected months and annual averages of CUUR0000SA0; got none"):
        import_cpi(_packed(HEADER + "CUUR0000SAA,Apparel,2022,M01,120\n"))


def test_what_is_no_gzip_or_too_large_is_refused() -> None:
    """Plain text is not read as compressed; a bomb is not unpacked."""
    with pytest.raises(FactorSetError, match=r"expected a gzip file"):
        import_cpi(GOOD.encode())
    with pytest.raises(FactorSetError, match=r"expected at most 16777216 bytes unpacked; got more"):
        import_cpi(gzip.compress(bytes(16 * 2**20 + 1)))
