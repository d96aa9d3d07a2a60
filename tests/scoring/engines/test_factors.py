"""Keys of a folder: what is wrong with one is said of it, and every part of a statement's line has its factor."""

from functools import partial

import pytest

from domain.activity import ActivityKey, EvidenceClass
from domain.errors import DocumentError
from domain.factor import CompiledFactor, GasSplit
from domain.number import INT64_MAX
from domain.period import Month
from domain.statement import ActivityTotal
from scoring.arithmetic import line_emissions, most_micro
from scoring.engines.factors import KeyRow, activity_keys, key_factors
from scoring.engines.files import FactorRow
from scoring.factors.load import shipped_factor_set
from scoring.lines import make_lines
from scoring.resolve import resolve

GOOD: KeyRow = (0, "electricity", "DE", 2023, "kWh", "{}")


def test_good_keys() -> None:
    """Empty attributes may be an empty text; they come sorted."""
    rows: list[KeyRow] = [
        GOOD,
        (1, "car", "GB", 2023, "km", '{"powertrain":"diesel","size":"medium"}'),
        (2, *GOOD[1:3], 2022, "kWh", ""),
    ]
    assert activity_keys(rows, record="keys") == [
        ActivityKey("electricity", "DE", 2023, "kWh"),
        ActivityKey("car", "GB", 2023, "km", (("powertrain", "diesel"), ("size", "medium"))),
        ActivityKey("electricity", "DE", 2022, "kWh"),
    ]


@pytest.mark.parametrize(
    ("row", "message", "column"),
    [
        ((0, "elektricity", *GOOD[2:]), "expected one of electricity", "kind"),
        (
            (0, "electricity", "DE", 2023, "MWh", "{}"),
            "electricity is not kept in this unit; expected one of kWh; got MWh",
            "unit",
        ),
        ((0, "car", "GB", 2023, "mi", "{}"), "car is not kept in this unit; expected one of km", "unit"),
        ((0, "car", "GB", 2023, "km", '{"fuel":"diesel"}'), "car has no attribute fuel", "attributes_json"),
        ((0, "car", "GB", 2023, "km", '{"size":"huge"}'), "This is no size of car", "attributes_json"),
        ((0, "car", "GB", 2023, "km", "[1]"), "Attributes are an object of texts", "attributes_json"),
        ((0, "car", "GB", 2023, "km", '{"size":1}'), "Attributes are an object of texts", "attributes_json"),
        ((0, "car", "GB", 2023, "km", "{"), "", "attributes_json"),
        ((0, "food", "GB", 2023, "kg", "{}"), "food needs food", "attributes_json"),
    ],
)
def test_key_that_does_not_fit(row: KeyRow, message: str, column: str) -> None:
    """Key and column are named."""
    with pytest.raises(DocumentError) as refused:
        activity_keys([row], record="keys.parquet")
    assert message in refused.value.sentence()
    assert refused.value.record == f"keys.parquet, key_id 0, column {column}"


def test_key_that_stands_twice() -> None:
    """It would be rounded twice."""
    with pytest.raises(DocumentError, match=r"A key stands twice; .*got key_id 0 and 1"):
        activity_keys([GOOD, (1, *GOOD[1:])], record="keys.parquet")


def test_rows_are_those_of_a_statement() -> None:
    """Every line of a statement of these keys has its row, and no other has one; multiplying gives the line."""
    factors = shipped_factor_set()
    choose = partial(resolve, factor_set=factors)
    keys = [
        ActivityKey("electricity", "US/zip/94110", 2023, "kWh"),
        ActivityKey("electricity_export", "DE", 2023, "kWh"),
        ActivityKey("natural_gas", "GB", 2023, "kWh"),
        ActivityKey("car", "GB", 2023, "km", (("powertrain", "electric"),)),
        ActivityKey("electricity", "AQ", 1850, "kWh"),
    ]
    found = key_factors(keys, lambda key, basis: choose(key, basis=basis))
    quantity_micro = 123_456_789
    totals = [ActivityTotal(Month(2023, 5), key, quantity_micro, {EvidenceClass.TYPED: quantity_micro}, 1) for key in keys]
    lines, unscored = make_lines(totals, lambda key, basis: choose(key, basis=basis))
    got = {
        (keys[row.key_id], row.part, row.basis): (_emissions(row, quantity_micro), source.chosen.factor.factor_id, source.flags)
        for row, source in zip(found.rows, found.sources, strict=True)
    }
    assert got == {(line.key, line.part, line.basis): (line.emissions, line.factor_id, line.flags) for line in lines}
    assert len(got) == len(lines) > len(keys)
    assert {keys[key_id] for key_id in found.unscored} == {one.key for one in unscored}
    assert all(found.unscored.values())


def _emissions(row: FactorRow, quantity_micro: int) -> GasSplit:
    split = GasSplit(row.co2_ug, row.ch4_ug, row.n2o_ug, row.unsplit_ug, row.biogenic_co2_ug)
    assert row.most_micro == most_micro(split) >= quantity_micro
    some = shipped_factor_set().rows("electricity", "DE")[0]
    return line_emissions(quantity_micro, CompiledFactor(some, split, "AR5"))


@pytest.mark.parametrize("kind", ["electricity_certificate", "carbon_credit"])
def test_what_acts_in_statements_alone_is_unscored_and_says_so(kind: str) -> None:
    """Certificates and credits have no factor of their own."""
    keys = [ActivityKey(kind, "DE", 2023, "kWh")]
    found = key_factors(keys, lambda key, basis: resolve(key, shipped_factor_set(), basis))
    assert found.rows == ()
    assert "close the period" in found.unscored[0]


def test_most_of_nothing_is_all() -> None:
    """A factor of zero takes every activity."""
    assert most_micro(GasSplit(0, 0, 0, 0)) == INT64_MAX
