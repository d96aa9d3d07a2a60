"""kWh to t CO2e by month, as a page shows it: the factor of each month, why that one, and which days were not measured."""

from dataclasses import dataclass
from fractions import Fraction

from app.cli.factors import flag_words
from app.cli.listing import tonnes_text
from app.cli.terminal import listed, say, table
from app.services import Whose, Work
from app.store import activities, subjects
from app.usecases.show_days import measured_days, meter_zone
from app.usecases.show_months import live_amounts
from domain.activity import find_kind
from domain.canonical import Json
from domain.coverage import METERED_KINDS
from domain.factor import Basis, CompiledFactor, Resolution
from domain.number import decimal_of_micro, decimal_to_text, fraction_to_text, quantize_text
from domain.period import Month, MonthRange
from domain.statement import Line, Unscored
from domain.units import MICRO_PER_UNIT
from scoring.resolve import resolve

NOT_SCORED = "unscored"
"""What stands in place of emissions where no factor fits."""


@dataclass(frozen=True, slots=True)
class MonthRow:
    """One kind of activity in one month; or a month in which nothing was measured.

    Attributes:
        month: Local month.
        kind: Name of the kind; empty where nothing was measured.
        unit: Canonical unit.
        quantity_micro: Millionths of the unit.
        amount_ug_co2e: Emissions, location based, micrograms; None where no factor fits.
        choice: Why this factor; None where nothing was measured.
        evidence: Evidence classes of the quantity, weakest first.
        is_avoided: Whether it is outside gross and net (exports).
    """

    month: Month
    kind: str = ""
    unit: str = ""
    quantity_micro: int = 0
    amount_ug_co2e: int | None = None
    choice: Resolution | None = None
    evidence: tuple[str, ...] = ()
    is_avoided: bool = False


@dataclass(frozen=True, slots=True)
class MonthView:
    """Months of a subject.

    Attributes:
        rows: By month and kind.
        missing_count_of: Month to its days that were not measured.
    """

    rows: tuple[MonthRow, ...]
    missing_count_of: dict[Month, int]

    def choices(self) -> tuple[Resolution, ...]:
        """Every choice of a factor that has reasons of its own, once, in the order of the months."""
        return tuple({_reasons(row.choice): row.choice for row in self.rows if row.choice is not None}.values())


def month_view(work: Work, whose: Whose, months: MonthRange) -> MonthView:
    """The months of a range.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        months: Which months; one without data is not measured, never zero.

    Returns:
        What is known now.

    Raises:
        LineOverflowError: A sum is 2^63 or more.
    """
    amounts = live_amounts(work, whose, months)
    subject = subjects.by_id(work.session, whose.tenant_id, whose.subject_id)
    spans = activities.daily_sums(work.session, whose.tenant_id, whose.subject_id, months)
    kinds = {span.kind for span in spans if span.kind in METERED_KINDS and not find_kind(span.kind).is_avoided}
    measured = measured_days(spans, kinds, meter_zone(work, subject))
    rows: list[MonthRow] = []
    for month in months.months():
        found = amounts.get(month)
        amounts_of_month: list[Line | Unscored] = []
        if found:
            amounts_of_month += [line for line in found.lines if line.basis is Basis.LOCATION]
            amounts_of_month += found.unscored
        rows += [_row(work, one) for one in sorted(amounts_of_month, key=lambda one: one.key.kind)]
        if not found:
            rows.append(MonthRow(month))
    has_gaps = bool(kinds) or not spans
    missing = {month: month.days_count() - len(measured.get(month, ())) for month in months.months() if has_gaps}
    return MonthView(tuple(rows), {month: count for month, count in missing.items() if count})


