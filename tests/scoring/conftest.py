"""What the scoring tests share: the shipped factor set."""

import pytest

from scoring.factors.factor_set import FactorSet
from scoring.factors.load import shipped_factor_set


@pytest.fixture(scope="session")
def factors() -> FactorSet:
    """The shipped factor set."""
    return shipped_factor_set()
