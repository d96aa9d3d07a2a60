"""The account of whoever runs the program on their own machine: made once, and what they bring in belongs to it."""

from app.services import Work
from app.store import accounts, installation
from app.store.accounts import AccountRow
from app.usecases.sign_in import NewAccount, create_account
from domain.errors import ConflictError

LOGIN = "local"
"""Its login."""

DISPLAY_NAME = "You"
"""Its name on a page."""

_FACT = "local_tenant"


def local_account(work: Work) -> AccountRow:
    """The operator's account; made where there is none.

    Nobody knows its first password: the link that `serve` prints signs in, and `climate-fitness password` sets another one.
    Safe with several processes at once: they claim its tenant as a fact of the installation, and the second waits there.

    Args:
        work: The open transaction and the services.

    Returns:
        The account.

    Raises:
        ConflictError: Somebody else has its login.
    """
    services = work.services
    tenant_id = installation.claim_fact(work.session, _FACT, services.randomness.id())
    account = accounts.by_login(work.session, LOGIN)
    if account is None:
        return create_account(work, NewAccount(LOGIN, DISPLAY_NAME, services.randomness.token(), tenant_id))
    if account.tenant_id != tenant_id:
        raise ConflictError(
            "The operator's login is taken by somebody else",
            expected=f"{LOGIN} in tenant {tenant_id}",
            got=f"{LOGIN} in tenant {account.tenant_id}",
            record="account",
            next_step="Use another data folder.",
        )
    return account
