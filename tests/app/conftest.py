"""Logs of a test go where the test can read them, and nothing stays configured after it."""

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.logs import configure_logs
from app.services import Work
from app.store.statements import StatementRow
from app.usecases import export_bundle
from app.usecases.export_bundle import Shown
from domain.bundle import Bundle
from tests.app.live import installation, live, shared_live, template
from tests.postgres import postgres_url
from tests.schemas import check_bundle

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


@pytest.fixture(autouse=True, scope="session")
def bundles_fit_their_schema() -> Iterator[None]:
    """Every bundle that a test of this folder exports is what the shipped JSON Schema describes."""
    real = export_bundle.make_bundle

    def checked(work: Work, statement: StatementRow, shown: Shown) -> Bundle:
        made = real(work, statement, shown)
        check_bundle(made.to_bytes())
        return made

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(export_bundle, "make_bundle", checked)
        yield
