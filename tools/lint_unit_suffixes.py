"""Finds numbers whose name does not say their unit.

Reads the syntax tree of the rooms where quantities live (`domain/`, `scoring/`, `ledger/` and every `connectors/*/parse.py`)
and checks each annotated number: parameters, class fields and module constants of type int, float, Decimal or Fraction, alone,
optional, or as the elements of a list, tuple, sequence or iterable. A name passes when it ends in a unit, a kind of count or a
kind of identifier from docs/glossary.md ("Units in names"), or stands in `ALLOWED` below with its reason. `mt` never passes:
Mt is a megatonne.

Run it as `python tools/lint_unit_suffixes.py [ROOT]`; it prints `path:line: message` and exits 1 when it found something. What
it cannot see: numbers without annotation (mypy's strict mode leaves only locals) and values inside dictionaries.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOMS = ("domain/**/*.py", "scoring/**/*.py", "ledger/**/*.py", "connectors/*/parse.py")

NUMBERS = frozenset({"int", "float", "Decimal", "Fraction"})
SEQUENCES = frozenset({"Collection", "Iterable", "Iterator", "Sequence", "frozenset", "list", "set", "tuple"})

# Each row is one line of the table "Units in names" of docs/glossary.md; tests/tools/test_lint_unit_suffixes.py compares them.
UNITS = {
    "energy": "j mj gj wh kwh mwh therm btu mmbtu",
    "power": "w kw",
    "distance and transport": "km mi pkm tkm",
    "angle": "deg",
    "seats": "seats",
    "mass": "ug mg g kg t lb",
    "volume": "l m3 gal ft3",
    "emissions": "co2e",
    "money": "usd eur minor",
    "time": "ns us ms s minutes hours days months years at date",
    "calendar": "year month day hour minute ym",
    "share": "ratio pct ppm bp",
    "count and position": "count index indexes size offset length depth number bits bytes",
    "identity": "id version revision epoch nonce seed",
    "counts by their own word": "quorum confirmations iterations",
    "class of a published list": "scope category region kind status code",
    "millionths of the kind's canonical unit": "micro",
    "exact fraction": "numerator denominator",
    "chain": "gas wei slot batch",
    "score": "points",
}
SUFFIXES = frozenset(" ".join(UNITS.values()).split())

# These settle a name wherever they stand: `factor_ug_per_unit` names numerator and denominator, `gross_g_co2e_text` its unit.
ANYWHERE = frozenset({"per", "co2e", "micro", "gas"})

# (path, name): why this number has no unit to say. An entry that nothing needs any more is reported too.
ALLOWED: dict[tuple[str, str], str] = {
    ("domain/canonical.py", "MAX_INTEGER"): "a bound of JSON numbers, whatever they measure",
    ("domain/split.py", "weights"): "shares of a whole, in any unit that is the same for all",
    ("ledger/chain.py", "amount"): "watt-hours of a REC, grams of an offset: the contract has one word for both",
    ("ledger/issuance.py", "value"): "an integer to encode, whatever it measures",
    ("ledger/loopback.py", "port"): "the number of a TCP port",
    ("ledger/signing.py", "ORDER"): "the order of the curve's group: a pure number",
    ("ledger/signing.py", "r"): "a word of a signature, by the name that EIP-2098 gives it",
    ("ledger/signing.py", "vs"): "a word of a signature, by the name that EIP-2098 gives it",
    ("domain/number.py", "INT64_MAX"): "a bound of the type, whatever it measures",
    ("domain/number.py", "value"): "arithmetic on any unit: the caller's name says it",
    ("domain/units.py", "amount"): "in the unit that the argument `symbol` beside it names",
    ("domain/units.py", "rounded_away"): "in millionths of the field `unit` beside it",
    ("domain/factor.py", "scale"): "a ratio of two units that its docstring names",
    ("domain/kinds.py", "other_categories"): "numbers of scope 3 categories, a published list",
    ("domain/kinds.py", "amount"): "in the unit that the argument `symbol` beside it names",
    ("domain/statement.py", "scale"): "a ratio of two units that its docstring names",
    ("scoring/aliases.py", "_SPELT_ALIKE"): "a likeness of two words, 0 to 1: a pure number",
    ("scoring/engines/files.py", "unscored_keys"): "ids of keys, which are numbers of a folder",
    ("scoring/engines/parquet.py", "rows"): "rows of a table, whatever its columns hold",
    ("scoring/estimate_request.py", "amount"): "in the unit that the sender's field beside it names",
    ("scoring/factors/compile.py", "_ONE"): "the number one",
    ("scoring/factors/compile.py", "scale"): "a ratio of two units that its docstring names",
    ("scoring/factors/difference.py", "added"): "rows: a count by its own word",
    ("scoring/factors/difference.py", "removed"): "rows: a count by its own word",
    ("scoring/factors/difference.py", "changed"): "rows: a count by its own word",
    ("scoring/factors/factor_set.py", "_ONE"): "the number one",
    ("scoring/factors/factor_set.py", "scale"): "a ratio of two units that its docstring names",
    ("scoring/factors/importers/ademe.py", "_PLACES_LIMIT"): "decimal places: a pure number",
    ("scoring/factors/importers/ademe.py", "value"): "in the unit that the table beside it names",
    ("scoring/factors/importers/ademe.py", "stage_ids"): "ADEME's numbers of life-cycle stages",
    ("scoring/factors/importers/airports.py", "limit"): "in the unit of what is compared with it",
    ("scoring/factors/importers/bls_cpi.py", "ANNUAL_TOLERANCE"): "points of an index",
    ("scoring/factors/importers/bls_cpi.py", "_TOLERANCE_ONE_PLACE"): "points of an index",
    ("scoring/factors/importers/defra.py", "_SUM_TOLERANCE"): "in the published unit of the row that is checked",
    ("scoring/factors/importers/defra.py", "_TWIN_TOLERANCE"): "in the published unit of the row that is checked",
    ("scoring/factors/importers/defra.py", "got"): "in the published unit of the row that is checked",
    ("scoring/factors/importers/defra.py", "want"): "in the published unit of the row that is checked",
    ("scoring/factors/importers/defra.py", "value"): "in the published unit of the row that is shown",
    ("scoring/factors/importers/defra_sheet.py", "line"): "number of a row of the sheet",
    ("scoring/factors/importers/epa_hub_sheet.py", "FIRST_COLUMN"): "number of a column of the sheet",
    ("scoring/factors/importers/food.py", "_DOUBLE_DIGITS"): "digits of a number: a pure number",
    ("scoring/factors/importers/ipcc_gwp.py", "old"): "kg CO2e per kg, as every number of the file",
    ("scoring/factors/importers/ipcc_gwp.py", "new"): "kg CO2e per kg, as every number of the file",
    ("scoring/factors/importers/memobank.py", "width"): "cells of a line: a count by its own word",
    ("scoring/factors/importers/us_utilities.py", "first_flag"): "number of a column of the sheet",
    ("scoring/flight.py", "economy"): "seats: the class says it",
    ("scoring/flight.py", "premium_economy"): "seats: the class says it",
    ("scoring/flight.py", "business"): "seats: the class says it",
    ("scoring/flight.py", "first"): "seats: the class says it",
    ("scoring/flight.py", "seat_weight"): "in economy seats: a pure number",
    ("scoring/purchase.py", "_ONE"): "the number one",
    ("scoring/readings.py", "_PAIR"): "two of a pair: a count by its own word",
    ("scoring/readings.py", "amount"): "in the unit that the request beside it names",
    ("scoring/rule.py", "_ONE"): "the number one",
    ("scoring/rule.py", "scale"): "a ratio of two units that its docstring names",
    ("scoring/rules/electricity.py", "scale"): "a ratio of two units that its docstring names",
    ("scoring/rules/flight.py", "scale"): "a ratio of two units that its docstring names",
    ("scoring/uncertainty.py", "_BASIC"): "a geometric standard deviation squared: a pure number",
}


@dataclass(frozen=True)
class Number:
    """One annotated number: where it stands and what it is called."""

    path: str
    line_number: int
    name: str


def says_its_unit(name: str) -> bool:
    """Whether a name ends in a unit, or holds one of the words that settle it anywhere.

    Args:
        name: An identifier such as `quantity_micro` or `RATE_KG_CO2E_PER_MWH`.

    Returns:
        True for a known unit. A single letter alone (`s`, `g`) is no unit: it is a short name.
    """
    words = name.lower().strip("_").split("_")
    if any(word in {"mt", "mtco2e"} for word in words):
        return False
    if any(word in ANYWHERE for word in words):
        return True
    return words[-1] in SUFFIXES and (len(words) > 1 or len(words[-1]) > 1)


def numbers_in(source: str, path: str) -> Iterator[Number]:
    """Every annotated number of one file, in the order of the file.

    Args:
        source: Python source text.
        path: The file's name for messages.

    Yields:
        Parameters, class fields and module constants that are numbers.
    """
    tree = ast.parse(source, filename=path)
    yield from _constants(tree, path)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _parameters(node.args, path)
        elif isinstance(node, ast.ClassDef):
            yield from _fields(node, path)


def _parameters(arguments: ast.arguments, path: str) -> Iterator[Number]:
    """Numbers among the parameters of one function."""
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    for argument in [*named, *filter(None, (arguments.vararg, arguments.kwarg))]:
        if argument.annotation is not None and _is_number(argument.annotation):
            yield Number(path, argument.lineno, argument.arg)


def _fields(node: ast.ClassDef, path: str) -> Iterator[Number]:
    """Numbers among the annotated fields of one class."""
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and _is_number(statement.annotation):
            yield Number(path, statement.lineno, statement.target.id)


def _constants(tree: ast.Module, path: str) -> Iterator[Number]:
    """Numbers among the names that a module binds."""
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if _is_number(statement.annotation):
                yield Number(path, statement.lineno, statement.target.id)
        elif isinstance(statement, ast.Assign) and _is_number_value(statement.value):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield Number(path, statement.lineno, target.id)


def _is_number(annotation: ast.expr) -> bool:
    """Whether an annotation is a number, an optional one, or a sequence of them."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _is_number(ast.parse(annotation.value, mode="eval").body)
    if isinstance(annotation, ast.Name | ast.Attribute):
        return _last_name(annotation) in NUMBERS
    if isinstance(annotation, ast.BinOp):
        return _is_number(annotation.left) or _is_number(annotation.right)
    if isinstance(annotation, ast.Subscript):
        return _is_number_subscript(annotation)
    return False


