"""`connectors register`, `connect`, `connections`, `sync`, `disconnect`: accounts at providers, from the command line."""

import sys
import time
import webbrowser
from collections.abc import Mapping, Sequence
from getpass import getpass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from app.api.models import ConnectionOut, EndedOut
from app.cli.installation import SHORTEST_PREFIX_COUNT, find_subject, installation
from app.cli.terminal import ExitCode, print_json, say, table, tell
from app.services import Services, Whose, Work
from app.store import connections, subjects
from app.store.connections import ConnectionRow, ConnectionState
from app.store.session import reading, unit_of_work
from app.usecases.finish_connection import finish_connection
from app.usecases.local_account import local_account
from app.usecases.pull_connection import SyncReport
from app.usecases.reconnect import disconnect
from app.usecases.redirects import CALLBACK_PATH, own_redirect_uri
from app.usecases.register_provider import connector_of_provider, find_provider, register_provider
from app.usecases.revoke_access import Revocation
from app.usecases.start_connection import CONSENT_LIFETIME, KEY_ANSWER, ask_provider, start_connection
from app.usecases.sync_connection import sync_connection
from connectors.base import ApiKey
from domain.errors import ClimateFitnessError, ConflictError, InputError, NotFoundError, SecurityError, TryLaterError

_ID_COUNT = 8
_POLL_S = 0.5


def run_register(provider: str, *, client_id: str, data_folder: Path | None) -> int:
    """Note what a provider knows us by; the secret is asked for, or the first line of standard input.

    Args:
        provider: Id of the provider.
        client_id: The name that it gave us.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code.

    Raises:
        NotFoundError: There is no such provider.
        InputError: It needs no registration, or these are no credentials.
    """
    secret = _secret("Client secret (empty for a public client): ")
    with installation(data_folder) as services:
        register_provider(services, provider, client_id, secret)
        say(f"Registered with {provider} as {client_id}.")
        _, row = find_provider(connector_of_provider(provider), provider)
        say(f"Redirect address to enter there: {own_redirect_uri(services.settings.origin() + CALLBACK_PATH, row)}")
    return ExitCode.DONE


def run_connect(
    provider: str,
    *,
    subject_text: str,
    answers: Sequence[str],
    is_browser_wanted: bool,
    is_json: bool,
    data_folder: Path | None,
) -> int:
    """Connect an account: a key is asked for; for a consent, a browser opens and this command waits for the answer.

    Args:
        provider: Id of the provider.
        subject_text: Whose account; the only subject where empty.
        answers: `NAME=VALUE` for each question of the connector.
        is_browser_wanted: Whether to open a browser.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code.

    Raises:
        InputError: An answer is missing or cannot be, or the provider does not take the key.
        NotFoundError: There is no such provider or subject.
        ConflictError: This installation is not registered there, or its address is taken by the running server.
        SecurityError: The answer is none to this question.
        ConnectorError: The provider said no, is away, or answers what cannot be read.
    """
    given = dict(_pair(one) for one in answers)
    connector = connector_of_provider(provider)
    _, row = find_provider(connector, provider)
    if isinstance(row.auth, ApiKey) and KEY_ANSWER not in given:
        tell(row.auth.help)
        given[KEY_ANSWER] = _secret(f"Key of {row.title}: ")
    with installation(data_folder) as services:
        subject = find_subject(services, subject_text)
        whose = Whose(subject.tenant_id, subject.id)
        redirect_uri = services.settings.origin() + CALLBACK_PATH
        asked = ask_provider(services, whose, connector, provider, given, redirect_uri=redirect_uri)
        with unit_of_work(services.engine) as session:
            work = Work(session, services)
            account = local_account(work)
            started = start_connection(
                work, account.id, whose, connector, provider, given, redirect_uri=redirect_uri, asked=asked
            )
        if started.redirect_url:
            path = own_redirect_uri(CALLBACK_PATH, row)
            query = _answer_of_browser(services, started.redirect_url, path, is_browser_wanted=is_browser_wanted)
            came_to = path.removeprefix(CALLBACK_PATH).removeprefix("/")
            connection = finish_connection(services, query, came_to=came_to, session_sha256=b"")
        else:
            with reading(services.engine) as session:
                connection = connections.by_id(session, whose.tenant_id, started.connection_id)
    if is_json:
        print_json(ConnectionOut.of(connection).model_dump(mode="json"))
        return ExitCode.DONE
    say(f"Connected: {connection.title}, as {connection.id[:_ID_COUNT]}. {connection.health_said}".rstrip())
    say(f"Read it now: climate-fitness sync {connection.id[:_ID_COUNT]}")
    return ExitCode.DONE


