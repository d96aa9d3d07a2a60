"""Lines, unscored totals and totals: there and back, and the net."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import EvidenceClass, activity_key
from domain.canonical import Json, from_canonical, to_canonical
from domain.errors import CanonicalError
from domain.factor import Basis, GasSplit, Part
from domain.period import Month
from domain.statement import Line, Totals, Unscored, line_from_json, totals_from_json, unscored_from_json
from domain.units import Dimension
from tests.domain.strategies import KEYS, LINES, MONTHS, QUANTITIES, TEXTS, TOTALS

LINE = Line(
    month=Month(2024, 3),
    key=activity_key("electricity", "US/zip/94110", 2024, Dimension.ENERGY),
    basis=Basis.LOCATION,
    quantity_micro=1_000_000,
    by_evidence_micro={EvidenceClass.UPLOADED: 1_000_000},
    factor_id="0123456789abcdef",
    gwp_set="AR5",
    emissions=GasSplit(co2_ug=220_000_000, ch4_ug=400_000, n2o_ug=500_000, unsplit_ug=0, biogenic_co2_ug=7),
    scope=2,
    category=0,
    is_avoided=False,
    flags=("year_earlier",),
)
TOTAL = Totals(
    gross_location_ug_co2e=220_900_000,
    gross_market_ug_co2e=300_500_000,
    retired_g_co2e=100,
    avoided_ug_co2e=0,
    biogenic_co2_ug=7,
    unscored_count=1,
)


@given(LINES)
def test_line_round_trip(line: Line) -> None:
    """A line is read back from its canonical JSON."""
    assert line_from_json(from_canonical(line.canonical_bytes)) == line


@given(LINES)
def test_line_is_written_as_its_json(line: Line) -> None:
    """The leaf, which is written piece by piece, is the canonical JSON of the line's fields."""
    assert line.canonical_bytes == to_canonical(line.to_json())


def test_lone_surrogate_in_a_line_is_refused() -> None:
    """What has no bytes in UTF-8 has no canonical form."""
    with pytest.raises(CanonicalError, match="expected text without lone surrogates"):
        _ = replace(LINE, flags=("\ud800",)).canonical_bytes


@given(TOTALS)
def test_totals_round_trip(totals: Totals) -> None:
    """Totals are read back from their canonical JSON."""
    assert totals_from_json(from_canonical(to_canonical(totals.to_json()))) == totals


@given(st.builds(Unscored, MONTHS, KEYS, QUANTITIES, TEXTS))
def test_unscored_round_trip(unscored: Unscored) -> None:
    """An unscored total is read back from its canonical JSON."""
    assert unscored_from_json(from_canonical(to_canonical(unscored.to_json()))) == unscored


def test_line_as_json() -> None:
    """The leaf of the lines root, byte for byte: amounts are text."""
    assert LINE.canonical_bytes == (
        b'{"basis":"location","by_evidence_micro":{"uploaded":"1000000"},"category":0,"emissions_ug_co2e":{"biogenic_co2":"7",'
        b'"ch4":"400000","co2":"220000000","n2o":"500000","unsplit":"0"},"factor_id":"0123456789abcdef","flags":["year_earlier"],'
        b'"gwp_set":"AR5","is_avoided":false,"key":{"attributes":{},"kind":"electricity","region":"US/zip/94110","unit":"kWh",'
        b'"year":2024},"month":"2024-03","part":"use","quantity_micro":"1000000","scale":"1","scope":2}'
    )


def test_part_and_scale_of_a_line_as_json() -> None:
    """What the grid loses is a part of its own, and its scale is the exact fraction in lowest terms."""
    loss = replace(LINE, part=Part.GRID_LOSS, scale=Fraction("0.041") / (1 - Fraction("0.041")))
    assert (loss.to_json()["part"], loss.to_json()["scale"]) == ("grid_loss", "41/959")
    assert line_from_json(loss.to_json()) == loss


@pytest.mark.parametrize("name", sorted(LINE.to_json()))
def test_missing_field_of_a_line_is_refused(name: str) -> None:
    """Every field of a line is needed, and the refusal names it and the line."""
    with pytest.raises(CanonicalError, match=f"A field is missing; expected {name}; got .*; in line 3"):
        line_from_json({field: value for field, value in LINE.to_json().items() if field != name}, record="line 3")


