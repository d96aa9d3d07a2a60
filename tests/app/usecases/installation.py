"""What use-case tests are made of: an installation, its subjects, small Green Button documents, the whole path in one call."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from app.assemble import open_services
from app.chain import ChainDesk
from app.clock import FixedClock, SeededRandomness
from app.demo.espi import Meter, MeterSeries, espi_document, us_clock
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store import statements
from app.store.session import reading, unit_of_work
from app.store.statements import StatementRow
from app.store.subjects import SubjectKind
from app.usecases.close_period import close_period
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.endorse_statement import endorse_statement
from app.usecases.enter_bill import BillInput, enter_bill
from app.usecases.import_document import import_document
from app.usecases.import_report import ImportReport
from app.usecases.keep_original import Received
from app.usecases.send_outbox import send_outbox
from domain.activity import Direction, EvidenceClass
from domain.period import MonthRange, local_midnight
from domain.place import Place, place_from_text

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2025, 6, 15, 12, 0, tzinfo=UTC)
HOLDER = "0x" + "ab" * 20
HOUR_S = 3_600


@dataclass
class Installation:
    """A data folder with what is opened from it.

    Attributes:
        services: The parts of the installation.
        clock: Its time; tests move it.
    """

    services: Services
    clock: FixedClock

    @classmethod
    def open(cls, folder: Path, *, at: datetime = NOW) -> Self:
        """The installation in a folder, made where it is absent; its chance follows from the folder's content alone."""
        clock = FixedClock(at)
        folder.mkdir(parents=True, exist_ok=True)
        seed = f"usecases {sum(1 for _ in folder.rglob('*'))}"  # after a restart another one: nothing may be drawn twice
        return cls(open_services(Settings(data_folder=folder), clock=clock, randomness=SeededRandomness(seed)), clock)

    def close(self) -> None:
        """Let go of the database."""
        self.services.engine.dispose()

    def restarted(self) -> "Installation":
        """The same folder, opened anew."""
        self.close()
        return Installation.open(self.services.settings.data_folder, at=self.clock.now())

    @contextmanager
    def work(self) -> Iterator[Work]:
        """A transaction that is committed at the end."""
        with unit_of_work(self.services.engine) as session:
            yield Work(session, self.services)

    @contextmanager
    def looking(self) -> Iterator[Work]:
        """A transaction that only reads."""
        with reading(self.services.engine) as session:
            yield Work(session, self.services)

    def household(self, name: str = "Ada") -> Whose:
        """A household in New York, a tenant of its own."""
        new = NewSubject(SubjectKind.HOUSEHOLD, name, place_from_text("10001", zone="America/New_York"), member_count=3)
        with self.work() as work:
            return create_subject(work, new, owner_account_id="")

    def business(self) -> Whose:
        """A business in New York whose tokens go to an account."""
        home = place_from_text("10001", zone="America/New_York")
        with self.work() as work:
            return create_subject(work, NewSubject(SubjectKind.ENTITY, "Bakery", home, chain_holder=HOLDER), owner_account_id="")

    def take(self, whose: Whose, body: bytes, *, place: Place | None = None, connector: str = "green-button") -> ImportReport:
        """Import an uploaded document."""
        with self.work() as work:
            return import_document(work, whose, connector, Received(body, "text/xml", EvidenceClass.UPLOADED), place=place)

    def stay(self, whose: Whose, day: str = "2025-04-01") -> ImportReport:
        """Import a night in a hotel of a country that no publisher has a factor for: it stays unscored."""
        line = {"id": f"stay {day}", "kind": "hotel", "quantity": "1", "unit": "room_night", "start": day, "region": "MC"}
        return self.take(whose, json.dumps(line).encode(), connector="activities")

    def bill(self, whose: Whose, bill: BillInput, *, place: Place | None = None, file: bytes = b"") -> ImportReport:
        """Type a bill."""
        attachment = Received(file, "application/pdf", EvidenceClass.UPLOADED) if file else None
        with self.work() as work:
            return enter_bill(work, whose, bill, place=place, attachment=attachment)

    def close_months(self, whose: Whose, months: str, *, reason: str = "") -> StatementRow:
        """Close a period."""
        with self.work() as work:
            return close_period(work, whose, MonthRange.from_text(months), reason=reason)

    def statement(self, row: StatementRow) -> StatementRow:
        """A statement as it stands now."""
        with self.looking() as work:
            return statements.by_id(work.session, row.tenant_id, row.id)

    def issue(self, desk: ChainDesk, row: StatementRow) -> StatementRow:
        """Endorse a statement and bring it to the chain."""
        endorse_statement(self.services, desk, row.tenant_id, row.id)
        send_outbox(self.services, desk)
        return self.statement(row)


def hours(first: date, last: date, *, zone: ZoneInfo = NEW_YORK) -> list[int]:
    """Begins of every hour from a first to a last local day, both in, seconds since 1970."""
    start, end = local_midnight(first, zone), local_midnight(last + timedelta(days=1), zone)
    return list(range(int(start.timestamp()), int(end.timestamp()), HOUR_S))


def series(
    starts_s: Sequence[int],
    values: Iterable[int],
    *,
    direction: Direction = Direction.DELIVERED,
    length_s: int = HOUR_S,
    kind: str = "electricity",
    source_unit: str = "Wh",
    qualities: Sequence[int] = (),
) -> MeterSeries:
    """One series; Wh of delivered electricity unless said otherwise."""
    return MeterSeries(
        title=f"{kind} {direction}",
        kind=kind,
        direction=direction,
        source_unit=source_unit,
        power_of_ten=0,
        interval_length_s=length_s,
        starts_s=starts_s,
        durations_s=[length_s] * len(starts_s),
        values=list(values),
        qualities=qualities,
    )


def document(*parts: MeterSeries, updated_at: datetime = datetime(2025, 6, 1, tzinfo=UTC), zone: ZoneInfo = NEW_YORK) -> bytes:
    """A Green Button document of one meter."""
    meter = Meter("RetailCustomer/1/UsagePoint/1", "Main meter", zone, us_clock(zone, year=2025), parts)
    return espi_document([meter], title="Usage", base_url="https://utility.example/espi", updated_at=updated_at)


def steady(first: date, last: date, *, watt_hours: int = 500, updated_at: datetime = datetime(2025, 6, 1, tzinfo=UTC)) -> bytes:
    """A document with the same reading in every hour from a first to a last local day."""
    starts_s = hours(first, last)
    return document(series(starts_s, [watt_hours] * len(starts_s)), updated_at=updated_at)
