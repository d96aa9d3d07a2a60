"""`factors list`, `factors explain`, `factors import` and `factors diff`."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from app.cli.installation import installation, settings_of
from app.cli.terminal import ExitCode, listed, print_json, read_file, say, table
from app.data_folder import open_data_folder
from app.factor_packs import InstalledPack, installed_factor_set, installed_packs
from app.store import activity_keys
from app.store.session import reading
from app.usecases.diff_factors import diff_factors, find_factor_set
from app.usecases.explain_factor import explain_factor, explain_key, row_json
from app.usecases.import_factors import FactorImport, import_factors
from dashboards.messages import messages_in
from domain.activity import ActivityKey, find_kind
from domain.canonical import Json
from domain.errors import InputError, NotFoundError
from domain.factor import Basis, EmissionFactor
from domain.number import fraction_to_text
from domain.units import MICRO_PER_UNIT
from scoring.factors.difference import TableDifference
from scoring.factors.factor_set import FactorSet
from scoring.factors.importers.registry import NamedFile, find_file_kind

_FACTOR_ID = re.compile(r"[0-9a-f]{16}")
_KEY_ID = re.compile(r"[0-9a-f]{64}")
_SHOWN_CHANGES_COUNT = 20
"""How many large changes of one table are printed for people; --json gives all."""


def run_list(kind: str, *, is_json: bool, data_folder: Path | None) -> None:
    """List the published tables that are held.

    Args:
        kind: Only factors for this kind; all where empty.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Raises:
        KindError: There is no such kind.
    """
    if kind:
        find_kind(kind, record="--kind")
    folder = settings_of(data_folder).data_folder
    factor_set, packs = installed_factor_set(folder), installed_packs(folder)
    groups: dict[tuple[str, ...], list[EmissionFactor]] = defaultdict(list)
    for row in factor_set.of_kind(kind) if kind else factor_set.factors:
        groups[row.publisher, row.edition, row.table, row.kind, row.unit, row.rate, str(row.life_cycle_scope)].append(row)
    tables = [_table_json(names, rows) for names, rows in groups.items()]
    if is_json:
        set_json = factor_set.id.to_json() | {"version": factor_set.version, "row_count": factor_set.row_count}
        print_json({"factor_set": set_json, "packs": [_pack_json(pack) for pack in packs], "tables": tables})
        return
    say(f"Factor set {factor_set.version}: {factor_set.row_count} rows, root {factor_set.id.root_hex}")
    say()
    for pack in packs:
        found = _pack_json(pack)
        say(f"Pack {found['version']}: {found['row_count']} rows, {', '.join(found['licences'])}; {pack.path}")
    if packs:
        say()
    heads = ("publisher", "edition", "kind", "rate", "scope", "rows", "regions", "years", "licence")
    shown = [
        (
            one["publisher"],
            one["edition"],
            one["kind"],
            one["rate"],
            one["life_cycle_scope"],
            one["rows"],
            one["regions"],
            one["years"],
            one["licence"],
        )
        for one in tables
    ]
    table([tuple(map(str, row)) for row in shown], head=heads, right=(5, 6))


def run_explain(
    place_or_id: str,
    year: int | None,
    *,
    kind: str,
    basis: Basis,
    attributes: Sequence[str],
    unit: str,
    is_json: bool,
    data_folder: Path | None,
) -> int:
    """Say which factor a place and year get, and why; or what a row or an activity key is.

    Args:
        place_or_id: ZIP code, country code or region path; or the id of a row (16 hexadecimal digits) or of an activity key (64).
        year: Calendar year of the activity; with a place.
        kind: Name of a kind.
        basis: Location or market.
        attributes: Each as name=value.
        unit: Unit of the activity; the kind's own where empty.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code: 1 where no factor fits.

    Raises:
        InputError: A place has no year, or an attribute is not name=value.
        NotFoundError: There is no row or key of this id.
    """
    folder = settings_of(data_folder).data_folder
    factor_set = installed_factor_set(folder)
    if year is None and _FACTOR_ID.fullmatch(place_or_id):
        return _explain_row(place_or_id, factor_set, is_json=is_json)
    if year is None and _KEY_ID.fullmatch(place_or_id):
        answer = explain_key(_find_key(place_or_id, data_folder), factor_set, basis)
    elif year is None:
        raise InputError(
            "A place needs a year",
            expected="a place and a year, or an id of 16 or 64 hexadecimal digits",
            got=place_or_id,
            record="KEY",
            next_step="Such as: factors explain 94110 2024",
        )
    else:
        answer = explain_factor(
            factor_set,
            kind=kind,
            region_text=place_or_id,
            year=year,
            basis=basis,
            attributes=_attributes(attributes),
            unit=unit,
        )
    if is_json:
        print_json(answer)
    else:
        _show(answer)
    return ExitCode.DONE if answer["factor"] else ExitCode.PARTLY


def run_import(kind_name: str, file_names: Sequence[str], *, is_json: bool, data_folder: Path | None) -> int:
    """Install a publisher's own files as a pack.

    Args:
        kind_name: Kind of the files.
        file_names: Their paths.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code.

    Raises:
        NotFoundError: There is no such kind of file.
        FactorSetError: A file is not what its importer expects.
    """
    kind = find_file_kind(kind_name)
    files = [NamedFile(Path(name).name, read_file(name)) for name in file_names]
    settings = settings_of(data_folder)
    open_data_folder(settings)
    done = import_factors(settings.data_folder, kind, files)
    if is_json:
        print_json(_import_json(done))
    else:
        _show_import(done)
    return ExitCode.DONE


def run_diff(before: str, after: str, *, is_json: bool, data_folder: Path | None) -> int:
    """Show what differs between two factor sets.

    Args:
        before: "shipped", "installed", a pack, a version, or a folder.
        after: The same.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code.

    Raises:
        NotFoundError: There is no such set.
    """
    folder = settings_of(data_folder).data_folder
    found = diff_factors(find_factor_set(before, folder), find_factor_set(after, folder))
    if is_json:
        print_json({"tables": [asdict(one) for one in found]})
    elif found:
        _show_differences(found)
    else:
        say("The same rows.")
    return ExitCode.DONE


def _explain_row(factor_id: str, factor_set: FactorSet, *, is_json: bool) -> int:
    """Print one published row, as a stranger needs it to find it in its publication."""
    row = factor_set.row(factor_id)
    if is_json:
        print_json(row_json(row))
        return ExitCode.DONE
    numbers = ", ".join(f"{gas} {text}" for gas, text in row.published.items())
    say(f"{numbers} ({row.published_unit}), for {row.kind} per {row.unit}")
    fields: dict[str, str] = {
        "publisher": row.publisher,
        "edition": row.edition,
        "table": row.table,
        "label": row.label,
        "place, year": f"{row.region}, {row.year}",
        "rate": row.rate,
        "attributes": ", ".join(f"{name}={value}" for name, value in sorted(row.attributes.items())),
        "counts": row.life_cycle_scope.replace("_", " "),
        "GWP set": row.gwp_set,
        "uncertainty": f"± {row.uncertainty_percent} %" if row.uncertainty_percent else "",
        "quality": row.data_quality,
        "licence": row.licence,
        "url": row.source_url,
        "note": row.note,
    }
    for name, value in fields.items():
        if value:
            say(f"  {name:<12} {value}")
    return ExitCode.DONE


def _find_key(key_id: str, data_folder: Path | None) -> ActivityKey:
    with installation(data_folder) as services, reading(services.engine) as session:
        key = activity_keys.find(session, key_id)
    if key is None:
        raise NotFoundError(
            "No activity of this installation has this key",
            expected="the id of an activity key",
            got=key_id,
            record="KEY",
            next_step="An id cannot be turned back into its key: name the place, the year and --kind.",
        )
    return key


def _attributes(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or name in found:
            raise InputError(
                "This is no attribute",
                expected="name=value, each name once",
                got=text,
                record="--attribute",
                next_step="Such as --attribute powertrain=petrol",
            )
        found[name] = value
    return found


def _show(answer: Mapping[str, Any]) -> None:
    """Print an explanation (`app.usecases.explain_factor`)."""
    factor = answer["factor"]
    if factor:
        grams = fraction_to_text(Fraction(int(answer["ug_co2e_per_unit"]["total"]), MICRO_PER_UNIT))
        where = f"{factor['publisher']}, {factor['edition']}, {factor['region']}, {factor['year']}"
        say(f"{grams} g CO2e/{answer['key']['unit']}: {where}, {factor['life_cycle_scope'].replace('_', ' ')}")
    else:
        say("No published factor fits; such activity is counted and shown as unscored, never as zero.")
    listed("Why:", answer["steps"])
    listed("Take care:", flag_words(answer["flags"]))
    if factor:
        say(f"As published: climate-fitness factors explain {factor['factor_id']}")


def flag_words(flags: list[str]) -> list[str]:
    """Flags of a resolution in plain words."""
    messages = messages_in()
    return [messages(f"flag.{flag}") for flag in flags]


def _show_import(done: FactorImport) -> None:
    listed("Look at:", done.findings)
    if done.pack is None:
        say(f"Nothing changed: all {done.row_count} rows are installed already.")
        return
    _show_differences(done.differences)
    say(f"{done.new_row_count} of {done.row_count} rows are new: {done.pack}")
    say(f"Licence: {', '.join(done.licences)}. It binds whoever passes these rows on.")
    say(f"Factor set {done.factor_set.version}: {done.factor_set.row_count} rows, root {done.factor_set.id.root_hex}")
    say("Start a server that is running again, so that it takes them. A network without this pack cannot endorse what uses it.")


def _show_differences(found: Sequence[TableDifference]) -> None:
    heads = ("publisher", "table", "kind", "added", "removed", "changed", "over 25 %")
    rows = [
        (
            one.publisher,
            one.table,
            one.kind,
            str(one.added_count),
            str(one.removed_count),
            str(one.changed_count),
            str(len(one.large_changes)),
        )
        for one in found
    ]
    if rows:
        table(rows, head=heads, right=(3, 4, 5, 6))
    large = [text for one in found for text in one.large_changes[:_SHOWN_CHANGES_COUNT]]
    listed("Changed by more than 25 %:", large)


def _import_json(done: FactorImport) -> dict[str, Any]:
    return {
        "differences": [asdict(one) for one in done.differences],
        "factor_set": done.factor_set.id.to_json() | {"version": done.factor_set.version},
        "findings": list(done.findings),
        "is_changed": done.pack is not None,
        "licences": list(done.licences),
        "new_row_count": done.new_row_count,
        "pack": None if done.pack is None else str(done.pack),
        "row_count": done.row_count,
    }


def _pack_json(pack: InstalledPack) -> dict[str, Any]:
    entries = [entry for entry in pack.content.tables if entry.kind]
    return {
        "files": [{"name": name, "sha256": digest} for name, digest in pack.sources],
        "folder": str(pack.path),
        "kind": pack.kind,
        "licences": sorted({str(entry.fields["licence"]) for entry in entries}),
        "name": pack.name,
        "row_count": sum(entry.row_count for entry in entries),
        "version": pack.content.version,
    }


def _table_json(names: tuple[str, ...], rows: list[EmissionFactor]) -> dict[str, Json]:
    years = sorted({row.year for row in rows})
    fields = dict(zip(("publisher", "edition", "table", "kind", "unit", "rate", "life_cycle_scope"), names, strict=True))
    return {
        **fields,
        "licence": rows[0].licence,
        "regions": len({row.region for row in rows}),
        "rows": len(rows),
        "years": str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}",
        "source_url": rows[0].source_url,
    }
