"""The spine: closing a period, from measured activity to a manifest that auditors can sign.

Read the numbered steps aloud: they are the product.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from app.services import Whose, Work
from app.store import activities, connections, periods, records, resolutions, statements, subjects
from app.store.periods import PeriodRow, PeriodState
from app.store.records import StoredRevision
from app.store.resolutions import ResolutionRow
from app.store.statements import InputRow, StatementRow, StatementState
from app.store.subjects import SubjectRow
from app.usecases.ask_auditor import ask, ask_again, is_stuck
from app.usecases.audit_statement import is_self_declared, weakest_counts
from app.usecases.sealing import seal
from app.usecases.weigh_hours import weigh_hours
from domain.activity import Activity, EvidenceClass
from domain.coverage import coverage_ppm
from domain.errors import ConflictError
from domain.factor import Basis, GwpSet
from domain.manifest import Manifest
from domain.period import Month, MonthRange, local_day, local_midnight, zone_of
from domain.statement import ActivityTotal, Statement
from ledger.inputs import InputGroup
from ledger.trees import build_trees
from scoring.lines import make_lines
from scoring.net import evidence_ppm, make_statement, method_name
from scoring.resolve import resolve
from scoring.retirements import retired_units


def close_period(work: Work, whose: Whose, months: MonthRange, *, reason: str = "", gwp_set: GwpSet = GwpSet.AR5) -> StatementRow:
    """Close a period of a subject; closing it again, with a reason, restates it; one that got stuck is endorsed again.

    Args:
        work: The open transaction and the services; nothing is kept unless it commits.
        whose: The subject.
        months: Which months.
        reason: Why it is restated; empty the first time.
        gwp_set: Set that single gases are weighted with; the method's name in the manifest says it.

    Returns:
        The statement, closed; a job to endorse it is enqueued in the same transaction. Where the standing statement waits for
        what will not come (a job that was given up, a batch that failed), it is that statement, to be endorsed afresh.

    Raises:
        NotFoundError: There is no such subject.
        ConflictError: The period is not over, overlaps another one, has nothing measured, or has not changed since it was closed.
        LineOverflowError: A sum is 2^63 or more.
    """
    session, services = work.session, work.services
    subject = subjects.by_id(session, whose.tenant_id, whose.subject_id)
    # (1) The period is over, and nobody else closes it; what got stuck on its way goes on.
    _check_over(work, subject, months)
    stuck = _stuck(work, whose, months)
    if stuck is not None:
        ask_again(work, stuck)
        return replace(stuck, state=StatementState.CLOSED)
    period, revision = _begin(work, subject, months, reason)
    # (2) Sum all activity by month and key, inside the database, in integers.
    totals = activities.totals(session, whose.tenant_id, whose.subject_id, months)
    totals = weigh_hours(work, whose, months, totals)
    # (3) Choose a published factor for every key, and (4) multiply once.
    lines, unscored = make_lines(totals, lambda key, basis: resolve(key, services.factor_set, basis, gwp_set=gwp_set))
    _keep_resolutions(work, whose, totals, gwp_set)
    # (5) Add up: gross, retired, net.
    retired, not_retired = retired_units(totals)
    statement = make_statement(
        period=months,
        revision=revision,
        lines=lines,
        unscored=(*unscored, *not_retired),
        factor_set=services.factor_set.id,
        retired_g_co2e=sum(units.amount_g_co2e for units in retired),
        method=method_name(gwp_set),
    )
    # (6) Name the inputs: every record revision a salted leaf, grouped by source, meter and month.
    inputs = _inputs(work, whose, months)
    statement_key = services.randomness.bytes(32)
    # (7) Write the manifest: everything that the statement was computed from, by hash.
    manifest = replace(_manifest(statement, inputs, statement_key, period, reason), retired_units=retired)
    # (8) Keep the statement, close the period, and ask for an endorsement: one transaction.
    row = _keep(work, period, _Closed(statement, manifest, inputs, statement_key))
    periods.set_state(session, whose.tenant_id, period.id, PeriodState.CLOSED)
    ask(work, row)
    # (9) endorse_statement.py: the auditor recomputes all of this from the originals, and signs.
    # (10) send_outbox.py: the signed batch goes to the chain.
    return row


class _Inputs:
    """The record revisions of a period as leaves and groups."""

    def __init__(self, revisions: Iterable[StoredRevision], zones: Mapping[tuple[str, str], str], months: MonthRange) -> None:
        self.leaves: dict[str, dict[bytes, tuple[StoredRevision, Month]]] = defaultdict(dict)
        self._activities: dict[bytes, tuple[Activity, ...]] = {}
        self.originals: set[str] = set()
        self.parsers: dict[str, str] = {}
        self.meters: dict[tuple[str, str], list[Activity]] = defaultdict(list)
        newest: dict[str, datetime] = {}
        for stored in revisions:
            revision = stored.revision
            zone = zones[revision.connector, revision.usage_point]
            self.originals.update(revision.document_sha256s)
            if revision.recorded_at >= newest.get(revision.connector, revision.recorded_at):
                newest[revision.connector] = revision.recorded_at
                self.parsers[revision.connector] = revision.parser_version
            self.meters[f"{revision.connector}|{revision.usage_point}", zone] += revision.activities
            for month in sorted({a.month for a in revision.activities if months.holds(a.month)}):
                leaf = revision.leaf(month, zone)
                self.leaves[revision.group_key(month)][leaf] = (stored, month)
                self._activities[leaf] = tuple(a for a in revision.activities if a.month == month)

    def groups(self) -> list[InputGroup]:
        return [InputGroup(name, self._totals(leaves), list(leaves)) for name, leaves in self.leaves.items()]

    def record_counts(self) -> dict[EvidenceClass, int]:
        """How many leaves are known in which way."""
        return weakest_counts(self._activities[leaf] for leaves in self.leaves.values() for leaf in leaves)

    def _totals(self, leaves: Iterable[bytes]) -> dict[str, str]:
        """By activity key, the sum in millionths as text: what the group's node commits to."""
        sums: dict[str, int] = defaultdict(int)
        for leaf in leaves:
            for activity in self._activities[leaf]:
                sums[activity.key.key_id] += activity.quantity_micro
        return {key_id: str(sums[key_id]) for key_id in sorted(sums)}

    def rows(self) -> list[InputRow]:
        return [
            InputRow(group_index, leaf_index, name, stored.record_revision_id, month, leaf)
            for group_index, (name, leaves) in enumerate(sorted(self.leaves.items()))
            for leaf_index, (leaf, (stored, month)) in enumerate(sorted(leaves.items(), key=lambda item: item[0]))
        ]


