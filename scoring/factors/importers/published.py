"""What every importer gives (tables, published rows, parameters, regions, findings), and the checks they share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise

from domain.errors import FactorSetError
from domain.number import decimal_from_text

LARGE_CHANGE_RATIO = Fraction(1, 4)
"""A rate that moves by more than this from one year to the next is named in the diff (shared design, arithmetic, section 5)."""

GAS_SUM_TOLERANCE_RATIO = Fraction(2, 1000)
"""How far gases x GWP may be from the CO2e that the publisher prints; 0.12 % was seen for eGRID2019."""

GWP_AR4 = {"ch4": 25, "n2o": 298}
"""IPCC AR4 100-year values, with which eGRID2018 to eGRID2021 give CO2e (eGRID2021 Technical Guide, section 2)."""


@dataclass(frozen=True)
class SourceTable:
    """One edition of one table of one publisher.

    Attributes:
        table_id: Our short name of it, stable: the factor file refers to it.
        publisher: Such as "EPA eGRID".
        edition: Edition and revision as the publisher names it.
        table: Table or sheet inside the edition.
        kind: Kind of activity.
        unit: Unit of the kind that the factors are per.
        published_unit: Unit of the published numbers: "kg/km"; by gas where they differ: "co2=kg/mmBtu;ch4=g/mmBtu;n2o=g/mmBtu".
        gwp_set: Set that the published numbers were weighted with (AR4, AR5, AR6, "not stated"), whole or by gas; empty where
            they are masses of single gases.
        life_cycle_scope: A `LifeCycleScope` value.
        source_url: Where it is published.
        licence: Its licence.
        note: What a reader must know.
    """

    table_id: str
    publisher: str
    edition: str
    table: str
    kind: str
    unit: str
    published_unit: str
    gwp_set: str
    life_cycle_scope: str
    source_url: str
    licence: str
    note: str = ""


@dataclass(frozen=True)
class PublishedRow:
    """One published rate.

    Attributes:
        table_id: Table it stands in.
        region: Region path.
        year: Calendar year of the data.
        rate: Which rate of the publisher; empty where there is one.
        by_gas: Gas name (co2, ch4, n2o, co2e, biogenic_co2) to published decimal text. A co2e beside single gases is kept as
            printed; the gases are what is computed with.
        label: The row's own words in its table, from which a reader finds it there.
        attributes: Attributes of the kind that it is for (`domain/kinds.py`), name to value.
        uncertainty_percent: Published half-width of its 95 % interval, percent; empty where none is published.
        data_quality: Published scores, 1 best to 5: "reliability=2;temporal=1"; empty where none are published.
    """

    table_id: str
    region: str
    year: int
    rate: str
    by_gas: Mapping[str, str]
    label: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    uncertainty_percent: str = ""
    data_quality: str = ""


@dataclass(frozen=True)
class Parameter:
    """A published number that is no emission factor: a grid loss, a national average.

    Attributes:
        name: Such as "grid_gross_loss".
        region: Region path.
        year: Calendar year of the data.
        value_text: Published decimal text.
        unit: Unit of the value.
        publisher: Who published it.
        edition: Edition as the publisher names it.
        source_url: Where.
        licence: Its licence.
        note: What a reader must know.
    """

    name: str
    region: str
    year: int
    value_text: str
    unit: str
    publisher: str
    edition: str
    source_url: str
    licence: str
    note: str


@dataclass(frozen=True)
class ParameterTable:
    """A published table of numbers that are no emission factors, kept as a file of its own: exchange rates, airports.

    Attributes:
        name: Name of its file: "fx_monthly".
        columns: Names of its columns; numbers carry their unit.
        rows: Cells as text, sorted.
        publisher: Who published it; "Climate Fitness" for tables of our own.
        edition: Edition as the publisher names it, or our version.
        source_url: Where.
        licence: Its licence.
        note: What a reader must know.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)
    publisher: str
    edition: str
    source_url: str
    licence: str
    note: str = ""


@dataclass(frozen=True)
class RegionRow:
    """One region of the graph.

    Attributes:
        region: Path: `DE`, `US/state/CA`, `US/egrid/CAMX`, `WORLD/europe`.
        name: In English.
        parent: Region that it falls back to; empty for `WORLD`.
    """

    region: str
    name: str
    parent: str


