"""Energy attribute certificates: what they take away from market-based electricity, and never more than there is.

A certificate is a kilowatt-hour claimed. It acts on the market-based method only, on electricity of the same country and period
that no contract factor covers, month by month in order, the best known certificates first. What is left over is shown as unused.

Source:
    GHG Protocol Scope 2 Guidance, chapter 7 (quality criteria: claimed once, vintage close to the use, same market), table 6.3.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from domain.activity import ActivityKey, EvidenceClass
from domain.factor import Basis, CompiledFactor, Part
from domain.hourly import HOURLY
from domain.number import fraction_to_text
from domain.period import Month
from domain.statement import ActivityTotal, Line, Unscored
from domain.units import MICRO_PER_UNIT
from scoring.arithmetic import line_emissions

CERTIFICATE_KIND = "electricity_certificate"
"""Kind of activity that a certificate is."""

_MATCHED_KIND = "electricity"


def certificate_lines(
    certificates: Sequence[ActivityTotal], lines: Iterable[Line], factor_of: Callable[[Line], CompiledFactor | None]
) -> tuple[list[Line], list[Unscored]]:
    """Lines that certificates take away, and what of them is unused.

    Args:
        certificates: Totals of certificates, by month and key.
        lines: All other lines.
        factor_of: The factor of a line's use, in integers.

    Returns:
        One line per month and electricity key with a negative quantity, on the market basis; and the totals with an unused rest.
    """
    if not certificates:
        return [], []
    pieces = _pieces(certificates)
    taken = []
    for line in sorted(lines, key=lambda found: (found.month, found.key.key_id)):
        if line.key.kind != _MATCHED_KIND or line.basis is not Basis.MARKET or line.part is not Part.USE:
            continue
        if "supplier_factor" in line.flags or line.quantity_micro <= 0:
            continue
        by_evidence_micro = _take(pieces, line)
        if by_evidence_micro:
            taken.append(_line(line, by_evidence_micro, factor_of))
    return taken, list(_unused(pieces))


@dataclass
class _Piece:
    """What is left of the part of a total that is known in one way; negative where more was taken back than given."""

    total: ActivityTotal
    evidence: EvidenceClass
    left_micro: int

    @property
    def country(self) -> str:
        return _country(self.total.key)


def _country(key: ActivityKey) -> str:
    return key.region.partition("/")[0]


def _pieces(certificates: Sequence[ActivityTotal]) -> list[_Piece]:
    """All parts, the best known first, then by month and key; what was taken back is off the last ones of its country."""
    order = list(EvidenceClass)
    pieces = [_Piece(total, evidence, micro) for total in certificates for evidence, micro in total.by_evidence_micro.items()]
    pieces.sort(key=lambda one: (-order.index(one.evidence), one.total.month, one.total.key.key_id))
    for back in pieces:
        for one in reversed(pieces):
            part_micro = min(-back.left_micro, one.left_micro)
            if part_micro > 0 and one.country == back.country:
                one.left_micro -= part_micro
                back.left_micro += part_micro
    return pieces


def _take(pieces: Sequence[_Piece], line: Line) -> dict[EvidenceClass, int]:
    """What of the pieces acts on a line, by evidence, as negative quantities."""
    needed_micro = line.quantity_micro
    found: dict[EvidenceClass, int] = {}
    for one in pieces:
        part_micro = min(one.left_micro, needed_micro)
        if part_micro > 0 and one.country == _country(line.key):
            one.left_micro -= part_micro
            needed_micro -= part_micro
            found[one.evidence] = found.get(one.evidence, 0) - part_micro
    return found


def _unused(pieces: Sequence[_Piece]) -> Iterator[Unscored]:
    """What is left over, one for each total."""
    of_total: dict[tuple[Month, str], list[_Piece]] = {}
    for one in pieces:
        of_total.setdefault((one.total.month, one.total.key.key_id), []).append(one)
    for found in of_total.values():
        left_micro = sum(one.left_micro for one in found)
        text = fraction_to_text(Fraction(abs(left_micro), MICRO_PER_UNIT))
        reason = (
            f"Certificates for {text} kWh more than the period's electricity in {found[0].country} that no contract covers: "
            "unused, they take nothing away."
        )
        if left_micro < 0:
            reason = f"Certificates for {text} kWh more were taken back than given in {found[0].country}: they add nothing."
        if left_micro:
            yield Unscored(found[0].total.month, found[0].total.key, left_micro, reason)


def _line(line: Line, by_evidence_micro: dict[EvidenceClass, int], factor_of: Callable[[Line], CompiledFactor | None]) -> Line:
    chosen = factor_of(line)
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
        flags=("certificate", *(flag for flag in line.flags if flag == HOURLY)),
        part=Part.CERTIFICATE,
        scale=line.scale,
    )
