"""The vocabulary of activities: every kind, what it is measured in, and the attributes that its factor can depend on.

A closed attribute lists its choices here. An open one (which food, which material) takes the values that the factor set holds.
An attribute that is left out is not in the key: the rule of the kind then takes the general value and says so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction

from domain.errors import AttributeValueError, DimensionError, KindError, UnitError
from domain.units import (
    CANONICAL_UNIT,
    CURRENCIES,
    UNITS,
    CanonicalQuantity,
    Dimension,
    find_unit,
    scaled_quantity,
    to_canonical_micro,
)

HOME, TRAVEL, FOOD_AND_THINGS = "home", "travel", "food_and_things"
"""The three rings of the dashboard."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something besides place and year that a factor depends on.

    Attributes:
        name: As in the API.
        meaning: What it says, for people.
        choices: Its values; empty where they are a pattern, or open.
        pattern: Regular expression of the whole value; empty where `choices` or the factor set decide.
        is_required: Whether the kind cannot be scored without it.
    """

    name: str
    meaning: str
    choices: tuple[str, ...] = ()
    pattern: str = ""
    is_required: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the factor set decides which values there are."""
        return not self.choices and not self.pattern


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of activity.

    Attributes:
        name: As in the API.
        title: For people.
        dimensions: What it may be measured in; one activity key per measured dimension.
        scope: GHG Protocol scope of the holder's inventory; 0 where it is outside (exports).
        domain: Ring of the dashboard it belongs to.
        category: Scope 3 category 1-15, else 0.
        is_avoided: Outside gross and net, shown as avoided.
        other_categories: Scope 3 categories that it may be declared under with the attribute `category`.
        attributes: What its factor can depend on.
        units: Canonical unit of a dimension where it is not the dimension's own.
        allows_negative: Whether an amount may be below zero: energy, volume, mass, money and things are given back or corrected,
            a journey, a night and an hour are not.
        refused_units: Units of a fitting dimension that mean something else here, each with what to do instead.
    """

    name: str
    title: str
    dimensions: tuple[Dimension, ...]
    scope: int
    domain: str
    category: int = 0
    is_avoided: bool = False
    other_categories: tuple[int, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    units: Mapping[Dimension, str] = field(default_factory=dict)
    allows_negative: bool = True
    refused_units: Mapping[str, str] = field(default_factory=dict)

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of this name; None where the kind has none."""
        return next((one for one in self.attributes if one.name == name), None)

    def unit_of(self, dimension: Dimension) -> str:
        """Unit that its quantities of a dimension are kept in; of money, there is one per currency, and this is empty."""
        if dimension is Dimension.MONEY:
            return ""
        return self.units.get(dimension, CANONICAL_UNIT[dimension])

    def unit_symbols(self) -> tuple[str, ...]:
        """Every unit that its quantities may come in."""
        fitting = (symbol for symbol, unit in UNITS.items() if unit.dimension in self.dimensions)
        return tuple(symbol for symbol in fitting if symbol not in self.refused_units)

    def check_unit(self, symbol: str, *, record: str = "") -> None:
        """Refuse a unit that means something else for this kind.

        Args:
            symbol: The source's unit.
            record: Where it stands, for the message.

        Raises:
            UnitError: It does; the message says what to do instead.
        """
        if symbol in self.refused_units:
            raise UnitError(
                f"{self.name} is not measured in {symbol}",
                expected=f"one of {', '.join(self.unit_symbols())}",
                got=symbol,
                record=record,
                next_step=self.refused_units[symbol],
            )

    def kept_units(self) -> tuple[str, ...]:
        """Every unit that its quantities are kept in: one for each dimension, and of money every currency."""
        found: list[str] = []
        for dimension in self.dimensions:
            found += CURRENCIES if dimension is Dimension.MONEY else [self.unit_of(dimension)]
        return tuple(found)


def _only(*symbols: str) -> Mapping[str, str]:
    """Every unit of count but these, refused: a room for a night is no meal."""
    others = (symbol for symbol, unit in UNITS.items() if unit.dimension is Dimension.COUNT and symbol not in symbols)
    return dict.fromkeys(others, f"Count in {' or '.join(symbols)}.")