@dataclass(frozen=True)
class Imported:
    """What one file gives.

    Attributes:
        tables: Tables whose rows are here.
        rows: Published rates, in the file's order.
        parameters: Published numbers that are no factors.
        regions: Regions that it names.
        findings: What a person should look at: unknown hash, large changes, left-out values.
        parameter_tables: Published tables that are no factors.
    """

    tables: tuple[SourceTable, ...] = ()
    rows: tuple[PublishedRow, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    regions: tuple[RegionRow, ...] = ()
    findings: tuple[str, ...] = field(default=())
    parameter_tables: tuple[ParameterTable, ...] = ()


def hash_findings(data: bytes, known_sha256s: Iterable[str], record: str) -> tuple[str, ...]:
    """A finding where the file's bytes are none that we have seen; an unknown file is read all the same."""
    digest = sha256(data).hexdigest()
    if digest in set(known_sha256s):
        return ()
    return (f"{record}: SHA-256 {digest} is not one that this importer knows; its values are checked like any other's",)


def require_columns(got: Sequence[object], expected: Sequence[str], *, record: str) -> None:
    """Refuse a table whose header is not the expected one.

    Args:
        got: The header's cells.
        expected: What they must be, in order; further cells may follow.
        record: File and row, for the message.

    Raises:
        FactorSetError: A column differs.
    """
    shown = [str(cell or "").strip() for cell in got]
    if shown[: len(expected)] != list(expected):
        raise FactorSetError(
            "The table's columns are not the expected ones",
            expected=", ".join(expected),
            got=", ".join(shown),
            record=record,
            next_step="The publisher changed the layout: the importer must be changed with it.",
        )


def decimal_text(cell: object, *, record: str, places_count: int = 12) -> str:
    """The decimal text of a spreadsheet's or JSON's number, as short as the publisher printed it.

    Args:
        cell: A number, or text that says one.
        record: Where it stands, for the message.
        places_count: Decimal places up to which a number counts as printed.

    Returns:
        Plain decimal text.

    Raises:
        FactorSetError: It is no number of zero or more, or has more digits than a publisher prints (a computed cell).
    """
    text = str(cell).strip()
    places = text.partition(".")[2]
    is_number = bool(text) and text.replace(".", "", 1).isdigit() and not isinstance(cell, bool)
    if not is_number or len(places) > places_count:  # more places are a computed float
        raise FactorSetError(expected="a printed number of zero or more", got=text, record=record)
    return text


def large_changes(rows: Iterable[PublishedRow], *, record: str) -> tuple[str, ...]:
    """Findings for every rate that moved by more than a quarter against the previous year held for that region.

    Args:
        rows: Rows of all years to compare; only the first gas of each is looked at.
        record: What is compared, for the finding.

    Returns:
        One text per change, sorted.
    """
    series: dict[tuple[str, str], dict[int, Decimal]] = {}
    for row in rows:
        gas = "co2e" if "co2e" in row.by_gas else "co2"
        series.setdefault((row.region, f"{row.rate} {gas}"), {})[row.year] = decimal_from_text(row.by_gas[gas])
    findings = []
    for (region, what), by_year in sorted(series.items()):
        years = sorted(by_year)
        for before, after in pairwise(years):
            old, new = by_year[before], by_year[after]
            if old and abs(Fraction(new - old)) / Fraction(old) > LARGE_CHANGE_RATIO:
                findings.append(f"{record}: {region} {what} moved from {old} ({before}) to {new} ({after})")
    return tuple(findings)


def gas_sum_findings(by_gas: Iterable[PublishedRow], as_co2e: Iterable[PublishedRow], *, record: str) -> tuple[str, ...]:
    """Findings for every region and year whose gases, weighted with AR4, miss the CO2e that is published for it.

    Args:
        by_gas: Total-output rows by gas.
        as_co2e: Total-output rows as CO2e.
        record: What is compared, for the finding.

    Returns:
        One text per row outside the tolerance; empty where all agree.
    """
    printed = {(row.region, row.year): Fraction(row.by_gas["co2e"]) for row in as_co2e if "co2e" in row.by_gas}
    findings = []
    for row in by_gas:
        want = printed.get((row.region, row.year))
        if row.rate != "total_output" or not want:
            continue
        got = Fraction(row.by_gas["co2"]) + sum(Fraction(row.by_gas[gas]) * gwp for gas, gwp in GWP_AR4.items())
        if abs(got - want) / want > GAS_SUM_TOLERANCE_RATIO:
            findings.append(f"{record}: {row.region} {row.year} gases give {float(got):.3f}, published CO2e is {float(want):.3f}")
    return tuple(findings)
