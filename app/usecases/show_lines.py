"""Lines with everything that a stranger needs to find their factors and to redo their sums."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from dashboards.pages.trace import (
    BIOGENIC,
    GASES,
    Apart,
    BesideRow,
    GasSum,
    IntervalShown,
    TracedLine,
    scope_totals,
)
from domain.activity import ActivityKey
from domain.canonical import Json
from domain.errors import ClimateFitnessError, FactorError, NotFoundError
from domain.factor import Basis, CompiledFactor, EmissionFactor, Gas, GwpSet, Part, Resolution
from domain.number import decimal_from_text, decimal_of_micro, decimal_to_text, fraction_of, fraction_to_text
from domain.statement import Line
from domain.units import MICRO_PER_UNIT, find_unit
from scoring.arithmetic import line_ug
from scoring.factors.compile import ug_per_published_unit
from scoring.factors.factor_set import FactorSet
from scoring.hourly import by_the_hour, mean_of_line
from scoring.resolve import resolve
from scoring.uncertainty import interval_of_lines

_UG_PER_KG = 1_000_000_000
_ONE = Fraction(1)
_DIVISORS = (_ONE, Fraction("3.6"), Fraction(36), Fraction(3), Fraction(9))
"""Written under a quotient without end: a megajoule is 1 / 3.6 of a kilowatt-hour."""

Steps = Callable[[Line], tuple[str, ...]]


def gwp_set_of_line(line: Line) -> GwpSet:
    """The set that a line's gases were weighted with; a row in CO2e only has its publisher's, which is not asked for again."""
    return GwpSet(line.gwp_set) if line.gwp_set in set(GwpSet) else GwpSet.AR5


def resolution_of(factor_set: FactorSet, line: Line) -> Resolution:
    """How the factor set of today chooses for a line."""
    return by_the_hour(resolve(line.key, factor_set, line.basis, gwp_set=gwp_set_of_line(line)), mean_of_line([line], factor_set))


def chosen_part(found: Resolution, line: Line) -> CompiledFactor | None:
    """The factor that a resolution gives for a line's part, if it is the one that the line has; else None."""
    candidates = [found.chosen] if line.part in {Part.USE, Part.CERTIFICATE} else []
    candidates += [one.chosen for one in found.additions if one.part is line.part]
    return next((one for one in candidates if one and (one.factor.factor_id, one.scale) == (line.factor_id, line.scale)), None)


def steps_of_today(factor_set: FactorSet, line: Line) -> tuple[str, ...]:
    """Why a line has its factor, by the factor set of today; none where that would choose another one."""
    found = resolution_of(factor_set, line)
    return found.steps if chosen_part(found, line) else ()


def traced_lines(factor_set: FactorSet, lines: Iterable[Line], *, steps_of: Steps | None = None) -> tuple[TracedLine, ...]:
    """Lines with the factor behind them, the steps that led to it, and the sum gas by gas.

    Args:
        factor_set: Holds the rows.
        lines: The lines, of any months and both bases.
        steps_of: Why a line has its factor; by the factor set of today where left out.

    Returns:
        One for each part of an activity, basis and factor, over the months that share it; where both bases say the same, one
        stands for both. A row that the set lacks is None: the line was computed with a newer set or a pack.
    """
    why = steps_of or (lambda line: steps_of_today(factor_set, line))
    by_factor: dict[tuple[object, ...], list[Line]] = defaultdict(list)
    for line in sorted(lines, key=lambda one: one.month):
        by_factor[line.key.key_id, line.part, line.basis, line.factor_id, line.gwp_set, line.scale].append(line)
    found = [_traced(factor_set, tuple(one), why) for one in by_factor.values()]
    market = {_amounts(one): one for one in found if one.bases == (Basis.MARKET,)}
    both = []
    for one in found:
        other = market.pop(_amounts(one), None) if one.bases == (Basis.LOCATION,) else None
        both.append(_joined(one, other) if other else one)
    return tuple(one for one in both if one.bases != (Basis.MARKET,) or _amounts(one) in market)


def factor_names(factor_set: FactorSet, factor_ids: Iterable[str]) -> dict[str, str]:
    """Factor id to publisher, edition, region and year, as people read it; a row that the set lacks is left out."""
    names = {}
    for factor_id in set(factor_ids):
        row = _row(factor_set, factor_id)
        if row is not None:
            names[factor_id] = f"{row.publisher} {row.edition}, {factor_set.regions.name_of(row.region)}, {row.year}"
    return names


