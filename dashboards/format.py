"""Numbers and days as people read them: unit beside the number, sensible digits, the language's own marks.

Everything comes in as integers and is rounded once, here, at the edge. Screens say "t CO2e", never Mt.
"""

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from dashboards.messages import Locale, Messages
from domain.activity import KINDS, ActivityKey, EvidenceClass
from domain.number import fraction_to_text, quantize_text
from domain.period import Month, MonthRange
from domain.units import CURRENCIES

MINUS = "−"
NO_BREAK = "\u00a0"

UG_PER_G = 1_000_000
UG_PER_KG = 1_000_000_000
UG_PER_T = 1_000_000_000_000

_THREE_DIGITS_FROM = 100
_TWO_DIGITS_FROM = 10
_MILLION = 1_000_000
_STEP_UP_FROM = 100_000
"""From here on a number is shown in the next larger unit: 120,000 kWh reads worse than 120 MWh."""

_LARGER_ENERGY = ("kWh", "MWh", "GWh", "TWh")
_LARGER_MASS = ("kg", "t", "kt")
_PERCENT_SHOWN_MAX = 999
_COUNTED = "item"
_CENT_PLACES_COUNT = 2
_CAPITALS = frozenset({"plaid_category"})
"""Attributes whose values are written as `TRANSPORTATION_GAS`."""

_SLUGS = frozenset({"fuel", "food", "meal", "product", "material", "service", "vehicle"})
"""Attributes whose values the factor set decides, written as `red_meat`; names of gases are shown as they are."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number beside its unit, both as text.

    Attributes:
        number: Such as "3.21".
        unit: Such as "t CO2e".
    """

    number: str
    unit: str

    def __str__(self) -> str:
        """Number and unit with a space that does not break."""
        return f"{self.number}{NO_BREAK}{self.unit}" if self.unit else self.number


def number_text(locale: Locale, value: Fraction | int, places_count: int = 0) -> str:
    """A number with its thousands grouped.

    Args:
        locale: Whose marks.
        value: Any number.
        places_count: Decimal places shown.

    Returns:
        Such as "8,421" or "−0.35".
    """
    plain = quantize_text(abs(Fraction(value)), places_count=places_count)
    whole, _, part = plain.partition(".")
    groups = f"{int(whole):,}".replace(",", locale.group_mark)
    shown = f"{groups}{locale.decimal_mark}{part}" if part else groups
    return f"{MINUS}{shown}" if value < 0 and plain.strip("0.") else shown


def three_digits(locale: Locale, value: Fraction) -> str:
    """A number with about three significant digits, whole from 100 on.

    Args:
        locale: Whose marks.
        value: Any number.

    Returns:
        Such as "412", "41.2", "4.12", "0.41".
    """
    size = abs(value)
    if size >= _THREE_DIGITS_FROM or size == 0:
        return number_text(locale, value)
    return number_text(locale, value, 1 if size >= _TWO_DIGITS_FROM else 2)


def mass_co2e(messages: Messages, amount_ug_co2e: int) -> Amount:
    """An emission in the unit that suits its size.

    Args:
        messages: Language.
        amount_ug_co2e: Micrograms of CO2e.

    Returns:
        Tonnes from one tonne on, else kilograms, else grams below one kilogram.
    """
    size = abs(amount_ug_co2e)
    if size >= UG_PER_T:
        return tonnes_co2e(messages, amount_ug_co2e)
    if size >= UG_PER_KG or size == 0:
        return Amount(three_digits(messages.locale, Fraction(amount_ug_co2e, UG_PER_KG)), messages("unit.kg_co2e"))
    return Amount(three_digits(messages.locale, Fraction(amount_ug_co2e, UG_PER_G)), messages("unit.g_co2e"))


