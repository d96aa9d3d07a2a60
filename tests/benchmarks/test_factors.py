"""The benchmark of the factor set: what it compares is the same, and it measures what it says."""

import pytest

from benchmarks.factors import make_keys, measure, question_of
from scoring.factors.load import shipped_factor_set
from scoring.rules import RULES


def test_keys_are_of_all_kinds_and_repeatable() -> None:
    """The seed gives the same distinct keys each time, of every kind that is scored."""
    factors = shipped_factor_set()
    keys = make_keys(factors, 2_000)
    assert keys == make_keys(factors, 2_000)
    assert len(set(keys)) == 2_000
    assert {key.kind for key in keys} == set(RULES)


def test_alternative_is_asked_about_most_keys() -> None:
    """Few keys are left out of the comparison: those that nothing fits."""
    factors = shipped_factor_set()
    keys = make_keys(factors, 500)
    asked = [key for key in keys if question_of(key, factors) is not None]
    assert len(asked) > 450


@pytest.mark.slow
def test_both_find_the_same_rows() -> None:
    """The benchmark itself refuses to compare different answers; here it runs small."""
    found = measure(3_000)
    assert found["keys"] == 3_000
    assert found["scored"] == found["alternative_keys"] > 2_500
    assert found["bytes"] < 6_000_000
