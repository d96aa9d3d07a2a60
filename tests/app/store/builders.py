"""Values that store tests are made of."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from app.store import connections, documents, subjects
from app.store.documents import DocumentRow
from app.store.records import RecordInput
from app.store.session import Engine, Session, unit_of_work
from app.store.subjects import SubjectKind, SubjectRow
from domain.activity import Activity, EvidenceClass, Profile, Quality, activity_key
from domain.period import Month, day_period
from domain.units import Dimension

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ZONE = ZoneInfo("America/Los_Angeles")


@dataclass(frozen=True)
class Home:
    """A household with a file connection.

    Attributes:
        tenant_id: Its tenant: itself.
        subject_id: Its id.
        connection_id: Its file connection.
    """

    tenant_id: str
    subject_id: str
    connection_id: str


def make_home(engine: Engine, name: str) -> Home:
    """A household of this name, as a tenant of its own."""
    with unit_of_work(engine) as session:
        subjects.add(
            session,
            SubjectRow(
                id=name,
                tenant_id=name,
                kind=SubjectKind.HOUSEHOLD,
                name=f"Family {name}",
                country="US",
                region="US/zip/94110",
                zone="America/Los_Angeles",
                currency="USD",
                member_count=3,
                chain_holder="",
                created_at=NOW,
            ),
        )
        connections.standing_file(session, name, name, "green_button", connection_id=f"{name}-files", now=NOW)
    return Home(name, name, f"{name}-files")


def make_document(session: Session, home: Home, sha256: str = "aa" * 32) -> DocumentRow:
    """A stored document of a household."""
    row = DocumentRow(
        id=f"{home.subject_id}-{sha256[:4]}",
        tenant_id=home.tenant_id,
        subject_id=home.subject_id,
        connector="green_button",
        sha256=sha256,
        stored_sha256="5e" * 32,
        size_bytes=1234,
        media_type="application/atom+xml",
        evidence=EvidenceClass.UPLOADED,
        backend="local",
        received_at=NOW,
    )
    return documents.add(session, row)


def meter_day(
    day: date, values_kwh: tuple[int, ...], *, kind: str = "electricity", evidence: EvidenceClass = EvidenceClass.UPLOADED
) -> Activity:
    """The activity of a local day, with hourly values in whole kWh."""
    period = day_period(day, ZONE)
    quantities = tuple(value * 1_000_000 for value in values_kwh)
    count = len(quantities)
    profile = Profile(tuple(range(0, count * 3600, 3600)), (3600,) * count, quantities)
    key = activity_key(kind, "US/zip/94110", day.year, Dimension.ENERGY)
    month = Month(day.year, day.month)
    return Activity(key, period.start, period.end, month, sum(quantities), Quality.MEASURED, evidence, profile)


def bill(first: date, end: date, quantity_micro: int, *, region: str = "US/zip/94110") -> Activity:
    """The activity of a bill from one local midnight to another, labelled with its first month."""
    key = activity_key("electricity", region, first.year, Dimension.ENERGY, utility="14328")
    span = (day_period(first, ZONE).start, day_period(end, ZONE).start)
    return Activity(key, *span, Month(first.year, first.month), quantity_micro, Quality.ESTIMATED, EvidenceClass.TYPED)


def record(record_key: str, *activities: Activity, documents: tuple[str, ...] = ()) -> RecordInput:
    """What a source says about one thing."""
    return RecordInput("green_button", "1", record_key, "meter 7", documents, activities)
