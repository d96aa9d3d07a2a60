"""Activity to t CO2e by month, part by part, as a page shows it: factors, why those, and which days were not measured."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from app.cli.factors import flag_words
from app.cli.listing import tonnes_text
from app.cli.terminal import listed, say, table
from app.services import Whose, Work
from app.store import activities, subjects
from app.usecases.show_days import measured_days, meter_zone
from app.usecases.show_lines import chosen_part, line_json, resolution_of
from app.usecases.show_months import ELECTRICITY, ELECTRICITY_EXPORT, live_amounts
from dashboards.format import attributes_text
from dashboards.messages import messages_in
from dashboards.pages.trace import scope_totals
from domain.activity import ActivityKey
from domain.canonical import Json
from domain.factor import Basis, CompiledFactor, Part, Resolution
from domain.hourly import HOURLY
from domain.number import decimal_of_micro, decimal_to_text, fraction_to_text, quantize_text
from domain.period import Month, MonthRange
from domain.statement import Line, Unscored
from domain.units import MICRO_PER_UNIT
from scoring.certificates import CERTIFICATE_KIND
from scoring.factors.factor_set import FactorSet
from scoring.resolve import resolve
from scoring.retirements import CREDIT_KIND

NOT_SCORED = "unscored"
"""What stands in place of emissions where no factor fits."""


@dataclass(frozen=True, slots=True)
class MonthRow:
    """One part of an activity in one month; an amount without a factor; or a month in which nothing was measured.

    Attributes:
        month: Local month.
        line: The line, location based; None where no factor fits or nothing was measured.
        unscored: What no factor fits; None elsewhere.
        choice: Why this factor; None where nothing was measured.
        chosen: The line's factor; None where there is none.
    """

    month: Month
    line: Line | None = None
    unscored: Unscored | None = None
    choice: Resolution | None = None
    chosen: CompiledFactor | None = None

    @property
    def key(self) -> ActivityKey | None:
        """The activity key; None where nothing was measured."""
        found = self.line or self.unscored
        return found.key if found else None

    @property
    def quantity_micro(self) -> int:
        """Millionths of the key's unit."""
        found = self.line or self.unscored
        return found.quantity_micro if found else 0


@dataclass(frozen=True, slots=True)
class MonthView:
    """Months of a subject.

    Attributes:
        rows: By month and kind, parts in order.
        missing_count_of: Month to its days that no meter or bill measured; none where there is no meter at all.
        lines: All lines, on both bases.
        factor_set: What was chosen from.
        retired_g_co2e: Credits retired in these months.
    """

    rows: tuple[MonthRow, ...]
    missing_count_of: dict[Month, int]
    lines: tuple[Line, ...]
    factor_set: FactorSet
    retired_g_co2e: int = 0

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
    amounts, factor_set = live_amounts(work, whose, months), work.services.factor_set
    subject = subjects.by_id(work.session, whose.tenant_id, whose.subject_id)
    spans = activities.daily_sums(work.session, whose.tenant_id, whose.subject_id, months)
    measured = measured_days(spans, {ELECTRICITY}, meter_zone(work, subject))
    rows: list[MonthRow] = []
    for month in months.months():
        found = amounts.get(month)
        if found is None:
            rows.append(MonthRow(month))
            continue
        of_month = [_of_line(factor_set, line) for line in found.lines if line.basis is Basis.LOCATION]
        of_month += [_of_unscored(factor_set, total) for total in found.unscored]
        rows += sorted(of_month, key=_kind_of)
    is_metered = any(span.kind in {ELECTRICITY, ELECTRICITY_EXPORT} for span in spans) or not spans
    missing = {month: month.days_count() - len(measured.get(month, ())) for month in months.months()}
    lines = tuple(line for found in amounts.values() for line in found.lines)
    gaps = {month: count for month, count in missing.items() if count and is_metered}
    return MonthView(tuple(rows), gaps, lines, factor_set, sum(found.retired_g_co2e for found in amounts.values()))


