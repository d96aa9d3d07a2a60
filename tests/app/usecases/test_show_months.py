"""The numbers of months: each amount once, each month as if it were closed alone, each difference one of data."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.usecases.close_period import close_period
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from app.usecases.show_dashboard import show_dashboard
from app.usecases.show_months import MonthLook, look_at_months, standing_gwp_set
from dashboards.frame import Frame
from dashboards.messages import messages_in
from dashboards.pages.dashboard import MonthState, render
from domain.activity import EvidenceClass
from domain.factor import Basis, GwpSet, Part
from domain.kinds import FOOD_AND_THINGS, HOME, TRAVEL
from domain.period import Month, MonthRange
from tests.app.usecases.scenes import Scene, make_scene

NOW = datetime(2024, 5, 2, tzinfo=UTC)
FEBRUARY, MARCH = Month(2024, 2), Month(2024, 3)
SPRING = MonthRange.from_text("2024-02..2024-03")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A household in San Francisco without any data."""
    return make_scene(tmp_path, now=NOW)


def take(scene: Scene, *rows: dict[str, Any]) -> None:
    """Take in activities from a file."""
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    received = Received(body, "application/x-ndjson", EvidenceClass.UPLOADED)
    report = scene.change(lambda work: import_document(work, scene.whose, "activities", received))
    assert report.refused == ()


def look(scene: Scene, months: MonthRange = SPRING) -> dict[Month, MonthLook]:
    """The months as the pages show them."""
    return scene.look(lambda work: look_at_months(work, scene.whose, months))


def electricity(name: str, start: str, end: str, kwh: str = "300") -> dict[str, Any]:
    """Electricity at home."""
    return {"id": name, "kind": "electricity", "quantity": kwh, "unit": "kWh", "start": start, "end": end}


def certificate(name: str, start: str, kwh: str) -> dict[str, Any]:
    """A certificate used."""
    return {"id": name, "kind": "electricity_certificate", "quantity": kwh, "unit": "kWh", "start": start, "instrument": "rec"}


def credit(name: str, start: str, serial: str, kilograms: str) -> dict[str, Any]:
    """Credits retired."""
    one = {"id": name, "kind": "carbon_credit", "quantity": kilograms, "unit": "kg", "start": start}
    return one | {"registry": "Gold Standard", "serial": serial}


def test_electricity_counts_once_whatever_its_parts(scene: Scene) -> None:
    """Use and grid loss are two lines of the same kilowatt-hours."""
    take(scene, electricity("a", "2024-03-01", "2024-04-01"))
    shown = look(scene)[MARCH].shown
    assert {line.part for line in shown.lines} == {Part.USE, Part.GRID_LOSS}
    assert shown.quantity_micro("electricity") == 300_000_000


def test_rings_add_up_to_gross(scene: Scene) -> None:
    """Every line stands in one ring; exports stand in none."""
    take(
        scene,
        electricity("a", "2024-03-01", "2024-04-01"),
        {**electricity("x", "2024-03-01", "2024-04-01", "40"), "kind": "electricity_export"},
        {
            "id": "r",
            "kind": "rail",
            "quantity": "640",
            "unit": "pkm",
            "start": "2024-03-07",
            "region": "GB",
            "service": "national",
        },
        {"id": "m", "kind": "food", "quantity": "2", "unit": "kg", "start": "2024-03-08", "region": "GB", "food": "cheese"},
    )
    shown = look(scene)[MARCH].shown
    rings = [shown.ring_ug_co2e(ring) for ring in (HOME, TRAVEL, FOOD_AND_THINGS)]
    assert all(rings)
    assert sum(amount or 0 for amount in rings) == shown.gross_ug_co2e(Basis.LOCATION)
    assert look(scene)[MARCH].shown.avoided_ug_co2e()


def test_open_months_stand_alone(scene: Scene) -> None:
    """A certificate of March takes nothing from February, as two closed months would have it."""
    take(
        scene,
        electricity("f", "2024-02-01", "2024-03-01"),
        electricity("m", "2024-03-01", "2024-04-01", "100"),
        certificate("c", "2024-03-15", "250"),
    )
    found = look(scene)
    taken = {month: [line for line in one.shown.lines if line.part is Part.CERTIFICATE] for month, one in found.items()}
    assert taken[FEBRUARY] == []
    assert [line.quantity_micro for line in taken[MARCH]] == [-100_000_000]
    (unused,) = found[MARCH].shown.unscored
    assert (unused.quantity_micro, "unused" in unused.reason) == (150_000_000, True)


def test_credits_of_an_open_month_lower_its_net_alone(scene: Scene) -> None:
    """What is retired stands before the close, too; units told twice count in no month."""
    take(
        scene,
        electricity("m", "2024-03-01", "2024-04-01"),
        credit("c", "2024-03-20", "GS1-1", "25.5"),
        credit("d", "2024-03-21", "GS1-2", "7"),
        credit("e", "2024-03-22", "GS1-2", "7"),
    )
    one = look(scene)[MARCH]
    assert one.retired_ug_co2e == 25_500_000_000
    assert {total.quantity_micro for total in one.shown.unscored} == {14_000_000}  # one key, in two records
    page = scene.look(lambda work: show_dashboard(work, scene.whose))
    gross, net = page.gross.amount_ug_co2e, page.net.amount_ug_co2e
    assert gross is not None
    assert net is not None
    assert gross - net == 25_500_000_000


def test_month_closed_with_ar6_is_compared_in_ar6(scene: Scene) -> None:
    """After a correction the difference is that of the data, not that between two IPCC reports."""
    take(scene, electricity("m", "2024-03-01", "2024-04-01"))
    months = MonthRange.of_month(MARCH)
    scene.change(lambda work: close_period(work, scene.whose, months, gwp_set=GwpSet.AR6))
    assert scene.look(lambda work: standing_gwp_set(work, scene.whose, months)) is GwpSet.AR6
    closed = look(scene, months)[MARCH]
    assert closed.changed_ug_co2e == 0
    take(scene, electricity("m", "2024-03-01", "2024-04-01", "330"))
    changed = look(scene, months)[MARCH]
    assert changed.state is MonthState.CHANGED
    gross = closed.shown.gross_ug_co2e(Basis.LOCATION)
    assert gross is not None
    assert abs(changed.changed_ug_co2e - gross // 10) <= 6  # micrograms: one for each gas of both parts


def test_somebody_without_a_meter_has_a_dashboard(scene: Scene) -> None:
    """A flight alone gives a headline, a ring, a month without hours, and no word of electricity."""
    flight = {"id": "f", "kind": "flight", "quantity": "1", "unit": "passenger", "start": "2024-03-10"}
    take(scene, flight | {"origin": "ZRH", "destination": "SFO", "cabin": "economy"})
    page = scene.look(lambda work: show_dashboard(work, scene.whose))
    assert (page.is_empty, page.is_electricity_alone, page.hours, page.has_energy) == (False, False, None, False)
    assert (page.home.year_ug_co2e, page.food.year_ug_co2e) == (None, None)
    assert page.travel.year_ug_co2e == page.gross.amount_ug_co2e
    html = render(page, messages_in(), Frame())
    assert "What you did caused" in html
    assert "Emissions by month" in html
    assert "Your electricity" not in html
    assert "0 of 31 days" not in html
