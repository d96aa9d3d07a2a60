"""The one row of our own: what a source already says in grams of CO2e counts as it is, one kilogram for one kilogram."""

from scoring.factors.importers.published import Imported, PublishedRow, SourceTable

AS_REPORTED = SourceTable(
    table_id="as-reported",
    publisher="Climate Fitness",
    edition="cf-method/2",
    table="Identity: emissions that a source says itself",
    kind="reported_emissions",
    unit="kg",
    published_unit="kg/kg",
    gwp_set="not stated",
    life_cycle_scope="as_reported",
    source_url="",
    licence="Apache-2.0",
    note="No factor of a publisher: one kilogram for one kilogram, by the method that the source names.",
)


def import_reported() -> Imported:
    """The identity row: 1 kg CO2e per kg CO2e."""
    row = PublishedRow("as-reported", "WORLD", 1990, "", {"co2e": "1"}, label="as reported by the source")
    return Imported((AS_REPORTED,), (row,))
