"""The spine: closing a period, from measured activity to a manifest that auditors can sign.

Read the numbered steps aloud: they are the product.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from app.services import Services, Whose, Work
from app.store import activities, connections, periods, records, resolutions, statements, subjects
from app.store.periods import PeriodRow, PeriodState
from app.store.statements import StatementRow, StatementState
from app.store.subjects import SubjectRow
from app.usecases.ask_auditor import ask, ask_again, is_stuck
from app.usecases.make_closed import Closed, Closing, PeriodInputs, make_closed, resolution_rows
from app.usecases.sealing import seal
from app.usecases.weigh_hours import weigh_hours
from domain.errors import ConflictError
from domain.factor import GwpSet
from domain.period import MonthRange, local_day, local_midnight, zone_of
from scoring.net import method_name


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
    resolutions.put(
        session,
        whose.tenant_id,
        services.factor_set.id.root_hex,
        method_name(gwp_set),
        resolution_rows(totals, services.factor_set, gwp_set),
    )
    # (3) Choose a published factor for every key, (4) multiply once, (5) add up: gross, retired, net. (6) Name the inputs: every
    # record revision a salted leaf, grouped by source, meter and month. (7) Write the manifest: everything, by hash.
    inputs = PeriodInputs(
        records.revisions_for_period(session, whose.tenant_id, whose.subject_id, months), _zones(work, whose), months
    )
    closed = make_closed(
        Closing(period, revision, reason, gwp_set),
        totals,
        inputs,
        factor_set=services.factor_set,
        statement_key=services.randomness.bytes(32),
    )
    # (8) Keep the statement, close the period, and ask for an endorsement: one transaction.
    row = _keep(work, period, closed)
    periods.set_state(session, whose.tenant_id, period.id, PeriodState.CLOSED)
    ask(work, row)
    # (9) endorse_statement.py: the auditor recomputes all of this from the originals, and signs.
    # (10) send_outbox.py: the signed batch goes to the chain.
    return row


def statement_key_field(statement_id: str) -> str:
    """The field that a statement's key is sealed as."""
    return f"statement_key/{statement_id}"


def _check_over(work: Work, subject: SubjectRow, months: MonthRange) -> None:
    """The period has ended everywhere: in the subject's zone and in that of each of its meters.

    Raises:
        ConflictError: Somewhere it has not.
    """
    zones = _zones(work, Whose(subject.tenant_id, subject.id))
    check_over(months, {subject.zone or "UTC", *zones.values()}, work.services.clock.now())


def check_over(months: MonthRange, zones: Iterable[str], now: datetime) -> None:
    """Refuse a period that has not ended in each of these time zones.

    Args:
        months: The period.
        zones: IANA names, at least one.
        now: The time, aware.

    Raises:
        ConflictError: Somewhere it has not ended.
    """
    last = max(zones, key=lambda zone: (local_midnight(months.end.first_date(), zone_of(zone)), zone))
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
    is_open_again = former is not None and former.state in {StatementState.FINDINGS, StatementState.REVOKED}
    if former is not None and not period.is_changed_since_close and not is_open_again:
        raise ConflictError(
            "This period is closed, and nothing has changed since",
            expected="an open period, one that changed since it was closed, one with an auditor's findings, or a revoked one",
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


def _zones(work: Work, whose: Whose) -> dict[tuple[str, str], str]:
    """IANA zone of each meter, by connector and usage point."""
    return {
        (connection.connector, point.name): point.zone
        for connection in connections.of_subject(work.session, whose.tenant_id, whose.subject_id)
        for point in connections.usage_points_of(work.session, whose.tenant_id, connection.id)
    }


def _keep(work: Work, period: PeriodRow, closed: Closed) -> StatementRow:
    """The statement as it is stored; it supersedes the former revisions."""
    session, services, tenant_id = work.session, work.services, period.tenant_id
    statement_id = services.randomness.id()
    for former in statements.of_period(session, tenant_id, period.id):
        if former.state not in {StatementState.SUPERSEDED, StatementState.REVOKED}:
            statements.set_state(session, tenant_id, former.id, StatementState.SUPERSEDED, expected=[former.state])
    sealed = seal(work, Whose(tenant_id, period.subject_id), statement_key_field(statement_id), closed.statement_key)
    row = statement_row(
        services, period, closed, statement_id=statement_id, sealed_statement_key=sealed, state=StatementState.CLOSED
    )
    statements.add(session, row, closed.statement.lines, closed.inputs.rows())
    return row


def statement_row(
    services: Services,
    period: PeriodRow,
    closed: Closed,
    *,
    statement_id: str,
    sealed_statement_key: bytes,
    state: StatementState,
) -> StatementRow:
    """What closing made, as it is stored.

    Args:
        services: Gives the token of the proof page, and the time.
        period: Which period.
        closed: What closing made.
        statement_id: Its id.
        sealed_statement_key: Its key, sealed under the subject's.
        state: Where it stands.
    """
    statement, manifest = closed.statement, closed.manifest
    return StatementRow(
        id=statement_id,
        tenant_id=period.tenant_id,
        subject_id=period.subject_id,
        period_id=period.id,
        revision=statement.revision,
        reason=manifest.reason,
        method=statement.method,
        factor_set=statement.factor_set,
        totals=statement.totals,
        unscored=statements.unscored_to_json(statement.unscored),
        sealed_statement_key=sealed_statement_key,
        manifest=manifest.canonical_bytes,
        manifest_hash_hex=manifest.manifest_hash.hex(),
        public_token=services.randomness.token(),
        state=state,
        created_at=services.clock.now(),
    )
