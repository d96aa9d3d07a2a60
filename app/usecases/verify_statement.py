"""Verifying a statement of this installation for anybody who asks: done anew where something of it changed, else remembered.

A public page is asked for as often as somebody likes, and a verification reads and multiplies everything again. So what was found
is kept for a while, under a key that names all that can change it: the statement, its issuance and batch, what the chain says of
them now, who its auditors are, the factor set, and whether its subject was erased. Only what does not fail is kept.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock

from app.chain import ChainDesk
from app.services import Work
from app.store import ledger, subjects
from app.store.statements import StatementRow
from app.usecases.export_bundle import fullest_bundle
from app.usecases.find_factor_set import factor_set_then
from app.usecases.look_at_chain import verify_with_chain
from app.usecases.verify_bundle import Step, first_failure

MAX_KEPT_COUNT = 256
"""Statements whose verification is kept; one is about 5 kB."""

LONGEST_AGE_S = 600.0
"""After this long it is done anew, seconds: what lies in the database could have been changed by other means."""


class Verifications:
    """What was found of statements lately. Any thread may ask; who asks for the same at the same time waits for the first."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._kept: dict[Hashable, _Kept] = {}
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

    def steps_of(self, key: Hashable, now_s: float, verify: Callable[[], tuple[Step, ...]]) -> tuple[Step, ...]:
        """The steps under a key.

        Args:
            key: Names everything that the steps depend on.
            now_s: Any clock that never goes back, seconds.
            verify: Makes the steps where none are kept, or they are too old.

        Returns:
            The steps; kept unless one failed.
        """
        with self._guard:
            kept = self._kept.pop(key, None) or _Kept()
            self._kept[key] = kept  # the newest last
            while len(self._kept) > MAX_KEPT_COUNT:
                del self._kept[next(iter(self._kept))]
        with kept.guard:
            if kept.steps and now_s - kept.at_s <= LONGEST_AGE_S:
                return kept.steps
            steps = verify()
            kept.steps, kept.at_s = () if first_failure(steps) else steps, now_s
            return steps

    def count(self) -> int:
        """How many are kept."""
        with self._guard:
            return len(self._kept)


@dataclass
class _Kept:
    """What was found, and when; no steps yet, or none that held."""

    steps: tuple[Step, ...] = ()
    at_s: float = 0.0
    guard: Lock = field(default_factory=Lock)


def verify_statement(work: Work, statement: StatementRow, *, chain: ChainDesk | None, kept: Verifications) -> tuple[Step, ...]:
    """Every step of a statement's verification, with the factor set that it was made with.

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
    services = work.services
    factor_set = factor_set_then(services, statement.factor_set) or services.factor_set

    def verify() -> tuple[Step, ...]:
        return verify_with_chain(fullest_bundle(work, statement).to_bytes(), factor_set=factor_set, chain=chain)

    issued = _issued_state(work, statement)
    if issued is None:
        return verify()  # refuses: it is not signed
    at_hand = None if chain is None else _chain_state(work, statement, chain, kept)
    key = (statement.id, statement.manifest_hash_hex, factor_set.id.root_hex, issued, at_hand)
    return kept.steps_of(key, services.clock.monotonic_s(), verify)


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
