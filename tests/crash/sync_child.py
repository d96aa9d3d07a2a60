"""Processes that the sync drill kills: each pulls its connections again and again, and goes on where its forerunner died.

python -m tests.crash.sync_child FOLDER ORIGIN [DATABASE_URL], then on standard input the number of each run. One process imports
everything once and forks one for each run; it tells when that one is ready, and when it is dead.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from app.assemble import open_services
from app.clock import FixedClock, SystemRandomness
from app.security.outbound import Outbound
from app.settings import Settings
from app.usecases.pull_connection import LEASE, pull_connection
from connectors import registry
from domain.errors import TryLaterError
from tests.app.usecases.dialable import PagedMeter, provider_row
from tests.app.usecases.installation import NOW

BETWEEN_RUNS = LEASE + timedelta(seconds=1)
"""A dead process's connections are free for the next one."""


def work(folder: Path, run: int, origin: str, database_url: str) -> None:
    """Pull until killed."""
    clock = FixedClock(NOW + run * BETWEEN_RUNS)
    settings = Settings(data_folder=folder / "data", database_url=SecretStr(database_url))
    services = open_services(settings, clock=clock, randomness=SystemRandomness())
    http = Outbound(allowed_local_origins=[origin])
    wanted = [line.split() for line in (folder / "connections").read_text(encoding="utf-8").splitlines()]
    print(f"ready {os.getpid()}", flush=True)  # noqa: T201 - the test waits for it
    while True:
        for tenant_id, connection_id in wanted:
            try:
                pull_connection(services, tenant_id, connection_id, http=http, sleep=clock.advance)
            except TryLaterError:
                continue


def main(folder: Path, origin: str, database_url: str = "") -> None:
    """One process for each line."""
    registry._OWN["paged-meter"] = PagedMeter(provider_row(origin))  # noqa: SLF001 - as an installed one would be
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            work(folder, int(line), origin, database_url)
        os.waitpid(pid, 0)
        print("dead", flush=True)  # noqa: T201 - the test waits for it


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
