"""Our own tables of what a payment's category buys: merchant category codes and Plaid categories to NAICS 2017.

Made by us, versioned, kept beside this code. How sure a line is:

- high: the category is that industry, or industries that share one factor.
- medium: a shop whose goods come mostly from one industry, or a category whose industries have similar factors.
- low: a mix of industries whose factors differ by about two or more. Payments scored with it are flagged.
- none: no purchase, or nothing that the factors can score; the payment is refused with the reason.

A shop is given the industry of its goods, not that of the shop: EPA's factors of trade are per dollar of the trade's margin,
while the factor of the goods with margins is per dollar that the buyer pays.
"""

import csv
from collections.abc import Collection, Iterable
from io import StringIO

from domain.errors import FactorSetError
from scoring.factors.importers.published import Imported, ParameterTable, require_columns
from scoring.purchase import codes_of

MCC_VERSION = "mcc-naics/1"
PLAID_VERSION = "plaid-naics/1"
CONFIDENCES = ("high", "medium", "low", "none")

_LICENCE = "As this software"
_NOTE = "Made by us; codes and identifiers are the issuers', descriptions are not taken over."


def import_category_maps(mcc_naics: bytes, plaid_naics: bytes, naics: Collection[str]) -> Imported:
    """Both tables, checked.

    Args:
        mcc_naics: Bytes of `mcc_naics.csv`; a code may be a range such as 3000-3350.
        plaid_naics: Bytes of `plaid_naics.csv`.
        naics: NAICS codes that have a factor.

    Returns:
        The tables "mcc_naics" (mcc, naics, confidence, why) and "plaid_naics" (plaid_category, naics, confidence, why).

    Raises:
        FactorSetError: A category stands twice, a NAICS code has no factor, or a confidence or reason is missing.
    """
    return Imported(
        parameter_tables=(
            _table("mcc_naics", "mcc", MCC_VERSION, mcc_naics, naics),
            _table("plaid_naics", "plaid_category", PLAID_VERSION, plaid_naics, naics),
        )
    )


def _table(name: str, key: str, version: str, data: bytes, naics: Collection[str]) -> ParameterTable:
    columns = (key, "naics", "confidence", "why")
    lines = csv.reader(StringIO(data.decode()))
    require_columns(next(lines, []), columns, record=version)
    rows = tuple((cells[0], cells[1], cells[2], cells[3]) for cells in _checked(lines, version, naics))
    keys = [one for row in rows for one in (codes_of(row[0]) if key == "mcc" else (row[0],))]
    twice = sorted({one for one in keys if keys.count(one) > 1})
    if twice:
        raise FactorSetError(expected="each category once", got=", ".join(twice), record=version)
    return ParameterTable(
        name=name,
        columns=columns,
        rows=rows,
        publisher="Climate Fitness",
        edition=version,
        source_url="",
        licence=_LICENCE,
        note=_NOTE,
    )


def _checked(lines: Iterable[list[str]], version: str, naics: Collection[str]) -> Iterable[list[str]]:
    known = set(naics)
    for number, cells in enumerate(lines, start=2):
        record = f"{version}, row {number}"
        if len(cells) != 4 or not cells[0] or not cells[3]:  # noqa: PLR2004 - as the header has
            raise FactorSetError(
                expected="a category, a NAICS code, a confidence and a reason", got=",".join(cells), record=record
            )
        if cells[2] not in CONFIDENCES:
            raise FactorSetError(expected=f"one of {', '.join(CONFIDENCES)}", got=cells[2], record=record)
        if (cells[1] not in known) if cells[2] != "none" else cells[1]:
            raise FactorSetError(
                expected="a NAICS code that has a factor, or none with confidence none", got=cells[1] or "none", record=record
            )
        yield cells
