"""A stranger with a calculator: any line of a statement, redone from what is printed, gives the very same digits.

Nothing of the product's arithmetic is used: the published texts, units and weights are read off the row that the line names, and
multiplied with `decimal`. The constants below are typed from their definitions.
"""

import random
import re
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest

from domain.activity import ActivityKey, EvidenceClass
from domain.factor import EmissionFactor, Gas, GasSplit, GwpSet
from domain.kinds import KINDS
from domain.period import Month
from domain.statement import ActivityTotal, Line
from scoring.estimate import estimate
from scoring.factors.compile import compile_factor
from scoring.factors.factor_set import FactorSet
from scoring.factors.load import shipped_factor_set
from scoring.lines import make_lines
from scoring.resolve import resolve
from scoring.rules import RULES

TODAY = date(2026, 11, 22)
SEED = 20261122
LINES_COUNT = 40

# kg in one unit of mass; canonical units in one published unit (NIST Handbook 44, appendix C; ISO 31-4 for the Btu).
KG = {"kg": "1", "g": "0.001", "lb": "0.45359237", "t": "1000"}
PER = {
    "kWh": {"kWh": "1", "MWh": "1000", "mmBtu": "1055.05585262/3.6", "GJ": "1000/3.6", "TJ": "1000000/3.6"},
    "kg": {"kg": "1", "t": "1000", "short_ton": "907.18474"},
    "g": {"kg": "1000"},
    "m3": {"m3": "1", "L": "0.001", "gal_us": "0.003785411784", "scf": "0.028316846592"},
    "km": {"km": "1", "mi": "1.609344"},
    "pkm": {"pkm": "1", "pmi": "1.609344"},
    "tkm": {"tkm": "1", "short_ton_mi": "0.90718474*1.609344"},
    "item": {"item": "1", "meal": "1", "room_night": "1"},
    "h": {"h": "1"},
    "USD": {"USD": "1"},
}
# IPCC: AR4 table 2.14; AR5 table 8.A.1, without climate-carbon feedback; AR6 table 7.15, methane the mean of both origins.
WEIGHTS = {
    "AR4": {"ch4": Decimal(25), "n2o": Decimal(298)},
    "AR5": {"ch4": Decimal(28), "n2o": Decimal(265)},
    "AR6": {"ch4": Decimal("27.9"), "n2o": Decimal(273)},
}


def number(text: str) -> Decimal:
    """A constant, or the quotient or product of two."""
    if "/" in text:
        above, below = text.split("/")
        return Decimal(above) / Decimal(below)
    if "*" in text:
        left, right = text.split("*")
        return Decimal(left) * Decimal(right)
    return Decimal(text)


def kg_per_unit(row: EmissionFactor, gas: Gas) -> Decimal:
    """What is published of a gas, in kg per unit of the activity."""
    unit = row.published_unit
    if "=" in unit:
        by_gas = dict(part.split("=") for part in unit.split(";"))
        unit = by_gas.get(gas, by_gas.get("co2", ""))
    mass, _, per = unit.partition("/")
    return Decimal(row.published[gas]) * number(KG[mass]) / number(PER[row.unit][per])


def weight(row: EmissionFactor, gas: Gas, wanted: str) -> Decimal:
    """What a gas counts: its weight in the set asked for, by the publisher's own where that is in the number already."""
    if gas in {Gas.CO2, Gas.CO2E, Gas.BIOGENIC_CO2}:
        return Decimal(1)
    own = WEIGHTS[row.gwp_set][gas] if row.gwp_set in WEIGHTS else Decimal(1)
    return WEIGHTS[wanted][gas] / own


def redone(row: EmissionFactor, gas: Gas, scale: Fraction, quantity_micro: int, wanted: str) -> int:
    """Micrograms of one gas of a line: the factor rounded half to even, the line half away from zero."""
    if gas not in row.published:
        return 0
    with localcontext() as context:
        context.prec = 80
        exact = kg_per_unit(row, gas) * 10**9 * weight(row, gas, wanted) * scale.numerator / scale.denominator
        factor_ug = exact.quantize(Decimal(1), ROUND_HALF_EVEN)
        return int((factor_ug * quantity_micro / 10**6).quantize(Decimal(1), ROUND_HALF_UP))


