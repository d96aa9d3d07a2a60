"""Retiring units on the chain (offsets, RECs) for a subject: the paying account's own, used up for good.

    queued     the retirement, with 32 random bytes that stand for it on the chain as its beneficiary, and its transaction
    final      nobody can take it back: a job takes offsets in as carbon credits of the subject, once; the net of its month has
               that much less

Nothing on the chain says for whom: the beneficiary is random, and told here. No other retirement names it, so what the chain has
retired for it says whether this one was done, whoever died in between: the contract itself would use units up twice.
"""

from dataclasses import dataclass

from app.chain import ChainDesk
from app.services import Services, Whose, Work
from app.store import endings, jobs, ledger, subjects
from app.store.endings import RetirementRow
from app.store.ledger import LedgerAction, OutboxRow, OutboxState
from app.store.session import unit_of_work
from app.usecases.retire_credits import RetirementInput, retire_credits
from domain.canonical import Json, to_canonical
from domain.errors import ConflictError, InputError, NotFoundError
from domain.fields import Fields
from domain.issuance import IssuanceKind
from domain.period import local_day, zone_of

COUNT_JOB = "count_retirement"
"""Kind of the job that takes a final retirement in."""

UNITS = (IssuanceKind.REC, IssuanceKind.OFFSET)
"""Kinds of token that are units."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A retirement that is on its way.

    Attributes:
        row: What is retired.
        outbox: Its transaction.
    """

    row: RetirementRow
    outbox: OutboxRow


def retire_units(
    services: Services, chain: ChainDesk, whose: Whose, token_id_hex: str, *, amount: int, kind: IssuanceKind
) -> Asked:
    """Use up units of the paying account for a subject, for good.

    Args:
        services: What the program works with.
        chain: Where the units are; it is asked before anything is opened.
        whose: For whom.
        token_id_hex: The units, 64 hexadecimal digits.
        amount: Watt-hours of a REC, grams CO2e of an offset.
        kind: What they must be.

    Returns:
        The retirement, queued; `send_outbox` brings it to the chain.

    Raises:
        InputError: The amount is nothing, or it is no id of a token.
        NotFoundError: There is no such subject or token.
        ConflictError: They are units of another kind, revoked, or the account has too few.
        ChainError: The chain does not answer.
    """
    token_id = _token_id(token_id_hex)
    _check_units(chain, token_id, amount, kind)
    now = services.clock.now()
    with unit_of_work(services.engine) as session:
        subjects.by_id(session, whose.tenant_id, whose.subject_id)
        row = RetirementRow(
            beneficiary_hex=services.randomness.bytes(32).hex(),
            tenant_id=whose.tenant_id,
            subject_id=whose.subject_id,
            token_id_hex=f"{token_id:064x}",
            kind=int(kind),
            amount=amount,
            created_at=now,
        )
        payload: dict[str, Json] = {"amount": str(amount), "token_id": row.token_id_hex}
        outbox = OutboxRow(
            root_hex=row.beneficiary_hex,
            tenant_id=whose.tenant_id,
            action=LedgerAction.RETIRE,
            state=OutboxState.QUEUED,
            payload_json=to_canonical(payload).decode(),
            next_at=now,
            created_at=now,
            updated_at=now,
            chain_id=chain.chain_id,
            contract=chain.contract,
        )
        endings.add_retirement(session, row)
        ledger.add_transaction(session, outbox)
    return Asked(row, outbox)


def retirement_from_json(value: Json) -> tuple[int, int]:
    """Token and amount of a retirement, as the outbox keeps them.

    Args:
        value: Its payload.

    Raises:
        CanonicalError: A field is missing or is not what it must be.
    """
    fields = Fields(value, "retirement")
    return int(fields.hash_hex("token_id"), 16), fields.amount("amount")


def ask_to_count(work: Work, outbox: OutboxRow) -> None:
    """Have a retirement that is final taken in, in the transaction that says so."""
    payload = to_canonical({"beneficiary": outbox.root_hex}).decode()
    jobs.enqueue(
        work.session, outbox.tenant_id, f"{COUNT_JOB}:{outbox.root_hex}", COUNT_JOB, payload, now=work.services.clock.now()
    )


def count_retirement(services: Services, tenant_id: str, beneficiary_hex: str) -> None:
    """Take retired offsets in as carbon credits of their subject; again changes nothing. RECs have no place in the net.

    Args:
        services: What the program works with.
        tenant_id: Of the subject.
        beneficiary_hex: What stands for the retirement on the chain.

    Raises:
        NotFoundError: There is no such retirement, or its subject was erased.
        TimeError: Its day has not come in the subject's time zone yet.
    """
    with unit_of_work(services.engine) as session:
        row = endings.retirement_of(session, tenant_id, beneficiary_hex)
        if row.kind != IssuanceKind.OFFSET:
            return
        outbox = ledger.outbox_of(session, tenant_id, beneficiary_hex)
        subject = subjects.by_id(session, tenant_id, row.subject_id)
        said = RetirementInput(
            registry=f"{outbox.chain_id}:{outbox.contract}",
            serial=row.beneficiary_hex,  # the chain's event `Retired` is found by it, and names the token
            quantity_text=f"{row.amount // 1000}.{row.amount % 1000:03d}",
            unit="kg",
            on_date=str(local_day(row.created_at, zone_of(subject.zone or "UTC"))),
        )
        retire_credits(Work(session, services), Whose(tenant_id, row.subject_id), said)


def _token_id(text: str) -> int:
    digits = text.removeprefix("0x")
    try:
        number = int(digits, 16) if digits.isalnum() and digits.isascii() else -1
    except ValueError:
        number = -1
    if not 0 <= number < 2**256:
        raise InputError("This is no id of a token", expected="up to 64 hexadecimal digits", got=text, record="token")
    return number


def _check_units(chain: ChainDesk, token_id: int, amount: int, kind: IssuanceKind) -> None:
    """Refuse what the contract would refuse, in words.

    Raises:
        InputError: The amount is nothing.
        NotFoundError: There is no such token.
        ConflictError: It is of another kind, revoked, or the account has too few.
    """
    if amount <= 0:
        raise InputError("Units are retired by the gram or watt-hour", expected="1 or more", got=str(amount), record="amount")
    record = f"token {token_id:064x}"
    token = chain.token(token_id)
    if token is None:
        raise NotFoundError("There is no such token on the chain", expected="the id of units", got=f"{token_id:064x}")
    if token.kind != kind or token.status != 1:
        raise ConflictError(
            "These units cannot be retired so",
            expected=f"active units of kind {int(kind)} ({kind.name.lower()})",
            got=f"kind {token.kind}, status {token.status}",
            record=record,
            next_step="RECs are retired by --kwh, offsets by --t or --kg; revoked units not at all.",
        )
    left = chain.units_left(token_id)
    if left < amount:
        raise ConflictError(
            "The paying account has too few of these units",
            expected=f"at most {left}",
            got=str(amount),
            record=record,
            next_step=f"Have them sent to {chain.signer_address}.",
        )
