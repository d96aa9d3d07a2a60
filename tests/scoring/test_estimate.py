"""Estimates: exact grams with their reasons, and a designed answer for whatever else may come."""

import json
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import to_canonical
from scoring.estimate import FIELDS, estimate
from scoring.factors.factor_set import FactorSet
from scoring.factors.load import shipped_factor_set

TODAY = date(2026, 11, 22)
BILL: dict[str, Any] = {
    "id": "a",
    "kind": "electricity",
    "quantity": "350",
    "unit": "kWh",
    "start": "2023-03-01",
    "end": "2023-04-01",
    "region": "94110",
}


def of(**changes: object) -> Any:  # noqa: ANN401 - JSON, looked into by each test
    """The estimate of a bill of March 2023 in San Francisco, with changes."""
    return estimate({**BILL, **changes}, factor_set=shipped_factor_set(), today_date=TODAY)


def without(name: str) -> Any:  # noqa: ANN401 - JSON, looked into by each test
    """The estimate of the bill without one field."""
    return estimate({k: v for k, v in BILL.items() if k != name}, factor_set=shipped_factor_set(), today_date=TODAY)


def test_bill_gives_grams_by_gas_with_factor_and_source() -> None:
    """350 kWh x 198.741497 g/kWh, by gas, with everything that led to it."""
    got = of()
    assert (got["id"], got["g_co2e"]) == ("a", "69559.52395")
    assert got["g_co2e_by_gas"] == {"co2": "69322.1816", "ch4": "111.13025", "n2o": "126.2121", "unsplit": "0"}
    assert (got["source"], got["edition"], got["region"], got["year"]) == (
        "EPA eGRID",
        "eGRID2023 first release",
        "US/egrid/CAMX",
        2023,
    )
    assert (got["flags"], got["scale"], got["beside"], got["parts"]) == (["upstream_not_held"], "1", [], [])
    assert len(got["steps"]) == 6


def test_bill_has_the_grids_loss_beside_it() -> None:
    """41/959 of the rate is lost on the way: 2,973.86915 g in scope 3, category 3, in no total of the bill's own scope."""
    got = of()
    (loss,) = got["additions"]
    assert (loss["part"], loss["scope"], loss["category"], loss["scale"]) == ("grid_loss", 3, 3, "41/959")
    assert (loss["g_co2e"], got["g_co2e"], got["g_co2e_with_additions"]) == ("2973.86915", "69559.52395", "72533.3931")


def test_uncertainty_says_whether_it_is_assumed() -> None:
    """No publisher gives eGRID's uncertainty: the scores are shown that 5.4 % follows from."""
    got = of()
    assert got["uncertainty"] == {
        "high_percent": "5.41",
        "is_assumed": True,
        "low_percent": "-5.13",
        "scores": {"reliability": 1, "collection": 2, "temporal": 1, "geographical": 1, "technological": 1},
    }
    assert got["uncertainty_note"] == "assumed: pedigree method on these scores, 1 best to 5"


def test_result_is_canonical_json(factors: FactorSet) -> None:
    """A result holds texts and whole numbers only, and its factor id is a row of the set."""
    got = of()
    assert json.loads(to_canonical(got)) == got
    assert factors.row(got["factor_id"]).region == "US/egrid/CAMX"


@pytest.mark.parametrize(("quantity", "unit"), [("350", "kWh"), ("0.35", "MWh"), ("1260", "MJ"), (350, "kWh"), ("350000", "Wh")])
def test_unit_does_not_matter(quantity: object, unit: str) -> None:
    """The same energy in another unit is the same estimate."""
    assert of(quantity=quantity, unit=unit)["g_co2e"] == "69559.52395"


@given(st.integers(-(10**12), 10**12), st.dates(date(1990, 1, 1), date(2026, 11, 20)), st.integers(1, 3000))
def test_parts_over_years_add_up(quantity_micro: int, first_date: date, days_count: int) -> None:
    """A span over years is divided without losing a millionth, and grams are the sum of the parts."""
    end = min(first_date.toordinal() + days_count, TODAY.toordinal() + 1)
    quantity = f"{Fraction(quantity_micro, 10**6).numerator}" if quantity_micro % 10**6 == 0 else f"{quantity_micro}e-6"
    got = of(quantity=quantity, start=first_date.isoformat(), end=date.fromordinal(end).isoformat(), region="DE")
    parts = got["parts"] or [got]
    assert sum(Fraction(part["quantity"]) for part in parts) == Fraction(quantity_micro, 10**6)
    assert sum(Fraction(part["g_co2e"]) for part in parts) == Fraction(got["g_co2e"])


