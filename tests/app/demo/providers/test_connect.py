"""From a person's click at a demo provider to readings, purchases and trips in the database: every part is the real one."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from app.demo.load_profile import household_profile
from app.demo.providers.rows import BANK, TRAVEL, UTILITY
from app.demo.providers.utility import seeded
from app.store import activities
from app.store.connections import ConnectionState, Health
from app.usecases.connection_secrets import open_link
from app.usecases.take_notice import Notices
from connectors import demo_travel
from connectors.green_button.notification import notified_urls
from domain.errors import TryLaterError
from domain.period import MonthRange
from tests.app.demo.providers.scene import NOW, PACIFIC, START, Scene, scene


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    """Providers that listen, and an installation."""
    with scene(tmp_path / "data") as made:
        yield made


def sums(at: Scene, months: str = "2025-12..2026-03") -> dict[str, int]:
    """Millionths by kind of everything that counts."""
    with at.installation.looking() as work:
        found = activities.monthly_sums(work.session, at.whose.tenant_id, at.whose.subject_id, MonthRange.from_text(months))
    total: dict[str, int] = {}
    for one in found:
        total[one.kind] = total.get(one.kind, 0) + one.quantity_micro
    return total


def profile_wh(end: date) -> tuple[int, int]:
    """Delivered and exported Wh of the household from the first day to the day before `end`."""
    profile = seeded(household_profile, 1, PACIFIC)(START, end)
    return sum(profile.delivered_wh), sum(profile.exported_wh)


def test_utility(at: Scene) -> None:
    """Every watt-hour of the household's meter arrives, once, however often it is synced."""
    row = at.connect(UTILITY)
    report = at.sync(row)
    assert (report.health, report.error_code, report.refused_count) == (Health.OK, "", 0)
    delivered_wh, exported_wh = profile_wh(date(2026, 3, 10))
    assert sums(at) == {"electricity": delivered_wh * 1_000, "electricity_export": exported_wh * 1_000}
    again = at.sync(row)
    assert (again.new_count, again.changed_count) == (0, 0)
    assert at.row(row).cursor == "updated 2026-03-10T15:00:00Z"


def test_corrections_and_new_days(at: Scene) -> None:
    """A day that the utility corrects, and the days that come, arrive with the next sync, and nothing else is asked for."""
    row = at.connect(UTILITY)
    at.sync(row)
    before = sums(at)
    at.installation.clock.advance(86_400 * 2)
    at.utility.correct("household", date(2026, 1, 15), pct=200)
    report = at.sync(row)
    assert (report.documents_count, report.new_count, report.changed_count) == (1, 4, 1)
    after = sums(at)
    whole = profile_wh(date(2026, 3, 12))
    day = (
        seeded(household_profile, 1, PACIFIC)(START, date(2026, 1, 16)),
        seeded(household_profile, 1, PACIFIC)(START, date(2026, 1, 15)),
    )
    corrected_wh = sum(day[0].delivered_wh) - sum(day[1].delivered_wh)
    assert after["electricity"] == (whole[0] + corrected_wh) * 1_000
    assert after["electricity"] > before["electricity"]


def test_part_of_the_consent(at: Scene) -> None:
    """Who unticks what the panels give is asked for nothing else: the scope says so, and the person is told."""
    row = at.connect(UTILITY, permissions=["usage"])
    assert row.granted_scope.startswith("FB=1_3_4_5_15_39_44;")
    assert "part of what we asked" in row.health_said
    at.sync(row)
    assert set(sums(at)) == {"electricity"}


def test_prepared_file_and_notification(at: Scene) -> None:
    """A utility that prepares the file is waited for; the same request is answered later. Its notification names only itself."""
    row = at.connect(UTILITY)
    at.sync(row)
    at.installation.clock.advance(86_400 * 6)
    at.utility.quirks.turn({"pending_count": "1", "part_count": "3"})
    with pytest.raises(TryLaterError):
        at.sync(row)
    assert at.row(row).health is Health.WAITING
    (said,) = at.utility.notifications
    assert len(notified_urls(said, at.providers.origins["utility"])) == 3
    assert notified_urls(said, "https://other.example") == ()
    at.installation.clock.advance(3_700)
    assert at.sync(row).health is Health.OK
    assert sums(at)["electricity"] == profile_wh(date(2026, 3, 16))[0] * 1_000


@pytest.mark.parametrize("is_relative", ["no", "yes"])
def test_notified_files_are_read_and_not_the_window(at: Scene, is_relative: str) -> None:
    """After its notification the next sync asks for the files that it names, and no other; then the notice is forgotten."""
    at.utility.quirks.turn({"has_relative_addresses": is_relative})
    row = at.connect(UTILITY)
    at.sync(row)
    at.installation.clock.advance(86_400 * 6)
    at.utility.quirks.turn({"pending_count": "1", "part_count": "3"})
    with pytest.raises(TryLaterError):
        at.sync(row)
    notices = Notices(at.services)
    (said,) = at.utility.notifications
    assert [notices.take("green-button", UTILITY, {}, said) for _ in range(2)] == [1, 0]
    sealed = at.row(row).sealed_notice
    assert sealed is not None
    assert b"Prepared" not in sealed
    at.utility.quirks.turn({"pending_count": "1"})  # whoever asks for the window again waits again
    report = at.sync(row)
    assert (report.health, report.documents_count) == (Health.OK, 3)
    assert sums(at)["electricity"] == profile_wh(date(2026, 3, 16))[0] * 1_000
    assert at.row(row).sealed_notice is None
    assert len(at.utility.notifications) == 1