def mass_co2(messages: Messages, amount_ug: int) -> Amount:
    """Biogenic CO2 in the unit that suits its size: an amount of CO2 itself, in no total of CO2e."""
    size = abs(amount_ug)
    unit, per = ("t", UG_PER_T) if size >= UG_PER_T else ("kg", UG_PER_KG) if size >= UG_PER_KG else ("g", UG_PER_G)
    return Amount(three_digits(messages.locale, Fraction(amount_ug, per)), messages(f"unit.{unit}_co2"))


def tonnes_co2e(messages: Messages, amount_ug_co2e: int) -> Amount:
    """An emission in tonnes with two decimals (none from 1,000 t on).

    Args:
        messages: Language.
        amount_ug_co2e: Micrograms of CO2e.

    Returns:
        Such as 3.21 t CO2e.
    """
    value = Fraction(amount_ug_co2e, UG_PER_T)
    if abs(value) >= _MILLION:
        return Amount(three_digits(messages.locale, value / _MILLION), messages("unit.million_t_co2e"))
    places = 0 if abs(value) >= 1000 else 1 if abs(value) >= _THREE_DIGITS_FROM else 2  # noqa: PLR2004 - digits worth reading
    return Amount(number_text(messages.locale, value, places), messages("unit.t_co2e"))


def kilograms_co2e(messages: Messages, amount_ug_co2e: int) -> Amount:
    """An emission in kilograms with three digits.

    Args:
        messages: Language.
        amount_ug_co2e: Micrograms of CO2e.

    Returns:
        Such as 412 kg CO2e.
    """
    return Amount(three_digits(messages.locale, Fraction(amount_ug_co2e, UG_PER_KG)), messages("unit.kg_co2e"))


def quantity(messages: Messages, quantity_micro: int, unit: str) -> Amount:
    """A measured amount in its canonical unit.

    Args:
        messages: Language.
        quantity_micro: Millionths of the unit.
        unit: Symbol of the unit.

    Returns:
        Such as 8,421 kWh.
    """
    value = Fraction(quantity_micro, 1_000_000)
    if unit != _LARGER_ENERGY[0]:
        return Amount(three_digits(messages.locale, value), unit)
    power = energy_power(value)
    return Amount(three_digits(messages.locale, value / 1000**power), energy_unit(power))


def quantity_of(messages: Messages, quantity_micro: int, key: ActivityKey) -> Amount:
    """A measured amount of an activity; what is counted by the piece says of what.

    Args:
        messages: Language.
        quantity_micro: Millionths of the key's unit.
        key: The activity key.

    Returns:
        Such as 2 passengers, or 8,421 kWh.
    """
    if key.unit != _COUNTED:
        return quantity(messages, quantity_micro, key.unit)
    return Amount(exact(messages, quantity_micro), unit_of(messages, key, quantity_micro))


def told(messages: Messages, quantity_micro: int, key: ActivityKey) -> Amount:
    """An amount of an activity as a person knows it from where it came: money with its cents, all else as `quantity_of`.

    Args:
        messages: Language.
        quantity_micro: Millionths of the key's unit.
        key: The activity key.

    Returns:
        Such as 48.60 USD, or 151 km.
    """
    value = Fraction(quantity_micro, 1_000_000)
    if key.unit not in CURRENCIES:
        return quantity_of(messages, quantity_micro, key)
    return Amount(number_text(messages.locale, value, 0 if value.denominator == 1 else _CENT_PLACES_COUNT), key.unit)


def unit_of(messages: Messages, key: ActivityKey, quantity_micro: int = 1_000_000) -> str:
    """The unit of an activity as people read it, for an amount in millionths; for one of it where that is left out."""
    return unit_text(messages, key.kind, key.unit, quantity_micro)


def unit_text(messages: Messages, kind: str, unit: str, quantity_micro: int = 1_000_000) -> str:
    """A unit as people read it: of what is counted by the piece, what is counted.

    Args:
        messages: Language.
        kind: Kind of activity.
        unit: Symbol of the unit.
        quantity_micro: How much, millionths; one where left out.

    Returns:
        Such as "kWh", "passenger", "passengers".
    """
    if unit != _COUNTED:
        return unit
    count = 1 if quantity_micro == 1_000_000 else 2  # noqa: PLR2004 - one, or any other number
    return messages(f"counted.{kind}", count=count) if f"counted.{kind}" in messages else messages("counted.item", count=count)