def test_span_over_a_year_uses_both_years_factors() -> None:
    """Ten days of December and ten of January: half with each year's rate."""
    got = of(quantity="20", start="2022-12-22", end="2023-01-11", region="DE")
    assert [(part["activity_year"], part["quantity"], part["factor_g_co2e_per_unit"]) for part in got["parts"]] == [
        (2022, "10", "419.74"),
        (2023, "10", "362.92"),
    ]
    assert got["g_co2e"] == "7826.6"
    assert "several_factors" in got["flags"]


def test_own_factor_is_used_as_given_and_flagged() -> None:
    """An explicit factor needs no place and is flagged."""
    got = estimate(
        {k: v for k, v in BILL.items() if k != "region"} | {"factor": {"value": "0.4", "unit": "kg CO2e/kWh"}},
        factor_set=shipped_factor_set(),
        today_date=TODAY,
    )
    assert (got["g_co2e"], got["factor_id"]) == ("140000", "")
    assert "factor_given" in got["flags"]  # type: ignore[operator]  # a list
    assert got["steps"] == ["Factor: 0.4 kg CO2e/kWh, given with the request and used as it is."]


@pytest.mark.parametrize("unit", ["g/kWh", "gCO2e/kWh", "g CO2/kWh", "kg/MWh"])
def test_own_factor_in_other_units(unit: str) -> None:
    """400 g per kWh in the ways that people write it."""
    assert of(factor={"value": "400", "unit": unit})["g_co2e"] == "140000"


def test_export_is_avoided() -> None:
    """Exported electricity is positive, avoided, outside the scopes."""
    got = of(kind="electricity_export")
    assert (got["is_avoided"], got["scope"], got["g_co2e"]) == (True, 0, "69559.52395")


def test_refund_is_negative_and_said() -> None:
    """A negative quantity is a refund: legal, flagged, with the hint at exports."""
    got = of(quantity="-350")
    assert got["g_co2e"] == "-69559.52395"
    assert "negative_quantity" in got["flags"]
    assert "electricity_export" in got["steps"][0]


def test_instants_keep_their_local_day() -> None:
    """New Year's Eve in New York is still the old year, whatever UTC says."""
    got = of(start="2022-12-31T20:00:00-05:00", end="2022-12-31T23:00:00-05:00")
    assert (got["start"], got["end"], got["year"], got["parts"]) == ("2022-12-31", "2023-01-01", 2022, [])


