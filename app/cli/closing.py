"""`close`: a period to its statement, and the statement to the chain; of one subject, or of all that are open."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from app.api.models import StatementOut
from app.assemble import open_desk
from app.audit_processes import auditor_of
from app.chain import CHAIN_IN_USE
from app.cli.installation import find_subject, installation
from app.cli.listing import tonnes_text
from app.cli.terminal import ExitCode, listed, print_json, progress, say, tell
from app.jobs.worker import Worker
from app.services import Services, Whose, Work
from app.store import jobs, month_end, periods, statements
from app.store.session import reading, unit_of_work
from app.store.statements import StatementRow, StatementState
from app.usecases.ask_auditor import is_stuck, job_key
from app.usecases.close_month_end import (
    Refusal,
    Step,
    ask_month_end,
    close_and_endorse,
    close_open,
    closed_count,
    open_count,
    sign_accepted,
)
from app.usecases.close_period import close_period
from app.usecases.show_months import findings_of, standing_gwp_set
from domain.errors import ChainError, InputError
from domain.factor import GwpSet
from domain.period import MonthRange
from domain.units import MICRO_PER_UNIT

LONGEST_WAIT_S = 60.0
"""How long a statement may take to be issued before the command stops waiting, seconds."""

PAUSE_S = 0.5
"""Between two looks, seconds."""

_SIGNED = (StatementState.ENDORSED, StatementState.QUEUED)
_ON_ITS_WAY = (StatementState.CLOSED, StatementState.ENDORSED, StatementState.QUEUED)


def run_close(
    subject_text: str, period_text: str, *, reason: str, gwp_set: GwpSet | None, is_json: bool, data_folder: Path | None
) -> int:
    """Close a period and see its statement to the chain.

    Args:
        subject_text: Whose; the only subject where empty.
        period_text: Which months.
        reason: Why closed numbers change, or empty.
        gwp_set: Set that single gases are weighted with; as it was closed before, else AR5, where left out.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 0 issued, 1 closed but not issued.

    Raises:
        TimeError: The period cannot be read.
        ConflictError: The period is not over, has no data, or is closed and unchanged.
        NotFoundError: There is no such subject.
    """
    months = MonthRange.from_text(period_text)
    with installation(data_folder) as services:
        subject = find_subject(services, subject_text)
        whose = Whose(subject.tenant_id, subject.id)
        statement = _standing(services, whose, months)
        if statement is None:
            with unit_of_work(services.engine) as session:
                work = Work(session, services)
                chosen = gwp_set or standing_gwp_set(work, whose, months)
                statement = close_period(work, whose, months, reason=reason, gwp_set=chosen)
        _bring_to_chain(services, statement)
        with reading(services.engine) as session:
            statement = statements.by_id(session, statement.tenant_id, statement.id)
            findings = list(findings_of(Work(session, services), statement))
            job = jobs.by_key(session, statement.tenant_id, job_key(statement))
    if is_json:
        print_json(StatementOut.of(statement, str(months)).model_dump(mode="json") | {"findings": findings})
    else:
        _show(statement, months, subject.name)
        listed("The auditor found:", findings)
    if statement.state in _ON_ITS_WAY:
        tell(f"Not on the chain yet{f': {job.error}' if job and job.error else ''}.")
        tell("  next step  Run the same command again, or let `climate-fitness serve` go on with it.")
    return ExitCode.DONE if statement.state is StatementState.ISSUED else ExitCode.PARTLY


def run_close_all(period_text: str, *, besides: str = "", gwp_set: GwpSet | None, is_json: bool, data_folder: Path | None) -> int:
    """Close a period of every subject that has activity in it and no statement yet; all of them come to the chain as one batch.

    Args:
        period_text: Which months.
        besides: What was typed besides: there is nothing to say to all of them.
        gwp_set: Set that single gases are weighted with; AR5 where left out.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 0 all are issued, 1 some were refused or are not on the chain yet.

    Raises:
        InputError: Something was typed besides the period.
        TimeError: The period cannot be read.
        ChainError: The chain does not answer, or is another one.
    """
    if besides:
        raise InputError(
            "All subjects are closed with a period alone",
            expected="close --all PERIOD: no subject, and no reason, since what is closed stays as it is",
            got=besides,
            next_step="Close one subject again with `close SUBJECT PERIOD --reason`.",
        )
    months = MonthRange.from_text(period_text)
    with installation(data_folder) as services:
        refused = _close_all(services, months, gwp_set or GwpSet.AR5)
        with reading(services.engine) as session:
            counts = month_end.state_counts(session, months)
    waiting_count = sum(counts.get(state, 0) for state in _ON_ITS_WAY)
    findings_count = counts.get(StatementState.FINDINGS, 0)
    if is_json:
        print_json(
            {
                "period": str(months),
                "statements": {str(state): count for state, count in sorted(counts.items())},
                "refused": [asdict(one) for one in refused],
            }
        )
    else:
        say(f"{months}: {sum(counts.values()) or 'no'} statements")
        for state, count in sorted(counts.items()):
            say(f"  {state:<10}  {count:>8,}")
        listed("Refused:", [f"{one.name} ({one.subject_id[:8]}): {one.reason}" for one in refused])
    if waiting_count:
        tell(f"{waiting_count:,} are not on the chain yet.")
        tell("  next step  Run the same command again, or let `climate-fitness serve` go on with them.")
    return ExitCode.PARTLY if refused or waiting_count or findings_count else ExitCode.DONE


def _close_all(services: Services, months: MonthRange, gwp_set: GwpSet) -> list[Refusal]:
    """Close, endorse, sign and send: by this process where it can own the chain; else it closes, and the one that does goes on.

    Raises:
        ChainError: The chain does not answer, or is another one; what is closed is closed.
        AuditError: A process of the auditor died; what is done is done.
    """
    try:
        desk = open_desk(services)
    except ChainError as error:
        refused = _shown("Closing", open_count(services, months), close_open(services, months, gwp_set=gwp_set))
        if error.message != CHAIN_IN_USE:
            raise
        tell(f"Another process owns the chain ({error.got}) and goes on with it; waiting up to {LONGEST_WAIT_S:.0f} s.")
        ask_month_end(services, months)
        _wait_for_all(services, months, _ON_ITS_WAY, lambda: 0)
        return refused
    with closing(desk):
        to_close_count, to_audit_count = open_count(services, months), closed_count(services, months)
        with auditor_of(services, to_close_count + to_audit_count) as ask:
            steps = close_and_endorse(services, desk, months, gwp_set=gwp_set, ask=ask)
            refused = _shown("Closing, and asking the auditor", 2 * to_close_count + to_audit_count, steps)
        sign_accepted(services, desk, months)
        worker = Worker(services, desk)
        _wait_for_all(services, months, _SIGNED, worker.tick)
    return refused


def _shown(label: str, steps_count: int, steps: Iterable[Step]) -> list[Refusal]:
    """Who is refused in these steps, while a bar shows how far they are."""
    refused: list[Refusal] = []
    with progress(label, steps_count=steps_count) as bar:
        for step in steps:
            refused += step.refused
            bar.update(step.subjects_count)
    return refused


def _wait_for_all(services: Services, months: MonthRange, states: Collection[StatementState], tick: Callable[[], int]) -> None:
    """Look again and again while statements of the period are in these states and there is time."""
    end_s = services.clock.monotonic_s() + LONGEST_WAIT_S
    while services.clock.monotonic_s() < end_s:
        done_count = tick()
        with reading(services.engine) as session:
            counts = month_end.state_counts(session, months)
        if not any(counts.get(state) for state in states):
            return
        if done_count == 0:
            time.sleep(PAUSE_S)


def _standing(services: Services, whose: Whose, months: MonthRange) -> StatementRow | None:
    """The statement of a closed, unchanged period that moves on to the chain: an earlier run was interrupted."""
    with reading(services.engine) as session:
        period = periods.by_months(session, whose.tenant_id, whose.subject_id, months)
        if period is None or period.is_changed_since_close:
            return None
        found = statements.latest_of_period(session, whose.tenant_id, period.id)
        if found is None or found.state not in _ON_ITS_WAY or is_stuck(Work(session, services), found):
            return None
    return found


def _bring_to_chain(services: Services, statement: StatementRow) -> None:
    """Endorse and send: by this process where it can own the chain, else by the one that does.

    Raises:
        ChainError: The chain does not answer, or is another one.
    """
    with progress("Asking the auditor, then the chain", steps_count=len(_ON_ITS_WAY)) as bar:
        try:
            desk = open_desk(services)
        except ChainError as error:
            if error.message != CHAIN_IN_USE:
                raise
            tell(f"Another process owns the chain ({error.got}) and goes on with it; waiting up to {LONGEST_WAIT_S:.0f} s.")
            for _ in _looks(services, statement, bar.update):
                time.sleep(PAUSE_S)
            return
        with closing(desk):
            worker = Worker(services, desk)
            for _ in _looks(services, statement, bar.update):
                if worker.tick() == 0:
                    time.sleep(PAUSE_S)


def _looks(services: Services, statement: StatementRow, update: object) -> Iterator[StatementState]:
    """The statement's state again and again, while it is on its way and there is time."""
    end_s, before = services.clock.monotonic_s() + LONGEST_WAIT_S, statement.state
    while services.clock.monotonic_s() < end_s:
        with reading(services.engine) as session:
            state = statements.by_id(session, statement.tenant_id, statement.id).state
        if state is not before and callable(update):
            update(1)
        before = state
        if state not in _ON_ITS_WAY:
            return
        yield state


def _show(statement: StatementRow, months: MonthRange, name: str) -> None:
    totals = statement.totals
    say(f"{name}, {months}, revision {statement.revision}: {statement.state}")
    say(f"  net        {tonnes_text(totals.net_ug_co2e)} t CO2e")
    say(f"  gross      {tonnes_text(totals.gross_location_ug_co2e)} t CO2e location based")
    say(f"             {tonnes_text(totals.gross_market_ug_co2e)} t CO2e market based")
    if totals.retired_g_co2e:
        say(f"  retired    {tonnes_text(totals.retired_g_co2e * MICRO_PER_UNIT)} t CO2e of carbon credits")
    say(f"  method     {statement.method}")
    say(f"  statement  {statement.id}")
    say(f"  manifest   {statement.manifest_hash_hex}")
    say(f"  proof      /proof/{statement.public_token}")
