"""Electricity by the hour: exact means, what covers and what does not, and lines that follow from them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import Activity, ActivityKey, EvidenceClass, Profile
from domain.factor import Basis, Part
from domain.hourly import HourlyMean
from domain.number import fraction_from_text
from domain.period import Month, zone_of
from domain.statement import ActivityTotal, Line, Unscored
from scoring.arithmetic import line_ug
from scoring.factors.factor_set import FactorSet
from scoring.factors.load import shipped_factor_set
from scoring.hourly import HourWeights, by_the_hour, holds_hours, hourly_mean, mean_of_line, with_hourly_means
from scoring.lines import make_lines
from scoring.resolve import resolve
from tests.scoring.hours import (
    DE_2024,
    FIRST,
    HOUR_S,
    KWH,
    LIFE_CYCLE,
    bill,
    grid_lines,
    measured,
    set_with_hours,
    three_hours,
)
from tests.scoring.sets import row, source

ZIP_2024 = ActivityKey("electricity", "US/zip/94110", 2024, "kWh")
MARCH = Month(2024, 3)


def weighed(*activities: Activity) -> HourWeights:
    """The hours of activities."""
    found = HourWeights()
    for one in activities:
        found.add(int(one.start.timestamp()), one.quantity_micro, one.profile)
    return found


def totals_of(activities: Iterable[Activity]) -> list[ActivityTotal]:
    """The sums by month and key."""
    sums: dict[tuple[Month, ActivityKey], list[Activity]] = defaultdict(list)
    for one in activities:
        sums[one.month, one.key].append(one)
    found = []
    for (month, key), listed in sums.items():
        parts: dict[EvidenceClass, int] = defaultdict(int)
        for one in listed:
            parts[one.evidence] += one.quantity_micro
        found.append(ActivityTotal(month, key, sum(parts.values()), dict(parts), len(listed)))
    return found


def made(factors: FactorSet, *activities: Activity) -> tuple[tuple[Line, ...], tuple[Unscored, ...]]:
    """The lines of activities."""
    totals = with_hourly_means(totals_of(activities), activities, factors)
    return make_lines(totals, lambda key, basis: resolve(key, factors, basis))


def use(factors: FactorSet, *activities: Activity, basis: Basis = Basis.LOCATION) -> Line:
    """The one line of use on a basis."""
    (found,) = (line for line in made(factors, *activities)[0] if line.part is Part.USE and line.basis is basis)
    return found


def mean(factors: FactorSet, *activities: Activity) -> HourlyMean:
    """What hourly factors say, which is something."""
    found = hourly_mean(activities[0].key, weighed(*activities), factors)
    assert found is not None
    return found


def test_three_hours_by_hand() -> None:
    """(1 kWh x 100 + 2 x 250.5 + 0.5 x 700) g / 3.5 kWh = 951 / 3.5 g/kWh, and the line is 951 g, its factor rounded once."""
    day = measured([KWH, 2 * KWH, KWH // 2])
    found = mean(three_hours(), day)
    assert found.chosen is not None
    assert (found.chosen.scale, found.hour_count, found.covered_ratio) == (Fraction(951, 3500), 3, Fraction(1))
    line = use(three_hours(), day)
    # 951 / 3500 kg is 271,714,285.714... ug per kWh, kept as 271,714,286: 3.5 kWh of it are 951,000,001 ug.
    assert (line.emissions.unsplit_ug, line.emissions.total_ug_co2e, line.quantity_micro) == (951_000_001, 951_000_001, 3_500_000)
    assert (line.scale, line.gwp_set, line.scope) == (Fraction(951, 3500), "not stated", 2)
    assert line.flags == ("hourly", "grid_loss_not_held", "upstream_not_held")


def test_factor_is_the_identity_row() -> None:
    """One kilogram for one kilogram, scaled: whoever has the row can redo the multiplication with the line's scale."""
    row_used = three_hours().row(use(three_hours(), measured([KWH])).factor_id)
    assert (row_used.kind, row_used.published_unit, dict(row_used.published)) == ("reported_emissions", "kg/kg", {"co2e": "1"})


