"""Going to another chain: every root is anchored again, once, and bundles that are out stay valid."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.assemble import open_desk, open_services
from app.chain import EMBEDDED_LABEL, ChainDesk, load_key
from app.clock import SeededRandomness
from app.desk import passphrase_of
from app.services import Work
from app.settings import Settings
from app.store import anchors, ledger, statements
from app.store.ledger import LedgerAction, OutboxState
from app.store.session import reading, unit_of_work
from app.store.statements import StatementRow, StatementState
from app.usecases import migrate_chain as subject
from app.usecases.close_month_end import close_open, endorse_month_end
from app.usecases.endorse_statement import endorse_statement
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.look_at_chain import verify_with_chain
from app.usecases.migrate_chain import elsewhere_count, migrate_roots
from app.usecases.revoke_statement import revoke_statement
from app.usecases.send_outbox import pending_count, send_outbox
from app.usecases.verify_bundle import Step, StepState, Verdict, verdict
from domain.issuance import ZERO_ADDRESS
from domain.period import MonthRange
from ledger.chain import ChainClient
from ledger.embedded import EmbeddedChain
from ledger.loopback import LoopbackRpc
from ledger.signing import RelayerKey
from tests.app.usecases.installation import Installation
from tests.app.usecases.test_close_month_end import fill
from tests.app.usecases.test_send_outbox import CrashError, outbox, queued_of, restated

PRIVATE_ID = 4_242


@dataclass
class Private:
    """A chain of somebody else, on this machine, with a contract of the installation's.

    Attributes:
        chain: The chain.
        url: Where it answers.
        contract: 0x address of the contract.
    """

    chain: EmbeddedChain
    url: str
    contract: str

    def sent_count(self) -> int:
        """Transactions after the deployment."""
        return int(self.chain.request("eth_blockNumber", []), 16) - 1


@pytest.fixture
def private(installation: Installation, tmp_path: Path) -> Iterator[Private]:
    """The private chain, with the account of the installation funded."""
    services = installation.services
    path = services.settings.data_folder / "keys" / "relayer.json"
    payer = load_key(RelayerKey, path, passphrase_of(services.settings, "relayer", services.randomness), services.randomness)

    def now() -> float:
        return installation.clock.now().timestamp()

    with EmbeddedChain(tmp_path / "private", funded=(payer.address,), clock=now, chain_id=PRIVATE_ID) as chain:
        auditor = services.auditor
        contract = ChainClient(chain).deploy(payer, auditors={auditor.key.address: 1 << auditor.region_index}, quorum=1)
        rpc = LoopbackRpc(chain, secret="private")
        yield Private(chain, rpc.url, contract)
        rpc.close()


@dataclass
class Issued:
    """What stands on the embedded chain before the move.

    Attributes:
        household: An anchored statement.
        business: A token.
        superseded: A token whose statement was restated.
        restatement: What took its place.
    """

    household: StatementRow
    business: StatementRow
    superseded: StatementRow
    restatement: StatementRow

    def all(self) -> tuple[StatementRow, ...]:
        """Every statement."""
        return self.household, self.business, self.superseded, self.restatement


@pytest.fixture
def issued(installation: Installation, desk: ChainDesk) -> Issued:
    """Four statements, final on the embedded chain."""
    bakery, shop = installation.business(), installation.business()
    household = queued_of(installation, installation.household(), desk)
    business = queued_of(installation, bakery, desk)
    superseded = queued_of(installation, shop, desk)
    send_outbox(installation.services, desk)
    restatement = restated(installation, shop)
    endorse_statement(installation.services, desk, restatement.tenant_id, restatement.id)
    send_outbox(installation.services, desk)
    assert pending_count(installation.services) == 0
    return Issued(household, business, superseded, restatement)


def moved_to(installation: Installation, private: Private) -> Installation:
    """The installation with the private chain in its settings."""
    settings = Settings(
        data_folder=installation.services.settings.data_folder,
        chain_url=SecretStr(private.url),
        chain_id=PRIVATE_ID,
        chain_contract=private.contract,
        chain_name="Consortium",
    )
    services = open_services(settings, clock=installation.clock, randomness=SeededRandomness("moved"))
    return Installation(services, installation.clock)


@pytest.fixture
def moved(installation: Installation, private: Private, issued: Issued, desk: ChainDesk) -> Iterator[Installation]:
    """The installation after its settings were changed."""
    assert len(issued.all()) == 4
    desk.close()
    made = moved_to(installation, private)
    yield made
    made.close()


@pytest.fixture
def there(moved: Installation) -> Iterator[ChainDesk]:
    """The private chain's desk."""
    opened = open_desk(moved.services)
    yield opened
    opened.close()


