"""Opening the chain of an installation: the embedded one, as its owner or through its owner, or that of the settings."""

from app.chain import ChainDesk, keystore_passphrase, open_chain
from app.clock import Randomness
from app.data_folder import make_private_file, make_private_folder
from app.security.kek import make_kek
from app.services import Services
from app.settings import Settings
from app.store import installation
from app.store.session import unit_of_work
from domain.errors import ChainError


def open_desk(services: Services, *, must_own: bool = False) -> ChainDesk:
    """The chain of an installation; where it is the embedded one and nobody owns it, this process does from now on.

    Args:
        services: The installation.
        must_own: Refuse the embedded chain where another process owns it.

    Returns:
        The desk; close it to let go of the chain.

    Raises:
        ChainError: The chain does not answer, or it is another one than before under the same id.
        InputError: A chain's address is set without its id or its contract.
        SecurityError: The key file cannot be opened.
    """
    settings, randomness = services.settings, services.randomness
    if not settings.chain_url.get_secret_value():
        make_private_folder(settings.data_folder / "chain")
        make_private_file(settings.data_folder / "chain" / "chain.sqlite3")
    passphrase = passphrase_of(settings, "relayer", randomness)
    desk = open_chain(
        settings, services.auditor, passphrase=passphrase, clock=services.clock, randomness=randomness, must_own=must_own
    )
    try:
        _check_genesis(services, desk)
    except BaseException:
        desk.close()
        raise
    return desk


def _check_genesis(services: Services, desk: ChainDesk) -> None:
    """Note the first block of a chain that is new; refuse another one under the same id.

    Raises:
        ChainError: The chain begins with another block than the one that was known by this id.
    """
    got = desk.genesis_hash().hex()
    with unit_of_work(services.engine) as session:
        known = installation.claim_fact(session, f"chain {desk.chain_id} begins", got)
    if known != got:
        raise ChainError(
            "This is another chain with the same id",
            expected=f"first block {known}",
            got=got,
            record=f"chain {desk.chain_id}",
            next_step="Restore the chain, or correct its address in the settings.",
        )


def passphrase_of(settings: Settings, purpose: str, randomness: Randomness) -> str:
    """Passphrase of one of our key files: follows from the secret that is set, else from a file made once for this installation.

    Args:
        settings: May hold the secret.
        purpose: Which key file.
        randomness: Makes the secret where there is none.

    Returns:
        The passphrase.

    Raises:
        SecurityError: Others may read the file, or it is damaged.
    """
    secret_hex = settings.keystore_passphrase.get_secret_value()
    if not secret_hex:
        path = settings.data_folder / "keys" / "keystore.secret"
        make_kek(path, randomness.bytes)  # made once, refused where others could read it
        secret_hex = path.read_text(encoding="ascii").strip()
    return keystore_passphrase(bytes.fromhex(secret_hex), purpose)
