"""`password`: another password for an account, asked for and never an argument, so that no history keeps it."""

import sys
from pathlib import Path

import typer

from app.cli.installation import installation
from app.cli.terminal import say
from app.services import Services, Work
from app.store import accounts
from app.store.accounts import AccountRow
from app.store.session import reading, unit_of_work
from app.usecases.local_account import LOGIN, local_account
from app.usecases.sign_in import set_password
from domain.errors import NotFoundError


def run_password(login: str, *, data_folder: Path | None) -> None:
    """Ask for a password and set it.

    Args:
        login: Whose; the operator's where empty.
        data_folder: Folder of the installation; the setting where left out.

    Raises:
        NotFoundError: Nobody has this login.
        InputError: The password is too short or too long.
    """
    with installation(data_folder) as services:
        account = _account_of(services, login)
        set_password(services, account, _asked(account.login))
    say(f"Password set: sign in as {account.login}. Browsers that were signed in are signed out.")


def _account_of(services: Services, login: str) -> AccountRow:
    if not login or login == LOGIN:
        with unit_of_work(services.engine) as session:
            return local_account(Work(session, services))
    with reading(services.engine) as session:
        found = accounts.by_login(session, login)
    if found is None:
        raise NotFoundError(
            "Nobody has this login",
            expected=f"a login of this installation, such as {LOGIN}",
            got=login,
            record="account",
            next_step="Leave the login out for your own account.",
        )
    return found


def _asked(login: str) -> str:
    """What is typed, twice and unseen; the first line of standard input where nobody sits there."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = typer.prompt(f"New password of {login}", hide_input=True, confirmation_prompt="Once more", err=True)
    return typed