_E, _V, _M, _D = Dimension.ENERGY, Dimension.VOLUME, Dimension.MASS, Dimension.DISTANCE
_PKM, _TKM, _N, _H = Dimension.PASSENGER_DISTANCE, Dimension.FREIGHT_DISTANCE, Dimension.COUNT, Dimension.TIME

_POWERTRAINS = ("petrol", "diesel", "hybrid", "plug_in_hybrid", "electric", "cng", "lpg", "unknown")
_DECIMAL = r"[0-9]{1,9}(\.[0-9]{1,9})?"
_AIRPORT = r"[A-Z]{3}"
_HEATING_VALUE = Attribute(
    "heating_value",
    "Basis of an amount in energy: gross (higher, HHV) or net (lower, LHV) calorific value. Utility bills in the US, the UK and "
    "the EU say gross.",
    ("gross", "net"),
)
_BLEND = Attribute(
    "blend",
    "Forecourt or grid average with its bio share, or the fossil fuel alone.",
    ("average", "mineral"),
)
_POWERTRAIN = Attribute("powertrain", "What drives it.", _POWERTRAINS)
_LADEN = Attribute(
    "laden",
    "Share of the load that a heavy goods vehicle carries: empty, half, full, or the average of the road.",
    ("0", "50", "100", "average"),
)
_CABIN = Attribute(
    "cabin",
    "Class of travel; average where it is not known.",
    ("economy", "premium_economy", "business", "first", "average"),
)

