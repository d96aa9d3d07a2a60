"""Energy attribute certificates: what they take away from market-based electricity, and never more than there is.

A certificate is a kilowatt-hour claimed. It acts on the market-based method only, on electricity of the same country and period
that no contract factor covers, month by month in order, the best known certificates first. What is left over is shown as unused.

Source:
    GHG Protocol Scope 2 Guidance, chapter 7 (quality criteria: claimed once, vintage close to the use, same market), table 6.3.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction

from domain.activity import ActivityKey, EvidenceClass
from domain.factor import Basis, Part, Resolution
from domain.number import fraction_to_text
from domain.statement import ActivityTotal, Line, Unscored
from domain.units import MICRO_PER_UNIT
from scoring.arithmetic import line_emissions

CERTIFICATE_KIND = "electricity_certificate"
"""Kind of activity that a certificate is."""

_MATCHED_KIND = "electricity"


def certificate_lines(
    certificates: Sequence[ActivityTotal], lines: Iterable[Line], resolve: Callable[[ActivityKey, Basis], Resolution]
) -> tuple[list[Line], list[Unscored]]:
    """Lines that certificates take away, and what of them is unused.

    Args:
        certificates: Totals of certificates, by month and key.
        lines: All other lines.
        resolve: Chooses the factor of a key on a basis.

    Returns:
        One line per month and electricity key with a negative quantity, on the market basis; and the totals with an unused rest.
    """
    if not certificates:
        return [], []
    stock = {total.key.key_id + str(total.month): _Stock(total) for total in certificates}
    taken = []
    for line in sorted(lines, key=lambda found: (found.month, found.key.key_id)):
        if line.key.kind != _MATCHED_KIND or line.basis is not Basis.MARKET or line.part is not Part.USE:
            continue
        if "supplier_factor" in line.flags or line.quantity_micro <= 0:
            continue
        by_evidence_micro = _take(list(stock.values()), line)
        if by_evidence_micro:
            taken.append(_line(line, by_evidence_micro, resolve))
    return taken, [unscored for one in stock.values() for unscored in one.unused()]


class _Stock:
    """What is left of one total of certificates, by evidence class."""

    def __init__(self, total: ActivityTotal) -> None:
        self.total = total
        self.country = total.key.region.partition("/")[0]
        order = list(EvidenceClass)
        strongest_first = sorted(total.by_evidence_micro, key=order.index, reverse=True)
        self.left_micro = {evidence: max(total.by_evidence_micro[evidence], 0) for evidence in strongest_first}

    def unused(self) -> Iterator[Unscored]:
        left_micro = sum(self.left_micro.values())
        if left_micro:
            text = fraction_to_text(Fraction(left_micro, MICRO_PER_UNIT))
            reason = (
                f"Certificates for {text} kWh more than the period's electricity in {self.country} that no contract covers: "
                "unused, they take nothing away."
            )
            yield Unscored(self.total.month, self.total.key, left_micro, reason)


def _take(stock: Sequence[_Stock], line: Line) -> dict[EvidenceClass, int]:
    country = line.key.region.partition("/")[0]
    needed_micro = line.quantity_micro
    found: dict[EvidenceClass, int] = {}
    for one in stock:
        if one.country != country:
            continue
        for evidence, left_micro in one.left_micro.items():
            part_micro = min(left_micro, needed_micro)
            if part_micro:
                one.left_micro[evidence] -= part_micro
                needed_micro -= part_micro
                found[evidence] = found.get(evidence, 0) - part_micro
    return found


def _line(line: Line, by_evidence_micro: dict[EvidenceClass, int], resolve: Callable[[ActivityKey, Basis], Resolution]) -> Line:
    chosen = resolve(line.key, Basis.MARKET).chosen
    if chosen is None:  # the line exists, so its factor does
        raise AssertionError(line.key.kind)
    quantity_micro = sum(by_evidence_micro.values())
    return Line(
        month=line.month,
        key=line.key,
        basis=Basis.MARKET,
        quantity_micro=quantity_micro,
        by_evidence_micro=by_evidence_micro,
        factor_id=line.factor_id,
        gwp_set=line.gwp_set,
        emissions=line_emissions(quantity_micro, chosen, record=f"certificates, {line.month}"),
        scope=line.scope,
        category=line.category,
        is_avoided=False,
        flags=("certificate",),
        part=Part.CERTIFICATE,
        scale=line.scale,
    )
