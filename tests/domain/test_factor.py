"""Factors: identity by content, and splits that add up."""

from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from types import MappingProxyType

import pytest
from hypothesis import given

from domain.activity import ActivityKey
from domain.canonical import Json, from_canonical
from domain.errors import CanonicalError
from domain.factor import (
    Basis,
    CompiledFactor,
    EmissionFactor,
    FactorSetId,
    Gas,
    GasSplit,
    LifeCycleScope,
    Resolution,
    Step,
    factor_from_json,
)
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
    label="CAMX / WECC California",
    attributes={"blend": "average"},
    uncertainty_percent="5",
    data_quality="reliability=2;temporal=1",
)


@given(GAS_SPLITS)
def test_total_is_the_sum_of_the_parts(split: GasSplit) -> None:
    """Gases and unsplit CO2e are the total; biogenic CO2 is apart."""
    assert split.total_ug_co2e == split.co2_ug + split.ch4_ug + split.n2o_ug + split.unsplit_ug


def test_biogenic_is_in_no_total() -> None:
    """Biogenic carbon dioxide alone makes a total of zero."""
    assert GasSplit(0, 0, 0, 0, biogenic_co2_ug=5).total_ug_co2e == 0


def test_factor_id_is_sixteen_digits_of_the_hash() -> None:
    """A factor's id is the beginning of its leaf hash, SHA-256 over a zero byte and its canonical JSON (RFC 6962)."""
    assert FACTOR.factor_id == sha256(b"\x00" + FACTOR.canonical_bytes).hexdigest()[:16]


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
        replace(FACTOR, label="CAMX"),
        replace(FACTOR, attributes={"blend": "mineral"}),
        replace(FACTOR, uncertainty_percent="6"),
        replace(FACTOR, data_quality="reliability=2;temporal=2"),
    ],
    ids=["digits", "edition", "year", "scope", "note", "label", "attributes", "uncertainty", "quality"],
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


def test_order_of_attributes_is_no_content() -> None:
    """The same attributes in another order are the same factor."""
    one, other = (replace(FACTOR, attributes=dict(pairs)) for pairs in ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]))
    assert one.factor_id == other.factor_id


def test_compiled_factor_is_per_unit_of_the_row_where_nothing_is_said() -> None:
    """Without a scale one unit of the activity is one of the published row."""
    assert CompiledFactor(FACTOR, GasSplit(1, 0, 0, 0), "AR5").scale == Fraction(1)


class _Unspeakable:
    """A value that must not be put into words."""

    def __format__(self, spec: str) -> str:
        """Fail."""
        raise AssertionError(spec)


def test_steps_are_put_into_words_only_when_read() -> None:
    """A resolution that nobody reads writes no prose; one that is read says each step in order."""
    key = ActivityKey("electricity", "US", 2024, "kWh")
    Resolution(key, Basis.LOCATION, None, (Step("{}", (_Unspeakable(),)),), ())
    read = Resolution(key, Basis.LOCATION, None, (Step("Place: {}.", ("US",)), Step("No {} {{}}.", ("rate",))), ())
    assert read.steps == ("Place: US.", "No rate {}.")
