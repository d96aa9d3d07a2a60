"""The demo: a household and a small business with two years of data, closed months, and a chain to show them on.

Everything goes through the real path: both are connected to the demo's providers (`app.demo.providers`) by OAuth and consent, and
what those serve is pulled, archived, read and stored like anybody's; flights count with what a simulated flight model answers. A
second start continues where the first one was: the same consents, the same curves, up to yesterday.
"""

import json
import os
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

from app.assemble import passphrase_of
from app.chain import load_key
from app.clock import Clock, Randomness, SystemClock, SystemRandomness
from app.demo.activities import ECONOMY_G, business_lines, household_lines
from app.demo.load_profile import LoadProfile, business_profile, household_profile
from app.demo.providers.bank import Bank
from app.demo.providers.rows import (
    BANK,
    CLIENT_ID,
    CONNECTOR_OF,
    FLIGHT_MODEL,
    FLIGHT_MODEL_KEY,
    SIMULATOR_OF,
    TRAVEL,
    UTILITY,
    WITH_CONSENT,
    our_registration,
    rows_of,
)
from app.demo.providers.server import DemoProviders
from app.demo.providers.travel import Travel
from app.demo.providers.utility import Customer, Utility
from app.demo.providers.visitor import allow
from app.demo.simulators.travel_impact import TravelImpact
from app.hosting import Hosting
from app.security.api_keys import KeyMode
from app.security.outbound import outbound_of
from app.security.passwords import Passwords
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store import accounts, connections, periods, subjects
from app.store.connections import ConnectionRow, ConnectionState
from app.store.periods import PeriodState
from app.store.session import reading, unit_of_work
from app.store.subjects import SubjectKind
from app.usecases.close_period import close_period
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.demo_data import note_demo_subjects
from app.usecases.find_duplicates import find_duplicates
from app.usecases.finish_connection import finish_connection
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from app.usecases.redirects import CALLBACK_PATH, own_redirect_uri
from app.usecases.register_provider import find_provider, register_provider
from app.usecases.sign_in import NewAccount, create_account, make_api_key
from app.usecases.start_connection import KEY_ANSWER, ask_provider, start_connection
from app.usecases.sync_connection import sync_connection
from app.web import serve
from connectors import registry
from domain.activity import EvidenceClass
from domain.errors import ChainError, ConflictError, TryLaterError
from domain.period import Month, MonthRange, local_day, zone_of
from domain.place import Place, place_from_text
from ledger.signing import RelayerKey

LOGIN = "demo"
"""Login of the demo's visitor."""

SEED = 20260101
"""Seed of the load curves."""

_KEY_LIFETIME = timedelta(days=7)
_MONTHS_COUNT = 24
_MOST_TURNS_COUNT = 100
_LONGEST_WAIT_S = 5.0
_FOLDER = "demo-providers"
_STATE_FILE = "demo-providers.json"
_FUEL_DAY_INDEX = 15
"""Of the month that is left for the visitor: petrol is paid by card, and the drives of that week are told too: one to decide."""

_CONNECTED_KINDS = frozenset({"flight", "rail"})


@dataclass(frozen=True, slots=True)
class _Plan:
    """One demo subject, and which providers it is connected to."""

    account_id: str
    name: str
    kind: SubjectKind
    home: Place
    member_count: int
    meter: str
    profile: Callable[[date, date], LoadProfile]
    interval_title: str
    lines: Callable[[date, date], bytes]
    providers: tuple[str, ...]


_HOME = place_from_text("94110", zone="America/Los_Angeles")
_OFFICE = place_from_text("10011", zone="America/New_York")
PLANS = (
    _Plan(
        account_id="household",
        name="The Rivera household",
        kind=SubjectKind.HOUSEHOLD,
        home=_HOME,
        member_count=3,
        meter="Home meter 4207",
        profile=lambda start, end: household_profile(Random(SEED), start=start, end=end, zone=zone_of(_HOME.zone)),
        interval_title="Hourly",
        lines=household_lines,
        providers=(UTILITY, BANK, TRAVEL, FLIGHT_MODEL),  # the model is asked about flights that are there
    ),
    _Plan(
        account_id="studio",
        name="Pier 9 Design Studio",
        kind=SubjectKind.ENTITY,
        home=_OFFICE,
        member_count=1,
        meter="Studio meter 88",
        profile=lambda start, end: business_profile(Random(SEED + 1), start=start, end=end, zone=zone_of(_OFFICE.zone)),
        interval_title="Quarter-hourly",
        lines=business_lines,
        providers=(UTILITY,),
    ),
)
"""Who is in the demo."""


@dataclass(frozen=True, slots=True)
class World:
    """What the demo connects to.

    Attributes:
        providers: The simulators, listening.
        start: First day that they know of.
        settings: The demo's, which allow the providers' addresses.
        is_new: Whether nothing was kept of an earlier start.
    """

    providers: DemoProviders
    start: date
    settings: Settings
    is_new: bool

    def keep(self) -> None:
        """Note first day and ports for the next start."""
        kept = {"start": self.start.isoformat(), "ports": self.providers.ports}
        path = _state_path(self.settings)
        path.touch(mode=0o600)
        path.write_text(json.dumps(kept), "utf-8")


