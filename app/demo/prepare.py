"""The demo: a household and a small business with a year of meter readings, closed months, and a chain to show them on.

Everything goes through the real path: a seeded load curve is written as a Green Button file, and read back by the connector. A
second start continues where the first one was: the same curve, up to yesterday.
"""

import os
import sys
import webbrowser
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from app.assemble import passphrase_of
from app.chain import load_key
from app.demo.activities import business_lines, household_lines
from app.demo.espi import Meter, MeterSeries, espi_document, us_clock
from app.demo.load_profile import LoadProfile, business_profile, household_profile
from app.hosting import Hosting
from app.security.api_keys import KeyMode
from app.security.passwords import Passwords
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store import accounts, installation, periods, subjects
from app.store.periods import PeriodState
from app.store.session import reading, unit_of_work
from app.store.subjects import SubjectKind
from app.usecases.close_period import close_period
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.demo_data import note_demo_subjects
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from app.usecases.sign_in import NewAccount, create_account, make_api_key
from app.web import serve
from domain.activity import Direction, EvidenceClass
from domain.errors import ChainError
from domain.period import Month, MonthRange, local_day, zone_of
from domain.place import Place, place_from_text
from ledger.signing import RelayerKey

LOGIN = "demo"
"""Login of the demo's visitor."""

SEED = 20260101
"""Seed of the load curves."""

_KEY_LIFETIME = timedelta(days=7)
_FACT = "demo"
_BASE_URL = "https://utility.example/espi/1_1/resource"


@dataclass(frozen=True, slots=True)
class _Plan:
    """One demo subject."""

    name: str
    kind: SubjectKind
    home: Place
    member_count: int
    meter: str
    title: str
    profile: Callable[[date, date], LoadProfile]
    interval_title: str
    lines: Callable[[date, date], bytes]


_HOME = place_from_text("94110", zone="America/Los_Angeles")
_OFFICE = place_from_text("10011", zone="America/New_York")
PLANS = (
    _Plan(
        name="The Rivera household",
        kind=SubjectKind.HOUSEHOLD,
        home=_HOME,
        member_count=3,
        meter="Home meter 4207",
        title="Bay Demo Power & Light",
        profile=lambda start, end: household_profile(Random(SEED), start=start, end=end, zone=zone_of(_HOME.zone)),
        interval_title="Hourly",
        lines=household_lines,
    ),
    _Plan(
        name="Pier 9 Design Studio",
        kind=SubjectKind.ENTITY,
        home=_OFFICE,
        member_count=1,
        meter="Studio meter 88",
        title="Hudson Demo Electric",
        profile=lambda start, end: business_profile(Random(SEED + 1), start=start, end=end, zone=zone_of(_OFFICE.zone)),
        interval_title="Quarter-hourly",
        lines=business_lines,
    ),
)
"""Who is in the demo."""


def run_demo(settings: Settings, *, opens_browser: bool = True) -> None:
    """Start the demo and serve it until it is stopped.

    Args:
        settings: Checked settings; the data folder holds everything that the demo writes.
        opens_browser: Whether a browser is opened, where this machine has a screen.

    Raises:
        ConflictError: The address cannot be listened on.
    """

    def listening(hosting: Hosting) -> None:
        _announce(hosting)
        address = hosting.welcome_link
        _say(f"Climate Fitness demo: {address}")
        if opens_browser and sys.stdout.isatty() and (os.environ.get("DISPLAY") or sys.platform == "darwin"):
            webbrowser.open(address)

    serve(settings, prepare=prepare_demo, on_listening=listening)


def prepare_demo(hosting: Hosting) -> None:
    """Make the demo's account, subjects, readings and closed months, as far as they are not there yet.

    Args:
        hosting: The serving process; its chain is open.

    Raises:
        ChainError: Not everything reached the chain.
    """
    services = hosting.services
    _announce(hosting)
    password = services.randomness.token()[:12]
    hosting.run_task("account", lambda: _make_people(hosting, password))
    hosting.run_task("readings", lambda: _import_all(services))
    hosting.run_task("months", lambda: _close_all(services))
    hosting.run_task("chain_work", lambda: _issue_all(hosting))
    _tell(hosting, password)


def _announce(hosting: Hosting) -> None:
    """Let the progress page show what is to come, from its first second."""
    for name in ("account", "readings", "months", "chain_work"):
        hosting.task(name)


def _make_people(hosting: Hosting, password: str) -> str:
    """The visitor's account and the two subjects; a fresh password at each start."""
    services = hosting.services
    with unit_of_work(services.engine) as session:
        work = Work(session, services)
        account = accounts.by_login(session, LOGIN)
        if account is None:
            tenant_id = services.randomness.id()
            account = create_account(work, NewAccount(LOGIN, "Demo visitor", password, tenant_id))
            made = [_make_subject(work, plan, account.id, tenant_id) for plan in PLANS]
            note_demo_subjects(session, made)
            installation.set_fact(session, f"{_FACT}_start", _first_day(services).isoformat())
        else:
            hashed = Passwords(services.randomness.bytes).hash(password)
            accounts.set_password_hash(session, account.tenant_id, account.id, hashed)
    hosting.welcome_tenant_id, hosting.welcome_account_id = account.tenant_id, account.id
    return ", ".join(plan.name for plan in PLANS)


