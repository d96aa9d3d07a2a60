"""The page of a mapping: what is proposed or said of every column, what is still asked, and what would come of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from app.services import Whose, Work
from app.store import subjects
from app.usecases.derive_declared import DeclaredCheck, region_of_line
from app.usecases.map_file import MAPPED_CONNECTORS, MOST_MERCHANTS_COUNT, KnownMapping, Waiting
from app.usecases.preview_file import FIRST_ROWS_COUNT, Preview
from app.usecases.show_hrefs import Hrefs
from connectors import registry
from connectors.mapping import MAX_HEADER_ROW, with_mapping
from connectors.table import DELIMITERS, ENCODINGS, table_rows
from dashboards.messages import Messages
from dashboards.pages.dashboard import FormState
from dashboards.pages.mapping import FieldGroup, MappedColumn, MappingModel, PreviewLine, Setting, ShopLine
from domain.activity import KINDS
from domain.canonical import Json, sha256_hex, to_canonical
from domain.declared import ActivityDocument
from domain.errors import DocumentError, FactorError, InputError
from domain.place import Place
from domain.series import MeterDocument
from domain.units import CURRENCIES, UNITS

MOST_CELLS_COUNT = 40
"""Cells of a column of kinds that can be given a kind."""

MOST_COLUMNS_COUNT = 100
"""Columns that the form shows."""

BANK_FIELDS = ("date", "amount", "debit", "credit", "direction", "currency", "description", "id")
BANK_MORE = ("mcc", "category", "status", "account", "region")
TABLE_FIELDS = ("kind", "quantity", "unit", "currency", "start", "end", "region", "id")
SELLS = (
    "5411", "5462", "5812", "5814", "5912", "8011", "5541", "4111", "4112", "4121", "4511",
    "7011", "4722", "4814", "4899", "6513", "6300", "5200", "5310", "5651", "5712", "5732",
    "5942", "5995", "5999", "7230", "7299", "7832", "7997", "8299", "8398", "4829",
)  # fmt: skip
"""Codes of what merchants mostly sell, among which a person chooses; the last one says that nothing was bought."""

JOINED_FIELDS = frozenset({"description", "id", "account"})
"""Fields that several columns can be, read one after the other."""

_SETTINGS_OF = {
    "bank-file": ("currency", "date_order", "decimals", "sign", "account"),
    "spreadsheet": ("kind", "unit", "date_order", "decimals", "end_is_included"),
}
_CONSTANTS = frozenset({"currency", "account", "kind", "unit"})
_LAYOUT = ("header_row", "encoding", "delimiter", "sheet")
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form of this page said.

    Attributes:
        connector: What is to read the file.
        columns: Position of a column from 0 to the field that it is.
        settings: Name to value, the open ones left out.
        cells: Cells of the column of kinds, to a kind each.
        shops: Merchants, to the code of what they sell; empty: nothing is said of them.
        place: ZIP code or country.
        zone: IANA zone.
        looked: Which mapping the person has seen at work.
        shape: How the file was taken apart when the form was made.
        do: What the person pressed: look, import, forget.
    """

    connector: str
    columns: Mapping[int, str]
    settings: Mapping[str, str]
    cells: Mapping[str, str]
    shops: Mapping[str, str] = field(default_factory=dict)
    place: str = ""
    zone: str = ""
    looked: str = ""
    shape: str = ""
    do: str = "look"


@dataclass(frozen=True, slots=True)
class Problems:
    """What is wrong with a form.

    Attributes:
        errors: Sentence by field; under the empty name what is wrong with all of it.
        zones: Time zones to choose from, where they must be asked for.
    """

    errors: Mapping[str, str] = field(default_factory=dict)
    zones: tuple[str, ...] = ()


def said_of(typed: Typed, names: Iterable[str | int], *, is_table: bool) -> dict[str, Json]:
    """What a form says, as part of a mapping.

    Args:
        typed: The form.
        names: The columns as they stand in the file, in the form's order.
        is_table: Whether its columns are mapped.

    Returns:
        As `TableMapping.to_json` writes it.

    Raises:
        InputError: Two columns are the same thing, and cannot be joined.
    """
    columns: dict[str, list[Json]] = {}
    for index, name in enumerate(names):
        chosen = typed.columns.get(index, "")
        if chosen:
            columns.setdefault(chosen, []).append(name)
    for chosen, several in columns.items():
        if len(several) > 1 and chosen not in JOINED_FIELDS:
            raise InputError(
                "Two columns cannot be the same thing", expected=f"one column for {chosen}", got=", ".join(map(str, several))
            )
    said: dict[str, Json] = {}
    constants: dict[str, Json] = {}
    for name, value in typed.settings.items():
        if name in _CONSTANTS:
            constants[name] = value
        elif name == "header_row":
            said[name] = int(value) if value.isascii() and value.isdigit() and len(value) < len("1000") else -1
        elif name == "end_is_included":
            said[name] = value == "true"
        else:
            said[name] = value
    if is_table:
        said["columns"] = {**columns}
    if constants:
        said["constants"] = constants
    if typed.cells and "kind" in columns:
        said["values"] = {"kind": [[cell, kind] for cell, kind in typed.cells.items()]}
    return said


