"""`claim`: a person's statement into a wallet, after a plain warning."""

from pathlib import Path

from app.cli.installation import find_statement, find_subject, installation
from app.cli.terminal import print_json, say, tell
from app.services import Whose, Work
from app.store.session import reading, unit_of_work
from app.usecases.claim_statement import WARNING, allow_claims, claim_of, forbid_claims


def run_allow(subject_text: str, *, holder: str, makes_public: bool, data_folder: Path | None) -> None:
    """Let statements that are closed from now on be claimed.

    Args:
        subject_text: Whose.
        holder: 0x address of the wallet.
        makes_public: Whether the warning was agreed to.
        data_folder: Folder of the installation; the setting where left out.

    Raises:
        InputError: The warning was not agreed to, or it is no address.
        ConflictError: The subject is a business.
    """
    if makes_public:
        tell(WARNING)
    with installation(data_folder) as services:
        subject = find_subject(services, subject_text)
        with unit_of_work(services.engine) as session:
            address = allow_claims(
                Work(session, services), Whose(subject.tenant_id, subject.id), holder, is_public_understood=makes_public
            )
    say(f"Statements of {subject.name} that are closed from now on can be claimed by {address}. Nothing is public yet.")


def run_forbid(subject_text: str, *, data_folder: Path | None) -> None:
    """Have no account stand in statements from now on.

    Args:
        subject_text: Whose.
        data_folder: Folder of the installation; the setting where left out.

    Raises:
        ConflictError: The subject is a business.
    """
    with installation(data_folder) as services:
        subject = find_subject(services, subject_text)
        with unit_of_work(services.engine) as session:
            forbid_claims(Work(session, services), Whose(subject.tenant_id, subject.id))
    say(f"Statements of {subject.name} are anchored only from now on; what was claimed stays public.")


def run_claim(statement_text: str, *, makes_public: bool, is_json: bool, data_folder: Path | None) -> None:
    """Print the transaction that claims a statement.

    Args:
        statement_text: Which.
        makes_public: Whether the warning was agreed to.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Raises:
        InputError: The warning was not agreed to.
        ConflictError: It cannot be claimed.
    """
    with installation(data_folder) as services, reading(services.engine) as session:
        call = claim_of(Work(session, services), find_statement(session, statement_text), is_public_understood=makes_public)
    tell(WARNING)
    data = f"0x{call.data.hex()}"
    if is_json:
        print_json(
            {
                "chain_id": str(call.chain_id),
                "to": call.contract,
                "data": data,
                "holder": call.holder,
                "token_id": call.token_id_hex,
                "net_g_co2e": str(call.net_g_co2e),
            }
        )
        return
    say(f"Send this from any account; the token of net {call.net_g_co2e} g CO2e goes to {call.holder}:")
    say(f"chain  {call.chain_id}")
    say(f"to     {call.contract}")
    say(f"data   {data}")
