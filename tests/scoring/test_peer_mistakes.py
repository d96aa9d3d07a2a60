"""Mistakes that were seen in another carbon ledger, each shown not to be made here.

The other one is Hyperledger Labs' blockchain-carbon-accounting at commit a53185cf (2025-11-13); what it answers was found by
running it. One group of tests per path of its code; the numbers are worked by hand from the publishers' printed ones.
"""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import ActivityKey, EvidenceClass
from domain.errors import AttributeValueError
from domain.factor import Basis
from domain.kinds import KINDS, kind_quantity
from domain.number import decimal_from_text, grams_of_micrograms, round_half_away
from domain.period import Month
from domain.statement import ActivityTotal, line_from_json
from domain.units import UNITS, to_canonical_micro
from scoring.estimate import estimate
from scoring.factors.factor_set import FactorSet
from scoring.factors.load import shipped_factor_set
from scoring.lines import make_lines
from scoring.resolve import resolve

TODAY = date(2026, 11, 22)


def answer(kind: str, quantity: str, unit: str, year: int = 2023, **more: object) -> Any:  # noqa: ANN401 - JSON, looked into by each test
    """The estimate of a whole calendar year, or of other days given; sent as JSON text, as a program would."""
    request = {"kind": kind, "quantity": quantity, "unit": unit, "start": f"{year}-01-01", "end": f"{year + 1}-01-01", **more}
    return estimate(json.loads(json.dumps(request)), factor_set=shipped_factor_set(), today_date=TODAY)


def grams(kind: str, quantity: str, unit: str, year: int = 2023, **more: object) -> Fraction:
    """Grams of an estimate that is answered."""
    got = answer(kind, quantity, unit, year, **more)
    assert "error" not in got, got["error"]
    return Fraction(got["g_co2e"])


def refusal(kind: str, quantity: str, unit: str, year: int = 2023, **more: object) -> Any:  # noqa: ANN401 - as above
    """The error of an estimate that is refused."""
    return answer(kind, quantity, unit, year, **more)["error"]


# Electricity on the ledger: "value = usage x uom / uom", the factor is read and not multiplied.


def test_factor_is_multiplied() -> None:
    """1000 kWh in California in 2019 are 175.6 kg (387.183 lb/MWh), not "1000 tons"."""
    assert grams("electricity", "1000", "kWh", 2019, region="US-CA") == Fraction("175623.255")
    assert round(Fraction("387.183") * Fraction("453.59237"), 3) == Fraction("175623.255")


def test_hundred_kilowatt_hours_in_germany_are_no_hundred_tonnes() -> None:
    """100 kWh at 362.92 g are 36,292 g, not 100,000,000 g."""
    assert grams("electricity", "100", "kWh", region="DE") == 36_292


# Electricity in the web application: the unit is ignored, zero and dates from JSON are errors.


def test_unit_of_electricity_is_honoured() -> None:
    """128 MWh are a thousand times 128 kWh, which are 22.48 kg in California in 2019, neither 24.78 nor 25 kg."""
    kilowatt_hours = grams("electricity", "128", "kWh", 2019, region="US-CA")
    assert kilowatt_hours == Fraction("22479.77664")
    assert grams("electricity", "128", "MWh", 2019, region="US-CA") == 1000 * kilowatt_hours


def test_zero_kilowatt_hours_are_zero_grams() -> None:
    """A month without use is an answer of 0 g with its factor, not an error."""
    got = answer("electricity", "0", "kWh", region="94110")
    assert (got["g_co2e"], got["year"], got["region"]) == ("0", 2023, "US/egrid/CAMX")


def test_dates_from_json_are_read() -> None:
    """Days and instants as JSON has them, text, decide the year of the factor."""
    for start, end in (("2019-03-01", "2019-04-01"), ("2019-03-01T00:00:00-08:00", "2019-04-01T00:00:00-07:00")):
        got = answer("electricity", "1000", "kWh", region="US-CA", start=start, end=end)
        assert (got["start"], got["end"], got["year"], got["g_co2e"]) == ("2019-03-01", "2019-04-01", 2019, "175623.255")


