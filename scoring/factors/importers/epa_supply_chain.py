"""EPA Supply Chain GHG Emission Factors: kg CO2e per US dollar spent, for 1,016 industries of NAICS 2017.

The files give three columns per industry: without margins (cradle to the factory gate), margins (wholesale, retail and transport
from there to the sale), and their sum. All three are per dollar at *purchaser* price, so that the first two add up to the third.

The sum of all greenhouse gases is what is imported. The file by gas lists eighteen gases in every row, and fluorinated gases are
up to a third of the CO2e: a row of CO2, CH4 and N2O alone would fall short of the published total. That file is therefore used as
a check: its gases, weighted with AR5, must give the published total within the rounding of the printed digits.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO, StringIO

from python_calamine import CalamineError, CalamineWorkbook

from domain.errors import FactorSetError
from domain.number import decimal_from_text
from scoring.factors.importers.published import (
    LARGE_CHANGE_RATIO,
    Imported,
    ParameterTable,
    PublishedRow,
    SourceTable,
    decimal_text,
    hash_findings,
    require_columns,
)

NAICS_COUNT = 1016
"""Industries of NAICS 2017 in each edition: all but electricity, government and households."""

GWP_AR5 = {
    "Carbon dioxide": 1,
    "Methane": 28,
    "Nitrous oxide": 265,
    "HFC-23": 12_400,
    "HFC-32": 677,
    "HFC-125": 3_170,
    "HFC-134a": 1_300,
    "HFC-143a": 4_800,
    "HFC-236fa": 8_060,
    "Carbon tetrafluoride": 6_630,
    "Hexafluoroethane": 11_100,
    "Perfluoropropane": 8_900,
    "Perfluorobutane": 9_200,
    "Perfluorocyclobutane": 9_540,
    "Perfluorohexane": 7_910,
    "Sulfur hexafluoride": 23_500,
    "Nitrogen trifluoride": 16_100,
    "HFCs and PFCs, unspecified": 1,
}
"""kg CO2e per kg over 100 years, IPCC AR5 WG1 table 8.A.1; the last is published as CO2e already."""

MAIN_GASES = ("Carbon dioxide", "Methane", "Nitrous oxide")
CLOSE_KG_CO2E_PER_USD = Fraction(11, 10_000)
"""One unit of the last printed digit and a tenth: how far sum and total may be apart before the row is named."""

_PRICES = {
    "without": "Supply Chain Emission Factors without Margins",
    "with": "Supply Chain Emission Factors with Margins",
}
_SHORT = {"without": "without Margins", "with": "with Margins"}
_COLUMNS = (
    "2017 NAICS Code",
    "2017 NAICS Title",
    "GHG",
    "Unit",
    "Supply Chain Emission Factors without Margins",
    "Margins of Supply Chain Emission Factors",
    "Supply Chain Emission Factors with Margins",
    "Reference USEEIO Code",
)
_SCIENTIFIC = re.compile(r"[0-9]\.[0-9]{2}e[+-][0-9]{2}\Z")
_LICENCE = "US federal government work, public domain (17 USC 105)"
_UNPACKED_MAX_BYTES = 16 * 2**20
_NAICS_DIGIT_COUNT = 6


@dataclass(frozen=True)
class Edition:
    """What differs between the editions.

    Attributes:
        version: As EPA names it.
        usd_year: Year whose dollars the factors are per.
        gas_year: Year of the greenhouse gas data.
        gwp_set: Set that the CO2e was weighted with.
        separator: What stands between the words of a column's name.
        file_name: Name of EPA's file.
        source_url: Page of the data set.
        known_sha256s: SHA-256 of files that were looked at.
    """

    version: str
    usd_year: int
    gas_year: int
    gwp_set: str
    separator: str
    file_name: str
    source_url: str
    known_sha256s: tuple[str, ...]

    @property
    def table_id(self) -> str:
        """Our short name of its table."""
        return f"epa-supply-chain-{self.version}"

    @property
    def record(self) -> str:
        """What messages call it."""
        return f"EPA Supply Chain Emission Factors {self.version}"


V1_2 = Edition(
    "v1.2",
    2021,
    2019,
    "AR4",
    "_",
    "SupplyChainGHGEmissionFactors_v1.2_NAICS_CO2e_USD2021.csv",
    "https://doi.org/10.23719/1528686",
    ("05f65c706a2becf3058b5206c6333fc3f97ebb6d243ed04a8c65474dabc3d613",),
)
V1_3 = Edition(
    "v1.3",
    2022,
    2022,
    "AR5",
    " ",
    "SupplyChainGHGEmissionFactors_v1.3.0_NAICS_CO2e_USD2022.csv",
    "https://doi.org/10.23719/1531143",
    ("6025a14c4fe16675735efba1683030e4d36011e3973f3c4261f8231aa69c002f",),
)
EDITIONS = (V1_2, V1_3)

_BY_GAS_SHA256S = ("d6cb157c3dba8d7271b6d571520625115ef52ec9f2f39f163db07211eb89e771",)
_QUALITY_SHA256S = ("2297f35bb35a00479d9ec40d7d86080f35150783dae033a686b9216523015174",)
_QUALITY_SHEET = "2016_Detail_Commodity"
_QUALITY_NAMES = ("reliability", "temporal", "geographical", "technological", "collection")
_QUALITY_COLUMNS = (
    "Commodity Code",
    "Commodity Name",
    "Substance",
    "Unit",
    "Supply Chain Emission Factors without Margins",
    "Margins of Supply Chain Emission Factors",
    "Supply Chain Emission Factors with Margins",
    "",
    "DQ ReliabilityScore of Factors without Margins",
    "DQ TemporalCorrelation of Factors without Margins",
    "DQ GeographicalCorrelation of Factors without Margins",
    "DQ TechnologicalCorrelation of Factors without Margins",
    "DQ DataCollection of Factors without Margins",
)
_QUALITY_GWP = {"carbon dioxide": 1, "methane": 25, "nitrous oxide": 298, "other GHGs": 1}
"""AR4, as that workbook weights its other gases."""


@dataclass(frozen=True)
class _Sector:
    naics: str
    title: str
    text_of: Mapping[str, str]
    useeio_code: str


def import_supply_chain(v1_2: bytes, v1_3: bytes, v1_3_by_gas: bytes, quality: bytes) -> Imported:
    """Factors per dollar of both editions, with and without margins.

    Args:
        v1_2: Bytes of the CO2e file of v1.2 (2021 USD).
        v1_3: Bytes of the CO2e file of v1.3 (2022 USD).
        v1_3_by_gas: Bytes of the file by gas of v1.3, compressed with gzip.
        quality: Bytes of the workbook of v1.0, which alone has data-quality scores.

    Returns:
        Rows of kind purchase, kg CO2e per USD of the edition's price year; the table "naics_titles"; findings.

    Raises:
        FactorSetError: A file is not what it must be, or a row's parts do not add up.

    Source:
        EPA ORD, Supply Chain Greenhouse Gas Emission Factors v1.2 and v1.3 by NAICS-6; Ingwersen and Li,
        EPA/600/R-20/001 (2020), for the scores.
    """
    scores = _scores(quality)
    older, newer = _sectors(v1_2, V1_2), _sectors(v1_3, V1_3)
    rows = [row for edition, found in ((V1_2, older), (V1_3, newer)) for row in _rows(edition, found, scores)]
    findings = (
        *hash_findings(v1_2, V1_2.known_sha256s, V1_2.record),
        *hash_findings(v1_3, V1_3.known_sha256s, V1_3.record),
        *hash_findings(v1_3_by_gas, _BY_GAS_SHA256S, f"{V1_3.record} by gas"),
        *hash_findings(quality, _QUALITY_SHA256S, "EPA Supply Chain Emission Factors v1.0"),
        *_gas_findings(newer, _by_gas(v1_3_by_gas)),
        *_change_findings(older, newer),
        *_unscored_findings(rows),
    )
    titles = tuple(sorted((one.naics, one.title) for one in newer))
    table = ParameterTable(
        name="naics_titles",
        columns=("naics", "title"),
        rows=titles,
        publisher="EPA Supply Chain GHG Emission Factors",
        edition=V1_3.version,
        source_url=V1_3.source_url,
        licence=_LICENCE,
        note="The industries of NAICS 2017 that have a factor, with their titles as printed there.",
    )
    return Imported(tuple(map(_table, EDITIONS)), tuple(rows), parameter_tables=(table,), findings=findings)


def _table(edition: Edition) -> SourceTable:
    return SourceTable(
        table_id=edition.table_id,
        publisher="EPA Supply Chain GHG Emission Factors",
        edition=edition.version,
        table=edition.file_name,
        kind="purchase",
        unit="USD",
        published_unit="kg/USD",
        gwp_set=edition.gwp_set,
        life_cycle_scope="life_cycle",
        source_url=edition.source_url,
        licence=_LICENCE,
        note=(
            f"Per USD of {edition.usd_year} at purchaser price, both columns: 'without Margins' (margins=without) leaves out the "
            "emissions of trade and transport after the factory gate, not the margin in the price. "
            f"Greenhouse gases of {edition.gas_year}, US technology also for imports; cradle to sale: using the thing, such as "
            "burning a fuel, is not in it. All gases as CO2e: fluorinated gases are in every row, so the three gases alone would "
            "not give the total. Quality scores are those of the gas with the largest share in v1.0 (2016 data, factors without "
            "margins), by USEEIO code."
        ),
    )


def _sectors(data: bytes, edition: Edition) -> list[_Sector]:
    lines = csv.reader(StringIO(data.decode("utf-8-sig")))
    require_columns(next(lines, []), [name.replace(" ", edition.separator) for name in _COLUMNS], record=edition.record)
    found: dict[str, _Sector] = {}
    for number, cells in enumerate(lines, start=2):
        record = f"{edition.record}, row {number}"
        sector = _sector(cells, edition, record)
        if sector.naics in found:
            raise FactorSetError(expected="each NAICS code once", got=sector.naics, record=record)
        found[sector.naics] = sector
    if len(found) != NAICS_COUNT:
        raise FactorSetError(expected=f"{NAICS_COUNT} NAICS codes", got=str(len(found)), record=edition.record)
    return list(found.values())


def _sector(cells: Sequence[str], edition: Edition, record: str) -> _Sector:
    if len(cells) != len(_COLUMNS):
        raise FactorSetError(expected=f"{len(_COLUMNS)} cells", got=str(len(cells)), record=record)
    naics, title, gas, unit, without, margins, with_margins, useeio_code = (cell.strip() for cell in cells)
    if not naics.isdigit() or len(naics) != _NAICS_DIGIT_COUNT:
        raise FactorSetError(expected="a NAICS code of six digits", got=naics, record=record)
    expected_unit = f"kg CO2e/{edition.usd_year} USD, purchaser price"
    if (gas, unit) != ("All GHGs", expected_unit):
        raise FactorSetError(expected=f"All GHGs in {expected_unit}", got=f"{gas} in {unit}", record=record)
    texts = [decimal_text(text, record=f"{record}, {naics}") for text in (without, margins, with_margins)]
    parts, whole = Fraction(texts[0]) + Fraction(texts[1]), Fraction(texts[2])
    if abs(parts - whole) > CLOSE_KG_CO2E_PER_USD:
        raise FactorSetError(
            "A factor and its margins do not add up", expected=str(float(parts)), got=texts[2], record=f"{record}, {naics}"
        )
    return _Sector(naics, title, {"without": texts[0], "with": texts[2]}, useeio_code)


def _rows(edition: Edition, sectors: Iterable[_Sector], scores: Mapping[str, str]) -> Iterable[PublishedRow]:
    for sector in sectors:
        for margins, text in sector.text_of.items():
            yield PublishedRow(
                edition.table_id,
                "US",
                edition.usd_year,
                "",
                {"co2e": text},
                label=f"{sector.naics} {sector.title} / {_SHORT[margins]}",
                attributes={"naics": sector.naics, "margins": margins},
                data_quality=scores.get(sector.useeio_code, ""),
            )


def _scores(data: bytes) -> dict[str, str]:
    # Scores are published by gas; those of the gas that weighs most in the commodity's factor stand for it.
    record = f"EPA Supply Chain Emission Factors v1.0, {_QUALITY_SHEET}"
    try:
        cells = CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_name(_QUALITY_SHEET).to_python()
    except CalamineError as error:
        raise FactorSetError(expected="a workbook with that sheet", got=str(error), record=record) from error
    require_columns(cells[0] if cells else [], _QUALITY_COLUMNS, record=record)
    largest: dict[str, tuple[Fraction, str]] = {}
    for number, row in enumerate(cells[1:], start=2):
        code, gas = str(row[0]), str(row[2])
        if gas not in _QUALITY_GWP:
            raise FactorSetError(expected=", ".join(_QUALITY_GWP), got=gas, record=f"{record}, row {number}")
        text = decimal_text(row[4], record=f"{record}, row {number}")
        weight = Fraction(text) * _QUALITY_GWP[gas]
        if code not in largest or weight > largest[code][0]:
            largest[code] = (weight, _score_text(row[8:13], f"{record}, row {number}"))
    return {code: text for code, (_, text) in largest.items()}


def _score_text(cells: Sequence[object], record: str) -> str:
    if any(cell not in {1.0, 2.0, 3.0, 4.0, 5.0} for cell in cells):
        raise FactorSetError(expected="scores of 1 to 5", got=", ".join(map(str, cells)), record=record)
    return ";".join(f"{name}={int(str(cell)[0])}" for name, cell in zip(_QUALITY_NAMES, cells, strict=True))


def _by_gas(data: bytes) -> dict[tuple[str, str], dict[str, str]]:
    record = f"{V1_3.record} by gas"
    try:
        with gzip.open(BytesIO(data)) as packed:
            unpacked = packed.read(_UNPACKED_MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FactorSetError(expected="a gzip file", got=str(error), record=record) from error
    if len(unpacked) > _UNPACKED_MAX_BYTES:
        raise FactorSetError(expected=f"at most {_UNPACKED_MAX_BYTES} bytes unpacked", got="more", record=record)
    lines = csv.reader(StringIO(unpacked.decode("utf-8-sig")))
    require_columns(next(lines, []), _COLUMNS, record=record)
    found: dict[tuple[str, str], dict[str, str]] = {}
    for number, cells in enumerate(lines, start=2):
        where = f"{record}, row {number}"
        if len(cells) != len(_COLUMNS):
            raise FactorSetError(expected=f"{len(_COLUMNS)} cells", got=str(len(cells)), record=where)
        gas = cells[2]
        if gas not in GWP_AR5:
            raise FactorSetError(expected=f"one of {', '.join(GWP_AR5)}", got=gas, record=where)
        for margins, column in _PRICES.items():
            text = cells[_COLUMNS.index(column)]
            if not _SCIENTIFIC.match(text):
                raise FactorSetError(expected="a printed number of zero or more", got=text, record=where)
            found.setdefault((cells[0], margins), {})[gas] = text
    return found


def _gas_findings(sectors: Iterable[_Sector], by_gas: Mapping[tuple[str, str], Mapping[str, str]]) -> tuple[str, ...]:
    record = f"{V1_3.record} by gas"
    rows = [
        (one.naics, margins, text, by_gas.get((one.naics, margins), {}))
        for one in sectors
        for margins, text in one.text_of.items()
    ]
    incomplete = [naics for naics, _, _, gases in rows if gases.keys() != GWP_AR5.keys()]
    if incomplete:
        raise FactorSetError(expected=f"{len(GWP_AR5)} gases", got=f"fewer for {incomplete[0]}", record=record)
    other_ratios = [_other_ratio(gases) for _, _, _, gases in rows]
    apart = [
        (naics, margins) for naics, margins, text, gases in rows if abs(_total(gases) - Fraction(text)) > CLOSE_KG_CO2E_PER_USD
    ]
    beyond = [
        (naics, margins) for naics, margins, text, gases in rows if abs(_total(gases) - Fraction(text)) > _rounding(text, gases)
    ]
    codes = ", ".join(dict.fromkeys(naics for naics, _ in apart))
    largest_pct = float(max(other_ratios) * 100)
    others = f"{sum(map(bool, other_ratios))} of {len(rows)} rows hold gases besides CO2, CH4 and N2O"
    close = f"weighted with AR5 {len(rows) - len(apart)} of {len(rows)} rows give the published CO2e within 0.0011"
    return (
        f"{record}: {others} (up to {largest_pct:.1f} % of the CO2e), so all rows are published as CO2e only",
        f"{record}: {close}; the others are {codes}",
        *(f"{record}: {naics} {margins} margins is outside the rounding of its own digits" for naics, margins in beyond),
    )


def _total(gases: Mapping[str, str]) -> Fraction:
    return sum((Fraction(text) * GWP_AR5[gas] for gas, text in gases.items()), Fraction())


def _other_ratio(gases: Mapping[str, str]) -> Fraction:
    others = _total({gas: text for gas, text in gases.items() if gas not in MAIN_GASES})
    return others / _total(gases)


def _rounding(text: str, gases: Mapping[str, str]) -> Fraction:
    """Largest distance that rounding alone can make between a total and its weighted parts, kg CO2e per USD."""
    return _half_unit(text) + sum((_half_unit(part) * GWP_AR5[gas] for gas, part in gases.items()), Fraction())


def _half_unit(text: str) -> Fraction:
    """Half a unit of the last digit; the totals are printed with three decimal places, less their trailing zeros."""
    if "e" not in text:
        return Fraction(5, 10_000)
    mantissa, _, exponent = text.partition("e")
    return Fraction(1, 2) * Fraction(10) ** (int(exponent) - len(mantissa.partition(".")[2]))


def _change_findings(older: Iterable[_Sector], newer: Iterable[_Sector]) -> tuple[str, ...]:
    # One line per USEEIO sector: the NAICS codes of a sector have the same factor.
    before = {one.naics: decimal_from_text(one.text_of["with"]) for one in older}
    after = {one.naics: decimal_from_text(one.text_of["with"]) for one in newer}
    code_of = {one.naics: one.useeio_code for one in newer}
    if before.keys() != after.keys():
        differing = ", ".join(sorted(before.keys() ^ after.keys()))
        raise FactorSetError(expected="the same NAICS codes in both editions", got=differing, record=V1_3.record)
    moved = [naics for naics, old in before.items() if abs(Fraction(after[naics] - old)) > LARGE_CHANGE_RATIO * Fraction(old)]
    groups: dict[str, str] = {}
    for naics in moved:
        groups.setdefault(code_of[naics], f"{naics} from {before[naics]} to {after[naics]}")
    lead = f"EPA Supply Chain Emission Factors: {len(moved)} of {len(before)} industries moved by more than a quarter from "
    lead += "v1.2 (2021 USD, AR4) to v1.3 (2022 USD, AR5)"
    return (lead, *(f"EPA Supply Chain Emission Factors: with margins, {text}" for text in groups.values()))


def _unscored_findings(rows: Iterable[PublishedRow]) -> tuple[str, ...]:
    without = [row.attributes["naics"] for row in rows if not row.data_quality]
    if not without:
        return ()
    codes = ", ".join(sorted(set(without)))
    return (f"EPA Supply Chain Emission Factors: {len(without)} rows have no quality scores in v1.0: {codes}",)
