"""The vocabulary: kinds, what they are measured in, and the attributes that they take."""

import re
from fractions import Fraction

import pytest

from domain.errors import AttributeValueError, DimensionError, NumberError, UnitError, UnknownUnitError
from domain.kinds import (
    FOOD_AND_THINGS,
    HOME,
    KINDS,
    TRAVEL,
    Attribute,
    Kind,
    checked_attributes,
    find_kind,
    kind_quantity,
    scope_and_category,
)
from domain.number import INT64_MAX
from domain.units import CURRENCIES, UNITS, Dimension

NAMES = {
    *("electricity", "electricity_export", "electricity_certificate", "natural_gas", "propane", "fuel", "steam"),
    *(
        "carbon_credit",
        "district_heat",
        "water",
        "wastewater",
        "car",
        "motorcycle",
        "van",
        "truck",
        "taxi",
        "bus",
        "rail",
        "ferry",
        "flight",
        "hotel",
        "freight",
    ),
    *("purchase", "food", "meal", "product", "material", "waste", "refrigerant", "home_working", "digital", "reported_emissions"),
}
ATTRIBUTES = [(kind, attribute) for kind in KINDS.values() for attribute in kind.attributes]
CLOSED = [(kind, attribute) for kind, attribute in ATTRIBUTES if attribute.choices]
CHOICES = [(kind, attribute, choice) for kind, attribute in CLOSED for choice in attribute.choices]
# Scope 3 categories that the GHG Protocol Scope 3 Standard, table 5.4, knows: 1 to 15.
CATEGORIES = range(1, 16)


def needed(kind: Kind, *, without: str = "") -> dict[str, str]:
    """The required attributes of a kind, with any value that is well formed."""
    found = {one.name: one.choices[0] if one.choices else "some" for one in kind.attributes if one.is_required}
    return {name: value for name, value in found.items() if name != without}


