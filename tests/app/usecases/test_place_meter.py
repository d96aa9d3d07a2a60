"""Place and zone of a meter: a named zone has to be one of the region's."""

import pytest

from app.usecases.place_meter import place_meter
from domain.errors import PlaceError
from domain.place import place_from_text
from scoring.factors.load import shipped_factor_set

ZONES_OF = shipped_factor_set().regions.zones_of


def test_named_zone_of_the_region_is_taken() -> None:
    """A county of Indiana that keeps Chicago's time."""
    given = place_from_text("47501", zone="America/Chicago")
    found = place_meter("7", given=given, registered=None, home=None, clock=None, zones_of_region=ZONES_OF)
    assert (found.place, found.zone_source) == (given, "given")


def test_named_zone_of_elsewhere_is_refused() -> None:
    """The refusal names the meter and lists what to choose from."""
    given = place_from_text("47501", zone="Europe/Berlin")
    with pytest.raises(PlaceError) as refused:
        place_meter("7", given=given, registered=None, home=None, clock=None, zones_of_region=ZONES_OF)
    assert (refused.value.record, refused.value.got) == ("meter 7", "Europe/Berlin in US/zip/47501")
    assert refused.value.expected == "one of America/Indiana/Indianapolis, America/Chicago"
