"""Resolutions are kept once per key, set, method and basis."""

from app.store import resolutions
from app.store.resolutions import ResolutionRow
from app.store.session import Engine, unit_of_work
from tests.app.store.builders import Home

LOCATION = ResolutionRow("k1", "location", "ab" * 8, ("94110 is in CAMX", "2023 is the newest"), ("year_earlier",))
UNSCORED = ResolutionRow("k2", "location", None, ("no factor for steam",), ())


def test_resolution_comes_back_with_its_reasons(engine: Engine, home: Home) -> None:
    """Steps and flags come back in order; an unscored key is kept too; another set has its own."""
    with unit_of_work(engine) as session:
        resolutions.put(session, "ada", "root1", "m/1", [UNSCORED, LOCATION])
        resolutions.put(session, "ada", "root1", "m/1", [LOCATION])
        resolutions.put(session, "ada", "root1", "m/1", [])
        assert resolutions.of_set(session, "ada", "root1", "m/1") == (LOCATION, UNSCORED)
        assert resolutions.of_set(session, "ada", "root2", "m/1") == ()
        assert resolutions.of_line(session, "ada", "k1", "location", "ab" * 8) == LOCATION
        assert resolutions.of_line(session, "ada", "k1", "market", "ab" * 8) is None