def test_vocabulary_is_what_it_is() -> None:
    """A kind that is added or taken away is added or taken away here, too."""
    assert set(KINDS) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_names_are_of_one_shape(name: str) -> None:
    """A kind is named as in the API, in lower case with underscores, and has a title for people."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
    assert KINDS[name].title


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_kind_has_its_place_in_the_inventory(kind: Kind) -> None:
    """Scope 3 alone has categories, and every kind is in one ring; what is fed in or retired is in no scope."""
    assert (kind.category in CATEGORIES) == (kind.scope == 3)
    assert kind.scope in ({0} if kind.name in {"electricity_export", "carbon_credit"} else {1, 2, 3})
    assert set(kind.other_categories) <= set(CATEGORIES)
    assert kind.domain in {HOME, TRAVEL, FOOD_AND_THINGS}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_attribute_names_are_their_own(kind: Kind) -> None:
    """No attribute stands twice, and none is named as a field of a request or as the declared category."""
    names = [one.name for one in kind.attributes]
    assert len(set(names)) == len(names)
    assert not set(names) & {"id", "kind", "quantity", "unit", "start", "end", "region", "basis", "gwp_set", "factor", "category"}


@pytest.mark.parametrize(("kind", "attribute"), ATTRIBUTES, ids=lambda one: one.name)
def test_attribute_says_what_it_means(kind: Kind, attribute: Attribute) -> None:
    """Every attribute has a sentence for people and is found by its name; closed, patterned and open exclude each other."""
    assert kind.attribute(attribute.name) is attribute
    assert attribute.meaning.endswith(".")
    assert [bool(attribute.choices), bool(attribute.pattern), attribute.is_open].count(True) == 1


def test_attribute_of_another_kind_is_none() -> None:
    """A kind has no attribute of another one."""
    assert KINDS["water"].attribute("cabin") is None


@pytest.mark.parametrize(("kind", "attribute", "choice"), CHOICES, ids=lambda one: one if isinstance(one, str) else one.name)
def test_every_choice_is_taken(kind: Kind, attribute: Attribute, choice: str) -> None:
    """Each value that a closed attribute lists is accepted."""
    given = {**needed(kind), attribute.name: choice}
    assert dict(checked_attributes(kind, given)) == given


@pytest.mark.parametrize(("kind", "attribute"), CLOSED, ids=lambda one: one.name)
def test_other_value_of_a_closed_attribute_is_refused_with_its_choices(kind: Kind, attribute: Attribute) -> None:
    """A value outside the list is refused, and the message lists all that would fit and what the attribute means."""
    with pytest.raises(AttributeValueError) as caught:
        checked_attributes(kind, {**needed(kind), attribute.name: "%"}, record="line 4")
    assert caught.value.sentence() == (
        f"This is no {attribute.name} of {kind.name}; expected one of {', '.join(attribute.choices)}; got %; in line 4. "
        f"{attribute.meaning}"
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind.name, one.name) for kind in KINDS.values() for one in kind.attributes if one.is_required],
)
def test_missing_required_attribute_is_named(kind: str, name: str) -> None:
    """A kind that cannot be scored without an attribute is refused without it."""
    found = find_kind(kind)
    with pytest.raises(AttributeValueError, match=f"^{kind} needs {name}; expected .*; got none; in {name}"):
        checked_attributes(found, needed(found, without=name))


def test_required_attributes() -> None:
    """What cannot be scored without saying which: no other kind asks for anything."""
    assert {(kind.name, attribute.name) for kind, attribute in ATTRIBUTES if attribute.is_required} == {
        ("carbon_credit", "registry"),
        ("carbon_credit", "serial"),
        ("electricity_certificate", "instrument"),
        ("fuel", "fuel"),
        ("freight", "mode"),
        ("food", "food"),
        ("product", "product"),
        ("material", "material"),
        ("waste", "material"),
        ("waste", "treatment"),
        ("refrigerant", "refrigerant"),
        ("digital", "service"),
        ("reported_emissions", "method"),
    }


def test_empty_value_counts_as_left_out() -> None:
    """An empty cell of a table says nothing; where the attribute is required it is missing."""
    assert checked_attributes(KINDS["car"], {"powertrain": "", "size": "small"}) == (("size", "small"),)
    with pytest.raises(AttributeValueError, match="food needs food"):
        checked_attributes(KINDS["food"], {"food": ""})


def test_unknown_attribute_is_refused_with_those_that_there_are() -> None:
    """A name that is none of the kind's is refused, never dropped."""
    with pytest.raises(AttributeValueError, match="ferry has no attribute cabin; expected passenger; got cabin; in line 3"):
        checked_attributes(KINDS["ferry"], {"cabin": "business"}, record="line 3")
    with pytest.raises(AttributeValueError, match="water has no attribute cabin; expected none; got cabin; in cabin"):
        checked_attributes(KINDS["water"], {"cabin": "business"})


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *[("flight", "origin", value) for value in ("ZRH ", "zrh", "ZRHX", "ZÜR", "ZRH\n")],
        *[("purchase", "month", value) for value in ("2024-3", "March", "2024-03-01")],
        *[("purchase", "naics", value) for value in ("72251", "7225110", "\u0661" * 6)],
        *[("electricity", "supplier_g_co2e_per_kwh", value) for value in ("-1", "1e3", "NaN", "1,5", "1" * 10)],
        *[("flight", "load_factor", value) for value in ("1.1", "80", "-0.5")],
        ("reported_emissions", "method", "a\nb"),
    ],
)
def test_value_that_is_no_whole_match_of_its_pattern_is_refused(kind: str, name: str, value: str) -> None:
    """A patterned value fits from its first to its last character or not at all."""
    found = find_kind(kind)
    with pytest.raises(AttributeValueError, match=f"This is no {name} of {kind}; expected text such as "):
        checked_attributes(found, {**needed(found), name: value})


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("flight", "origin", "ZRH"),
        ("flight", "load_factor", "0.847"),
        ("flight", "load_factor", "1"),
        ("purchase", "month", "2024-03"),
        ("electricity", "supplier_g_co2e_per_kwh", "0"),
        ("electricity", "supplier_g_co2e_per_kwh", "12.5"),
    ],
)
def test_well_formed_value_is_taken(kind: str, name: str, value: str) -> None:
    """A value that its pattern describes is kept as it is."""
    assert checked_attributes(find_kind(kind), {name: value}) == ((name, value),)