def looked_of(found: Preview) -> str:
    """A name of the mapping that a preview was made by."""
    return sha256_hex(to_canonical({"connector": found.connector, "mapping": found.mapping.to_json()}))[:16]


def shape_of(found: Preview) -> str:
    """A name of how a preview took the file apart."""
    layout = found.mapping.layout
    parts: list[Json] = [found.connector, found.mapping.header_row, layout.encoding, layout.delimiter, layout.sheet]
    return sha256_hex(to_canonical(parts))[:16]


def show_mapping(
    work: Work,
    whose: Whose,
    waiting: Waiting,
    found: Preview,
    messages: Messages,
    *,
    known: KnownMapping | None = None,
    typed: Typed | None = None,
    problems: Problems | None = None,
) -> MappingModel:
    """Everything that the page shows.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        waiting: The file.
        found: What is known of it.
        messages: Language.
        known: The mapping of an earlier file that is proposed; None where there is none.
        typed: What the form said; None where nobody has seen it yet.
        problems: What is wrong with it.

    Returns:
        The page.
    """
    wrong = problems or Problems()
    kept = typed if typed and wrong.errors.get("") else None  # what could not be used is shown as it was said
    asked = {one.name for one in found.questions}
    lines: tuple[PreviewLine, ...] = ()
    activities_count = refused_count = 0
    errors = dict(wrong.errors)
    if not asked and not errors.get(""):
        document = with_mapping(waiting.body, found.mapping) if found.needs_mapping else waiting.body
        try:
            read = registry.read(found.connector, document)
            activities_count, refused_count = len(read.activities) if isinstance(read, ActivityDocument) else 0, len(read.refused)
            lines = tuple(_checked_lines(work, whose, found, read))
        except DocumentError as error:
            errors[""] = error.sentence()
    columns_open = [one for one in found.questions if one.name.startswith("columns.")]
    if columns_open and not errors.get(""):
        errors["look"] = " ".join(one.label for one in columns_open)
    return MappingModel(
        document_name=waiting.name,
        post_href=Hrefs(whose.subject_id).waiting(waiting.waiting_id),
        back_href=Hrefs(whose.subject_id).home,
        format_title=found.guess.sort,
        connector=found.connector,
        connectors=tuple((one, registry.find(one).manifest.title) for one in MAPPED_CONNECTORS),
        columns=tuple(_columns(found, kept)) if found.is_table else (),
        groups=_groups(found.connector, messages),
        settings=tuple(_settings(found, asked, messages, kept)),
        layout=tuple(_layout(found, messages)) if found.is_table else (),
        cells=() if not found.is_table else _cells(waiting.body, found, typed.cells if typed else {}),
        shops=tuple(
            ShopLine(one.name, one.sample, one.lines_count, one.spent, found.mapping.merchants.get(one.name, ""))
            for one in found.shops[:MOST_MERCHANTS_COUNT]
        ),
        sells=tuple((code, messages(f"mapping.sells.{code}")) for code in SELLS),
        kinds=tuple((name, messages(f"kind.{name}")) for name in KINDS),
        rows=found.rows[:FIRST_ROWS_COUNT],
        lines=lines,
        activities_count=activities_count,
        refused_count=refused_count,
        is_ready=bool(activities_count) and not asked,
        looked=looked_of(found) if not asked and not errors.get("") else "",
        shape=shape_of(found),
        asked_count=len(asked),
        is_known=known is not None and typed is None,
        form=FormState(
            values={"place": typed.place if typed else waiting.place, "zone": typed.zone if typed else waiting.zone},
            errors=errors,
        ),
        zones=wrong.zones,
    )


def _columns(found: Preview, kept: Typed | None) -> Iterator[MappedColumn]:
    chosen = {name: mapped for mapped, names in found.mapping.columns.items() for name in names}
    names = [one.name for one in found.guess.columns]
    for index, one in enumerate(found.guess.columns[:MOST_COLUMNS_COUNT]):
        is_usable = names.count(one.name) == 1
        mapped = kept.columns.get(index, "") if kept else chosen.get(one.name, "")
        yield MappedColumn(str(one.name), one.samples, mapped if is_usable else "", is_usable)


def _groups(connector: str, messages: Messages) -> tuple[FieldGroup, ...]:
    if connector == "bank-file":
        main, more = BANK_FIELDS, [(name, messages(f"mapping.field.{name}")) for name in BANK_MORE]
    else:
        main = TABLE_FIELDS
        rest = sorted({one.name for kind in KINDS.values() for one in kind.attributes} - set(main))
        more = [(name, messages(f"attribute.{name}")) for name in rest if f"attribute.{name}" in messages]
    return (
        FieldGroup(messages("mapping.group.main"), tuple((name, messages(f"mapping.field.{name}")) for name in main)),
        FieldGroup(messages("mapping.group.more"), tuple(sorted(more, key=lambda one: one[1].casefold()))),
    )


