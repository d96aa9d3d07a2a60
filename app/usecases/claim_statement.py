"""Claiming a person's statement into a wallet: only where the person asked for it, after a plain warning.

A person's statements are anchored: a root reaches the chain, and nothing can be read from it. Whoever opts in has an account
stand in the leaf of the statements that are closed from then on. The chain still sees a root only, until somebody sends the
claim: then account, period and grams are public for good. The wallet itself sends it and pays for it; no key of ours is needed.
"""

import json
from dataclasses import dataclass

from app.services import Whose, Work
from app.store import ledger, subjects
from app.store.ledger import LedgerAction, OutboxState
from app.store.statements import StatementRow
from app.store.subjects import PEOPLE
from domain.bundle import issuance_from_json
from domain.canonical import from_canonical
from domain.errors import ConflictError, InputError
from domain.issuance import ZERO_ADDRESS
from ledger.address import address_from_text
from ledger.claims import claim_data

WARNING = (
    "Claiming makes public, for good, which account holds the statement, its period, and its grams of CO2e: gross, retired and "
    "net. Anybody can read them on the chain and add up what an account holds; nobody can take them back."
)
"""Shown before anybody opts in or gets a claim."""


@dataclass(frozen=True, slots=True)
class ClaimCall:
    """A transaction that a wallet sends.

    Attributes:
        chain_id: On which chain.
        contract: 0x address that it goes to.
        data: Its calldata.
        holder: Account that gets the token.
        token_id_hex: The token, 64 hexadecimal digits.
        net_g_co2e: Grams that become public, beside gross and retired.
    """

    chain_id: int
    contract: str
    data: bytes
    holder: str
    token_id_hex: str
    net_g_co2e: int


def allow_claims(work: Work, whose: Whose, holder: str, *, is_public_understood: bool) -> str:
    """Let the statements that a person or household closes from now on be claimed into a wallet.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        holder: 0x address of the wallet.
        is_public_understood: That the person was shown `WARNING` and agrees.

    Returns:
        The address, checksummed.

    Raises:
        NotFoundError: There is no such subject.
        InputError: It is no address, or the warning was not agreed to.
        ConflictError: The subject is a business, whose statements are tokens by themselves.
    """
    _check_understood(is_public_understood=is_public_understood)
    row = subjects.by_id(work.session, whose.tenant_id, whose.subject_id)
    if row.kind not in PEOPLE:
        raise ConflictError(
            "The statements of a business are tokens by themselves", expected="a person or a household", got=str(row.kind)
        )
    address = address_from_text(holder, record="holder")
    subjects.set_chain_holder(work.session, whose.tenant_id, whose.subject_id, address)
    return address


def forbid_claims(work: Work, whose: Whose) -> None:
    """Have no account stand in the statements that are closed from now on; what was claimed stays public.

    Args:
        work: The open transaction and the services.
        whose: The subject.

    Raises:
        NotFoundError: There is no such subject.
        ConflictError: The subject is a business.
    """
    row = subjects.by_id(work.session, whose.tenant_id, whose.subject_id)
    if row.kind not in PEOPLE:
        raise ConflictError("The statements of a business are tokens", expected="a person or a household", got=str(row.kind))
    subjects.set_chain_holder(work.session, whose.tenant_id, whose.subject_id, "")


def claim_of(work: Work, statement: StatementRow, *, is_public_understood: bool) -> ClaimCall:
    """The transaction that claims a statement.

    Args:
        work: The open transaction and the services; nothing is written.
        statement: Which.
        is_public_understood: That whoever asks was shown `WARNING` and agrees.

    Returns:
        What a wallet sends.

    Raises:
        InputError: The warning was not agreed to.
        ConflictError: It is not on the chain for good yet, is a token already, or has no holder in its leaf.
    """
    _check_understood(is_public_understood=is_public_understood)
    session, tenant_id = work.session, statement.tenant_id
    row = ledger.issuance_of_statement(session, tenant_id, statement.id)
    outbox = ledger.outbox_of(session, tenant_id, row.batch_root_hex) if row else None
    if row is None or outbox is None or outbox.state is not OutboxState.FINAL:
        raise ConflictError(
            "This statement is not on the chain yet",
            expected="a statement whose root is final",
            got=str(outbox.state) if outbox else str(statement.state),
            record=f"statement {statement.id}",
            next_step="Wait until its proof holds.",
        )
    if row.action is LedgerAction.ISSUE:
        raise ConflictError("This statement is a token already", expected="an anchored statement", got=row.token_id_hex)
    issuance = issuance_from_json(from_canonical(row.issuance_json.encode()))
    if issuance.holder == ZERO_ADDRESS:
        raise ConflictError(
            "This statement was closed for nobody's wallet",
            expected="a statement that was closed after claims were allowed",
            got="no account in its leaf",
            record=f"statement {statement.id}",
            next_step="Allow claims (climate-fitness claim allow), then restate the period.",
        )
    batch = ledger.batch_of(session, tenant_id, row.batch_root_hex)
    proof = [bytes.fromhex(node) for node in json.loads(row.proof_json)]
    return ClaimCall(
        chain_id=batch.chain_id,
        contract=batch.contract,
        data=claim_data(bytes.fromhex(row.batch_root_hex), issuance, proof),
        holder=issuance.holder,
        token_id_hex=row.token_id_hex,
        net_g_co2e=issuance.net_g_co2e,
    )


def _check_understood(*, is_public_understood: bool) -> None:
    if not is_public_understood:
        raise InputError(
            "Claiming makes holder and amounts public",
            expected="that you agree to it",
            got="no agreement",
            next_step=f"{WARNING} Agree with --make-public, or is_public_understood.",
        )
