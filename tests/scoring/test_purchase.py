"""Purchases: exchange rate, prices and tax as exact fractions, the industry of a category, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from importlib import resources
from pathlib import Path
from timeit import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import AttributeValueError, FactorError, NumberError
from domain.number import fraction_to_text
from scoring.factors.importers.bls_cpi import import_cpi
from scoring.factors.importers.category_maps import import_category_maps
from scoring.factors.importers.ecb_fx import import_fx
from scoring.factors.importers.epa_supply_chain import V1_2, V1_3, import_supply_chain
from scoring.purchase import PriceTables, codes_of, deflated, price_tables, purchase_scale, sector_of, usd_per_unit

SERIES = "CUUR0000SA0"
MONTHS = [f"2025-{month:02d}" for month in range(1, 10)] + ["2025-11", "2025-12"]


def _rate(currency: str, month: str, rate_sum_text: str, day_count: str) -> dict[str, str]:
    return {"currency": currency, "month": month, "rate_sum_text": rate_sum_text, "day_count": day_count}


def _category(name: str, code: str, naics: str, confidence: str, why: str) -> dict[str, str]:
    return {name: code, "naics": naics, "confidence": confidence, "why": why}


TABLES = price_tables(
    fx_monthly=[
        _rate("USD", "2024-03", "21.7444", "20"),
        _rate("JPY", "2024-03", "3255.86", "20"),
        _rate("USD", "2026-10", "24.6435", "22"),
        _rate("RUB", "2022-02", "100", "1"),
        _rate("USD", "2022-02", "1.1", "1"),
        _rate("RUB", "2022-03", "117.201", "1"),
    ],
    cpi_us_monthly=[
        {"series": SERIES, "month": "2022-02", "index_text": "283.716"},
        {"series": SERIES, "month": "2024-03", "index_text": "312.332"},
        *({"series": SERIES, "month": month, "index_text": "320"} for month in MONTHS),
        {"series": "CUUR0000SAA", "month": "2024-03", "index_text": "1"},
    ],
    cpi_us_annual=[
        {"series": SERIES, "year": "2021", "index_text": "270.97"},
        {"series": SERIES, "year": "2022", "index_text": "292.655"},
    ],
    naics_titles=[
        {"naics": "311412", "title": "Frozen Specialty Food Manufacturing"},
        {"naics": "324110", "title": "Petroleum Refineries"},
        {"naics": "441110", "title": "New Car Dealers"},
        {"naics": "481111", "title": "Scheduled Passenger Air Transportation"},
    ],
    mcc_naics=[
        _category("mcc", "3000-3350", "481111", "high", "Airlines."),
        _category("mcc", "5411", "311412", "low", "A basket of foods."),
        _category("mcc", "5541", "324110", "low", "Supply of the fuel."),
        _category("mcc", "6011", "", "none", "Cash is no purchase: what it is spent on is."),
    ],
    plaid_naics=[
        _category("plaid_category", "FOOD_AND_DRINK_GROCERIES", "311412", "low", "A basket of foods."),
        _category("plaid_category", "TRAVEL_FLIGHTS", "481111", "high", "Fuel burnt in flight is in the factor."),
    ],
)


def test_euro_of_march_2024_by_hand() -> None:
    """100 EUR with 19 % VAT: 100 / 1.19 x 1.08722 x 292.655 / 312.332 = 85.61 USD of 2022."""
    scale = purchase_scale("EUR", "2024-03", "19", 2022, TABLES)
    assert scale.base_usd_per_unit == Fraction(100, 119) * Fraction("21.7444") / 20 * Fraction("292.655") / Fraction("312.332")
    assert round(float(100 * scale.base_usd_per_unit), 2) == 85.61
    assert scale.flags == ()


def test_steps_can_be_redone_on_a_calculator() -> None:
    """Each step shows the published numbers that went into it."""
    scale = purchase_scale("JPY", "2024-03", "10", 2022, TABLES)
    mean = "mean of the ECB reference rates per EUR"
    assert [step.sentence for step in scale.steps] == [
        "The amount includes 10 % tax: divided by 1.1",
        f"1 JPY is 0.006678543 USD in 2024-03: {mean}, USD 21.7444 / 20 days by JPY 3255.86 / 20 days",
        "Prices of 2024-03 into 2022: CPI-U all items, average of 2022 292.655 / 312.332 of 2024-03",
    ]
    euro = purchase_scale("EUR", "2024-03", "", 2022, TABLES)
    assert [step.sentence for step in euro.steps[:2]] == [
        "No tax_percent is given: a sales tax or VAT in the amount stays in it",
        "1 EUR is 1.08722 USD in 2024-03: ECB reference rates, sum 21.7444 over 20 days",
    ]


def test_tax_that_is_not_given_is_flagged() -> None:
    """0 is an answer, nothing is not."""
    assert purchase_scale("EUR", "2024-03", "", 2022, TABLES).flags == ("tax_not_removed",)
    assert purchase_scale("EUR", "2024-03", "0", 2022, TABLES).flags == ()


def test_dollars_need_no_rate() -> None:
    """USD of a month without a reference rate is deflated all the same, into either price year."""
    scale = purchase_scale("USD", "2025-01", "0", 2021, TABLES)
    assert scale.base_usd_per_unit == Fraction("270.97") / 320
    assert scale.steps[1].sentence == "The amount is in USD: no exchange rate is needed"


def test_month_after_the_index_is_extrapolated_and_flagged() -> None:
    """October 2026 has the index of December 2025, the newest, and says so."""
    scale = purchase_scale("EUR", "2026-10", "0", 2022, TABLES)
    assert scale.flags == ("price_index_extrapolated",)
    assert scale.base_usd_per_unit == Fraction("24.6435") / 22 * Fraction("292.655") / 320
    assert scale.steps[2].sentence.endswith("/ 320 of 2025-12")


def test_month_that_the_index_skipped_has_the_one_before() -> None:
    """October 2025 has the index of September 2025."""
    scale = purchase_scale("USD", "2025-10", "0", 2022, TABLES)
    assert scale.flags == ("price_index_previous_month",)
    assert scale.steps[2].sentence.endswith("/ 320 of 2025-09")


def test_other_series_are_not_the_deflator() -> None:
    """The index of clothing does not take the place of that of all items."""
    assert TABLES.index_of_month["2024-03"] == "312.332"


@pytest.mark.parametrize(
    ("currency", "month", "message"),
    [
        ("RUB", "2024-03", r"no exchange rate.*expected a month with a rate for RUB: 2022-02 to 2022-03; got RUB in 2024-03"),
        ("RUB", "2022-03", r"no exchange rate.*got RUB in 2022-03"),
        ("DEM", "2024-03", r"expected EUR or one of JPY, USD; got DEM in 2024-03; in ECB euro reference rates"),
        ("EUR", "2026-11", r"expected a month with a rate for EUR: 2022-02, 2024-03, 2026-10; got EUR in 2026-11"),
        ("DEM", "1990-01", r"expected a month from 2022-02 to 2026-10; got DEM in 1990-01"),
        ("USD", "1980-01", r"no price index for this month; expected a month from 2022-02 on; got 1980-01"),
    ],
)
def test_month_without_rate_or_index_is_refused(currency: str, month: str, message: str) -> None:
    """Nothing is filled in: what there is, is listed."""
    with pytest.raises(FactorError, match=message):
        purchase_scale(currency, month, "0", 2022, TABLES)


def test_price_year_without_index_is_refused() -> None:
    """A factor's price year must have an annual average."""
    with pytest.raises(FactorError, match=r"factor's price year; expected a year from 2021 to 2022; got 2023"):
        purchase_scale("USD", "2024-03", "0", 2023, TABLES)