def show(view: MonthView) -> None:
    """Print the months, then each factor once with its reasons."""
    numbers = {_reasons(choice): f"[{i}]" for i, choice in enumerate(view.choices(), 1)}
    rows, said = [], set[Month]()
    for row in view.rows:
        missing_count = 0 if row.month in said else view.missing_count_of.get(row.month, 0)
        said.add(row.month)
        remarks = ["avoided, in no total"] * row.is_avoided + [gap_text(row.month, missing_count)] * bool(missing_count)
        factor = numbers[_reasons(row.choice)] if row.choice else ""
        amounts = (_quantity_text(row), row.unit, _emissions_text(row))
        rows.append((str(row.month), row.kind, *amounts, factor, ", ".join(row.evidence), "; ".join(remarks)))
    table(rows, head=("month", "kind", "amount", "unit", "t CO2e", "factor", "evidence", "remarks"), right=(2, 4))
    for choice in view.choices():
        say()
        say(f"{numbers[_reasons(choice)]} {factor_text(choice)}")
        listed("Why:", choice.steps)
        listed("Take care:", flag_words(list(choice.flags)))


def to_json(view: MonthView) -> dict[str, Json]:
    """The months for programs: amounts as exact decimal text."""
    return {
        "months": [
            {
                "month": str(row.month),
                "kind": row.kind,
                "quantity": decimal_to_text(decimal_of_micro(row.quantity_micro)) if row.kind else None,
                "unit": row.unit,
                "g_co2e": None if row.amount_ug_co2e is None else decimal_to_text(decimal_of_micro(row.amount_ug_co2e)),
                "is_avoided": row.is_avoided,
                "factor_id": row.choice.chosen.factor.factor_id if row.choice and row.choice.chosen else None,
                "evidence": list(row.evidence),
                "not_measured_days": view.missing_count_of.get(row.month, 0),
                "days": row.month.days_count(),
            }
            for row in view.rows
        ],
        "factors": [_choice_json(choice) for choice in view.choices()],
    }


def gap_text(month: Month, missing_count: int) -> str:
    """What is said about days without readings."""
    return f"not measured: {missing_count} of {month.days_count()} days"


def factor_text(choice: Resolution) -> str:
    """The factor of a choice in one line: number, publisher, edition, region, year, what it counts."""
    if choice.chosen is None:
        return f"{choice.key.kind} in {choice.key.region}, {choice.key.year}: {NOT_SCORED}, never zero"
    row = choice.chosen.factor
    scope = str(row.life_cycle_scope).replace("_", " ")
    return f"{grams_per_unit(choice.chosen)} g CO2e/{row.unit}: {row.publisher}, {row.edition}, {row.region}, {row.year}, {scope}"


def grams_per_unit(chosen: CompiledFactor) -> str:
    """Grams of CO2e per unit, exact decimal text."""
    return fraction_to_text(Fraction(chosen.ug_per_unit.total_ug_co2e, MICRO_PER_UNIT))


def _row(work: Work, found: Line | Unscored) -> MonthRow:
    kind = find_kind(found.key.kind)
    return MonthRow(
        month=found.month,
        kind=kind.name,
        unit=found.key.unit,
        quantity_micro=found.quantity_micro,
        amount_ug_co2e=found.emissions.total_ug_co2e if isinstance(found, Line) else None,
        choice=resolve(found.key, work.services.factor_set, Basis.LOCATION),
        evidence=tuple(str(one) for one in found.by_evidence_micro) if isinstance(found, Line) else (),
        is_avoided=kind.is_avoided,
    )


def _quantity_text(row: MonthRow) -> str:
    return quantize_text(Fraction(row.quantity_micro, MICRO_PER_UNIT), places_count=1) if row.kind else ""


def _emissions_text(row: MonthRow) -> str:
    if not row.kind:
        return ""
    if row.amount_ug_co2e is None:
        return NOT_SCORED
    return tonnes_text(row.amount_ug_co2e)


def _reasons(choice: Resolution) -> tuple[str, tuple[str, ...]]:
    """What tells choices apart for a reader: the factor, or the key where none fits, and the steps."""
    return choice.chosen.factor.factor_id if choice.chosen else choice.key.key_id, choice.steps


def _choice_json(choice: Resolution) -> dict[str, Json]:
    answer: dict[str, Json] = {
        "key": choice.key.to_json(),
        "steps": list(choice.steps),
        "flags": list(choice.flags),
        "factor": None,
    }
    if choice.chosen is not None:
        row = choice.chosen.factor
        answer["factor"] = {**row.to_json(), "factor_id": row.factor_id}
        answer["g_co2e_per_unit"] = grams_per_unit(choice.chosen)
        answer["gwp_set"] = choice.chosen.gwp_set
    return answer