def test_notified_files_that_are_gone(at: Scene) -> None:
    """A notice whose files are too old is no obstacle: the window is asked for, and nothing is lost."""
    row = at.connect(UTILITY)
    at.sync(row)
    at.installation.clock.advance(86_400 * 6)
    at.utility.quirks.turn({"pending_count": "1"})
    with pytest.raises(TryLaterError):
        at.sync(row)
    Notices(at.services).take("green-button", UTILITY, {}, at.utility.notifications[0])
    at.utility.book["prepared"].clear()
    assert at.sync(row).health is Health.OK
    assert sums(at)["electricity"] == profile_wh(date(2026, 3, 16))[0] * 1_000
    assert at.row(row).sealed_notice is None


def test_notice_for_who_waits_alone(at: Scene) -> None:
    """Of two consents the notice reaches the one whose file it names; one that waits for nothing keeps no notice."""
    one, other = at.connect(UTILITY), at.connect(UTILITY)
    at.sync(one)
    at.sync(other)
    notices = Notices(at.services)
    address = at.providers.origins["utility"] + "/espi/1_1/resource/Batch/Prepared/1/1"
    body = f'<BatchList xmlns="http://naesb.org/espi"><resources>{address}</resources></BatchList>'.encode()
    assert notices.take("green-button", UTILITY, {}, body) == 0
    at.installation.clock.advance(86_400)
    at.utility.quirks.turn({"pending_count": "2"})
    for row in (one, other):
        with pytest.raises(TryLaterError):
            at.sync(row)
    assert notices.take("green-button", UTILITY, {}, at.utility.notifications[0]) == 1
    assert [at.row(row).sealed_notice is not None for row in (one, other)] == [True, False]


def test_forged_notice_moves_nothing(at: Scene) -> None:
    """Somebody who knows the consent's id and names another window, or another's file, changes neither cursor nor health."""
    one, other = at.connect(UTILITY), at.connect(UTILITY)
    at.sync(other)
    at.installation.clock.advance(60)
    at.utility.quirks.turn({"pending_count": "1"})
    with pytest.raises(TryLaterError):
        at.sync(one)
    with at.installation.looking() as work:
        mine, theirs = (open_link(work, at.row(row))["resourceURI"] for row in (one, other))
    forged = [f"{mine}?published-min=2026-03-09T00:00:00Z", f"{mine}/{theirs.rpartition('/')[2]}", f"{mine}/Authorization"]
    body = "".join(f"<resources>{url}</resources>" for url in forged)
    said = f'<BatchList xmlns="http://naesb.org/espi">{body}</BatchList>'.encode()
    assert Notices(at.services).take("green-button", UTILITY, {}, said) == 1
    report = at.sync(one)
    assert (report.health, report.error_code, report.documents_count) == (Health.OK, "", 4)
    assert at.row(one).cursor == "updated 2026-03-10T15:01:00Z"
    assert sums(at)["electricity"] == profile_wh(date(2026, 3, 10))[0] * 1_000  # the same meter, through both, once


@pytest.mark.parametrize(
    "dials",
    [
        {"is_zipped": "yes"},
        {"has_relative_addresses": "yes"},
        {"unauthorized_count": "1"},
        {"too_many_count": "2", "retry_after": "1"},
        {"knows_updated": "no"},
        {"says_lifetime": "no"},
        {"access_lifetime_s": "1"},
        {"rotates_refresh": "no"},
    ],
    ids=",".join,
)
def test_awkward_utilities(at: Scene, dials: dict[str, str]) -> None:
    """However the utility behaves, as far as it gives data at all, the same readings come of it, in two syncs."""
    at.utility.quirks.turn(dials)
    row = at.connect(UTILITY)
    at.sync(row)
    at.installation.clock.advance(7_200)
    assert at.sync(row).health is Health.OK
    assert sums(at)["electricity"] == profile_wh(date(2026, 3, 10))[0] * 1_000


@pytest.mark.parametrize("name", ["unavailable_count", "web_page_count", "cut_off_count"])
def test_bad_day(at: Scene, name: str) -> None:
    """503, a web page of an edge network and an answer that breaks off are a bad day: later everything is there."""
    row = at.connect(UTILITY)
    at.utility.quirks.turn({name: "30"})
    with pytest.raises(TryLaterError):
        at.sync(row)
    at.utility.quirks.reset()
    at.installation.clock.advance(86_400)
    assert at.sync(row).health is Health.OK
    assert sums(at)["electricity"] == profile_wh(date(2026, 3, 11))[0] * 1_000


