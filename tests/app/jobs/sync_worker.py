"""The worker program with the connector of the tests in it, as an installed package would add it.

python -m tests.app.jobs.sync_worker ORIGIN; everything else is in the environment.
"""

import sys

from app.cli.working import run_worker
from connectors import registry
from tests.app.usecases.dialable import PagedMeter, provider_row


def main(origin: str) -> int:
    """Work until told to stop; the exit code."""
    registry._OWN["paged-meter"] = PagedMeter(provider_row(origin))  # noqa: SLF001 - as an installed one would be
    return run_worker(threads_count=2, data_folder=None)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