def show(view: MonthView) -> None:
    """Print the months, part by part, then each factor once with its reasons, then the totals by scope."""
    messages = messages_in()
    numbers = {_reasons(choice): f"[{i}]" for i, choice in enumerate(view.choices(), 1)}
    rows, said = [], set[Month]()
    for row in view.rows:
        missing_count = 0 if row.month in said else view.missing_count_of.get(row.month, 0)
        said.add(row.month)
        line, key = row.line, row.key
        remarks = ["avoided, in no total"] if line and line.is_avoided else []
        remarks += [gap_text(row.month, missing_count)] if missing_count else []
        remarks += [attributes_text(messages, key)] if key and key.attributes else []
        remarks += [row.unscored.reason] if row.unscored and row.choice is None else []
        part = messages(f"part.{line.part}") if line and line.part is not Part.USE else ""
        factor = numbers[_reasons(row.choice)] if row.choice else ""
        evidence = ", ".join(str(one) for one in line.by_evidence_micro) if line else ""
        names = (str(row.month), key.kind if key else "", part)
        amounts = (_quantity_text(row), key.unit if key else "", _emissions_text(row), _scope_text(line))
        rows.append((*names, *amounts, factor, evidence, "; ".join(remarks)))
    head = ("month", "kind", "part", "amount", "unit", "t CO2e", "scope", "factor", "evidence", "remarks")
    table(rows, head=head, right=(3, 5))
    for choice in view.choices():
        say()
        say(f"{numbers[_reasons(choice)]} {factor_text(choice)}")
        listed("Why:", choice.steps)
        listed("Take care:", flag_words(list(choice.flags)))
    _show_scopes(view)


def _show_scopes(view: MonthView) -> None:
    if view.retired_g_co2e:
        say()
        amount = tonnes_text(view.retired_g_co2e * MICRO_PER_UNIT)
        say(f"Credits retired: {amount} t CO2e, off the net when the months are closed.")
    scopes = scope_totals(view.lines)
    if not scopes:
        return
    say()
    names = [f"scope {one.scope}" + (f", category {one.category}" if one.category else "") for one in scopes]
    amounts = [(tonnes_text(one.location_ug_co2e), tonnes_text(one.market_ug_co2e)) for one in scopes]
    rows = [(name, *pair) for name, pair in zip(names, amounts, strict=True)]
    table(rows, head=("t CO2e", "location based", "market based"), right=(1, 2))


def to_json(view: MonthView) -> dict[str, Json]:
    """The months for programs, in the words of an estimate: amounts as exact decimal text."""
    return {
        "months": [_row_json(view, row) for row in view.rows],
        "factors": [_choice_json(choice) for choice in view.choices()],
        **totals_json(view.lines),
        "retired_g_co2e": str(view.retired_g_co2e),
    }


def totals_json(lines: Iterable[Line]) -> dict[str, Json]:
    """Totals by scope and by category of scope 3, on both bases, as exact decimal text."""
    by_scope: list[Json] = []
    by_category: list[Json] = []
    for one in scope_totals(tuple(lines)):
        (by_category if one.category else by_scope).append(
            {
                "scope": one.scope,
                "category": one.category,
                "gross_location_g_co2e": _text(one.location_ug_co2e),
                "gross_market_g_co2e": _text(one.market_ug_co2e),
            }
        )
    return {"by_scope": by_scope, "by_category": by_category}


def gap_text(month: Month, missing_count: int) -> str:
    """What is said about days without readings."""
    return f"not measured: {missing_count} of {month.days_count()} days"


def factor_text(choice: Resolution) -> str:
    """The factor of a choice in one line: number, publisher, edition, region, year, what it counts."""
    if choice.chosen is None:
        return f"{choice.key.kind} in {choice.key.region or 'the world'}, {choice.key.year}: {NOT_SCORED}, never zero"
    row = choice.chosen.factor
    scope = str(row.life_cycle_scope).replace("_", " ")
    per = f"{grams_per_unit(choice.chosen)} g CO2e/{choice.key.unit}"
    if HOURLY in choice.flags:
        return f"{per}: mean of the grid's hourly factors"
    return f"{per}: {row.publisher}, {row.edition}, {row.region}, {row.year}, {scope}"


