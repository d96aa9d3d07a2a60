"""Food: kg CO2e per kg from Poore & Nemecek (2018) and Clark et al. (2022), both as Our World in Data publishes them.

The same food has the same name here in both, so that a rule can choose between two publishers of one thing.
"""

import csv
import re
from collections.abc import Mapping
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

POORE_SHA256S = ("d2178bcf781d9e519b47a30c3cfbf48cb1a3d4677a40626bc7b541f9668a881f",)
CLARK_SHA256S = ("5e0affb1b758cd1794d2a4d3ade0503ac144bf3479cb5ce110babfe5e723b31a",)

POORE = SourceTable(
    table_id="poore2018-food",
    publisher="Poore & Nemecek via Our World in Data",
    edition="Science 360 (2018), downloaded 2020-08",
    table="Greenhouse gas emissions per kilogram of food product (ghg-per-kg-poore.csv)",
    kind="food",
    unit="kg",
    published_unit="kg/kg",
    gwp_set="not stated",
    life_cycle_scope="life_cycle",
    source_url="https://ourworldindata.org/grapher/ghg-per-kg-poore",
    licence="CC BY 4.0",
    note=(
        "Global mean of commercial farms, from land use change to the shop. The file says every number per kilogram; the paper "
        "itself gives milk, soy milk, oils and wine per litre."
    ),
)
CLARK = SourceTable(
    table_id="clark2022-food",
    publisher="Clark et al. via Our World in Data",
    edition="PNAS 119 (2022), Our World in Data's aggregation of 2024-10",
    table="Environmental impacts of food (Clark et al. 2022), column ghg_kg",
    kind="food",
    unit="kg",
    published_unit="kg/kg",
    gwp_set="not stated",
    life_cycle_scope="life_cycle",
    source_url="https://github.com/owid/owid-datasets",
    licence="CC BY 4.0",
    note=(
        "Means over products of UK and Irish shops by category. Computed numbers: they are kept to the last digit that the file "
        "prints (up to 17 significant digits), not rounded by us."
    ),
)

_POORE_COLUMNS = ("Entity", "Code", "Year", "Greenhouse gas emissions per kilogram (kgCO₂eq per kilogram)")
_CLARK_COLUMNS = ("Entity", "Year", "ghg_kg")
_POORE_YEAR, _CLARK_YEAR = "2018", "2022"
_POORE_NAMES: Mapping[str, str] = {
    "Beef (beef herd)": "beef_from_beef_herd",
    "Beef (dairy herd)": "beef_from_dairy_herd",
    "Fish (farmed)": "farmed_fish",
    "Groundnuts": "peanuts",
    "Pig Meat": "pork",
    "Poultry Meat": "poultry",
    "Prawns (farmed)": "farmed_prawns",
    "Soymilk": "soy_milk",
    "Tofu (soybeans)": "tofu",
}
"""Where the publisher's word is not the one that the other publishers of food use."""
_CLARK_NAMES: Mapping[str, str] = {"Coffee beans": "coffee", "Cow's milk": "milk", "Soy desert": "soy_dessert"}
_COMPUTED = re.compile(r"[0-9]{1,9}(\.[0-9]+)?")
_DOUBLE_DIGITS = 17
"""Significant digits that a double-precision number can need (IEEE 754)."""


def import_poore(data: bytes) -> Imported:
    """Life-cycle emissions of the 43 food groups of Poore & Nemecek.

    Args:
        data: Bytes of `ghg-per-kg-poore.csv`.

    Returns:
        One row per food, kg CO2e per kg, world mean.

    Raises:
        FactorSetError: Columns, the year or a number are not what they must be, or a food stands twice.
    """
    record = "Poore & Nemecek, food"
    lines = csv.reader(StringIO(data.decode("utf-8-sig")))
    require_columns(next(lines, []), _POORE_COLUMNS, record=record)
    rows = []
    for entity, _code, year, value in lines:
        where = f"{record}, {entity}"
        _check_year(year, _POORE_YEAR, where)
        rows.append(_row(POORE, entity, _POORE_NAMES.get(entity), decimal_text(value, record=where)))
    _check_unique(rows, record)
    return Imported((POORE,), tuple(rows), findings=hash_findings(data, POORE_SHA256S, record))


def import_clark(data: bytes) -> Imported:
    """Life-cycle emissions of the products and dishes of Clark et al.

    Args:
        data: Bytes of `food-impacts-clark-2022.csv`.

    Returns:
        One row per product, kg CO2e per kg.

    Raises:
        FactorSetError: Columns, the year or a number are not what they must be, or a food stands twice.
    """
    record = "Clark et al., food"
    lines = csv.reader(StringIO(data.decode("utf-8-sig")))
    require_columns(next(lines, []), _CLARK_COLUMNS, record=record)
    rows = []
    for entity, year, value, *_others in lines:
        where = f"{record}, {entity}"
        _check_year(year, _CLARK_YEAR, where)
        rows.append(_row(CLARK, entity, _CLARK_NAMES.get(entity), _computed_text(value, where)))
    _check_unique(rows, record)
    return Imported((CLARK,), tuple(rows), findings=hash_findings(data, CLARK_SHA256S, record))


def _row(table: SourceTable, entity: str, name: str | None, value_text: str) -> PublishedRow:
    food = name or re.sub(r"[^a-z0-9]+", "_", entity.lower().replace("&", "and").replace("'", "")).strip("_")
    year = int(_POORE_YEAR if table is POORE else _CLARK_YEAR)
    return PublishedRow(table.table_id, "WORLD", year, "", {"co2e": value_text}, label=entity, attributes={"food": food})


def _check_year(got: str, expected: str, record: str) -> None:
    if got != expected:
        raise FactorSetError("The row is of another year", expected=expected, got=got, record=record)


def _check_unique(rows: list[PublishedRow], record: str) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.attributes["food"] in seen:
            raise FactorSetError("A food stands twice", expected="one row", got=row.label, record=record)
        seen.add(row.attributes["food"])


def _computed_text(text: str, record: str) -> str:
    digit_count = len(text.replace(".", "").lstrip("0"))
    if not _COMPUTED.fullmatch(text) or digit_count > _DOUBLE_DIGITS:
        raise FactorSetError(
            expected=f"a number of zero or more with at most {_DOUBLE_DIGITS} significant digits", got=text, record=record
        )
    return text
