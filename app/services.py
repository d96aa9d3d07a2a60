"""What the program works with, put together once and handed to every use case."""

from collections.abc import Callable
from dataclasses import dataclass

from app.chain import AuditorNode
from app.clock import Clock, Randomness
from app.security.vault import Vault
from app.settings import Settings
from app.store.session import Engine, Session
from app.work_queue import WorkQueue
from archive.base import Archive
from scoring.factors.factor_set import FactorSet


@dataclass(frozen=True)
class Services:
    """The parts of one installation; none of them holds personal data of its own.

    Attributes:
        settings: Checked settings.
        clock: Tells the time.
        randomness: Gives chance.
        engine: The database.
        vault: Seals and opens what belongs to a subject.
        archive: Keeps sealed originals.
        factor_set: The published factors.
        zones_of_region: IANA zones of a region, the usual one first.
        auditor: The virtual auditor of this installation.
        queue: Holds work that is done later.
    """

    settings: Settings
    clock: Clock
    randomness: Randomness
    engine: Engine
    vault: Vault
    archive: Archive
    factor_set: FactorSet
    zones_of_region: Callable[[str], tuple[str, ...]]
    auditor: AuditorNode
    queue: WorkQueue


@dataclass(frozen=True, slots=True)
class Work:
    """An open transaction, with what the program works with. Whoever opened the transaction commits it.

    Attributes:
        session: The transaction.
        services: The parts of the installation.
    """

    session: Session
    services: Services


@dataclass(frozen=True, slots=True)
class Whose:
    """The subject that a piece of work is about.

    Attributes:
        tenant_id: Its tenant.
        subject_id: Its id.
    """

    tenant_id: str
    subject_id: str