_KINDS = (
    Kind(
        "electricity",
        "Electricity from the grid",
        (_E,),
        scope=2,
        domain=HOME,
        attributes=(
            Attribute(
                "supplier_g_co2e_per_kwh",
                "Emission factor of the supplier's contract, g CO2e/kWh, as printed on the bill or disclosure; acts on the "
                "market-based method only.",
                pattern=_DECIMAL,
            ),
            Attribute(
                "supplier_evidence",
                "Document that says so: SHA-256 of the bill, or the disclosure's title and year.",
                pattern=r"[^\x00-\x1f]{1,120}",
            ),
            Attribute(
                "utility",
                "EIA number of the US utility; it decides where a ZIP code lies in several grid subregions.",
                pattern=r"[0-9]{1,6}",
            ),
        ),
    ),
    Kind("electricity_export", "Electricity fed into the grid", (_E,), scope=0, domain=HOME, is_avoided=True),
    Kind(
        "electricity_certificate",
        "Energy attribute certificates used (REC, GO, REGO, I-REC)",
        (_E,),
        scope=2,
        domain=HOME,
        attributes=(
            Attribute("instrument", "Which certificate.", ("rec", "go", "rego", "i_rec", "other"), is_required=True),
            Attribute("registry", "Registry that it was cancelled in.", pattern=r"[^\x00-\x1f]{1,60}"),
            Attribute("serial", "Serial numbers as the registry writes them.", pattern=r"[^\x00-\x1f]{1,120}"),
        ),
    ),
    Kind(
        "carbon_credit",
        "Carbon credits retired",
        (_M,),
        scope=0,
        domain=FOOD_AND_THINGS,
        attributes=(
            Attribute("registry", "Registry that the credits were retired in.", pattern=r"[^\x00-\x1f]{1,60}", is_required=True),
            Attribute("serial", "Serial numbers as the registry writes them.", pattern=r"[^\x00-\x1f]{1,120}", is_required=True),
            Attribute("credit_type", "What the credits stand for.", ("avoidance", "removal")),
            Attribute("vintage", "Year in which it was avoided or removed.", pattern=r"(19|20)[0-9]{2}"),
        ),
    ),
    Kind(
        "natural_gas",
        "Natural gas",
        (_E, _V),
        scope=1,
        domain=HOME,
        attributes=(_HEATING_VALUE, _BLEND),
        other_categories=(8, 13),
    ),
    Kind(
        "propane",
        "Propane from a gas meter",
        (_E, _V),
        scope=1,
        domain=HOME,
        attributes=(_HEATING_VALUE,),
        refused_units=dict.fromkeys(
            ("L", "gal_us", "gal_imp", "bbl"), "Gallons and litres of propane are of the liquid: use kind fuel with fuel=propane."
        ),
    ),
    Kind(
        "fuel",
        "Fuel burnt: oil, coal, wood, petrol, gas in bottles",
        (_V, _M, _E),
        scope=1,
        domain=HOME,
        other_categories=(8, 13),
        attributes=(Attribute("fuel", "Which fuel.", is_required=True), _HEATING_VALUE, _BLEND),
    ),
    Kind("steam", "Steam", (_E, _M), scope=2, domain=HOME),
    Kind("district_heat", "District heat", (_E,), scope=2, domain=HOME),
    Kind("water", "Water supplied", (_V,), scope=3, category=1, domain=HOME),
    Kind("wastewater", "Waste water treated", (_V,), scope=3, category=5, domain=HOME),
    Kind(
        "car",
        "Car driven",
        (_D,),
        scope=1,
        domain=TRAVEL,
        allows_negative=False,
        other_categories=(6, 7, 8, 13),
        attributes=(
            _POWERTRAIN,
            Attribute("size", "Size of the car.", ("small", "medium", "large", "average")),
            Attribute(
                "segment",
                "Market segment, where it is known better than the size.",
                (
                    "mini",
                    "supermini",
                    "lower_medium",
                    "upper_medium",
                    "executive",
                    "luxury",
                    "sports",
                    "dual_purpose_4x4",
                    "mpv",
                    "light_duty_truck",
                ),
            ),
        ),
    ),
    Kind(
        "motorcycle",
        "Motorcycle ridden",
        (_D,),
        scope=1,
        domain=TRAVEL,
        allows_negative=False,
        other_categories=(6, 7),
        attributes=(Attribute("size", "Size by engine.", ("small", "medium", "large", "average")),),
    ),
    Kind(
        "van",
        "Van driven",
        (_D,),
        scope=1,
        domain=TRAVEL,
        allows_negative=False,
        other_categories=(4, 6, 8, 9, 13),
        attributes=(_POWERTRAIN, Attribute("weight_class", "Class by weight.", ("I", "II", "III", "average"))),
    ),
    Kind(
        "truck",
        "Heavy goods vehicle driven",
        (_D,),
        scope=1,
        domain=TRAVEL,
        allows_negative=False,
        other_categories=(4, 8, 9, 13),
        attributes=(
            Attribute(
                "vehicle",
                "Build and gross weight.",
                (
                    "rigid_3.5_7.5t",
                    "rigid_7.5_17t",
                    "rigid_over_17t",
                    "rigid",
                    "articulated_3.5_33t",
                    "articulated_over_33t",
                    "articulated",
                    "all",
                ),
            ),
            _LADEN,
            Attribute("is_refrigerated", "Whether the load is cooled.", ("no", "yes")),
        ),
    ),
    Kind(
        "taxi",
        "Taxi or ride",
        (_PKM, _D),
        scope=3,
        category=6,
        domain=TRAVEL,
        allows_negative=False,
        other_categories=(7,),
        attributes=(Attribute("service", "Which taxi.", ("regular", "black_cab")),),
    ),
    Kind(
        "bus",
        "Bus or coach",
        (_PKM,),
        scope=3,
        category=6,
        domain=TRAVEL,
        allows_negative=False,
        other_categories=(7,),
        attributes=(Attribute("service", "Which service.", ("local", "local_not_london", "local_london", "coach", "average")),),
    ),
    Kind(
        "rail",
        "Train, tram, underground",
        (_PKM,),
        scope=3,
        category=6,
        domain=TRAVEL,
        allows_negative=False,
        other_categories=(7,),
        attributes=(
            Attribute(
                "service",
                "Which service.",
                ("national", "international", "intercity", "commuter", "light_rail", "underground"),
            ),
        ),
    ),
    Kind(
        "ferry",
        "Ferry",
        (_PKM,),
        scope=3,
        category=6,
        domain=TRAVEL,
        allows_negative=False,
        other_categories=(7,),
        attributes=(Attribute("passenger", "On foot or with a car.", ("foot", "car", "average")),),
    ),
    Kind(
        "flight",
        "Flight",
        (_PKM, _N),
        scope=3,
        category=6,
        domain=TRAVEL,
        allows_negative=False,
        other_categories=(7,),
        attributes=(
            Attribute("origin", "IATA code of the airport of departure; with it the quantity is passengers.", pattern=_AIRPORT),
            Attribute("destination", "IATA code of the airport of arrival.", pattern=_AIRPORT),
            Attribute(
                "haul",
                "Length class, where passenger-kilometres are given without airports.",
                ("domestic", "short", "medium", "long", "international"),
            ),
            _CABIN,
            Attribute(
                "radiative_forcing",
                "Whether the factor counts effects at altitude. Without, as the inventory has it: they are shown beside.",
                ("without", "with"),
            ),
            Attribute("aircraft", "ICAO type designator of the aircraft.", pattern=r"[A-Z0-9]{2,4}"),
            Attribute(
                "fuel_burn_kg", "Fuel of the whole flight in kg, where it is known (Travel Impact Model).", pattern=_DECIMAL
            ),
            Attribute("seats_economy", "Seats in economy.", pattern=r"[0-9]{1,3}"),
            Attribute("seats_premium_economy", "Seats in premium economy.", pattern=r"[0-9]{1,3}"),
            Attribute("seats_business", "Seats in business.", pattern=r"[0-9]{1,3}"),
            Attribute("seats_first", "Seats in first.", pattern=r"[0-9]{1,3}"),
            Attribute("load_factor", "Share of seats taken, 0 to 1.", pattern=r"0?\.[0-9]{1,4}|1(\.0+)?|0\.[0-9]{1,4}"),
            Attribute("cargo_share", "Share of the fuel that belly cargo bears, 0 to 1.", pattern=r"0(\.[0-9]{1,5})?"),
            Attribute(
                "reported_g_co2e_per_passenger",
                "Grams of CO2e of one passenger, well to wake, that a source says of this flight or its like.",
                pattern=_DECIMAL,
            ),
            Attribute("reported_method", "Who says so, and how; goes with it.", pattern=r"[^\x00-\x1f]{1,120}"),
        ),
        refused_units=_only("item", "passenger"),
    ),
    Kind(
        "hotel",
        "Hotel, rooms x nights",
        (_N,),
        scope=3,
        category=6,
        domain=TRAVEL,
        allows_negative=False,
        refused_units=_only("item", "room_night"),
    ),
    Kind(
        "freight",
        "Goods transported",
        (_TKM,),
        scope=3,
        category=4,
        domain=FOOD_AND_THINGS,
        allows_negative=False,
        other_categories=(9,),
        attributes=(
            Attribute("mode", "Mode of transport.", ("road", "rail", "sea", "inland_waterway", "air"), is_required=True),
            Attribute("vehicle", "Vehicle, vessel or aircraft; the average of the mode where it is left out."),
            _POWERTRAIN,
            _LADEN,
            Attribute("is_refrigerated", "Whether the load is cooled.", ("no", "yes")),
            Attribute("haul", "Length class of air freight.", ("domestic", "short", "long", "international")),
            Attribute(
                "radiative_forcing",
                "Whether the factor of air freight counts effects at altitude.",
                ("without", "with"),
            ),
        ),
    ),
    Kind(
        "purchase",
        "Money spent",
        (Dimension.MONEY,),
        scope=3,
        category=1,
        domain=FOOD_AND_THINGS,
        other_categories=(2, 4, 5, 6, 8),
        attributes=(
            Attribute(
                "month", "Month of the payment, 2024-03: the exchange rate and the prices are its.", pattern=r"[0-9]{4}-[0-9]{2}"
            ),
            Attribute("naics", "Industry of what was bought, six digits of NAICS 2017.", pattern=r"[0-9]{6}"),
            Attribute("mcc", "Merchant category code of the card payment, four digits (ISO 18245).", pattern=r"[0-9]{4}"),
            Attribute("plaid_category", "Plaid personal finance category, detailed or primary.", pattern=r"[A-Z_]{3,80}"),
            Attribute(
                "margins",
                "Whether trade and transport up to the sale are counted; both are per dollar that the buyer pays.",
                ("with", "without"),
            ),
            Attribute("tax_percent", "Sales tax or VAT that the amount includes, in percent of the net price.", pattern=_DECIMAL),
        ),
    ),
    Kind(
        "food",
        "Food bought or eaten",
        (_M,),
        scope=3,
        category=1,
        domain=FOOD_AND_THINGS,
        attributes=(Attribute("food", "Which food.", is_required=True),),
    ),
    Kind(
        "meal",
        "Meals eaten",
        (_N,),
        scope=3,
        category=1,
        domain=FOOD_AND_THINGS,
        allows_negative=False,
        attributes=(Attribute("meal", "Which meal; the average where it is left out."),),
        refused_units=_only("item", "meal"),
    ),
    Kind(
        "product",
        "Things bought: clothes, furniture, appliances, electronics",
        (_N,),
        scope=3,
        category=1,
        domain=FOOD_AND_THINGS,
        other_categories=(2,),
        attributes=(Attribute("product", "Which thing.", is_required=True),),
        refused_units=_only("item"),
    ),
    Kind(
        "material",
        "Materials bought",
        (_M,),
        scope=3,
        category=1,
        domain=FOOD_AND_THINGS,
        attributes=(
            Attribute("material", "Which material.", is_required=True),
            Attribute("source", "Where it comes from.", ("primary", "reused", "open_loop", "closed_loop")),
        ),
    ),
    Kind(
        "waste",
        "Waste handed over",
        (_M,),
        scope=3,
        category=5,
        domain=FOOD_AND_THINGS,
        other_categories=(12,),
        attributes=(
            Attribute("material", "Which waste.", is_required=True),
            Attribute(
                "treatment",
                "What happens to it.",
                (
                    "reuse",
                    "open_loop",
                    "closed_loop",
                    "recycling",
                    "combustion",
                    "composting",
                    "landfill",
                    "anaerobic_digestion",
                    "anaerobic_digestion_dry",
                    "anaerobic_digestion_wet",
                ),
                is_required=True,
            ),
        ),
    ),
    Kind(
        "refrigerant",
        "Refrigerant or other gas that leaked",
        (_M,),
        scope=1,
        domain=HOME,
        attributes=(Attribute("refrigerant", "Which gas: HFC-134a, R-410A, SF6, methane.", is_required=True),),
        units={_M: "g"},
    ),
    Kind(
        "home_working",
        "Hours worked at home",
        (_H,),
        scope=3,
        category=7,
        domain=HOME,
        allows_negative=False,
        attributes=(Attribute("use", "What is counted.", ("all", "office_equipment", "heating")),),
    ),
    Kind(
        "digital",
        "Digital services: streaming, calls, messages",
        (_N, _H),
        scope=3,
        category=1,
        domain=FOOD_AND_THINGS,
        allows_negative=False,
        attributes=(Attribute("service", "Which service.", is_required=True),),
        refused_units=_only("item"),
    ),
    Kind(
        "reported_emissions",
        "Emissions that a source already says",
        (_M,),
        scope=3,
        category=1,
        domain=FOOD_AND_THINGS,
        other_categories=tuple(range(1, 16)),
        attributes=(
            Attribute("method", "Method of the source, in its own words.", pattern=r"[^\x00-\x1f]{1,120}", is_required=True),
            Attribute("scope", "GHG Protocol scope that the source says.", ("1", "2", "3")),
        ),
    ),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _KINDS}
