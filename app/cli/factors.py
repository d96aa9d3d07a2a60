"""`factors list` and `factors explain`."""

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from app.cli.terminal import ExitCode, listed, print_json, say, table
from app.usecases.explain_factor import explain_factor
from dashboards.messages import messages_in
from domain.activity import find_kind
from domain.factor import Basis, EmissionFactor
from domain.number import fraction_to_text
from domain.units import MICRO_PER_UNIT
from scoring.factors.load import shipped_factor_set


def run_list(kind: str, *, is_json: bool) -> None:
    """List the published tables that are held.

    Args:
        kind: Only factors for this kind; all where empty.
        is_json: Answer for programs.

    Raises:
        KindError: There is no such kind.
    """
    if kind:
        find_kind(kind, record="--kind")
    factor_set = shipped_factor_set()
    groups: dict[tuple[str, ...], list[EmissionFactor]] = defaultdict(list)
    for row in factor_set.factors:
        if not kind or row.kind == kind:
            groups[row.publisher, row.edition, row.table, row.kind, row.unit, row.rate, str(row.life_cycle_scope)].append(row)
    tables = [_table_json(names, rows) for names, rows in groups.items()]
    if is_json:
        print_json({"factor_set": factor_set.id.to_json() | {"version": factor_set.version}, "tables": tables})
        return
    say(f"Factor set {factor_set.version}: {factor_set.id.size} rows, root {factor_set.id.root_hex}")
    say()
    heads = ("publisher", "edition", "kind", "rate", "scope", "regions", "years")
    shown = [
        (one["publisher"], one["edition"], one["kind"], one["rate"], one["life_cycle_scope"], one["regions"], one["years"])
        for one in tables
    ]
    table([tuple(map(str, row)) for row in shown], head=heads, right=(5,))


def run_explain(region_text: str, year: int, *, kind: str, basis: Basis, is_json: bool) -> int:
    """Say which factor a place and year get, and why.

    Args:
        region_text: ZIP code, country code or region path.
        year: Calendar year of the activity.
        kind: Name of a kind.
        basis: Location or market.
        is_json: Answer for programs.

    Returns:
        The exit code: 1 where no factor fits.
    """
    answer = explain_factor(shipped_factor_set(), kind=kind, region_text=region_text, year=year, basis=basis)
    factor = answer["factor"]
    if is_json:
        print_json(answer)
    else:
        _show(answer)
    return ExitCode.DONE if factor else ExitCode.PARTLY


def _show(answer: Mapping[str, Any]) -> None:
    """Print an explanation (`app.usecases.explain_factor`)."""
    factor = answer["factor"]
    if factor:
        grams = fraction_to_text(Fraction(int(answer["ug_co2e_per_unit"]["total"]), MICRO_PER_UNIT))
        where = f"{factor['publisher']}, {factor['edition']}, {factor['region']}, {factor['year']}"
        say(f"{grams} g CO2e/{factor['unit']}: {where}, {factor['life_cycle_scope'].replace('_', ' ')}")
    else:
        say("No published factor fits; such activity is counted and shown as unscored, never as zero.")
    listed("Why:", answer["steps"])
    listed("Take care:", flag_words(answer["flags"]))


def flag_words(flags: list[str]) -> list[str]:
    """Flags of a resolution in plain words."""
    messages = messages_in()
    return [messages(f"flag.{flag}") for flag in flags]


def _table_json(names: tuple[str, ...], rows: list[EmissionFactor]) -> dict[str, str | int]:
    years = sorted({row.year for row in rows})
    fields = dict(zip(("publisher", "edition", "table", "kind", "unit", "rate", "life_cycle_scope"), names, strict=True))
    return {
        **fields,
        "regions": len({row.region for row in rows}),
        "years": str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}",
        "source_url": rows[0].source_url,
    }