@pytest.mark.parametrize("name", sorted(LINE.to_json()))
def test_null_in_a_line_is_refused(name: str) -> None:
    """No field of a line may be null."""
    with pytest.raises(CanonicalError):
        line_from_json({**LINE.to_json(), name: None})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("basis", "both"),
            ("scope", True),
            ("is_avoided", 0),
            ("flags", ["a", 1]),
            ("quantity_micro", "1e6"),
            ("month", "2024"),
        ],
        *[("part", "loss"), ("scale", "0.5"), ("scale", "2/4"), ("scale", "1/0"), ("scale", 1)],
    ],
)
def test_wrong_field_of_a_line_is_refused(name: str, value: Json) -> None:
    """A field of another type or form is named."""
    with pytest.raises(CanonicalError, match=f"The field {name} is not"):
        line_from_json({**LINE.to_json(), name: value})


@given(TOTALS)
def test_net_is_market_gross_less_retired(totals: Totals) -> None:
    """Net in micrograms is exact, in grams it is half a gram away at most."""
    assert totals.net_ug_co2e == totals.gross_market_ug_co2e - 1_000_000 * totals.retired_g_co2e
    assert abs(totals.net_g_co2e * 1_000_000 - totals.net_ug_co2e) <= 500_000


def test_net_may_be_negative() -> None:
    """More retired than emitted is a negative net, rounded half away from zero."""
    totals = Totals(0, 500_000, 1, 0, 0, 0)
    assert (totals.net_ug_co2e, totals.net_g_co2e) == (-500_000, -1)


def test_wrong_net_is_refused() -> None:
    """Totals whose net is not gross less retired do not hold."""
    with pytest.raises(CanonicalError) as caught:
        totals_from_json({**TOTAL.to_json(), "net_ug_co2e": "200500001"}, record="manifest.totals")
    assert caught.value.sentence() == "The net is not gross less retired; expected 200500000; got 200500001; in manifest.totals"


@pytest.mark.parametrize("name", sorted(TOTAL.to_json()))
def test_missing_total_is_refused(name: str) -> None:
    """Every total is needed."""
    with pytest.raises(CanonicalError, match=f"A field is missing; expected {name}; "):
        totals_from_json({field: value for field, value in TOTAL.to_json().items() if field != name})


@pytest.mark.parametrize(
    "name", sorted(set(TOTAL.to_json()) - {"avoided_ug_co2e", "biogenic_co2_ug", "gross_location_ug_co2e", "unscored_count"})
)
def test_changed_net_part_is_noticed(name: str) -> None:
    """Gross, retired and net hold each other: one more in any of them is refused."""
    changed = {**TOTAL.to_json(), name: str(int(str(TOTAL.to_json()[name])) + 1)}
    with pytest.raises(CanonicalError, match="The net is not gross less retired"):
        totals_from_json(changed)


@pytest.mark.parametrize(
    "fields",
    [{"note": ""}, {"by_evidence_micro": {"uploaded": "1000000", "rumour": "1"}}, {"key": {**LINE.key.to_json(), "salt": ""}}],
    ids=["extra", "evidence", "key"],
)
def test_extra_fields_of_a_line_are_refused(fields: dict[str, Json]) -> None:
    """A line says nothing that its root would not cover, at any depth."""
    with pytest.raises(CanonicalError, match=r"This holds something that its format does not have; .*; in line 3"):
        line_from_json({**LINE.to_json(), **fields}, record="line 3")


def test_extra_fields_of_totals_and_unscored_are_refused() -> None:
    """Totals and unscored totals say nothing else either."""
    unscored = Unscored(Month(2024, 3), LINE.key, 1, "no factor")
    with pytest.raises(CanonicalError, match="in totals"):
        totals_from_json({**TOTAL.to_json(), "note": ""})
    with pytest.raises(CanonicalError, match="in unscored"):
        unscored_from_json({**unscored.to_json(), "note": ""})