def beside_rows(factor_set: FactorSet, lines: Iterable[Line]) -> tuple[BesideRow, ...]:
    """Effects that are in no total, summed over the lines, location based.

    Args:
        factor_set: Holds the rows.
        lines: Lines on both bases.

    Returns:
        One for each effect and published row, by name; none for a line whose factor the set of today would not choose.
    """
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        if line.basis is not Basis.LOCATION or line.part is not Part.USE or line.is_avoided:
            continue
        found = resolution_of(factor_set, line)
        if chosen_part(found, line):
            for effect in found.beside:
                sums[effect.name, effect.factor_id] += line_ug(line.quantity_micro, effect.ug_per_unit, record=line.key.kind)
    names = factor_names(factor_set, (factor_id for _, factor_id in sums))
    return tuple(BesideRow(name, ug, factor_id, names.get(factor_id, "")) for (name, factor_id), ug in sorted(sums.items()))


def intervals_of(factor_set: FactorSet, lines: Sequence[Line]) -> tuple[IntervalShown, ...]:
    """The 95 % interval of the gross on both bases; none where a row is not held or nothing counts."""
    if not any(not line.is_avoided for line in lines):
        return ()
    try:
        found = [(basis, interval_of_lines(lines, factor_set.row, basis)) for basis in Basis]
    except NotFoundError:  # closed with a newer factor set, or with a pack that is gone
        return ()
    return tuple(IntervalShown(basis, one.low_ug_co2e, one.high_ug_co2e, one.is_assumed) for basis, one in found)


def apart_of(factor_set: FactorSet, lines: Sequence[Line]) -> Apart:
    """What stands around lines: effects beside, intervals, totals by scope."""
    return Apart(beside_rows(factor_set, lines), intervals_of(factor_set, lines), scope_totals(lines))


def line_json(factor_set: FactorSet, line: Line) -> dict[str, Json]:
    """A line for programs, in the words of an estimate: amounts as exact decimal text, what the set lacks empty."""
    row = _row(factor_set, line.factor_id)
    compiled = _compiled(factor_set, line)
    amounts = {name: _text(getattr(line.emissions, field)) for name, field in (*GASES, BIOGENIC)}
    return {
        "month": str(line.month),
        "kind": line.key.kind,
        "place": line.key.region,
        "activity_year": line.key.year,
        "attributes": dict(line.key.attributes),
        "part": str(line.part),
        "basis": str(line.basis),
        "scope": line.scope,
        "category": line.category,
        "is_avoided": line.is_avoided,
        "quantity": _text(line.quantity_micro),
        "unit": line.key.unit,
        "quantity_by_evidence": {str(evidence): _text(part) for evidence, part in line.by_evidence_micro.items()},
        "g_co2e": _text(line.emissions.total_ug_co2e),
        "g_co2e_by_gas": amounts,
        "scale": str(line.scale),
        "factor_id": line.factor_id,
        "factor_g_co2e_per_unit": _text(compiled.ug_per_unit.total_ug_co2e) if compiled else "",
        "factor_label": row.label if row else "",
        "gwp_set": line.gwp_set,
        "life_cycle_scope": str(row.life_cycle_scope) if row else "",
        "published": {str(gas): text for gas, text in row.published.items()} if row else {},
        "published_unit": row.published_unit if row else "",
        "source": row.publisher if row else "",
        "edition": row.edition if row else "",
        "table": row.table if row else "",
        "region": row.region if row else "",
        "year": row.year if row else None,
        "source_url": row.source_url if row else "",
        "flags": list(line.flags),
    }


def _text(value_micro: int) -> str:
    return decimal_to_text(decimal_of_micro(value_micro))


def _row(factor_set: FactorSet, factor_id: str) -> EmissionFactor | None:
    try:
        return factor_set.row(factor_id)
    except NotFoundError:  # closed with a newer factor set, or with a pack that is gone
        return None


def _traced(factor_set: FactorSet, lines: tuple[Line, ...], steps_of: Steps) -> TracedLine:
    line = lines[0]
    traced = TracedLine(lines, (line.basis,), None, steps_of(line), place_name=_place_name(factor_set, line.key))
    compiled = _compiled(factor_set, line)
    if compiled is None:
        return traced
    row = compiled.factor
    return replace(
        traced,
        compiled=compiled,
        region_name=factor_set.regions.name_of(row.region),
        sums=gas_sums(factor_set, compiled, gwp_set_of_line(line)),
        published=tuple((str(gas), text, published_unit_of(row, gas)) for gas, text in row.published.items()),
    )


