"""Verifying a statement of this installation for anybody who asks: done anew where something of it changed, else remembered.

A public page is asked for as often as somebody likes, and a verification reads and multiplies everything again. So what was found
is kept with the time at which it was, under a key that names all that can change it: every stored byte of the statement, its
issuance and batch, what the chain says of them now, who its auditors are, the factor set, and whether its subject was erased. The
bytes are read and hashed for every visitor; only the steps are not redone. Only what does not fail is kept.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock

import structlog

from app.chain import ChainDesk
from app.services import Services, Work
from app.store import ledger, statements, subjects
from app.store.session import reading
from app.store.statements import StatementRow
from app.usecases.export_bundle import fullest_bundle
from app.usecases.find_factor_set import factor_set_then
from app.usecases.look_at_chain import verify_with_chain
from app.usecases.verify_bundle import Step, first_failure
from domain.canonical import to_canonical
from domain.errors import ChainError, ClimateFitnessError

log = structlog.get_logger("app.usecases.verify_statement")

MAX_KEPT_COUNT = 256
"""Statements whose verification is kept; one is about 5 kB."""

LONGEST_AGE = timedelta(days=1)
"""After this long it is done anew."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of a statement.

    Attributes:
        steps: Every step of its verification.
        at: When they were taken; nothing that they depend on has changed since.
    """

    steps: tuple[Step, ...]
    at: datetime


class Verifications:
    """What was found of statements lately. Any thread may ask; who asks for the same at the same time waits for the first."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._kept: dict[tuple[str, Hashable], _Kept] = {}
        self._on_chain: dict[Hashable, tuple[Hashable, Hashable]] = {}

    def chain_state_of(self, name: Hashable, head: Hashable, ask: Callable[[], Hashable]) -> Hashable:
        """What a chain says of something, asked once a block.

        Args:
            name: Names what is asked for, on one contract of one chain.
            head: The newest block, with its hash: where it is the same, nothing has changed.
            ask: Asks the chain.

        Returns:
            What it says.
        """
        with self._guard:
            former = self._on_chain.get(name)
        if former is not None and former[0] == head:
            return former[1]
        state = ask()
        with self._guard:
            self._on_chain.pop(name, None)
            self._on_chain[name] = head, state
            while len(self._on_chain) > MAX_KEPT_COUNT:
                del self._on_chain[next(iter(self._on_chain))]
        return state

    def checked_of(self, name: str, key: Hashable, now: datetime, verify: Callable[[], tuple[Step, ...]]) -> Checked:
        """What was found under a key.

        Args:
            name: Of what it is: `is_kept` asks for it.
            key: Names everything that the steps depend on.
            now: The present instant.
            verify: Makes the steps where none are kept, or they are too old.

        Returns:
            What was found; kept unless a step failed.
        """
        with self._guard:
            kept = self._kept.pop((name, key), None) or _Kept()
            self._kept[name, key] = kept  # the newest last
            while len(self._kept) > MAX_KEPT_COUNT:
                del self._kept[next(iter(self._kept))]
        with kept.guard:
            if kept.checked is not None and timedelta() <= now - kept.checked.at <= LONGEST_AGE:
                return kept.checked
            checked = Checked(verify(), now)
            kept.checked = None if first_failure(checked.steps) else checked
            return checked

    def is_kept(self, name: str) -> bool:
        """Whether it was looked at lately, whatever came of it and has changed since."""
        with self._guard:
            return any(one == name for one, _ in self._kept)

    def count(self) -> int:
        """How many are kept."""
        with self._guard:
            return len(self._kept)


@dataclass
class _Kept:
    """What was found; None: nothing yet, or something that did not hold."""

    checked: Checked | None = None
    guard: Lock = field(default_factory=Lock)


def verify_statement(work: Work, statement: StatementRow, *, chain: ChainDesk | None, kept: Verifications) -> tuple[Step, ...]:
    """Every step of a statement's verification: the steps of `checked_statement`.

    Args:
        work: The open transaction and the services; nothing is written.
        statement: Which.
        chain: The chain at hand; None without one.
        kept: What was found lately.

    Returns:
        The steps in order.

    Raises:
        ConflictError: It was not signed yet.
        NotFoundError: The subject's key was destroyed: its inputs are erased.
        ChainError: The chain does not answer.
    """
    return checked_statement(work, statement, chain=chain, kept=kept).steps


