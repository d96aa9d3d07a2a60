"""Which published factor an activity gets, and every step of the way in plain words.

    1. the finest region that holds a factor: ZIP -> eGRID subregion -> state -> US; country -> its state -> continent -> world
    2. the matching life-cycle scope where the region holds it; another one is flagged
    3. the year of the activity, else the newest earlier, else the nearest later; both flagged
    4. rows by gas before rows in CO2e only; the newest admitted of what is left

Nothing that fits: the activity is unscored, never zero.

Source:
    shared design, arithmetic, section 4; GHG Protocol Scope 2 Guidance, tables 6.2 and 6.3 (hierarchies of both methods).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from domain.activity import ActivityKey
from domain.factor import Basis, CompiledFactor, EmissionFactor, Gas, GwpSet, LifeCycleScope, Resolution
from scoring import electricity
from scoring.factors.factor_set import FactorSet
from scoring.rule import KindRule

RULES: Mapping[str, KindRule] = {"electricity": electricity.PURCHASED, "electricity_export": electricity.EXPORTED}
"""Kinds that can be scored now; every other is counted as unscored."""

_SCOPE_WORDS = {
    LifeCycleScope.GENERATION: "emissions at the power stations",
    LifeCycleScope.LIFE_CYCLE: "the whole life cycle (fuel supply, building, operation)",
}


def resolve(key: ActivityKey, factor_set: FactorSet, basis: Basis, *, gwp_set: GwpSet = GwpSet.AR5) -> Resolution:
    """The factor of an activity key on one basis, with every step taken.

    Args:
        key: What the factor depends on.
        factor_set: Rows to choose from.
        basis: Location or market.
        gwp_set: Set that single gases are weighted with.

    Returns:
        The choice; `chosen` is None where nothing fits, and the steps then say what would.

    Raises:
        PlaceError: The key's region does not exist.
    """
    return _resolve(key, factor_set, basis, gwp_set)


@lru_cache(maxsize=65_536)
def _resolve(key: ActivityKey, factor_set: FactorSet, basis: Basis, gwp_set: GwpSet) -> Resolution:
    rule = RULES.get(key.kind)
    if rule is None or key.unit != rule.unit:
        return Resolution(key, basis, None, _steps_without_rule(key, rule), ())
    search = _Search(key, rule, factor_set, basis, gwp_set)
    return Resolution(key, basis, search.chosen(), tuple(search.steps), tuple(search.flags))


class _Search:
    """One search for one key, and what it has to say."""

    def __init__(self, key: ActivityKey, rule: KindRule, factor_set: FactorSet, basis: Basis, gwp_set: GwpSet) -> None:
        self.key, self.rule, self.basis, self.gwp_set = key, rule, basis, gwp_set
        self.factor_set, self.regions = factor_set, factor_set.regions
        self.steps: list[str] = []
        self.flags: list[str] = []

    def chosen(self) -> CompiledFactor | None:
        self._say_place()
        for position, region in enumerate(self.regions.chain(self.key.region)):
            rows = self.factor_set.rows(self.rule.rows_kind, region, rates=self.rule.rates, scopes=self.rule.scopes)
            if rows:
                if position:
                    self.flags.append("region_widened")
                return self._chosen_of(rows)
            self.steps.append(f"No rate is held for {self.regions.name_of(region)}; the next wider place is tried.")
        self.steps.append(_what_would_fit(self.key))
        return None

    def _chosen_of(self, rows: Sequence[EmissionFactor]) -> CompiledFactor:
        scoped = _of_best_scope(rows, self.rule)
        row = _best_row(_of_best_year(self.key.year, scoped))
        compiled = self.factor_set.compiled(row, self.gwp_set)
        self._say_scope(row)
        self._say_year(row, sorted({known.year for known in scoped}))
        self._say_row(row)
        self._say_gases(compiled)
        if self.basis is Basis.MARKET and self.rule.is_purchased_energy:
            self.flags.append("no_residual_mix")
            self.steps.append(
                "Market basis: no supplier contract, certificate or residual mix is held, so the location-based factor stands in "
                "(Scope 2 Guidance, table 6.3, last row)."
            )
        return compiled

    def _say_place(self) -> None:
        place = self.regions.name_of(self.key.region)
        if not self.key.region.startswith("US/zip/"):
            self.steps.append(f"Place: {place}.")
            return
        found = self.regions.zip_range(self.key.region)
        named = ", ".join(self.regions.name_of(f"US/egrid/{code}") for code in found.subregions)
        source = "by the EPA's Power Profiler ZIP table of 2020"
        if len(found.subregions) == 1:
            self.steps.append(f"Place: {place} (state {found.state}) lies in {named}, {source}.")
            return
        self.flags.append("zip_in_several_subregions")
        self.steps.append(
            f"Place: {place} (state {found.state}) lies in several: {named}, {source}. "
            f"The first is taken; the utility would decide."
        )

    def _say_scope(self, row: EmissionFactor) -> None:
        wanted = self.rule.scopes[0]
        if row.life_cycle_scope is not wanted:
            self.flags.append("life_cycle_scope_differs")
            self.steps.append(
                f"The inventory asks for {_SCOPE_WORDS[wanted]}; for this place only {_SCOPE_WORDS[row.life_cycle_scope]} is "
                f"held, which is usually higher. It is used and flagged."
            )

    def _say_year(self, row: EmissionFactor, years: Sequence[int]) -> None:
        held = f"{self.regions.name_of(row.region)} has rates for {_years_text(years)}"
        wanted_year = self.key.year
        if row.year == wanted_year:
            self.steps.append(f"{held}; {wanted_year}, the year of the activity, is among them.")
        elif row.year < wanted_year:
            self.flags.append("year_earlier")
            self.steps.append(f"{held}; not for {wanted_year}, so the newest earlier year is taken: {row.year}.")
        else:
            self.flags.append("year_later")
            self.steps.append(f"{held}; none for {wanted_year} or before, so the nearest later year is taken: {row.year}.")

    def _say_row(self, row: EmissionFactor) -> None:
        numbers = ", ".join(f"{text} {_unit_of_gas(row, gas)}" for gas, text in row.published.items())
        self.steps.append(
            f"Factor: {row.publisher}, {row.edition}, {row.table}: {row.rate.replace('_', ' ')} of "
            f"{self.regions.name_of(row.region)} in {row.year}: {numbers}."
        )
        if row.note:
            self.steps.append(f"Note: {row.note}")

    def _say_gases(self, compiled: CompiledFactor) -> None:
        if Gas.CO2 in compiled.factor.published:
            weights = self.factor_set.gwps[self.gwp_set]
            shown = ", ".join(f"{gas.upper()} {float(weights[gas]):g}" for gas in ("ch4", "n2o"))
            self.steps.append(f"Gases are weighted with IPCC {self.gwp_set} over 100 years: {shown}.")
            return
        self.flags.append("co2e_only")
        if compiled.gwp_set != self.gwp_set:
            self.flags.append("gwp_set_differs")
            self.steps.append(
                f"Published as CO2e only, so it keeps the publisher's own weighting ({compiled.gwp_set}), not {self.gwp_set}."
            )


def _of_best_scope(rows: Sequence[EmissionFactor], rule: KindRule) -> list[EmissionFactor]:
    """Rows of the first scope of the rule that the region holds: scopes are never mixed by year."""
    rank = min(rule.scopes.index(row.life_cycle_scope) for row in rows)
    return [row for row in rows if row.life_cycle_scope is rule.scopes[rank]]


def _of_best_year(year: int, rows: Sequence[EmissionFactor]) -> list[EmissionFactor]:
    years = {row.year for row in rows}
    earlier = [known for known in years if known <= year]
    best_year = max(earlier) if earlier else min(years)
    return [row for row in rows if row.year == best_year]


def _best_row(rows: Sequence[EmissionFactor]) -> EmissionFactor:
    by_gas = [row for row in rows if Gas.CO2 in row.published]
    return (by_gas or list(rows))[-1]  # the newest admitted


def _years_text(years: Sequence[int]) -> str:
    if len(years) > 1 and years == list(range(years[0], years[-1] + 1)):
        return f"{years[0]} to {years[-1]}"
    return ", ".join(map(str, years))


def _unit_of_gas(row: EmissionFactor, gas: Gas) -> str:
    mass, _, per = row.published_unit.partition("/")
    return f"{mass} {'CO2e' if gas is Gas.CO2E else gas.upper()}/{per}"


def _steps_without_rule(key: ActivityKey, rule: KindRule | None) -> tuple[str, ...]:
    if rule is not None:
        return (f"{key.kind} is scored in {rule.unit}, this activity is in {key.unit}.", _what_would_fit(key))
    return (f"The factor set holds no factors for {key.kind} yet.", _what_would_fit(key))


def _what_would_fit(key: ActivityKey) -> str:
    return (
        f"Unscored: counted and shown, never as zero. What would fit: a factor of your own in kg CO2e/{key.unit}, "
        f"or one of the kinds scored now ({', '.join(RULES)})."
    )