def bundle(installation: Installation, row: StatementRow) -> bytes:
    """A statement's bundle as of now."""
    with reading(installation.services.engine) as session:
        statement = statements.by_id(session, row.tenant_id, row.id)
        return export_bundle(Work(session, installation.services), statement, Shown.EVERYTHING).to_bytes()


def steps_of(data: bytes, installation: Installation, chain: ChainDesk) -> dict[str, Step]:
    """What a verification against a chain says."""
    steps = verify_with_chain(data, factor_set=installation.services.factor_set, chain=chain)
    return {one.name: one for one in steps}


def test_every_root_is_anchored_again(moved: Installation, there: ChainDesk, private: Private, issued: Issued) -> None:
    """All roots stand on the new chain for good; a token that stands is a token there, a superseded one is a root."""
    assert elsewhere_count(moved.services, there) == 4
    assert send_outbox(moved.services, there) == 0
    assert migrate_roots(moved.services, there) == 4
    send_outbox(moved.services, there)
    assert {outbox(moved, row).state for row in issued.all()} == {OutboxState.FINAL}
    assert (private.sent_count(), elsewhere_count(moved.services, there)) == (4, 0)
    standing = {}
    with moved.looking() as work:
        for row in issued.all():
            issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
            assert issuance is not None
            root = bytes.fromhex(issuance.batch_root_hex)
            found = there.standing(root, int(issuance.token_id_hex, 16))
            standing[row.id] = (issuance.action, found.is_anchored, found.token_root == root)
    assert standing[issued.household.id] == (LedgerAction.ANCHOR, True, False)
    assert standing[issued.business.id][::2] == (LedgerAction.ISSUE, True)
    assert standing[issued.superseded.id] == (LedgerAction.ANCHOR, True, False)
    assert standing[issued.restatement.id][::2] == (LedgerAction.ISSUE, True)
    with moved.looking() as work:
        superseded = ledger.issuance_of_statement(work.session, issued.superseded.tenant_id, issued.superseded.id)
    assert superseded is not None
    ended = there.token(int(superseded.token_id_hex, 16))
    assert ended is not None
    assert (ended.status, ended.batch) == (2, 0)
    states = [moved.statement(row).state for row in issued.all()]
    assert states == [StatementState.ISSUED, StatementState.ISSUED, StatementState.SUPERSEDED, StatementState.ISSUED]


def test_restatement_that_was_only_anchored_becomes_a_token(
    installation: Installation, desk: ChainDesk, private: Private, issued: Issued
) -> None:
    """What a former version could only anchor, a business's restated statement, is its token on the next contract."""
    desk.close()
    root_hex = outbox(installation, issued.restatement).root_hex
    with unit_of_work(installation.services.engine) as session:
        for table, key in (("outbox", "root_hex"), ("issuance", "batch_root_hex")):
            session.connection().exec_driver_sql(f"UPDATE {table} SET action = 'anchor' WHERE {key} = ?", (root_hex,))  # noqa: S608
    moved = moved_to(installation, private)
    there = open_desk(moved.services)
    migrate_roots(moved.services, there)
    send_outbox(moved.services, there)
    with moved.looking() as work:
        issuance = ledger.issuance_of_statement(work.session, issued.restatement.tenant_id, issued.restatement.id)
    assert issuance is not None
    token = there.token(int(issuance.token_id_hex, 16))
    assert token is not None
    assert (issuance.action, token.status, token.root.hex()) == (LedgerAction.ISSUE, 1, root_hex)
    there.close()
    moved.close()


