"""What would fit an unscored activity: what rows of its kind, unit and place hold, and other kinds only where none holds any."""

import pytest

from domain.activity import ActivityKey
from domain.factor import Basis
from scoring.factors.factor_set import FactorSet
from scoring.factors.load import shipped_factor_set
from scoring.resolve import resolve
from scoring.rules import RULES
from tests.scoring.sets import imported, row, set_of, source

OWN = "a factor of your own in kg CO2e/"


def fits(kind: str, region: str, unit: str, factors: FactorSet | None = None, /, **said: str) -> list[str]:
    """What the last step of an unscored activity of 2023 says that would fit, but for a factor of one's own."""
    key = ActivityKey(kind, region, 2023, unit, tuple(sorted(said.items())))
    found = resolve(key, factors or shipped_factor_set(), Basis.LOCATION)
    assert found.chosen is None
    start = "Unscored: counted and shown, never as zero. What would fit: "
    last = found.steps[-1]
    assert last.startswith(start)
    *ways, own = last.removeprefix(start).removesuffix(".").split("; ")
    assert own == f"{OWN}{unit}"
    return ways


def test_cabins_that_are_held_for_the_haul() -> None:
    """Nobody publishes first class over 347 km: the cabins of short hauls are named, and the haul that the airports give."""
    assert fits("flight", "", "item", origin="LHR", destination="CDG", cabin="first") == [
        "cabin average, business, economy (for haul short)"
    ]


def test_every_attribute_that_alone_would_do_is_named() -> None:
    """By passenger-kilometres another cabin would do, and so would another haul."""
    assert fits("flight", "", "pkm", haul="short", cabin="first") == [
        "cabin average, business, economy",
        "haul international, long",
    ]


def test_unit_that_is_held() -> None:
    """Steam is counted by energy, of the place or of the one that stands in."""
    assert fits("steam", "US", "kg") == fits("steam", "BR", "kg") == ["an amount in kWh, which rates of this place are per"]


def test_unit_of_the_same_thing_comes_before_other_things() -> None:
    """Coal by volume: by mass or energy it is held, and only other fuels are by volume."""
    first, second = fits("fuel", "GB", "m3", fuel="coal_domestic")
    assert first == "an amount in kWh, kg, which rates of this place are per"
    assert second.startswith("fuel ")
    assert second.endswith(", ...")
    assert second.count(",") == 12


def test_treatments_that_are_held_for_a_material() -> None:
    """How it is treated comes before which material it is."""
    assert fits("waste", "GB", "kg", material="glass", treatment="composting")[0] == (
        "treatment combustion, closed_loop, landfill, open_loop, recycling"
    )


def test_places_where_nothing_stands_in() -> None:
    """A hotel in a country that nobody publishes: at most twelve of those that are held."""
    (places,) = fits("hotel", "KP", "item")
    assert places.startswith("one of the places that it is held for (Argentina, Australia, ")
    assert places.endswith(", ...)")
    assert places.count(",") == 12


def test_likeliest_value_comes_first() -> None:
    """Of the foods that a set holds for the world, those that the word usually means."""
    of_food = source("food", kind="food", unit="kg", published_unit="kg/kg", gwp_set="AR5", life_cycle_scope="life_cycle")
    rows = [
        row("WORLD", 2023, "food", co2e="1", attributes=f"food={name}")
        for name in ("apples", "beef_from_dairy_herd", "beef_from_beef_herd", "cheese")
    ]
    american = row("US", 2023, "food", co2e="1", attributes="food=beef")
    held = set_of(imported(of_food, rows=[*rows, american]))
    assert fits("food", "GB", "kg", held, food="beef") == ["food beef_from_beef_herd, beef_from_dairy_herd, apples, cheese"]


@pytest.mark.parametrize(
    ("kind", "unit", "said"),
    [("freight", "tkm", {}), ("electricity", "kg", {}), ("material", "kg", {"material": "bricks", "source": "stolen"})],
)
def test_key_that_no_intake_makes_is_told_by_the_step_before(kind: str, unit: str, said: dict[str, str]) -> None:
    """What is missing, or in a unit or a word that the kind does not have, is listed there."""
    assert fits(kind, "GB", unit, **said) == []


def test_refused_value_is_told_by_the_step_before() -> None:
    """What the refusal lists is not said twice."""
    assert fits("food", "DE", "kg", food="fish") == []


def test_other_kinds_only_where_none_is_held() -> None:
    """A set without any row of steam, and a kind that there is not: every kind is named."""
    kinds = f"another kind ({', '.join(RULES)})"
    empty = set_of(imported(source(), rows=[row("DE", 2023, co2="400")]))
    assert fits("steam", "DE", "kWh", empty) == fits("nonsense", "DE", "kWh") == [kinds]


@pytest.mark.parametrize(
    ("kind", "region", "unit", "said"),
    [
        ("flight", "", "item", {"origin": "LHR", "destination": "CDG", "cabin": "first"}),
        ("waste", "GB", "kg", {"material": "glass", "treatment": "composting"}),
        ("car", "GB", "km", {"powertrain": "electric", "segment": "light_duty_truck"}),
        ("freight", "GB", "tkm", {"mode": "road", "vehicle": "container_ship"}),
        ("material", "GB", "kg", {"material": "bricks", "source": "reused"}),
        ("digital", "DE", "h", {"service": "email"}),
    ],
)
def test_what_is_named_does_fit(kind: str, region: str, unit: str, said: dict[str, str]) -> None:
    """Every value that is offered for one attribute gives a factor when it is taken."""
    offered = [way.partition(" (for ")[0].partition(" ") for way in fits(kind, region, unit, **said) if "amount" not in way]
    assert offered
    for name, _, values in offered:
        for value in values.removesuffix(", ...").split(", "):
            taken = {**said, name: value}
            if name == "size":
                taken.pop("segment")  # a car is looked for by the one or the other
            key = ActivityKey(kind, region, 2023, unit, tuple(sorted(taken.items())))
            assert resolve(key, shipped_factor_set(), Basis.LOCATION).chosen is not None, taken