def checked_statement(work: Work, statement: StatementRow, *, chain: ChainDesk | None, kept: Verifications) -> Checked:
    """Every step of a statement's verification, with the factor set that it was made with, and when they were taken.

    Args:
        work: The open transaction and the services; nothing is written.
        statement: Which.
        chain: The chain at hand; None without one.
        kept: What was found lately.

    Returns:
        The steps in order, of the fullest bundle that the statement fits in.

    Raises:
        ConflictError: It was not signed yet.
        NotFoundError: The subject's key was destroyed: its inputs are erased.
        ChainError: The chain does not answer.
    """
    services, now = work.services, work.services.clock.now()
    factor_set = factor_set_then(services, statement.factor_set) or services.factor_set

    def verify() -> tuple[Step, ...]:
        return verify_with_chain(fullest_bundle(work, statement).to_bytes(), factor_set=factor_set, chain=chain)

    issued = _issued_state(work, statement)
    if issued is None:
        return Checked(verify(), now)  # refuses: it is not signed
    at_hand = None if chain is None else _chain_state(work, statement, chain, kept)
    key = (_content_sha256(work, statement), factor_set.id.root_hex, issued, at_hand)
    return kept.checked_of(statement.id, key, now, verify)


def _content_sha256(work: Work, statement: StatementRow) -> bytes:
    """SHA-256 of all that is stored of a statement and goes into its fullest bundle, each part with its length before it."""
    session, tenant_id = work.session, statement.tenant_id
    digest = sha256()
    parts = [
        statement.manifest,
        statement.manifest_hash_hex.encode(),
        statement.sealed_statement_key,
        to_canonical(statement.unscored),
        *statements.line_bytes_of(session, tenant_id, statement.id),
        b"",
    ]
    for group_key, leaf in statements.leaves_of(session, tenant_id, statement.id):
        parts += [group_key.encode(), leaf or b""]
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


MOST_REMEMBERED_COUNT = MAX_KEPT_COUNT // 2
"""Statements that are verified before anybody asks."""


def remember_newest(services: Services, chain: ChainDesk, kept: Verifications) -> int:
    """Verify the newest statements that are on the chain, so that their first visitors find it done; how many that were.

    Args:
        services: What the program works with.
        chain: The chain at hand.
        kept: Where it is kept; what is there already is left.
    """
    with reading(services.engine) as session:
        newest = ledger.newest_issued(session, MOST_REMEMBERED_COUNT)
    done_count = 0
    for tenant_id, statement_id in newest:
        if kept.is_kept(statement_id):
            continue
        done_count += 1
        try:
            with reading(services.engine) as session:
                statement = statements.by_id(session, tenant_id, statement_id)
                checked_statement(Work(session, services), statement, chain=chain, kept=kept)
        except ChainError as error:
            log.warning("the chain does not answer: nothing is verified before somebody asks", error=error.sentence())
            return done_count
        except ClimateFitnessError as error:  # who looks at it is told; the others are still to do
            log.info("statement not verified", statement=statement_id, error=error.sentence())
    return done_count


def _chain_state(work: Work, statement: StatementRow, chain: ChainDesk, kept: Verifications) -> Hashable:
    """What a chain says of a statement, and the epoch of its auditors, which is one list; one question while no block came."""
    row = ledger.issuance_of_statement(work.session, statement.tenant_id, statement.id)
    if row is None:
        return None
    name = chain.chain_id, chain.contract, row.batch_root_hex, row.token_id_hex
    root, token_id = bytes.fromhex(row.batch_root_hex), int(row.token_id_hex, 16)

    def ask() -> Hashable:
        return chain.epoch(), chain.standing(root, token_id), chain.ended_status(root, token_id)

    return name, kept.chain_state_of(name, chain.head(), ask)


def _issued_state(work: Work, statement: StatementRow) -> Hashable:
    """Issuance, batch, outbox and endorsements as they stand; None where the statement was not signed."""
    session, tenant_id = work.session, statement.tenant_id
    row = ledger.issuance_of_statement(session, tenant_id, statement.id)
    if row is None:
        return None
    return (
        row,
        ledger.batch_of(session, tenant_id, row.batch_root_hex),
        ledger.outbox_of(session, tenant_id, row.batch_root_hex),
        ledger.endorsements_of(session, tenant_id, statement.id),
        subjects.by_id(session, tenant_id, statement.subject_id).erased_at,
        statement.state,
    )
