"""Names of claimed units: the same however they were typed."""

import pytest

from domain.claim import claimed_name


@pytest.mark.parametrize(
    ("registry", "serial"), [("Verra", "1-10"), ("verra", "1-10 "), (" VERRA", "1 - 10"), ("Ver\u00a0ra", "1-\t10")]
)
def test_same_units_have_one_name(registry: str, serial: str) -> None:
    """Case and spaces are not told apart."""
    assert claimed_name(registry, serial) == ("verra", "1-10")


def test_other_units_have_other_names() -> None:
    """Signs and numbers are; nothing moves from the registry to the serial."""
    assert len({claimed_name("a", "1-10"), claimed_name("a", "110"), claimed_name("a1", "-10"), claimed_name("", "a1-10")}) == 4
