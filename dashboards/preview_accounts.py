"""The pages of connections and duplicates with made-up values, for `dashboards.preview`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dashboards.frame import Frame, NavLink, Notice
from dashboards.messages import Messages
from dashboards.pages import connections, duplicates
from dashboards.pages.connections import (
    Asked,
    ConnectionCard,
    ConnectionsModel,
    ConnectModel,
    Health,
    HeldPart,
    Offer,
    OfferGroup,
)
from dashboards.pages.dashboard import FormState
from dashboards.pages.duplicates import DuplicatesModel, Pair, PairSide, PairState
from domain.activity import ActivityKey

HOSTILE = "<script>alert(1)</script>"
RIGHT_TO_LEFT = "بيت العائلة 🏡"
_AT = datetime(2026, 11, 21, 18, 4, tzinfo=UTC)


def account_pages(messages: Messages, frame: Frame) -> Mapping[str, str]:
    """The pages of connections and duplicates, by file name.

    Args:
        messages: Language.
        frame: What stands around them.

    Returns:
        File name to HTML.
    """
    sections = (
        NavLink(messages("nav.overview"), "dashboard.html"),
        NavLink(messages("nav.activities"), "activities.html"),
        NavLink(messages("nav.connections"), "connections.html", is_current=True),
        NavLink(messages("nav.duplicates_open", number=2), "duplicates.html"),
    )
    framed = replace(frame, sections=sections)
    refused = replace(framed, notice=Notice(messages("connections.done.away"), is_problem=True))
    none = replace(_connections(), cards=(), ended=(), now=(), later=(), find="atlantis")
    empty = DuplicatesModel("Rivera household", (), 0, (), 0, "dashboard.html")
    wrong = FormState(
        {"account": HOSTILE, "gas_unit": "kWh"},
        {
            "account": "Account number; expected On each bill.",
            "api_key": "The provider does not take this key.",
            "": "It is away.",
        },
    )
    return {
        "connections.html": connections.render(_connections(), messages, framed),
        "connections_none.html": connections.render(none, messages, refused),
        "connections_looked_at.html": connections.render(_looked_at(), messages, framed),
        "connect_key.html": connections.render_connect(_form(), messages, framed),
        "connect_key_errors.html": connections.render_connect(replace(_form(), form=wrong, is_again=True), messages, framed),
        "connect_away.html": connections.render_connect(
            replace(_form(), asked=(), goes_away=True, title="Demo Bank", help_url=""), messages, framed
        ),
        "leave.html": connections.render_leave(
            connections.LeaveModel("Demo Bank", "leave.html?a=1&b=2", "127.0.0.1:8123", "connections.html"), messages, framed
        ),
        "duplicates.html": duplicates.render(_duplicates(), messages, framed),
        "duplicates_none.html": duplicates.render(empty, messages, framed),
        "duplicates_looked_at.html": duplicates.render(replace(_duplicates(), can_change=False), messages, framed),
    }


def _card(title: str, health: Health, said: str, **more: Any) -> ConnectionCard:  # noqa: ANN401 - each field's own type
    name = f"{health}-{len(title)}"
    card = ConnectionCard(
        connection_id=name,
        title=title,
        connector_title="Green Button (electricity, gas, water of your utility)",
        health=health,
        said=said,
        synced_at=_AT,
        next_at=_AT + timedelta(hours=6),
        created_at=_AT - timedelta(days=400),
        pause_href="/pause",
        sync_href="/sync",
        end_href="/end",
    )
    return replace(card, **more)


def _connections() -> ConnectionsModel:
    held = (
        HeldPart("IntervalReading 2026-11-20T03:00Z", "A reading lies in the future; got 2031-01-01", "", _AT),
        HeldPart("", HOSTILE, "Tell the provider.", _AT),
    )
    run = connections.RunNow(_AT, 41, 12_408, 3, 1)
    cards = (
        _card(
            "Demo Trips",
            Health.NEEDS_CONSENT,
            "",
            next_at=None,
            sync_href="",
            again_href="/again",
        ),
        _card("Octopus Energy", Health.NEEDS_CONSENT, "", next_at=None, sync_href="", again_href="/again", asks_again=True),
        _card("Demo Power & Light", Health.RUNNING, "", run=run, next_at=None, sync_href="", events_href="/events"),
        _card("Demo Bank", Health.OK, "Up to date; 22 records are set aside with their reasons.", held=held, held_count=22),
        _card(HOSTILE, Health.WAITING, "", synced_at=None),
        _card(RIGHT_TO_LEFT, Health.TRYING, "", synced_at=None),
        _card("City Water", Health.FORMAT_CHANGED, ""),
        _card("Old car", Health.PAUSED, "", next_at=None, sync_href="", pause_href="", resume_href="/resume"),
    )
    over = _card("Old bank", Health.ENDED, "Ended. Old bank was told, and gives us nothing any more.")
    offers = (
        Offer("Demo Power & Light", ("US",), ("electricity", "natural_gas"), "connect_away.html"),
        Offer(HOSTILE, (), ("electricity",), "connect_away.html"),
    )
    key = (Offer("Octopus Energy", ("GB",), ("electricity", "natural_gas"), "connect_key.html", asks_key=True),)
    later = (
        Offer("Pacific Gas & Electric", ("US",), ("electricity",), "", registration_days_count=30, help_url="/about"),
        Offer("One day", ("US",), ("electricity",), "", registration_days_count=1),
        Offer("At once", (), ("electricity",), ""),
    )
    return ConnectionsModel(
        subject_name="Rivera household",
        cards=cards,
        ended=(over,),
        now=(OfferGroup("Green Button (electricity, gas, water)", offers), OfferGroup("Octopus Energy (electricity, gas)", key)),
        later=(OfferGroup("Green Button (electricity, gas, water)", later),),
        files=("Bank or card statement in a file", "Google Timeline", "Any table of your own"),
        files_href="dashboard.html#connect",
        find_href="connections.html",
        back_href="dashboard.html",
    )


def _looked_at() -> ConnectionsModel:
    """As a reader sees it, who may change nothing."""
    shown = _connections()
    cards = tuple(
        replace(card, sync_href="", pause_href="", resume_href="", again_href="", end_href="", events_href="")
        for card in shown.cards
    )
    return replace(shown, cards=cards, can_change=False)


def _form() -> ConnectModel:
    return ConnectModel(
        title="Octopus Energy",
        connector_title="Octopus Energy (electricity, gas)",
        kinds=("electricity", "natural_gas"),
        every_hours=24,
        asked=(
            Asked("account", "Account number", "On each bill: A-1234ABCD."),
            Asked(
                "gas_unit", "?", "The display says it.", {"m3": "Cubic metres (m3)", "l": "Litres"}, asked_as="octopus.gas_unit"
            ),
            Asked("serials", "Serial numbers", is_required=False),
            Asked("api_key", "", "In your account, under Developer settings.", is_secret=True),
        ),
        goes_away=False,
        is_again=False,
        post_href="/connect",
        back_href="connections.html",
        help_url="/about",
    )


def _side(name: str, source: str, quantity_micro: int, day: date, **more: str) -> PairSide:
    kind, unit = ("purchase", "USD") if more else ("electricity", "kWh")
    key = ActivityKey(kind, "", day.year, unit, tuple(sorted(more.items())))
    return PairSide(name, source, key, quantity_micro, day, day)


def _duplicates() -> DuplicatesModel:
    receipt = _side("r1", "Activities in a file", 42_990_000, date(2026, 4, 8), naics="448110")
    card = _side("r2", "Demo Bank", 42_990_000, date(2026, 4, 10), mcc="5651")
    meter = replace(
        _side("r3", "Demo Power & Light", 31_200_000, date(2026, 4, 10)),
        can_go=False,
        end_date=date(2026, 4, 11),
    )
    car = _side("r4", HOSTILE, 22_500_000, date(2026, 4, 10))
    first = Pair("d1", "same_purchase", PairState.OPEN, receipt, card, 2, None, "/d1")
    home = Pair("d2", "charging_and_meter", PairState.OPEN, meter, car, 0, None, "/d2")
    gone = replace(card, key=None, start_date=None, end_date=None)
    merged = replace(first, duplicate_id="d3", state=PairState.MERGED, aside=gone, decided_at=_AT)
    kept = replace(first, duplicate_id="d4", state=PairState.KEPT, decided_at=_AT)
    lost = replace(merged, duplicate_id="d5", keep=replace(gone, source=""), days_apart_count=0)
    return DuplicatesModel("Rivera household", (first, home), 70, (merged, kept, lost), 4, "dashboard.html")
