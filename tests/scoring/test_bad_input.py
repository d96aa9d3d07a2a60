"""Bad input, kind by kind: a refusal that says what would fit; never a guess, never a zero, and no harm to what is legal."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.kinds import KINDS
from scoring.estimate import estimate
from scoring.factors.load import shipped_factor_set
from scoring.rules import RULES
from tests.scoring.bad_lines import BAD_LINES, PLACED, BadLine, good

TODAY = date(2026, 11, 22)


def answer(request: object) -> Any:  # noqa: ANN401 - JSON, looked into by each test
    """What the shipped set answers."""
    return estimate(request, factor_set=shipped_factor_set(), today_date=TODAY)


@pytest.mark.parametrize("bad", BAD_LINES, ids=lambda bad: f"{bad.kind}: {bad.what[:40]}")
def test_bad_line_is_refused(bad: BadLine) -> None:
    """No grams, the code of the mistake, what would have fitted, and what to do where that is not the same."""
    got = answer({"id": "x", **bad.request})
    assert "g_co2e" not in got
    assert got["id"] == "x"
    error = got["error"]
    assert error["code"] == bad.code, error
    assert bad.expected in error["expected"], error
    assert error["expected"]
    assert error["message"]


@pytest.mark.parametrize("kind", RULES)
def test_wrong_unit_lists_every_unit_that_fits(kind: str) -> None:
    """A unit of another dimension is answered with all that the kind takes, as a list for programs."""
    bad = next(one for one in BAD_LINES if (one.kind, one.what) == (kind, "another dimension"))
    assert answer(bad.request)["error"]["choices"] == list(KINDS[kind].unit_symbols())


@pytest.mark.parametrize(
    ("unit", "choices"), [("gallon", {"gal_us", "gal_imp"}), ("kwh", {"kWh"}), ("ton", {"t", "short_ton"}), ("Kg", {"kg"})]
)
def test_ambiguous_or_misspelt_unit_lists_its_readings(unit: str, choices: set[str]) -> None:
    """A gallon is two, a ton is two: both are listed, none is taken."""
    assert choices & set(answer(good("fuel", unit=unit))["error"]["choices"])


def test_misspelt_food_lists_close_ones() -> None:
    """A name that is nearly one of the set's is answered with those that are near."""
    error = answer(good("food", food="chees"))["error"]
    assert "cheese" in error["choices"]


@pytest.mark.parametrize("kind", [name for name in RULES if KINDS[name].attributes])
def test_closed_attribute_lists_its_choices_for_programs(kind: str) -> None:
    """Every closed attribute of every kind gives its choices as a list."""
    for one in KINDS[kind].attributes:
        if one.choices:
            assert answer(good(kind, **{one.name: "nonsense"}))["error"]["choices"] == list(one.choices)


# What is legal stays legal.


@pytest.mark.parametrize("kind", [name for name in RULES if name != "flight"])
def test_zero_is_legal(kind: str) -> None:
    """Nothing was used: zero grams, from a factor that was found, and every further part zero, too."""
    got = answer(good(kind, quantity="0"))
    assert got["g_co2e"] == "0"
    assert got["factor_id"]
    assert {one["g_co2e"] for one in got["additions"]} <= {"0"}


@pytest.mark.parametrize("kind", [name for name in RULES if KINDS[name].allows_negative])
def test_refund_takes_away_what_was_counted(kind: str) -> None:
    """What may be given back is: a negative quantity gives the same grams below zero, and says so."""
    there, back = answer(good(kind)), answer(good(kind, quantity=f"-{good(kind)['quantity']}"))
    assert Decimal(back["g_co2e"]) == -Decimal(there["g_co2e"])
    assert [Decimal(one["g_co2e"]) for one in back["additions"]] == [-Decimal(one["g_co2e"]) for one in there["additions"]]
    assert "negative_quantity" in back["flags"]


def test_journeys_nights_and_hours_are_never_negative() -> None:
    """Which kinds may be below zero: what is metered, bought or handed over; not what somebody did."""
    refused = {name for name in KINDS if not KINDS[name].allows_negative}
    assert refused == {
        *("car", "motorcycle", "van", "truck", "taxi", "bus", "rail", "ferry", "flight", "hotel", "freight"),
        *("meal", "home_working", "digital"),
    }


@pytest.mark.parametrize("kind", RULES)
def test_year_before_all_editions_is_flagged(kind: str) -> None:
    """1992 is before every edition but Ember's and the EEA's: the nearest later one is taken and said, or years do not count."""
    got = answer(good(kind, start="1992-03-12", end=None, **({"unit": "USD"} if kind == "purchase" else {})))
    assert "year_later" in got["flags"] or RULES[kind].is_timeless or got["year"] == 1992
    assert got["g_co2e"] != "0" or kind == "electricity_certificate"  # which emits nothing itself


@pytest.mark.parametrize("kind", PLACED)
def test_country_without_a_table_is_flagged_or_refused(kind: str) -> None:
    """Where no publisher covers Bolivia, a proxy or a wider place is named in the flags, or nothing is counted."""
    got = answer(good(kind, region="BO"))
    if "error" in got:
        assert got["error"]["code"] == "factor"
        assert "Unscored" in got["error"]["next_step"]
    else:
        is_said = {"region_proxy", "region_widened"} & set(got["flags"])
        assert is_said or got["region"] == "BO"