# Other countries: 28 of them, by their exact English name, in kilowatt-hours only.


@pytest.mark.parametrize(("region", "g_per_kwh"), [("IN", "711.7"), ("NO", "30.46"), ("GB", "207.074289")])
def test_countries_outside_the_european_union_work(region: str, g_per_kwh: str) -> None:
    """India, Norway and the United Kingdom have factors, as every code of ISO 3166-1 that a publisher names."""
    got = answer("electricity", "100", "kWh", 2024 if region == "IN" else 2023, region=region)
    assert (got["region"], got["factor_g_co2e_per_unit"]) == (region, g_per_kwh)
    assert Fraction(got["g_co2e"]) == 100 * Fraction(g_per_kwh)


def test_every_country_with_a_rate_is_answered(factors: FactorSet) -> None:
    """More than 200 codes of ISO 3166-1 have a rate of their own: no list of 28 names."""
    countries = {row.region for row in factors.of_kind("electricity") if len(row.region) == 2}
    assert len(countries) > 200
    own = {country: answer("electricity", "1", "kWh", region=country)["region"] for country in countries}
    assert own == {country: "US/egrid/PRMS" if country == "PR" else country for country in countries}


@pytest.mark.parametrize(("quantity", "unit"), [("100", "kWh"), ("0.1", "MWh"), ("360", "MJ"), ("0.36", "GJ")])
def test_other_countries_take_every_unit_of_energy(quantity: str, unit: str) -> None:
    """The same energy in Norway is the same emission in every unit."""
    assert grams("electricity", quantity, unit, region="NO") == 3046


# Natural gas: "1 therm = 2.83 m3", whatever the unit says.


def test_therm_is_energy_and_no_volume() -> None:
    """A therm is 29.307107 kWh; the other's 2.83 m3 per therm gives 6 % more (2020, UK)."""
    therm = grams("natural_gas", "1", "therm", 2020, region="GB", heating_value="gross")
    assert therm == grams("natural_gas", "29.307107", "kWh", 2020, region="GB", heating_value="gross")
    assert Fraction("1.06") < grams("natural_gas", "2.83", "m3", 2020, region="GB") / therm < Fraction("1.07")


def test_cubic_metres_and_kilowatt_hours_of_gas_differ() -> None:
    """100 m3 are some eleven times 100 kWh, not the same 572.41 kg."""
    cubic_metres, kilowatt_hours = (grams("natural_gas", "100", unit, 2020, region="GB") for unit in ("m3", "kWh"))
    assert 10 < cubic_metres / kilowatt_hours < 12
    assert Fraction(572_410) not in {cubic_metres, kilowatt_hours}


def test_hundred_cubic_feet_are_a_unit_of_their_own() -> None:
    """2.83 m3 are a ccf, which is what they are here."""
    assert UNITS["ccf"].canonical_per_unit == Fraction("2.8316846592")
    assert grams("natural_gas", "1", "ccf", region="US") == grams("natural_gas", "100", "ft3", region="US")


# Flights: always long-haul with effects at altitude; one passenger where there is none; a random distance without a maps key.


@pytest.mark.parametrize(
    ("origin", "destination", "haul", "kg_per_pkm"),
    [
        ("CDG", "LIS", "international", "0.103773784"),
        ("LHR", "LIS", "short", "0.10973714"),
        ("LHR", "EDI", "domestic", "0.160986785"),
        ("LHR", "JFK", "long", "0.15423063"),
    ],
)
def test_flight_has_its_own_length_class(origin: str, destination: str, haul: str, kg_per_pkm: str) -> None:
    """Paris to Lisbon is no long-haul flight: each route takes the factor of its class, without effects at altitude."""
    got = answer("flight", "1", "passenger", origin=origin, destination=destination)
    assert any(step.startswith(f"Length class of the UK's factors: {haul}.") for step in got["steps"])
    assert round(Fraction(got["g_co2e"]) / Fraction(got["scale"]) / 1000, 9) == Fraction(kg_per_pkm)