"""Every kind by its name."""

_CATEGORY = "category"
"""Attribute of every kind with `other_categories`: the scope 3 category that an activity is declared under."""


def find_kind(name: str, *, record: str = "") -> Kind:
    """The kind of this name.

    Args:
        name: Such as "electricity".
        record: Where it stands, for the message.

    Returns:
        The kind.

    Raises:
        KindError: There is no such kind.
    """
    found = KINDS.get(name)
    if found is None:
        close = get_close_matches(name, KINDS, n=3, cutoff=0.6)
        expected = f"one of {', '.join(close or KINDS)}"
        raise KindError(expected=expected, got=name, record=record, next_step="Choose one of these kinds.")
    return found


def scope_and_category(kind: Kind, attributes: Mapping[str, str]) -> tuple[int, int]:
    """GHG Protocol scope and scope 3 category of an activity: the kind's own, or as its attributes declare.

    Args:
        kind: The kind.
        attributes: Of the activity key, checked.

    Returns:
        Scope 0 to 3, and category 1 to 15, or 0.
    """
    if _CATEGORY in attributes:
        return 3, int(attributes[_CATEGORY])
    if "scope" in attributes:
        scope = int(attributes["scope"])
        return scope, kind.category if scope == 3 else 0  # noqa: PLR2004 - scope 3 alone has categories
    return kind.scope, kind.category