def test_steps_name_publisher_hours_mean_and_the_average() -> None:
    """A stranger reads what was weighed, the mean to six digits, and what the annual average would have given."""
    day = measured([KWH, 2 * KWH, KWH // 2])
    (total,) = with_hourly_means(totals_of([day]), [day], three_hours())
    steps = by_the_hour(resolve(DE_2024, three_hours(), Basis.LOCATION), total.hourly).steps
    assert steps[-2] == (
        "By the hour: Grid Operator, 2024: the factors of Germany over 3 hours with a use, weighted by it, have the mean "
        "0.271714 kg CO2e/kWh."
    )
    assert steps[-1] == (
        "It takes the place of the annual average, 0.4 kg CO2e/kWh, which would have given 1.400 kg CO2e instead of 0.951. What "
        "the grid loses stays with the average."
    )


def test_both_bases_without_contract_or_residual_mix() -> None:
    """The market basis stands on the same mean, flagged as the average would be."""
    location = use(three_hours(), measured([KWH]))
    market = use(three_hours(), measured([KWH]), basis=Basis.MARKET)
    assert (location.scale, market.scale) == (Fraction(1, 10), Fraction(1, 10))
    assert "no_residual_mix" in market.flags
    assert "no_residual_mix" not in location.flags


def test_contract_decides_the_market_basis() -> None:
    """The supplier's own 50 g/kWh, whatever the hours say; the location basis goes by the hours."""
    key = replace(DE_2024, attributes=(("supplier_evidence", "contract"), ("supplier_g_co2e_per_kwh", "50")))
    found = measured([KWH], key=key)
    assert use(three_hours(), found, basis=Basis.MARKET).scale == Fraction(50, 1000)
    assert "hourly" not in use(three_hours(), found, basis=Basis.MARKET).flags
    assert use(three_hours(), found).scale == Fraction(1, 10)


def test_residual_mix_decides_the_market_basis() -> None:
    """What is left after certificates has no hours."""
    annual = [row("DE", 2024, co2="400"), row("DE", 2024, rate="residual_mix", co2="600")]
    factors = set_with_hours(*grid_lines(), annual=annual)
    assert use(factors, measured([KWH]), basis=Basis.MARKET).emissions.total_ug_co2e == 600_000_000
    assert use(factors, measured([KWH])).emissions.total_ug_co2e == 100_000_000


def test_certificates_take_away_at_the_mean() -> None:
    """2 of 4 kWh claimed: half of the market-based line, at its own factor."""
    day = measured([KWH, 3 * KWH])
    go = ActivityKey("electricity_certificate", "DE", 2024, "kWh", (("instrument", "go"),))
    total = ActivityTotal(MARCH, go, 2 * KWH, {EvidenceClass.UPLOADED: 2 * KWH}, 1)
    totals = (*with_hourly_means(totals_of([day]), [day], three_hours()), total)
    lines, unscored = make_lines(totals, lambda key, basis: resolve(key, three_hours(), basis))
    market, taken = (line for line in lines if line.basis is Basis.MARKET and line.part in {Part.USE, Part.CERTIFICATE})
    assert (taken.factor_id, taken.scale) == (market.factor_id, market.scale)
    assert taken.emissions.total_ug_co2e * 2 == -market.emissions.total_ug_co2e
    assert unscored == ()


def test_quarter_hours_add_up_to_their_hour() -> None:
    """Four quarters of an hour weigh what the hour weighs, and are not spread."""
    quarters = mean(three_hours(), measured([KWH] * 4 + [2 * KWH] * 4, length_s=900))
    hours = mean(three_hours(), measured([4 * KWH, 8 * KWH]))
    assert quarters == hours
    assert not quarters.is_spread


def test_reading_across_an_hours_edge_is_divided_by_time() -> None:
    """An hour from 00:15: 45 minutes at 100, 15 at 250.5 g/kWh; 100 x 3/4 + 250.5 / 4 = 137.625 g/kWh."""
    found = mean(three_hours(), measured([KWH], start=FIRST + timedelta(minutes=15)))
    assert found.chosen is not None
    assert (found.chosen.scale, found.is_spread) == (Fraction("0.137625"), False)


def test_longer_reading_is_spread_and_flagged() -> None:
    """3 hours in one reading: the plain mean of 100, 250.5 and 700 g/kWh; the parts add up to the millionth."""
    day = measured([3 * KWH], length_s=3 * HOUR_S)
    found = mean(three_hours(), day)
    assert found.chosen is not None
    assert found.chosen.scale == Fraction("1.0505") / 3
    assert use(three_hours(), day).flags[:2] == ("hourly", "hourly_spread")
    odd = weighed(measured([1_000_001], length_s=3 * HOUR_S))
    assert sorted(odd.hours_micro.values()) == [333_333, 333_334, 333_334]


def test_reading_without_length_belongs_to_the_hour_of_its_start() -> None:
    """A meter's daylight-saving correction of 0 seconds, on an hour's edge too."""
    found = weighed(measured([5, 7], length_s=0), measured([9], start=FIRST + timedelta(hours=1), length_s=0))
    assert found.hours_micro == {int(FIRST.timestamp()) // HOUR_S: 12, int(FIRST.timestamp()) // HOUR_S + 1: 9}


def test_meters_of_one_key_share_a_mean() -> None:
    """What two meters use in one hour is weighed together: (1 x 100 + 3 x 700) / 4."""
    found = mean(three_hours(), measured([KWH]), measured([3 * KWH], start=FIRST + timedelta(hours=2)))
    assert found.chosen is not None
    assert found.chosen.scale == Fraction("0.55")


def test_hour_without_a_factor_is_flagged_and_the_average_stands() -> None:
    """3 of 4 kWh are in hours with a factor; the line is the annual 400 g/kWh, the share stands in the steps."""
    day = measured([KWH, KWH, KWH, KWH], start=datetime(2024, 3, 3, 21, tzinfo=UTC))
    line = use(three_hours(), day)
    assert (line.emissions.total_ug_co2e, line.scale) == (1_600_000_000, Fraction(1))
    assert "hourly_incomplete" in line.flags
    assert "hourly" not in line.flags
    found = mean(three_hours(), day)
    assert (found.chosen, found.covered_ratio) == (None, Fraction(3, 4))
    (total,) = with_hourly_means(totals_of([day]), [day], three_hours())
    steps = by_the_hour(resolve(DE_2024, three_hours(), Basis.LOCATION), total.hourly).steps
    assert steps[-1] == (
        "By the hour: the factors of Grid Operator for Germany and the readings cover 75.0 % of the kilowatt-hours, not all: the "
        "annual average stands."
    )


def test_hour_without_use_needs_no_factor() -> None:
    """Nothing was used where no factor is held: nothing is missing."""
    line = use(three_hours(), measured([KWH, 0, 0], start=datetime(2024, 3, 3, 23, tzinfo=UTC)))
    assert (line.flags[0], line.scale) == ("hourly", Fraction(3, 10))


def test_bill_beside_readings_is_not_covered() -> None:
    """A bill has no hours: 1 of 4 kWh is read, so the average stands for all."""
    line = use(three_hours(), measured([KWH]), bill(3 * KWH))
    assert "hourly_incomplete" in line.flags
    assert mean(three_hours(), measured([KWH]), bill(3 * KWH)).covered_ratio == Fraction(1, 4)


@pytest.mark.parametrize(
    "activities",
    [
        [bill(KWH)],
        [measured([KWH], start=datetime(2024, 7, 1, tzinfo=UTC))],
        [measured([KWH, -KWH])],
        [measured([KWH, -2 * KWH])],
        [measured([0, 0])],
    ],
    ids=["bill", "other days", "zero in all", "negative in all", "nothing used"],
)
def test_what_no_hour_covers_is_as_without_hourly_factors(activities: Sequence[Activity]) -> None:
    """Same lines, same flags as with a set that has no hourly factor."""
    assert made(three_hours(), *activities)[0] == made(set_with_hours(), *activities)[0]


def test_hour_below_zero_is_not_weighed() -> None:
    """A mean with a negative weight is none: the average stands, flagged."""
    line = use(three_hours(), measured([5 * KWH, -KWH]))
    assert "hourly_incomplete" in line.flags
    assert line.scale == 1


def test_factor_of_another_time_zone_hour() -> None:
    """Berlin's first hour of March is 23:00 UTC of February: without that day's factors the month is incomplete."""
    start = datetime(2024, 2, 29, 23, tzinfo=UTC)
    assert "hourly_incomplete" in use(three_hours(), measured([KWH, KWH], start=start, month=MARCH)).flags
    factors = set_with_hours(*grid_lines(days=("2024-02-29", "2024-03-01")))
    assert use(factors, measured([KWH, KWH], start=start, month=MARCH)).scale == Fraction(1, 10)


@pytest.mark.parametrize(("day", "hours"), [("2024-03-10", 23), ("2024-11-03", 25)])
def test_days_of_a_clock_change_have_their_hours(day: str, hours: int) -> None:
    """23 and 25 readings in California, each with the factor of its own hour: the mean of as many numbers."""
    zone = zone_of("America/Los_Angeles")
    date = datetime.fromisoformat(day)
    start = date.replace(tzinfo=zone).astimezone(UTC)
    days = [(date + timedelta(days=more)).date().isoformat() for more in (0, 1)]
    first = int(start.timestamp()) // HOUR_S
    names = [datetime.fromtimestamp((first + i) * HOUR_S, UTC).strftime("%Y-%m-%dT%H") for i in range(hours)]
    factors = set_with_hours(*grid_lines("US/egrid/CAMX", days, g_of={name: str(i + 1) for i, name in enumerate(names)}))
    found = mean(factors, measured([KWH] * hours, start=start, key=ZIP_2024))
    assert (start + timedelta(hours=hours)).astimezone(zone).date() == date.date() + timedelta(days=1)
    assert found.chosen is not None
    assert (found.chosen.scale, found.hour_count) == (Fraction(hours + 1, 2000), hours)


def test_finest_place_wins() -> None:
    """The subregion of a ZIP code before the country; hours of a place wider than the annual average's are not used."""
    both = set_with_hours(*grid_lines("US", g="900"), *grid_lines("US/egrid/CAMX", g="150"))
    assert use(both, measured([KWH], key=ZIP_2024)).scale == Fraction(15, 100)
    country = set_with_hours(*grid_lines("US", g="900"))
    assert not holds_hours(ZIP_2024, country)
    assert use(country, measured([KWH], key=ZIP_2024)).emissions.total_ug_co2e == 200_000_000


def test_wider_place_stands_in_where_the_average_is_as_wide() -> None:
    """The US average is all that is held, so US hours are as good; flagged as widened."""
    factors = set_with_hours(*grid_lines("US", g="900"), annual=[row("US", 2024, co2="350")])
    line = use(factors, measured([KWH], key=ZIP_2024))
    assert line.scale == Fraction(9, 10)
    assert "region_widened" in line.flags


def test_place_without_an_average_is_scored_by_the_hour() -> None:
    """Where no annual rate is held the hours alone decide; the grid's loss and the fuel's supply are not held."""
    factors = set_with_hours(*grid_lines("FR", g="50"), annual=[row("DE", 2024, co2="400")])
    key = replace(DE_2024, region="FR")
    lines, unscored = made(factors, measured([KWH], key=key))
    assert unscored == ()
    assert [(line.basis, line.scale) for line in lines] == [(Basis.LOCATION, Fraction(1, 20)), (Basis.MARKET, Fraction(1, 20))]
    assert {"hourly", "grid_loss_not_held", "upstream_not_held"} <= set(lines[0].flags)


def test_life_cycle_hours_never_replace_the_average_of_the_power_stations() -> None:
    """The matching scope comes before the hour: the average stands, flagged with the reason."""
    factors = set_with_hours(*grid_lines(scope=LIFE_CYCLE, g="450"))
    line = use(factors, measured([KWH]))
    assert (line.emissions.total_ug_co2e, line.scale) == (400_000_000, Fraction(1))
    assert "hourly_scope_differs" in line.flags
    found = by_the_hour(resolve(DE_2024, factors, Basis.LOCATION), mean(factors, measured([KWH])))
    assert found.steps[-1] == (
        "By the hour: the factors of Grid Operator for Germany count the whole life cycle, the annual average the power stations "
        "alone: the average stands."
    )


def test_life_cycle_hours_take_the_place_of_a_life_cycle_average() -> None:
    """Flagged, as the average was."""
    tables = [source(life_cycle_scope=LIFE_CYCLE)]
    factors = set_with_hours(*grid_lines(scope=LIFE_CYCLE, g="450"), tables=tables)
    line = use(factors, measured([KWH]))
    assert line.scale == Fraction(45, 100)
    assert "life_cycle_scope_differs" in line.flags


def test_power_stations_come_before_the_life_cycle() -> None:
    """Both scopes by the hour: the inventory's own is taken; the supply is then flagged as not held."""
    tables = [source(life_cycle_scope=LIFE_CYCLE)]
    factors = set_with_hours(*grid_lines(scope=LIFE_CYCLE, g="450"), *grid_lines(g="300"), tables=tables)
    line = use(factors, measured([KWH]))
    assert line.scale == Fraction(3, 10)
    assert "upstream_not_held" in line.flags
    assert "life_cycle_scope_differs" not in line.flags


def test_series_that_covers_all_comes_before_a_finer_scope_that_does_not() -> None:
    """Of two publishers the one that has every hour."""
    factors = set_with_hours(
        *grid_lines(days=("2024-03-01",), publisher="Newer"),
        *grid_lines(days=("2024-03-01", "2024-03-02"), g="200", publisher="A"),
    )
    line = use(factors, measured([KWH] * 30))
    assert line.scale == Fraction(1, 5)


def test_shipped_set_has_no_hours_and_nothing_changes() -> None:
    """Totals are given back as they are: no reading need be loaded."""
    totals = totals_of([measured([KWH], key=ZIP_2024)])
    assert not holds_hours(ZIP_2024, shipped_factor_set())
    assert with_hourly_means(totals, [], shipped_factor_set()) == tuple(totals)


@pytest.mark.parametrize("kind", ["natural_gas", "electricity_export"])
def test_other_kinds_have_no_hours(kind: str) -> None:
    """Only electricity that is used."""
    assert not holds_hours(replace(DE_2024, kind=kind), three_hours())


def test_unknown_utility_is_left_to_the_resolver() -> None:
    """It says so; the hours do not raise in its place."""
    key = replace(ZIP_2024, attributes=(("utility", "99999999"),))
    assert not holds_hours(key, set_with_hours(*grid_lines("US/egrid/CAMX")))


AMOUNTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=72)


@given(AMOUNTS, st.integers(1, 9_000_000))
def test_flat_factors_give_the_flat_result(amounts: list[int], mg_per_kwh: int) -> None:
    """Where every hour has one factor the mean is that factor exactly, and the line equal to the microgram."""
    text = f"{mg_per_kwh // 1000}.{mg_per_kwh % 1000:03d}"
    day = measured(amounts)
    found = hourly_mean(DE_2024, weighed(day), flat(text))
    if not sum(amounts):
        assert found is None
        return
    assert found is not None
    assert found.chosen is not None
    assert found.chosen.scale == Fraction(mg_per_kwh, 10**6)
    assert use(flat(text), day).emissions.total_ug_co2e == line_ug(sum(amounts), mg_per_kwh * 1_000)


FLAT: dict[str, FactorSet] = {}


def flat(text: str) -> FactorSet:
    """Germany with one number in every hour; eight of them are enough for a property."""
    if text not in FLAT and len(FLAT) < 8:
        FLAT[text] = set_with_hours(*grid_lines(g=text))
    return FLAT.get(text) or set_with_hours(*grid_lines(g=text))


@given(AMOUNTS, AMOUNTS)
def test_means_are_additive(first: list[int], second: list[int]) -> None:
    """Mean x kWh of two activities add up to that of both, exactly; and the mean of both lies between theirs."""
    one, other = measured(first), measured(second)
    if not (sum(first) and sum(second)):
        return
    exact = [product(one), product(other), product(one, other)]
    assert exact[0] + exact[1] == exact[2]


def product(*activities: Activity) -> Fraction:
    """Mean x quantity, kg CO2e in millionths."""
    found = mean(three_hours(), *activities)
    assert found.chosen is not None
    return found.chosen.scale * found.quantity_micro


@given(
    st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 93_600), st.integers(0, 10**12)), min_size=1, max_size=20),
    st.integers(0, 86_400),
)
def test_hours_add_up_to_the_readings(readings: list[tuple[int, int, int]], start_s: int) -> None:
    """However readings lie, nothing is lost or made, no part is below zero; the mean's text is one that a line can hold."""
    starts, lengths, quantities = zip(*readings, strict=True)
    found = HourWeights()
    found.add(int(FIRST.timestamp()) + start_s, sum(quantities), Profile(starts, lengths, quantities))
    assert sum(found.hours_micro.values()) == found.quantity_micro == sum(quantities)
    assert min(found.hours_micro.values()) >= 0
    said = hourly_mean(DE_2024, found, three_hours())
    if said is not None and said.chosen is not None:
        assert fraction_from_text(str(said.chosen.scale)) == said.chosen.scale


