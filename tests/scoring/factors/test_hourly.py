"""Hourly factors by place and hour: exact integers, the row admitted last, one series per publisher and scope."""

from fractions import Fraction

from scoring.factors.hourly import hourly_series, identity_row
from scoring.factors.load import shipped_factor_set
from scoring.factors.packs import build_pack, folder_of_files, with_packs
from tests.scoring.hours import LIFE_CYCLE, grid_lines, hourly, set_with_hours

HOUR = 19_783 * 24  # 2024-03-01 is day 54 x 365 + 13 + 60 after 1970-01-01
ONE_DAY = ("2024-03-01",)


def test_numbers_are_exact_kilograms() -> None:
    """412.5 g/kWh is 0.4125 kg/kWh, 0.0625 g a sixteenth of a gram; both over one divisor."""
    g_of = {"2024-03-01T00": "412.5", "2024-03-01T01": "0.0625"}
    (series,) = hourly_series(set_with_hours(*grid_lines(days=ONE_DAY, g_of=g_of)), "DE")
    assert Fraction(series.numbers[HOUR], series.per_kg) == Fraction("0.4125")
    assert Fraction(series.numbers[HOUR + 1], series.per_kg) == Fraction("0.0000625")
    assert (len(series.numbers), min(series.numbers), series.editions[HOUR]) == (24, HOUR, "2024")


def test_row_admitted_last_wins() -> None:
    """A corrected edition adds rows behind the older ones; its hours count, the others stay."""
    base = set_with_hours(*grid_lines(days=("2024-03-01", "2024-03-02"), g="100"))
    files = build_pack(hourly(*grid_lines(days=ONE_DAY, g="200", edition="2024b")), name="hourly-grid", installed=base)
    (series,) = hourly_series(with_packs(base, [folder_of_files(files)]), "DE")
    assert [Fraction(series.numbers[HOUR + more], series.per_kg) for more in (0, 24)] == [Fraction(2, 10), Fraction(1, 10)]
    assert [series.editions[HOUR + more] for more in (0, 24)] == ["2024b", "2024"]


def test_power_stations_first_then_the_newest_publisher() -> None:
    """Order in which series are tried."""
    lines = [
        *grid_lines(days=ONE_DAY, publisher="A", scope=LIFE_CYCLE),
        *grid_lines(days=ONE_DAY, publisher="B"),
        *grid_lines(days=ONE_DAY, publisher="C"),
    ]
    found = hourly_series(set_with_hours(*lines), "DE")
    assert [(one.publisher, one.life_cycle_scope) for one in found] == [
        ("C", "generation"),
        ("B", "generation"),
        ("A", "life_cycle"),
    ]


def test_place_without_hours_has_no_series() -> None:
    """Neither another place nor the shipped set."""
    assert hourly_series(set_with_hours(*grid_lines(days=ONE_DAY)), "FR") == ()
    assert hourly_series(shipped_factor_set(), "DE") == ()


def test_identity_row_is_in_the_shipped_set() -> None:
    """One kilogram for one kilogram."""
    assert dict(identity_row(shipped_factor_set()).published) == {"co2e": "1"}