def checked_attributes(kind: Kind, attributes: Mapping[str, str], *, record: str = "") -> tuple[tuple[str, str], ...]:
    """The attributes of an activity key, each one known and well formed; what is open is checked by the factor set.

    Args:
        kind: The kind.
        attributes: Name to value; empty values count as left out.
        record: Where they stand, for the message.

    Returns:
        Sorted by name.

    Raises:
        AttributeValueError: A name is none of the kind's, a value is none of the choices, two contradict each other, or a
            required one is missing.
    """
    given = {name: value for name, value in attributes.items() if value != ""}
    for name, value in given.items():
        _check_attribute(kind, name, value, record)
    if _CATEGORY in given and given.get("scope", "3") != "3":
        raise AttributeValueError(
            "Only scope 3 has categories",
            expected="scope 3 with a category, or another scope without one",
            got=f"scope {given['scope']} with category {given[_CATEGORY]}",
            record=record or _CATEGORY,
        )
    missing = [one for one in kind.attributes if one.is_required and one.name not in given]
    if missing:
        raise AttributeValueError(
            f"{kind.name} needs {missing[0].name}",
            expected=_expected(missing[0]),
            got="none",
            record=record or missing[0].name,
            next_step=missing[0].meaning,
        )
    return tuple(sorted(given.items()))


