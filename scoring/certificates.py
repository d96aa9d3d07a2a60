"""Energy attribute certificates: what they take away from market-based electricity, and never more than there is.

A certificate is a kilowatt-hour claimed. It acts on the market-based method only, on electricity of the same country and calendar
year that no contract factor covers, month by month in order, the best known certificates first: on no more of it than corrections
below zero leave, and never so that the country's electricity falls below zero emissions. What is left over is shown as unused.
Certificates that two records name are not counted at all until somebody says which record is right.

Source:
    GHG Protocol Scope 2 Guidance, chapter 7 (quality criteria: claimed once, vintage close to the use, same market), table 6.3.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

from domain.activity import ActivityKey, EvidenceClass
from domain.claim import claimed_name
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

_ROUNDING_UG = 4
"""More than the four gases of a line and of a part of it are rounded by together."""


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
    counted, unused = _claimed_once(certificates)
    pieces, uses = _pieces(counted), _uses(lines)
    left_ug = _emissions_left(uses)
    of_market: dict[tuple[str, int], deque[_Piece]] = defaultdict(deque)
    for one in pieces:
        if one.left_micro > 0:
            of_market[one.country, one.year].append(one)
    taken = []
    for use in uses:
        if use.is_contract or use.left_micro <= 0:
            continue
        chosen = _required(factor_of(use.line))
        part = _take(of_market[use.country, use.year], _most_micro(use, left_ug[use.country], chosen))
        if part.by_evidence_micro:
            made = _line(use.line, part, chosen)
            left_ug[use.country] += made.emissions.total_ug_co2e
            taken.append(made)
    return taken, [*unused, *_unused(pieces)]


def _claimed_once(certificates: Sequence[ActivityTotal]) -> tuple[list[ActivityTotal], list[Unscored]]:
    """Totals whose certificates no other record names, and the others. Those without a serial count as they are declared.

    A serial without its registry may be of any registry, so it is the same as that serial of each.
    """
    names = [_name(total.key) for total in certificates]
    counts, of_serial = Counter[tuple[str, str]](), Counter[str]()
    for total, (registry, serial) in zip(certificates, names, strict=True):
        counts[registry, serial] += total.activity_count
        of_serial[serial] += total.activity_count
    counted, unscored = [], []
    for total, (registry, serial) in zip(certificates, names, strict=True):
        claims_count = counts[registry, serial] + counts["", serial] if registry else of_serial[serial]
        if not serial or claims_count <= 1:
            counted.append(total)
        else:
            unscored.append(Unscored(total.month, total.key, total.quantity_micro, _claimed_twice(total.key)))
    return counted, unscored


def _name(key: ActivityKey) -> tuple[str, str]:
    said = dict(key.attributes)
    return claimed_name(said.get("registry", ""), said.get("serial", ""))


def _claimed_twice(key: ActivityKey) -> str:
    said = dict(key.attributes)
    of_registry = f" of {said['registry']}" if "registry" in said else ""
    return f"The certificates {said['serial']}{of_registry} are in more than one record: none counts until one is removed."


@dataclass
class _Piece:
    """What is left of the part of a total that is known in one way; negative where more was taken back than given."""

    total: ActivityTotal
    evidence: EvidenceClass
    left_micro: int

    @property
    def country(self) -> str:
        return _country(self.total.key)

    @property
    def year(self) -> int:
        return self.total.month.year


@dataclass
class _Use:
    """What of a line of electricity certificates can still act on; negative where more was corrected than used."""

    line: Line
    left_micro: int

    @property
    def country(self) -> str:
        return _country(self.line.key)

    @property
    def year(self) -> int:
        return self.line.month.year

    @property
    def is_contract(self) -> bool:
        return "supplier_factor" in self.line.flags


def _country(key: ActivityKey) -> str:
    return key.region.partition("/")[0]


_Left = TypeVar("_Left", _Piece, _Use)


def _take_back(items: Sequence[_Left], group_of: Callable[[_Left], Hashable]) -> None:
    """What is below zero is off the last ones of its group."""
    above: dict[Hashable, list[_Left]] = defaultdict(list)
    for one in items:
        if one.left_micro > 0:
            above[group_of(one)].append(one)
    for back in items:
        if back.left_micro >= 0:
            continue
        group = above.get(group_of(back), [])
        while group and back.left_micro < 0:
            part_micro = min(-back.left_micro, group[-1].left_micro)
            group[-1].left_micro -= part_micro
            back.left_micro += part_micro
            if not group[-1].left_micro:
                group.pop()


def _pieces(certificates: Sequence[ActivityTotal]) -> list[_Piece]:
    """All parts, the best known first, then by month and key; what was taken back is off those of its year, then its country."""
    order = list(EvidenceClass)
    pieces = [_Piece(total, evidence, micro) for total in certificates for evidence, micro in total.by_evidence_micro.items()]
    pieces.sort(key=lambda one: (-order.index(one.evidence), one.total.month, one.total.key.key_id))
    _take_back(pieces, lambda one: (one.country, one.year))
    _take_back(pieces, lambda one: one.country)
    return pieces


def _uses(lines: Iterable[Line]) -> list[_Use]:
    """Electricity by month and key; corrections are off the same key, then what is alike in contract and year, then the rest."""
    uses = [
        _Use(line, line.quantity_micro)
        for line in sorted(lines, key=lambda found: (found.month, found.key.key_id))
        if line.key.kind == _MATCHED_KIND and line.basis is Basis.MARKET and line.part is Part.USE
    ]
    _take_back(uses, lambda one: one.line.key)
    _take_back(uses, lambda one: (one.country, one.is_contract, one.year))
    _take_back(uses, lambda one: (one.country, one.is_contract))
    _take_back(uses, lambda one: one.country)
    return uses


def _emissions_left(uses: Sequence[_Use]) -> dict[str, int]:
    """How many micrograms certificates can take away by country: corrections may have other factors than what they correct."""
    plain_ug, contract_ug = Counter[str](), Counter[str]()
    for use in uses:
        (contract_ug if use.is_contract else plain_ug)[use.country] += use.line.emissions.total_ug_co2e
    return {country: plain_ug[country] + min(0, contract_ug[country]) for country in plain_ug}


def _most_micro(use: _Use, left_ug: int, chosen: CompiledFactor) -> int:
    """How much of a use certificates can take away without leaving less than zero emissions."""
    whole_ug = line_emissions(use.left_micro, chosen, record=_record(use.line)).total_ug_co2e
    if whole_ug <= max(0, left_ug):
        return use.left_micro
    return max(0, use.left_micro * (left_ug - _ROUNDING_UG) // whole_ug)


@dataclass
class _Taken:
    """What certificates take away from one line."""

    by_evidence_micro: dict[EvidenceClass, int] = field(default_factory=dict)
    is_without_serial: bool = False


def _take(pieces: deque[_Piece], needed_micro: int) -> _Taken:
    """What of the pieces acts on a use, by evidence, as negative quantities; pieces that are used up are removed."""
    found = _Taken()
    while pieces and needed_micro > 0:
        one = pieces[0]
        part_micro = min(one.left_micro, needed_micro)
        one.left_micro -= part_micro
        needed_micro -= part_micro
        found.by_evidence_micro[one.evidence] = found.by_evidence_micro.get(one.evidence, 0) - part_micro
        found.is_without_serial |= not _name(one.total.key)[1]
        if not one.left_micro:
            pieces.popleft()
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
            f"Certificates for {text} kWh more than the period's electricity of {found[0].year} in {found[0].country} that no "
            "contract covers, less corrections: unused, they take nothing away."
        )
        if left_micro < 0:
            reason = f"Certificates for {text} kWh more were taken back than given in {found[0].country}: they add nothing."
        if left_micro:
            yield Unscored(found[0].total.month, found[0].total.key, left_micro, reason)


def _required(chosen: CompiledFactor | None) -> CompiledFactor:
    if chosen is None:  # the line exists, so its factor does
        raise AssertionError(_MATCHED_KIND)
    return chosen


def _record(line: Line) -> str:
    return f"certificates, {line.month}"


def _line(line: Line, part: _Taken, chosen: CompiledFactor) -> Line:
    quantity_micro = sum(part.by_evidence_micro.values())
    without_serial = ["certificate_without_serial"] if part.is_without_serial else []
    return Line(
        month=line.month,
        key=line.key,
        basis=Basis.MARKET,
        quantity_micro=quantity_micro,
        by_evidence_micro=part.by_evidence_micro,
        factor_id=line.factor_id,
        gwp_set=line.gwp_set,
        emissions=line_emissions(quantity_micro, chosen, record=_record(line)),
        scope=line.scope,
        category=line.category,
        is_avoided=False,
        flags=("certificate", *without_serial, *(flag for flag in line.flags if flag == HOURLY)),
        part=Part.CERTIFICATE,
        scale=line.scale,
    )
