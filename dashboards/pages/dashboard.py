"""The page of one subject: score, gross and net, this month, figures, months to close, and where data come in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from dashboards.figures import Figure, heat_figure, months_figure
from dashboards.format import mass_co2e, percent_of_reference, three_digits, tonnes_co2e
from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.svg.gauges import dial, pace_bar, ring, spark
from dashboards.svg.heat import HourGrid
from dashboards.svg.months import RING_KEYS, MonthPoint, has_energy
from dashboards.templating import page_text
from domain.activity import EvidenceClass
from domain.period import Month, MonthRange

_RECENT_COUNT = 4


class SubjectKind(StrEnum):
    """Whom a page is about."""

    HOUSEHOLD = "household"
    BUSINESS = "business"


class MonthState(StrEnum):
    """Where a month stands on its way to a token."""

    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    FINDINGS = "findings"
    CHANGED = "changed"
    ANCHORED = "anchored"
    ISSUED = "issued"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Score:
    """The fitness score.

    Attributes:
        points: 0 to 100; None while nothing was measured.
        low_points: Lower end of its band.
        high_points: Upper end of its band.
        measured_ppm: Share of the emissions behind it that was measured, parts per million; the rest is an average.
        momentum_points: Points against the same months a year ago; None where unknown.
        version: Label of the formula: "S1-2030".
        is_provisional: Whether too little is measured to call it more.
    """

    points: int | None
    low_points: int
    high_points: int
    measured_ppm: int
    momentum_points: int | None
    version: str
    is_provisional: bool


@dataclass(frozen=True, slots=True)
class YearTotal:
    """A total over the last 12 complete months.

    Attributes:
        amount_ug_co2e: Micrograms of CO2e, signed; None where no month was measured.
        trace_href: Where it is explained.
        by_month_ug_co2e: One value per month for the spark line; None where not measured.
    """

    amount_ug_co2e: int | None
    trace_href: str
    by_month_ug_co2e: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class ThisMonth:
    """The running month, and the same month a year ago as its reference.

    Attributes:
        month: The running month.
        used_micro: Electricity so far, millionths of a kWh; None where nothing is there yet.
        gross_ug_co2e: Emissions so far, micrograms; None where nothing is there yet.
        reference_micro: The same month a year ago, millionths of a kWh; None where not measured.
        days_measured_count: Days with readings.
        days_passed_count: Days of the month that have passed.
        days_count: Days of the month.
        trace_href: Where it is explained.
    """

    month: Month
    used_micro: int | None
    gross_ug_co2e: int | None
    reference_micro: int | None
    days_measured_count: int
    days_passed_count: int
    days_count: int
    trace_href: str

    @property
    def used_pct(self) -> int | None:
        """Used part of the reference, per cent; None where one of both is missing or the reference is zero."""
        if self.used_micro is None or not self.reference_micro or self.reference_micro < 0:
            return None
        return max(self.used_micro, 0) * 100 // self.reference_micro

    @property
    def passed_pct(self) -> int:
        """Passed part of the month, per cent."""
        return self.days_passed_count * 100 // self.days_count


@dataclass(frozen=True, slots=True)
class RingNow:
    """Where one ring stands; electricity, which leads the home's, has `ThisMonth`.

    Attributes:
        year_ug_co2e: Emissions of the months shown, micrograms; None where nothing is measured.
        month_ug_co2e: Emissions of the running month so far; None where there are none.
        reference_ug_co2e: Emissions of the same month a year ago; None where there are none.
    """

    year_ug_co2e: int | None
    month_ug_co2e: int | None = None
    reference_ug_co2e: int | None = None

    @property
    def used_pct(self) -> int | None:
        """Part of the same month a year ago, per cent; None where one of both is missing or the reference is zero."""
        if self.month_ug_co2e is None or not self.reference_ug_co2e or self.reference_ug_co2e < 0:
            return None
        return max(self.month_ug_co2e, 0) * 100 // self.reference_ug_co2e


@dataclass(frozen=True, slots=True)
class AccountSync:
    """When an account was last read.

    Attributes:
        title: Name of the provider.
        href: The connection on its page.
        synced_at: Aware instant; None where it never was.
        needs_you: Whether the person has to connect it again.
    """

    title: str
    href: str
    synced_at: datetime | None
    needs_you: bool = False


@dataclass(frozen=True, slots=True)
class Proofs:
    """What stands behind the numbers.

    Attributes:
        inputs_count: Records of the last 12 months.
        archived_ppm: Share of them with an archived original, parts per million.
        anchored_ppm: Share of the measured months that is anchored or issued, parts per million.
        evidence_ppm: Share of the amount by evidence class, parts per million.
        last_import_at: Aware instant; None where nothing was imported.
        is_chain_local: Whether the chain is the embedded one, which its operator alone could rewrite.
        chain_name: Name of the chain otherwise.
        accounts: Accounts that are connected.
    """

    inputs_count: int
    archived_ppm: int
    anchored_ppm: int
    evidence_ppm: Mapping[EvidenceClass, int]
    last_import_at: datetime | None
    is_chain_local: bool
    chain_name: str = ""
    accounts: tuple[AccountSync, ...] = ()


@dataclass(frozen=True, slots=True)
class MonthRow:
    """One month in the list.

    Attributes:
        point: Its amounts and coverage.
        state: Where it stands.
        activities_href: Its activities; empty for none.
        why_href: Its trace; empty for none.
        close_href: Where the close form posts; empty while it cannot be closed.
        statement_href: Its statement; empty before it is closed.
        proof_href: Its public proof; empty before it is anchored.
        bundle_href: Its bundle as a download; empty before it is anchored.
        findings_count: What the auditor found, in state FINDINGS.
        changed_ug_co2e: Difference since the close, micrograms, in state CHANGED.
        revision: Revision of its statement; 0 before it is closed.
    """

    point: MonthPoint
    state: MonthState
    activities_href: str = ""
    why_href: str = ""
    close_href: str = ""
    statement_href: str = ""
    proof_href: str = ""
    bundle_href: str = ""
    findings_count: int = 0
    changed_ug_co2e: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One import.

    Attributes:
        at: Aware instant.
        document_name: As the person named the file; shown, never trusted.
        href: Its result page.
        readings_count: Readings read.
        refused_count: Parts refused.
        corrected_count: Readings that replaced earlier ones.
        repeated_count: Readings that were known already and changed nothing.
        evidence: How its inputs are known.
    """

    at: datetime
    document_name: str
    href: str
    readings_count: int
    refused_count: int
    corrected_count: int
    repeated_count: int
    evidence: EvidenceClass