def test_attributes_are_sorted_by_name() -> None:
    """The same attributes in any order are the same key."""
    given = {"treatment": "landfill", "material": "paper"}
    assert checked_attributes(KINDS["waste"], given) == (("material", "paper"), ("treatment", "landfill"))


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_own_scope_and_category_without_attributes(kind: Kind) -> None:
    """Where nothing is declared the kind's own scope and category hold."""
    assert scope_and_category(kind, needed(kind)) == (kind.scope, kind.category)


@pytest.mark.parametrize(
    ("kind", "category"), [(kind.name, one) for kind in KINDS.values() for one in kind.other_categories], ids=str
)
def test_declared_category_is_scope_3(kind: str, category: int) -> None:
    """An activity declared under another category is scope 3 in it: a rented car is business travel."""
    found = find_kind(kind)
    attributes = dict(checked_attributes(found, {**needed(found), "category": str(category)}))
    assert scope_and_category(found, attributes) == (3, category)


def test_category_that_a_kind_cannot_have_is_refused() -> None:
    """A flight is business travel or commuting, never waste; electricity has no other place at all."""
    with pytest.raises(AttributeValueError, match="This is no category of flight; expected one of 6, 7; got 5; in category"):
        checked_attributes(KINDS["flight"], {"category": "5"})
    with pytest.raises(AttributeValueError, match="electricity has no attribute category"):
        checked_attributes(KINDS["electricity"], {"category": "3"})


@pytest.mark.parametrize("scope", ["1", "2"])
def test_category_of_another_scope_is_refused(scope: str) -> None:
    """A source that says scope 1 and a scope 3 category contradicts itself."""
    given = {"method": "m", "scope": scope, "category": "6"}
    with pytest.raises(
        AttributeValueError, match=f"Only scope 3 has categories; .*got scope {scope} with category 6; in category"
    ):
        checked_attributes(KINDS["reported_emissions"], given)
    assert scope_and_category(KINDS["reported_emissions"], {**given, "scope": "3"}) == (3, 6)


@pytest.mark.parametrize(("scope", "expected"), [("1", (1, 0)), ("2", (2, 0)), ("3", (3, 1))])
def test_scope_that_a_source_says_is_kept(scope: str, expected: tuple[int, int]) -> None:
    """Reported emissions stand in the scope that their source says."""
    assert scope_and_category(KINDS["reported_emissions"], {"method": "m", "scope": scope}) == expected


@pytest.mark.parametrize(
    ("kind", "amount", "symbol", "quantity_micro", "unit"),
    [
        ("electricity", "1", "MWh", 1_000_000_000, "kWh"),
        ("natural_gas", "1", "therm", 29_307_107, "kWh"),
        ("natural_gas", "1", "ccf", 2_831_685, "m3"),
        ("fuel", "1", "gal_us", 3_785, "m3"),
        ("refrigerant", "1", "kg", 1_000_000_000, "g"),
        ("refrigerant", "1", "lb", 453_592_370, "g"),
        ("refrigerant", "-0.5", "g", -500_000, "g"),
        ("reported_emissions", "2", "t", 2_000_000_000, "kg"),
        ("freight", "1", "short_ton_mi", 1_459_972, "tkm"),
        ("home_working", "90", "min", 1_500_000, "h"),
        ("purchase", "12.34", "EUR", 12_340_000, "EUR"),
        ("purchase", "12.34", "JPY", 12_340_000, "JPY"),
        ("hotel", "2", "room_night", 2_000_000, "item"),
        ("flight", "0", "passenger", 0, "item"),
    ],
)
def test_quantity_is_kept_in_the_kinds_unit(kind: str, amount: str, symbol: str, quantity_micro: int, unit: str) -> None:
    """Amounts become millionths of the unit that the kind keeps: leaked gases in grams, money in its own currency."""
    found = kind_quantity(find_kind(kind), Fraction(amount), symbol)
    assert (found.quantity_micro, found.unit) == (quantity_micro, unit)