@dataclass(frozen=True, slots=True)
class _Closed:
    """What closing made."""

    statement: Statement
    manifest: Manifest
    inputs: _Inputs
    statement_key: bytes


def statement_key_field(statement_id: str) -> str:
    """The field that a statement's key is sealed as."""
    return f"statement_key/{statement_id}"


def _check_over(work: Work, subject: SubjectRow, months: MonthRange) -> None:
    """The period has ended everywhere: in the subject's zone and in that of each of its meters.

    Raises:
        ConflictError: Somewhere it has not.
    """
    zones = {subject.zone or "UTC", *_zones(work, Whose(subject.tenant_id, subject.id)).values()}
    last = max(zones, key=lambda zone: (local_midnight(months.end.first_date(), zone_of(zone)), zone))
    now = work.services.clock.now()
    if now < local_midnight(months.end.first_date(), zone_of(last)):
        raise ConflictError(
            "This period is not over yet",
            expected=f"a period that ends by {local_day(now, zone_of(last))} in {last}",
            got=str(months),
            next_step=f"Close it from {months.end.first_date()} on.",
        )


def _stuck(work: Work, whose: Whose, months: MonthRange) -> StatementRow | None:
    """The standing statement of an unchanged period where it is stuck on its way to the ledger."""
    period = periods.by_months(work.session, whose.tenant_id, whose.subject_id, months)
    if period is None or period.is_changed_since_close:
        return None
    found = statements.latest_of_period(work.session, whose.tenant_id, period.id)
    return found if found is not None and is_stuck(work, found) else None


def _begin(work: Work, subject: SubjectRow, months: MonthRange, reason: str) -> tuple[PeriodRow, int]:
    """The period in the state *closing*, and the number of the revision to make.

    Raises:
        ConflictError: It is closed and unchanged, or the reason is missing.
    """
    session, services = work.session, work.services
    period = periods.get_or_open(
        session,
        subject.tenant_id,
        subject.id,
        months,
        period_id=services.randomness.id(),
        subject_commitment=services.randomness.bytes(32),
    )
    former = statements.latest_of_period(session, subject.tenant_id, period.id)
    if former is not None and not period.is_changed_since_close and former.state is not StatementState.FINDINGS:
        raise ConflictError(
            "This period is closed, and nothing has changed since",
            expected="an open period, one that changed since it was closed, or one with an auditor's findings",
            got=f"revision {former.revision} of {former.created_at:%Y-%m-%d}",
            record=str(months),
            next_step="Look at its statement.",
        )
    if former is not None and not reason:
        raise ConflictError(
            "A restatement needs its reason",
            expected="a reason, in one sentence",
            got="none",
            record=str(months),
            next_step="Say why the closed numbers change.",
        )
    return periods.set_state(session, subject.tenant_id, period.id, PeriodState.CLOSING), former.revision + 1 if former else 1