@dataclass(frozen=True, slots=True)
class FormState:
    """A form as it is shown again: what was typed and what is wrong with it.

    Attributes:
        values: Field to text.
        errors: Field to sentence.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connect:
    """The ways in.

    Attributes:
        upload_href: Where the form of files posts (`connector`, `file`, `place`, `zone`).
        bill_href: Where the bill form posts (`utility`, `start`, `end`, `kwh`, `place`, `file`).
        place: Place known already, for both forms.
        zones: IANA zones to choose from; empty hides the field until it is asked for.
        max_upload_mb: Largest file, megabytes.
        own_href: Where somebody adds a subject of their own before they mix their data with the demo's; empty elsewhere.
        connections_href: Where accounts are connected; empty hides the way there.
        connectors: Id and title of what reads files, the first one chosen.
        upload: State of the first form.
        bill: State of the second form.
    """

    upload_href: str
    bill_href: str
    place: str = ""
    zones: tuple[str, ...] = ()
    max_upload_mb: int = 50
    own_href: str = ""
    connections_href: str = ""
    connectors: tuple[tuple[str, str], ...] = ()
    upload: FormState = field(default_factory=FormState)
    bill: FormState = field(default_factory=FormState)


NOT_MEASURED = RingNow(None)
"""A ring of which nothing is known."""


@dataclass(frozen=True, slots=True)
class DashboardModel:
    """Everything that the page of one subject shows.

    Attributes:
        subject_name: As the person gave it.
        subject_kind: Household or business.
        year: The last 12 complete months.
        score: The score.
        gross: Gross of the year, location based.
        net: Net of the year: market-based gross less retired.
        year_kwh_micro: Electricity of the year, millionths of a kWh; None where nothing was measured.
        year_months_measured_count: Months of the year that have data.
        this_month: The running month; None where nothing was measured at all.
        proofs: What stands behind the numbers.
        months: Months for figure and list, in order, the running one last.
        hours: Hour by day; None where only bills are there.
        imports: Latest first.
        connect: The ways in.
        figures_href: Folder of the figures' CSV and JSON: `{figures_href}/months.csv`.
        score_href: Where the score is explained.
        is_recent: Whether the year is the last 12 months; else it ends with the last month that was measured.
        is_electricity_alone: Whether nothing but electricity is known.
        home: The home's ring, where no electricity leads it.
        travel: The ring of travel.
        food: The ring of food and things.
    """

    subject_name: str
    subject_kind: SubjectKind
    year: MonthRange
    score: Score
    gross: YearTotal
    net: YearTotal
    year_kwh_micro: int | None
    year_months_measured_count: int
    this_month: ThisMonth | None
    proofs: Proofs
    months: tuple[MonthRow, ...]
    hours: HourGrid | None
    imports: tuple[ImportRow, ...]
    connect: Connect
    figures_href: str
    score_href: str = ""
    is_recent: bool = True
    is_electricity_alone: bool = True
    home: RingNow = NOT_MEASURED
    travel: RingNow = NOT_MEASURED
    food: RingNow = NOT_MEASURED

    @property
    def has_energy(self) -> bool:
        """Whether any month shown has electricity."""
        return has_energy([row.point for row in self.months])

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come in yet."""
        return not any(row.point.is_measured for row in self.months)


