"""US Bureau of Labor Statistics, CPI-U, US city average, all items, not seasonally adjusted: by month, and annual averages.

The deflator of purchases is the index of all items; the groups and the half-year averages of the file are left out. October 2025
is absent: the Bureau collected no prices in that month.
"""

import csv
import gzip
import zlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from io import BytesIO, StringIO
from itertools import pairwise

from domain.errors import FactorSetError
from scoring.factors.importers.published import Imported, ParameterTable, decimal_text, hash_findings, require_columns

KNOWN_SHA256S = ("0edace51f30c118ebdbaee908d166bebb1c40f8dca6eb17941508ea15fa3fcab",)
SERIES = "CUUR0000SA0"
"""All items in U.S. city average, all urban consumers, not seasonally adjusted; 1982-84 = 100."""

UNPACKED_MAX_BYTES = 16 * 2**20
"""The file of 2026 has 0.9 MB."""

ANNUAL_TOLERANCE = Fraction(1, 1000)
"""The annual average is printed with three decimal places and is the mean of the months, which are printed with one or three."""

_MONTH_COUNT = 12
_TOLERANCE_ONE_PLACE = Fraction(1, 10)
"""Until 2006 months and averages are printed with one decimal place."""
_ANNUAL = "M13"
_PERIODS = frozenset(f"M{one:02d}" for one in range(1, 14))
_COLUMNS = ("series", "title", "year", "period", "value")
_RECORD = "BLS CPI-U"


def import_cpi(data: bytes) -> Imported:
    """The index by month and by year.

    Args:
        data: Bytes of the CSV file, compressed with gzip.

    Returns:
        The tables "cpi_us_monthly" (series, month, index_text) and "cpi_us_annual" (series, year, index_text); 1982-84 = 100.

    Raises:
        FactorSetError: The file, its columns or an index is not what it must be, or the series is absent.

    Source:
        US Bureau of Labor Statistics, Consumer Price Index, series CUUR0000SA0, https://www.bls.gov/cpi/.
    """
    lines = csv.reader(StringIO(_unpacked(data).decode("utf-8-sig")))
    require_columns(next(lines, []), _COLUMNS, record=_RECORD)
    months: dict[str, str] = {}
    years: dict[str, str] = {}
    left_out: set[str] = set()
    for number, cells in enumerate(lines, start=2):
        record = f"{_RECORD}, row {number}"
        if len(cells) != len(_COLUMNS):
            raise FactorSetError(expected=f"{len(_COLUMNS)} cells", got=str(len(cells)), record=record)
        if cells[0] != SERIES:
            left_out.add(cells[0])
            continue
        year, period = _key(cells, record)
        table, key = (years, year) if period == _ANNUAL else (months, f"{year}-{period[1:]}")
        if key in table:
            raise FactorSetError(expected="each month once", got=key, record=record)
        table[key] = decimal_text(cells[4], record=record)
    if not months or not years:
        raise FactorSetError(expected=f"months and annual averages of {SERIES}", got="none", record=_RECORD)
    findings = (
        *hash_findings(data, KNOWN_SHA256S, _RECORD),
        f"{_RECORD}: {len(left_out)} other series left out: {', '.join(sorted(left_out))}",
        *_gap_findings(sorted(months)),
        *_annual_findings(months, years),
    )
    tables = (_table("cpi_us_monthly", "month", months), _table("cpi_us_annual", "year", years, newest=max(months)))
    return Imported(parameter_tables=tables, findings=findings)


def _table(name: str, key: str, values: Mapping[str, str], *, newest: str = "") -> ParameterTable:
    return ParameterTable(
        name=name,
        columns=("series", key, "index_text"),
        rows=tuple((SERIES, one, values[one]) for one in sorted(values)),
        publisher="US Bureau of Labor Statistics",
        edition=f"CPI-U to {newest or max(values)}",
        source_url="https://www.bls.gov/cpi/",
        licence="US federal government work, public domain (17 USC 105)",
        note="All items in U.S. city average, all urban consumers, not seasonally adjusted, 1982-84 = 100.",
    )


def _unpacked(data: bytes) -> bytes:
    try:
        with gzip.open(BytesIO(data)) as packed:
            text = packed.read(UNPACKED_MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FactorSetError(expected="a gzip file", got=str(error), record=_RECORD) from error
    if len(text) > UNPACKED_MAX_BYTES:
        raise FactorSetError(expected=f"at most {UNPACKED_MAX_BYTES} bytes unpacked", got="more", record=_RECORD)
    return text


def _key(cells: Sequence[str], record: str) -> tuple[str, str]:
    year, period = cells[2], cells[3]
    if not (year.isdigit() and len(year) == 4 and period in _PERIODS):  # noqa: PLR2004 - a year
        raise FactorSetError(expected="a year and M01 to M13", got=f"{year} {period}", record=record)
    return year, period


def _gap_findings(months: Sequence[str]) -> tuple[str, ...]:
    findings = []
    for before, after in pairwise(months):
        if _serial(after) != _serial(before) + 1:
            findings.append(f"{_RECORD}: no index between {before} and {after}")
    return tuple(findings)


def _serial(month: str) -> int:
    return int(month[:4]) * _MONTH_COUNT + int(month[5:])


def _annual_findings(months: Mapping[str, str], years: Mapping[str, str]) -> tuple[str, ...]:
    """Findings for every year whose printed average is not the mean of its twelve printed months."""
    findings = []
    for year, text in sorted(years.items()):
        values = [Fraction(value) for month, value in months.items() if month.startswith(year)]
        tolerance = ANNUAL_TOLERANCE if len(text.partition(".")[2]) > 1 else _TOLERANCE_ONE_PLACE
        mean = sum(values, Fraction()) / len(values) if values else Fraction()
        if len(values) == _MONTH_COUNT and abs(mean - Fraction(text)) > tolerance:
            findings.append(f"{_RECORD}: average of {year} is printed as {text}, its months give {float(mean):.3f}")
        elif len(values) != _MONTH_COUNT:
            findings.append(f"{_RECORD}: average of {year} is printed as {text} over {len(values)} months")
    return tuple(findings)