def list_connections(subject_text: str, *, is_json: bool, data_folder: Path | None) -> int:
    """List connections with providers, and how each does.

    Args:
        subject_text: Only this subject's; everybody's where empty.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code.

    Raises:
        NotFoundError: There is no such subject.
    """
    with installation(data_folder) as services:
        found = all_connections(services, subject_text)
    if is_json:
        print_json([ConnectionOut.of(row).model_dump(mode="json") for row, _ in found])
        return ExitCode.DONE
    if not found:
        say("No connections yet. See what can be connected: climate-fitness connectors list")
        return ExitCode.DONE
    rows = [
        (
            row.id[:_ID_COUNT],
            name,
            row.title,
            str(row.health),
            row.synced_at.isoformat(timespec="minutes") if row.synced_at else "never",
            row.health_said,
        )
        for row, name in found
    ]
    table(rows, head=("id", "subject", "provider", "health", "read", ""))
    return ExitCode.DONE


def run_sync(connection_text: str, *, is_json: bool, data_folder: Path | None) -> int:
    """Read one connection now, or all that are active, and say what came.

    Args:
        connection_text: Id or the beginning of one; all active ones where empty.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 1 where something could not be read.

    Raises:
        NotFoundError: There is no such connection.
        InputError: Several fit.
    """
    with installation(data_folder) as services:
        rows = (
            [find_connection(services, connection_text)] if connection_text else [row for row, _ in all_connections(services, "")]
        )
        active = [row for row in rows if connection_text or row.state is ConnectionState.ACTIVE]
        results = [(row, *_synced(services, row)) for row in active]
    if is_json:
        print_json([_sync_json(row, report, said) for row, report, said in results])
    for row, report, said in results if not is_json else ():
        counts = f"{report.new_count} new, {report.changed_count} changed, {report.refused_count} set aside. " if report else ""
        say(f"{row.title} ({row.id[:_ID_COUNT]}): {counts}{said}".rstrip())
    if not results and not is_json:
        say("There is nothing to read: no connection is active.")
    is_whole = all(report is not None and not report.error_code and not report.refused_count for _, report, _ in results)
    return ExitCode.DONE if is_whole else ExitCode.PARTLY


def run_disconnect(connection_text: str, *, keeps_data: bool, is_json: bool, data_folder: Path | None) -> int:
    """End a connection, and take our access back at the provider.

    Args:
        connection_text: Id or the beginning of one.
        keeps_data: Whether what came through it stays.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 1 where the provider could not be told.

    Raises:
        NotFoundError: There is no such connection.
        InputError: Several fit.
    """
    with installation(data_folder) as services:
        row = find_connection(services, connection_text)
        ended = disconnect(services, Whose(row.tenant_id, row.subject_id), row.id, keep_data=keeps_data)
    if is_json:
        print_json(EndedOut.of(ended).model_dump(mode="json"))
    else:
        say(ended.said)
        if not keeps_data:
            say(f"Deleted: {ended.records_count} records, {ended.documents_count} originals.")
    return ExitCode.PARTLY if ended.revocation in {Revocation.LATER, Revocation.REFUSED} else ExitCode.DONE


def all_connections(services: Services, subject_text: str) -> list[tuple[ConnectionRow, str]]:
    """Connections with providers and the names of their subjects.

    Args:
        services: The installation; no transaction is open.
        subject_text: Only this subject's; everybody's where empty.

    Returns:
        Each with its subject's name.

    Raises:
        NotFoundError: There is no such subject.
    """
    only = find_subject(services, subject_text) if subject_text else None
    with reading(services.engine) as session:
        return [
            (row, one.name)
            for one in ([only] if only else subjects.everybody(session))
            for row in connections.of_subject(session, one.tenant_id, one.id)
            if not row.is_file
        ]


