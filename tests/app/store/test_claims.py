"""Claims of units are found over all tenants, whoever wrote them how; only those that count."""

from collections.abc import Callable
from datetime import date

import pytest

from app.store import records
from app.store.claims import ClaimRow, claims_of
from app.store.session import Engine, reading, unit_of_work
from domain.activity import Activity, EvidenceClass, Quality, activity_key
from domain.period import Month, day_period
from domain.units import Dimension
from tests.app.store.builders import NOW, ZONE, Home, record

DAY = day_period(date(2025, 4, 30), ZONE)
Keep = Callable[..., None]


def credit(registry: str, serial: str, kind: str = "carbon_credit") -> Activity:
    """Two units of a registry."""
    is_credit = kind == "carbon_credit"
    instrument = {} if is_credit else {"instrument": "rec"}
    dimension = Dimension.MASS if is_credit else Dimension.ENERGY
    key = activity_key(kind, "US", 2025, dimension, registry=registry, serial=serial, **instrument)
    return Activity(key, DAY.start, DAY.end, Month(2025, 4), 2_000_000, Quality.MEASURED, EvidenceClass.TYPED)


@pytest.fixture
def keep(engine: Engine, new_id: Callable[[], str]) -> Keep:
    """Stores one record of a household: `keep(home, name, activity)`; without an activity it is removed."""

    def upsert(home: Home, name: str, *activities: Activity) -> None:
        with unit_of_work(engine) as session:
            one = record(name, *activities)
            records.upsert(session, home.tenant_id, home.subject_id, home.connection_id, one, recorded_at=NOW, new_id=new_id)

    return upsert


def claims(engine: Engine, serial: str, registry: str = "verra") -> list[ClaimRow]:
    """The claims of a registry's units."""
    with reading(engine) as session:
        return list(claims_of(session, "carbon_credit", registry, serial))


def test_every_tenant_is_looked_at(engine: Engine, home: Home, other_home: Home, keep: Keep) -> None:
    """Whoever claims the units is found, with what is said of them; case and spaces are not told apart."""
    keep(home, "h", credit("Verra", "A 1"))
    keep(other_home, "b", credit("VERRA", "a1"))
    first, second = claims(engine, " a1")
    assert (first.tenant_id, first.subject_id, first.record_key) == (other_home.tenant_id, other_home.subject_id, "b")
    assert second == ClaimRow(
        tenant_id=home.tenant_id,
        subject_id=home.subject_id,
        record_key="h",
        start=DAY.start,
        quantity_micro=2_000_000,
        evidence=EvidenceClass.TYPED,
        attributes=(("registry", "Verra"), ("serial", "A 1")),
    )


def test_other_units_are_not_found(engine: Engine, home: Home, keep: Keep) -> None:
    """Another serial, another registry, another kind."""
    keep(home, "h", credit("Verra", "A1"))
    keep(home, "rec", credit("Verra", "A2", "electricity_certificate"))
    assert [one.record_key for one in claims(engine, "A1")] == ["h"]
    assert claims(engine, "A2") == claims(engine, "A") == claims(engine, "A1", "Gold Standard") == []


def test_only_what_counts_claims(engine: Engine, home: Home, other_home: Home, keep: Keep) -> None:
    """A corrected record claims what it says now, a removed one nothing."""
    keep(home, "h", credit("Verra", "A1"))
    keep(home, "h", credit("Verra", "B9"))
    keep(other_home, "b", credit("Verra", "A1"))
    keep(other_home, "b")
    assert claims(engine, "A1") == []
    assert [one.record_key for one in claims(engine, "B9")] == ["h"]