def _state_path(settings: Settings) -> Path:
    return settings.data_folder.absolute() / _STATE_FILE


@contextmanager
def open_world(settings: Settings, clock: Clock, randomness: Randomness) -> Iterator[World]:
    """The demo's providers, up for as long as this lasts; the data folder keeps what they remember.

    Args:
        settings: Checked settings.
        clock: Tells the providers the time.
        randomness: Makes their tokens.

    Yields:
        The world.

    Raises:
        SettingsError: Not in production.
    """
    folder = settings.data_folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = _state_path(settings)
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    start = date.fromisoformat(kept.get("start") or _first_day(clock.now()).isoformat())
    simulators = _simulators(start, clock, randomness)
    with DemoProviders(simulators, ports=kept.get("ports"), folder=folder / _FOLDER) as providers:
        registry.set_local_providers(rows_of(providers))
        origins = (*settings.allowed_local_origins, *providers.origins.values())
        try:
            allowing = settings.model_copy(update={"allowed_local_origins": origins}).check()
            yield World(providers, start, allowing, is_new=not kept)
        finally:
            registry.set_local_providers({})


def _simulators(start: date, clock: Clock, randomness: Randomness) -> tuple[Utility, Bank, Travel, TravelImpact]:
    customers = [
        Customer(
            account_id=plan.account_id,
            title=plan.name,
            meter=plan.meter,
            zone=zone_of(plan.home.zone),
            start=start,
            profile=plan.profile,
            interval_title=plan.interval_title,
        )
        for plan in PLANS
    ]
    utility = Utility(customers=customers, clock=clock, randomness=randomness)
    utility.quirks.has_relative_addresses = True  # a later start may find its port taken
    person = PLANS[0].name
    left_open = Month(start.year, start.month).plus(_MONTHS_COUNT - 1)
    fuel_date = left_open.first_date() + timedelta(days=_FUEL_DAY_INDEX)
    return (
        utility,
        Bank(
            lines=household_lines,
            start=start,
            clock=clock,
            randomness=randomness,
            fuel_dates=(fuel_date,),
            customer=person,
        ),
        Travel(lines=household_lines, start=start, clock=clock, randomness=randomness, traveller=person),
        TravelImpact(FLIGHT_MODEL_KEY, ECONOMY_G, dated="simulated"),
    )


def run_demo(settings: Settings, *, opens_browser: bool = True) -> None:
    """Start the demo and serve it until it is stopped.

    Args:
        settings: Checked settings; the data folder holds everything that the demo writes.
        opens_browser: Whether a browser is opened, where this machine has a screen.

    Raises:
        ConflictError: The address cannot be listened on.
        SettingsError: Not in production.
    """

    def listening(hosting: Hosting) -> None:
        _announce(hosting)
        address = hosting.welcome_link
        _say(f"Climate Fitness demo: {address}")
        if opens_browser and sys.stdout.isatty() and (os.environ.get("DISPLAY") or sys.platform == "darwin"):
            webbrowser.open(address)

    with open_world(settings, SystemClock(), SystemRandomness()) as world:
        serve(world.settings, prepare=partial(prepare_demo, world=world), on_listening=listening)


def prepare_demo(hosting: Hosting, *, world: World) -> None:
    """Make the demo's account, subjects, connections and closed months, as far as they are not there yet.

    Args:
        hosting: The serving process; its chain is open.
        world: What it connects to.

    Raises:
        ChainError: Not everything reached the chain.
        ConflictError: The folder was made by an earlier version.
    """
    services = hosting.services
    _announce(hosting)
    password = services.randomness.token()[:12]
    hosting.run_task("account", lambda: _make_people(hosting, world, password))
    hosting.run_task("readings", lambda: _connect_all(hosting, world))
    hosting.run_task("months", lambda: _close_all(services, world.start))
    hosting.run_task("chain_work", lambda: _issue_all(hosting))
    _tell(hosting, password)


def _announce(hosting: Hosting) -> None:
    """Let the progress page show what is to come, from its first second."""
    for name in ("account", "readings", "months", "chain_work"):
        hosting.task(name)


def _make_people(hosting: Hosting, world: World, password: str) -> str:
    """The visitor's account and the two subjects; a fresh password at each start.

    Raises:
        ConflictError: An earlier version made this folder: its meters were read from files, and would count twice.
    """
    services = hosting.services
    with unit_of_work(services.engine) as session:
        work = Work(session, services)
        account = accounts.by_login(session, LOGIN)
        if account is None:
            tenant_id = services.randomness.id()
            account = create_account(work, NewAccount(LOGIN, "Demo visitor", password, tenant_id))
            made = [_make_subject(work, plan, account.id, tenant_id) for plan in PLANS]
            note_demo_subjects(session, made)
        elif world.is_new:
            raise ConflictError(
                "This demo was made by an earlier version",
                expected="a folder of this version",
                got=str(services.settings.data_folder),
                next_step="Delete the folder, or start the demo in another one with --data-folder.",
            )
        else:
            hashed = Passwords(services.randomness.bytes).hash(password)
            accounts.set_password_hash(session, account.tenant_id, account.id, hashed)
    hosting.welcome_tenant_id, hosting.welcome_account_id = account.tenant_id, account.id
    world.keep()
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


