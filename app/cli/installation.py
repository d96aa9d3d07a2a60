"""The installation that commands work on: its data folder, opened as its operator, who sees every tenant."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.assemble import open_services
from app.clock import SystemClock, SystemRandomness
from app.logs import configure_logs
from app.services import Services
from app.settings import Settings, read_settings
from app.store import ledger, statements, subjects
from app.store.session import Session, reading
from app.store.statements import StatementRow
from app.store.subjects import SubjectRow
from domain.errors import InputError, NotFoundError

SHORTEST_PREFIX_COUNT = 4
"""Fewest characters of an id that may stand for it."""


def settings_of(data_folder: Path | None) -> Settings:
    """The settings of a command; its log goes to standard error, warnings and worse."""
    settings = read_settings(data_folder=data_folder)
    configure_logs(level="warning" if settings.log_level == "info" else settings.log_level, is_json=settings.is_json_log())
    return settings


def embedded_chain_path(settings: Settings) -> Path:
    """The file of an installation's own chain."""
    return settings.data_folder / "chain" / "chain.sqlite3"


@contextmanager
def installation(data_folder: Path | None) -> Iterator[Services]:
    """The services of an installation, for the length of a command.

    Args:
        data_folder: Folder of its data; the setting where left out.

    Yields:
        The services.

    Raises:
        InputError: The folder cannot be made or written.
    """
    settings = settings_of(data_folder)
    try:
        services = open_services(settings, clock=SystemClock(), randomness=SystemRandomness())
    except OSError as error:
        raise InputError(
            "The data folder cannot be used",
            expected="a folder that you may write to",
            got=error.strerror or type(error).__name__,
            record=str(settings.data_folder),
            next_step="Name another one with --data-folder, or mend its permissions.",
        ) from error
    try:
        yield services
    finally:
        services.engine.dispose()


def find_subject(services: Services, text: str) -> SubjectRow:
    """The subject that somebody means.

    Args:
        services: The installation.
        text: Its id, the beginning of one, or a name; the only subject where empty.

    Returns:
        The subject.

    Raises:
        NotFoundError: There is none.
        InputError: Several fit.
    """
    with reading(services.engine) as session:
        everybody = subjects.everybody(session)
    fitting = [one for one in everybody if one.erased_at is None and _is_meant(one.id, one.name, text)]
    exact = [one for one in fitting if one.id == text]
    if len(exact or fitting) == 1:
        return (exact or fitting)[0]
    known = ", ".join(f"{one.name} ({one.id[:8]})" for one in everybody[:10]) or "none yet"
    if not fitting:
        raise NotFoundError(
            "There is no such subject",
            expected=f"one of: {known}",
            got=text or "nothing",
            record="subject",
            next_step="Import a file with --place first." if not everybody else "See `climate-fitness subjects`.",
        )
    raise InputError(
        "Several subjects fit",
        expected=f"one of: {', '.join(f'{one.name} ({one.id[:8]})' for one in fitting[:10])}",
        got=text or "nothing",
        record="subject",
        next_step="Name one by its id; `climate-fitness subjects` lists them.",
    )


def find_statement(session: Session, text: str) -> StatementRow:
    """The statement that somebody means.

    Args:
        session: The open transaction.
        text: Its id, manifest hash, token, or the name of its proof page; or the beginning of one.

    Returns:
        The statement.

    Raises:
        NotFoundError: There is none.
        InputError: Several fit.
    """
    found = [
        statement
        for subject in subjects.everybody(session)
        for statement in statements.of_subject(session, subject.tenant_id, subject.id)
        if any(_is_prefix(name, text) for name in _names_of(session, statement))
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFoundError(
            "There is no such statement",
            expected="the id, manifest hash or token of a statement, or the beginning of one",
            got=text,
            record="statement",
            next_step="See `climate-fitness statements`.",
        )
    raise InputError(
        "Several statements fit",
        expected="more characters of the id",
        got=text,
        record="statement",
        next_step="See `climate-fitness statements`.",
    )


def _names_of(session: Session, statement: StatementRow) -> tuple[str, ...]:
    issuance = ledger.issuance_of_statement(session, statement.tenant_id, statement.id)
    token = (issuance.token_id_hex,) if issuance else ()
    return (statement.id, statement.manifest_hash_hex, statement.public_token, *token)


def _is_meant(subject_id: str, name: str, text: str) -> bool:
    return not text or _is_prefix(subject_id, text) or name.casefold() == text.casefold()


def _is_prefix(whole: str, text: str) -> bool:
    return whole == text or (len(text) >= SHORTEST_PREFIX_COUNT and whole.lower().startswith(text.lower()))
