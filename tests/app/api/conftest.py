"""A small application of real parts around whatever routes a test hands in."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from app.clock import Clock, SystemClock, SystemRandomness
from app.main import Parts, create_app
from app.settings import Settings


@pytest.fixture
def edge_client(json_logs: io.StringIO) -> Iterator[Callable[..., TestClient]]:
    """Builds a client: `edge_client(router, clock=..., parts={...}, **settings)`; exceptions become replies, as in a server."""
    with ExitStack() as opened:

        def make(
            *routers: APIRouter,
            clock: Clock | None = None,
            parts: dict[str, Any] | None = None,
            **settings: Any,  # noqa: ANN401 - each field's own type
        ) -> TestClient:
            app = create_app(
                Settings(**settings),
                clock=clock or SystemClock(),
                randomness=SystemRandomness(),
                parts=Parts(routers=routers, **(parts or {})),
            )
            client = TestClient(app, base_url="http://localhost:8000", raise_server_exceptions=False)
            return opened.enter_context(client)

        yield make
