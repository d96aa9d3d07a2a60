"""Lines: activity totals x factors, every part of an activity a line of its own."""

from collections.abc import Callable, Iterable, Sequence

from domain.activity import ActivityKey, find_kind
from domain.errors import InputError
from domain.factor import Addition, Basis, CompiledFactor, Part, Resolution
from domain.hourly import HourlyMean
from domain.kinds import scope_and_category
from domain.period import Month
from domain.statement import ActivityTotal, Line, Unscored
from scoring.arithmetic import line_emissions
from scoring.certificates import CERTIFICATE_KIND, certificate_lines
from scoring.hourly import by_the_hour
from scoring.retirements import CREDIT_KIND


def make_lines(
    totals: Iterable[ActivityTotal], resolve: Callable[[ActivityKey, Basis], Resolution]
) -> tuple[tuple[Line, ...], tuple[Unscored, ...]]:
    """Lines on both bases for every activity total, and what no factor fits.

    Args:
        totals: One per month and key, with what hourly factors say about it.
        resolve: Chooses the factor of a key on a basis.

    Returns:
        Lines sorted by month, key, part and basis (avoided ones on the location basis only), and the unscored totals sorted
        alike. Certificates take emissions away from the market-based lines that they were cancelled for (`certificates.py`).

    Raises:
        LineOverflowError: A sum or a line is 2^63 or more; the message names it.
        InputError: The parts by evidence do not add up to their total.
    """
    lines: list[Line] = []
    unscored: list[Unscored] = []
    certificates: list[ActivityTotal] = []
    hourly_of: dict[tuple[Month, str], HourlyMean | None] = {}
    for total in sorted(totals, key=lambda found: (found.month, found.key.key_id)):
        hourly_of[total.month, total.key.key_id] = total.hourly
        _check_evidence(total)
        if total.key.kind == CERTIFICATE_KIND:
            certificates.append(total)
        if total.key.kind in {CERTIFICATE_KIND, CREDIT_KIND}:
            continue  # credits act on net alone: `retirements.py`
        made, missing = _lines_of(total, resolve)
        lines += made
        unscored += missing

    def factor_of(line: Line) -> CompiledFactor | None:
        return by_the_hour(resolve(line.key, line.basis), hourly_of[line.month, line.key.key_id]).chosen

    taken, unused = certificate_lines(certificates, lines, factor_of)
    left_over = sorted([*unscored, *unused], key=lambda found: (found.month, found.key.key_id))
    return tuple(sorted([*lines, *taken], key=line_order)), tuple(left_over)


_PARTS = list(Part)


def line_order(line: Line) -> tuple[Month, str, int, str]:
    """What lines are sorted by: month, key, part in the order of `Part`, basis."""
    return line.month, line.key.key_id, _PARTS.index(line.part), line.basis


def _lines_of(
    total: ActivityTotal, resolve: Callable[[ActivityKey, Basis], Resolution]
) -> tuple[Sequence[Line], Sequence[Unscored]]:
    lines = []
    for basis in bases_of(total.key.kind):
        found = by_the_hour(resolve(total.key, basis), total.hourly)
        if found.chosen is None:
            return [], [Unscored(total.month, total.key, total.quantity_micro, " ".join(found.steps))]
        lines += [_line(total, basis, part) for part in parts_of(total.key, found)]
    return lines, []


def bases_of(kind_name: str) -> tuple[Basis, ...]:
    """The bases that lines of a kind are made on: what is avoided is outside the market-based method."""
    return (Basis.LOCATION,) if find_kind(kind_name).is_avoided else (Basis.LOCATION, Basis.MARKET)


def parts_of(key: ActivityKey, found: Resolution) -> list[Addition]:
    """Every part of an activity that is a line of its own, the use first.

    Args:
        key: The activity key.
        found: Its factor on one basis.

    Returns:
        Parts; none where no factor fits.
    """
    if found.chosen is None:
        return []
    kind = find_kind(key.kind)
    scope, category = scope_and_category(kind, dict(key.attributes))
    use = Addition(Part.USE, found.chosen, scope, category, found.flags)
    return [use] if kind.is_avoided else [use, *found.additions]


def _line(total: ActivityTotal, basis: Basis, part: Addition) -> Line:
    return Line(
        month=total.month,
        key=total.key,
        basis=basis,
        quantity_micro=total.quantity_micro,
        by_evidence_micro=total.by_evidence_micro,
        factor_id=part.chosen.factor.factor_id,
        gwp_set=part.chosen.gwp_set,
        emissions=line_emissions(total.quantity_micro, part.chosen, record=_record(total)),
        scope=part.scope,
        category=part.category,
        is_avoided=find_kind(total.key.kind).is_avoided,
        flags=part.flags,
        part=part.part,
        scale=part.chosen.scale,
    )


def _check_evidence(total: ActivityTotal) -> None:
    summed = sum(total.by_evidence_micro.values())
    if summed != total.quantity_micro:
        raise InputError(
            "The parts by evidence do not add up to their total",
            expected=str(total.quantity_micro),
            got=str(summed),
            record=_record(total),
        )


def _record(total: ActivityTotal) -> str:
    return f"{total.key.kind} in {total.key.region}, {total.month}"
