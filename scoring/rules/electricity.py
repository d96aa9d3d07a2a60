"""Electricity: which published rates fit purchased and exported kilowatt-hours on both bases, and what the grid loses.

Average rates only: eGRID's total output, Ember's carbon intensity. Non-baseload rates measure what a saved kilowatt-hour avoids
and are never used for a footprint (the EPA's note to Table 6 of its hub).

Source:
    GHG Protocol Scope 2 Guidance, section 6.6 and table 6.3 (location: grid average; market: contract, residual mix, grid
    average); GHG Protocol Scope 3 Standard, category 3, activity C (transmission and distribution losses).
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from domain.errors import FactorError
from domain.factor import Addition, Basis, EmissionFactor, LifeCycleScope, Part
from domain.number import decimal_from_text, fraction_of
from scoring.choose import part_flags
from scoring.factors.factor_set import FactorSet, PublishedParameter
from scoring.fitting import fitting_rows, row_of_year
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.search import Search
from scoring.words import RegionName, RowInWords

AVERAGE_RATES = ("total_output", "carbon_intensity", "weighted_average", "generation_intensity", "")
RESIDUAL_RATES = ("residual_mix",)
_SCOPES = (LifeCycleScope.GENERATION, LifeCycleScope.LIFE_CYCLE)
PUBLISHERS = (
    "EPA eGRID",
    "Electricity Maps",
    "Ember via Our World in Data",
    "UK DESNZ/Defra",
    "EEA",
)
"""Who is believed first where several publish for one place: DESNZ's rates of other countries end in 2021, the EEA's in 2019."""

HOME_PUBLISHERS = {"GB": ("UK DESNZ/Defra",), "IN": ("Open India Emission Factors",)}
"""The country's own authority."""

AVERAGE = Wanted("electricity", "kWh", {}, rates=AVERAGE_RATES)
"""The average rates of a place."""

_OF_SCOPE = {
    scope: Wanted("electricity", "kWh", {}, rates=AVERAGE_RATES, scopes=(scope,))
    for scope in (LifeCycleScope.GRID_LOSS, LifeCycleScope.UPSTREAM)
}
_LOST = Wanted("electricity", "kWh", {}, rates=("grid_loss",), scopes=(LifeCycleScope.UPSTREAM,))
_RESIDUAL = Wanted("electricity", "kWh", {}, rates=RESIDUAL_RATES)
_LOSS_PARAMETER = "grid_gross_loss"


def prepare_purchased(rule: KindRule, search: Search) -> Wanted:
    """Rates of purchased electricity on the basis asked for.

    Args:
        rule: Of electricity.
        search: Collects what is to be said.

    Returns:
        The average of the place; on the market basis the supplier's own factor, else the residual mix, else the average.

    Raises:
        FactorError: The supplier's factor is above what a line can hold.
    """
    if search.basis is Basis.LOCATION:
        return AVERAGE
    supplier_text = search.attributes.get("supplier_g_co2e_per_kwh")
    if supplier_text is not None:
        return _supplier(search, supplier_text)
    residual = _RESIDUAL
    if any(fitting_rows(rule, search.factor_set, residual, region) for region in search.chain):
        search.flag("residual_mix")
        search.say(
            "Market basis: no contract factor is given, so the residual mix, what is left after all certificates, is taken "
            "(Scope 2 Guidance, table 6.3)."
        )
        return residual
    search.flag("no_residual_mix")
    search.say(
        "Market basis: no supplier contract, certificate or residual mix is held, so the location-based factor stands in "
        "(Scope 2 Guidance, table 6.3, last row)."
    )
    return AVERAGE


_MOST_G_PER_KWH = 9_000


def _supplier(search: Search, text: str) -> Wanted:
    g_per_kwh = fraction_of(decimal_from_text(text, record="supplier_g_co2e_per_kwh"))
    if g_per_kwh > _MOST_G_PER_KWH:
        raise FactorError(
            "No power station emits so much",
            expected=f"0 to {_MOST_G_PER_KWH} g CO2e/kWh",
            got=f"{text} g CO2e/kWh",
            record="supplier_g_co2e_per_kwh",
            next_step="Check the unit: the attribute is in grams per kilowatt-hour.",
        )
    search.flag("supplier_factor")
    evidence = search.attributes.get("supplier_evidence", "")
    search.say(
        "Market basis: the supplier's own factor, {} g CO2e/kWh, {} (Scope 2 Guidance, table 6.3, contracts).",
        text,
        f"by {evidence}" if evidence else "as declared, without evidence",
    )
    if not evidence:
        search.flag("supplier_without_evidence")
    as_reported = (LifeCycleScope.AS_REPORTED,)
    return Wanted("reported_emissions", "kg", {}, scale=g_per_kwh / 1000, regions=("WORLD",), scopes=as_reported)


@dataclass(frozen=True)
class GridPart:
    """What comes beside a kilowatt-hour used.

    Attributes:
        part: Which part.
        row: The published row.
        scale: How much of it a kilowatt-hour used takes.
        loss_year: Year of the loss, where it is a share; 0 where it is a rate of its own.
    """

    part: Part
    row: EmissionFactor
    scale: Fraction
    loss_year: int = 0


def grid_loss(rule: KindRule, search: Search, _wanted: Wanted, row: EmissionFactor) -> tuple[Addition, ...]:
    """What the grid loses on the way, and the supply of its fuel where a publisher says it: scope 3, category 3.

    Args:
        rule: Of electricity.
        search: Collects what is to be said.
        row: The row of the use: the average of the place, or the identity row of a supplier's factor.

    Returns:
        One addition per part; none where nothing is held (flagged). The same on both bases.
    """
    found = []
    for one in grid_loss_parts(rule, search, row):
        chosen = search.factor_set.compiled(one.row, search.gwp_set, one.scale)
        found.append(Addition(one.part, chosen, 3, 3, part_flags(search, one.row, other_year=one.loss_year)))
    return tuple(found)


