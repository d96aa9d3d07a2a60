"""The numbers of months as every page shows them: a closed month says what its statement says, an open one what is known now."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.services import Whose, Work
from app.store import activities, ledger, periods, statements
from app.store.ledger import LedgerAction
from app.store.periods import PeriodRow, PeriodState
from app.store.statements import StatementRow, StatementState
from app.usecases.weigh_hours import weigh_hours
from dashboards.pages.dashboard import MonthState
from domain.activity import find_kind
from domain.factor import Basis, GwpSet, Part
from domain.period import Month, MonthRange
from domain.statement import ActivityTotal, Line, Unscored, unscored_from_json
from scoring.lines import make_lines
from scoring.net import gwp_set_of
from scoring.resolve import resolve
from scoring.retirements import CREDIT_KIND, retired_units

ELECTRICITY = "electricity"
ELECTRICITY_EXPORT = "electricity_export"
_UG_PER_G = 1_000_000


@dataclass(frozen=True, slots=True)
class Amounts:
    """What lines say together.

    Attributes:
        lines: Lines of both bases.
        unscored: What no factor fits.
        retired_g_co2e: Credits retired.
    """

    lines: tuple[Line, ...] = ()
    unscored: tuple[Unscored, ...] = ()
    retired_g_co2e: int = 0

    def quantity_micro(self, kind: str) -> int | None:
        """Sum of a kind, millionths of its unit; None where it was not measured."""
        of_kind = [line for line in self.lines if line.key.kind == kind and line.part is Part.USE]
        found = [line.quantity_micro for line in of_kind if line.basis is Basis.LOCATION]
        found += [total.quantity_micro for total in self.unscored if total.key.kind == kind]
        return sum(found) if found else None

    def gross_ug_co2e(self, basis: Basis) -> int | None:
        """Emissions on a basis without avoided ones, micrograms; None where there is no line."""
        found = [line.emissions.total_ug_co2e for line in self.lines if line.basis is basis and not line.is_avoided]
        return sum(found) if found else None

    def ring_ug_co2e(self, ring: str) -> int | None:
        """Emissions of a ring, location based without avoided ones, micrograms; None where there is no line."""
        found = [
            line.emissions.total_ug_co2e
            for line in self.lines
            if line.basis is Basis.LOCATION and not line.is_avoided and find_kind(line.key.kind).domain == ring
        ]
        return sum(found) if found else None

    def avoided_ug_co2e(self) -> int | None:
        """Emissions avoided elsewhere, micrograms; None where nothing was exported."""
        found = [line.emissions.total_ug_co2e for line in self.lines if line.is_avoided]
        return sum(found) if found else None


@dataclass(frozen=True, slots=True)
class MonthLook:
    """One month.

    Attributes:
        month: Local month.
        shown: The statement's amounts where the month is closed, else what is known now.
        live: What is known now.
        period: The period that has this month, where one was begun.
        statement: Its newest statement.
        state: Where the month stands.
        findings_count: What the auditor found in the newest statement.
    """

    month: Month
    shown: Amounts
    live: Amounts
    period: PeriodRow | None = None
    statement: StatementRow | None = None
    state: MonthState = MonthState.OPEN
    findings_count: int = 0

    @property
    def is_on_chain(self) -> bool:
        """Whether its newest statement is on the ledger for good."""
        return self.statement is not None and self.statement.state is StatementState.ISSUED

    @property
    def changed_ug_co2e(self) -> int:
        """What is known now less what the statement says, location based, micrograms of CO2e."""
        return (self.live.gross_ug_co2e(Basis.LOCATION) or 0) - (self.shown.gross_ug_co2e(Basis.LOCATION) or 0)

    @property
    def retired_ug_co2e(self) -> int:
        """Credits retired: of a closed period in its last month, of an open month as they are known; micrograms of CO2e."""
        if self.statement is None or self.period is None:
            return self.shown.retired_g_co2e * _UG_PER_G
        if self.month != self.period.months.end.plus(-1):
            return 0
        return self.statement.totals.retired_g_co2e * _UG_PER_G


def look_at_months(work: Work, whose: Whose, months: MonthRange) -> dict[Month, MonthLook]:
    """The months of a range that have something to say; one without data or statement is absent.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        months: Which months.

    Returns:
        Month to its numbers, in order.

    Raises:
        LineOverflowError: A sum is 2^63 or more.
    """
    live = dict(live_amounts(work, whose, months))
    closed: dict[Month, tuple[PeriodRow, StatementRow | None, Amounts]] = {}
    newest = {row.period_id: row for row in statements.of_subject(work.session, whose.tenant_id, whose.subject_id)}
    for period in periods.of_subject(work.session, whose.tenant_id, whose.subject_id):
        mine = [month for month in period.months.months() if months.holds(month)]
        row = newest.get(period.id)
        if row is not None and (len(mine) > 1 or gwp_set_of(row.method) is not GwpSet.AR5):
            again = _live_of_period(work, whose, period, gwp_set_of(row.method))
            live |= {month: amounts for month, amounts in again.items() if month in mine}
        said = statement_amounts(work, row) if row and mine else {}
        closed |= {month: (period, row, said.get(month, Amounts())) for month in mine}
    found = {}
    for month in sorted(live.keys() | closed.keys()):
        now = live.get(month, Amounts())
        period_row, statement, of_statement = closed.get(month, (None, None, Amounts()))
        found[month] = MonthLook(
            month=month,
            shown=of_statement if statement else now,
            live=now,
            period=period_row,
            statement=statement,
            state=state_of(work, period_row, statement),
            findings_count=len(findings_of(work, statement)) if statement else 0,
        )
    return found


def standing_gwp_set(work: Work, whose: Whose, months: MonthRange) -> GwpSet:
    """The GWP set that a period was closed with; AR5 where it was not closed yet."""
    period = periods.by_months(work.session, whose.tenant_id, whose.subject_id, months)
    found = statements.latest_of_period(work.session, whose.tenant_id, period.id) if period else None
    return gwp_set_of(found.method) if found else GwpSet.AR5


def live_amounts(work: Work, whose: Whose, months: MonthRange) -> dict[Month, Amounts]:
    """What is known now by month, each as if it were closed alone; a month without data is absent.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        months: Which months.

    Returns:
        Month to its lines, unscored amounts and credits retired.

    Raises:
        LineOverflowError: A sum is 2^63 or more.
    """
    by_month_found: dict[Month, list[ActivityTotal]] = defaultdict(list)
    totals = activities.totals(work.session, whose.tenant_id, whose.subject_id, months)
    for total in weigh_hours(work, whose, months, totals):
        by_month_found[total.month].append(total)
    found: dict[Month, Amounts] = {}
    for month in sorted(by_month_found):
        found |= _amounts(work, by_month_found[month], GwpSet.AR5)
    return found


def _live_of_period(work: Work, whose: Whose, period: PeriodRow, gwp_set: GwpSet) -> dict[Month, Amounts]:
    """What is known now of a closed period, with its GWP set and its certificates matched over all its months.

    The difference to its statement is then of data alone.
    """
    totals = activities.totals(work.session, whose.tenant_id, whose.subject_id, period.months)
    return _amounts(work, weigh_hours(work, whose, period.months, totals), gwp_set)


def _amounts(work: Work, totals: Sequence[ActivityTotal], gwp_set: GwpSet) -> dict[Month, Amounts]:
    lines, unscored = make_lines(totals, lambda key, basis: resolve(key, work.services.factor_set, basis, gwp_set=gwp_set))
    retired, not_retired = retired_units(totals)
    counted_g_co2e = {(units.registry, units.serial): units.amount_g_co2e for units in retired}
    retired_of: dict[Month, int] = defaultdict(int)
    for total in totals:
        attributes = dict(total.key.attributes)
        if total.key.kind == CREDIT_KIND:
            retired_of[total.month] += counted_g_co2e.get((attributes["registry"], attributes["serial"]), 0)
    found = by_month(lines, [*unscored, *not_retired])
    months = sorted(found.keys() | retired_of.keys())
    return {month: replace(found.get(month, Amounts()), retired_g_co2e=retired_of.get(month, 0)) for month in months}


def statement_amounts(work: Work, statement: StatementRow) -> dict[Month, Amounts]:
    """What a statement says, by month."""
    lines = statements.lines_of(work.session, statement.tenant_id, statement.id)
    return by_month(lines, [unscored_from_json(one) for one in statement.unscored])


def by_month(lines: Iterable[Line], unscored: Iterable[Unscored]) -> dict[Month, Amounts]:
    """Lines and unscored amounts by their month."""
    lines_of: Mapping[Month, list[Line]] = defaultdict(list)
    unscored_of: Mapping[Month, list[Unscored]] = defaultdict(list)
    for line in lines:
        lines_of[line.month].append(line)
    for total in unscored:
        unscored_of[total.month].append(total)
    months = sorted(lines_of.keys() | unscored_of.keys())
    return {month: Amounts(tuple(lines_of[month]), tuple(unscored_of[month])) for month in months}


def state_of(work: Work, period: PeriodRow | None, statement: StatementRow | None) -> MonthState:
    """Where a period with its newest statement stands, in the words of the pages."""
    if period is None or statement is None:
        return MonthState.OPEN if period is None or period.state is PeriodState.OPEN else MonthState.CLOSING
    if period.is_changed_since_close:
        return MonthState.CHANGED
    if statement.state is StatementState.FINDINGS:
        return MonthState.FINDINGS
    if statement.state is StatementState.REVOKED:
        return MonthState.REVOKED
    if statement.state is not StatementState.ISSUED:
        return MonthState.CLOSED
    issuance = ledger.issuance_of_statement(work.session, statement.tenant_id, statement.id)
    return MonthState.ISSUED if issuance and issuance.action is LedgerAction.ISSUE else MonthState.ANCHORED


def findings_of(work: Work, statement: StatementRow) -> Sequence[str]:
    """What auditors found in a statement, in plain words; nothing where they accepted it."""
    if statement.state is not StatementState.FINDINGS:
        return ()
    answers = ledger.endorsements_of(work.session, statement.tenant_id, statement.id)
    return [one["detail"] for answer in answers for one in json.loads(answer.findings_json)]