def line_redone(line: Line, row: EmissionFactor, wanted: str = "AR5") -> GasSplit:
    """A whole line; where single gases are published, their sum is not used."""
    has_gases = bool(row.published.keys() & {Gas.CO2, Gas.CH4, Gas.N2O})
    values = {gas: redone(row, gas, line.scale, line.quantity_micro, wanted) for gas in Gas}
    return GasSplit(
        values[Gas.CO2], values[Gas.CH4], values[Gas.N2O], 0 if has_gases else values[Gas.CO2E], values[Gas.BIOGENIC_CO2]
    )


def attributes_of(kind: str, row: EmissionFactor, factors: FactorSet, chance: random.Random) -> tuple[str, dict[str, str]]:
    """A unit and attributes that an activity of a kind may have."""
    if kind == "flight":
        start, end = chance.sample(list(factors.table("airports")), 2)
        return "item", {"origin": start["iata"], "destination": end["iata"], "cabin": chance.choice(("economy", "business"))}
    if kind == "purchase":
        month = f"{chance.randrange(2015, 2026)}-{chance.randrange(1, 13):02d}"
        naics = chance.choice(list(factors.table("naics_titles")))["naics"]
        return chance.choice(("USD", "EUR", "JPY")), {"naics": naics, "month": month, "tax_percent": chance.choice(("0", "19"))}
    if kind == "reported_emissions":
        return "kg", {"method": "as the carrier says"}
    of_kind = KINDS[kind]
    given = {name: value for name, value in row.attributes.items() if (one := of_kind.attribute(name)) and not one.pattern}
    known = {name: v for name, v in given.items() if not (choices := of_kind.attribute(name).choices) or v in choices}  # type: ignore[union-attr]  # it was found above
    return row.unit, known


def random_lines() -> list[Line]:
    """Lines of random activities of every kind that is scored, one for each kind and more up to forty, from a fixed seed."""
    factors, chance = shipped_factor_set(), random.Random(SEED)  # noqa: S311 - repeatable
    by_kind: dict[str, list[Line]] = {}
    for kind in RULES:
        if kind == "electricity_certificate":
            continue  # takes lines of electricity away; it is no line by itself
        filed = {"electricity_export": "electricity"}.get(kind, kind)
        for _ in range(12):
            row = chance.choice(factors.of_kind(filed))
            unit, attributes = attributes_of(kind, row, factors, chance)
            key = ActivityKey(kind, row.region, row.year, unit, tuple(sorted(attributes.items())))
            micro = chance.randrange(-(10**9), 10**11) if KINDS[kind].allows_negative else chance.randrange(10**6, 10**11)
            total = ActivityTotal(Month(row.year, 3), key, micro, {EvidenceClass.TYPED: micro}, 31)
            lines, _ = make_lines([total], lambda key, basis: resolve(key, factors, basis))
            by_kind.setdefault(kind, []).extend(lines)
    first = [chance.choice(lines) for lines in by_kind.values()]
    rest = [line for lines in by_kind.values() for line in lines if line not in first]
    return [*first, *chance.sample(rest, LINES_COUNT - len(first))]


LINES = random_lines()


def test_sample_has_every_kind() -> None:
    """Forty lines, every kind that is scored among them, and parts besides the use."""
    assert len(LINES) == LINES_COUNT
    assert {line.key.kind for line in LINES} == set(RULES) - {"electricity_certificate"}
    assert len({line.part for line in LINES}) > 2


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.key.kind}-{line.part}-{line.basis}-{line.factor_id}")
def test_line_has_the_same_digits(line: Line, factors: FactorSet) -> None:
    """Row, unit, weights and scale are all that it takes: no digit of any gas differs."""
    row = factors.row(line.factor_id)
    assert row.publisher
    assert row.edition
    assert row.table
    assert row.label or row.rate
    assert row.source_url.startswith("https://") or row.publisher == "Climate Fitness"
    assert line_redone(line, row) == line.emissions


