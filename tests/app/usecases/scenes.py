"""Households with documents: real services in a folder, a clock that stands still, chance that repeats."""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from app.assemble import open_services
from app.clock import FixedClock, SeededRandomness
from app.demo.espi import Meter, MeterSeries, espi_document, us_clock
from app.demo.load_profile import LoadProfile, household_profile
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store.session import Engine, reading, unit_of_work
from app.store.statements import StatementRow
from app.store.subjects import SubjectKind
from app.usecases.close_period import close_period
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.enter_bill import BillInput, enter_bill
from app.usecases.import_document import import_document
from app.usecases.import_report import ImportReport
from app.usecases.keep_original import Received
from domain.activity import Direction, EvidenceClass
from domain.period import MonthRange
from domain.place import place_from_text

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime(2026, 3, 12, 20, tzinfo=UTC)

T = TypeVar("T")


@dataclass(frozen=True)
class Scene:
    """One subject in an installation of its own.

    Attributes:
        services: The installation.
        clock: Its clock.
        whose: The subject.
    """

    services: Services
    clock: FixedClock
    whose: Whose

    def look(self, show: Callable[[Work], T]) -> T:
        """What a page shows."""
        with reading(self.services.engine) as session:
            return show(Work(session, self.services))

    def change(self, do: Callable[[Work], T]) -> T:
        """What a use case does, committed."""
        with unit_of_work(self.services.engine) as session:
            return do(Work(session, self.services))

    def take_in(self, body: bytes, name: str = "") -> ImportReport:
        """Import a Green Button file."""
        received = Received(body, "text/xml", EvidenceClass.UPLOADED, document_name=name)
        return self.change(lambda work: import_document(work, self.whose, "green-button", received))

    def type_bill(self, first: str, last: str, kwh: str, *, utility: str = "Pacific Power", file: bytes = b"") -> ImportReport:
        """Type a bill, with a file attached where one is given."""
        attachment = Received(file, "application/pdf", EvidenceClass.UPLOADED) if file else None
        bill = BillInput(utility, first, last, kwh)
        return self.change(lambda work: enter_bill(work, self.whose, bill, place=None, attachment=attachment))

    def close(self, period: str, *, reason: str = "") -> StatementRow:
        """Close a period."""
        return self.change(lambda work: close_period(work, self.whose, MonthRange.from_text(period), reason=reason))


def make_scene(
    folder: Path,
    *,
    now: datetime = NOW,
    kind: SubjectKind = SubjectKind.HOUSEHOLD,
    name: str = "Rivera household",
    member_count: int = 3,
    chain_holder: str = "",
    engine: Engine | None = None,
) -> Scene:
    """A subject in San Francisco without any data; in another migrated database than the folder's where one is given."""
    clock = FixedClock(now)
    services = open_services(Settings(data_folder=folder), clock=clock, randomness=SeededRandomness("scenes"))
    services = replace(services, engine=engine) if engine else services
    new = NewSubject(kind, name, place_from_text("94110"), member_count=member_count, chain_holder=chain_holder)
    with unit_of_work(services.engine) as session:
        whose = create_subject(Work(session, services), new, owner_account_id="")
    return Scene(services, clock, whose)


def load(start: date, end: date, *, has_solar: bool = False) -> LoadProfile:
    """Hourly load of a household from one local day to another."""
    random = Random(7)  # noqa: S311 - the same load in every run
    return household_profile(random, start=start, end=end, zone=ZONE, has_solar=has_solar)


def document_of(
    profile: LoadProfile,
    *,
    without: Iterable[date] = (),
    only_exports: bool = False,
    updated_at: datetime = datetime(2026, 3, 11, tzinfo=UTC),
    change_wh: int = 0,
) -> bytes:
    """A Green Button file of a load, without some local days, with some Wh added to each delivered reading."""
    left_out = set(without)
    rows = [i for i, at_s in enumerate(profile.starts_s) if datetime.fromtimestamp(at_s, ZONE).date() not in left_out]
    starts_s = array("q", [profile.starts_s[i] for i in rows])
    durations_s = array("q", [profile.interval_length_s] * len(rows))

    def series(title: str, direction: Direction, values_wh: list[int]) -> MeterSeries:
        length_s = profile.interval_length_s
        return MeterSeries(title, "electricity", direction, "Wh", 0, length_s, starts_s, durations_s, values_wh)

    found = []
    if not only_exports:
        found.append(series("delivered", Direction.DELIVERED, [profile.delivered_wh[i] + change_wh for i in rows]))
    if profile.exported_wh:
        found.append(series("exported", Direction.EXPORT, [profile.exported_wh[i] for i in rows]))
    meter = Meter("RetailCustomer/1/UsagePoint/1", "Home", ZONE, us_clock(ZONE, year=2025), found)
    return espi_document([meter], title="Test", base_url="https://utility.example/espi/1_1/resource", updated_at=updated_at)
