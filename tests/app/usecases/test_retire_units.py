"""Units on the chain, used up for a subject: once, whoever dies in between, and counted once."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import sleep

import pytest

from app.chain import ChainDesk
from app.jobs.worker import Worker
from app.services import Whose
from app.store import endings, ledger
from app.store.ledger import OutboxRow, OutboxState
from app.usecases.retire_units import Asked, count_retirement, retire_units
from app.usecases.send_outbox import LEASE_S, send_outbox
from domain.errors import ConflictError, InputError, NotFoundError
from domain.issuance import Envelope, Issuance, IssuanceKind
from ledger.issuance import leaf_of, token_id
from ledger.signing import sign_envelope
from tests.app.usecases.installation import Installation, steady
from tests.app.usecases.test_send_outbox import CrashError, _Unstable, sent_count

AMOUNT_G = 250_000


def issue_units(
    installation: Installation, desk: ChainDesk, kind: IssuanceKind, *, amount: int = AMOUNT_G, holder: str = ""
) -> int:
    """Units that the auditors issue to the paying account, or another one; their token."""
    auditor = installation.services.auditor
    issuance = Issuance(
        holder=holder or desk.signer_address,
        kind=kind,
        region=auditor.region_index,
        from_month_ym=202501,
        to_month_ym=202504,
        revision=1,
        subject=bytes([int(kind)]) * 32,
        inputs_root=bytes(32),
        manifest_hash=b"m" * 32,
        method_hash=b"h" * 32,
        gross_location_g_co2e=0,
        gross_market_g_co2e=0,
        retired_g_co2e=0,
        net_g_co2e=amount,
    )
    deadline_s = int(installation.clock.now().timestamp()) + 3600
    envelope = Envelope(leaf_of(issuance), 1, issuance.region, issuance.method_hash, deadline_s, desk.epoch())
    signature = sign_envelope(auditor.key, envelope, chain_id=desk.chain_id, contract=desk.contract)
    call = desk.prepare("issue", (issuance,), envelope, [signature])
    desk.broadcast(desk.sign(call, nonce=call.chain_nonce).raw)
    for _ in range(200):  # a node answers before it has made the block
        if desk.token(token_id(issuance)) is not None:
            return token_id(issuance)
        sleep(0.05)
    raise AssertionError


@pytest.fixture
def offset(installation: Installation, desk: ChainDesk) -> int:
    """250 kg of an offset, the account's."""
    return issue_units(installation, desk, IssuanceKind.OFFSET)


Retire = Callable[..., Asked]


@pytest.fixture
def retire(installation: Installation, household: Whose, desk: ChainDesk, offset: int) -> Retire:
    """Asks for a retirement of the offset."""

    def ask(amount: int = 1_500, token: int = offset, kind: IssuanceKind = IssuanceKind.OFFSET) -> Asked:
        return retire_units(installation.services, desk, household, f"{token:064x}", amount=amount, kind=kind)

    return ask


def transaction(installation: Installation, asked: Asked) -> OutboxRow:
    """The retirement's transaction as it stands."""
    with installation.looking() as work:
        return ledger.outbox_of(work.session, asked.row.tenant_id, asked.row.beneficiary_hex)


def test_offset_lowers_the_net(
    installation: Installation, household: Whose, desk: ChainDesk, retire: Retire, offset: int
) -> None:
    """The units are gone from the account, the chain tells the beneficiary, and the month's net has as much less."""
    asked = retire()
    assert Worker(installation.services, desk).drain()
    assert (transaction(installation, asked).state, desk.units_left(offset)) == (OutboxState.FINAL, AMOUNT_G - 1_500)
    client = desk._client  # noqa: SLF001 - the desk has no use for it
    assert client.retired_of(offset, bytes.fromhex(asked.row.beneficiary_hex)) == 1_500
    installation.take(household, steady(datetime(2025, 6, 1, tzinfo=UTC).date(), datetime(2025, 6, 1, tzinfo=UTC).date()))
    installation.clock.advance(30 * 24 * 3600)
    row = installation.close_months(household, "2025-06")
    assert row.totals.retired_g_co2e == 1_500
    assert row.totals.net_ug_co2e == row.totals.gross_market_ug_co2e - 1_500 * 10**6


def test_counting_again_changes_nothing(installation: Installation, desk: ChainDesk, household: Whose, retire: Retire) -> None:
    """A job that runs twice takes the credits in once."""
    asked = retire()
    assert Worker(installation.services, desk).drain()
    count_retirement(installation.services, household.tenant_id, asked.row.beneficiary_hex)
    installation.clock.advance(30 * 24 * 3600)
    installation.take(household, steady(datetime(2025, 6, 1, tzinfo=UTC).date(), datetime(2025, 6, 1, tzinfo=UTC).date()))
    assert installation.close_months(household, "2025-06").totals.retired_g_co2e == 1_500