def kind_text(messages: Messages, kind: str) -> str:
    """The name of a kind; one that is not known, as a stranger's bundle may hold, by its own."""
    return messages(f"kind.{kind}") if f"kind.{kind}" in messages else kind


def attributes_text(messages: Messages, key: ActivityKey) -> str:
    """What besides place and year an activity says: "driven by: petrol · size: medium"; empty where it says nothing."""
    order = [one.name for one in KINDS[key.kind].attributes] if key.kind in KINDS else []
    found = sorted(key.attributes, key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))
    return " · ".join(f"{attribute_text(messages, name)}: {value_text(messages, name, value)}" for name, value in found)


def attribute_text(messages: Messages, name: str) -> str:
    """The name of an attribute; one that is not known, by its own."""
    return messages(f"attribute.{name}") if f"attribute.{name}" in messages else name


def value_text(messages: Messages, name: str, value: str) -> str:
    """The words of an attribute's value; one that the factor set decides loses its underscores."""
    if name == "category" and f"category.{value}" in messages:
        return f"{value}, {messages(f'category.{value}')}"
    if f"value.{name}.{value}" in messages:
        return messages(f"value.{name}.{value}")
    if name in _CAPITALS:
        return value.replace("_", " ").lower()
    return value.replace("_", " ") if name in _SLUGS else value


def inventory_text(messages: Messages, scope: int, category: int) -> str:
    """Where a line stands in the inventory: scope, and of scope 3 the category."""
    name = messages(f"scope.{scope}") if f"scope.{scope}" in messages else str(scope)  # a stranger's bundle may say anything
    if f"category.{category}" not in messages:
        return name
    return messages("scope.of_category", scope=name, number=category, category=messages(f"category.{category}"))


def interval_tonnes(messages: Messages, low_ug_co2e: int, high_ug_co2e: int, *, is_assumed: bool) -> str:
    """A 95 % interval as one sentence, both ends in the unit that suits the larger."""
    shown = tonnes_co2e if max(abs(low_ug_co2e), abs(high_ug_co2e)) >= UG_PER_T else kilograms_co2e
    low, high = shown(messages, low_ug_co2e), shown(messages, high_ug_co2e)
    return messages("interval.assumed" if is_assumed else "interval.published", low=low.number, high=str(high))


def plain_number(messages: Messages, value: Fraction) -> str:
    """An exact number, grouped: decimal where it ends, else as a fraction: "41 / 959"."""
    denominator = value.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    if denominator != 1:
        return f"{whole(messages, value.numerator)} / {whole(messages, value.denominator)}"
    text = fraction_to_text(value)
    return grouped_text(messages, text)


def grouped_text(messages: Messages, text: str) -> str:
    """Decimal text as it stands, every digit kept, its thousands grouped: "2.50" stays "2.50"."""
    locale = messages.locale
    sign, digits = (MINUS, text[1:]) if text.startswith("-") else ("", text)
    head, point, tail = digits.partition(".")
    if not head.isdigit():  # an exponent: as published
        return text
    grouped = f"{int(head):,}".replace(",", locale.group_mark)
    return f"{sign}{grouped}{locale.decimal_mark if point else ''}{tail}"


def energy_power(size_kwh: Fraction) -> int:
    """How many thousands an energy is divided by to be read.

    Args:
        size_kwh: Largest value shown, kWh.

    Returns:
        0 for kWh, 1 for MWh, 2 for GWh, 3 for TWh.
    """
    return _power(abs(size_kwh), len(_LARGER_ENERGY))