@pytest.mark.parametrize("month", ["2024-13", "2024-00", "2024-3", "24-03-01", "2024/03", "", "٢٠٢٤-03"])
def test_what_is_no_month_is_refused(month: str) -> None:
    """Also where the next month before would have an index."""
    with pytest.raises(AttributeValueError, match=r"expected a month such as 2024-03"):
        purchase_scale("USD", month, "0", 2022, TABLES)


def test_faulty_tax_is_refused() -> None:
    """Negative, NaN and infinite are no taxes."""
    with pytest.raises(AttributeValueError, match=r"expected 0 or more percent; got -1; in tax_percent"):
        purchase_scale("USD", "2024-03", "-1", 2022, TABLES)
    for text in ("NaN", "inf", "1e99999", "19%"):
        with pytest.raises(NumberError, match=r"in tax_percent"):
            purchase_scale("USD", "2024-03", text, 2022, TABLES)


def test_refusal_of_one_leaves_the_next_alone() -> None:
    """A refused call is not remembered."""
    for _ in range(2):
        with pytest.raises(FactorError):
            purchase_scale("DEM", "2024-03", "0", 2022, TABLES)
    assert purchase_scale("JPY", "2024-03", "0", 2022, TABLES).base_usd_per_unit > 0


amounts = st.fractions(min_value=-(10**12), max_value=10**12, max_denominator=10**6)
sums = st.decimals(min_value="0.0001", max_value="1000000", places=5).map(str)
days = st.integers(min_value=1, max_value=23)


