"""Tables of anything: each row an activity of any kind, by a mapping. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta

from connectors.activities.names import COLUMNS
from connectors.activities.parse import Reading
from connectors.mapping import MappedRow, MappedTable, TableMapping, day_of, mapping_and_file, plain_number
from connectors.table import at_row
from domain.declared import ActivityDocument
from domain.errors import ClimateFitnessError, DocumentError, HostileDocumentError, InputError, UnknownFormatError

PARSER_VERSION = "spreadsheet/1"
"""Stands in manifests."""

FIELDS = COLUMNS - {"removed", "removed_at"} | {"currency"}
"""What a mapping can say: the fields of an activity, the attributes of all kinds; `currency` is the unit where money is meant."""

_REQUIRED = ("kind", "quantity", "start")
_NUMBERS = frozenset({"quantity", "start", "end"})
_ONE_DAY = timedelta(days=1)


def parse(body: bytes) -> ActivityDocument:
    """The activities of a table.

    Args:
        body: CSV or a workbook, with its mapping before it.

    Returns:
        One activity for each row, and what was refused with line and reason.

    Raises:
        DocumentError: It is no table, it has no mapping, or it lacks a column of it.
    """
    mapping, file = mapping_and_file(body, FIELDS)
    if mapping is None:
        raise DocumentError(
            "A table needs a mapping: what its columns mean",
            expected="a mapping beside the file",
            got="a table without one",
            record="mapping",
            next_step="Look at it with `climate-fitness preview FILE --save mapping.json`; then import it with --mapping.",
        )
    reading = Reading()
    for number, row in rows_of(file, mapping):
        if isinstance(row, DocumentError):
            reading.refused.append(row)
            continue
        try:
            reading.take(number, row)
        except InputError as error:
            reading.refused.append(at_row(error, number))
    return ActivityDocument(tuple(reading.activities), (), tuple(reading.refused))


def rows_of(file: bytes, mapping: TableMapping) -> Iterator[tuple[int, MappedRow | DocumentError]]:
    """The rows of a table as fields of an activity, numbers and days in plain form.

    Args:
        file: CSV or a workbook.
        mapping: What its columns mean.

    Yields:
        Line number from 1 and the fields, or why there are none.

    Raises:
        UnknownFormatError: It lacks a column of the mapping, or the mapping says no kind, quantity, unit or start.
        DocumentError: It is no table.
    """
    missing = [name for name in _REQUIRED if not mapping.has(name)]
    if not mapping.has("unit") and not mapping.has("currency"):
        missing.append("unit")
    if missing:
        raise UnknownFormatError(
            "The mapping does not say everything",
            expected="kind, quantity, unit and start, each a column or a constant",
            got=f"no {', '.join(missing)}",
            record="mapping",
            next_step="Look at the file with `climate-fitness preview`, and say what is missing.",
        )
    for number, row in MappedTable(file, mapping).rows():
        if isinstance(row, DocumentError):
            yield number, row
            continue
        try:
            yield number, _plain(row, mapping)
        except ClimateFitnessError as error:
            yield number, at_row(error, number) if isinstance(error, InputError) else DocumentError(error.message)


def _plain(row: MappedRow, mapping: TableMapping) -> MappedRow:
    found = dict(row)
    for name, text in found.items():
        if name not in _NUMBERS and text.startswith(("+", "-")):
            raise HostileDocumentError(
                "This cell looks like a formula of a spreadsheet",
                expected="plain text",
                got=text[:60],
                record=name,
                next_step="Write the value itself.",
            )
    currency = found.pop("currency", "")
    if "start" not in found and "quantity" in found:
        raise DocumentError(
            "This row has no day: it may be a total, which is not counted",
            expected="an activity with its day",
            got=", ".join(row.values())[:80],
            record="start",
        )
    if "quantity" in found:
        found["quantity"], beside = plain_number(found["quantity"], mapping.decimals, record="quantity")
        said = found.get("unit") or currency
        if beside and said and beside != said:
            raise DocumentError("Two units stand in this row", expected=said, got=beside, record="quantity")
        found["unit"] = said or beside
    for name in ("start", "end"):
        if name in found:
            found[name] = day_of(found[name], mapping.date_order, record=name)
    if mapping.end_is_included and "end" in found:
        found["end"] = (date.fromisoformat(found["end"]) + _ONE_DAY).isoformat()
    return {name: str(text) for name, text in found.items()}