def test_distance_of_a_flight_is_never_random() -> None:
    """Paris to Lisbon is 1,470 km on the great circle, each time."""
    factors = shipped_factor_set()
    key = ActivityKey("flight", "", 2023, "item", (("destination", "LIS"), ("origin", "CDG")))
    scales = {answer("flight", "1", "passenger", origin="CDG", destination="LIS")["scale"] for _ in range(4)}
    chosen = resolve(key, factors, Basis.LOCATION).chosen
    assert chosen is not None
    assert scales == {str(chosen.scale)} == {"1470"}


def test_flight_without_a_distance_is_refused() -> None:
    """An airport that does not exist has no distance, and none is made up."""
    error = refusal("flight", "1", "passenger", origin="CDG", destination="QQQ")
    assert (error["code"], error["message"], error["got"]) == ("attribute-value", "No airport has this IATA code", "QQQ")
    assert refusal("flight", "1", "passenger", origin="CDG")["message"] == "A flight needs both airports"


@pytest.mark.parametrize("count", [2, 7])
def test_passengers_are_counted(count: int) -> None:
    """Two passengers are twice one."""
    one = grams("flight", "1", "passenger", origin="LHR", destination="JFK")
    assert grams("flight", str(count), "passenger", origin="LHR", destination="JFK") == count * one


@pytest.mark.parametrize("count", ["0", "-1", "NaN"])
def test_nobody_is_not_one_passenger(count: str) -> None:
    """A flight of nobody is refused, never counted as one; a total of zero passengers is a line of 0 g."""
    assert "error" in answer("flight", count, "passenger", origin="LHR", destination="JFK")
    key = ActivityKey("flight", "", 2023, "item", (("destination", "JFK"), ("origin", "LHR")))
    total = ActivityTotal(Month(2023, 3), key, 0, {EvidenceClass.TYPED: 0}, 1)
    lines, _ = make_lines([total], lambda one, basis: resolve(one, shipped_factor_set(), basis))
    assert {line.emissions.total_ug_co2e for line in lines} == {0}


def test_uplift_is_in_the_factor_and_altitude_is_beside() -> None:
    """Detours are in the publisher's factor, which is said; effects at altitude are in no total."""
    got = answer("flight", "1", "passenger", origin="LHR", destination="JFK")
    assert any("uplift" in step for step in got["steps"])
    assert [one["name"] for one in got["beside"]] == ["aviation_non_co2"]
    assert Fraction(got["beside"][0]["g_co2e"]) > 0
    assert Fraction(got["g_co2e"]) == grams(
        "flight", "1", "passenger", origin="LHR", destination="JFK", radiative_forcing="without"
    )


# Shipments: rail "not supported", weight 0 an error, the road always a class III diesel van.


@pytest.mark.parametrize("mode", [choice for one in KINDS["freight"].attributes if one.name == "mode" for choice in one.choices])
def test_every_declared_mode_is_supported(mode: str) -> None:
    """A mode that is offered has a factor: rail, too."""
    haul: dict[str, object] = {"haul": "long"} if mode == "air" else {}
    assert grams("freight", "1", "tkm", mode=mode, region="GB", **haul) > 0  # type: ignore[arg-type]  # `year` is not in it


def test_rail_freight_is_its_published_rate() -> None:
    """100 tkm by rail in the UK in 2023: 2,778.8071 g."""
    assert grams("freight", "100", "tkm", mode="rail", region="GB") == Fraction("2778.8071")


def test_weight_of_zero_is_zero() -> None:
    """An empty shipment is 0 g, not an error."""
    assert grams("freight", "0", "tkm", mode="road", region="GB") == 0


def test_road_freight_is_no_van_unless_it_is_said() -> None:
    """The average truck's tonne-kilometre is 97 g; a van's is several times that and must be asked for."""
    truck, van = (
        answer("freight", "1", "tkm", mode="road", region="GB"),
        answer("freight", "1", "tkm", mode="road", vehicle="van", region="GB"),
    )
    assert "HGV" in truck["factor_label"]
    assert "attribute_assumed" in truck["flags"]
    assert Fraction(van["g_co2e"]) > 5 * Fraction(truck["g_co2e"])