def test_what_a_line_says_is_checked_without_its_readings() -> None:
    """The mean that a line has is taken where it can be one: between the month's lowest and highest factor."""
    lines = [line for line in made(three_hours(), measured([KWH, 2 * KWH]))[0] if line.part is Part.USE]
    found = mean_of_line(lines, three_hours())
    assert found is not None
    assert found.chosen is not None
    assert (found.chosen.scale, found.hour_count, found.region_name) == (lines[0].scale, None, "Germany")
    for scale in (Fraction(99, 1000), Fraction(701, 1000)):
        assert mean_of_line([replace(line, scale=scale) for line in lines], three_hours()) is None
    assert mean_of_line(lines, set_with_hours()) is None
    july = [replace(line, month=Month(2024, 7)) for line in lines]
    assert mean_of_line(july, three_hours()) is None


@pytest.mark.parametrize(
    ("activities", "scope"),
    [([measured([KWH] * 80)], "generation"), ([measured([KWH])], LIFE_CYCLE), ([measured([KWH, KWH * 3])], "generation")],
    ids=["incomplete", "scope", "used"],
)
def test_lines_follow_from_what_they_say(activities: list[Activity], scope: str) -> None:
    """Lines made again with the mean that lines state are the same lines: what a verifier does."""
    factors = set_with_hours(*grid_lines(scope=scope))
    lines = made(factors, *activities)[0]
    totals = [replace(total, hourly=mean_of_line(lines, factors)) for total in totals_of(activities)]
    assert make_lines(totals, lambda key, basis: resolve(key, factors, basis))[0] == lines


def test_flags_of_a_refusal_need_hourly_factors() -> None:
    """A line that says that hours were incomplete where none are held differs from what follows."""
    (line, *_) = made(three_hours(), measured([KWH] * 80))[0]
    assert "hourly_incomplete" in line.flags
    assert mean_of_line([line], set_with_hours()) is None
    assert mean_of_line([replace(line, flags=())], three_hours()) is None
