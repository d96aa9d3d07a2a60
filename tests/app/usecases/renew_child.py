"""A second process that wants a token of the same connection: prints it, or the code of its refusal."""

import sys
from datetime import datetime
from pathlib import Path

from app.security.outbound import Outbound
from app.store import connections
from app.usecases.renew_access import fresh_access_token
from connectors import registry
from connectors.base import Provider
from domain.errors import ClimateFitnessError
from tests.app.usecases.consent import oauth_of
from tests.app.usecases.dialable import PagedMeter
from tests.app.usecases.installation import Installation


def main(folder: str, origin: str, tenant_id: str, connection_id: str, at: str) -> None:
    """Ask once."""
    row = Provider("paged", "Paged Power", f"{origin}/api", auth=oauth_of(origin))
    registry._OWN["paged-meter"] = PagedMeter(row)  # noqa: SLF001 - as an installed package would add it
    installation = Installation.open(Path(folder), at=datetime.fromisoformat(at))
    http = Outbound(allowed_local_origins=(origin,), timeout_s=10.0)
    with installation.looking() as work:
        connection = connections.by_id(work.session, tenant_id, connection_id)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    try:
        said = fresh_access_token(installation.services, connection, send=http.send)
    except ClimateFitnessError as error:
        said = error.code
    sys.stdout.write(said)
    http.close()
    installation.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
