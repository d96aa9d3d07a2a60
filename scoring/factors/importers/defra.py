"""UK Government GHG Conversion Factors for Company Reporting (DESNZ/Defra), flat files of 2016 to 2024.

One factor per row with its gases; miles and million litres, which repeat km and cubic metres, are compared and not kept. What the
names mean is in the `defra_*` modules of their groups.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from domain.errors import FactorSetError
from domain.kinds import KINDS
from domain.units import UNITS
from scoring.factors.importers.defra_energy import (
    place_bioenergy,
    place_electricity,
    place_electricity_supply,
    place_fuel,
    place_grid_loss,
    place_heat,
    place_outside_of_scopes,
    place_water,
)
from scoring.factors.importers.defra_place import GB, GENERATION, GRID_LOSS, OPERATION, PUBLISHED_PER, LeftOut, Place
from scoring.factors.importers.defra_refrigerants import place_refrigerant
from scoring.factors.importers.defra_sheet import KWH, KWH_GROUPS, FlatFactor, FlatFile, choice_of, number_text, read_flat
from scoring.factors.importers.defra_things import place_material, place_waste
from scoring.factors.importers.defra_travel import place_ferry, place_flight, place_home_working, place_hotel, place_land_travel
from scoring.factors.importers.defra_vehicles import place_freight, place_vehicle, vehicle_kind_and_attributes
from scoring.factors.importers.published import (
    LARGE_CHANGE_RATIO,
    Imported,
    ParameterTable,
    PublishedRow,
    SourceTable,
    hash_findings,
)

PUBLISHER = "UK DESNZ/Defra"
LICENCE = "Open Government Licence v3.0"
DEFRA_FILES: Mapping[int, str] = {
    2016: "ghg-conversion-factors-2016-flat.xlsx",
    2017: "ghg-conversion-factors-2017-flat.xls.gz",
    2018: "ghg-conversion-factors-2018-flat.xls.gz",
    2019: "ghg-conversion-factors-2019-flat.xls.gz",
    2020: "ghg-conversion-factors-2020-flat.xlsx",
    2021: "ghg-conversion-factors-2021-flat.xls.gz",
    2022: "ghg-conversion-factors-2022-flat.xls.gz",
    2023: "ghg-conversion-factors-2023-flat.xlsx",
    2024: "ghg-conversion-factors-2024-flat_v1_1.xlsx",
}
"""File name of each edition, in the folder defra of the raw data; those that end in .gz are to be unpacked first."""

_KNOWN_SHA256S = {
    2016: "1ef42c5ebb6e17a57769cf8274a71b348bb12815eb04b55196cfa8f7b8c0a81a",
    2017: "e3465c553583234252aa4b44e4429b304e46a2f0fb8daea8b8e7eb57517aa001",
    2018: "52eaa49f8ad6c0eefab763accd2dbab8f7b588157a8ac23051698290857ddde8",
    2019: "e3f26947f1107e34c012281232dfb639230b677478258d31054bfc081a26bc6e",
    2020: "c47a39ecac3e7876b80d99e59b05b402bba068277d849ab53c522a3196d38146",
    2021: "f232462f55fe8c9d6475f081688c477766350f2dbc757c65e6f653e4d349a787",
    2022: "c77abb4c9c000cf6b373d81098b6e7949193fe4857927708dc4cadfe0887e1b9",
    2023: "804885cb9d8f02bbb97dcd92b79ca294080ba892ba67e3c95fcfbae52af359a6",
    2024: "db8cb915af241b389add753402fb225f1850c583ac331994a71b2f281c484320",
}
_FIRST_AR5_YEAR = 2023
"""Methane is 25 in the editions to 2022 (AR4) and 28 from 2023 on (AR5): row "Methane" of Refrigerant & other."""

_GASES = ("co2", "ch4", "n2o")
_SUM_TOLERANCE = Fraction(2, 100_000)
_SUM_TOLERANCE_RATIO = Fraction(1, 10_000)
_TWINS = {"miles": ("km", Fraction("1.609344")), "million litres": ("cubic metres", Fraction(1000))}
"""Units that repeat another one, with how many of it they are."""

_TWIN_TOLERANCE = Fraction(3, 100_000)
_TWIN_TOLERANCE_RATIO = Fraction(5, 10_000)
"""Both are rounded to five decimal places, some of them twice: differences of up to 0.000023 are in the files."""

_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")

_PLACERS: Mapping[str, Callable[[FlatFactor], Place | LeftOut]] = {
    "fuels": place_fuel,
    "bioenergy": place_bioenergy,
    "refrigerant & other": place_refrigerant,
    "passenger vehicles": place_vehicle,
    "delivery vehicles": place_vehicle,
    "uk electricity": place_electricity,
    "uk electricity for evs": place_vehicle,
    "uk electricity t&d for evs": place_vehicle,
    "heat and steam": place_heat,
    "transmission and distribution": place_grid_loss,
    "water supply": place_water,
    "water treatment": place_water,
    "material use": place_material,
    "waste disposal": place_waste,
    "business travel- air": place_flight,
    "business travel- sea": place_ferry,
    "business travel- land": place_land_travel,
    "freighting goods": place_freight,
    "hotel stay": place_hotel,
    "homeworking": place_home_working,
    "managed assets- electricity": place_electricity,
    "managed assets- vehicles": place_vehicle,
    "wtt- fuels": place_fuel,
    "wtt- bioenergy": place_bioenergy,
    "wtt- uk & overseas elec": place_electricity_supply,
    "wtt- uk electricity": place_electricity_supply,
    "wtt- heat and steam": place_heat,
    "wtt- business travel- air": place_flight,
    "wtt- business travel (air)": place_flight,
    "wtt- business travel- sea": place_ferry,
    "wtt- business travel (sea)": place_ferry,
    "wtt- pass vehs & travel- land": place_land_travel,
    "wtt- pass vehs & travel (land)": place_land_travel,
    "wtt- delivery vehs & freight": place_freight,
}
_OUTSIDE_OF_SCOPES = "outside of scopes"
_KWH_COLUMNS = (
    "region",
    "year",
    "vehicle",
    "energy",
    "powertrain",
    "size",
    "segment",
    "weight_class",
    "truck_vehicle",
    "laden",
    "is_refrigerated",
    "kwh_per_km_text",
)


@dataclass
class _Draft:
    """A factor on its way to a row; biogenic CO2 may still join it."""

    factor: FlatFactor
    place: Place
    per: str
    by_gas: dict[str, str]

    @property
    def identity(self) -> tuple[str, ...]:
        """What no two rows of an edition share."""
        place = self.place
        attributes = ";".join(f"{name}={value}" for name, value in sorted(place.attributes.items()))
        return place.kind, attributes, self.per, place.rate, place.life_cycle_scope, place.region


def place_factor(factor: FlatFactor) -> Place | LeftOut:
    """What a factor of the flat file is for.

    Args:
        factor: Of any group but the tables of kWh per km and biogenic CO2.

    Returns:
        Its place in our vocabulary, or why it is left out.

    Raises:
        FactorSetError: Its group or one of its names is not known.
    """
    placer = _PLACERS.get(factor.group)
    if placer is None:
        raise FactorSetError(
            "The flat file has a group that is not known",
            expected=f"one of {', '.join(sorted(_PLACERS))}",
            got=factor.level_1,
            record=factor.record,
            next_step="The publisher changed its wording: add the group to the importer.",
        )
    return placer(factor)


def import_defra(data: bytes, year: int) -> Imported:
    """Every factor of one edition.

    Args:
        data: Bytes of the workbook, unpacked.
        year: A key of `DEFRA_FILES`.

    Returns:
        Rows by gas with the printed CO2e, the table of kWh per km, and what was left out or does not add up.

    Raises:
        FactorSetError: The workbook, a column, a name or a number is not what it must be.

    Source:
        DESNZ and Defra, UK Government GHG Conversion Factors for Company Reporting, flat file.
    """
    record = f"GHG Conversion Factors {year}"
    flat = read_flat(data, year)
    findings = [*hash_findings(data, (_KNOWN_SHA256S.get(year, ""),), record), *flat.findings]
    factors, twins = _without_twins(flat.factors)
    findings += _twin_findings(factors, twins, record)
    drafts = _drafts(factors, record, findings)
    _join_biogenic(factors, drafts, record, findings)
    findings += _gas_sum_findings(drafts.values(), record)
    findings += _idle_vehicle_findings(drafts.values(), factors)
    tables, rows = _tables_and_rows(drafts.values(), flat, year)
    kwh_tables = _kwh_tables(factors, flat, year)
    return Imported(tables, rows, parameter_tables=kwh_tables, findings=tuple(findings))


def import_defra_years(data_by_year: Mapping[int, bytes]) -> Imported:
    """Every factor of several editions, one table of kWh per km for all, and what moved by more than a quarter between them.

    Args:
        data_by_year: Year of the edition to the bytes of its workbook, unpacked.

    Returns:
        As of `import_defra`, years ascending; one more finding per large change.

    Raises:
        FactorSetError: As of `import_defra`.
    """
    editions = [import_defra(data_by_year[year], year) for year in sorted(data_by_year)]
    tables = tuple(table for edition in editions for table in edition.tables)
    rows = tuple(row for edition in editions for row in edition.rows)
    findings = [finding for edition in editions for finding in edition.findings]
    return Imported(
        tables,
        rows,
        parameter_tables=_merged(table for edition in editions for table in edition.parameter_tables),
        findings=(*findings, *defra_changes(tables, rows)),
    )


def defra_changes(tables: Iterable[SourceTable], rows: Iterable[PublishedRow]) -> tuple[str, ...]:
    """Findings for every factor whose printed CO2e moved by more than a quarter from one edition to the next that has it.

    Args:
        tables: Tables of the rows.
        rows: Rows of several editions.

    Returns:
        One text per change, sorted.
    """
    table_of = {table.table_id: table for table in tables}
    series: dict[tuple[str, ...], dict[int, str]] = {}
    for row in rows:
        table = table_of[row.table_id]
        attributes = ", ".join(f"{name} {value}" for name, value in sorted(row.attributes.items()))
        key = (table.kind, attributes, row.region, table.published_unit, row.rate, table.life_cycle_scope)
        gas = "co2e" if "co2e" in row.by_gas else "co2"
        series.setdefault((*key, gas), {})[row.year] = row.by_gas[gas]
    findings = []
    for names, text_of in sorted(series.items()):
        years = sorted(text_of)
        for before, after in pairwise(years):
            old, new = Fraction(text_of[before]), Fraction(text_of[after])
            if old and abs(new - old) / old > LARGE_CHANGE_RATIO:
                words = ", ".join(word for word in names if word)
                findings.append(f"{PUBLISHER}: {words} moved from {text_of[before]} ({before}) to {text_of[after]} ({after})")
    return tuple(findings)


def _without_twins(factors: Sequence[FlatFactor]) -> tuple[list[FlatFactor], list[FlatFactor]]:
    kept = [factor for factor in factors if factor.uom.lower() not in _TWINS]
    return kept, [factor for factor in factors if factor.uom.lower() in _TWINS]


def _twin_findings(factors: Iterable[FlatFactor], twins: Iterable[FlatFactor], record: str) -> list[str]:
    """Findings for rows in miles or million litres that say something else than the metric row, or have none."""
    by_names = {factor.names: factor for factor in factors}
    findings, compared_count = [], 0
    for twin in twins:
        unit, ratio = _TWINS[twin.uom.lower()]
        metric = by_names.get((*twin.names[:-1], unit))
        if metric is None:
            findings.append(f"{twin.record}: {twin.label} has no row in {unit} beside it; left out")
            continue
        for gas, cell in twin.cells.items():
            got, want = number_text(cell, record=twin.record), number_text(metric.cells.get(gas), record=metric.record)
            if got is None and want is None:
                continue
            compared_count += 1
            if got is None or want is None or not _agree(Fraction(got), Fraction(want) * ratio):
                findings.append(f"{twin.record}: {twin.label}, {gas} is {got or 'blank'} here and {want or 'blank'} per {unit}")
    findings.append(f"{record}: {compared_count} numbers per mile and per million litres compared with their metric rows")
    return findings


def _agree(got: Fraction, want: Fraction) -> bool:
    return abs(got - want) <= max(_TWIN_TOLERANCE, want * _TWIN_TOLERANCE_RATIO)


def _drafts(factors: Iterable[FlatFactor], record: str, findings: list[str]) -> dict[tuple[str, ...], _Draft]:
    drafts: dict[tuple[str, ...], _Draft] = {}
    blanks: dict[tuple[str, str], list[int]] = {}
    left_out: dict[tuple[str, str, str], list[str]] = {}
    for factor in factors:
        if factor.group == _OUTSIDE_OF_SCOPES or factor.group in KWH_GROUPS:
            continue
        place = place_factor(factor)
        if isinstance(place, LeftOut):
            left_out.setdefault((factor.level_1, factor.level_2, place.reason), []).append(factor.level_3)
            continue
        by_gas = _by_gas(factor, findings)
        if not by_gas:
            if all(cell in ("", None) for cell in factor.cells.values()):
                blanks.setdefault((factor.level_1, factor.level_2), []).append(factor.line)
            continue
        draft = _Draft(factor, place, choice_of(PUBLISHED_PER, factor.uom, factor), by_gas)
        other = drafts.setdefault(draft.identity, draft)
        if other is not draft:
            raise FactorSetError(
                "Two rows are for the same thing",
                expected="one",
                got=f"{other.factor.label} and {factor.label}",
                record=factor.record,
            )
    for (level_1, level_2, reason), names in left_out.items():
        findings.append(f"{record}: {level_1} / {level_2}: {'; '.join(names)} left out: {reason}")
    for (level_1, level_2), lines in blanks.items():
        findings.append(
            f"{record}: {level_1} / {level_2}: {len(lines)} factors are blank and left out, the first in row {lines[0]}"
        )
    return drafts


def _by_gas(factor: FlatFactor, findings: list[str]) -> dict[str, str]:
    """Published numbers by gas; empty where the row has none that can be used."""
    texts = {gas: number_text(cell, record=factor.record) for gas, cell in factor.cells.items()}
    numbers = {gas: text for gas, text in texts.items() if text is not None}
    for gas, cell in factor.cells.items():
        if texts[gas] is None and cell not in ("", None):
            findings.append(f"{factor.record}: {factor.label}, {gas} is the text {cell!r}; left out")
    if len(numbers) == len(texts) or not numbers:
        return numbers
    if numbers == {"co2e": "0"}:
        findings.append(f"{factor.record}: {factor.label} has CO2e 0 over blank gases, the sum of nothing; left out")
        return {}
    missing = ", ".join(gas for gas in texts if gas not in numbers)
    if "co2e" in numbers:
        findings.append(f"{factor.record}: {factor.label} has CO2e but no {missing}; kept as CO2e only")
        return {"co2e": numbers["co2e"]}
    findings.append(f"{factor.record}: {factor.label} has no {missing}; left out")
    return {}


def _join_biogenic(
    factors: Iterable[FlatFactor], drafts: Mapping[tuple[str, ...], _Draft], record: str, findings: list[str]
) -> None:
    """Put biogenic CO2 (outside of scopes) beside the gases of the row that it belongs to."""
    blank_count = 0
    for factor in factors:
        if factor.group != _OUTSIDE_OF_SCOPES:
            continue
        text = number_text(factor.cells.get("co2"), record=factor.record)
        if text is None:
            blank_count += 1
            continue
        place = place_outside_of_scopes(factor)
        if isinstance(place, LeftOut):
            findings.append(f"{factor.record}: {factor.label} left out: {place.reason}")
            continue
        found = drafts.get(_Draft(factor, place, choice_of(PUBLISHED_PER, factor.uom, factor), {}).identity)
        if found is None:
            findings.append(f"{factor.record}: biogenic CO2 of {factor.label} has no row that it belongs to; left out")
        else:
            found.by_gas["biogenic_co2"] = text
    if blank_count:
        findings.append(f"{record}: {blank_count} factors of biogenic CO2 are blank and left out")


def _gas_sum_findings(drafts: Iterable[_Draft], record: str) -> list[str]:
    """Findings for rows whose gases do not add up to the printed CO2e, and how many were added up."""
    findings, checked_count = [], 0
    for draft in drafts:
        if not {"co2e", *_GASES} <= draft.by_gas.keys():
            continue
        checked_count += 1
        got = sum((Fraction(draft.by_gas[gas]) for gas in _GASES), Fraction(0))
        want = Fraction(draft.by_gas["co2e"])
        if abs(got - want) > max(_SUM_TOLERANCE, want * _SUM_TOLERANCE_RATIO):
            factor = draft.factor
            findings.append(f"{factor.record}: gases of {factor.label} give {_shown(got)}, published CO2e is {_shown(want)}")
    findings.append(f"{record}: gases of {checked_count} rows added up and compared with their CO2e")
    return findings


def _idle_vehicle_findings(drafts: Iterable[_Draft], factors: Iterable[FlatFactor]) -> list[str]:
    """Findings for electric vehicles that are said to take no electricity: the publisher had none of that size in that year."""
    scopes = {GENERATION, GRID_LOSS, OPERATION}
    zeros = [
        draft.factor
        for draft in drafts
        if draft.place.kind in {"car", "van"} and draft.place.life_cycle_scope in scopes and draft.by_gas["co2e"] == "0"
    ]
    for factor in factors:
        text = number_text(factor.cells.get(KWH), record=factor.record)
        if text == "0" and factor.uom.lower() == "km" and "electricity" in factor.group:
            zeros.append(factor)
    return [f"{factor.record}: {factor.level_1} / {factor.label} is 0; kept as published" for factor in zeros]


def _shown(value: Fraction) -> str:
    return str(Decimal(value.numerator) / Decimal(value.denominator))


def _tables_and_rows(
    drafts: Iterable[_Draft], flat: FlatFile, year: int
) -> tuple[tuple[SourceTable, ...], tuple[PublishedRow, ...]]:
    tables: dict[str, SourceTable] = {}
    rows = []
    for draft in drafts:
        table = _table(draft, flat, year)
        tables.setdefault(table.table_id, table)
        place = draft.place
        rows.append(
            PublishedRow(table.table_id, place.region, year, place.rate, draft.by_gas, draft.factor.label, place.attributes)
        )
    return tuple(tables.values()), tuple(rows)


def _table(draft: _Draft, flat: FlatFile, year: int) -> SourceTable:
    factor, place = draft.factor, draft.place
    is_mass = "co2e" not in draft.by_gas
    words = (_slug(factor.level_1), place.kind, place.life_cycle_scope, draft.per, *(["co2"] if is_mass else []))
    return SourceTable(
        table_id=f"defra{year}-" + "-".join(words),
        publisher=PUBLISHER,
        edition=_edition(flat, year),
        table=f"Flat file, sheet Factors by Category, Level 1: {factor.level_1}",
        kind=place.kind,
        unit=_unit(draft),
        published_unit=f"kg/{draft.per}",
        gwp_set="" if is_mass else "AR5" if year >= _FIRST_AR5_YEAR else "AR4",
        life_cycle_scope=place.life_cycle_scope,
        source_url=_source_url(year),
        licence=LICENCE,
        note=_note(draft, flat),
    )


def _unit(draft: _Draft) -> str:
    kind, unit = KINDS[draft.place.kind], UNITS[draft.per]
    if unit.dimension not in kind.dimensions:
        raise FactorSetError(
            expected=f"{kind.name} per {', '.join(kind.dimensions)}", got=draft.factor.uom, record=draft.factor.record
        )
    return kind.unit_of(unit.dimension)


def _note(draft: _Draft, flat: FlatFile) -> str:
    """What a reader must know of a table."""
    parts = [f"Updated {flat.updated_date}." if flat.updated_date else ""]
    if "co2e" in draft.by_gas:
        parts.append("Columns of single gases are in CO2e as published; biogenic CO2 is from Outside of scopes.")
    else:
        parts.append("Published as CO2 alone.")
    if "bioenergy" in draft.factor.group and draft.per in {"kWh", "GJ"}:
        parts.append("No basis is named; the net calorific value is what the rows per tonne and kg give.")
    if draft.place.kind in {"car", "van"} and draft.place.life_cycle_scope == OPERATION:
        parts.append("Cars and vans with a plug: exhaust, electricity and its grid loss together.")
    if draft.place.kind == "refrigerant":
        parts.append("Rates: gases of the Kyoto Protocol, other gases, and the total of both.")
    parts.append("Numbers to 15 significant digits, as a spreadsheet shows them.")
    return " ".join(part for part in parts if part)


def _edition(flat: FlatFile, year: int) -> str:
    return f"GHG Conversion Factors {year} v{flat.version}"


def _source_url(year: int) -> str:
    return f"https://www.gov.uk/government/publications/greenhouse-gas-reporting-conversion-factors-{year}"


def _slug(words: str) -> str:
    return _NOT_IN_SLUG.sub("_", words.lower()).strip("_")


def _kwh_tables(factors: Iterable[FlatFactor], flat: FlatFile, year: int) -> tuple[ParameterTable, ...]:
    """The table of kWh per km of an edition; none before 2020."""
    rows = set()
    for factor in factors:
        text = number_text(factor.cells.get(KWH), record=factor.record)
        if factor.group not in KWH_GROUPS or factor.uom.lower() != "km" or text is None:
            continue
        vehicle, attributes = vehicle_kind_and_attributes(factor)
        energy = "electricity" if "electricity" in factor.group else "fuel"
        named = {"region": GB, "year": str(year), "energy": energy, **attributes}
        if vehicle == "truck":
            named |= {"truck_vehicle": attributes["vehicle"], "powertrain": "diesel"}
        named |= {"vehicle": vehicle, "kwh_per_km_text": text}
        rows.add(tuple(named.get(column, "") for column in _KWH_COLUMNS))
    if not rows:
        return ()
    return (
        ParameterTable(
            "vehicle_kwh_per_km",
            _KWH_COLUMNS,
            tuple(sorted(rows)),
            PUBLISHER,
            _edition(flat, year),
            _source_url(year),
            LICENCE,
            "SECR tables. Fuel: kWh of fuel, net calorific value, burnt per km. Electricity: kWh from the socket per km; a "
            "plug-in hybrid has both.",
        ),
    )


def _merged(tables: Iterable[ParameterTable]) -> tuple[ParameterTable, ...]:
    """One table of several editions."""
    parts = list(tables)
    if not parts:
        return ()
    rows = sorted(row for part in parts for row in part.rows)
    edition = "; ".join(part.edition for part in parts)
    return (replace(parts[-1], rows=tuple(rows), edition=edition),)
