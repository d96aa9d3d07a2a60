"""Activities: kinds, and keys whose identity is their content."""

import pytest
from hypothesis import given

from domain.activity import KINDS, ActivityKey, activity_key, find_kind
from domain.canonical import sha256_hex, to_canonical
from domain.errors import KindError
from domain.units import CANONICAL_UNIT, Dimension
from tests.domain.strategies import KEYS


@pytest.mark.parametrize("name", sorted(KINDS))
def test_kind_is_found_by_its_name(name: str) -> None:
    """Each kind stands in the table under its own name."""
    assert find_kind(name).name == name


def test_unknown_kind_lists_the_known() -> None:
    """An unknown kind is refused with the list, the record and the next step."""
    with pytest.raises(KindError) as caught:
        find_kind("electric", record="line 2")
    assert caught.value.sentence() == (
        "This kind of activity is not known, or lacks an attribute; expected one of electricity, electricity_export, "
        "natural_gas, propane, steam, water; got electric; in line 2. Choose one of these kinds."
    )


def test_only_export_is_avoided() -> None:
    """Exported electricity is outside gross and net, and nothing else is."""
    assert [(kind.name, kind.scope) for kind in KINDS.values() if kind.is_avoided] == [("electricity_export", 0)]


@pytest.mark.parametrize(("name", "scope"), [("electricity", 2), ("natural_gas", 1), ("propane", 1), ("steam", 2), ("water", 3)])
def test_scopes(name: str, scope: int) -> None:
    """GHG Protocol Corporate Standard, chapter 4: fuels burnt are scope 1, purchased energy 2, the rest 3."""
    assert KINDS[name].scope == scope


def test_key_takes_the_canonical_unit() -> None:
    """A key's unit follows from what was measured; its attributes are sorted."""
    key = activity_key("natural_gas", "US", 2024, Dimension.VOLUME, supplier="b", fuel="a")
    assert key == ActivityKey("natural_gas", "US", 2024, "m3", (("fuel", "a"), ("supplier", "b")))


def test_kind_in_another_dimension_is_refused() -> None:
    """Electricity is not measured in kilograms."""
    with pytest.raises(KindError, match="electricity is not measured as mass; expected energy; got mass"):
        activity_key("electricity", "US", 2024, Dimension.MASS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_dimension_of_a_kind_has_a_key(name: str) -> None:
    """Each way to measure a kind has its own key."""
    found = {activity_key(name, "US", 2024, dimension) for dimension in KINDS[name].dimensions}
    assert {key.unit for key in found} == {CANONICAL_UNIT[dimension] for dimension in KINDS[name].dimensions}


@given(KEYS)
def test_key_id_is_the_hash_of_its_canonical_json(key: ActivityKey) -> None:
    """The identity of a key is SHA-256 over its canonical JSON."""
    assert key.key_id == sha256_hex(to_canonical(key.to_json()))


@given(KEYS, KEYS)
def test_equal_ids_mean_equal_keys(one: ActivityKey, other: ActivityKey) -> None:
    """Keys are equal exactly where their ids are."""
    assert (one.key_id == other.key_id) == (one == other)