@pytest.mark.parametrize("is_sent", [False, True])
def test_revocations_go_along(
    installation: Installation, desk: ChainDesk, private: Private, issued: Issued, *, is_sent: bool
) -> None:
    """What was revoked is revoked on the new chain too, sent or not before: a root, and no token ever."""
    for row in (issued.household, issued.business):
        revoke_statement(installation.services, desk, installation.statement(row), "The meter was another's.")
    if is_sent:
        send_outbox(installation.services, desk)
    desk.close()
    moved = moved_to(installation, private)
    there = open_desk(moved.services)
    assert elsewhere_count(moved.services, there) == 6
    assert migrate_roots(moved.services, there) == 6
    send_outbox(moved.services, there)
    assert (pending_count(moved.services, there), elsewhere_count(moved.services, there)) == (0, 0)
    assert (migrate_roots(moved.services, there), private.sent_count()) == (0, 6)
    for row in (issued.household, issued.business):
        with moved.looking() as work:
            issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
        assert issuance is not None
        token = there.token(int(issuance.token_id_hex, 16))
        assert token is not None
        assert (token.status, token.batch, issuance.action) == (3, 0, LedgerAction.ANCHOR)
        assert steps_of(bundle(moved, row), moved, there)["chain"].state is StepState.FAILED
    there.close()
    moved.close()


def test_tokens_of_a_month_go_along(installation: Installation, desk: ChainDesk, private: Private) -> None:
    """A batch of tokens is issued at once on the new chain too, under the root that it had."""
    shops = [installation.business() for _ in range(3)]
    for whose in shops:
        fill(installation, whose)
    months = MonthRange.from_text("2025-03")
    assert list(close_open(installation.services, months))
    endorse_month_end(installation.services, desk, months)
    send_outbox(installation.services, desk)
    desk.close()
    moved = moved_to(installation, private)
    there = open_desk(moved.services)
    assert migrate_roots(moved.services, there) == 1
    send_outbox(moved.services, there)
    assert private.sent_count() == 1
    for whose in shops:
        with moved.looking() as work:
            (row,) = statements.of_subject(work.session, whose.tenant_id, whose.subject_id)
            issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
        assert issuance is not None
        token = there.token(int(issuance.token_id_hex, 16))
        assert token is not None
        assert (issuance.action, token.status, token.root.hex()) == (LedgerAction.ISSUE, 1, issuance.batch_root_hex)
    there.close()
    moved.close()


def test_second_run_finds_nothing(moved: Installation, there: ChainDesk, private: Private) -> None:
    """Migrating again moves nothing and sends nothing."""
    for _ in range(2):
        migrate_roots(moved.services, there)
        send_outbox(moved.services, there)
    assert (migrate_roots(moved.services, there), private.sent_count()) == (0, 4)


@pytest.mark.parametrize("after_count", range(4))
def test_run_that_was_killed_goes_on(moved: Installation, there: ChainDesk, private: Private, after_count: int) -> None:
    """However far a run came, the next one moves the rest, and each root is sent once."""
    real: Callable[..., object] = subject.sign_known  # type: ignore[attr-defined]  # as the module has it
    calls: list[object] = []

    def dies(*arguments: object) -> object:
        if len(calls) == after_count:
            raise CrashError
        calls.append(arguments)
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "sign_known", dies)
        with pytest.raises(CrashError):
            migrate_roots(moved.services, there)
    assert elsewhere_count(moved.services, there) == 4 - after_count
    send_outbox(moved.services, there)
    assert migrate_roots(moved.services, there) == 4 - after_count
    send_outbox(moved.services, there)
    assert (private.sent_count(), pending_count(moved.services, there)) == (4, 0)


def test_what_was_on_its_way_goes_too(installation: Installation, desk: ChainDesk, private: Private) -> None:
    """A batch that was signed or queued for the former chain is sent to the new one alone."""
    household = installation.household()
    queued, signed = queued_of(installation, household, desk), queued_of(installation, household, desk, "2025-05")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "broadcast", lambda _: (_ for _ in ()).throw(CrashError()))
        with pytest.raises(CrashError):
            send_outbox(installation.services, desk)
    desk.close()
    moved = moved_to(installation, private)
    there = open_desk(moved.services)
    assert migrate_roots(moved.services, there) == 2
    send_outbox(moved.services, there)
    assert [outbox(moved, row).state for row in (queued, signed)] == [OutboxState.FINAL] * 2
    assert private.sent_count() == 2
    assert [moved.statement(row).state for row in (queued, signed)] == [StatementState.ISSUED] * 2
    there.close()
    moved.close()


