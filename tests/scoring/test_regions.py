"""The region graph: every ZIP code, every country, and the time zones they may have."""

from zoneinfo import ZoneInfo

import pytest

from domain.activity import ActivityKey
from domain.errors import PlaceError
from domain.factor import Basis
from scoring.factors.factor_set import FactorSet
from scoring.resolve import resolve


def test_every_zip_leads_to_a_subregion_with_a_factor(factors: FactorSet) -> None:
    """Each range of ZIP codes, at both ends, resolves to eGRID in every year from 2018 to 2024."""
    for found in factors.regions.zips():
        for number in {found.first_number, found.last_number}:
            for year in (2018, 2024):
                key = ActivityKey("electricity", f"US/zip/{number:05d}", year, "kWh")
                chosen = resolve(key, factors, Basis.LOCATION).chosen
                assert chosen is not None
                assert chosen.factor.region == f"US/egrid/{found.subregions[0]}"


def test_zip_table_is_whole(factors: FactorSet) -> None:
    """41,350 codes of the EPA's tool and Puerto Rico's three prefixes."""
    assert factors.regions.zip_count == 41_350 + 300


def test_every_country_with_a_rate_resolves_to_itself(factors: FactorSet) -> None:
    """Each country of Our World in Data gets its own row; the US gets eGRID's."""
    regions = {row.region for row in factors.factors if row.rate == "carbon_intensity"}
    assert len(regions) == 221
    for region in regions:
        chosen = resolve(ActivityKey("electricity", region, 2023, "kWh"), factors, Basis.LOCATION).chosen
        assert chosen is not None
        assert chosen.factor.region == factors.regions.chain(region)[0]
        assert (chosen.factor.publisher == "EPA eGRID") == (region in {"US", "PR"})


def test_every_country_leads_somewhere(factors: FactorSet) -> None:
    """Countries without a rate widen to their state, continent or the world, flagged."""
    for region in factors.regions.names:
        found = resolve(ActivityKey("electricity", region, 2023, "kWh"), factors, Basis.LOCATION)
        assert found.chosen is not None
        finest = factors.regions.chain(region)[0]  # Puerto Rico is one grid subregion as a whole
        assert ("region_widened" in found.flags) == (found.chosen.factor.region != finest)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("94110", "US/zip/94110"),
        (" 94110-1234 ", "US/zip/94110"),
        ("US-94110", "US/zip/94110"),
        ("00901", "US/zip/00901"),
        ("de", "DE"),
        ("NA", "NA"),
        ("US-CA", "US/state/CA"),
        ("us-ca", "US/state/CA"),
        ("US/egrid/CAMX", "US/egrid/CAMX"),
        ("WORLD", "WORLD"),
    ],
)
def test_place_as_people_write_it(factors: FactorSet, text: str, region: str) -> None:
    """ZIP codes, countries, states and paths are understood."""
    assert factors.regions.region_of_text(text) == region


@pytest.mark.parametrize(
    "text", ["00000", "99999", "US/zip/9411", "US/zip/x", "XX", "Atlantis", "US/egrid/XXXX", "", "\uff18\uff14"]
)
def test_unknown_place_is_refused_with_a_next_step(factors: FactorSet, text: str) -> None:
    """What is no place says what to give instead."""
    with pytest.raises(PlaceError, match=r"Check the ZIP code|Give the (country|place)"):
        factors.regions.region_of_text(text)


def test_zip_in_several_subregions_names_them_all(factors: FactorSet) -> None:
    """A border ZIP code keeps the EPA's order: the first one leads."""
    found = factors.regions.zip_range("US/zip/38947")
    assert (found.state, found.subregions) == ("MS", ("SRMV", "SRSO"))
    assert factors.regions.chain("US/zip/38947") == ("US/egrid/SRMV", "US/state/MS", "US", "WORLD/north-america", "WORLD")


def test_territory_falls_to_its_state_then_continent(factors: FactorSet) -> None:
    """Jersey widens to the United Kingdom, Europe and the world; a US territory to the US and on."""
    assert factors.regions.chain("JE") == ("JE", "GB", "WORLD/europe", "WORLD")
    assert factors.regions.chain("MP") == ("MP", "US", "WORLD/north-america", "WORLD")


def test_every_zone_exists_and_every_state_has_one(factors: FactorSet) -> None:
    """All zones are IANA names, and no state or inhabited country is without."""
    regions = factors.regions
    assert {ZoneInfo(zone).key for zones in regions.zones.values() for zone in zones}
    assert [region for region in regions.names if region.startswith("US/state/") and not regions.zones_of(region)] == []
    assert [region for region in regions.names if len(region) == 2 and not regions.zones_of(region)] == ["BV", "HM"]


@pytest.mark.parametrize(
    ("region", "zones"),
    [
        ("US/zip/94110", ("America/Los_Angeles",)),
        ("US/zip/37201", ("America/Chicago", "America/New_York")),
        ("US/state/IN", ("America/Indiana/Indianapolis", "America/Chicago")),
        ("DE", ("Europe/Berlin",)),
        ("ES", ("Europe/Madrid", "Atlantic/Canary")),
        ("WORLD/europe", ()),
    ],
)
def test_zones_with_the_principal_one_first(factors: FactorSet, region: str, zones: tuple[str, ...]) -> None:
    """The zone of most people comes first; where there are several, somebody must choose."""
    assert factors.regions.zones_of(region) == zones
