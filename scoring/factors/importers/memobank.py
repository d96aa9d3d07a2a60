"""Memo Bank: kg CO2e per euro of a card payment, by merchant category and country (EXIOBASE 3). A pack: CC BY-SA 4.0.

One line per merchant category code, one column per ISO 3166-1 alpha-2 code. The column `NA` is Namibia. Airlines, car rentals
and hotels stand as ranges of codes ("3000-3350"); a range stays one, as it is published.
"""

import csv
import gzip
import re
from io import StringIO

from domain.errors import FactorSetError
from scoring.factors.importers.published import (
    Imported,
    PublishedRow,
    SourceTable,
    decimal_text,
    hash_findings,
    require_columns,
)

PUBLISHER = "Memo Bank (EXIOBASE 3)"
RATE = "mcc"
KNOWN_SHA256S = (
    "8cdc75242f0d3785919cc4587a50ed2e9323f582c34e53043507eabfb6037008",
    "d1b177bdfdaf2ae43a4bfee0289b5f5dc5a2488d29585438bdd3d05d8a2dcc9c",
)
"""Of the file as it is kept compressed, and of its content."""

_GZIP_MAGIC = b"\x1f\x8b"
_COLUMNS = ["MCC Code", "MCC Name", "EXIOBASE Name", "Network", "Year", "Unit"]
_COUNTRY = re.compile(r"[A-Z]{2}")
_CODE = re.compile(r"[0-9]{3,4}|[0-9]{4}-[0-9]{4}")
_UNIT = "kgCO2e/€"

TABLE = SourceTable(
    table_id="memobank-mcc-2019",
    publisher=PUBLISHER,
    edition="2023-09-27, EXIOBASE 3 of 2019",
    table="payment-cards/results.csv",
    kind="purchase",
    unit="EUR",
    published_unit="kg/EUR",
    gwp_set="not stated",
    life_cycle_scope="life_cycle",
    source_url="https://github.com/memobank/carbon-footprint",
    licence="CC BY-SA 4.0",
    note="Per euro of 2019 as paid. Many countries share the value of one EXIOBASE region of the rest of the world.",
)


def import_payment_cards(data: bytes) -> Imported:
    """The factor of every merchant category in every country.

    Args:
        data: Bytes of `payment-cards/results.csv`, compressed with gzip or not.

    Returns:
        One row per code and country that has a value, codes in the file's order.

    Raises:
        FactorSetError: Columns, a code, the unit, the year or a number are not what they must be.
    """
    record = "Memo Bank payment cards"
    lines = csv.reader(StringIO(_plain(data, record).decode("utf-8-sig"), newline=""))
    header = next(lines, [])
    require_columns(header, _COLUMNS, record=f"{record}, header")
    countries = header[len(_COLUMNS) :]
    wrong = [cell for cell in countries if not _COUNTRY.fullmatch(cell)]
    if wrong or len(set(countries)) != len(countries) or not countries:
        raise FactorSetError(
            expected="one column per ISO 3166-1 alpha-2 code", got=", ".join(wrong) or "columns that stand twice", record=record
        )
    rows, blanks = [], {}
    for line in lines:
        where = f"{record}, MCC {line[0] if line else ''}"
        code, label, year = _code_label_year(line, len(header), where)
        values = [(country, cell) for country, cell in zip(countries, line[len(_COLUMNS) :], strict=True) if cell]
        blanks[code] = len(countries) - len(values)
        rows += [
            PublishedRow(
                TABLE.table_id,
                country,
                year,
                RATE,
                {"co2e": decimal_text(cell, record=f"{where}, {country}")},
                label=f"{label} / {country}",
                attributes={"mcc": code},
            )
            for country, cell in values
        ]
    return Imported(
        (TABLE,), tuple(rows), findings=(*hash_findings(data, KNOWN_SHA256S, record), *_blank_findings(blanks, record))
    )


def _code_label_year(line: list[str], width: int, where: str) -> tuple[str, str, int]:
    """Code with four digits, label and year of a line.

    Raises:
        FactorSetError: A cell is not what it must be.
    """
    if len(line) != width:
        raise FactorSetError(expected=f"{width} cells", got=str(len(line)), record=where)
    code, name, sector, _, year, unit = line[: len(_COLUMNS)]
    if not _CODE.fullmatch(code):
        raise FactorSetError(expected="a merchant category code such as 5411, or a range of them", got=code, record=where)
    if unit != _UNIT or not re.fullmatch(r"20[0-9]{2}", year):
        raise FactorSetError(expected=f"a year, and numbers in {_UNIT}", got=f"{year}, {unit}", record=where)
    return code.zfill(4), " / ".join(text for text in (code, name, sector) if text), int(year)


def _blank_findings(blanks: dict[str, int], record: str) -> tuple[str, ...]:
    left_out = {code: count for code, count in blanks.items() if count}
    if not left_out:
        return ()
    return (f"{record}: {sum(left_out.values())} blank cells of {len(left_out)} codes left out: no factor, not zero",)


def _plain(data: bytes, record: str) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError) as error:
        raise FactorSetError(
            "The compressed file is damaged", expected="a gzip file", got=type(error).__name__, record=record
        ) from error
