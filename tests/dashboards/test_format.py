"""Numbers, units and days on screens."""

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import format as fmt
from dashboards.messages import messages_in
from domain.activity import ActivityKey, EvidenceClass
from domain.period import Month, MonthRange

EN = messages_in()
COMMA = replace(EN.locale, decimal_mark=",", group_mark=".")
T = 10**12


@pytest.mark.parametrize(
    ("amount_ug_co2e", "text"),
    [
        (0, "0 kg CO2e"),
        (3_214_000_000_000, "3.21 t CO2e"),
        (412_400_000_000, "412 kg CO2e"),
        (4_124_000_000, "4.12 kg CO2e"),
        (999_000_000, "999 g CO2e"),
        (1, "0.00 g CO2e"),
        (-120 * T, "−120.0 t CO2e"),
        (-T // 4, "−250 kg CO2e"),
        (12_345 * T, "12,345 t CO2e"),
        (99_000_000 * T, "99.0 million t CO2e"),
    ],
)
def test_mass_takes_the_unit_of_its_size(amount_ug_co2e: int, text: str) -> None:
    """Grams, kilograms, tonnes or millions of tonnes."""
    assert str(fmt.mass_co2e(EN, amount_ug_co2e)) == text.replace(" ", fmt.NO_BREAK, 1)


@pytest.mark.parametrize(
    ("quantity_micro", "unit", "text"),
    [
        (8_421_000_000, "kWh", "8,421 kWh"),
        (41_250_000, "kWh", "41.2 kWh"),
        (120_000_000_000, "kWh", "120 MWh"),
        (9_000_000_000_000_000_000, "kWh", "9,000 TWh"),
        (-350_000, "kWh", "−0.35 kWh"),
        (120_000_000_000, "m3", "120,000 m3"),
    ],
)
def test_quantity_keeps_three_digits(quantity_micro: int, unit: str, text: str) -> None:
    """About three digits, larger units for larger energies, the unit always beside."""
    assert str(fmt.quantity(EN, quantity_micro, unit)) == text.replace(" ", fmt.NO_BREAK, 1)


def test_other_locale_has_other_marks() -> None:
    """A language writes its own marks."""
    assert fmt.number_text(COMMA, Fraction(-1234567, 100), 2) == "−12.345,67"


@given(st.integers(-(10**18), 10**18), st.integers(0, 6))
def test_number_text_reads_back(value_micro: int, places_count: int) -> None:
    """What is written is the value rounded to its places."""
    text = fmt.number_text(EN.locale, Fraction(value_micro, 1_000_000), places_count)
    read = Fraction(text.replace(fmt.MINUS, "-").replace(",", ""))
    assert abs(read - Fraction(value_micro, 1_000_000)) <= Fraction(1, 2 * 10**places_count)


@given(st.integers(-(10**18), 10**18))
def test_exact_reads_back_exactly(value_micro: int) -> None:
    """An exact amount loses nothing."""
    assert Fraction(fmt.exact(EN, value_micro).replace(fmt.MINUS, "-").replace(",", "")) * 1_000_000 == value_micro


def test_rounded_zero_has_no_minus() -> None:
    """Nothing is ever "−0"."""
    assert fmt.number_text(EN.locale, Fraction(-1, 1000), 1) == "0.0"


@pytest.mark.parametrize(
    ("part_ppm", "text"),
    [(0, "0 %"), (1, "under 1 %"), (4_999, "under 1 %"), (500_000, "50 %"), (999_999, "99 %"), (1_000_000, "100 %")],
)
def test_percent_tells_all_from_nearly_all(part_ppm: int, text: str) -> None:
    """100 % is said only where nothing is missing, 0 % only where nothing is there."""
    assert fmt.percent(EN, part_ppm) == text


@pytest.mark.parametrize(("used_pct", "text"), [(61, "61 %"), (999, "999 %"), (10**15, "> 999 %")])
def test_share_of_reference_stays_readable(used_pct: int, text: str) -> None:
    """A share far over its reference does not fill the page."""
    assert fmt.percent_of_reference(EN, used_pct) == text


def test_days_and_periods() -> None:
    """Days, instants, months and periods in words."""
    assert fmt.day_text(EN, date(2024, 3, 3)) == "3 March 2024"
    assert fmt.instant_text(EN, datetime(2024, 3, 3, 9, 5, tzinfo=UTC)) == "3 March 2024, 09:05 UTC"
    assert fmt.period_text(EN, MonthRange.of_month(Month(2024, 3))) == "March 2024"
    assert fmt.period_text(EN, MonthRange.from_text("2024-03..2024-06")) == "March 2024 – June 2024"


def test_evidence_has_a_name() -> None:
    """An evidence class is named in words."""
    assert fmt.evidence_text(EN, EvidenceClass.FETCHED_BY_AUDITOR) == "Fetched by auditor"


def test_long_hash_is_shortened_and_short_text_kept() -> None:
    """A hash is recognisable by its ends."""
    assert fmt.short_hex("ab" * 32) == "abababab…ababab"
    assert fmt.short_hex("abcd") == "abcd"


def test_what_is_counted_has_its_word() -> None:
    """One passenger, two passengers, room nights; other units stand as they are."""
    flight = ActivityKey("flight", "", 2024, "item", ())
    assert str(fmt.quantity_of(EN, 1_000_000, flight)).replace("\u00a0", " ") == "1 passenger"
    assert str(fmt.quantity_of(EN, 2_500_000, flight)).replace("\u00a0", " ") == "2.5 passengers"
    assert fmt.unit_of(EN, replace(flight, kind="hotel"), 3_000_000) == "room nights"
    assert fmt.unit_of(EN, replace(flight, kind="product")) == "item"
    assert fmt.unit_of(EN, ActivityKey("rail", "GB", 2024, "pkm", ())) == "pkm"


def test_amounts_as_their_source_tells_them() -> None:
    """Money has its cents where there are any; a distance has three digits, a count its word."""
    paid = ActivityKey("purchase", "US", 2024, "USD", ())
    assert str(fmt.told(EN, 48_600_000, paid)).replace("\u00a0", " ") == "48.60 USD"
    assert str(fmt.told(EN, -1_152_375_000, paid)).replace("\u00a0", " ") == "−1,152.38 USD"
    assert str(fmt.told(EN, 500_000_000, replace(paid, unit="JPY"))).replace("\u00a0", " ") == "500 JPY"
    assert str(fmt.told(EN, 151_117_402, ActivityKey("car", "US", 2024, "km", ()))).replace("\u00a0", " ") == "151 km"
    assert str(fmt.told(EN, 3_000_000, ActivityKey("flight", "", 2024, "item", ()))).replace("\u00a0", " ") == "3 passengers"


def test_payment_categories_are_no_capitals() -> None:
    """What the bank's category is called can be read."""
    key = ActivityKey("purchase", "US", 2024, "USD", (("plaid_category", "TRANSPORTATION_GAS"),))
    assert fmt.attributes_text(EN, key) == "payment category: transportation gas"


def test_attributes_are_said_in_the_order_of_their_kind() -> None:
    """Names and values in words, as the vocabulary lists them; what is not known stands as it came."""
    flight = ActivityKey("flight", "", 2024, "item", (("cabin", "premium_economy"), ("destination", "SFO"), ("origin", "ZRH")))
    assert fmt.attributes_text(EN, flight) == "from: ZRH · to: SFO · cabin: premium economy"
    food = ActivityKey("food", "GB", 2024, "kg", (("category", "1"), ("food", "beef_from_beef_herd")))
    assert fmt.attributes_text(EN, food) == "food: beef from beef herd · declared under category: 1, purchased goods and services"
    strange = ActivityKey("magic", "", 2024, "item", (("wand", "holly_2"),))
    assert (fmt.kind_text(EN, "magic"), fmt.attributes_text(EN, strange)) == ("magic", "wand: holly_2")


@pytest.mark.parametrize(
    ("scope", "category", "text"),
    [
        (2, 0, "Scope 2"),
        (3, 4, "Scope 3, category 4: upstream transport and distribution"),
        (0, 0, "Outside the scopes"),
        (9, 99, "9"),
    ],
)
def test_place_in_the_inventory(scope: int, category: int, text: str) -> None:
    """Scope and category in words; a stranger's bundle may say anything."""
    assert fmt.inventory_text(EN, scope, category) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(41, 959), "41 / 959"),
        (Fraction("453592370"), "453,592,370"),
        (Fraction("1055.05585262"), "1,055.05585262"),
        (Fraction("-0.5"), "−0.5"),
        (Fraction(10**12, 3), "1,000,000,000,000 / 3"),
    ],
)
def test_exact_numbers_keep_every_digit(value: Fraction, text: str) -> None:
    """A number that ends is a decimal, one that does not is a fraction; nothing is rounded."""
    assert fmt.plain_number(EN, value) == text


def test_published_digits_stand_as_they_are() -> None:
    """Zeros at the end are a publisher's own."""
    assert fmt.grouped_text(EN, "2.50") == "2.50"
    assert fmt.grouped_text(EN, "1234.500") == "1,234.500"
    assert fmt.grouped_text(EN, "1e-05") == "1e-05"


def test_interval_is_one_sentence() -> None:
    """Both ends in one unit, and what it rests on."""
    said = fmt.interval_tonnes(EN, 2_810_000_000_000, 2_980_000_000_000, is_assumed=False).replace("\u00a0", " ")
    assert said == "95 % interval 2.81 to 2.98 t CO2e, by the publishers’ own numbers."
    small = fmt.interval_tonnes(EN, 12_000_000_000, 15_500_000_000, is_assumed=True).replace("\u00a0", " ")
    assert small == "95 % interval 12.0 to 15.5 kg CO2e, assumed from data quality where publishers give none."


def test_biogenic_is_carbon_dioxide() -> None:
    """An amount of CO2 itself, not of CO2e."""
    assert str(fmt.mass_co2(EN, 8_300_000_000)).replace("\u00a0", " ") == "8.30 kg CO2"
