"""`connections held` and `connections retry`: what came and could not be used, and reading it again."""

from pathlib import Path

from app.api.models import HeldOut, RetriedOut
from app.cli.connecting import all_connections, find_connection
from app.cli.installation import installation
from app.cli.terminal import ExitCode, print_json, say, table
from app.services import Services
from app.store import quarantine
from app.store.connections import ConnectionRow, ConnectionState
from app.store.session import reading
from app.usecases.retry_held import retry_held

_ID_COUNT = 8


def list_held(connection_text: str, *, is_json: bool, data_folder: Path | None) -> int:
    """Print what is set aside, with the reason of each.

    Args:
        connection_text: Id or the beginning of one; all where empty.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 1 where something is set aside.

    Raises:
        NotFoundError: There is no such connection.
        InputError: Several fit.
    """
    with installation(data_folder) as services:
        rows = _rows(services, connection_text)
        with reading(services.engine) as session:
            found = [
                (row, HeldOut.of(one))
                for row in rows
                for one in quarantine.of_connection(session, row.tenant_id, row.id, limit_count=quarantine.MOST_HELD_COUNT)
            ]
    if is_json:
        print_json([{"connection": row.id, **held.model_dump(mode="json")} for row, held in found])
    elif found:
        table([_cells(row, held) for row, held in found], head=("id", "provider", "since", "record", "why"))
        say()
        say("Read it again: climate-fitness connections retry")
    else:
        say("Nothing is set aside.")
    return ExitCode.PARTLY if found else ExitCode.DONE


def run_retry(connection_text: str, *, is_json: bool, data_folder: Path | None) -> int:
    """Read again what is set aside, and print what became of it.

    Args:
        connection_text: Id or the beginning of one; all where empty.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 1 where something still is.

    Raises:
        NotFoundError: There is no such connection.
        InputError: Several fit.
        ArchiveError: An original is lost or changed.
    """
    with installation(data_folder) as services:
        rows = [one for one in _rows(services, connection_text) if one.state is not ConnectionState.ENDED]
        found = [(row, retry_held(services, row.tenant_id, row.id)) for row in rows]
    if is_json:
        print_json([{"connection": row.id, **RetriedOut.of(one).model_dump(mode="json")} for row, one in found])
    for row, one in found if not is_json else ():
        said = f"{one.documents_count} documents read again, {one.released_count} of them whole now"
        say(f"{row.title} ({row.id[:_ID_COUNT]}): {said}; {one.held_count} still set aside")
    if not found and not is_json:
        say("There is no connection.")
    return ExitCode.PARTLY if any(one.held_count for _, one in found) else ExitCode.DONE


def _rows(services: Services, connection_text: str) -> list[ConnectionRow]:
    if connection_text:
        return [find_connection(services, connection_text)]
    return [row for row, _ in all_connections(services, "")]


def _cells(row: ConnectionRow, held: HeldOut) -> tuple[str, str, str, str, str]:
    parts = [held.message, *(f"{name} {said}" for name, said in (("expected", held.expected), ("got", held.got)) if said)]
    why = _printable("; ".join(parts) + (f". {held.next_step}" if held.next_step else ""))
    return row.id[:_ID_COUNT], row.title, held.at.date().isoformat(), _printable(held.record) or "the document", why


def _printable(text: str) -> str:
    """What a provider wrote, in one line, without signs that move the cursor or colour the terminal."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
