"""What a table of activities seems to mean, and how its rows would be read."""

import re
from collections.abc import Mapping
from itertools import islice

from connectors.activities.names import COLUMNS
from connectors.base import Question
from connectors.guess import FieldLook, Guess, LineLook, TableLook, looks_like_number
from connectors.mapping import MappedTable, TableMapping, is_day, mapping_and_file
from connectors.spreadsheet.parse import FIELDS, parse
from domain.canonical import Json
from domain.declared import DeclaredActivity
from domain.errors import DocumentError, InputError
from domain.kinds import KINDS
from domain.number import decimal_of_micro, decimal_to_text
from domain.units import CURRENCIES, UNITS, find_unit

_UNIT_IN_HEADER = re.compile(r"[(\[]([^)\]]{1,15})[)\]]|\bin ([\w/]{1,10})$")


def _words(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(","))


_LOOKS = {
    "start": FieldLook(
        _words(
            "start, start date, from, date, day, period start, begin, datum, startdatum, von, tag, date de début, début, "
            "fecha, fecha inicio, desde, data, data inizio, dal, travel date, departure date, invoice date, purchase date"
        ),
        is_day,
    ),
    "end": FieldLook(
        _words("end, end date, to, until, period end, enddatum, bis, date de fin, fin, hasta, data fine, al, tot"), is_day
    ),
    "kind": FieldLook(_words("kind, activity, activity type, emission source, source, kategorie, art, type, category")),
    "unit": FieldLook(_words("unit, units, uom, unit of measure, einheit, unité, unidad, unità, eenheid")),
    "currency": FieldLook(_words("currency, ccy, währung, devise, moneda, valuta"), lambda cell: cell.upper() in CURRENCIES),
    "quantity": FieldLook(
        _words(
            "quantity, amount, consumption, usage, value, menge, verbrauch, quantité, consommation, cantidad, consumo, "
            "quantità, hoeveelheid, verbruik, distance, strecke, kilometer, kilometers, miles, km, kwh, kg, litres, "
            "liters, liter, betrag, spend, cost, total, passengers, nights"
        ),
        looks_like_number,
    ),
    "region": FieldLook(_words("region, country, zip, zip code, postal code, land, pays, país, paese, location, place")),
    "id": FieldLook(_words("id, record id, reference, invoice number, number")),
    "origin": FieldLook(_words("origin, from airport, departure airport, departure")),
    "destination": FieldLook(_words("destination, to airport, arrival airport, arrival")),
}
_WORDS = frozenset(word for look in _LOOKS.values() for word in look.words) | frozenset(
    name.replace("_", " ") for name in COLUMNS
)
_ALIASES = {
    "km": "km",
    "kilometer": "km",
    "kilometers": "km",
    "miles": "mi",
    "kwh": "kWh",
    "kg": "kg",
    "litres": "L",
    "liters": "L",
    "liter": "L",
    "l": "L",
    "passengers": "passenger",
    "€": "EUR",
    "£": "GBP",
}


def guess_of(body: bytes, said: Mapping[str, Json]) -> Guess:
    """What a table of activities seems to mean.

    Args:
        body: CSV or a workbook.
        said: What the person has answered so far, as in `TableMapping.to_json`.

    Returns:
        The proposal, with questions for the kind, the unit, and what can be read in two ways.

    Raises:
        DocumentError: It is no table.
    """
    look = TableLook(body, _WORDS, said)
    exact = {name: FieldLook((name.replace("_", " "),)) for name in sorted(COLUMNS - _LOOKS.keys() - {"removed", "removed_at"})}
    columns = look.match({**_LOOKS, **exact})
    if "kind" in columns and not _are_kinds(look, columns["kind"][0]):
        del columns["kind"]
    columns.update(look.said_columns)
    _add_only_ones(look, columns)
    constants: dict[str, str] = {}
    for name in ("start", "quantity"):
        if name not in columns:
            choices = {str(one): str(one) for one in look.names if one}
            look.questions.append(Question(f"columns.{name}", f"Which column is the {name}?", choices=choices))
    quantities = columns.get("quantity", ())
    if "unit" not in columns and "currency" not in columns:
        unit = (_unit_of_header(str(quantities[0])) if quantities else "") or look.currency_in(quantities)
        if unit:
            constants["unit"] = unit
            look.likely["unit"] = "it stands in the header of the amounts, or beside them"
        else:
            look.questions.append(Question("unit", "In which unit are the amounts?", help="For example kWh, km, kg or EUR."))
    if "kind" not in columns:
        choices = {name: KINDS[name].title for name in _kinds_for(constants.get("unit", ""))}
        look.questions.append(Question("kind", "What are these?", help="One kind for all rows.", choices=choices))
    if "end" in columns:
        look.questions.append(
            Question(
                "end_is_included",
                f"Does an activity still go on during the day of {columns['end'][0]}?",
                choices={"true": "yes: it is the last day", "false": "no: it is the day after"},
            )
        )
    decimals = look.decimals(quantities)
    order = look.date_order([one for name in ("start", "end") for one in columns.get(name, ())])
    return look.guessed(TableMapping(columns=columns, constants=constants, decimals=decimals, date_order=order))


