"""The text of ATTRIBUTION.md: who published what, under which licence, in the words that the licences ask for."""

from collections.abc import Mapping, Sequence

_HEAD = """\
# Attribution

Climate Fitness ships published emission factors. The numbers are the publishers'; their selection and layout are ours, and no
publisher endorses this product. Published decimal text is kept as it was printed; weighting with global warming potentials and
conversion of units happen when the product runs.

| publisher | edition | table | where | licence |
|---|---|---|---|---|
"""

_TAIL = """\
| Global Carbon Project, via Our World in Data | downloaded 2024-04 | Per capita consumption-based CO2 emissions | https://ourworldindata.org/grapher/consumption-co2-per-capita | CC BY 4.0 |
| IPCC, compiled by openclimatedata | AR4, AR5, AR6; globalwarmingpotentials 0.13.2 | GWP over 100 years | https://github.com/openclimatedata/globalwarmingpotentials | CC0 1.0 |
| US EPA | Power Profiler ZIP code tool, eGRID2018, v9 (2020-03-09) | ZIP code to eGRID subregion | https://www.epa.gov/egrid/power-profiler | US federal government work, public domain |
| US EPA | eGRID production model, static tables | State names | https://github.com/USEPA/egrid | US federal government work, public domain |
| Datahub core data sets (ISO, UN M49, Unicode CLDR) | 2026-05-15 | Country codes | https://github.com/datasets/country-codes | PDDL 1.0 |
| IANA time zone database | 2026f | zone.tab; zones of a country that agree since 2008 are listed once; US states are our own arrangement | https://www.iana.org/time-zones | public domain |

## Sentences that the licences ask for

- Carbon intensity of electricity: Ember; Energy Institute - Statistical Review of World Energy - with major processing by Our World
  in Data. "Carbon intensity of electricity generation" [dataset]. Licensed under CC BY 4.0,
  https://creativecommons.org/licenses/by/4.0/. Changes: groups of countries and income groups are left out; country codes are ISO
  3166-1 alpha-2.
- Consumption-based CO2 per person: Global Carbon Project; Population based on various sources - with major processing by Our World
  in Data. Licensed under CC BY 4.0, https://creativecommons.org/licenses/by/4.0/. Changes: only the latest year held per country.
- eGRID and GHG Emission Factors Hub: U.S. Environmental Protection Agency. Works of the federal government of the United States are
  in the public domain (17 U.S.C. section 105). The extracts of 2018 to 2021 were kept by NREL ComStock (BSD-3-Clause, Copyright
  Alliance for Sustainable Energy, LLC); the JSON of eGRID2021 by atomic6ghg (BSD-3-Clause, Glasmor).
"""


def attribution_text(tables: Sequence[Mapping[str, str]]) -> str:
    """ATTRIBUTION.md for these tables.

    Args:
        tables: Fields of each `SourceTable`.

    Returns:
        Markdown.
    """
    rows = (
        f"| {table['publisher']} | {table['edition']} | {table['table']} | {table['source_url']} | {table['licence']} |\n"
        for table in tables
    )
    return _HEAD + "".join(rows) + _TAIL
