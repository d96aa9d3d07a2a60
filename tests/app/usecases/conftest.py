"""A whole installation in a temporary folder: real database, archive, keys, factors, auditor, chain; only time stands still."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.assemble import open_desk
from app.chain import ChainDesk
from app.services import Whose
from tests.app.usecases.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A new installation on 2025-06-15."""
    made = Installation.open(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def household(installation: Installation) -> Whose:
    """A household in New York."""
    return installation.household()


@pytest.fixture
def business(installation: Installation) -> Whose:
    """A business in New York whose tokens go to an account."""
    return installation.business()


@pytest.fixture
def desk(installation: Installation) -> Iterator[ChainDesk]:
    """The installation's own chain."""
    opened = open_desk(installation.services)
    yield opened
    opened.close()
