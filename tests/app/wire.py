"""The whole program behind uvicorn on a port of this machine: what the ASGI test client cannot show."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.assemble import open_services
from app.clock import FixedClock, SystemRandomness
from app.hosting import Hosting
from app.main import open_socket, server_of
from app.settings import Settings
from app.web import build_app
from tests.app.live import InlineWorker, Installation

__all__ = ["serving"]


@contextmanager
def serving(
    installation: Installation,
    *,
    is_ready_awaited: bool = True,
    **settings: Any,  # noqa: ANN401 - each setting's own type
) -> Iterator[int]:
    """Serve an installation in a thread.

    Args:
        installation: Where.
        is_ready_awaited: Whether the chain has to open first.
        **settings: Further settings.

    Yields:
        The port.
    """
    checked = Settings(data_folder=installation.folder, port=0, **settings)
    services = open_services(checked, clock=FixedClock(installation.at), randomness=SystemRandomness())
    hosting = Hosting(services, InlineWorker)
    server = server_of(build_app(hosting), checked)
    with open_socket(checked) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not (server.started and (hosting.ready.is_set() or not is_ready_awaited)):
                assert hosting.error is None or not is_ready_awaited, hosting.error
                time.sleep(0.01)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
