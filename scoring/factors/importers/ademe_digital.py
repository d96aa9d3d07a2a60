"""ADEME's figures for digital services, quoted in a table of our own: their file is not among the raw files that we hold.

Each figure is the sum of the life-cycle stages that its label repeats. Without the user's own device, which products bought and
the home's electricity count.
"""

import csv
from io import StringIO

from scoring.factors.importers.ademe import YEAR
from scoring.factors.importers.published import Imported, PublishedRow, SourceTable, decimal_text, require_columns

_COLUMNS = ("service", "unit", "rate", "kg_co2e_text", "label")
_RECORD = "kept figures, ademe_digital.csv"


def import_digital(data: bytes) -> Imported:
    """Rows of digital services, per hour or per item, for France.

    Args:
        data: Bytes of the kept table.

    Returns:
        Tables and rows.

    Raises:
        FactorSetError: The columns or a number are not what they must be.

    Source:
        ADEME, Impact CO2, src/data/categories/usagenumerique.json of 2026-07-01, Licence Ouverte / Open Licence 2.0 (Etalab).
    """
    lines = list(csv.reader(StringIO(data.decode())))
    require_columns(lines[0], _COLUMNS, record=_RECORD)
    tables = {unit: _table(unit) for unit in dict.fromkeys(line[1] for line in lines[1:])}
    rows = tuple(
        PublishedRow(
            tables[unit].table_id,
            "FR",
            YEAR,
            rate,
            {"co2e": decimal_text(text, record=f"{_RECORD}, {service}", places_count=18)},
            label=label,
            attributes={"service": service},
        )
        for service, unit, rate, text, label in lines[1:]
    )
    return Imported(tuple(tables.values()), rows)


def _table(unit: str) -> SourceTable:
    return SourceTable(
        table_id=f"ademe2026-digital-{unit}",
        publisher="ADEME",
        edition="Impact CO2, state of 2026-07-01",
        table="src/data/categories/usagenumerique.json of github.com/incubateur-ademe/impactco2",
        kind="digital",
        unit=unit,
        published_unit=f"kg/{unit}",
        gwp_set="not stated",
        life_cycle_scope="life_cycle",
        source_url="https://impactco2.fr",
        licence="Licence Ouverte / Open Licence 2.0 (Etalab)",
        note='Figures quoted. Rate "": all stages. Rate "without_devices": without making and running the user\'s own device, '
        "which products bought and the home's electricity count.",
    )