def _tables(rates: dict[str, tuple[str, int]]) -> PriceTables:
    rate_of = {(currency, "2024-03"): rate for currency, rate in rates.items()}
    return replace(TABLES, rate_of=rate_of, _scales={})


@given(amounts, amounts)
def test_amounts_add_up(first: Fraction, second: Fraction) -> None:
    """Two payments deflated are their sum deflated, refunds too."""
    whole = deflated(first + second, "2024-03", 2022, TABLES)
    assert deflated(first, "2024-03", 2022, TABLES) + deflated(second, "2024-03", 2022, TABLES) == whole


@given(sums, days, sums, days, st.integers(min_value=1, max_value=1000))
def test_currency_worth_a_fraction_has_a_fraction_of_the_scale(
    dollar: str, dollar_days: int, own: str, own_days: int, ratio: int
) -> None:
    """A currency of which a euro buys n times as many is worth one n-th."""
    larger = fraction_to_text(Fraction(own) * ratio)
    one = usd_per_unit("JPY", "2024-03", _tables({"USD": (dollar, dollar_days), "JPY": (own, own_days)}))
    many = usd_per_unit("JPY", "2024-03", _tables({"USD": (dollar, dollar_days), "JPY": (larger, own_days)}))
    assert one == many * ratio


@given(sums, days)
def test_currency_of_one_euro_is_the_euro(dollar: str, dollar_days: int) -> None:
    """A currency whose rate is 1 every day has the euro's scale, and a dollar at the dollar's own rate is a dollar."""
    tables = _tables({"USD": (dollar, dollar_days), "JPY": (str(dollar_days), dollar_days), "CHF": (dollar, dollar_days)})
    euro = purchase_scale("EUR", "2024-03", "19", 2022, tables).base_usd_per_unit
    assert purchase_scale("JPY", "2024-03", "19", 2022, tables).base_usd_per_unit == euro
    assert usd_per_unit("CHF", "2024-03", tables) == usd_per_unit("USD", "2024-03", tables) == 1


@given(st.decimals(min_value=0, max_value=1000, places=3))
def test_tax_put_back_gives_the_amount(percent: object) -> None:
    """The scale with tax x (1 + tax) is the scale without."""
    tables = replace(TABLES, _scales={})
    without = purchase_scale("JPY", "2024-03", "0", 2022, tables).base_usd_per_unit
    with_tax = purchase_scale("JPY", "2024-03", str(percent), 2022, tables).base_usd_per_unit
    assert with_tax * (1 + Fraction(str(percent)) / 100) == without


def test_price_year_moves_by_the_ratio_of_its_averages() -> None:
    """2021 to 2022 is 292.655 / 270.97, whatever the month and currency."""
    older, newer = (purchase_scale("JPY", "2024-03", "0", year, TABLES).base_usd_per_unit for year in (2021, 2022))
    assert newer / older == Fraction("292.655") / Fraction("270.97")


def test_restaurant_bill_from_the_published_files(shared_dir: Path) -> None:
    """100 EUR at a restaurant in March 2024, 19 % VAT: 85.607 USD of 2022 x 0.194 kg = 16.6 kg CO2e."""
    raw, kept = shared_dir / "data" / "raw", resources.files("scoring.factors").joinpath("kept")
    scores = raw / "epa/SupplyChainEmissionFactorsforUSIndustriesCommodities_v1.0.xlsx"
    by_gas = raw / "epa/SupplyChainGHGEmissionFactors_v1.3.0_NAICS_byGHG_USD2022.csv.gz"
    factors = import_supply_chain(
        (raw / "epa" / V1_2.file_name).read_bytes(),
        (raw / "epa" / V1_3.file_name).read_bytes(),
        by_gas.read_bytes(),
        scores.read_bytes(),
    )
    naics = {row[0] for row in factors.parameter_tables[0].rows}
    mcc, plaid = (kept.joinpath(name).read_bytes() for name in ("mcc_naics.csv", "plaid_naics.csv"))
    parts = (
        factors,
        import_fx((raw / "fx/eurofxref-hist.zip").read_bytes()),
        import_cpi((raw / "cpi/bls-cpi-u-us-city-average.csv.gz").read_bytes()),
        import_category_maps(mcc, plaid, naics),
    )
    published = {table.name: table for part in parts for table in part.parameter_tables}
    tables = price_tables(
        **{name: [dict(zip(table.columns, row, strict=True)) for row in table.rows] for name, table in published.items()}
    )
    scale = purchase_scale("EUR", "2024-03", "19", 2022, tables)
    sector = sector_of({"mcc": "5812"}, tables)
    wanted = ("epa-supply-chain-v1.3", {"naics": sector.naics, "margins": "with"})
    (factor,) = (row.by_gas["co2e"] for row in factors.rows if (row.table_id, row.attributes) == wanted)
    assert (sector.naics, factor, sector.flags) == ("722511", "0.194", ())
    assert round(float(100 * scale.base_usd_per_unit), 3) == 85.607
    assert round(float(100 * scale.base_usd_per_unit * Fraction(factor)), 1) == 16.6