def grams_per_unit(chosen: CompiledFactor) -> str:
    """Grams of CO2e per unit of the activity, exact decimal text."""
    return fraction_to_text(Fraction(chosen.ug_per_unit.total_ug_co2e, MICRO_PER_UNIT))


def _of_line(factor_set: FactorSet, line: Line) -> MonthRow:
    choice = resolution_of(factor_set, line)
    return MonthRow(line.month, line=line, choice=choice, chosen=chosen_part(choice, line))


def _of_unscored(factor_set: FactorSet, total: Unscored) -> MonthRow:
    if total.key.kind in {CREDIT_KIND, CERTIFICATE_KIND}:  # no factor is looked for: the reason says what is wrong
        return MonthRow(total.month, unscored=total)
    choice = resolve(total.key, factor_set, Basis.LOCATION)
    return MonthRow(total.month, unscored=total, choice=None if choice.chosen else choice)


def _kind_of(row: MonthRow) -> str:
    return row.key.kind if row.key else ""


def _row_json(view: MonthView, row: MonthRow) -> dict[str, Json]:
    days: dict[str, Json] = {"not_measured_days": view.missing_count_of.get(row.month, 0), "days": row.month.days_count()}
    if row.line is not None:
        evidence: list[Json] = [str(one) for one in row.line.by_evidence_micro]
        return {**line_json(view.factor_set, row.line), "evidence": evidence, **days}
    key = row.key
    nothing: dict[str, Json] = {
        "month": str(row.month),
        "kind": key.kind if key else "",
        "place": key.region if key else "",
        "attributes": dict(key.attributes) if key else {},
        "part": str(Part.USE) if key else "",
        "scope": None,
        "category": None,
        "quantity": _text(row.quantity_micro) if key else None,
        "unit": key.unit if key else "",
        "g_co2e": None,
        "is_avoided": False,
        "factor_id": None,
        "reason": row.unscored.reason if row.unscored else "",
        "evidence": [],
    }
    return {**nothing, **days}


def _quantity_text(row: MonthRow) -> str:
    return quantize_text(Fraction(row.quantity_micro, MICRO_PER_UNIT), places_count=1) if row.key else ""


def _emissions_text(row: MonthRow) -> str:
    if row.line is not None:
        return tonnes_text(row.line.emissions.total_ug_co2e)
    return NOT_SCORED if row.unscored else ""


def _scope_text(line: Line | None) -> str:
    if line is None or not line.scope:
        return ""
    return f"{line.scope}.{line.category}" if line.category else str(line.scope)


def _reasons(choice: Resolution) -> tuple[str, tuple[str, ...]]:
    """What tells choices apart for a reader: the factor, or the key where none fits, and the steps."""
    return choice.chosen.factor.factor_id if choice.chosen else choice.key.key_id, choice.steps


def _choice_json(choice: Resolution) -> dict[str, Json]:
    answer: dict[str, Json] = {
        "key": choice.key.to_json(),
        "steps": list(choice.steps),
        "flags": list(choice.flags),
        "factor": None,
        "additions": [
            {
                **_compiled_json(one.chosen),
                "part": str(one.part),
                "scope": one.scope,
                "category": one.category,
                "flags": list(one.flags),
            }
            for one in choice.additions
        ],
    }
    return answer | (_compiled_json(choice.chosen) if choice.chosen else {})


def _compiled_json(chosen: CompiledFactor) -> dict[str, Json]:
    row = chosen.factor
    return {
        "factor": {**row.to_json(), "factor_id": row.factor_id},
        "factor_g_co2e_per_unit": grams_per_unit(chosen),
        "gwp_set": chosen.gwp_set,
        "scale": str(chosen.scale),
    }


def _text(value_micro: int) -> str:
    return decimal_to_text(decimal_of_micro(value_micro))