def _make_subject(work: Work, plan: _Plan, account_id: str, tenant_id: str) -> str:
    services = work.services
    holder = ""
    if plan.kind is SubjectKind.ENTITY:  # a business holds its tokens; a person's statements are anchored
        path = services.settings.data_folder / "keys" / "demo-holder.json"
        holder = load_key(
            RelayerKey, path, passphrase_of(services.settings, "holder", services.randomness), services.randomness
        ).address
    new = NewSubject(plan.kind, plan.name, plan.home, member_count=plan.member_count, chain_holder=holder)
    return create_subject(work, new, owner_account_id=account_id, tenant_id=tenant_id).subject_id


def _import_all(services: Services) -> str:
    count = 0
    with reading(services.engine) as session:
        start = date.fromisoformat(installation.fact(session, f"{_FACT}_start") or _first_day(services).isoformat())
    for plan, whose in _subjects(services):
        today = local_day(services.clock.now(), zone_of(plan.home.zone))
        body = green_button_file(plan, start, today, services.clock.now())
        received = Received(body, "application/atom+xml", EvidenceClass.UPLOADED, document_name=f"{plan.meter}.xml")
        lines = Received(
            plan.lines(start, today), "application/x-ndjson", EvidenceClass.UPLOADED, document_name="What else we did.ndjson"
        )
        with unit_of_work(services.engine) as session:
            report = import_document(Work(session, services), whose, "green-button", received, place=plan.home)
            import_document(Work(session, services), whose, "activities", lines, place=plan.home)
        count += report.reading_count
    return f"{count:,} readings"


def green_button_file(plan: _Plan, start: date, end: date, updated_at: datetime) -> bytes:
    """A demo subject's meter readings as a Green Button file.

    Args:
        plan: Which subject.
        start: First local day.
        end: Local day after the last.
        updated_at: When the feed was made, aware.

    Returns:
        ESPI Atom, UTF-8.
    """
    profile = plan.profile(start, end)
    columns = (profile.interval_length_s, profile.starts_s)
    series = [_series(f"{plan.interval_title} energy delivered", Direction.DELIVERED, *columns, profile.delivered_wh)]
    if profile.exported_wh:
        series.append(_series(f"{plan.interval_title} energy exported", Direction.EXPORT, *columns, profile.exported_wh))
    clock = us_clock(zone_of(plan.home.zone), year=start.year)
    meter = Meter("RetailCustomer/1/UsagePoint/1", plan.meter, zone_of(plan.home.zone), clock, tuple(series))
    whole_seconds = updated_at.astimezone(UTC).replace(microsecond=0)
    return espi_document(
        [meter], title=plan.title, base_url="https://utility.example/espi/1_1/resource", updated_at=whole_seconds
    )


def _close_all(services: Services) -> str:
    """Close every complete month but the last one, which is left for the visitor."""
    closed_count = 0
    for plan, whose in _subjects(services):
        today = local_day(services.clock.now(), zone_of(plan.home.zone))
        last_left = Month(today.year, today.month).plus(-1)
        with reading(services.engine) as session:
            start = date.fromisoformat(installation.fact(session, f"{_FACT}_start") or "")
            rows = periods.of_subject(session, whose.tenant_id, whose.subject_id)
        known = {row.months.first for row in rows if row.state is PeriodState.CLOSED}
        month = Month(start.year, start.month)
        while month < last_left:
            if month not in known:
                with unit_of_work(services.engine) as session:
                    close_period(Work(session, services), whose, MonthRange.of_month(month))
                closed_count += 1
            month = month.plus(1)
    return f"{closed_count} months closed"


def _issue_all(hosting: Hosting) -> str:
    if hosting.worker is None or not hosting.worker.drain():
        raise ChainError("Not everything reached the chain", next_step="Look at /ready, and start again.")
    return "endorsed by the auditor, anchored or issued"


def _tell(hosting: Hosting, password: str) -> None:
    services = hosting.services
    with unit_of_work(services.engine) as session:
        account = accounts.by_id(session, hosting.welcome_tenant_id, hosting.welcome_account_id)
        key = make_api_key(Work(session, services), account, KeyMode.TEST, lifetime=_KEY_LIFETIME)
    _say(f"Or sign in as {LOGIN} with {password}")
    _say(f'API key: {key}\n  curl -H "Authorization: Bearer {key}" {hosting.origin}/v1/subjects')


def _subjects(services: Services) -> list[tuple[_Plan, Whose]]:
    with reading(services.engine) as session:
        account = accounts.by_login(session, LOGIN)
        rows = subjects.of_tenant_all(session, account.tenant_id) if account else ()
    by_name = {row.name: Whose(row.tenant_id, row.id) for row in rows}
    return [(plan, by_name[plan.name]) for plan in PLANS if plan.name in by_name]


def _first_day(services: Services) -> date:
    """The first day of the month twelve months ago."""
    now = services.clock.now()
    return Month(now.year, now.month).plus(-12).first_date()


def _series(
    title: str, direction: Direction, interval_length_s: int, starts_s: "array[int]", values: "array[int]"
) -> MeterSeries:
    return MeterSeries(
        title=title,
        kind="electricity",
        direction=direction,
        source_unit="Wh",
        power_of_ten=0,
        interval_length_s=interval_length_s,
        starts_s=starts_s,
        durations_s=[interval_length_s] * len(starts_s),
        values=values,
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