def figures_of(model: DashboardModel, messages: Messages) -> tuple[Figure, ...]:
    """The figures of the page, for the page itself and for the routes of their CSV and JSON.

    Args:
        model: The page.
        messages: Language.

    Returns:
        Figures with their ids "months" and "hours".
    """
    if model.is_empty:
        return ()
    found = [months_figure([row.point for row in model.months], messages)]
    if model.hours is not None and model.hours.measured_micro():
        found.append(heat_figure(model.hours, messages))
    return tuple(found)


def render(model: DashboardModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    ring_names = {name: messages(f"ring.{name}_of.{model.subject_kind}") for name in ("home", "travel", "food")}
    return page_text(
        "dashboard.html",
        messages,
        frame,
        page=model,
        figures=figures_of(model, messages),
        dial=_dial(model, messages),
        rings=_rings(model, ring_names, messages),
        ring_said=_ring_said(model, messages),
        ring_names=ring_names,
        pace=_pace(model.this_month, messages),
        pace_said=_pace_said(model.this_month, messages),
        sparks={"gross": spark(model.gross.by_month_ug_co2e), "net": spark(model.net.by_month_ug_co2e)},
        headline=_headline(model, messages),
        shown=_months_shown(model.months),
    )


def _months_shown(rows: tuple[MonthRow, ...]) -> list[tuple[MonthRow, ...]]:
    """Latest first: the months that ask for something or are recent, then the rest, folded away."""
    latest = rows[::-1]
    keep = max([_RECENT_COUNT, *(at + 1 for at, row in enumerate(latest) if row.close_href)])
    return [part for part in (latest[:keep], latest[keep:]) if part]


def _headline(model: DashboardModel, messages: Messages) -> str:
    if model.gross.amount_ug_co2e is None:
        if model.is_empty:
            return messages("dashboard.headline_none")
        is_unscored = any(row.point.unscored_count for row in model.months)
        return messages("dashboard.headline_unscored" if is_unscored else "dashboard.headline_first")
    amount, count = str(tonnes_co2e(messages, model.gross.amount_ug_co2e)), model.year_months_measured_count
    if model.is_electricity_alone:
        return messages("dashboard.headline", count=count, amount=amount)
    return messages("dashboard.headline_all", count=count, amount=amount)


def _dial(model: DashboardModel, messages: Messages) -> str:
    score = model.score
    if score.points is None and model.subject_kind is SubjectKind.BUSINESS:
        said = messages("score.business_none")
    elif score.points is None:
        said = messages("score.described_none")
    else:
        said = messages("score.described", points=score.points, low=score.low_points, high=score.high_points)
    return dial(
        "score",
        points=score.points,
        low_points=score.low_points,
        high_points=score.high_points,
        title=messages("score.title"),
        description=said,
    )


def _rings(model: DashboardModel, names: Mapping[str, str], messages: Messages) -> dict[str, str]:
    now = model.this_month
    found: dict[str, str] = {}
    if now is not None and now.used_micro is not None:
        used = now.used_pct if now.used_pct is not None else 0
        centre = percent_of_reference(messages, used) if now.used_pct is not None else _kwh_centre(now, messages)
        said = _home_said(now, messages)
        found["home"] = ring("ring-home", share_pct=used, centre=centre, title=names["home"], description=said, css="home")
    for name in RING_KEYS:
        if name not in found:
            share, centre = _share(_ring_of(model, name), messages)
            said = _ring_said(model, messages)[name]
            found[name] = ring(f"ring-{name}", share_pct=share, centre=centre, title=names[name], description=said, css=name)
    return found


def _ring_of(model: DashboardModel, name: str) -> RingNow:
    return {"home": model.home, "travel": model.travel, "food": model.food}[name]


def _share(one: RingNow, messages: Messages) -> tuple[int | None, str]:
    """How far a ring is filled, and the words in its middle; dashed where nothing is measured."""
    if one.used_pct is not None:
        return one.used_pct, percent_of_reference(messages, one.used_pct)
    return (None if one.year_ug_co2e is None else 0), "–"


def _ring_said(model: DashboardModel, messages: Messages) -> dict[str, str]:
    """What stands beside each ring."""
    found = {}
    for name in RING_KEYS:
        one = _ring_of(model, name)
        if name == "home" and model.this_month is not None and model.this_month.used_micro is not None:
            found[name] = messages("ring.home_is")
        elif one.month_ug_co2e is not None:
            amount = str(mass_co2e(messages, one.month_ug_co2e))
            reference = one.reference_ug_co2e
            if reference is None:
                found[name] = messages("ring.now", amount=amount)
            else:
                found[name] = messages("ring.now_of", amount=amount, reference=str(mass_co2e(messages, reference)))
        elif one.year_ug_co2e is not None:
            found[name] = messages("ring.not_now", amount=str(mass_co2e(messages, one.year_ug_co2e)))
        else:
            found[name] = messages("ring.home_none") if name == "home" else messages(f"ring.{name}_needs")
    return found


def _kwh_centre(now: ThisMonth | None, messages: Messages) -> str:
    if now is None or now.used_micro is None:
        return "–"
    return three_digits(messages.locale, Fraction(now.used_micro, 1_000_000))


def _home_said(now: ThisMonth | None, messages: Messages) -> str:
    if now is None or now.used_micro is None:
        return messages("ring.home_none")
    if now.used_pct is None:
        return messages("ring.home_no_reference")
    return _used_said("ring.home_said", now, now.used_pct, messages)


def _pace_said(now: ThisMonth | None, messages: Messages) -> str:
    if now is None or now.used_pct is None:
        return messages("month.no_reference")
    return _used_said("month.pace", now, now.used_pct, messages)


def _used_said(key: str, now: ThisMonth, used_pct: int, messages: Messages) -> str:
    return messages(key, used=percent_of_reference(messages, used_pct), passed=percent_of_reference(messages, now.passed_pct))


def _pace(now: ThisMonth | None, messages: Messages) -> str:
    if now is None or now.used_pct is None:
        return ""
    said = _used_said("ring.home_said", now, now.used_pct, messages)
    return pace_bar("pace", used_pct=now.used_pct, today_pct=now.passed_pct, title=messages("month.pace_title"), description=said)
