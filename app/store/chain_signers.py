"""Nonces and gas of the accounts that pay: one sequencer for each account on each chain, however many processes send.

Contract of `take_nonce`:
    durability   a nonce is given when the transaction that asked for it commits, together with the signed bytes that hold it;
                 a transaction that does not commit has given nothing, and its bytes were never sent
    concurrency  the account's row is locked until the transaction ends: two processes never get the same nonce
    ordering     the least nonce that no waiting bytes hold: a gap is filled before anything goes above it
"""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.ledger import OutboxState
from app.store.rows import insert_new
from app.store.tenant import INSTALLATION
from domain.errors import BudgetError

_HOLDING = (OutboxState.SIGNED, OutboxState.SENT, OutboxState.MINED, OutboxState.FINAL)
"""States of rows whose bytes hold their nonce. A failed or expired row's nonce was used up by the chain before it became so."""


def take_nonce(session: Session, chain_id: int, address: str, *, chain_nonce: int) -> int:
    """The nonce for the next transaction of an account.

    Args:
        session: The transaction that stores the signed bytes.
        chain_id: Which chain.
        address: 0x address of the account.
        chain_nonce: The least that the chain would take, asked for at any time before.
    """
    _lock(session, chain_id, address)
    outbox = tables.OUTBOX
    query = select(outbox.c.nonce).where(
        outbox.c.chain_id == chain_id,
        outbox.c.signer_address == address,
        outbox.c.nonce >= chain_nonce,
        outbox.c.state.in_([str(one) for one in _HOLDING]),
    )
    held = set(session.execute(query).scalars())
    nonce = chain_nonce
    while nonce in held:
        nonce += 1
    return nonce


def spend_gas(session: Session, chain_id: int, address: str, gas: int, *, now: datetime, limit_gas: int) -> None:
    """Book the gas of a transaction that is signed now.

    Args:
        session: The transaction that stores the signed bytes.
        chain_id: Which chain.
        address: 0x address of the account.
        gas: Its gas limit.
        now: The time; a day is one of UTC.
        limit_gas: Most gas of a day; 0 is no limit.

    Raises:
        BudgetError: The day's gas is spent; nothing was booked.
    """
    spent_gas = _lock(session, chain_id, address, day := f"{now:%Y-%m-%d}")
    if limit_gas and spent_gas + gas > limit_gas:
        raise BudgetError(
            expected=f"at most {limit_gas} gas on {day} (UTC)",
            got=f"{spent_gas + gas} gas",
            record=address,
            next_step="It goes on tomorrow by itself; CF_CHAIN_GAS_PER_DAY sets the budget.",
        )
    table = tables.CHAIN_SIGNER
    booked = {"day": day, "gas": spent_gas + gas}
    session.execute(update(table).where(table.c.name == _name(chain_id, address)).values(booked))


def gas_of_day(session: Session, chain_id: int, address: str, *, now: datetime) -> int:
    """Gas that was booked for an account today.

    Args:
        session: The open transaction.
        chain_id: Which chain.
        address: 0x address of the account.
        now: The time.
    """
    table = tables.CHAIN_SIGNER
    row = session.execute(select(table.c.day, table.c.gas).where(table.c.name == _name(chain_id, address))).first()
    return row.gas if row is not None and row.day == f"{now:%Y-%m-%d}" else 0


def _lock(session: Session, chain_id: int, address: str, day: str = "") -> int:
    """Lock an account's row, made where it is absent; the gas of this day."""
    table, name = tables.CHAIN_SIGNER, _name(chain_id, address)
    insert_new(session, table, {"tenant_id": INSTALLATION, "name": name, "day": "", "gas": 0})
    row = session.execute(select(table.c.day, table.c.gas).where(table.c.name == name).with_for_update()).one()
    return int(row.gas) if row.day == day else 0


def _name(chain_id: int, address: str) -> str:
    return f"{chain_id}:{address.lower()}"
