"""Statements: gross, retired, net; and shares that add up."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from domain.activity import EvidenceClass
from domain.errors import InputError
from domain.factor import Basis, FactorSetId, GwpSet
from domain.period import MonthRange
from domain.statement import Line, Statement, Totals, Unscored
from scoring.lines import line_order

METHOD = "cf-method/2"
"""Version of the business logic that this code is; alone it weights gases with AR5."""


def method_name(gwp_set: GwpSet) -> str:
    """The method as manifests name it: with another GWP set than AR5, the set stands behind it."""
    return METHOD if gwp_set is GwpSet.AR5 else f"{METHOD}+{gwp_set}"


def gwp_set_of(method: str) -> GwpSet:
    """The GWP set that a method's name says: the inverse of `method_name`.

    Args:
        method: "cf-method/2" or "cf-method/2+AR6".

    Returns:
        The set; AR5 where the name says none.

    Raises:
        InputError: It names a set that there is not.
    """
    name = method.partition("+")[2]
    if name and name not in set(GwpSet):
        raise InputError("This method names no GWP set", expected=f"one of {', '.join(GwpSet)}", got=method)
    return GwpSet(name) if name else GwpSet.AR5


MILLION_PPM = 1_000_000
"""The whole, in parts per million."""


def make_statement(
    *,
    period: MonthRange,
    revision: int,
    lines: Sequence[Line],
    unscored: Sequence[Unscored],
    factor_set: FactorSetId,
    retired_g_co2e: int = 0,
    method: str = METHOD,
) -> Statement:
    """The statement over these lines.

    Args:
        period: Months that it is about.
        revision: 1, then one more for each restatement.
        lines: All lines of the period, in any order.
        unscored: Activity totals without a factor, in any order.
        factor_set: Factor set that the lines were computed with.
        retired_g_co2e: Credits retired for this subject and period, g CO2e, zero or more.
        method: Version of the business logic.

    Returns:
        Lines sorted by month, key id, part and basis, and their totals.

    Raises:
        InputError: A line is outside the period or stands twice, or the retired amount is negative.
    """
    ordered = tuple(sorted(lines, key=line_order))
    _check(ordered, unscored, period, retired_g_co2e)
    return Statement(
        period=period,
        revision=revision,
        lines=ordered,
        unscored=tuple(sorted(unscored, key=lambda found: (found.month, found.key.key_id))),
        totals=make_totals(ordered, unscored_count=len(unscored), retired_g_co2e=retired_g_co2e),
        factor_set=factor_set,
        method=method,
    )


def make_totals(lines: Iterable[Line], *, unscored_count: int = 0, retired_g_co2e: int = 0) -> Totals:
    """Totals of lines, whatever their order.

    Args:
        lines: Lines on both bases.
        unscored_count: Activity totals without a factor.
        retired_g_co2e: Credits retired, g CO2e.

    Returns:
        Gross by basis, avoided and biogenic from the location basis. Python integers: no sum can wrap.
    """
    gross = {Basis.LOCATION: 0, Basis.MARKET: 0}
    avoided_ug_co2e = biogenic_co2_ug = 0
    for line in lines:
        if line.is_avoided:
            avoided_ug_co2e += line.emissions.total_ug_co2e
            continue
        gross[line.basis] += line.emissions.total_ug_co2e
        if line.basis is Basis.LOCATION:
            biogenic_co2_ug += line.emissions.biogenic_co2_ug
    return Totals(
        gross_location_ug_co2e=gross[Basis.LOCATION],
        gross_market_ug_co2e=gross[Basis.MARKET],
        retired_g_co2e=retired_g_co2e,
        avoided_ug_co2e=avoided_ug_co2e,
        biogenic_co2_ug=biogenic_co2_ug,
        unscored_count=unscored_count,
    )


def evidence_ppm(lines: Iterable[Line]) -> dict[EvidenceClass, int]:
    """Share of gross emissions (location basis) by evidence class, parts per million.

    Args:
        lines: Lines on both bases; the market basis and avoided lines are left out.

    Returns:
        Weakest class first, without classes of no weight, adding up to 1,000,000; empty where nothing is emitted. Refunds count
        by their size: evidence for a minus is evidence, too.
    """
    weights = dict.fromkeys(EvidenceClass, Fraction(0))
    for line in lines:
        size_micro = sum(abs(part) for part in line.by_evidence_micro.values())
        if line.basis is not Basis.LOCATION or line.is_avoided or not size_micro:
            continue
        for evidence, part_micro in line.by_evidence_micro.items():
            weights[evidence] += Fraction(abs(part_micro) * abs(line.emissions.total_ug_co2e), size_micro)
    held = {evidence: weight for evidence, weight in weights.items() if weight}
    if not held:
        return {}
    return dict(zip(held, split_by_largest_remainder(MILLION_PPM, list(held.values())), strict=True))


def split_by_largest_remainder(whole_ppm: int, weights_ratio: Sequence[Fraction] | Sequence[int]) -> tuple[int, ...]:
    """Whole numbers in proportion to weights that add up exactly.

    Args:
        whole_ppm: What is divided: parts per million, or any other whole number; zero or more.
        weights_ratio: Zero or more each, not all zero.

    Returns:
        One part per weight. The units that flooring leaves over go to the largest remainders, the earlier weight first.

    Raises:
        InputError: A weight is negative, or all are zero.

    Source:
        The largest-remainder method (Hamilton).
    """
    exact_weights = [Fraction(weight) for weight in weights_ratio]
    summed = sum(exact_weights, Fraction(0))
    if summed <= 0 or min(exact_weights) < 0:
        raise InputError("Shares need weights of zero or more, not all zero", got=str([str(weight) for weight in exact_weights]))
    exact = [whole_ppm * weight / summed for weight in exact_weights]
    floors = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for index in by_remainder[: whole_ppm - sum(floors)]:
        floors[index] += 1
    return tuple(floors)


def split_shares_ug(line_ug_co2e: int, parts: Mapping[str, int]) -> dict[str, int]:
    """The emissions of a line divided among its activities for show, so that the shares add up to the line.

    Args:
        line_ug_co2e: Emissions of the line, ug CO2e; negative for a refund.
        parts: Name of each activity to its quantity; only their sizes count.

    Returns:
        The same names to ug CO2e, of the line's sign, adding up to it.

    Raises:
        InputError: No activity has a quantity.
    """
    shares = split_by_largest_remainder(abs(line_ug_co2e), [abs(part) for part in parts.values()])
    sign = -1 if line_ug_co2e < 0 else 1
    return {name: sign * share for name, share in zip(parts, shares, strict=True)}


def _check(lines: Sequence[Line], unscored: Sequence[Unscored], period: MonthRange, retired_g_co2e: int) -> None:
    for month in [*(line.month for line in lines), *(found.month for found in unscored)]:
        if not period.holds(month):
            raise InputError("This line is outside the statement's period", expected=str(period), got=str(month))
    seen = set()
    for line in lines:
        identity = (line.month, line.key.key_id, line.part, line.basis)
        if identity in seen:
            where = f"{line.key.kind} in {line.key.region}, {line.month}, {line.part}, {line.basis}"
            raise InputError("This line stands twice", got=where)
        seen.add(identity)
    if retired_g_co2e < 0:
        raise InputError(expected="retired credits of zero or more", got=str(retired_g_co2e))