def test_rec_is_used_up_and_not_counted(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """Watt-hours of a REC are retired on the chain; they have no place among carbon credits."""
    rec = issue_units(installation, desk, IssuanceKind.REC, amount=9_000)
    retire_units(installation.services, desk, household, hex(rec), amount=9_000, kind=IssuanceKind.REC)
    assert Worker(installation.services, desk).drain()
    assert desk.units_left(rec) == 0
    with installation.looking() as work:
        (row,) = endings.retirements_of(work.session, household.tenant_id, household.subject_id)
    assert (row.kind, row.amount, row.token_id_hex) == (1, 9_000, f"{rec:064x}")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["prepare_retirement", "sign", "broadcast", "receipt", "is_final_block"])
def test_crash_retires_once(  # noqa: PLR0917 - fixtures and both parameters
    installation: Installation, desk: ChainDesk, retire: Retire, offset: int, method: str, when: str
) -> None:
    """A process that dies around any word to the chain: its successor finishes, and the units are used up once."""
    asked, before = retire(), sent_count(desk)
    with pytest.raises(CrashError):
        send_outbox(installation.services, _Unstable(desk, method, when))  # type: ignore[arg-type]  # behaves as a desk
    installation.clock.advance(LEASE_S + 1)
    send_outbox(installation.services, desk)
    assert transaction(installation, asked).state is OutboxState.FINAL
    assert (desk.units_left(offset), sent_count(desk) - before) == (AMOUNT_G - 1_500, 1)


def test_restored_database_does_not_retire_twice(
    installation: Installation, desk: ChainDesk, retire: Retire, offset: int
) -> None:
    """A backup from before the sending finds the beneficiary served, which is success; the contract itself would do it again."""
    asked = retire()
    send_outbox(installation.services, desk)
    with installation.work() as work:
        work.session.connection().exec_driver_sql(
            "UPDATE outbox SET state = 'queued', raw = NULL, nonce = NULL, tx_hashes_json = '[]', block_number = NULL,"
            " block_hash_hex = NULL, next_at = created_at"
        )
    send_outbox(installation.services, desk)
    assert (transaction(installation, asked).state, desk.units_left(offset)) == (OutboxState.FINAL, AMOUNT_G - 1_500)


def test_two_retirements_are_two(installation: Installation, desk: ChainDesk, retire: Retire, offset: int) -> None:
    """The same amount of the same units twice is asked for twice, and done twice."""
    assert retire().row.beneficiary_hex != retire().row.beneficiary_hex
    send_outbox(installation.services, desk)
    assert desk.units_left(offset) == AMOUNT_G - 3_000


def test_what_cannot_be_retired(installation: Installation, household: Whose, desk: ChainDesk, retire: Retire) -> None:
    """Nothing, more than there is, units of another kind, of nobody, or no units: refused in words, and nothing is queued."""
    with pytest.raises(InputError, match="by the gram or watt-hour"):
        retire(0)
    with pytest.raises(ConflictError, match=rf"too few of these units; expected at most {AMOUNT_G}; got {AMOUNT_G + 1}"):
        retire(AMOUNT_G + 1)
    with pytest.raises(ConflictError, match=r"expected active units of kind 1 \(rec\); got kind 2, status 1"):
        retire(1, kind=IssuanceKind.REC)
    with pytest.raises(NotFoundError, match="no such token on the chain"):
        retire(1, token=5)
    for text in ("", "0x", "twelve", "-1", "0" * 64 + "1" + "0" * 64):
        with pytest.raises(InputError, match="no id of a token"):
            retire_units(installation.services, desk, household, text, amount=1, kind=IssuanceKind.OFFSET)
    ghost = Whose(household.tenant_id, "nobody")
    with pytest.raises(NotFoundError, match="no such subject"):
        retire_units(installation.services, desk, ghost, f"{token_of(retire):x}", amount=1, kind=IssuanceKind.OFFSET)
    with installation.looking() as work:
        assert endings.retirements_of(work.session, household.tenant_id, household.subject_id) == ()


def token_of(retire: Retire) -> int:
    """The units that a fixture retires."""
    defaults = retire.__defaults__
    assert defaults is not None
    return int(defaults[1])


def test_units_that_were_spent_meanwhile(installation: Installation, desk: ChainDesk, retire: Retire) -> None:
    """Two that each fit and together do not: the second is refused by the chain, named, and tried again until funds come."""
    first, second = retire(AMOUNT_G), retire(AMOUNT_G)
    send_outbox(installation.services, desk)
    rows = {transaction(installation, one).state: transaction(installation, one) for one in (first, second)}
    assert set(rows) == {OutboxState.FINAL, OutboxState.QUEUED}
    assert "balance is too small" in rows[OutboxState.QUEUED].error
