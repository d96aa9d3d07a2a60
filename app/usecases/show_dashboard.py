"""The dashboard of one subject: the last 12 complete months and the running one, as they are known now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from app.services import Whose, Work
from app.store import activities, connections, documents, imports, subjects
from app.store.connections import ConnectionState
from app.store.subjects import SubjectKind as StoredKind
from app.store.subjects import SubjectRow
from app.usecases.bill_attachments import attachments_of
from app.usecases.demo_data import is_demo_subject
from app.usecases.import_report import name_of
from app.usecases.show_days import hour_grid, measured_days, meter_zone
from app.usecases.show_hrefs import NEW_SUBJECT_HREF, Hrefs, proof_href
from app.usecases.show_months import ELECTRICITY, ELECTRICITY_EXPORT, MonthLook, look_at_months
from connectors import registry
from connectors.green_button import GREEN_BUTTON
from connectors.typed_bill import TYPED_BILL
from dashboards.pages.dashboard import (
    AccountSync,
    Connect,
    DashboardModel,
    ImportRow,
    MonthRow,
    MonthState,
    Proofs,
    RingNow,
    Score,
    SubjectKind,
    ThisMonth,
    YearTotal,
)
from dashboards.svg.heat import HourGrid
from dashboards.svg.months import MonthPoint
from domain.factor import Basis
from domain.kinds import FOOD_AND_THINGS, HOME, TRAVEL
from domain.period import Month, MonthRange, local_midnight
from scoring.certificates import CERTIFICATE_KIND
from scoring.fitness import SCORE_VERSION, FitnessScore, fitness_score, national_average
from scoring.net import MILLION_PPM, evidence_ppm
from scoring.retirements import CREDIT_KIND

YEAR_MONTHS_COUNT = 12
"""Complete months that the page sums up."""

_IMPORTS_COUNT = 5
_BYTES_PER_MB = 1024 * 1024
_KINDS = (ELECTRICITY, ELECTRICITY_EXPORT)
_CLAIMS = (CERTIFICATE_KIND, CREDIT_KIND)
"""Kinds that measure nothing: a month that has no other is not measured."""

_ZIP_PREFIX = "US/zip/"
_COUNTRY_LENGTH = 2


def show_dashboard(work: Work, whose: Whose) -> DashboardModel:
    """Everything that the page of one subject shows.

    Where nothing was measured in the last 12 complete months but earlier, the 12 months up to the last measured one are shown.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.

    Returns:
        The page. What was not measured is None, never zero.

    Raises:
        NotFoundError: There is no such subject.
        LineOverflowError: A sum is 2^63 or more.
    """
    subject = subjects.by_id(work.session, whose.tenant_id, whose.subject_id)
    look = _look(work, subject)
    rows = tuple(_month_row(look, month) for month in look.shown_months)
    imported = _imports(work, subject, look.zone)
    return DashboardModel(
        subject_name=subject.name,
        subject_kind=_kind_of(subject),
        year=look.year,
        score=_score(work, subject, look),
        gross=_year_total(look, [look.gross_ug_co2e(month) for month in look.year.months()]),
        net=_year_total(look, [look.net_ug_co2e(month) for month in look.year.months()]),
        year_kwh_micro=_sum(look.delivered_micro(month) for month in look.year.months()),
        year_months_measured_count=len(look.measured_months()),
        this_month=_this_month(look) if look.has_data else None,
        proofs=_proofs(work, subject, look, imported),
        months=rows,
        hours=_hours(work, subject, look),
        imports=imported,
        connect=_connect(work, subject),
        figures_href=look.hrefs.figures,
        is_recent=look.has_running,
        is_electricity_alone=look.is_electricity_alone,
        home=_ring_now(look, HOME),
        travel=_ring_now(look, TRAVEL),
        food=_ring_now(look, FOOD_AND_THINGS),
    )


@dataclass(frozen=True)
class _Look:
    """What was read for the page.

    Attributes:
        hrefs: Addresses.
        zone: Time zone of the page.
        today: Local day.
        year: The 12 months that are summed up.
        has_running: Whether the running month follows them.
        has_data: Whether anything was ever measured.
        months: Numbers of the months, those of the year before, too.
        days: Measured days by month.
    """

    hrefs: Hrefs
    zone: ZoneInfo
    today: date
    year: MonthRange
    has_running: bool
    has_data: bool
    months: Mapping[Month, MonthLook]
    days: Mapping[Month, set[date]]

    @property
    def running(self) -> Month:
        return Month(self.today.year, self.today.month)

    @property
    def shown(self) -> MonthRange:
        """The year, and the running month where it follows."""
        return MonthRange(self.year.first, self.running.plus(1)) if self.has_running else self.year

    @property
    def shown_months(self) -> tuple[Month, ...]:
        return tuple(self.shown.months())

    def delivered_micro(self, month: Month) -> int | None:
        return self.months[month].shown.quantity_micro(ELECTRICITY) if month in self.months else None

    def exported_micro(self, month: Month) -> int | None:
        return self.months[month].shown.quantity_micro(ELECTRICITY_EXPORT) if month in self.months else None

    def gross_ug_co2e(self, month: Month) -> int | None:
        return self.months[month].shown.gross_ug_co2e(Basis.LOCATION) if month in self.months else None

    def net_ug_co2e(self, month: Month) -> int | None:
        """Market-based gross less what was retired."""
        found = self.months.get(month)
        gross = found.shown.gross_ug_co2e(Basis.MARKET) if found else None
        return None if found is None or gross is None else gross - found.retired_ug_co2e

    def ring_ug_co2e(self, month: Month, ring: str) -> int | None:
        """Emissions of a ring, location based."""
        return self.months[month].shown.ring_ug_co2e(ring) if month in self.months else None

    @property
    def is_electricity_alone(self) -> bool:
        """Whether nothing but electricity is known in the months shown."""
        found = [self.months[month].shown for month in self.shown_months if month in self.months]
        kinds = {line.key.kind for amounts in found for line in amounts.lines}
        kinds |= {total.key.kind for amounts in found for total in amounts.unscored}
        return kinds <= {*_KINDS, CERTIFICATE_KIND}

    def measured_months(self) -> list[Month]:
        """Months of the year with emissions."""
        return [month for month in self.year.months() if self.gross_ug_co2e(month) is not None]

    def passed_days_count(self, month: Month) -> int:
        """Days of a month that are over."""
        last = min(self.today, month.plus(1).first_date())
        return max((last - month.first_date()).days, 0)

    def measured_days_count(self, month: Month) -> int:
        """Days of a month that are over and have readings."""
        return sum(day < self.today for day in self.days.get(month, ()))


def _look(work: Work, subject: SubjectRow) -> _Look:
    session, whose = work.session, Whose(subject.tenant_id, subject.id)
    zone = meter_zone(work, subject)
    today = work.services.clock.now().astimezone(zone).date()
    running = Month(today.year, today.month)
    measured = activities.months_of(session, subject.tenant_id, subject.id, besides=_CLAIMS)
    year, has_running = _year_of(running, measured)
    span = MonthRange(year.first, running.plus(1) if has_running else year.end)
    sums = activities.daily_sums(session, subject.tenant_id, subject.id, span)
    before = MonthRange(year.first.plus(-YEAR_MONTHS_COUNT), span.end)
    return _Look(
        hrefs=Hrefs(subject.id),
        zone=zone,
        today=today,
        year=year,
        has_running=has_running,
        has_data=bool(measured),
        months=look_at_months(work, whose, before if any(month < year.first for month in measured) else span),
        days=measured_days(sums, _KINDS, zone),
    )


def _year_of(running: Month, measured: tuple[Month, ...]) -> tuple[MonthRange, bool]:
    """The 12 months to sum up, and whether the running one follows them."""
    year = MonthRange(running.plus(-YEAR_MONTHS_COUNT), running)
    if not measured or measured[-1] >= year.first:
        return year, True
    end = measured[-1].plus(1)
    return MonthRange(end.plus(-YEAR_MONTHS_COUNT), end), False


def _kind_of(subject: SubjectRow) -> SubjectKind:
    is_home = subject.kind in {StoredKind.PERSON, StoredKind.HOUSEHOLD}
    return SubjectKind.HOUSEHOLD if is_home else SubjectKind.BUSINESS


def _sum(amounts: Iterable[int | None]) -> int | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


# The score.


def _score(work: Work, subject: SubjectRow, look: _Look) -> Score:
    measured = look.measured_months() if look.has_running else []
    if not measured or _kind_of(subject) is SubjectKind.BUSINESS:  # a business has its own path, which needs a base year
        return Score(None, 0, 0, 0, None, SCORE_VERSION, is_provisional=True)
    now = _fitness(work, subject, look, measured)
    points = round(now.score_points)
    return Score(
        points=points,
        low_points=points if now.low_points is None else round(now.low_points),
        high_points=points if now.high_points is None else round(now.high_points),
        measured_ppm=round(now.measured_ratio * MILLION_PPM),
        momentum_points=_momentum(work, subject, look, measured, points),
        version=now.version,
        is_provisional=now.is_provisional,
    )


def _momentum(work: Work, subject: SubjectRow, look: _Look, measured: list[Month], points: int) -> int | None:
    """Points against the same months a year before; None unless all of them were measured."""
    before = [month.plus(-YEAR_MONTHS_COUNT) for month in measured]
    if any(look.gross_ug_co2e(month) is None for month in before):
        return None
    return points - round(_fitness(work, subject, look, before).score_points)


def _fitness(work: Work, subject: SubjectRow, look: _Look, months: list[Month]) -> FitnessScore:
    return fitness_score(
        _sum(look.gross_ug_co2e(month) for month in months) or 0,
        average=national_average(work.services.factor_set, subject.region),
        persons_count=subject.member_count,
    )


# Totals and the running month.


def _year_total(look: _Look, by_month: list[int | None]) -> YearTotal:
    amount = _sum(by_month)
    return YearTotal(amount, look.hrefs.why(look.year) if amount is not None else "", tuple(by_month))


def _this_month(look: _Look) -> ThisMonth:
    month = look.running
    year_ago = month.plus(-YEAR_MONTHS_COUNT)
    is_whole = look.measured_days_count(year_ago) == year_ago.days_count()
    return ThisMonth(
        month=month,
        used_micro=look.delivered_micro(month),
        gross_ug_co2e=look.gross_ug_co2e(month),
        reference_micro=look.delivered_micro(year_ago) if is_whole else None,
        days_measured_count=look.measured_days_count(month),
        days_passed_count=look.passed_days_count(month),
        days_count=month.days_count(),
        trace_href=look.hrefs.why(MonthRange.of_month(month)),
    )


def _ring_now(look: _Look, ring: str) -> RingNow:
    return RingNow(
        year_ug_co2e=_sum(look.ring_ug_co2e(month, ring) for month in look.shown_months),
        month_ug_co2e=look.ring_ug_co2e(look.running, ring),
        reference_ug_co2e=look.ring_ug_co2e(look.running.plus(-YEAR_MONTHS_COUNT), ring),
    )


# Months.


def _month_row(look: _Look, month: Month) -> MonthRow:
    found, hrefs, one = look.months.get(month), look.hrefs, MonthRange.of_month(month)
    point = MonthPoint(
        month=month,
        delivered_micro=look.delivered_micro(month),
        exported_micro=look.exported_micro(month),
        gross_ug_co2e=look.gross_ug_co2e(month),
        avoided_ug_co2e=found.shown.avoided_ug_co2e() if found else None,
        days_measured_count=look.measured_days_count(month),
        days_expected_count=look.passed_days_count(month),
        rings_ug_co2e=(
            look.ring_ug_co2e(month, HOME),
            look.ring_ug_co2e(month, TRAVEL),
            look.ring_ug_co2e(month, FOOD_AND_THINGS),
        ),
        unscored_count=len(found.shown.unscored) if found else 0,
    )
    if found is None:
        return MonthRow(point, MonthState.OPEN)
    period = found.period.months if found.period else one
    statement = found.statement
    can_close = found.state in {MonthState.OPEN, MonthState.CHANGED, MonthState.REVOKED} and period.end.first_date() <= look.today
    return MonthRow(
        point=point,
        state=found.state,
        activities_href=hrefs.activities(one),
        why_href=hrefs.why(one),
        close_href=hrefs.close(period) if can_close else "",
        statement_href=hrefs.statement(statement.id) if statement else "",
        proof_href=proof_href(statement.public_token) if statement and found.is_on_chain else "",
        bundle_href=hrefs.bundle(statement.id) if statement and found.is_on_chain else "",
        findings_count=found.findings_count,
        changed_ug_co2e=found.changed_ug_co2e if found.state is MonthState.CHANGED else 0,
        revision=statement.revision if statement else 0,
    )


def _hours(work: Work, subject: SubjectRow, look: _Look) -> HourGrid | None:
    start, end = (local_midnight(month.first_date(), look.zone) for month in (look.shown.first, look.shown.end))
    profiles = activities.profiles(work.session, subject.tenant_id, subject.id, start=start, end=end, kinds=[ELECTRICITY])
    return hour_grid(profiles, look.zone)


# Proofs, imports, ways in.


def _proofs(work: Work, subject: SubjectRow, look: _Look, imported: tuple[ImportRow, ...]) -> Proofs:
    attached = {} if subject.erased_at else attachments_of(work, Whose(subject.tenant_id, subject.id))
    records_count, backed_count = documents.originals_count(
        work.session, subject.tenant_id, subject.id, look.shown, attached_sha256s=tuple(attached)
    )
    measured = [found for month, found in look.months.items() if look.year.holds(month) and found.shown.lines]
    lines = [line for found in measured for line in found.shown.lines]
    is_local = not work.services.settings.chain_url.get_secret_value()
    return Proofs(
        inputs_count=records_count,
        archived_ppm=_share_ppm(backed_count, records_count),
        anchored_ppm=_share_ppm(sum(found.is_on_chain for found in measured), len(measured)),
        evidence_ppm=evidence_ppm(lines),
        last_import_at=imported[0].at if imported else None,
        is_chain_local=is_local,
        chain_name="" if is_local else work.services.settings.chain_contract,
        accounts=_accounts(work, subject, look),
    )


def _accounts(work: Work, subject: SubjectRow, look: _Look) -> tuple[AccountSync, ...]:
    """Every account that is connected, and when it was last read."""
    rows = connections.of_subject(work.session, subject.tenant_id, subject.id)
    return tuple(
        AccountSync(
            title=row.title or row.connector,
            href=f"{look.hrefs.connections}#c-{row.id}",
            synced_at=row.synced_at.astimezone(look.zone) if row.synced_at else None,
            needs_you=row.state is ConnectionState.NEEDS_CONSENT,
        )
        for row in rows
        if not row.is_file and row.state is not ConnectionState.ENDED
    )


def _share_ppm(part_count: int, whole_count: int) -> int:
    return part_count * MILLION_PPM // whole_count if whole_count else 0


def _imports(work: Work, subject: SubjectRow, zone: ZoneInfo) -> tuple[ImportRow, ...]:
    if subject.erased_at is not None:
        return ()
    rows = imports.latest(work.session, subject.tenant_id, subject.id, limit_count=_IMPORTS_COUNT)
    return tuple(
        ImportRow(
            at=row.at.astimezone(zone),
            document_name=name_of(work, row) or registry.find(row.connector).manifest.title,
            href=Hrefs(subject.id).imported(row.id),
            readings_count=row.reading_count,
            refused_count=row.refused_count,
            corrected_count=row.changed_count,
            repeated_count=row.same_count,
            evidence=row.evidence,
        )
        for row in rows
    )


def _connect(work: Work, subject: SubjectRow) -> Connect:
    hrefs = Hrefs(subject.id)
    return Connect(
        upload_href=hrefs.upload,
        bill_href=hrefs.bill,
        place=_place_text(subject.region),
        max_upload_mb=work.services.settings.max_upload_bytes // _BYTES_PER_MB,
        connectors=file_connectors(),
        connections_href=hrefs.connections,
        own_href=NEW_SUBJECT_HREF if is_demo_subject(work.session, subject.id) else "",
    )


def file_connectors() -> tuple[tuple[str, str], ...]:
    """Id and title of every connector that reads files which people choose, the utility's download first."""
    found = [(one.manifest.connector_id, one.manifest.title) for one in registry.connectors() if one.manifest.upload_media_types]
    chosen = [one for one in found if one[0] != TYPED_BILL.manifest.connector_id]
    return tuple(sorted(chosen, key=lambda one: (one[0] != GREEN_BUTTON.manifest.connector_id, one[1])))


def _place_text(region: str) -> str:
    """A region as a person types it; empty where no form takes it."""
    if region.startswith(_ZIP_PREFIX):
        return region.removeprefix(_ZIP_PREFIX)
    return region if len(region) == _COUNTRY_LENGTH else ""
