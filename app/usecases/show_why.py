"""Why a number is what it is: lines with factor and steps, and the records and originals below them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.services import Whose, Work
from app.store import activities, documents, periods, records, resolutions, statements, subjects
from app.store.periods import PeriodRow
from app.store.statements import StatementRow
from app.usecases.bill_attachments import attachments_of
from app.usecases.import_report import names_of_documents
from app.usecases.show_days import first_and_last_day, meter_zone
from app.usecases.show_hrefs import Hrefs
from app.usecases.show_lines import apart_of, steps_of_today, traced_lines
from app.usecases.show_months import look_at_months
from dashboards.pages.why import DocumentLink, RecordRow, WhyModel
from domain.activity import Activity
from domain.canonical import from_canonical
from domain.errors import InputError
from domain.fields import Fields
from domain.period import MonthRange
from domain.record import activity_from_json
from domain.statement import Line

RECORDS_COUNT = 100
"""Records on one page of a trace."""

_LONGEST_CURSOR_COUNT = 9


@dataclass(frozen=True, slots=True)
class _Record:
    """An activity of a record, and where it comes from."""

    record_key: str
    revision: int
    document_sha256s: tuple[str, ...]
    activity: Activity


@dataclass(frozen=True, slots=True)
class _Page:
    """A part of the records."""

    items: tuple[_Record, ...]
    total_count: int
    next_cursor: str


def show_why(work: Work, whose: Whose, months: MonthRange, *, cursor: str = "") -> WhyModel:
    """The trace of a period's emissions.

    The lines are those of every page: a closed month says what its statement says. The records are those that are known now; of a
    closed period that changed since, those that its statement was computed from.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        months: The period.
        cursor: Where in the records to go on; empty for the beginning.

    Returns:
        The page.

    Raises:
        NotFoundError: There is no such subject.
        InputError: The cursor is not one of ours.
        LineOverflowError: A sum is 2^63 or more.
    """
    subject = subjects.by_id(work.session, whose.tenant_id, whose.subject_id)
    hrefs = Hrefs(subject.id)
    looks = look_at_months(work, whose, months)
    period = periods.by_months(work.session, whose.tenant_id, whose.subject_id, months)
    statement = statements.latest_of_period(work.session, whose.tenant_id, period.id) if period else None
    page = _records(work, whose, months, period, statement, cursor=cursor)
    links = _links(work, whose, page.items, is_erased=subject.erased_at is not None)
    zone = meter_zone(work, subject)
    rows = []
    for one in page.items:
        first, last = first_and_last_day(one.activity.start, one.activity.end, zone)
        rows.append(
            RecordRow(
                record_key=one.record_key,
                start_date=first,
                end_date=last,
                quantity_micro=one.activity.quantity_micro,
                unit=one.activity.key.unit,
                evidence=one.activity.evidence,
                revision=one.revision,
                documents=tuple(link for digest in one.document_sha256s for link in links[digest]),
                kind=one.activity.key.kind,
            )
        )
    lines = [line for look in looks.values() for line in look.shown.lines]
    factor_set = work.services.factor_set
    return WhyModel(
        period=months,
        lines=traced_lines(factor_set, lines, steps_of=lambda line: _steps(work, whose.tenant_id, line)),
        apart=apart_of(factor_set, lines),
        unscored=tuple(total for look in looks.values() for total in look.shown.unscored),
        records=tuple(rows),
        records_count=page.total_count,
        back_href=hrefs.home,
        more_href=hrefs.why(months, cursor=page.next_cursor) if page.next_cursor else "",
        statement_href=hrefs.statement(statement.id) if statement else "",
    )


def _steps(work: Work, tenant_id: str, line: Line) -> tuple[str, ...]:
    """Why this factor: by the factor set of today, or as it was kept when the month was closed under another one."""
    found = steps_of_today(work.services.factor_set, line)
    if found:
        return found
    kept = resolutions.of_line(work.session, tenant_id, line.key.key_id, str(line.basis), line.factor_id)
    return (*(kept.steps if kept else ()), "The factor set of today would choose another factor; the closed statement stands.")


def _records(
    work: Work, whose: Whose, months: MonthRange, period: PeriodRow | None, statement: StatementRow | None, *, cursor: str
) -> _Page:
    if period is not None and statement is not None and period.is_changed_since_close:
        signed = _signed_records(work, statement)
        if signed:
            return _part(signed, cursor)
    return _live_records(work, whose, months, cursor)


def _live_records(work: Work, whose: Whose, months: MonthRange, cursor: str) -> _Page:
    session, tenant_id = work.session, whose.tenant_id
    page = activities.page(session, tenant_id, whose.subject_id, cursor=cursor, limit_count=RECORDS_COUNT, months=months)
    trails = records.trails_of(session, tenant_id, [item.record_revision_id for item in page.items])
    items = tuple(_Record(item.record_key, *trails[item.record_revision_id], item.activity) for item in page.items)
    total_count = sum(total.activity_count for total in activities.totals(session, tenant_id, whose.subject_id, months))
    return _Page(items, total_count, page.next_cursor)


def _signed_records(work: Work, statement: StatementRow) -> list[_Record]:
    """The records of a statement's leaves, newest first; none where they were erased."""
    found = []
    for row in statements.inputs_of(work.session, statement.tenant_id, statement.id):
        if row.leaf is None:
            return []
        leaf = Fields(from_canonical(row.leaf, record="input"), "input")
        found += [
            _Record(leaf.text("record_key"), leaf.integer("revision"), leaf.texts("documents"), activity_from_json(value))
            for value in leaf.items("activities")
        ]
    return sorted(found, key=lambda one: (one.activity.start, one.record_key), reverse=True)


def _part(found: list[_Record], cursor: str) -> _Page:
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _LONGEST_CURSOR_COUNT):
        raise InputError("This is not a cursor of ours", expected="what the page before links to", got=cursor, record="cursor")
    begin = int(cursor or "0")
    end = begin + RECORDS_COUNT
    return _Page(tuple(found[begin:end]), len(found), str(end) if end < len(found) else "")


def _links(work: Work, whose: Whose, items: Iterable[_Record], *, is_erased: bool) -> Mapping[str, tuple[DocumentLink, ...]]:
    """Every original that these records name; a typed bill's attached file stands beside it."""
    digests = {digest for one in items for digest in one.document_sha256s}
    if is_erased:
        return {digest: (DocumentLink(digest),) for digest in digests}
    names = names_of_documents(work, whose, digests)
    kept = {row.sha256 for row in documents.of_subject(work.session, whose.tenant_id, whose.subject_id)}
    attached, hrefs = attachments_of(work, whose), Hrefs(whose.subject_id)
    found = {}
    for digest in digests:
        own = DocumentLink(digest, names.get(digest, ""), hrefs.original(digest) if digest in kept else "")
        file = attached.get(digest)
        found[digest] = (own, DocumentLink(file.sha256, "", hrefs.original(file.sha256))) if file else (own,)
    return found