def test_industry_that_is_given() -> None:
    """NAICS stands for itself."""
    sector = sector_of({"naics": "481111", "month": "2024-03"}, TABLES)
    assert (sector.naics, sector.flags) == ("481111", ())
    assert sector.steps[0].sentence == "NAICS 481111: Scheduled Passenger Air Transportation"


def test_category_of_high_confidence_has_no_flag() -> None:
    """An airline inside a range, and Plaid's flights."""
    assert sector_of({"mcc": "3042"}, TABLES)[::2] == ("481111", ())
    assert sector_of({"plaid_category": "TRAVEL_FLIGHTS"}, TABLES)[::2] == ("481111", ())


def test_category_of_low_confidence_is_flagged_with_its_reason() -> None:
    """Groceries: the step says which table, how sure, and why."""
    sector = sector_of({"mcc": "5411"}, TABLES)
    assert (sector.naics, sector.flags) == ("311412", ("category_map_low_confidence",))
    assert sector.steps[0].sentence == (
        "mcc 5411 is scored as NAICS 311412 Frozen Specialty Food Manufacturing (our table, confidence low): A basket of foods."
    )


def test_fuel_and_trade_are_flagged() -> None:
    """What the factor leaves out is said: burning the fuel, making the goods."""
    fuel, trade = sector_of({"mcc": "5541"}, TABLES), sector_of({"naics": "441110"}, TABLES)
    assert fuel.flags == ("category_map_low_confidence", "burning_not_counted")
    assert fuel.steps[-1].sentence == "The factor ends at the sale: burning the fuel is not in it"
    assert trade.flags == ("trade_margin_only",)
    assert trade.steps[-1].sentence == "The factor of trade is per dollar of the trade's margin: making the goods is not in it"


def test_category_that_is_no_purchase_is_refused_with_the_reason() -> None:
    """Cash from a machine is not zero, and not scored."""
    with pytest.raises(FactorError, match=r"not scored; .*got mcc 6011; in mcc. Cash is no purchase: what it is spent on is."):
        sector_of({"mcc": "6011"}, TABLES)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, r"in one way what was bought; expected one of naics, mcc, plaid_category; got none"),
        ({"mcc": "5411", "naics": "311412"}, r"expected one of naics, mcc, plaid_category; got naics, mcc"),
        ({"naics": "441999"}, r"This naics is not known; .*such as 441110 New Car Dealers; got 441999; in naics"),
        ({"naics": "999999"}, r"This naics is not known; expected a known code; got 999999"),
        ({"mcc": "5412"}, r"This mcc is not known; .*such as 5411; got 5412; in mcc"),
        ({"plaid_category": "FOOD_AND_DRINK_GROCERY"}, r"such as FOOD_AND_DRINK_GROCERIES; got FOOD_AND_DRINK_GROCERY"),
    ],
)
def test_unclear_industry_is_refused_with_choices(attributes: dict[str, str], message: str) -> None:
    """None, two, or an unknown one: the choices that would fit."""
    with pytest.raises(AttributeValueError, match=message):
        sector_of(attributes, TABLES)


def test_ranges_hold_both_ends() -> None:
    """3000-3002 is three codes, 0742 one, zero kept."""
    assert codes_of("3000-3002") == ("3000", "3001", "3002")
    assert codes_of("0742") == ("0742",)


@pytest.mark.parametrize(
    "call",
    [lambda: purchase_scale("JPY", "2024-03", "10", 2022, TABLES), lambda: sector_of({"mcc": "5411"}, TABLES)],
    ids=["scale", "sector"],
)
def test_call_takes_microseconds(call: Callable[[], object]) -> None:
    """At most 15 us once warm, best of five, so that a busy machine does not count."""
    call()
    assert min(repeat(call, number=1000, repeat=5)) / 1000 < 15e-6
