"""ISO 3166-1 country codes and names, and what each territory belongs to, from the Datahub's core table."""

import csv
import re
from io import StringIO

from domain.errors import FactorSetError
from scoring.factors.importers.published import RegionRow, hash_findings

KNOWN_SHA256S = ("67b009b529330b0a6043551189f43faa785c9c3cc0011ad2bdb4eac876356c43",)
_CONTINENTS = {
    "AF": "WORLD/africa",
    "AN": "WORLD",
    "AS": "WORLD/asia",
    "EU": "WORLD/europe",
    "NA": "WORLD/north-america",  # North America, not a missing value
    "OC": "WORLD/oceania",
    "SA": "WORLD/south-america",
}
_DEPENDENCY = re.compile(r"(?:Territory|Territories|Part|Crown dependency|Commonwealth|Associated) ?(?:of|with) ([A-Z]{2})\Z")
_COUNTRY_COUNT = 249


def import_countries(data: bytes) -> tuple[dict[str, str], tuple[RegionRow, ...], tuple[str, ...]]:
    """Every country of ISO 3166-1, and Kosovo.

    Args:
        data: Bytes of `country-codes.csv`.

    Returns:
        Alpha-3 to alpha-2; regions whose parent is the sovereign state of a territory, else the continent; findings.

    Raises:
        FactorSetError: A column is missing, or countries are.
    """
    record = "ISO country codes"
    by_alpha3, regions = {}, [RegionRow("XK", "Kosovo", "WORLD/europe")]
    for line in csv.DictReader(StringIO(data.decode("utf-8-sig"))):
        try:
            alpha2, alpha3 = line["ISO3166-1-Alpha-2"], line["ISO3166-1-Alpha-3"]
            name, status, continent = line["CLDR display name"], line["is_independent"], line["Continent"]
        except KeyError as error:
            raise FactorSetError(expected=f"a column {error}", got=", ".join(line), record=record) from error
        dependency = _DEPENDENCY.match(status)
        by_alpha3[alpha3] = alpha2
        regions.append(RegionRow(alpha2, name, dependency[1] if dependency else _CONTINENTS[continent]))
    if len(by_alpha3) != _COUNTRY_COUNT:
        raise FactorSetError(expected=f"{_COUNTRY_COUNT} countries", got=str(len(by_alpha3)), record=record)
    return by_alpha3, tuple(sorted(regions, key=lambda row: row.region)), hash_findings(data, KNOWN_SHA256S, record)