def find_connection(services: Services, text: str) -> ConnectionRow:
    """The connection that somebody means.

    Args:
        services: The installation; no transaction is open.
        text: Its id, or the beginning of it.

    Returns:
        The connection.

    Raises:
        NotFoundError: There is none.
        InputError: Several fit.
    """
    fitting = [
        row
        for row, _ in all_connections(services, "")
        if row.id == text or (len(text) >= SHORTEST_PREFIX_COUNT and row.id.startswith(text))
    ]
    if len(fitting) == 1:
        return fitting[0]
    kind = InputError if fitting else NotFoundError
    raise kind(
        "Several connections fit" if fitting else "There is no such connection",
        expected="the id of a connection, or the beginning of one",
        got=text,
        record="connection",
        next_step="See `climate-fitness connections`.",
    )


def _synced(services: Services, row: ConnectionRow) -> tuple[SyncReport | None, str]:
    """What a sync brought, in turns until it is at its end; None and the reason where it could not be run."""
    while True:
        try:
            report = sync_connection(services, row.tenant_id, row.id)
        except TryLaterError as error:
            if error.wait_s <= 0:
                continue
            return None, error.sentence()
        except ClimateFitnessError as error:
            return None, error.sentence()
        return report, report.said


def _sync_json(row: ConnectionRow, report: SyncReport | None, said: str) -> dict[str, object]:
    counts = ("documents_count", "new_count", "changed_count", "refused_count")
    return {
        "connection": row.id,
        "provider": row.provider,
        **{name: getattr(report, name) if report else 0 for name in counts},
        "health": str(report.health) if report else "waiting",
        "error_code": report.error_code if report else "try-later",
        "said": said,
    }


def _pair(text: str) -> tuple[str, str]:
    """The two sides of `NAME=VALUE`.

    Raises:
        InputError: It has no equals sign.
    """
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise InputError("An answer has a name", expected="NAME=VALUE", got=text, record="--answer")
    return name, value


def _secret(prompt: str) -> str:
    """Something that must not be shown: asked for, or the first line of standard input."""
    return (getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip()


def _answer_of_browser(services: Services, url: str, path: str, *, is_browser_wanted: bool) -> Mapping[str, str]:
    """What the provider sends the browser back with, taken at the address where our server would be.

    Raises:
        ConflictError: That address is not free, or is another machine's.
        SecurityError: The answer has a parameter twice.
        TryLaterError: Nobody came back.
    """
    settings = services.settings
    if settings.base_url or not settings.port:
        raise ConflictError(
            "People come back to the server, not to this command",
            expected="an installation on this machine, with a port",
            got=settings.base_url or "any port",
            next_step="Connect the account on the pages of the server.",
        )
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        """Takes one answer."""

        def do_GET(self) -> None:
            """Note what came, and show a line that has none of it."""
            if urlsplit(self.path).path == path:
                came.append(urlsplit(self.path).query)
            body = b"You can close this window and go back to the terminal.\n"
            self.send_response(200 if came else 404)
            for name, value in (
                ("Content-Type", "text/plain"),
                ("Cache-Control", "no-store"),
                ("Referrer-Policy", "no-referrer"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002 - the base class calls it so
            """Nothing: addresses carry codes."""

    try:
        server = HTTPServer((settings.host, settings.port), Handler)
    except OSError as error:
        raise ConflictError(
            "The address where people come back is taken",
            expected="a free port",
            got=f"{settings.host}:{settings.port}",
            next_step="The server is running: connect the account on its pages, or stop it first.",
        ) from error
    with server:
        server.timeout = _POLL_S
        tell(f"Consent here, within ten minutes:\n{url}")
        if is_browser_wanted:
            webbrowser.open(url)
        until_s = time.monotonic() + CONSENT_LIFETIME.total_seconds()
        while not came and time.monotonic() < until_s:
            server.handle_request()
    if not came:
        raise TryLaterError("Nobody came back from the provider", next_step="Begin again: connect the account once more.")
    pairs = parse_qsl(came[0], keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise SecurityError("A parameter stands twice", next_step="Begin again: connect the account once more.")
    return dict(pairs)