def _settings(found: Preview, asked: set[str], messages: Messages, kept: Typed | None) -> Iterator[Setting]:
    mapping = found.mapping
    values = {
        "date_order": mapping.date_order.value,
        "decimals": mapping.decimals.value,
        "sign": mapping.sign.value,
        "end_is_included": "true" if mapping.end_is_included else "false",
    }
    helps = {one.name: f"{one.label} {one.help}".strip() for one in found.questions}
    for name in _SETTINGS_OF[found.connector]:
        if not found.is_table and name not in {"currency", "date_order", "decimals", "account"}:
            continue
        is_asked = name in asked and not (kept and kept.settings.get(name))
        value = mapping.constants.get(name, "") if name in _CONSTANTS else values[name]
        yield Setting(
            name=name,
            label=messages(f"mapping.setting.{name}"),
            value=kept.settings.get(name, "") if kept else "" if is_asked else value,
            choices=_choices(name, messages),
            help=helps.get(name) or messages(f"mapping.help.{name}"),
            how="" if is_asked else _how(found, name),
            is_asked=is_asked,
            suggestions=tuple(one for one in UNITS if one not in CURRENCIES) if name == "unit" else (),
        )


def _choices(name: str, messages: Messages) -> tuple[tuple[str, str], ...]:
    if name == "currency":
        return tuple((one, one) for one in CURRENCIES)
    if name == "kind":
        return tuple((one, messages(f"kind.{one}")) for one in KINDS)
    values = {
        "date_order": ("dmy", "mdy", "ymd"),
        "decimals": (".", ","),
        "sign": ("spent_negative", "spent_positive"),
        "end_is_included": ("true", "false"),
    }.get(name, ())
    words = {".": "point", ",": "comma"}
    return tuple((one, messages(f"mapping.choice.{name}.{words.get(one, one)}")) for one in values)


def _how(found: Preview, name: str) -> str:
    is_as_guessed = found.guess.mapping.to_json().get(name) == found.mapping.to_json().get(name)
    if name in found.guess.proven and is_as_guessed:
        return found.guess.proven[name]
    if name in found.said:
        return ""
    return found.guess.likely.get(name, "")


def _layout(found: Preview, messages: Messages) -> Iterator[Setting]:
    layout = found.mapping.layout
    values = {
        "header_row": str(found.mapping.header_row),
        "encoding": layout.encoding,
        "delimiter": layout.delimiter,
        "sheet": layout.sheet,
    }
    choices = {
        "encoding": tuple((one, one) for one in ENCODINGS),
        "delimiter": tuple((one, messages(f"mapping.choice.delimiter.{_DELIMITER_NAMES[one]}")) for one in DELIMITERS),
    }
    for name in _LAYOUT:
        if layout.sheet and name in {"encoding", "delimiter"}:
            continue
        if not layout.sheet and name == "sheet":
            continue
        help_text = messages("mapping.help.header_row", most=MAX_HEADER_ROW) if name == "header_row" else ""
        label = messages(f"mapping.setting.{name}")
        yield Setting(name, label, values[name], choices.get(name, ()), help=help_text, how=_how(found, name))


def _cells(body: bytes, found: Preview, typed: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Cells of the column of kinds that are no kinds, each with what it is said to mean."""
    names = found.mapping.columns.get("kind", ())
    if found.connector != "spreadsheet" or len(names) != 1:
        return ()
    said = {**found.mapping.values.get("kind", {}), **typed}
    header = [one.name for one in found.guess.columns]
    if names[0] not in header:
        return ()
    index: int | None = names[0] - 1 if isinstance(names[0], int) else None
    cells: dict[str, None] = {}
    for number, row in table_rows(body, found.mapping.layout):
        if not isinstance(row, list) or number < found.mapping.header_row:
            continue
        if number == found.mapping.header_row:
            index = row.index(str(names[0])) if names[0] in row else None
            continue
        if index is not None and index < len(row) and row[index] and row[index] not in KINDS:
            cells[str(row[index])] = None
        if len(cells) >= MOST_CELLS_COUNT:
            break
    return tuple((cell, said.get(cell, "")) for cell in cells)


def _checked_lines(work: Work, whose: Whose, found: Preview, read: MeterDocument | ActivityDocument) -> Iterator[PreviewLine]:
    """The first records as they would be taken in: also those are refused whose region or value no factor table knows."""
    subject = subjects.by_id(work.session, whose.tenant_id, whose.subject_id)
    home = Place(subject.region, subject.country) if subject.region else None
    check = DeclaredCheck(work.services.factor_set)
    shown = {one.number for one in found.lines if one.becomes}
    problems: dict[int, str] = {}
    for one in read.activities if isinstance(read, ActivityDocument) else ():
        if one.line_number in shown:
            try:
                check.check(one, region_of_line(one, home, work.services.factor_set))
            except (InputError, FactorError) as error:
                problems[one.line_number] = error.sentence()
    for line in found.lines:
        problem = line.problem or problems.get(line.number, "")
        yield PreviewLine(line.number, line.said, "" if problem else line.becomes, line.left_out, problem)
