"""Series: columns of readings as a document has them."""

from array import array
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.activity import Direction
from domain.series import IntervalSeries, MeterDocument


def series_of(values: list[int], micro_per_value: Fraction) -> IntervalSeries:
    """Hourly readings with these raw values."""
    return IntervalSeries(
        usage_point="",
        series_key="1",
        kind="electricity",
        direction=Direction.DELIVERED,
        unit="kWh",
        micro_per_value=micro_per_value,
        starts_s=array("q", range(0, 3600 * len(values), 3600)),
        durations_s=array("q", [3600] * len(values)),
        values=array("q", values),
        qualities=array("q"),
        is_additive=True,
        source_unit="Wh",
    )


@given(st.lists(st.integers(-(2**62), 2**62), max_size=20), st.fractions(min_value=0, max_value=10**9))
def test_total_is_exact(values: list[int], micro_per_value: Fraction) -> None:
    """The total in canonical units is the sum of the raw values, without rounding or overflow."""
    expected = sum((Fraction(value) * micro_per_value for value in values), Fraction(0))
    assert series_of(values, micro_per_value).total() * 1_000_000 == expected


def test_watt_hours_are_kilowatt_hours() -> None:
    """1500 Wh in two readings are 1.5 kWh."""
    assert series_of([500, 1000], Fraction(1000)).total() == Fraction(3, 2)


def test_document_holds_only_series_where_nothing_else_is_said() -> None:
    """A document without refusals or clock has none."""
    document = MeterDocument((series_of([], Fraction(1)),))
    assert (document.refused, dict(document.local_times), document.title) == ((), {}, "")
