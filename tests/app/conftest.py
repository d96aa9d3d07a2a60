"""Logs of a test go where the test can read them, and nothing stays configured after it."""

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.logs import configure_logs
from tests.app.live import installation, live, shared_live, template
from tests.postgres import postgres_url

__all__ = ["installation", "json_logs", "live", "postgres_url", "shared_live", "template"]


@pytest.fixture
def json_logs() -> Iterator[io.StringIO]:
    """The product's JSON log, as text, for the length of a test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logs(level="info", is_json=True, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
