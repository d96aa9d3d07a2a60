"""Opening the chain of an installation: for the one process that owns it."""

from app.chain import ChainDesk, keystore_passphrase, open_chain
from app.clock import Randomness
from app.data_folder import make_private_file, make_private_folder
from app.security.kek import make_kek
from app.services import Services
from app.settings import Settings


def open_desk(services: Services) -> ChainDesk:
    """The chain of an installation; this process is its owner from now on.

    Args:
        services: The installation.

    Returns:
        The desk; close it to let go of the chain.

    Raises:
        ChainError: Another process owns the embedded chain, or the chain is another one.
    """
    settings, randomness = services.settings, services.randomness
    if not settings.chain_url.get_secret_value():
        make_private_folder(settings.data_folder / "chain")
        make_private_file(settings.data_folder / "chain" / "chain.sqlite3")
    passphrase = passphrase_of(settings, "relayer", randomness)
    return open_chain(settings, services.auditor, passphrase=passphrase, clock=services.clock, randomness=randomness)


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