def _connect_all(hosting: Hosting, world: World) -> str:
    """Connect what is not connected, pull everything, and take in what no provider serves."""
    services = hosting.services
    redirect_uri = hosting.origin + CALLBACK_PATH
    secret = services.randomness.token()
    for provider in WITH_CONSENT:
        simulator = world.providers.simulators[SIMULATOR_OF[provider]]
        assert isinstance(simulator, Utility | Bank | Travel)  # noqa: S101 - as `_simulators` made them
        _, asked = find_provider(CONNECTOR_OF[provider], provider)
        simulator.register(our_registration(secret, (own_redirect_uri(redirect_uri, asked),)))
        register_provider(services, provider, CLIENT_ID, secret)
    documents_count = records_count = 0
    for plan, whose in _subjects(services):
        known = _connections_of(services, whose)
        for provider in plan.providers:
            row = known.get(provider) or _connect(hosting, plan, whose, provider, redirect_uri)
            if row.state is ConnectionState.ACTIVE:
                documents, records = _pull(services, row)
                documents_count += documents
                records_count += records
        today = local_day(services.clock.now(), zone_of(plan.home.zone))
        lines = _not_connected(plan, plan.lines(world.start, today))
        received = Received(lines, "application/x-ndjson", EvidenceClass.UPLOADED, document_name="What else we did.ndjson")
        with unit_of_work(services.engine) as session:
            work = Work(session, services)
            report = import_document(work, whose, "activities", received, place=plan.home)
            find_duplicates(work, whose, report.months)
    return f"{documents_count:,} documents, {records_count:,} new records"


def _connections_of(services: Services, whose: Whose) -> dict[str, ConnectionRow]:
    """The subject's connections by their provider; of several with one provider, the one that was made last."""
    with reading(services.engine) as session:
        rows = connections.of_subject(session, whose.tenant_id, whose.subject_id)
    return {row.provider: row for row in rows if not row.is_file}


def _connect(hosting: Hosting, plan: _Plan, whose: Whose, provider: str, redirect_uri: str) -> ConnectionRow:
    """A connection by the real flow; the consent page is answered as the subject would answer it, or the key is given."""
    services, connector = hosting.services, CONNECTOR_OF[provider]
    answers = {KEY_ANSWER: FLIGHT_MODEL_KEY} if provider == FLIGHT_MODEL else {}
    asked = ask_provider(services, whose, connector, provider, answers, redirect_uri=redirect_uri)
    with unit_of_work(services.engine) as session:
        started = start_connection(
            Work(session, services),
            hosting.welcome_account_id,
            whose,
            connector,
            provider,
            answers,
            redirect_uri=redirect_uri,
            asked=asked,
        )
    if started.connection_id:
        with reading(services.engine) as session:
            return connections.by_id(session, whose.tenant_id, started.connection_id)
    account = plan.account_id if provider == UTILITY else ""
    answer = allow(outbound_of(services.settings).send, started.redirect_url, account=account)
    _, row = find_provider(connector, provider)
    came_to = own_redirect_uri("", row).removeprefix("/")
    return finish_connection(services, answer, came_to=came_to, session_sha256=b"")


def _pull(services: Services, row: ConnectionRow) -> tuple[int, int]:
    """Sync a connection to its end; documents and new records. What is not ready is the worker's, later.

    Raises:
        TryLaterError: It does not come to an end.
    """
    documents_count = records_count = 0
    for _ in range(_MOST_TURNS_COUNT):
        try:
            report = sync_connection(services, row.tenant_id, row.id)
        except TryLaterError as error:
            if error.wait_s > _LONGEST_WAIT_S:
                return documents_count, records_count
            continue
        return documents_count + report.documents_count, records_count + report.new_count
    raise TryLaterError("The demo's history has no end", record=row.provider)


def _not_connected(plan: _Plan, lines: bytes) -> bytes:
    """Lines that none of the plan's providers serves: nothing is counted twice."""

    def is_served(said: dict[str, str]) -> bool:
        is_trip = TRAVEL in plan.providers and said["kind"] in _CONNECTED_KINDS
        return is_trip or (BANK in plan.providers and said["kind"] == "purchase")

    return b"".join(line + b"\n" for line in lines.splitlines() if not is_served(json.loads(line)))


def _close_all(services: Services, start: date) -> str:
    """Close every complete month but the last one, which is left for the visitor."""
    closed_count = 0
    for plan, whose in _subjects(services):
        today = local_day(services.clock.now(), zone_of(plan.home.zone))
        last_left = Month(today.year, today.month).plus(-1)
        with reading(services.engine) as session:
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


def _first_day(now: datetime) -> date:
    """The first day of the month two years ago."""
    return Month(now.year, now.month).plus(-_MONTHS_COUNT).first_date()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
