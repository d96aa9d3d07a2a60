"""Which queue an installation has: the table `job` embedded, Procrastinate on PostgreSQL."""

from app.clock import Clock, Randomness
from app.jobs.table_queue import TableQueue
from app.services import Services
from app.store.session import Engine
from app.work_queue import WorkQueue
from domain.errors import InputError


def open_queue(engine: Engine, clock: Clock, randomness: Randomness) -> WorkQueue:
    """The queue on a database; its tables are made where they are absent.

    Args:
        engine: The database, migrated.
        clock: Tells the time.
        randomness: Gives the jitter.

    Returns:
        The queue.

    Raises:
        InputError: PostgreSQL without Procrastinate.
    """
    if engine.dialect.name != "postgresql":
        return TableQueue(engine, clock, randomness)
    try:
        from app.jobs.procrastinate_queue import ProcrastinateQueue  # noqa: PLC0415 - in the extra `postgres`
    except ImportError as error:
        raise InputError(
            "PostgreSQL needs the extra `postgres`",
            expected="the package procrastinate",
            got="none",
            next_step="Install it: pip install 'climate-fitness[postgres]'.",
        ) from error
    return ProcrastinateQueue(engine, clock, randomness)


def queues_of(services: Services) -> tuple[WorkQueue, ...]:
    """Every queue of an installation: its own, and the table `job`, which holds what needs the chain on every database."""
    table = TableQueue(services.engine, services.clock, services.randomness)
    return (services.queue,) if isinstance(services.queue, TableQueue) else (services.queue, table)