def _add_only_ones(look: TableLook, columns: dict[str, tuple[str | int, ...]]) -> None:
    """The one column of days, and the one of numbers whose header names a unit, or that is alone, where no header told them."""
    taken = {name for names in columns.values() for name in names}
    free = [name for name in look.names if name and name not in taken and look.names.count(name) == 1]
    values = {name: look.values(look.index_of(name))[:200] for name in free}
    days = [name for name in free if values[name] and all(map(is_day, values[name]))]
    numbers = [name for name in free if name not in days and values[name] and all(map(looks_like_number, values[name]))]
    with_unit = [name for name in numbers if _unit_of_header(str(name))]
    if "start" not in columns and len(days) == 1:
        columns["start"] = (days[0],)
        look.likely["start"] = "it is the only column of days"
    if "quantity" not in columns and (len(with_unit) == 1 or len(numbers) == 1):
        columns["quantity"] = ((with_unit if len(with_unit) == 1 else numbers)[0],)
        look.likely["quantity"] = "its header names a unit" if with_unit else "it is the only column of numbers"


def look_at(body: bytes, most_count: int) -> tuple[LineLook, ...]:
    """The first rows of a table as they would be read.

    Args:
        body: The file with its mapping before it.
        most_count: How many at most.

    Returns:
        In the order of the file; refused ones come with their reason.

    Raises:
        DocumentError: Nothing of it can be used.
    """
    document = parse(body)
    mapping, file = mapping_and_file(body, FIELDS)
    rows = MappedTable(file, mapping).rows() if mapping else iter(())
    said = {number: ", ".join(row.values()) for number, row in islice(rows, most_count) if not isinstance(row, DocumentError)}
    found = [
        LineLook(one.line_number, said.get(one.line_number, ""), becomes=_sentence(one))
        for one in document.activities[:most_count]
    ]
    for error in document.refused[:most_count]:
        digits = re.search(r"[0-9]+", error.record)
        number = int(digits[0]) if digits else 0
        found.append(LineLook(number, said.get(number, error.got), problem=error.sentence()))
    return tuple(sorted(found, key=lambda one: one.number)[:most_count])


def _sentence(one: DeclaredActivity) -> str:
    attributes = "".join(f", {name} {value}" for name, value in one.attributes)
    place = f", {one.region}" if one.region else ""
    amount = decimal_to_text(decimal_of_micro(one.quantity_micro))
    return f"{one.kind} {amount} {one.unit} from {one.start_date} up to {one.end_date}{attributes}{place}"


def _are_kinds(look: TableLook, name: str | int) -> bool:
    values = look.values(look.index_of(name))
    return bool(values) and any(one in KINDS for one in values)


def _unit_of_header(name: str) -> str:
    found = _UNIT_IN_HEADER.search(name)
    for text in ((found[1] or found[2]) if found else "", name):
        said = _ALIASES.get(text.strip().casefold(), text.strip())
        if said in UNITS or said in CURRENCIES:
            return said
    return ""


def _kinds_for(unit: str) -> list[str]:
    """Kinds that are measured in a unit; all where it is not known."""
    try:
        dimension = find_unit(unit).dimension if unit else None
    except InputError:
        dimension = None
    return [
        name
        for name, kind in KINDS.items()
        if dimension is None or (dimension in kind.dimensions and unit not in kind.refused_units)
    ]
