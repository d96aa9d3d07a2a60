"""Activities: kinds, and keys whose identity is their content."""

import pytest
from hypothesis import given

from domain.activity import KINDS, ActivityKey, activity_key, find_kind
from domain.canonical import sha256_hex, to_canonical
from domain.errors import AttributeValueError, KindError
from domain.units import CANONICAL_UNIT, Dimension
from tests.domain.strategies import KEYS


@pytest.mark.parametrize("name", sorted(KINDS))
def test_kind_is_found_by_its_name(name: str) -> None:
    """Each kind stands in the table under its own name."""
    assert find_kind(name).name == name


def test_unknown_kind_lists_close_ones() -> None:
    """An unknown kind is refused with close ones, the record and the next step."""
    with pytest.raises(KindError) as caught:
        find_kind("electric", record="line 2")
    assert caught.value.sentence() == (
        "This kind of activity is not known, or lacks an attribute; expected one of electricity, electricity_export; "
        "got electric; in line 2. Choose one of these kinds."
    )


def test_unknown_kind_without_close_one_lists_all() -> None:
    """Where nothing is close every kind is named."""
    with pytest.raises(KindError) as caught:
        find_kind("bananas")
    assert caught.value.expected == f"one of {', '.join(KINDS)}"


def test_only_export_is_avoided() -> None:
    """Exported electricity is outside gross and net, and nothing else is."""
    assert [(kind.name, kind.scope) for kind in KINDS.values() if kind.is_avoided] == [("electricity_export", 0)]


@pytest.mark.parametrize(("name", "scope"), [("electricity", 2), ("natural_gas", 1), ("propane", 1), ("steam", 2), ("water", 3)])
def test_scopes(name: str, scope: int) -> None:
    """GHG Protocol Corporate Standard, chapter 4: fuels burnt are scope 1, purchased energy 2, the rest 3."""
    assert KINDS[name].scope == scope


def test_key_takes_the_canonical_unit() -> None:
    """A key's unit follows from what was measured; its attributes are sorted, and what is empty is left out."""
    key = activity_key("natural_gas", "US", 2024, Dimension.VOLUME, heating_value="gross", blend="mineral", category="")
    assert key == ActivityKey("natural_gas", "US", 2024, "m3", (("blend", "mineral"), ("heating_value", "gross")))


def test_key_of_money_takes_its_currency() -> None:
    """A payment's key is in the currency of the payment."""
    key = activity_key("purchase", "GB", 2024, Dimension.MONEY, currency="GBP", naics="722511", month="2024-03")
    assert key == ActivityKey("purchase", "GB", 2024, "GBP", (("month", "2024-03"), ("naics", "722511")))


def test_key_of_a_refrigerant_is_in_grams() -> None:
    """A kilogram of SF6 is 2.35e13 ug of CO2e, more than a factor may be: leaked gases are kept in grams."""
    assert activity_key("refrigerant", "", 2024, Dimension.MASS, refrigerant="SF6").unit == "g"


def test_key_with_an_attribute_of_another_kind_is_refused() -> None:
    """An attribute that the kind does not have is refused, naming those that it has."""
    with pytest.raises(AttributeValueError, match="natural_gas has no attribute cabin; expected heating_value, blend; got cabin"):
        activity_key("natural_gas", "US", 2024, Dimension.VOLUME, cabin="economy")


def test_kind_in_another_dimension_is_refused() -> None:
    """Electricity is not measured in kilograms."""
    with pytest.raises(KindError, match="electricity is not measured as mass; expected energy; got mass"):
        activity_key("electricity", "US", 2024, Dimension.MASS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_dimension_of_a_kind_has_a_key(name: str) -> None:
    """Each way to measure a kind has its own key."""
    kind = KINDS[name]
    needed = {one.name: one.choices[0] if one.choices else "some" for one in kind.attributes if one.is_required}
    found = {activity_key(name, "US", 2024, dimension, currency="EUR", **needed) for dimension in kind.dimensions}
    units = {**CANONICAL_UNIT, Dimension.MONEY: "EUR", **kind.units}
    assert {key.unit for key in found} == {units[dimension] for dimension in kind.dimensions}


@given(KEYS)
def test_key_id_is_the_hash_of_its_canonical_json(key: ActivityKey) -> None:
    """The identity of a key is SHA-256 over its canonical JSON."""
    assert key.key_id == sha256_hex(to_canonical(key.to_json()))


@given(KEYS, KEYS)
def test_equal_ids_mean_equal_keys(one: ActivityKey, other: ActivityKey) -> None:
    """Keys are equal exactly where their ids are."""
    assert (one.key_id == other.key_id) == (one == other)