def mass_power(size_kg_co2e: Fraction) -> int:
    """How many thousands an emission is divided by to be read.

    Args:
        size_kg_co2e: Largest value shown, kg CO2e.

    Returns:
        0 for kg, 1 for t, 2 for kt.
    """
    return _power(abs(size_kg_co2e), len(_LARGER_MASS))


def _power(size: Fraction, units_count: int) -> int:
    power = 0
    while size >= _STEP_UP_FROM and power < units_count - 1:
        size, power = size / 1000, power + 1
    return power


def energy_unit(power: int) -> str:
    """The unit of that many thousands of a kWh."""
    return _LARGER_ENERGY[power]


def mass_unit(power: int) -> str:
    """The unit of that many thousands of a kilogram."""
    return _LARGER_MASS[power]


def exact(messages: Messages, value_micro: int) -> str:
    """Millionths as an exact decimal number: every digit, grouped.

    Args:
        messages: Language.
        value_micro: Millionths.

    Returns:
        Such as "412.345678"; trailing zeros left out.
    """
    locale = messages.locale
    text = number_text(locale, Fraction(value_micro, 1_000_000), 6)
    return text.rstrip("0").rstrip(locale.decimal_mark)


def whole(messages: Messages, value: int) -> str:
    """A whole number, grouped."""
    return number_text(messages.locale, value)


def percent(messages: Messages, part_ppm: int) -> str:
    """A share of parts per million as per cent; never 100 % while something is missing, never 0 % while something is there.

    Args:
        messages: Language.
        part_ppm: Parts per million.

    Returns:
        Such as "98 %".
    """
    rounded = round(Fraction(part_ppm, 10_000))
    if rounded == 100 and part_ppm < 1_000_000:  # noqa: PLR2004 - per cent
        rounded = 99
    if rounded == 0 and part_ppm > 0:
        return messages("unit.percent_below_one")
    return messages("unit.percent", number=number_text(messages.locale, rounded))


def percent_of_reference(messages: Messages, used_pct: int) -> str:
    """A share that may be over 100 %.

    Args:
        messages: Language.
        used_pct: Whole per cent.

    Returns:
        Such as "61 %", or "> 999 %".
    """
    if used_pct > _PERCENT_SHOWN_MAX:
        return messages("unit.percent_over", number=number_text(messages.locale, _PERCENT_SHOWN_MAX))
    return messages("unit.percent", number=number_text(messages.locale, used_pct))


def day_text(messages: Messages, day: date) -> str:
    """A day: 3 March 2024."""
    locale = messages.locale
    return locale.date_pattern.format(day=day.day, month=locale.months[day.month - 1], year=day.year)


def instant_text(messages: Messages, at: datetime) -> str:
    """An instant as day and minute, in the zone that it carries, with the zone's name."""
    time = f"{at:%H:%M} {at.tzname() or ''}".strip()
    return messages.locale.at_pattern.format(date=day_text(messages, at.date()), time=time)


def month_text(messages: Messages, month: Month) -> str:
    """A month: March 2024."""
    locale = messages.locale
    return locale.month_pattern.format(month=locale.months[month.number - 1], year=month.year)


def month_short(messages: Messages, month: Month) -> str:
    """A month's short name: Mar."""
    return messages.locale.months_short[month.number - 1]


def period_text(messages: Messages, period: MonthRange) -> str:
    """A period: March 2024, or March 2024 – June 2024."""
    last = period.end.plus(-1)
    first_text = month_text(messages, period.first)
    return first_text if last == period.first else f"{first_text} – {month_text(messages, last)}"


def evidence_text(messages: Messages, evidence: EvidenceClass) -> str:
    """The name of an evidence class."""
    return messages(f"evidence.{evidence}.name")


def short_hex(digest_hex: str) -> str:
    """First and last digits of a hash, enough to recognise it; the whole one stands in the element's title or beside it."""
    return digest_hex if len(digest_hex) <= 16 else f"{digest_hex[:8]}…{digest_hex[-6:]}"  # noqa: PLR2004 - 8 + 6 digits
