"""Putting one installation together from its settings: database, keys, archive, factors, auditor, queue."""

from base64 import b64decode

from app.chain import AuditorNode, load_key
from app.clock import Clock, Randomness
from app.data_folder import make_private_file, open_data_folder
from app.desk import open_desk, passphrase_of
from app.factor_packs import installed_factor_set
from app.jobs.open_queue import open_queue
from app.security.kek import LocalKek, make_kek
from app.security.vault import Vault
from app.services import Services
from app.settings import Settings
from app.store import installation
from app.store import session as database
from app.store.session import Engine
from archive.local import LocalArchive
from domain.errors import ConflictError
from ledger.signing import AuditorKey

__all__ = ["DATA_FOLDER_FORMAT", "OPERATOR", "open_desk", "open_services", "passphrase_of"]

OPERATOR = "this installation"
"""Who runs the embedded auditor."""

DATA_FOLDER_FORMAT = "climate-fitness/data/1"
"""Name and version of the data folder's layout: database, archive, chain, keys."""

_FOLDER_FACT = "data_folder"


def open_services(settings: Settings, *, clock: Clock, randomness: Randomness) -> Services:
    """The parts of an installation; its folder, keys and tables are made where they are absent.

    Args:
        settings: Checked settings.
        clock: Tells the time.
        randomness: Gives chance.

    Returns:
        The services.

    Raises:
        SecurityError: The data folder or a key file is readable by others, or a key file is damaged.
        FactorSetError: The shipped factor set or a pack is damaged.
        InputError: The database's address cannot be used.
        ConflictError: The data folder has the layout of another version.
    """
    folder = settings.data_folder
    open_data_folder(settings)
    engine = database.engine_of(settings.database_address())
    if not settings.database_url.get_secret_value():
        make_private_file(settings.database_file())
    database.upgrade(engine)
    _check_folder(engine)
    factor_set = installed_factor_set(folder)
    region = settings.auditor_region
    key = load_key(
        AuditorKey, folder / "keys" / f"auditor-{region.lower()}.json", passphrase_of(settings, "auditor", randomness), randomness
    )
    return Services(
        settings=settings,
        clock=clock,
        randomness=randomness,
        engine=engine,
        vault=Vault(kek_of(settings, randomness), randomness.bytes),
        archive=LocalArchive(folder / "archive"),
        factor_set=factor_set,
        zones_of_region=factor_set.regions.zones_of,
        auditor=AuditorNode(f"embedded-{region.lower()}", region, OPERATOR, key),
        queue=open_queue(engine, clock, randomness),
    )


def _check_folder(engine: Engine) -> None:
    """Note the layout of a new data folder; refuse one of another version.

    Raises:
        ConflictError: The folder was written by a version that lays it out differently.
    """
    with database.reading(engine) as session:  # opening an installation that is there waits for nobody who writes
        found = installation.fact(session, _FOLDER_FACT)
    if found is None:
        with database.unit_of_work(engine) as session:
            found = installation.claim_fact(session, _FOLDER_FACT, DATA_FOLDER_FORMAT)
    if found != DATA_FOLDER_FORMAT:
        raise ConflictError(
            "This data folder has another layout",
            expected=DATA_FOLDER_FORMAT,
            got=found,
            next_step="Use the version of the program that wrote it, or another folder.",
        )


def kek_of(settings: Settings, randomness: Randomness) -> LocalKek:
    """The key-encryption key of an installation: as it is set, else of its file, made where there is none."""
    given = settings.key_encryption_key.get_secret_value()
    return LocalKek(b64decode(given), randomness.bytes) if given else make_kek(settings.kek_path(), randomness.bytes)