def grid_loss_parts(rule: KindRule, search: Search, used: EmissionFactor) -> list[GridPart]:
    """The same as published rows with their scale.

    A published loss L is the share of what is generated that does not arrive, so a kilowatt-hour used needs 1/(1 - L) generated:
    the loss adds L/(1 - L) of the average rate. DESNZ publishes the loss's emissions, and those of the fuel's supply, as rates of
    their own. Only the publisher of the average rate is asked: a life-cycle rate holds the supply already.

    Args:
        rule: Of electricity.
        search: Collects what is to be said, and the flag where no loss is held.
        used: The row of the use.

    Returns:
        Grid loss first, then the fuel's supply.

    Source:
        eGRID Technical Guide, section 3.5: consumption is divided by one minus the grid gross loss. GHG Protocol Scope 3
        Standard, category 3, activities B and C.
    """
    row = used if used.rate in AVERAGE_RATES and used.kind == "electricity" else _average_row(rule, search)
    if row is None:
        return []
    found = _by_row(rule, search, row, Part.GRID_LOSS) or _by_ratio(search, row)
    if not found:
        search.flag("grid_loss_not_held")
    if row.life_cycle_scope is LifeCycleScope.LIFE_CYCLE:
        return found
    supply = _by_row(rule, search, row, Part.UPSTREAM)
    if not supply:
        search.flag("upstream_not_held")
    return [*found, *supply, *_by_row(rule, search, row, Part.GRID_LOSS_UPSTREAM)]


def _average_row(rule: KindRule, search: Search) -> EmissionFactor | None:
    for region in search.chain:
        fitting = fitting_rows(rule, search.factor_set, AVERAGE, region)
        if fitting is not None:
            return row_of_year(fitting, search.key.year)
    return None


_PARTS = {
    Part.GRID_LOSS: (LifeCycleScope.GRID_LOSS, "Beside it, what the grid loses on the way."),
    Part.UPSTREAM: (LifeCycleScope.UPSTREAM, "Beside it, the supply of the power stations' fuel."),
    Part.GRID_LOSS_UPSTREAM: (LifeCycleScope.UPSTREAM, "Beside it, the supply of the fuel for what is lost."),
}


def _by_row(rule: KindRule, search: Search, average_row: EmissionFactor, part: Part) -> list[GridPart]:
    """The part as the publisher of the average rate gives it for the same place."""
    scope, words = _PARTS[part]
    average = _LOST if part is Part.GRID_LOSS_UPSTREAM else _OF_SCOPE[scope]
    publishers = (average_row.publisher,)
    fitting = fitting_rows(rule, search.factor_set, average, average_row.region, publishers=publishers)
    if fitting is None or fitting.rows[0].publisher != average_row.publisher:
        return []
    row = row_of_year(fitting, search.key.year)
    search.say("{} Scope 3, category 3. {}", words, RowInWords(search.factor_set, row))
    return [GridPart(part, row, Fraction(1))]


def _by_ratio(search: Search, average_row: EmissionFactor) -> list[GridPart]:
    found = _loss(search.factor_set, search.chain)
    if found is None or found[0].publisher != average_row.publisher:
        return []
    loss, scale = found
    search.say(
        "{} Scope 3, category 3: {} of what is generated in {} does not arrive ({}, {}), so {} / (1 - {}) of the average rate.",
        _PARTS[Part.GRID_LOSS][1],
        loss.value_text,
        RegionName(search.factor_set, loss.region),
        loss.publisher,
        loss.edition,
        loss.value_text,
        loss.value_text,
    )
    return [GridPart(Part.GRID_LOSS, average_row, scale, loss.year)]


@lru_cache(maxsize=4096)
def _loss(factor_set: FactorSet, chain: tuple[str, ...]) -> tuple[PublishedParameter, Fraction] | None:
    """The loss of the finest place that has one, and L/(1 - L)."""
    loss = next((one for region in chain if (one := factor_set.parameter(_LOSS_PARAMETER, region))), None)
    if loss is None:
        return None
    ratio = fraction_of(decimal_from_text(loss.value_text))
    return loss, ratio / (1 - ratio)


def prepare_exported(_rule: KindRule, _search: Search) -> Wanted:
    """Rates of electricity fed into the grid: what it avoids there, by the average, on the location basis only.

    Args:
        _rule: Of exported electricity.
        _search: What is searched for.

    Returns:
        The average of the place.
    """
    return AVERAGE


def prepare_certificate(rule: KindRule, search: Search) -> Wanted:
    """Rates that a certificate takes away: those of the market-based electricity that it is cancelled for.

    Args:
        rule: Of certificates.
        search: Collects what is to be said.

    Returns:
        The average of the place: `lines.py` matches certificates with the period's electricity.
    """
    plain_wanted(rule, search)
    return AVERAGE


RULES = (
    KindRule(
        "electricity",
        _SCOPES,
        rates=AVERAGE_RATES,
        publishers=PUBLISHERS,
        home_publishers=HOME_PUBLISHERS,
        is_purchased_energy=True,
        prepare=prepare_purchased,
        additions=grid_loss,
    ),
    KindRule("electricity_export", _SCOPES, publishers=PUBLISHERS, home_publishers=HOME_PUBLISHERS, prepare=prepare_exported),
    KindRule(
        "electricity_certificate", _SCOPES, publishers=PUBLISHERS, home_publishers=HOME_PUBLISHERS, prepare=prepare_certificate
    ),
)