# A factor chosen by hand: its unit is not checked, and an ambiguous name takes the first match.


@pytest.mark.parametrize(("quantity", "unit"), [("100", "L"), ("100", "kg"), ("100", "km")])
def test_unit_of_a_given_factor_is_checked_against_the_quantity(quantity: str, unit: str) -> None:
    """100 litres against a factor per kilowatt-hour have no answer."""
    assert refusal("electricity", quantity, unit, factor={"value": "0.212", "unit": "kg/kWh"})["code"] == "dimension"


def test_given_factor_is_converted() -> None:
    """100 MWh and 100 kWh against one factor differ by a thousand; a factor per litre is refused for both."""
    factor = {"value": "0.212", "unit": "kg/kWh"}
    assert grams("electricity", "100", "kWh", factor=factor) == 21_200
    assert grams("electricity", "100", "MWh", factor=factor) == 21_200_000
    assert refusal("electricity", "100", "MWh", factor={"value": "0.212", "unit": "kg/L"})["code"] == "factor"


@pytest.mark.parametrize(
    "name", ["gaseous fuels", "gas", "coal", "diesel fuel", "%", "%petrol%", "p_trol", "pet", "Petrol", " petrol"]
)
def test_ambiguous_name_is_refused_with_choices(name: str) -> None:
    """A name that is not exactly one row's is refused; the first match is never taken, and nothing is a wildcard."""
    error = refusal("fuel", "100", "L", fuel=name, region="GB")
    assert (error["code"], error["message"]) == ("attribute-value", "The factor set has no fuel of this name for fuel")
    assert error["choices"]
    assert name not in error["choices"]


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("text", ["%", "_", "%%", "*", ".*"])
def test_wildcards_match_no_choice(kind: str, text: str) -> None:
    """No attribute of any kind takes a pattern for a value."""
    factors = shipped_factor_set()
    for attribute in KINDS[kind].attributes:
        assert text not in attribute.choices
        if attribute.is_open:
            with pytest.raises(AttributeValueError):
                factors.require_choice(kind, attribute.name, text)


# Industry: one unit with two meanings, and methane that counts as carbon dioxide.


def test_tonne_of_methane_is_its_warming() -> None:
    """A tonne of vented methane is 28,000 kg CO2e (AR5), not 1000."""
    assert grams("refrigerant", "1", "t", refrigerant="methane") == 28_000_000
    assert grams("refrigerant", "1", "t", refrigerant="methane", gwp_set="AR6") != 28_000_000


def test_unit_with_two_meanings_is_refused() -> None:
    """A thousand cubic feet to some, "mcm" is a million cubic metres to others: refused; "mcf" is 1000 ft3."""
    error = refusal("natural_gas", "1", "mcm", region="US")
    assert (error["code"], error["got"]) == ("unknown-unit", "mcm")
    assert grams("natural_gas", "1", "mcf", region="US") == grams("natural_gas", "28.316847", "m3", region="US")


@pytest.mark.parametrize("unit", ["kgCO2", "kgCH", "tCH4", "kgCO2e/kWh", "co2e"])
def test_unit_of_reported_emissions_is_taken_whole(unit: str) -> None:
    """No letter is cut from a unit until it fits."""
    assert refusal("reported_emissions", "1000", unit, method="m")["code"] == "unknown-unit"


# eGRID on load: short tons taken for metric tons.


def test_short_ton_is_no_metric_ton() -> None:
    """2000 lb are 907.18474 kg, exactly; a tonne is 1000."""
    assert to_canonical_micro(1, "short_ton").quantity_micro == 907_184_740
    assert UNITS["short_ton"].canonical_per_unit == Fraction("907.18474")
    ratio = grams("reported_emissions", "1", "short_ton", method="m") / grams("reported_emissions", "1", "t", method="m")
    assert ratio == Fraction("0.90718474")


def test_us_average_of_2018() -> None:
    """952.877 lb/MWh are 0.432 kg/kWh, not the 0.476 that short tons taken for metric tons give."""
    assert answer("electricity", "1", "kWh", 2018, region="US")["factor_g_co2e_per_unit"] == "432.217737"


