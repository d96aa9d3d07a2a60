"""Factors: identity by content, and splits that add up."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given

from domain.canonical import Json, from_canonical, sha256_hex
from domain.errors import CanonicalError
from domain.factor import EmissionFactor, FactorSetId, Gas, GasSplit, LifeCycleScope, factor_from_json
from tests.domain.strategies import GAS_SPLITS

FACTOR = EmissionFactor(
    publisher="EPA eGRID",
    edition="eGRID2022",
    table="SRL22",
    kind="electricity",
    unit="kWh",
    region="US/egrid/CAMX",
    year=2022,
    published={Gas.CO2: "497.4", Gas.CH4: "0.030", Gas.N2O: "0.004"},
    published_unit="lb/MWh",
    gwp_set="",
    life_cycle_scope=LifeCycleScope.GENERATION,
    rate="total_output",
    source_url="https://www.epa.gov/egrid",
    licence="public domain",
)


@given(GAS_SPLITS)
def test_total_is_the_sum_of_the_parts(split: GasSplit) -> None:
    """Gases and unsplit CO2e are the total; biogenic CO2 is apart."""
    assert split.total_ug_co2e == split.co2_ug + split.ch4_ug + split.n2o_ug + split.unsplit_ug


def test_biogenic_is_in_no_total() -> None:
    """Biogenic carbon dioxide alone makes a total of zero."""
    assert GasSplit(0, 0, 0, 0, biogenic_co2_ug=5).total_ug_co2e == 0


def test_factor_id_is_sixteen_digits_of_the_hash() -> None:
    """A factor's id is the beginning of SHA-256 over its canonical JSON."""
    assert FACTOR.factor_id == sha256_hex(FACTOR.canonical_bytes)[:16]


def test_factor_round_trip() -> None:
    """A factor is read back from its canonical JSON, with the same id."""
    again = factor_from_json(from_canonical(FACTOR.canonical_bytes))
    assert (again, again.factor_id) == (FACTOR, FACTOR.factor_id)


@pytest.mark.parametrize("name", sorted(FACTOR.to_json()))
def test_missing_field_of_a_factor_is_refused(name: str) -> None:
    """Every field of a factor is needed."""
    with pytest.raises(CanonicalError, match=f"A field is missing; expected {name}; got .*; in factor"):
        factor_from_json({field: value for field, value in FACTOR.to_json().items() if field != name})


def test_published_text_is_kept() -> None:
    """The published digits, trailing zeros too, stand in the canonical JSON."""
    read = from_canonical(FACTOR.canonical_bytes)
    assert isinstance(read, dict)
    assert read["published"] == {"ch4": "0.030", "co2": "497.4", "n2o": "0.004"}


def test_order_of_gases_is_no_content() -> None:
    """The same gases in another order, in any mapping, are the same factor."""
    again = replace(FACTOR, published=MappingProxyType(dict(reversed(list(FACTOR.published.items())))))
    assert (again.factor_id, again.canonical_bytes) == (FACTOR.factor_id, FACTOR.canonical_bytes)


@pytest.mark.parametrize(
    "other",
    [
        replace(FACTOR, published={**FACTOR.published, Gas.CH4: "0.03"}),
        replace(FACTOR, edition="eGRID2023"),
        replace(FACTOR, year=2023),
        replace(FACTOR, life_cycle_scope=LifeCycleScope.LIFE_CYCLE),
        replace(FACTOR, note="re-keyed"),
    ],
    ids=["digits", "edition", "year", "scope", "note"],
)
def test_other_content_is_another_factor(other: EmissionFactor) -> None:
    """A change of any word or digit is another factor."""
    assert other.factor_id != FACTOR.factor_id


def test_factor_set_is_named_by_size_and_root() -> None:
    """The name of a factor set as canonical JSON carries it."""
    assert FactorSetId(3, "ab" * 32).to_json() == {"root": "ab" * 32, "size": 3}


@pytest.mark.parametrize("fields", [{"extra": ""}, {"published": {"co2": "1", "sf6": "2"}}], ids=["extra", "gas"])
def test_extra_fields_of_a_factor_are_refused(fields: dict[str, Json]) -> None:
    """A field or gas that this version does not know is refused, not dropped."""
    with pytest.raises(CanonicalError, match=r"This holds something that its format does not have; .*; in factor"):
        factor_from_json({**FACTOR.to_json(), **fields})