def _compiled(factor_set: FactorSet, line: Line) -> CompiledFactor | None:
    """The factor of a line; None where the set lacks its row, or where a stranger's line says a scale that fits none."""
    try:
        return factor_set.compiled(factor_set.row(line.factor_id), gwp_set_of_line(line), line.scale)
    except (NotFoundError, FactorError):
        return None


def _place_name(factor_set: FactorSet, key: ActivityKey) -> str:
    try:
        return factor_set.regions.name_of(key.region) if key.region else ""
    except ClimateFitnessError:  # a region of a newer set
        return key.region


def _amounts(traced: TracedLine) -> tuple[object, ...]:
    """What both bases must say alike to be shown as one."""
    line = traced.line
    amounts = tuple((one.month, one.quantity_micro, one.emissions) for one in traced.lines)
    return line.key.key_id, line.part, line.factor_id, line.gwp_set, line.scale, amounts


def _joined(location: TracedLine, market: TracedLine) -> TracedLine:
    """One that stands for both bases: flags of both, and what the market basis says besides."""
    flags = market.flags
    lines = tuple(replace(line, flags=tuple(dict.fromkeys((*line.flags, *flags)))) for line in location.lines)
    more = tuple(step for step in market.steps if step not in location.steps)
    return replace(location, lines=lines, bases=tuple(Basis), market_steps=more)


def gas_sums(factor_set: FactorSet, compiled: CompiledFactor, gwp_set: GwpSet) -> tuple[GasSum, ...]:
    """How a factor comes about, gas by gas: what `compile_factor` does, each number named.

    Args:
        factor_set: Has the global warming potentials.
        compiled: The factor in integers.
        gwp_set: Set that single gases were weighted with.

    Returns:
        One for each gas that is published and counted, in the order that they are shown; biogenic CO2 last.
    """
    row = compiled.factor
    counted = (Gas.CO2E,) if row.is_co2e_only else (Gas.CO2, Gas.CH4, Gas.N2O)
    found = []
    for gas in (*counted, Gas.BIOGENIC_CO2):
        if gas not in row.published:
            continue
        name = "unsplit" if gas is Gas.CO2E else str(gas)
        field = dict((*GASES, BIOGENIC))[name]
        gwp, own = _weights(factor_set, row, gas, gwp_set)
        unit = published_unit_of(row, gas)
        mass, _, per = unit.partition("/")
        units_per = find_unit(per).canonical_per_unit / find_unit(row.unit).canonical_per_unit
        divisor = next((one for one in _DIVISORS if _is_finite(units_per * one)), _ONE)
        published = fraction_of(decimal_from_text(row.published[gas]))
        found.append(
            GasSum(
                gas=name,
                field=field,
                published_text=row.published[gas],
                published_unit=unit,
                mass=mass,
                per=per,
                ug_per_mass=find_unit(mass).canonical_per_unit * _UG_PER_KG,
                units_per=units_per * divisor,
                units_per_divisor=divisor,
                row_unit=row.unit,
                gwp=gwp,
                own_gwp=own,
                exact_ug=published * ug_per_published_unit(unit, row.unit) * gwp / own * compiled.scale,
                per_unit_ug=getattr(compiled.ug_per_unit, field),
            )
        )
    return tuple(found)


def published_unit_of(row: EmissionFactor, gas: Gas) -> str:
    """The unit that a gas of a row is published in."""
    if "=" not in row.published_unit:
        return row.published_unit
    by_gas = dict(part.split("=", 1) for part in row.published_unit.split(";"))
    return by_gas.get(gas, by_gas.get(Gas.CO2, ""))


def _weights(factor_set: FactorSet, row: EmissionFactor, gas: Gas, gwp_set: GwpSet) -> tuple[Fraction, Fraction]:
    """The weight of a gas in CO2e, and the publisher's own, which is divided out."""
    if gas not in {Gas.CH4, Gas.N2O}:
        return _ONE, _ONE
    own: Mapping[str, Fraction] = factor_set.gwps[GwpSet(row.gwp_set)] if row.gwp_set in set(GwpSet) else {}
    return factor_set.gwps[gwp_set][gas], own.get(gas, _ONE)


def _is_finite(value: Fraction) -> bool:
    denominator = value.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1


def grams_per_unit(compiled: CompiledFactor) -> str:
    """Grams of CO2e per unit of the activity, exact decimal text."""
    return fraction_to_text(Fraction(compiled.ug_per_unit.total_ug_co2e, MICRO_PER_UNIT))
