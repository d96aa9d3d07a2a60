"""An installation whose chain is a node elsewhere: anvil, or the embedded chain of another installation behind a proxy."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.assemble import open_desk, open_services
from app.chain import ChainDesk, load_key
from app.clock import FixedClock, SystemRandomness
from app.desk import passphrase_of
from app.services import Whose
from app.settings import Settings
from app.store import ledger
from app.store.ledger import OutboxRow, OutboxState
from app.store.statements import StatementRow, StatementState
from app.usecases.endorse_statement import endorse_statement
from domain.period import Month
from ledger.chain import ChainClient
from ledger.signing import RelayerKey
from tests.anvil import CHAIN_ID, Anvil
from tests.app.usecases.installation import Installation, steady

FIRST_MONTH = Month(2024, 1)


@dataclass
class Remote:
    """An installation on a chain elsewhere.

    Attributes:
        installation: The installation; its time is the real one's when it was opened, and stands still.
        desk: Its chain.
        anvil: The node.
        contract: 0x address of the contract.
    """

    installation: Installation
    desk: ChainDesk
    anvil: Anvil
    contract: str

    def close(self) -> None:
        """Let go of both."""
        self.desk.close()
        self.installation.close()

    def queued(self, whose: Whose, number: int = 0) -> StatementRow:
        """A signed statement of a month of the subject."""
        month = FIRST_MONTH.plus(number)
        self.installation.take(whose, steady(month.first_date(), month.first_date()))
        row = self.installation.close_months(whose, str(month))
        assert endorse_statement(self.installation.services, self.desk, row.tenant_id, row.id) is StatementState.QUEUED
        return row

    def outbox(self, row: StatementRow) -> OutboxRow:
        """The statement's outbox row."""
        return outbox_of(self.installation, row)

    def state(self, row: StatementRow) -> OutboxState:
        """Where the statement's batch stands."""
        return self.outbox(row).state

    def anchored_count(self) -> int:
        """Transactions of the account that are in blocks, apart from the deployment."""
        return self.desk.next_nonce(self.desk.signer_address) - 1


def outbox_of(installation: Installation, row: StatementRow) -> OutboxRow:
    """A statement's outbox row."""
    with installation.looking() as work:
        issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
        assert issuance is not None
        return ledger.outbox_of(work.session, row.tenant_id, issuance.batch_root_hex)


def opened(folder: Path, **fields: Any) -> Installation:  # noqa: ANN401 - any setting
    """An installation with these settings, at the real time: nodes elsewhere have no other."""
    clock = FixedClock(datetime.now(UTC))
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(data_folder=folder, **fields)
    return Installation(open_services(settings, clock=clock, randomness=SystemRandomness()), clock)


def on_chain(anvil: Anvil, *, url: str = "", contract: str = "") -> dict[str, Any]:
    """The settings that name a node's chain."""
    return {"chain_url": SecretStr(url or anvil.url), "chain_id": CHAIN_ID, "chain_contract": contract}


def deployed(folder: Path, anvil: Anvil) -> str:
    """0x address of a contract that the installation's account, funded now, deploys."""
    made = opened(folder)
    signer = payer_of(made)
    anvil.fund(signer.address)
    auditor = made.services.auditor
    contract = ChainClient(anvil.url).deploy(signer, auditors={auditor.key.address: 1 << auditor.region_index}, quorum=1)
    made.close()
    return contract


def payer_of(installation: Installation) -> RelayerKey:
    """The account of an installation."""
    services = installation.services
    path = services.settings.data_folder / "keys" / "relayer.json"
    return load_key(RelayerKey, path, passphrase_of(services.settings, "relayer", services.randomness), services.randomness)


def remote(folder: Path, anvil: Anvil, *, url: str = "", **fields: Any) -> Remote:  # noqa: ANN401 - any setting
    """An installation with a contract of its own on a node."""
    contract = deployed(folder, anvil)
    installation = opened(folder, **on_chain(anvil, url=url, contract=contract), **fields)
    return Remote(installation, open_desk(installation.services), anvil, contract)
