"""The chain's desk: callers take turns, one call at a time."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr

from app.assemble import open_desk
from app.chain import CHAIN_IN_USE, ChainDesk, open_signer, owner_of
from app.clock import SystemRandomness
from app.services import Whose
from app.store import anchors
from app.store.ledger import OutboxState
from app.store.session import reading
from app.usecases.migrate_chain import elsewhere_count, migrate_roots
from app.usecases.send_outbox import send_outbox
from domain.errors import ChainError, SecurityError
from ledger.chain import ChainClient
from ledger.signing import RelayerKey
from tests.app.usecases.installation import Installation
from tests.app.usecases.test_send_outbox import outbox, queued_of


class Patient(list[str]):
    """Addresses between which somebody else calls the desk."""

    def __init__(self, addresses: list[str], desk: ChainDesk) -> None:
        super().__init__(addresses)
        self._desk = desk
        self.answers: list[int] = []

    def __iter__(self) -> Iterator[str]:
        """Each address; another thread's call is answered before the next one."""
        for address in super().__iter__():
            other = Thread(target=lambda: self.answers.append(self._desk.quorum()), daemon=True)
            other.start()
            other.join(timeout=10)
            yield address


def test_asking_for_many_lets_others_in_between(tmp_path: Path) -> None:
    """However many auditors one caller asks for, another caller waits for one answer at most."""
    made = Installation.open(tmp_path)
    desk = open_desk(made.services)
    known = made.services.auditor.key.address
    addresses = Patient([known, "0x" + "11" * 20, "0x" + "22" * 20], desk)
    assert desk.regions_of(addresses) == {known: 1, "0x" + "11" * 20: 0, "0x" + "22" * 20: 0}
    assert addresses.answers == [1, 1, 1]
    desk.close()
    made.close()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Installation]:
    """An installation."""
    installation = Installation.open(tmp_path)
    yield installation
    installation.close()


def test_contract_of_a_new_version(made: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the embedded chain's contract is not this version's, one is deployed beside it, found again, and gets the roots."""
    whose: Whose = made.household()
    first = open_desk(made.services)
    row = queued_of(made, whose, first)
    send_outbox(made.services, first)
    first.close()
    with monkeypatch.context() as patch:
        patch.setattr(ChainClient, "_find_contract", lambda *_: "")
        second = open_desk(made.services)
    assert second.contract != first.contract
    assert (elsewhere_count(made.services, second), send_outbox(made.services, second)) == (1, 0)
    assert migrate_roots(made.services, second) == 1
    send_outbox(made.services, second)
    assert outbox(made, row).state is OutboxState.FINAL
    second.close()
    again = open_desk(made.services)
    assert (again.contract, elsewhere_count(made.services, again)) == (second.contract, 0)
    with reading(made.services.engine) as session:
        (former,) = anchors.former_anchors(session, outbox(made, row).root_hex)
    assert former.contract == first.contract
    again.close()


def test_second_desk_goes_through_the_owner(made: Installation, tmp_path: Path) -> None:
    """Whoever comes second speaks to the owner; a server, which would lose the chain with that process, is refused."""
    whose = made.household()
    owner = open_desk(made.services)
    beside = open_desk(made.services)
    row = queued_of(made, whose, beside)
    send_outbox(made.services, beside)
    assert outbox(made, row).state is OutboxState.FINAL
    assert (beside.contract, beside.label, beside.is_embedded) == (owner.contract, owner.label, True)
    with pytest.raises(ChainError, match=CHAIN_IN_USE):
        open_desk(made.services, must_own=True)
    assert owner_of(tmp_path / "chain") is not None
    owner.close()
    assert owner_of(tmp_path / "chain") is None
    with pytest.raises(ChainError, match=r"The chain (does not answer|refuses; got the embedded chain is closed)"):
        beside.epoch()
    beside.close()


def test_own_key_file(made: Installation, tmp_path: Path) -> None:
    """The operator's key file pays where it is named; a wrong passphrase is refused without a word of either."""
    key = RelayerKey.from_bytes(bytes([7]) * 32)
    key.save(tmp_path / "payer.json", "open sesame", iterations=2)
    settings = made.services.settings
    named = settings.model_copy(
        update={"chain_keystore_file": tmp_path / "payer.json", "chain_keystore_passphrase": SecretStr("open sesame")}
    )
    assert open_signer(named, passphrase="", randomness=SystemRandomness()).address == key.address
    wrong = named.model_copy(update={"chain_keystore_passphrase": SecretStr("open barley")})
    with pytest.raises(SecurityError, match="The key cannot be opened") as refused:
        open_signer(wrong, passphrase="", randomness=SystemRandomness())
    shown = f"{refused.value.sentence()} {wrong!r}"
    assert "barley" not in shown
    assert (bytes([7]) * 32).hex() not in shown
