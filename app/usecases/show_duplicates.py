"""The inbox of duplicates: both records of each pair as a person reads them, and what was decided."""

from zoneinfo import ZoneInfo

from app.services import Whose, Work
from app.store import connections, records, subjects
from app.usecases.find_duplicates import Duplicate, list_duplicates
from app.usecases.show_days import meter_zone
from app.usecases.show_hrefs import Hrefs
from connectors import registry
from dashboards.pages.duplicates import DuplicatesModel, Pair, PairSide, PairState
from domain.activity import ActivityKey
from domain.duplicates import Sighting
from domain.errors import NotFoundError

SHOWN_OPEN_COUNT = 50
"""Open pairs on the page; the next ones come as these are decided."""

SHOWN_DECIDED_COUNT = 50
"""Decided pairs on the page, newest first."""


def show_duplicates(work: Work, whose: Whose, *, can_change: bool = True) -> DuplicatesModel:
    """Everything that the inbox shows.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        can_change: Whether the person may decide.

    Returns:
        The page.

    Raises:
        NotFoundError: There is no such subject.
    """
    subject = subjects.by_id(work.session, whose.tenant_id, whose.subject_id)
    zone = meter_zone(work, subject)
    sources = source_names(work, whose)
    found = list_duplicates(work, whose)
    waiting = [one for one in found if one.row.decided_at is None]
    decided = sorted(
        (one for one in found if one.row.decided_at is not None),
        key=lambda one: one.row.decided_at or one.row.found_at,
        reverse=True,
    )
    return DuplicatesModel(
        subject_name=subject.name,
        open=tuple(_pair(work, whose, one, sources, zone) for one in waiting[:SHOWN_OPEN_COUNT]),
        open_count=len(waiting),
        decided=tuple(_pair(work, whose, one, sources, zone) for one in decided[:SHOWN_DECIDED_COUNT]),
        decided_count=len(decided),
        back_href=Hrefs(whose.subject_id).home,
        can_change=can_change,
    )


def source_names(work: Work, whose: Whose) -> dict[str, str]:
    """What each connection of a subject is called by a person, by its id.

    Args:
        work: The open transaction and the services.
        whose: The subject.

    Returns:
        The connection's title; of files, the name of what reads them.
    """
    titles = {one.manifest.connector_id: one.manifest.title for one in registry.connectors()}
    rows = connections.of_subject(work.session, whose.tenant_id, whose.subject_id)
    return {row.id: row.title or titles.get(row.connector, row.connector) for row in rows}


def source_of(work: Work, whose: Whose, record_id: str, seen: Sighting | None, sources: dict[str, str]) -> str:
    """Which account or file says a record; empty where it is gone.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        record_id: The record.
        seen: What it says; None where it does not count.
        sources: As `source_names` gave them.

    Returns:
        Its name for a person.
    """
    if seen is not None:
        return sources.get(seen.connection_id, "")
    try:
        place = records.place_of(work.session, whose.tenant_id, whose.subject_id, record_id)
    except NotFoundError:
        return ""
    return sources.get(place.connection_id, "")


def _pair(work: Work, whose: Whose, found: Duplicate, sources: dict[str, str], zone: ZoneInfo) -> Pair:
    row, keep, aside = found.row, found.keep, found.aside
    return Pair(
        duplicate_id=row.id,
        rule=row.rule,
        state=PairState(row.state),
        keep=_side(row.keep_record_id, keep, source_of(work, whose, row.keep_record_id, keep, sources)),
        aside=_side(row.aside_record_id, aside, source_of(work, whose, row.aside_record_id, aside, sources)),
        days_apart_count=abs((keep.start_date - aside.start_date).days) if keep and aside else 0,
        decided_at=row.decided_at.astimezone(zone) if row.decided_at else None,
        post_href=Hrefs(whose.subject_id).duplicate(row.id),
    )


def _side(record_id: str, seen: Sighting | None, source: str) -> PairSide:
    if seen is None:
        return PairSide(record_id, source)
    key = ActivityKey(seen.kind, "", seen.start_date.year, seen.unit, tuple(sorted(seen.attributes.items())))
    return PairSide(record_id, source, key, seen.quantity_micro, seen.start_date, seen.last_date, can_go=not seen.is_metered)