# Renewable share: a percentage of all energy applied to electricity.


@pytest.mark.parametrize("year", [2016, 2017, 2018])
def test_no_share_of_renewables_is_applied(year: int) -> None:
    """Austria's electricity is its published rate, times one."""
    got = answer("electricity", "1", "kWh", year, region="AT")
    row = shipped_factor_set().row(got["factor_id"])
    assert (got["scale"], got["year"]) == ("1", year)
    assert list(row.published.values()) == [got["factor_g_co2e_per_unit"]]


# Years: a bill of 2010 gets 2020's factor, one of 2026 none, and one across New Year the newest for all.


def test_old_bill_gets_the_nearest_year_and_says_so() -> None:
    """Where 2010 is held it is used; where nothing is before 2018, 2018 is, flagged, never the newest."""
    assert answer("electricity", "1", "kWh", 2010, region="DE")["year"] == 2010
    got = answer("electricity", "1", "kWh", 2010, region="94110")
    assert (got["year"], "year_later" in got["flags"]) == (2018, True)


def test_bill_of_this_year_gets_the_newest_and_says_so() -> None:
    """A year that nobody published yet is no failure: the newest earlier year is used, flagged."""
    got = answer("electricity", "1", "kWh", region="94110", start="2026-01-01", end="2026-02-01")
    assert (got["year"], "year_earlier" in got["flags"]) == (2023, True)


def test_bill_across_new_year_is_divided() -> None:
    """31 days with 10 in the old year: each part takes its own year's factor, and the parts add up."""
    got = answer("electricity", "310", "kWh", region="94110", start="2022-12-22", end="2023-01-22")
    assert [(part["activity_year"], part["quantity"], part["year"]) for part in got["parts"]] == [
        (2022, "100", 2022),
        (2023, "210", 2023),
    ]
    assert sum(Fraction(part["g_co2e"]) for part in got["parts"]) == Fraction(got["g_co2e"])


# Tokens: three statements of one unit, and an exception for 1.2 % of amounts with three decimals.


@given(st.integers(-(10**12), 10**12))
def test_kilograms_with_three_decimals_are_whole_grams(amount_g: int) -> None:
    """517.301 kg are 517,301 g, and so is every other amount: no float is between them."""
    text = f"{'-' if amount_g < 0 else ''}{abs(amount_g) // 1000}.{abs(amount_g) % 1000:03d}"
    amount_ug = to_canonical_micro(decimal_from_text(text), "kg").quantity_micro * 1000
    assert grams_of_micrograms(amount_ug) == amount_g
    assert grams_of_micrograms(517_301_000_000) == 517_301


@given(st.integers(-(10**18), 10**18))
def test_ledger_grams_round_half_away(amount_ug: int) -> None:
    """The one unit of the ledger is a gram, rounded once and alike for both signs."""
    assert grams_of_micrograms(amount_ug) == round_half_away(Fraction(amount_ug, 10**6)) == -grams_of_micrograms(-amount_ug)


# Scope: Number("SCOPE 2") is no number, so every token is scope 3.


@pytest.mark.parametrize(("kind", "unit", "scope"), [("electricity", "kWh", 2), ("natural_gas", "m3", 1), ("water", "m3", 3)])
def test_scope_is_kept(kind: str, unit: str, scope: int) -> None:
    """The scope of an activity is a whole number from the estimate to the line and back from JSON."""
    assert answer(kind, "1", unit, region="GB")["scope"] == scope
    key = ActivityKey(kind, "GB", 2023, unit)
    total = ActivityTotal(Month(2023, 3), key, 10**6, {EvidenceClass.TYPED: 10**6}, 1)
    lines, _ = make_lines([total], lambda one, basis: resolve(one, shipped_factor_set(), basis))
    uses = [line for line in lines if line.part == "use"]
    assert [line_from_json(json.loads(line.canonical_bytes)).scope for line in uses] == [scope, scope]


