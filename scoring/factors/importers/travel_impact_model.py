"""The Travel Impact Model's two constants: what burning and making a kilogram of jet fuel emits.

Figures quoted from the published method, not read from a file.
"""

from scoring.factors.importers.published import Imported, PublishedRow, SourceTable

PUBLISHER = "Travel Impact Model"
_YEAR = 2025
_NOTE = "Figures quoted. Per kilogram of jet fuel; the scale of a flight is the fuel that one passenger of the cabin bears."


def import_fuel_constants() -> Imported:
    """Jet fuel, tank to wake and well to tank, kg CO2e per kg.

    Returns:
        Two rows of kind flight, per kilogram of fuel.

    Source:
        Travel Impact Model 3.0.0 (github.com/google/travel-impact-model, CC BY 4.0), CO2e emission factors: CORSIA life cycle
        tables 5 and 7, ISO 14083 annex K.
    """
    tables = (_table("tim3-burnt", "combustion"), _table("tim3-made", "upstream"))
    texts = {"tim3-burnt": ("3.1894", "Jet fuel burnt, tank to wake"), "tim3-made": ("0.6465", "Jet fuel made, well to tank")}
    rows = tuple(
        PublishedRow(table_id, "WORLD", _YEAR, "tim", {"co2e": text}, label=label) for table_id, (text, label) in texts.items()
    )
    return Imported(tables, rows)


def _table(table_id: str, scope: str) -> SourceTable:
    return SourceTable(
        table_id=table_id,
        publisher=PUBLISHER,
        edition="3.0.0",
        table="README, CO2e emission factors",
        kind="flight",
        unit="kg",
        published_unit="kg/kg",
        gwp_set="AR5",
        life_cycle_scope=scope,
        source_url="https://github.com/google/travel-impact-model",
        licence="CC BY 4.0",
        note=_NOTE,
    )