def _check_attribute(kind: Kind, name: str, value: str, record: str) -> None:
    if name == _CATEGORY and kind.other_categories:
        choices = tuple(str(one) for one in dict.fromkeys([*([kind.category] if kind.category else []), *kind.other_categories]))
        found = Attribute(_CATEGORY, "Scope 3 category that it is declared under.", choices)
    else:
        found_or_none = kind.attribute(name)
        if found_or_none is None:
            known = ", ".join(one.name for one in kind.attributes) or "none"
            raise AttributeValueError(f"{kind.name} has no attribute {name}", expected=known, got=name, record=record or name)
        found = found_or_none
    fits = value in found.choices if found.choices else not found.pattern or re.fullmatch(found.pattern, value) is not None
    if not fits:
        raise AttributeValueError(
            f"This is no {name} of {kind.name}",
            expected=_expected(found),
            got=value,
            record=record or name,
            next_step=found.meaning,
        )


def _expected(attribute: Attribute) -> str:
    if attribute.choices:
        return f"one of {', '.join(attribute.choices)}"
    return f"text such as {attribute.pattern}" if attribute.pattern else attribute.meaning.rstrip(".").lower()


def kind_quantity(kind: Kind, amount: Fraction, symbol: str, *, record: str = "") -> CanonicalQuantity:
    """An amount in millionths of the unit that a kind keeps it in.

    Args:
        kind: The kind.
        amount: In the unit of `symbol`, exact; negative for refunds.
        symbol: The source's unit.
        record: Where it stands, for the message.

    Returns:
        The quantity, rounded half to even once, with what was rounded away.

    Raises:
        UnknownUnitError: There is no such unit.
        DimensionError: The kind is not measured so; the message lists its units.
        UnitError: The unit means something else for this kind.
        NumberError: The result does not fit in 64 bits.
    """
    dimension = find_unit(symbol, record=record).dimension
    if dimension not in kind.dimensions:
        raise DimensionError(
            f"{kind.name} is not measured in {symbol}, which is {dimension}",
            expected=f"one of {', '.join(kind.unit_symbols())}",
            got=symbol,
            record=record,
            next_step="Give the amount in one of these units.",
        )
    kind.check_unit(symbol, record=record)
    if dimension in kind.units:
        return scaled_quantity(amount, symbol, kind.units[dimension], record=record)
    return to_canonical_micro(amount, symbol, dimension=dimension, record=record)