def test_scope_in_words_is_refused() -> None:
    """The words "SCOPE 2" are no scope; "2" is scope 2 and stays it."""
    assert refusal("reported_emissions", "1", "kg", method="m", scope="SCOPE 2")["choices"] == ["1", "2", "3"]
    assert answer("reported_emissions", "1", "kg", method="m", scope="2")["scope"] == 2


# Units: "mt" is 10^9 kg in one place and 1000 kg in another; listed units that throw; rounded pounds and miles.


@pytest.mark.parametrize("unit", ["mt", "Mt", "MT"])
def test_unit_with_two_readings_names_both(unit: str) -> None:
    """Metric tons or megatonnes: nobody guesses."""
    error = refusal("reported_emissions", "1", unit, method="m")
    assert error["message"] == "This unit has two readings: metric tons or megatonnes"


def test_every_listed_unit_works() -> None:
    """What the refusals list is taken, one by one: no unit is listed that then fails."""
    for kind in KINDS.values():
        for symbol in kind.unit_symbols():
            assert kind_quantity(kind, Fraction(1000), symbol).quantity_micro > 0


def test_pound_and_mile_are_exact() -> None:
    """0.45359237 kg and 1.609344 km, not 0.453592 and 1.60934."""
    assert (UNITS["lb"].canonical_per_unit, UNITS["mi"].canonical_per_unit) == (Fraction("0.45359237"), Fraction("1.609344"))


# Zero factors: dropped on load; the text "< 1" stored as a factor.


def test_zero_factors_are_kept() -> None:
    """The exhaust of a battery car is a published zero and a line; what it draws from the grid is another line."""
    got = answer("car", "100", "km", powertrain="electric", size="medium", region="GB")
    key = ActivityKey("car", "GB", 2023, "km", (("powertrain", "electric"), ("size", "medium")))
    chosen = resolve(key, shipped_factor_set(), Basis.LOCATION).chosen
    assert chosen is not None
    assert chosen.ug_per_unit.total_ug_co2e == 0
    assert {Decimal(text) for text in chosen.factor.published.values()} == {Decimal(0)}
    assert chosen.factor.attributes["powertrain"] == "electric"
    assert Fraction(got["g_co2e"]) == sum(Fraction(one["g_co2e"]) for one in got["additions"] if one["part"] == "electricity") > 0


def test_many_zero_factors_are_held() -> None:
    """DEFRA prints a zero for every battery vehicle's exhaust: they are all there."""
    cars = shipped_factor_set().rows("car", "GB")
    zeros = [one for one in cars if all(Decimal(text) == 0 for text in one.published.values())]
    assert len(zeros) > 60
    assert {one.attributes["powertrain"] for one in zeros} == {"electric"}


def test_every_published_number_is_a_number(factors: FactorSet) -> None:
    """No text such as "< 1" is a factor: every one of 31,000 rows has plain decimals of zero or more."""
    for row in factors.factors:
        assert row.published
        for text in row.published.values():
            assert decimal_from_text(text) >= 0


def test_less_than_one_is_no_row(factors: FactorSet) -> None:
    """R1234yf, printed as "< 1" until 2022, has rows of the editions that print a number, and of no other."""
    editions = {row.edition for row in factors.of_kind("refrigerant") if row.attributes["refrigerant"] == "R-1234yf"}
    assert editions == {"GHG Conversion Factors 2023 v1.1", "GHG Conversion Factors 2024 v1.1"}


# Elsewhere: kilowatt-hours cut to whole numbers; a record that is refused and counted as done.


def test_decimals_of_a_quantity_are_kept() -> None:
    """350.75 kWh are not 350: the part behind the point counts."""
    whole, part = grams("electricity", "350", "kWh", region="94110"), grams("electricity", "0.75", "kWh", region="94110")
    assert abs(grams("electricity", "350.75", "kWh", region="94110") - whole - part) <= Fraction(4, 10**6)
    assert part > 0


def test_refused_activity_is_no_answer() -> None:
    """A refusal has no grams, and an answer no error: nobody can count one for the other."""
    assert set(answer("electricity", "1", "zorkmid", region="DE")) == {"id", "error"}
    assert "error" not in answer("electricity", "1", "kWh", region="DE")