@pytest.mark.parametrize(
    ("changes", "code", "expected", "got", "next_step"),
    [
        ({"quantity": "NaN"}, "number", "a plain decimal number", "NaN", "Write digits"),
        ({"quantity": float("nan")}, "number", "a plain decimal number", "nan", "Write digits"),
        ({"quantity": float("inf")}, "number", "a plain decimal number", "inf", "Write digits"),
        ({"quantity": "1e30"}, "number", "below 10^30", "1e30", "Check the number"),
        ({"quantity": "1" + "0" * 30}, "number", "a plain decimal number", "1000000", "Write digits"),
        ({"quantity": "1" + "0" * 13}, "number", "less than 9.2e12 kWh", "10000000000000 kWh", "Check the number and its unit"),
        ({"quantity": True}, "input", "a number as text", "True", ""),
        ({"quantity": ""}, "number", "a plain decimal number", "", "Write digits"),
        ({"unit": "kg"}, "dimension", "one of kWh", "kg", "Give the amount in one of these units"),
        ({"unit": "kwh"}, "unknown-unit", "kWh", "kwh", "Name the unit"),
        ({"unit": "MtCO2e"}, "unknown-unit", "t (1000 kg)", "MtCO2e", "Write t for metric tons"),
        ({"kind": "electricty"}, "kind", "one of electricity, electricity_export", "electricty", "Choose one of these kinds"),
        ({"kind": "flight"}, "dimension", "one of pkm, pmi, ", "kWh", "Give the amount in one of these units"),
        ({"kind": "fuel", "unit": "L"}, "attribute-value", "one of agricultural_byproducts, ", "none", "Which fuel."),
        (
            {"kind": "fuel", "unit": "L", "fuel": "pterol"},
            "attribute-value",
            "one of petrol, ",
            "pterol",
            "factors list --kind fuel",
        ),
        ({"kind": "water", "unit": "m3", "cabin": "first"}, "input", "one of id, kind", "cabin", ""),
        ({"supplier_g_co2e_per_kwh": "99999"}, "factor", "0 to 9000 g CO2e/kWh", "99999 g CO2e/kWh", "Check the unit"),
        (
            {"start": "2026-12-01", "end": "2027-01-01"},
            "time",
            "an end up to 2026-11-23",
            "2026-12-01",
            "Estimate what has happened",
        ),
        ({"end": "2023-03-01"}, "time", "an end after 2023-03-01", "2023-03-01", "The end is the first day"),
        ({"start": "2023-02-30"}, "time", "a day such as", "2023-02-30", ""),
        ({"start": "1850-01-01"}, "time", "a year from 1990", "1850", ""),
        ({"start": "2023-03-01T00:00:00"}, "time", "an RFC 3339 time with offset", "2023-03-01T00:00:00", ""),
        ({"region": "00000"}, "place", "a five-digit US ZIP code", "00000", "Check the ZIP code"),
        ({"region": "Atlantis"}, "place", "a five-digit US ZIP code or a two-letter", "Atlantis", "Give the place"),
        ({"region": 94110}, "input", "text in region", "94110", ""),
        ({"basis": "both"}, "input", "location, market", "both", ""),
        ({"gwp_set": "AR9"}, "input", "AR4, AR5, AR6", "AR9", ""),
        ({"colour": "red"}, "input", "one of id, kind", "colour", ""),
        ({"factor": {"value": "0.4"}}, "input", '{"value": "0.4", "unit": "kg/kWh"}', "0.4", ""),
        ({"factor": {"value": "-1", "unit": "kg/kWh"}}, "factor", "0 to 9220 kg/kWh", "-1 kg/kWh", "Check the factor"),
        ({"factor": {"value": "1", "unit": "kg"}}, "factor", "kg/kWh", "kg", "Write the factor"),
        ({"factor": {"value": "1", "unit": "MtCO2e/kWh"}}, "unknown-unit", "t (1000 kg)", "MtCO2e", "Write t for metric tons"),
        ({"quantity": "9000000000000"}, "line-overflow", "below 2^63", "9000000000000000000 millionths", "Check the unit"),
    ],
)
def test_what_cannot_be_estimated_says_why(
    changes: dict[str, object], code: str, expected: str, got: str, next_step: str
) -> None:
    """Each mistake has its own answer: what was expected, what came, what to do."""
    result = of(**changes)
    assert result["id"] == "a"
    error = result["error"]
    assert error["code"] == code
    assert expected in error["expected"]
    assert got in error["got"]
    assert next_step in error["next_step"]


@pytest.mark.parametrize("name", ["kind", "quantity", "unit", "start", "region"])
def test_missing_field_is_named(name: str) -> None:
    """A request without a field is told which."""
    assert without(name)["error"]["expected"] == name


def test_activity_without_an_end_is_of_one_day() -> None:
    """A flight or a purchase happens on a day: without an end it is over the next."""
    got = without("end")
    assert (got["start"], got["end"], got["g_co2e"]) == ("2023-03-01", "2023-03-02", "69559.52395")


@pytest.mark.parametrize("request_value", [None, 5, "text", [], [BILL], True])
def test_request_that_is_no_object_is_refused(request_value: object, factors: FactorSet) -> None:
    """Anything but an object is refused without an exception."""
    got: Any = estimate(request_value, factor_set=factors, today_date=TODAY)
    assert (got["id"], got["error"]["message"]) == (None, "An estimate is a JSON object")


def test_choices_are_offered() -> None:
    """A misspelt kind lists close ones, a wrong unit the units, an attribute its values: one by one, for programs."""
    assert of(kind="electricty")["error"]["choices"] == ["electricity", "electricity_export", "electricity_certificate"]
    assert "MWh" in of(unit="kg")["error"]["choices"]
    assert of(kind="freight", unit="tkm", mode="raft")["error"]["choices"] == ["road", "rail", "sea", "inland_waterway", "air"]
    assert "petrol" in of(kind="fuel", unit="L", fuel="pterol")["error"]["choices"]


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([*FIELDS, *map(str, BILL.values())]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=3), st.booleans())
def test_no_request_raises(changes: dict[str, object], is_based_on_a_bill: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """Whatever JSON comes, an object goes back: grams or an error."""
    request = {**BILL, **changes} if is_based_on_a_bill else changes
    got = estimate(request, factor_set=shipped_factor_set(), today_date=TODAY)
    assert ("g_co2e" in got) != ("error" in got)
