"""ECB rates: monthly sums that are exact, months without a rate, and archives that are refused."""

import csv
from fractions import Fraction
from io import BytesIO, StringIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from domain.errors import FactorSetError
from domain.units import CURRENCIES
from scoring.factors.importers.ecb_fx import import_fx
from scoring.factors.importers.published import ParameterTable

GOOD = "Date,USD,JPY,\n2024-03-04,1.0846,163.11,\n2024-03-01,1.0813,N/A,\n2024-02-29,1.0826,162.12,\n"


@pytest.fixture(scope="module")
def archive(shared_dir: Path) -> bytes:
    """The bank's archive."""
    return (shared_dir / "data/raw/fx/eurofxref-hist.zip").read_bytes()


@pytest.fixture(scope="module")
def table(archive: bytes) -> ParameterTable:
    """What it gives."""
    (found,) = import_fx(archive).parameter_tables
    return found


def _packed(text: str, name: str = "eurofxref-hist.csv") -> bytes:
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as zipped:
        zipped.writestr(name, text)
    return out.getvalue()


def test_sums_of_a_small_file() -> None:
    """1.0846 + 1.0813 = 2.1659 over two days; a day that is N/A counts for nothing."""
    (found,) = import_fx(_packed(GOOD)).parameter_tables
    assert found.rows == (
        ("JPY", "2024-02", "162.12", "1"),
        ("JPY", "2024-03", "163.11", "1"),
        ("USD", "2024-02", "1.0826", "1"),
        ("USD", "2024-03", "2.1659", "2"),
    )
    assert found.edition == "to 2024-03-04"


def test_edition_and_size(table: ParameterTable) -> None:
    """To 30 October 2026: 10,393 months of 41 currencies."""
    assert (table.name, table.edition) == ("fx_monthly", "to 2026-10-30")
    assert table.columns == ("currency", "month", "rate_sum_text", "day_count")
    assert len(table.rows) == 10_393
    assert len({row[0] for row in table.rows}) == 41


def test_every_currency_is_a_unit_of_ours(table: ParameterTable) -> None:
    """An amount in any of them can be given; EUR is the base."""
    assert {row[0] for row in table.rows} | {"EUR"} == set(CURRENCIES)


def test_dollar_of_march_2024(table: ParameterTable) -> None:
    """Twenty days that sum to 21.7444: 1.08722 USD per EUR."""
    assert ("USD", "2024-03", "21.7444", "20") in table.rows


def test_sum_is_that_of_the_days(archive: bytes, table: ParameterTable) -> None:
    """The yen of 2025, month by month, added up a second time from the daily file."""
    with ZipFile(BytesIO(archive)) as zipped:
        days = list(csv.DictReader(StringIO(zipped.read("eurofxref-hist.csv").decode())))
    for month in range(1, 13):
        rates = [Fraction(day["JPY"]) for day in days if day["Date"].startswith(f"2025-{month:02d}")]
        (found,) = (row for row in table.rows if row[:2] == ("JPY", f"2025-{month:02d}"))
        assert (Fraction(found[2]), int(found[3])) == (sum(rates), len(rates))


def test_months_without_rate_are_absent(table: ParameterTable) -> None:
    """No rouble after 1 March 2022, no krona of Iceland from 2009 to January 2018."""
    assert max(row[1:] for row in table.rows if row[0] == "RUB") == ("2022-03", "117.201", "1")
    assert [row for row in table.rows if row[0] == "ISK" and "2008-12" < row[1] < "2018-02"] == []


def test_large_moves_are_named(archive: bytes) -> None:
    """The four moves of more than a quarter within a currency; the file's hash is known."""
    findings = import_fx(archive).findings
    assert len(findings) == 4
    assert findings[0] == "ECB euro reference rates: ISK per EUR moved from 131.328 (2008-09) to 274.645 (2008-10)"


def test_unknown_hash_is_a_finding() -> None:
    """Another file is read all the same."""
    assert "is not one that this importer knows" in import_fx(_packed(GOOD)).findings[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Date,", "Day,", r"expected Date, USD and further currencies, each once; got Day, USD, JPY"),
        ("USD,JPY", "USD,USD", r"each once; got Date, USD, USD"),
        ("JPY", "yen", r"expected currency codes of three letters; got yen"),
        ("163.11", "NaN", r"expected a rate or N/A; got NaN; in .*JPY 2024-03-04"),
        ("163.11", "0", r"expected a rate above zero; got 0; in .*JPY 2024-03-04"),
        ("163.11", "-1", r"expected a rate above zero; got -1"),
        ("2024-03-01", "2024-03-04", r"expected a day before 2024-03-04; got 2024-03-04; in .*line 3"),
        ("2024-03-01", "20240301", r"expected a date such as 2024-03-01; got 20240301; in .*line 3"),
        ("2024-03-01", "1 March", r"expected a date such as 2024-03-01; got 1 March; in .*line 3"),
        (",163.11,", ",", r"expected 4 cells, as in the header; got 3; in .*line 2"),
        (",163.11,", ",163.11,7,", r"expected 4 cells, as in the header; got 5; in .*line 2"),
    ],
)
def test_changed_file_is_refused(old: str, new: str, message: str) -> None:
    """Header, rate, date and count of cells are checked line by line."""
    with pytest.raises(FactorSetError, match=message):
        import_fx(_packed(GOOD.replace(old, new, 1)))


def test_empty_file_is_refused() -> None:
    """A header alone is no edition."""
    with pytest.raises(FactorSetError, match=r"expected at least one day with a rate; got none"):
        import_fx(_packed("Date,USD,JPY,\n"))


def test_other_members_are_refused() -> None:
    """One member of the known name, whatever else an archive may hold."""
    with pytest.raises(FactorSetError, match=r"expected one member eurofxref-hist.csv; got ../evil.csv"):
        import_fx(_packed(GOOD, "../evil.csv"))
    with pytest.raises(FactorSetError, match=r"expected a zip archive"):
        import_fx(b"Date,USD\n")


def test_bomb_is_not_unpacked() -> None:
    """A member that unpacks to more than 16 MiB is refused after the limit."""
    with pytest.raises(FactorSetError, match=r"expected at most 16777216 bytes unpacked; got more"):
        import_fx(_packed(" " * (16 * 2**20 + 1)))