def test_old_bundles_stay_valid(installation: Installation, moved: Installation, there: ChainDesk, issued: Issued) -> None:
    """A bundle from before the move holds against the new chain, which says where it looked; one from after names the new."""
    rows = (issued.household, issued.business)
    old = [bundle(installation, row) for row in rows]
    before = steps_of(old[0], moved, there)
    assert before["chain"].state is StepState.NOT_CHECKED
    assert before["chain"].detail.startswith(f"the chain at hand is {PRIVATE_ID}, the statement is on ")
    assert verdict(tuple(before.values())) is Verdict.CONSISTENT
    migrate_roots(moved.services, there)
    send_outbox(moved.services, there)
    for row, data in zip(rows, old, strict=True):
        after = steps_of(data, moved, there)
        assert verdict(tuple(after.values())) is Verdict.HOLDS, after
        assert f"found; Consortium (chain {PRIVATE_ID}); the file names chain" in after["chain"].detail
        fresh = steps_of(bundle(moved, row), moved, there)
        assert verdict(tuple(fresh.values())) is Verdict.HOLDS, fresh
        assert fresh["chain"].detail.endswith(f"found; Consortium (chain {PRIVATE_ID})")


def test_root_that_is_not_here_proves_nothing(moved: Installation, there: ChainDesk, issued: Issued) -> None:
    """Signatures for another chain count only where the root stands on this one."""
    migrate_roots(moved.services, there)
    steps = steps_of(bundle(moved, issued.household), moved, there)
    assert steps["chain"].state is StepState.FAILED
    assert "The batch is not on the chain" in steps["chain"].detail


def test_what_was_before_is_kept(moved: Installation, there: ChainDesk, issued: Issued) -> None:
    """Signatures, transactions and block of the former chain stay known, so that it can still be looked at there."""
    row = outbox(moved, issued.household)
    migrate_roots(moved.services, there)
    with reading(moved.services.engine) as session:
        (former,) = anchors.former_anchors(session, row.root_hex)
    assert (former.state, former.tx_hashes_json, former.block_number) == (OutboxState.FINAL, row.tx_hashes_json, row.block_number)
    assert former.chain_id != PRIVATE_ID


def test_back_again_costs_nothing(moved: Installation, there: ChainDesk, installation: Installation) -> None:
    """Back on the former chain every root is found as it stood: success, without a transaction."""
    migrate_roots(moved.services, there)
    send_outbox(moved.services, there)
    desk = open_desk(installation.services)
    before = desk.next_nonce(desk.signer_address)
    assert migrate_roots(installation.services, desk) == 4
    send_outbox(installation.services, desk)
    assert (pending_count(installation.services, desk), elsewhere_count(installation.services, desk)) == (0, 0)
    assert desk.next_nonce(desk.signer_address) <= before + 1  # the superseded token's root was no root of its own there
    assert desk.label == EMBEDDED_LABEL
    desk.close()


def test_expired_on_the_way(moved: Installation, there: ChainDesk, issued: Issued) -> None:
    """A root whose new signature expired before it was sent is signed again, although its statement is issued long since."""
    migrate_roots(moved.services, there)
    moved.clock.advance(30 * 24 * 3600)
    send_outbox(moved.services, there)
    send_outbox(moved.services, there)
    assert {outbox(moved, row).state for row in issued.all()} == {OutboxState.FINAL}
    assert moved.statement(issued.household).state is StatementState.ISSUED


def test_holder_of_nothing_is_not_a_token(issued: Issued, installation: Installation) -> None:
    """What the tests above call a token has a holder, and what they call anchored has none."""
    with installation.looking() as work:
        found = [ledger.issuance_of_statement(work.session, row.tenant_id, row.id) for row in issued.all()[:2]]
    assert [ZERO_ADDRESS in (one.issuance_json if one else "") for one in found] == [True, False]
