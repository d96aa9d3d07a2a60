"""`chain`: which chain it is and what stands there, a contract for it, and going over to it."""

import time
from contextlib import closing
from pathlib import Path

from app.assemble import open_desk
from app.chain import ChainDesk, label_of, open_signer, owner_of, remote_client
from app.cli.installation import installation
from app.cli.terminal import ExitCode, listed, print_json, progress, say, table, tell
from app.desk import passphrase_of
from app.jobs.worker import Worker
from app.services import Services
from app.store import anchors, chain_signers
from app.store.ledger import OutboxState
from app.store.session import reading
from app.usecases.migrate_chain import elsewhere_count, migrate_roots
from app.usecases.send_outbox import pending_count
from domain.errors import InputError

SHOWN_COUNT = 10
"""Rows with an error that are shown."""

PAUSE_S = 1.0
"""Between two looks while the chain works, seconds."""


def run_status(*, is_json: bool, data_folder: Path | None) -> int:
    """Print the chain in use, and how many roots stand there and elsewhere.

    Args:
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 1 where roots stand elsewhere, or failed.

    Raises:
        ChainError: The chain does not answer, or is another one.
    """
    with installation(data_folder) as services, closing(open_desk(services)) as desk:
        head_number, _ = desk.head()
        with reading(services.engine) as session:
            counts = anchors.counts_by_contract(session)
            gas_today = chain_signers.gas_of_day(session, desk.chain_id, desk.signer_address, now=services.clock.now())
            troubles = anchors.troubled(session, limit_count=SHOWN_COUNT)
        away_count = elsewhere_count(services, desk)
        owner = owner_of(services.settings.data_folder / "chain") if desk.is_embedded else None
        facts = {
            "chain": desk.label,
            "chain_id": desk.chain_id,
            "contract": desk.contract,
            "block": head_number,
            "account": desk.signer_address,
            "gas_today": gas_today,
            "gas_per_day": desk.gas_per_day,
            "rpc": owner.url if owner else "",
        }
    rows = [
        {"chain_id": chain_id, "contract": contract, "state": str(state), "count": count}
        for (chain_id, contract, state), count in counts.items()
    ]
    if is_json:
        waiting = [{"root": one.root_hex, "state": str(one.state), "error": one.error} for one in troubles]
        print_json({**facts, "roots": rows, "elsewhere": away_count, "troubles": waiting})
    else:
        for name, value in facts.items():
            if value != "":
                say(f"{name.replace('_', ' '):<12}  {value}")
        table(
            [[str(one["chain_id"]), str(one["contract"]), str(one["state"]), f"{one['count']:,}"] for one in rows],
            head=["chain", "contract", "state", "roots"],
            right=[3],
        )
        listed("Not well:", [f"{one.root_hex[:16]}… {one.state}: {one.error}" for one in troubles])
        if away_count:
            tell(f"{away_count:,} roots stand elsewhere: `climate-fitness chain migrate` anchors them here.")
    has_failed = any(state is OutboxState.FAILED for _, _, state in counts)
    return ExitCode.PARTLY if away_count or has_failed else ExitCode.DONE


def run_deploy(*, is_json: bool, data_folder: Path | None) -> None:
    """Deploy the contract on the chain that the settings name, with this installation's auditor; found where it is there.

    Args:
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Raises:
        InputError: No chain is named: the embedded one deploys by itself.
        ChainError: The chain does not answer, refuses, or is another one.
    """
    with installation(data_folder) as services:
        settings, auditor = services.settings, services.auditor
        if not settings.chain_url.get_secret_value():
            raise InputError(
                "The embedded chain has its contract by itself",
                expected="CF_CHAIN_URL and CF_CHAIN_ID",
                got="no address of a chain",
                next_step="Set both to deploy on another chain.",
            )
        signer = open_signer(
            settings, passphrase=passphrase_of(settings, "relayer", services.randomness), randomness=services.randomness
        )
        with remote_client(settings, contract="") as (client, node), closing(node):
            regions = {auditor.key.address: 1 << auditor.region_index}
            address = client.deploy(signer, auditors=regions, quorum=settings.auditor_quorum_count)
        label = label_of(settings, client.chain_id)
    if is_json:
        print_json({"chain_id": client.chain_id, "contract": address, "account": signer.address})
        return
    say(f"{label}: contract {address}, deployed by {signer.address}")
    say(f"Set CF_CHAIN_CONTRACT={address}, then `climate-fitness chain migrate`.")


def run_migrate(*, wait_s: float, is_json: bool, data_folder: Path | None) -> int:
    """Anchor every root that stands on another chain on the one in use, and see it final.

    Args:
        wait_s: How long to wait for the chain, seconds; what is not final then goes on with `serve`, or with another run.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 0 all stand here for good, 1 some are on their way or failed.

    Raises:
        ChainError: The chain does not answer, or is another one.
    """
    with installation(data_folder) as services, closing(open_desk(services)) as desk:
        away_count = elsewhere_count(services, desk)
        with progress("Signing for the new chain", steps_count=away_count) as bar:
            moved_count = migrate_roots(services, desk)
            bar.update(away_count)
        worker = Worker(services, desk)
        _wait(services, worker, wait_s)
        left_count = pending_count(services, desk)
        with reading(services.engine) as session:
            counts = anchors.counts_by_contract(session)
        here = {str(state): n for (chain_id, contract, state), n in counts.items() if _is_here(desk, chain_id, contract)}
        label = desk.label
    if is_json:
        print_json({"chain": label, "moved": moved_count, "here": here, "on_their_way": left_count})
    else:
        say(f"{label}: {moved_count:,} roots signed anew, {here.get(str(OutboxState.FINAL), 0):,} stand here for good")
    if left_count:
        tell(f"{left_count:,} are not final yet. Run it again, or let `climate-fitness serve` go on with them.")
    failed_count = here.get(str(OutboxState.FAILED), 0)
    if failed_count:
        tell(f"{failed_count:,} failed; `climate-fitness chain status` counts them.")
    return ExitCode.PARTLY if left_count or failed_count else ExitCode.DONE


def _is_here(desk: ChainDesk, chain_id: int, contract: str) -> bool:
    return (chain_id, contract.lower()) == (desk.chain_id, desk.contract.lower())


def _wait(services: Services, worker: Worker, wait_s: float) -> None:
    end_s = services.clock.monotonic_s() + wait_s
    while not worker.drain(rounds_count=1):
        if services.clock.monotonic_s() >= end_s:
            return
        time.sleep(PAUSE_S)