def _is_number_subscript(annotation: ast.Subscript) -> bool:
    """Whether `X[...]` wraps numbers: Final, ClassVar, Optional, or a sequence of one type."""
    inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    outer = _last_name(annotation.value)
    if outer in SEQUENCES:
        elements = [e for e in inner if not (isinstance(e, ast.Constant) and e.value is Ellipsis)]
        return len(elements) == 1 and _is_number(elements[0])
    return outer in {"Annotated", "ClassVar", "Final", "Optional"} and _is_number(inner[0])


def _last_name(node: ast.expr) -> str:
    """`Decimal` of `Decimal` and of `decimal.Decimal`; empty for anything else."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_number_value(value: ast.expr) -> bool:
    """Whether an expression is plainly a number: a literal, arithmetic on literals, Decimal(...) or Fraction(...)."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int | float) and not isinstance(value.value, bool)
    if isinstance(value, ast.UnaryOp):
        return _is_number_value(value.operand)
    if isinstance(value, ast.BinOp):
        return _is_number_value(value.left) and _is_number_value(value.right)
    return isinstance(value, ast.Call) and _last_name(value.func) in NUMBERS


def findings(root: Path, allowed: dict[tuple[str, str], str]) -> list[str]:
    """What is wrong under a root folder, one message per finding.

    Args:
        root: Folder that holds the rooms.
        allowed: (path, name) pairs that need no unit, with their reasons.

    Returns:
        Messages `path:line: ...`, sorted by path; then the entries of `allowed` that nothing needs.
    """
    files = sorted({file for pattern in ROOMS for file in root.glob(pattern)})
    found: list[str] = []
    needed: set[tuple[str, str]] = set()
    for file in files:
        path = file.relative_to(root).as_posix()
        for number in numbers_in(file.read_text(encoding="utf-8"), path):
            if says_its_unit(number.name):
                continue
            if (path, number.name) in allowed:
                needed.add((path, number.name))
            else:
                found.append(
                    f"{path}:{number.line_number}: `{number.name}` is a number without a unit: end its name in one of "
                    "docs/glossary.md ('Units in names'), or give the reason in ALLOWED of tools/lint_unit_suffixes.py"
                )
    unused = sorted(set(allowed) - needed)
    return found + [
        f"{path}:1: `{name}` is allowed in tools/lint_unit_suffixes.py but needs no permission" for path, name in unused
    ]


def main(arguments: list[str]) -> int:
    """Exit code of the command: 0 when every number says its unit, else 1.

    Args:
        arguments: At most one, the root folder; this repository when left out.

    Returns:
        0 or 1.
    """
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    messages = findings(root, ALLOWED)
    print("\n".join(messages) if messages else "unit suffixes: every number says its unit")
    return 1 if messages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