def _inputs(work: Work, whose: Whose, months: MonthRange) -> _Inputs:
    session, tenant_id, subject_id = work.session, whose.tenant_id, whose.subject_id
    revisions = records.revisions_for_period(session, tenant_id, subject_id, months)
    if not revisions:
        raise ConflictError(
            "Nothing is measured in this period",
            expected="at least one reading or bill",
            got="none",
            record=str(months),
            next_step="Import a file or type a bill first; a month without data is not zero.",
        )
    return _Inputs(revisions, _zones(work, whose), months)


def _zones(work: Work, whose: Whose) -> dict[tuple[str, str], str]:
    """IANA zone of each meter, by connector and usage point."""
    return {
        (connection.connector, point.name): point.zone
        for connection in connections.of_subject(work.session, whose.tenant_id, whose.subject_id)
        for point in connections.usage_points_of(work.session, whose.tenant_id, connection.id)
    }


def _keep_resolutions(work: Work, whose: Whose, totals: Iterable[ActivityTotal], gwp_set: GwpSet) -> None:
    """Keep why each factor was chosen: a later factor set may choose another one, and the statement still says why."""
    factor_set = work.services.factor_set
    rows = {}
    for total in totals:
        for basis in Basis:
            found = resolve(total.key, factor_set, basis, gwp_set=gwp_set)
            factor_id = found.chosen.factor.factor_id if found.chosen else None
            row = ResolutionRow(total.key.key_id, str(basis), factor_id, found.steps, found.flags)
            rows[row.key_id, row.basis] = row
    resolutions.put(work.session, whose.tenant_id, factor_set.id.root_hex, method_name(gwp_set), rows.values())


def _manifest(statement: Statement, inputs: _Inputs, statement_key: bytes, period: PeriodRow, reason: str) -> Manifest:
    line_leaves = [line.canonical_bytes for line in statement.lines] + [u.canonical_bytes for u in statement.unscored]
    trees = build_trees(inputs.groups(), line_leaves, sorted(inputs.originals), statement_key)
    shares = evidence_ppm(statement.lines)
    return Manifest(
        subject_hex=period.subject_commitment.hex(),
        period=statement.period,
        revision=statement.revision,
        reason=reason,
        inputs=trees.inputs,
        originals=trees.originals,
        lines=trees.lines,
        evidence_ppm=shares,
        coverage_ppm=coverage_ppm(inputs.meters, statement.period),
        factor_set=statement.factor_set,
        method=statement.method,
        parsers=dict(sorted(inputs.parsers.items())),
        totals=statement.totals,
        is_self_declared=is_self_declared(shares, inputs.record_counts()),
    )


def _keep(work: Work, period: PeriodRow, closed: _Closed) -> StatementRow:
    """The statement as it is stored; it supersedes the former revisions."""
    session, services, statement, manifest = work.session, work.services, closed.statement, closed.manifest
    tenant_id, subject_id, statement_id = period.tenant_id, period.subject_id, services.randomness.id()
    for former in statements.of_period(session, tenant_id, period.id):
        if former.state is not StatementState.SUPERSEDED:
            statements.set_state(session, tenant_id, former.id, StatementState.SUPERSEDED, expected=[former.state])
    row = StatementRow(
        id=statement_id,
        tenant_id=tenant_id,
        subject_id=subject_id,
        period_id=period.id,
        revision=statement.revision,
        reason=manifest.reason,
        method=statement.method,
        factor_set=statement.factor_set,
        totals=statement.totals,
        unscored=statements.unscored_to_json(statement.unscored),
        sealed_statement_key=seal(work, Whose(tenant_id, subject_id), statement_key_field(statement_id), closed.statement_key),
        manifest=manifest.canonical_bytes,
        manifest_hash_hex=manifest.manifest_hash.hex(),
        public_token=services.randomness.token(),
        state=StatementState.CLOSED,
        created_at=services.clock.now(),
    )
    statements.add(session, row, statement.lines, closed.inputs.rows())
    return row
