"""Looking at a file before it is taken in: what it seems to mean, what must be asked, its first records as they would be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from connectors import registry
from connectors.base import Question
from connectors.guess import Guess, LineLook, Previewed, Shop
from connectors.mapping import TableMapping, changed, mapping_and_file, mapping_from_json, with_mapping
from connectors.spend import merchant_name
from connectors.table import Layout, table_rows
from domain.canonical import Json
from domain.errors import DocumentError, InputError, NotFoundError
from domain.units import CURRENCIES

SHOWN_COUNT = 20
"""Records that are shown."""

FIRST_ROWS_COUNT = 8
"""Rows of a table that are shown as they stand there, from its header on."""

_BANK, _TABLE = "bank-file", "spreadsheet"
_SETTINGS = frozenset(TableMapping().to_json()) - {"format", "columns", "constants", "values"}


@dataclass(frozen=True, slots=True)
class Preview:
    """What is known of a file before it is taken in.

    Attributes:
        connector: Id of the connector that reads it.
        guess: What it seems to mean, and how that is known.
        mapping: The guess with what the person said.
        said: Names of what the person said: they are no guesses.
        questions: What is still open; while there are any, the mapping is not to be kept.
        lines: The first records as they would be read; none while questions are open.
        shops: Merchants of whom nothing says what they sell, as if the person had said nothing of them; none while questions are
            open.
        rows: Number and cells of the first rows as they stand there, the header first; none where the file is no table.
    """

    connector: str
    guess: Guess
    mapping: TableMapping
    said: frozenset[str]
    questions: tuple[Question, ...]
    lines: tuple[LineLook, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...] = ()
    shops: tuple[Shop, ...] = ()

    @property
    def is_table(self) -> bool:
        """Whether its columns are what is mapped; a QIF file needs answers only."""
        return bool(self.guess.columns) and self.guess.sort == "table"

    @property
    def needs_mapping(self) -> bool:
        """Whether the file is read by a mapping; some formats say everything themselves, but what shops sell."""
        return bool(self.guess.columns or self.mapping.merchants)


def preview_file(
    body: bytes,
    *,
    connector_name: str = "",
    answers: Sequence[str] = (),
    answered: Mapping[str, Json] | None = None,
    mapping: Json = None,
    most_count: int = SHOWN_COUNT,
) -> Preview:
    """Look at a file. Nothing is stored.

    Args:
        body: The file as it came.
        connector_name: What is to read it; found out where empty.
        answers: What the person said, each as `currency=EUR`, `date_order=dmy`, `columns.amount=Betrag` or
            `values.kind.Bahn=rail`, and of a merchant by the category code of what they sell: `merchants.ACME=5712`.
        answered: The same as part of a mapping, as `TableMapping.to_json` writes it.
        mapping: A mapping that is there already, as JSON; None where there is none. With it nothing is asked.
        most_count: Records to show.

    Returns:
        What is known of it.

    Raises:
        NotFoundError: There is no such connector, or its files cannot be looked at.
        DocumentError: The file cannot be read, or an answer is none.
    """
    name = connector_name or connector_for(body)
    connector = registry.find(name)
    if not isinstance(connector, Previewed):
        raise NotFoundError(
            "The files of this connector need no preview",
            expected=f"{_BANK} or {_TABLE}",
            got=name,
            next_step=f"Use `climate-fitness parse {name} FILE`.",
        )
    said = {**_said(answers, connector.mapped_fields), **(answered or {})}
    mapping_from_json(said, connector.mapped_fields)
    if mapping is not None:
        kept = mapping_from_json(mapping, connector.mapped_fields).to_json()
        said = {**kept, **changed(mapping_from_json(mapping, connector.mapped_fields), said, connector.mapped_fields).to_json()}
    guess = connector.guess(body, said)
    names = _names(said)
    final = changed(guess.mapping, said, connector.mapped_fields)
    open_questions = () if mapping is not None else tuple(one for one in guess.questions if one.name not in names)
    lines, shops = ((), ()) if open_questions else _looked(connector, body, guess, final, most_count)
    return Preview(name, guess, final, names, open_questions, lines, _first_rows(body, guess, final), shops)


def preview_form(body: bytes, *, connector_name: str, said: Mapping[str, Json], most_count: int = SHOWN_COUNT) -> Preview:
    """Look at a file by a form that shows every column: what is said of the columns is all that is said, nothing is added.

    Args:
        body: The file as it came.
        connector_name: What is to read it.
        said: What the form says, as in `TableMapping.to_json`; settings that it leaves open are left out.
        most_count: Records to show.

    Returns:
        What is known of it; questions are those that are still open.

    Raises:
        NotFoundError: There is no such connector, or its files cannot be looked at.
        DocumentError: The file cannot be read, or what is said can be in no mapping.
    """
    connector = _previewed(connector_name)
    mapping_from_json(said, connector.mapped_fields)
    guess = connector.guess(body, said)
    is_table = bool(guess.columns) and guess.sort == "table"
    nothing: dict[str, Json] = {"columns": {}, "constants": {}, "values": {}} if is_table else {}
    final = mapping_from_json({**guess.mapping.to_json(), **nothing, **said}, connector.mapped_fields)
    names = _names(said)
    open_questions = tuple(one for one in guess.questions if one.name not in names and not _is_told(one.name, final))
    lines, shops = ((), ()) if open_questions else _looked(connector, body, guess, final, most_count)
    return Preview(connector_name, guess, final, names, open_questions, lines, _first_rows(body, guess, final), shops)


def header_of(file: bytes, mapping: TableMapping) -> tuple[str, ...]:
    """The header of a table where a mapping says it is; empty where there is none.

    Args:
        file: The file as it came.
        mapping: Of this file, or of another one.

    Returns:
        Its cells.
    """
    try:
        for number, cells in table_rows(file, mapping.layout):
            if number >= mapping.header_row:
                return tuple(cells) if number == mapping.header_row and isinstance(cells, list) else ()
    except DocumentError:
        return ()
    return ()


def mapping_before(connector_name: str, document: bytes) -> tuple[TableMapping, bytes] | None:
    """The mapping that stands before a file, and the file; None where there is none.

    Args:
        connector_name: What reads it.
        document: As it was archived.

    Returns:
        Both.

    Raises:
        DocumentError: What stands before the file is no mapping.
    """
    mapping, file = mapping_and_file(document, _previewed(connector_name).mapped_fields)
    return None if mapping is None else (mapping, file)


def _is_told(name: str, mapping: TableMapping) -> bool:
    """Whether a mapping answers a question about what a field is."""
    field = name.removeprefix("columns.")
    if field == "amount":
        return mapping.has("amount") or mapping.has("debit") or mapping.has("credit")
    return mapping.has(field) or (field == "unit" and mapping.has("currency"))


def _looked(
    connector: Previewed, body: bytes, guess: Guess, mapping: TableMapping, most_count: int
) -> tuple[tuple[LineLook, ...], tuple[Shop, ...]]:
    if not most_count:
        return (), ()
    document = with_mapping(body, mapping) if guess.columns or mapping.merchants else body
    bare = replace(mapping, merchants={})
    return connector.look(document, most_count), connector.unplaced(with_mapping(body, bare) if guess.columns else body)


def _first_rows(body: bytes, guess: Guess, mapping: TableMapping) -> tuple[tuple[int, tuple[str, ...]], ...]:
    if not guess.columns or guess.sort != "table":
        return ()
    layout: Layout = mapping.layout
    rows = ((number, tuple(cells)) for number, cells in table_rows(body, layout) if isinstance(cells, list))
    return tuple(islice((one for one in rows if one[0] >= mapping.header_row), FIRST_ROWS_COUNT))


def connector_for(body: bytes) -> str:
    """Which connector reads a file of a bank or a table, by what its columns seem to mean.

    Args:
        body: The file as it came.

    Returns:
        `spreadsheet` for tables with kinds or units that are no currency; else `bank-file`.
    """
    try:
        guess = _previewed(_TABLE).guess(body, {})
    except DocumentError:
        return _BANK
    unit = guess.mapping.constants.get("unit", "")
    is_of_kinds = "kind" in guess.mapping.columns or "unit" in guess.mapping.columns or (bool(unit) and unit not in CURRENCIES)
    if is_of_kinds:
        return _TABLE
    try:
        bank = _previewed(_BANK).guess(body, {})
    except DocumentError:
        return _TABLE
    has_amount = any(one in bank.mapping.columns for one in ("amount", "debit", "credit"))
    return _BANK if not bank.columns or has_amount else _TABLE


def mapped_document(connector_name: str, body: bytes, mapping: Json) -> bytes:
    """A file with its mapping before it, as it is archived and read.

    Args:
        connector_name: What reads it.
        body: The file as it came.
        mapping: The mapping as JSON.

    Returns:
        The framed bytes.

    Raises:
        NotFoundError: There is no such connector, or it reads no mappings.
        DocumentError: The mapping is none.
    """
    connector = registry.find(connector_name)
    if not isinstance(connector, Previewed):
        raise NotFoundError("This connector reads no mappings", expected=f"{_BANK} or {_TABLE}", got=connector_name)
    return with_mapping(body, mapping_from_json(mapping, connector.mapped_fields))


def _previewed(name: str) -> Previewed:
    connector = registry.find(name)
    if not isinstance(connector, Previewed):
        raise TypeError(name)
    return connector


def _names(said: Mapping[str, Json]) -> frozenset[str]:
    """What was said, as questions are named: settings, constants by their field, columns as `columns.amount`."""
    found = {name for name in said if name in _SETTINGS}
    for group in ("columns", "constants", "values"):
        inner = said.get(group)
        if isinstance(inner, dict):
            found |= {f"columns.{name}" if group == "columns" else name for name in inner} | (
                set(inner) if group == "columns" else set()
            )
    return frozenset(found)


def _said(answers: Sequence[str], fields: frozenset[str]) -> dict[str, Json]:
    """Answers as part of a mapping.

    Raises:
        InputError: One is no answer.
    """
    columns: dict[str, Json] = {}
    constants: dict[str, Json] = {}
    values: dict[str, dict[str, Json]] = {}
    merchants: list[Json] = []
    settings: dict[str, Json] = {}
    for answer in answers:
        name, is_there, value = answer.partition("=")
        group, _, rest = name.partition(".")
        if not is_there or not name:
            raise InputError("This is no answer", expected="NAME=VALUE, such as currency=EUR", got=answer, record="--answer")
        if group == "columns" and rest:
            columns[rest] = [int(value)] if value.isascii() and value.isdigit() and len(value) < 4 else [value]  # noqa: PLR2004
        elif group == "values" and "." in rest:
            field, _, cell = rest.partition(".")
            values.setdefault(field, {})[cell] = value
        elif group == "merchants" and rest:
            merchants.append([merchant_name(rest), value])
        elif name in _SETTINGS and name not in fields:
            settings[name] = _setting(name, value)
        else:
            constants[name] = value
    said: dict[str, Json] = {**settings}
    for group_name, group_values in (("columns", columns), ("constants", constants), ("values", dict(values))):
        if group_values:
            said[group_name] = {**group_values}
    if merchants:
        said["merchants"] = merchants
    mapping_from_json(said, fields)
    return said


def _setting(name: str, value: str) -> Json:
    if name == "header_row" and value.isascii() and value.isdigit():
        return int(value[:4])
    if name == "end_is_included":
        return {"true": True, "false": False}.get(value, value)
    return value
