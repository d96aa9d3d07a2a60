"""`revoke` and `retire-units`: what ends for good on the chain, brought there by this process."""

import time
from contextlib import closing
from pathlib import Path

from app.assemble import open_desk
from app.chain import ChainDesk
from app.cli.installation import find_statement, find_subject, installation
from app.cli.terminal import ExitCode, print_json, say, tell
from app.jobs.worker import Worker
from app.services import Services, Whose
from app.store import ledger
from app.store.ledger import OutboxRow, OutboxState
from app.store.session import reading
from app.usecases.retire_units import retire_units
from app.usecases.revoke_statement import revoke_statement
from domain.errors import InputError
from domain.issuance import IssuanceKind
from domain.number import decimal_from_text

_PARTS_IN = {"t": 1_000_000, "kg": 1_000, "kwh": 1_000}
"""Grams, or watt-hours, in one of each."""

PAUSE_S = 1.0
"""Between two looks while the chain works, seconds."""


def run_revoke(
    statement_text: str, *, reason: str, is_for_good: bool, wait_s: float, is_json: bool, data_folder: Path | None
) -> int:
    """Withdraw a statement for good.

    Args:
        statement_text: Which.
        reason: Why, in one sentence.
        is_for_good: Whether it was agreed that nobody can take it back.
        wait_s: How long to wait for the chain, seconds.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 0 the chain has it for good, 1 it is on its way or failed.

    Raises:
        InputError: It was not agreed, or there is no reason.
        ConflictError: It cannot be revoked.
        ChainError: The chain does not answer, or is another one.
    """
    _check_agreed(is_for_good=is_for_good)
    with installation(data_folder) as services, closing(open_desk(services)) as desk:
        with reading(services.engine) as session:
            statement = find_statement(session, statement_text)
        sent = _bring(services, desk, revoke_statement(services, desk, statement, reason), wait_s)
    about = {"statement": statement.id, "token_id": sent.root_hex}
    _tell_sent(sent, about, f"Revision {statement.revision} is revoked", is_json=is_json)
    return _code(sent)


def run_retire_units(
    subject_text: str,
    *,
    token: str,
    amounts: dict[str, str],
    is_for_good: bool,
    wait_s: float,
    is_json: bool,
    data_folder: Path | None,
) -> int:
    """Use up units of the paying account for a subject, for good.

    Args:
        subject_text: For whom.
        token: The units, hexadecimal.
        amounts: How much, decimal text by "t", "kg" (of an offset) or "kwh" (of a REC); one is not empty.
        is_for_good: Whether it was agreed that nobody can take it back.
        wait_s: How long to wait for the chain, seconds.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 0 the chain has it for good, 1 it is on its way or failed.

    Raises:
        InputError: It was not agreed, or there is not one amount, in whole grams or watt-hours.
        NotFoundError: There is no such subject or token.
        ConflictError: The account has too few of these units, or they are others.
        ChainError: The chain does not answer, or is another one.
    """
    _check_agreed(is_for_good=is_for_good)
    amount, kind = _amount(amounts)
    with installation(data_folder) as services, closing(open_desk(services)) as desk:
        subject = find_subject(services, subject_text)
        asked = retire_units(services, desk, Whose(subject.tenant_id, subject.id), token, amount=amount, kind=kind)
        sent = _bring(services, desk, asked.outbox, wait_s)
    unit = "Wh" if kind is IssuanceKind.REC else "g CO2e"
    about = {"subject": subject.id, "token_id": asked.row.token_id_hex, "amount": str(amount), "unit": unit}
    about["beneficiary"] = asked.row.beneficiary_hex
    _tell_sent(sent, about, f"Retired for {subject.name}: {amount:,} {unit}", is_json=is_json)
    return _code(sent)


def _amount(amounts: dict[str, str]) -> tuple[int, IssuanceKind]:
    """Grams of an offset, or watt-hours of a REC.

    Raises:
        InputError: Not exactly one amount is given, or it is no whole number of them.
    """
    given = [(unit, text) for unit, text in amounts.items() if text]
    if len(given) != 1:
        raise InputError("A retirement has one amount", expected="--t, --kg or --kwh", got=f"{len(given)}", record="amount")
    ((unit, text),) = given
    amount = decimal_from_text(text, record="amount") * _PARTS_IN[unit]
    if amount != int(amount):
        raise InputError(
            "Units are retired by the gram or watt-hour", expected="a whole number of them", got=f"{text} {unit}", record="amount"
        )
    return int(amount), IssuanceKind.REC if unit == "kwh" else IssuanceKind.OFFSET


def _check_agreed(*, is_for_good: bool) -> None:
    """Refuse what nobody can take back, unless it was agreed.

    Raises:
        InputError: It was not.
    """
    if not is_for_good:
        raise InputError(
            "Nobody can take this back, not even the auditors",
            expected="that you agree to it",
            got="no agreement",
            next_step="Agree with --for-good.",
        )


def _bring(services: Services, desk: ChainDesk, asked: OutboxRow, wait_s: float) -> OutboxRow:
    """Send it, and look until it is final or failed, or the time is over."""
    worker, end_s = Worker(services, desk), services.clock.monotonic_s() + wait_s
    while True:
        is_idle = worker.tick() == 0
        with reading(services.engine) as session:
            row = ledger.outbox_of(session, asked.tenant_id, asked.root_hex)
        is_over = is_idle and row.state in {OutboxState.FINAL, OutboxState.FAILED}
        if is_over or services.clock.monotonic_s() >= end_s:
            return row
        if is_idle:
            time.sleep(PAUSE_S)


def _tell_sent(sent: OutboxRow, about: dict[str, str], done: str, *, is_json: bool) -> None:
    if is_json:
        print_json({**about, "chain_id": str(sent.chain_id), "state": str(sent.state), "error": sent.error})
    elif sent.state is OutboxState.FINAL:
        say(f"{done}, on chain {sent.chain_id}, for good.")
    if sent.state is OutboxState.FAILED:
        tell(f"The chain refused: {sent.error}")
    elif sent.state is not OutboxState.FINAL:
        tell(f"Not on the chain for good yet ({sent.state}). `climate-fitness serve` goes on with it.")


def _code(sent: OutboxRow) -> int:
    return ExitCode.DONE if sent.state is OutboxState.FINAL else ExitCode.PARTLY
