"""European Central Bank, euro foreign exchange reference rates: daily units of currency per euro, summed by month.

The sum and the count of days are kept, not the mean, so that the mean is exact: sum / count. A month in which the bank published
no rate for a currency is absent. Nothing is filled in.
"""

import csv
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from io import BytesIO, StringIO
from zipfile import BadZipFile, ZipFile

from domain.errors import FactorSetError, NumberError
from domain.number import decimal_from_text, decimal_to_text
from scoring.factors.importers.published import LARGE_CHANGE_RATIO, Imported, ParameterTable, hash_findings

KNOWN_SHA256S = ("73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3",)
MEMBER_NAME = "eurofxref-hist.csv"
UNPACKED_MAX_BYTES = 16 * 2**20
"""The file of 2026 has 1.9 MB."""

_RECORD = "ECB euro reference rates"
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_NO_RATE = {"N/A", ""}
_EXACT = Context(prec=80, traps=[Inexact])
"""Sums in it are exact, or raise: a rate has at most 60 digits."""


def import_fx(data: bytes) -> Imported:
    """The monthly sums of every currency.

    Args:
        data: Bytes of the bank's `eurofxref-hist.zip`.

    Returns:
        The table "fx_monthly": currency, month, rate_sum_text (units of currency per EUR, summed over the days), day_count.

    Raises:
        FactorSetError: The archive, its header, a date or a rate is not what it must be.

    Source:
        European Central Bank, Euro foreign exchange reference rates, https://www.ecb.europa.eu/stats/eurofxref/.
    """
    lines = list(csv.reader(StringIO(_unpacked(data).decode("utf-8-sig"))))
    header = lines[0] if lines else []
    currencies = _currencies(header)
    sums: dict[tuple[str, str], tuple[Decimal, int]] = {}
    earlier: date | None = None
    for number, cells in enumerate(lines[1:], start=2):
        day = _day(cells, len(header), earlier, f"{_RECORD}, line {number}")
        earlier = day
        for currency, text in zip(currencies, cells[1:], strict=False):
            if text.strip() not in _NO_RATE:
                total, count = sums.get((currency, cells[0][:7]), (Decimal(0), 0))
                sums[currency, cells[0][:7]] = (_EXACT.add(total, _rate(text, f"{_RECORD}, {currency} {day}")), count + 1)
    if not sums:
        raise FactorSetError(expected="at least one day with a rate", got="none", record=_RECORD)
    rows = tuple((key[0], key[1], decimal_to_text(sums[key][0]), str(sums[key][1])) for key in sorted(sums))
    table = ParameterTable(
        name="fx_monthly",
        columns=("currency", "month", "rate_sum_text", "day_count"),
        rows=rows,
        publisher="European Central Bank",
        edition=f"to {lines[1][0]}",
        source_url="https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip",
        licence="ECB: free re-use with attribution (Source: ECB statistics)",
        note="Daily reference rates, units of currency per EUR, summed by us over the month; the mean is sum / count, exactly.",
    )
    findings = (*hash_findings(data, KNOWN_SHA256S, _RECORD), *_large_moves(sums))
    return Imported(parameter_tables=(table,), findings=findings)


def _unpacked(data: bytes) -> bytes:
    # No further than the limit is read, whatever the archive says of its size.
    try:
        with ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
            if names != [MEMBER_NAME]:
                raise FactorSetError(expected=f"one member {MEMBER_NAME}", got=", ".join(names) or "none", record=_RECORD)
            with archive.open(MEMBER_NAME) as member:
                text = member.read(UNPACKED_MAX_BYTES + 1)
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as error:
        raise FactorSetError(expected="a zip archive", got=str(error), record=_RECORD) from error
    if len(text) > UNPACKED_MAX_BYTES:
        raise FactorSetError(expected=f"at most {UNPACKED_MAX_BYTES} bytes unpacked", got="more", record=_RECORD)
    return text


def _currencies(header: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in header]
    currencies = names[1:-1] if names[-1:] == [""] else names[1:]
    if names[:1] != ["Date"] or "USD" not in currencies or len(set(currencies)) != len(currencies):
        raise FactorSetError(expected="Date, USD and further currencies, each once", got=", ".join(names), record=_RECORD)
    wrong = [one for one in currencies if not _CURRENCY.match(one)]
    if wrong:
        raise FactorSetError(expected="currency codes of three letters", got=", ".join(wrong), record=_RECORD)
    return currencies


def _day(cells: Sequence[str], cell_count: int, earlier: date | None, record: str) -> date:
    if len(cells) != cell_count:
        raise FactorSetError(expected=f"{cell_count} cells, as in the header", got=str(len(cells)), record=record)
    try:
        day = date.fromisoformat(cells[0])
        if day.isoformat() != cells[0]:  # 20240301 and 2024-W09-5 are dates too
            raise ValueError(cells[0])
    except ValueError as error:
        raise FactorSetError(expected="a date such as 2024-03-01", got=cells[0], record=record) from error
    if earlier is not None and day >= earlier:
        raise FactorSetError(expected=f"a day before {earlier}", got=cells[0], record=record)
    return day


def _rate(text: str, record: str) -> Decimal:
    try:
        rate = decimal_from_text(text)
    except NumberError as error:
        raise FactorSetError(expected="a rate or N/A", got=text, record=record) from error
    if rate <= 0:
        raise FactorSetError(expected="a rate above zero", got=text, record=record)
    return rate


def _large_moves(sums: Mapping[tuple[str, str], tuple[Decimal, int]]) -> tuple[str, ...]:
    """Findings for every currency whose mean moved by more than a quarter from one month held to the next."""
    findings = []
    before: tuple[str, str, Fraction] = ("", "", Fraction())
    for (currency, month), (total, count) in sorted(sums.items()):
        mean = Fraction(total) / count
        if before[0] == currency and abs(mean - before[2]) > LARGE_CHANGE_RATIO * before[2]:
            moved = f"{float(before[2]):.6g} ({before[1]}) to {float(mean):.6g} ({month})"
            findings.append(f"{_RECORD}: {currency} per EUR moved from {moved}")
        before = (currency, month, mean)
    return tuple(findings)