@pytest.mark.parametrize("wanted", ["AR4", "AR6"])
def test_other_weights_have_the_same_digits(wanted: str, factors: FactorSet) -> None:
    """The same with the other sets: what a publisher weighted is divided by its own set first."""
    for kind in ("electricity", "natural_gas", "car", "rail"):
        row = next(
            row for row in factors.of_kind(kind) if Gas.CH4 in row.published and row.region in {"GB", "US/egrid/CAMX", "US"}
        )
        compiled = factors.compiled(row, GwpSet(wanted))
        assert redone(row, Gas.CH4, Fraction(1), 10**6, wanted) == compiled.ug_per_unit.ch4_ug
        assert redone(row, Gas.N2O, Fraction(1), 10**6, wanted) == compiled.ug_per_unit.n2o_ug


def estimated(**fields: str) -> Any:  # noqa: ANN401 - JSON, looked into by each test
    """An estimate of the shipped set."""
    return estimate(fields, factor_set=shipped_factor_set(), today_date=TODAY)


def test_scale_of_a_purchase_follows_from_its_steps() -> None:
    """Exchange rate, price index and tax are printed; their product is the scale, digit for digit."""
    got = estimated(kind="purchase", quantity="59.90", unit="GBP", start="2024-03-12", naics="722511", tax_percent="20")
    steps = " ".join(got["steps"])
    usd_sum, usd_days, own_sum, own_days = re.findall(r"USD ([\d.]+) / (\d+) days by GBP ([\d.]+) / (\d+) days", steps)[0]
    base, month = re.findall(r"average of 2022 ([\d.]+) / ([\d.]+) of 2024-03", steps)[0]
    rate = (Fraction(usd_sum) / int(usd_days)) / (Fraction(own_sum) / int(own_days))
    assert Fraction(got["scale"]) == rate / Fraction("1.2") * Fraction(base) / Fraction(month)


def test_scale_of_a_flight_is_the_distance_in_its_steps() -> None:
    """Passengers x printed kilometres x printed factor."""
    got = estimated(kind="flight", quantity="1", unit="passenger", start="2024-03-10", origin="ZRH", destination="SFO")
    kilometres = re.findall(r": (\d+) km on the great circle", " ".join(got["steps"]))[0]
    assert got["scale"] == kilometres == "9376"


def test_scale_of_a_grid_loss_follows_from_its_steps() -> None:
    """A published loss L is printed as a ratio; the loss's line is L / (1 - L) of the average rate."""
    got = estimated(kind="electricity", quantity="350", unit="kWh", start="2023-03-01", end="2023-04-01", region="94110")
    ratio = re.findall(r"so ([\d.]+) / \(1 - \1\) of the average rate", " ".join(got["steps"]))[0]
    loss = Fraction(ratio)
    assert Fraction(got["additions"][0]["scale"]) == loss / (1 - loss)


def test_every_row_of_the_shipped_set_has_the_same_digits(factors: FactorSet) -> None:
    """Not a sample: each gas of each row, in micrograms per unit, as the definitions above give it."""
    for row in factors.factors:
        split = compile_factor(row, GwpSet.AR5, factors.gwps).ug_per_unit
        published = {Gas.CO2: split.co2_ug, Gas.CH4: split.ch4_ug, Gas.N2O: split.n2o_ug, Gas.BIOGENIC_CO2: split.biogenic_co2_ug}
        if row.is_co2e_only:
            published[Gas.CO2E] = split.unsplit_ug
        for gas, ug in published.items():
            assert redone(row, gas, Fraction(1), 10**6, "AR5") == ug, f"{row.publisher} {row.table} {row.label} {gas}"
