"""The factor set: rows found, and proved to be in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import NotFoundError
from domain.factor import GwpSet, LifeCycleScope
from domain.merkle import leaf_hash, merkle_root, verify_inclusion
from scoring.factors.load import shipped_factor_set


@given(st.integers(0, 6406))
def test_every_row_proves_itself(index: int) -> None:
    """A row's bytes, position and path lead to the set's root."""
    factors = shipped_factor_set()
    proof = factors.proof(factors.factors[index].factor_id)
    root = bytes.fromhex(factors.id.root_hex)
    assert verify_inclusion(leaf_hash(proof.row), proof.index, proof.size, proof.path, root)
    assert not verify_inclusion(leaf_hash(proof.row + b" "), proof.index, proof.size, proof.path, root)


def test_older_set_is_a_prefix() -> None:
    """The root over the first rows is that of the set as it was when they were all."""
    factors = shipped_factor_set()
    hashes = [leaf_hash(factor.canonical_bytes) for factor in factors.factors]
    assert merkle_root(hashes).hex() == factors.id.root_hex
    assert merkle_root(hashes[:100]) != merkle_root(hashes)


def test_ids_are_unique() -> None:
    """No two rows share an id."""
    factors = shipped_factor_set()
    assert len({factor.factor_id for factor in factors.factors}) == len(factors.factors)


def test_row_is_found_by_its_id() -> None:
    """An id leads back to its row."""
    factors = shipped_factor_set()
    row = factors.rows("electricity", "DE")[-1]
    assert factors.row(row.factor_id) is row


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