@pytest.mark.parametrize("code", CURRENCIES)
def test_purchase_has_a_unit_per_currency(code: str) -> None:
    """Every currency is a unit of purchases, and of nothing else."""
    assert [kind.name for kind in KINDS.values() if code in kind.unit_symbols()] == ["purchase"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_unit_of_a_kind_is_taken_and_no_other(kind: Kind) -> None:
    """What a kind lists it takes; every other unit is refused with that list."""
    for symbol in UNITS:
        if symbol in kind.unit_symbols():
            unit = kind_quantity(kind, Fraction(1), symbol).unit
            assert unit == (kind.unit_of(UNITS[symbol].dimension) or symbol)
        else:
            with pytest.raises(UnitError, match=f"^{kind.name} is not measured in {symbol}[,;] "):
                kind_quantity(kind, Fraction(1), symbol)


def test_unit_that_means_something_else_here_is_refused_with_what_to_do() -> None:
    """Gallons of propane are of the liquid, which a gas meter does not measure."""
    with pytest.raises(UnitError) as caught:
        kind_quantity(KINDS["propane"], Fraction(1), "gal_us", record="line 2")
    assert caught.value.sentence() == (
        "propane is not measured in gal_us; expected one of kWh, Wh, MWh, GWh, J, kJ, MJ, GJ, TJ, Btu, therm, mmBtu, m3, ft3, "
        "scf, ccf, mcf; got gal_us; in line 2. Gallons and litres of propane are of the liquid: use kind fuel with fuel=propane."
    )


def test_journeys_nights_and_hours_are_not_negative() -> None:
    """What is measured and billed may be corrected downwards; a journey, a night, an hour at home may not."""
    assert {kind.name for kind in KINDS.values() if not kind.allows_negative} == {
        *("car", "motorcycle", "van", "truck", "taxi", "bus", "rail", "ferry", "flight", "hotel", "freight"),
        *("meal", "home_working", "digital"),
    }


def test_other_dimension_is_refused_with_the_units_that_fit() -> None:
    """Kilograms are no electricity; the message lists what is."""
    with pytest.raises(DimensionError) as caught:
        kind_quantity(KINDS["electricity"], Fraction(1), "kg", record="line 2")
    assert caught.value.sentence() == (
        "electricity is not measured in kg, which is mass; expected one of kWh, Wh, MWh, GWh, J, kJ, MJ, GJ, TJ, Btu, therm, "
        "mmBtu; got kg; in line 2. Give the amount in one of these units."
    )


def test_unknown_unit_and_too_large_amount_are_refused() -> None:
    """A unit that there is not, and more than 64 bits hold, are refused by name."""
    with pytest.raises(UnknownUnitError, match=r"There is no such unit; .*got zorkmid; in line 2"):
        kind_quantity(KINDS["purchase"], Fraction(1), "zorkmid", record="line 2")
    with pytest.raises(NumberError, match=r"expected less than 9\.2e12 g; got 10000000000 kg; in line 2"):
        kind_quantity(KINDS["refrigerant"], Fraction(10**10), "kg", record="line 2")
    assert kind_quantity(KINDS["refrigerant"], Fraction(INT64_MAX, 10**9), "kg").quantity_micro == INT64_MAX


def test_unit_of_money_is_the_payments() -> None:
    """A kind has no one unit of money."""
    assert KINDS["purchase"].unit_of(Dimension.MONEY) == ""


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_kept_units_are_those_that_quantities_come_out_in(kind: Kind) -> None:
    """What a kind says it keeps is what its quantities are kept in, whatever unit they come in."""
    assert set(kind.kept_units()) == {kind_quantity(kind, Fraction(1), symbol).unit for symbol in kind.unit_symbols()}
