"""An activity out of a provider's words: exact, in the unit of its kind, or refused by name."""

from datetime import date
from decimal import Decimal

import pytest

from connectors.declare import declare
from domain.errors import InputError


def test_amount_is_kept_in_the_unit_of_its_kind() -> None:
    """Miles become kilometres, exactly, as text or as a decimal."""
    for amount in ("12.5", Decimal("12.5")):
        found = declare("ride 7", "taxi", amount, "mi", start="2025-03-01", region="GB", attributes={"service": "black_cab"})
        assert (found.quantity_micro, found.unit) == (20_116_800, "km")
    assert (found.start_date, found.end_date, found.attributes) == (
        date(2025, 3, 1),
        date(2025, 3, 2),
        (("service", "black_cab"),),
    )


def test_time_counts_on_its_local_day() -> None:
    """An instant with offset lies on the day of its own clock."""
    found = declare("ride 7", "taxi", "1", "km", start="2025-03-01T23:30:00-08:00", end="2025-03-02T00:10:00-08:00")
    assert (found.start_date, found.end_date) == (date(2025, 3, 1), date(2025, 3, 3))


@pytest.mark.parametrize(
    ("said", "record"),
    [
        ({"kind_name": "cab"}, "ride 7, kind"),
        ({"amount": "1e9999"}, "ride 7, amount"),
        ({"amount": "-3"}, "ride 7, amount"),
        ({"unit": "kWh"}, "ride 7, unit"),
        ({"start": "yesterday"}, "yesterday"),
        ({"attributes": {"colour": "black"}}, "ride 7"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(said: dict[str, str], record: str) -> None:
    """Every field that cannot be is named."""
    whole = {"record_key": "ride 7", "kind_name": "taxi", "amount": "3", "unit": "km", "start": "2025-03-01"} | said
    with pytest.raises(InputError) as refused:
        declare(**whole)  # type: ignore[arg-type] # wrong on purpose
    assert record in str(refused.value)