def test_consent_withdrawn_and_given_again(at: Scene) -> None:
    """A consent that is withdrawn at the utility asks for a new one: data and cursor stay, and the meter is the same one."""
    row = at.connect(UTILITY)
    at.sync(row)
    (grant,) = at.utility.consents.grants()
    at.utility.consents.withdraw(grant.grant_id)
    at.installation.clock.advance(7_200)
    assert at.sync(row).health is Health.NEEDS_CONSENT
    assert at.row(row).state is ConnectionState.NEEDS_CONSENT
    assert at.connect(UTILITY, again=at.row(row)).id == row.id
    at.utility.correct("household", date(2026, 1, 15), pct=100)
    report = at.sync(at.row(row))
    assert (report.health, report.documents_count, report.new_count, report.changed_count) == (Health.OK, 1, 0, 0)
    assert sums(at)["electricity"] == profile_wh(date(2026, 3, 10))[0] * 1_000


def test_person_says_no(at: Scene) -> None:
    """A consent that is not given leaves no connection."""
    address = at.begin(UTILITY)
    page = at.http.send("GET", address).body.decode()
    ticket = page.partition('name="ticket" value="')[2].partition('"')[0]
    form = {"content-type": "application/x-www-form-urlencoded"}
    reply = at.http.send("POST", address.partition("?")[0], headers=form, body=f"ticket={ticket}&decision=deny".encode())
    assert "error=access_denied" in reply.headers["location"]


def test_bank(at: Scene) -> None:
    """Purchases arrive once, and those that were pending become what was posted."""
    row = at.connect(BANK)
    assert at.sync(row).health is Health.OK
    first = sums(at)
    assert first["purchase"] > 0
    for _ in range(3):
        at.installation.clock.advance(86_400)
        at.sync(row)
    at.installation.clock.advance(1)
    again = at.sync(row)
    assert (again.new_count, again.changed_count) == (0, 0)
    fresh = at.connect(BANK)
    assert at.sync(fresh).health is Health.OK


def test_bank_changes_between_pages(at: Scene) -> None:
    """Data that change between pages are read from the beginning of the update, and nothing counts twice."""
    at.bank.quirks.turn({"mutation_count": "1"})
    row = at.connect(BANK)
    assert at.sync(row).health is Health.OK


def test_bank_wants_a_sign_in(at: Scene) -> None:
    """A bank that wants the person to sign in again asks for consent, and goes on after it."""
    row = at.connect(BANK)
    at.sync(row)
    at.bank.quirks.is_login_required = True
    at.installation.clock.advance(60)
    assert at.sync(row).health is Health.NEEDS_CONSENT
    before = sums(at)
    at.connect(BANK, again=at.row(row))
    assert at.sync(at.row(row)).health is Health.OK
    assert sums(at) == before


def test_bank_takes_back_and_changes(at: Scene) -> None:
    """What a bank removes or changes is removed and changed here."""
    row = at.connect(BANK)
    at.sync(row)
    before = sums(at)["purchase"]
    purchases = [one for one in at.bank.transactions() if one["merchant_name"] == "Taqueria El Demo"]
    at.installation.clock.advance(60)
    at.bank.remove(purchases[0]["transaction_id"])
    at.bank.change(purchases[1]["transaction_id"], amount="1000.00")
    at.sync(row)
    gone, old = (round(one["amount"] * 1_000_000) for one in purchases[:2])
    assert sums(at)["purchase"] == before - gone - old + 1_000_000_000


def test_travel(at: Scene) -> None:
    """Trains arrive once; a cancelled trip is taken back."""
    row = at.connect(TRAVEL)
    assert at.sync(row).health is Health.OK
    first = sums(at)
    assert first["rail"] > 0
    trip = at.travel.trips()[0]["id"]
    at.installation.clock.advance(60)
    at.travel.cancel(trip)
    report = at.sync(row)
    assert report.changed_count > 0
    assert 0 < sums(at)["rail"] < first["rail"]


def test_flights_alone(at: Scene) -> None:
    """Who shares flights alone shares no trains."""
    row = at.connect(TRAVEL, permissions=["trips.flights"])
    assert at.sync(row).health is Health.OK
    assert "rail" not in sums(at)


def test_endless_pages(at: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider whose pages never end is stopped, and said to have changed."""
    monkeypatch.setattr(demo_travel, "MOST_PAGES_COUNT", 20)
    row = at.connect(TRAVEL)
    at.travel.quirks.is_endless = True
    assert at.sync(row).health is Health.FORMAT_CHANGED


def test_changed_format(at: Scene) -> None:
    """An answer of another shape is kept, and the connection says so."""
    row = at.connect(TRAVEL)
    at.travel.quirks.changed_format_count = 1
    assert at.sync(row).health is Health.FORMAT_CHANGED
    assert at.sync(row).health is Health.OK


def test_two_connections_at_one_provider(at: Scene) -> None:
    """Two consents at one provider are apart: ending one leaves the other."""
    first, second = at.connect(UTILITY), at.connect(UTILITY)
    assert first.id != second.id
    grants = at.utility.consents.grants()
    at.utility.consents.withdraw(grants[0].grant_id)
    at.sync(second)
    assert sums(at)["electricity"] == profile_wh(NOW.date())[0] * 1_000
