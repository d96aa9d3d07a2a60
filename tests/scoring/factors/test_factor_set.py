"""The factor set: rows found, and proved to be in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import AttributeValueError, NotFoundError
from domain.factor import GwpSet, LifeCycleScope
from domain.merkle import leaf_hash, verify_inclusion
from scoring.factors.load import shipped_factor_set


@settings(deadline=None)  # the first example reads 31,000 rows
@given(st.integers(0, shipped_factor_set().row_count - 1))
def test_every_row_proves_itself(index: int) -> None:
    """A row's bytes, position and path lead to the set's root."""
    factors = shipped_factor_set()
    proof = factors.proof(factors.factors[index].factor_id)
    root = bytes.fromhex(factors.id.root_hex)
    assert verify_inclusion(leaf_hash(proof.row), proof.index, proof.size, proof.path, root)
    assert not verify_inclusion(leaf_hash(proof.row + b" "), proof.index, proof.size, proof.path, root)


def test_row_and_its_place_in_the_log_agree() -> None:
    """The id of a row is the beginning of its leaf, and the leaf at its place is its own."""
    factors = shipped_factor_set()
    for row in factors.rows("electricity", "DE"):
        proof = factors.proof(row.factor_id)
        assert proof.row == row.canonical_bytes
        assert leaf_hash(proof.row).hex()[:16] == row.factor_id


def test_ids_are_unique() -> None:
    """No two rows share an id."""
    factors = shipped_factor_set()
    assert len({factor.factor_id for factor in factors.factors}) == len(factors.factors)


def test_row_is_found_by_its_id() -> None:
    """An id leads back to its row."""
    factors = shipped_factor_set()
    row = factors.rows("electricity", "DE")[-1]
    assert factors.row(row.factor_id) is row


def test_rows_of_one_place_are_found_by_attributes() -> None:
    """Rows of a place and unit are grouped by the attributes that they carry, sorted by name; another unit is another group."""
    factors = shipped_factor_set()
    by_volume = factors.by_attributes("natural_gas", "GB", "m3")
    assert (("blend", "average"),) in by_volume
    assert all(row.unit == "m3" for rows in by_volume.values() for row in rows)
    assert factors.by_attributes("natural_gas", "GB", "kg") == {}


@pytest.mark.parametrize("value", ["petro", "Petrol", "%", "petr%", "_etrol", ""])
def test_value_that_no_row_carries_is_refused(value: str) -> None:
    """A name fits as it is or not at all; the message offers those that there are."""
    with pytest.raises(AttributeValueError, match=r"^The factor set has no fuel of this name for fuel; expected one of "):
        shipped_factor_set().require_choice("fuel", "fuel", value)
    shipped_factor_set().require_choice("fuel", "fuel", "petrol")


def test_table_that_there_is_not_is_empty() -> None:
    """Parameters that no folder holds have no rows, and no number."""
    factors = shipped_factor_set()
    assert (factors.table("no_such_table"), factors.parameter("no_such_number", "DE")) == ((), None)


def test_unknown_id_is_refused() -> None:
    """An id of no row says so."""
    with pytest.raises(NotFoundError, match="expected the id of a row; got 0000000000000000; in factor set"):
        shipped_factor_set().row("0" * 16)


def test_rows_are_narrowed_by_rate_and_scope() -> None:
    """The US holds generation rates of eGRID and life-cycle rates of Ember; either is asked for alone."""
    factors = shipped_factor_set()
    generation = factors.rows("electricity", "US", scopes=(LifeCycleScope.GENERATION,))
    assert {row.publisher for row in generation} == {"EPA eGRID"}
    assert {row.publisher for row in factors.rows("electricity", "US", rates=("carbon_intensity",))} == {
        "Ember via Our World in Data"
    }


def test_gwps_are_the_published_ones() -> None:
    """AR4, AR5 and AR6 100-year values of methane and nitrous oxide."""
    got = {report: (float(w["ch4"]), float(w["n2o"])) for report, w in shipped_factor_set().gwps.items()}
    assert got == {GwpSet.AR4: (25, 298), GwpSet.AR5: (28, 265), GwpSet.AR6: (27.9, 273)}
