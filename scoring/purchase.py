"""Money spent: from an amount in its currency and month to dollars of a factor's price year; from a category to an industry.

    base-year USD = amount / (1 + tax) x (USD per EUR / currency per EUR) x (CPI of the base year / CPI of the month)

Exchange rates are means of the ECB's daily reference rates over the month of the payment, as exact fractions; the price index is
CPI-U, US city average, all items. Conversion comes first and deflation second, with US prices only, because the factors are US
dollars' worth of US industries.

Nothing is filled in: a currency without a rate in the month is refused. The two exceptions are flagged: after the newest month
of the index the newest is used, and a month that the Bureau of Labor Statistics skipped (October 2025) has the index of the month
before.

Known limit: US purchaser prices contain the sales taxes that retailers collect (BEA, Concepts and Methods of the Input-Output
Accounts), so taking a US sales tax out gives a slightly low result; a VAT abroad has no part in them.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from typing import NamedTuple, NoReturn

from domain.errors import AttributeValueError, FactorError
from domain.factor import Step
from domain.number import decimal_from_text, fraction_to_text

SERIES = "CUUR0000SA0"
"""CPI-U, US city average, all items, not seasonally adjusted."""

SECTOR_ATTRIBUTES = ("naics", "mcc", "plaid_category")
"""Attributes of a purchase that say what was bought; one of them is given."""

FUEL_SECTORS = frozenset({"211130", "212111", "212112", "212113", "221210", "324110", "447110", "447190", "454310"})
"""Industries whose goods are burnt by the buyer, which their factors, cradle to sale, do not count."""

_TRADE_PREFIXES = ("42", "44", "45")
_MEMO_MAX_COUNT = 65_536
_SHOWN_COUNT = 5
_PLACES_COUNT = 9
_ONE = Fraction(1)
_BURNING = Step("The factor ends at the sale: burning the fuel is not in it")
_TRADE = Step("The factor of trade is per dollar of the trade's margin: making the goods is not in it")


class Category(NamedTuple):
    """A line of our table of categories.

    Attributes:
        naics: Industry; empty where a payment of the category cannot be scored.
        confidence: high, medium, low or none.
        why: The reason of the choice, or of the refusal.
    """

    naics: str
    confidence: str
    why: str


@dataclass(frozen=True, slots=True)
class Scale:
    """What an amount is multiplied with.

    Attributes:
        base_usd_per_unit: USD of the base year per unit of the payment's currency, exact.
        steps: How it came about, in order.
        flags: "tax_not_removed", "price_index_extrapolated", "price_index_previous_month".
    """

    base_usd_per_unit: Fraction
    steps: tuple[Step, ...]
    flags: tuple[str, ...]


class Sector(NamedTuple):
    """The industry that a payment is scored as.

    Attributes:
        naics: Six digits of NAICS 2017.
        steps: How it was chosen.
        flags: "category_map_low_confidence", "burning_not_counted", "trade_margin_only".
    """

    naics: str
    steps: tuple[Step, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class PriceTables:
    """The published tables that purchases need, indexed once.

    Attributes:
        rate_of: (currency, month) to the sum of its daily rates per EUR as decimal text, and the count of days.
        index_of_month: Month to CPI-U as printed.
        index_of_year: Year to the annual average of CPI-U as printed.
        title_of: NAICS code to title, for every industry that has a factor.
        categories: "mcc" and "plaid_category" to their lines.
        months: Months of the index, ascending.

    Invariant: never changed after it is made; the memo only repeats what the tables give.
    """

    rate_of: Mapping[tuple[str, str], tuple[str, int]]
    index_of_month: Mapping[str, str]
    index_of_year: Mapping[int, str]
    title_of: Mapping[str, str]
    categories: Mapping[str, Mapping[str, Category]]
    months: tuple[str, ...]
    _scales: dict[tuple[str, str, str, int], Scale] = field(default_factory=dict, repr=False, compare=False)


def price_tables(
    *,
    fx_monthly: Iterable[Mapping[str, str]],
    cpi_us_monthly: Iterable[Mapping[str, str]],
    cpi_us_annual: Iterable[Mapping[str, str]],
    naics_titles: Iterable[Mapping[str, str]],
    mcc_naics: Iterable[Mapping[str, str]],
    plaid_naics: Iterable[Mapping[str, str]],
) -> PriceTables:
    """Index the tables.

    Args:
        fx_monthly: Lines with currency, month, rate_sum_text (units per EUR), day_count.
        cpi_us_monthly: Lines with series, month, index_text.
        cpi_us_annual: Lines with series, year, index_text.
        naics_titles: Lines with naics, title.
        mcc_naics: Lines with mcc (one code, or a range 3000-3350), naics, confidence, why.
        plaid_naics: Lines with plaid_category, naics, confidence, why.

    Returns:
        The tables.
    """
    by_month = {line["month"]: line["index_text"] for line in cpi_us_monthly if line["series"] == SERIES}
    mcc = {code: _category(line) for line in mcc_naics for code in codes_of(line["mcc"])}
    plaid = {line["plaid_category"]: _category(line) for line in plaid_naics}
    return PriceTables(
        rate_of={(line["currency"], line["month"]): (line["rate_sum_text"], int(line["day_count"])) for line in fx_monthly},
        index_of_month=by_month,
        index_of_year={int(line["year"]): line["index_text"] for line in cpi_us_annual if line["series"] == SERIES},
        title_of={line["naics"]: line["title"] for line in naics_titles},
        categories={"mcc": mcc, "plaid_category": plaid},
        months=tuple(sorted(by_month)),
    )


def codes_of(mcc_range: str) -> tuple[str, ...]:
    """The merchant category codes that a cell of our table says.

    Args:
        mcc_range: "5411", or a range with both ends: "3000-3350".

    Returns:
        Codes of four digits, ascending.
    """
    first, _, last = mcc_range.partition("-")
    return tuple(f"{code:04d}" for code in range(int(first), int(last or first) + 1))


def _category(line: Mapping[str, str]) -> Category:
    return Category(line["naics"], line["confidence"], line["why"])


def purchase_scale(currency: str, month: str, tax_percent: str, base_year: int, tables: PriceTables) -> Scale:
    """What an amount is multiplied with to give USD of the base year, without tax.

    Args:
        currency: ISO 4217 code of the payment.
        month: Month of the payment, 2024-03.
        tax_percent: Tax that the amount includes, percent of the net price; empty where it is not known.
        base_year: Price year of the factor: 2022.
        tables: The published tables.

    Returns:
        The exact scale, its steps and flags.

    Raises:
        AttributeValueError: The month is no month, or the tax is below zero.
        FactorError: There is no exchange rate, or no price index, for that month or year.
        NumberError: The tax is no plain number.
    """
    key = (currency, month, tax_percent, base_year)
    found = tables._scales.get(key)  # noqa: SLF001 - the memo belongs to this file
    if found is not None:
        return found
    scale = _scale(currency, month, tax_percent, base_year, tables)
    if len(tables._scales) < _MEMO_MAX_COUNT:  # noqa: SLF001 - as above
        tables._scales[key] = scale  # noqa: SLF001 - as above
    return scale


def _scale(currency: str, month: str, tax_percent: str, base_year: int, tables: PriceTables) -> Scale:
    _check_month(month)
    net, tax_step, tax_flags = _net_of_tax(tax_percent)
    usd = usd_per_unit(currency, month, tables)
    deflator, index_step, index_flags = _deflator(month, base_year, tables)
    steps = (tax_step, _rate_step(currency, month, usd, tables), index_step)
    return Scale(net * usd * deflator, steps, (*tax_flags, *index_flags))


def usd_per_unit(currency: str, month: str, tables: PriceTables) -> Fraction:
    """US dollars per unit of a currency: the mean over the month of USD per EUR by that of the currency per EUR.

    Args:
        currency: ISO 4217 code.
        month: 2024-03.
        tables: The published tables.

    Returns:
        USD per unit, exact; 1 for USD in any month.

    Raises:
        FactorError: The ECB published no rate for it in that month.

    Source:
        European Central Bank, Euro foreign exchange reference rates.
    """
    if currency == "USD":
        return _ONE
    dollar = tables.rate_of.get(("USD", month))
    own = ("1", 1) if currency == "EUR" else tables.rate_of.get((currency, month))
    if dollar is None or own is None:
        _refuse_rate(currency, month, tables)
    return (Fraction(dollar[0]) / dollar[1]) / (Fraction(own[0]) / own[1])


def _refuse_rate(currency: str, month: str, tables: PriceTables) -> NoReturn:
    months = sorted(one for code, one in tables.rate_of if code == ("USD" if currency == "EUR" else currency))
    currencies = sorted({code for code, one in tables.rate_of if one == month})
    if months:
        expected = f"a month with a rate for {currency}: {', '.join(_runs(months))}"
    elif currencies:
        expected = f"EUR or one of {', '.join(currencies)}"
    else:
        held = sorted({one for _, one in tables.rate_of})
        expected = f"a month from {held[0]} to {held[-1]}" if held else "a table of exchange rates"
    raise FactorError(
        "There is no exchange rate for this currency in this month",
        expected=expected,
        got=f"{currency} in {month}",
        record="ECB euro reference rates",
        next_step="Give the amount in a currency that has a rate, as the bank converted it.",
    )


def _runs(months: Sequence[str]) -> list[str]:
    """Months without gaps, as "1999-01 to 2008-12"."""
    runs: list[list[str]] = []
    for month in months:
        if runs and _serial(month) == _serial(runs[-1][1]) + 1:
            runs[-1][1] = month
        else:
            runs.append([month, month])
    return [first if first == last else f"{first} to {last}" for first, last in runs]


def _serial(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:])


def _rate_step(currency: str, month: str, usd: Fraction, tables: PriceTables) -> Step:
    if currency == "USD":
        return Step("The amount is in USD: no exchange rate is needed")
    usd_sum, usd_days = tables.rate_of["USD", month]
    shown = fraction_to_text(usd, places_count=_PLACES_COUNT)
    if currency == "EUR":
        return Step("1 EUR is {} USD in {}: ECB reference rates, sum {} over {} days", (shown, month, usd_sum, usd_days))
    own_sum, own_days = tables.rate_of[currency, month]
    return Step(
        "1 {} is {} USD in {}: mean of the ECB reference rates per EUR, USD {} / {} days by {} {} / {} days",
        (currency, shown, month, usd_sum, usd_days, currency, own_sum, own_days),
    )


def deflated(amount_usd: Fraction, month: str, base_year: int, tables: PriceTables) -> Fraction:
    """An amount in dollars of a month as dollars of a year.

    Args:
        amount_usd: USD of the month.
        month: 2024-03.
        base_year: Year whose average prices are taken.
        tables: The published tables.

    Returns:
        USD of the base year, exact.

    Raises:
        AttributeValueError: The month is no month.
        FactorError: There is no price index for the year, or none so early.

    Source:
        US Bureau of Labor Statistics, CPI-U, series CUUR0000SA0.
    """
    return amount_usd * _deflator(month, base_year, tables)[0]


def _deflator(month: str, base_year: int, tables: PriceTables) -> tuple[Fraction, Step, tuple[str, ...]]:
    base_text = tables.index_of_year.get(base_year)
    if base_text is None:
        years = sorted(tables.index_of_year)
        expected = f"a year from {years[0]} to {years[-1]}" if years else "a table of annual averages"
        raise FactorError(
            "There is no price index for the factor's price year", expected=expected, got=str(base_year), record="CPI-U"
        )
    used, flags = _index_month(month, tables)
    text = tables.index_of_month[used]
    step = Step(
        "Prices of {} into {}: CPI-U all items, average of {} {} / {} of {}",
        (month, base_year, base_year, base_text, text, used),
    )
    return Fraction(base_text) / Fraction(text), step, flags


def _index_month(month: str, tables: PriceTables) -> tuple[str, tuple[str, ...]]:
    if month in tables.index_of_month:
        return month, ()
    _check_month(month)  # the next lines compare months as texts
    place = bisect_right(tables.months, month)
    if not place:
        expected = f"a month from {tables.months[0]} on" if tables.months else "a table of the price index"
        raise FactorError("There is no price index for this month", expected=expected, got=month, record="CPI-U")
    flag = "price_index_extrapolated" if place == len(tables.months) else "price_index_previous_month"
    return tables.months[place - 1], (flag,)


def _check_month(month: str) -> None:
    is_month = len(month) == 7 and month[4] == "-" and month.isascii() and (month[:4] + month[5:]).isdigit()  # noqa: PLR2004 - as 2024-03
    if not is_month or not 1 <= int(month[5:]) <= 12:  # noqa: PLR2004 - months of a year
        raise AttributeValueError("This is no month", expected="a month such as 2024-03", got=month, record="month")


def _net_of_tax(tax_percent: str) -> tuple[Fraction, Step, tuple[str, ...]]:
    if not tax_percent:
        return _ONE, Step("No tax_percent is given: a sales tax or VAT in the amount stays in it"), ("tax_not_removed",)
    percent = Fraction(decimal_from_text(tax_percent, record="tax_percent"))
    if percent < 0:
        raise AttributeValueError("A tax is not below zero", expected="0 or more percent", got=tax_percent, record="tax_percent")
    ratio = _ONE + percent / 100
    return 1 / ratio, Step("The amount includes {} % tax: divided by {}", (tax_percent, fraction_to_text(ratio))), ()


def sector_of(attributes: Mapping[str, str], tables: PriceTables) -> Sector:
    """The industry that a payment is scored as.

    Args:
        attributes: Attributes of the purchase; one of `SECTOR_ATTRIBUTES` is among them.
        tables: The published tables and ours.

    Returns:
        The industry, with the steps and flags of the choice.

    Raises:
        AttributeValueError: None or several are given, or the code is not known.
        FactorError: A payment of that category is no purchase, or nothing that the factors can score.
    """
    given = [name for name in SECTOR_ATTRIBUTES if attributes.get(name)]
    if len(given) != 1:
        raise AttributeValueError(
            "A purchase says in one way what was bought",
            expected=f"one of {', '.join(SECTOR_ATTRIBUTES)}",
            got=", ".join(given) or "none",
            record=given[-1] if given else SECTOR_ATTRIBUTES[0],
            next_step="Give exactly one of them.",
        )
    name, code = given[0], attributes[given[0]]
    return _named_sector(code, tables) if name == "naics" else _mapped_sector(name, code, tables)


def _named_sector(naics: str, tables: PriceTables) -> Sector:
    title = tables.title_of.get(naics)
    if title is None:
        raise _unknown("naics", naics, [f"{one} {tables.title_of[one]}" for one in _near(naics, tables.title_of)])
    return _sector(naics, Step("NAICS {}: {}", (naics, title)), ())


def _mapped_sector(name: str, code: str, tables: PriceTables) -> Sector:
    category = tables.categories[name].get(code)
    if category is None:
        known = tables.categories[name]
        raise _unknown(name, code, _near(code, known) if name == "mcc" else get_close_matches(code, known, n=_SHOWN_COUNT))
    if not category.naics:
        raise FactorError(
            "A payment of this category is not scored",
            expected="a purchase of goods or services",
            got=f"{name} {code}",
            record=name,
            next_step=category.why,
        )
    step = Step(
        "{} {} is scored as NAICS {} {} (our table, confidence {}): {}",
        (name, code, category.naics, tables.title_of.get(category.naics, ""), category.confidence, category.why),
    )
    return _sector(category.naics, step, ("category_map_low_confidence",) if category.confidence == "low" else ())


def _sector(naics: str, step: Step, flags: tuple[str, ...]) -> Sector:
    steps = [step]
    if naics in FUEL_SECTORS:
        steps.append(_BURNING)
        flags = (*flags, "burning_not_counted")
    if naics.startswith(_TRADE_PREFIXES):
        steps.append(_TRADE)
        flags = (*flags, "trade_margin_only")
    return Sector(naics, tuple(steps), flags)


def _near(code: str, known: Mapping[str, object]) -> list[str]:
    """The known codes that share the longest beginning with this one, at least two digits."""
    for digit_count in range(len(code) - 1, 1, -1):
        near = sorted(one for one in known if one.startswith(code[:digit_count]))
        if near:
            return near[:_SHOWN_COUNT]
    return []


def _unknown(name: str, code: str, choices: Sequence[str]) -> AttributeValueError:
    return AttributeValueError(
        f"This {name} is not known",
        expected=f"a known code, such as {'; '.join(choices)}" if choices else "a known code",
        got=code,
        record=name,
        next_step="Choose one of these, or give another of naics, mcc and plaid_category.",
    )
