"""US electric utilities (EIA-861), their balancing authority and the eGRID subregions that their wires lie in.

What the files say, and how certain a join is:

- EIA-861 `Utility_Data_<year>`: one row per utility that filed (three for the withheld number 88888, which is left out). The
  tab Territories holds the utilities of US territories. `Utility Number` is EIA's number. `State` is the state of the
  utility's office, not of its customers (Massachusetts Electric says NY, AEP Texas says OK): it is kept under that name and
  decides nothing. `NERC Region` is blank in hundreds of rows; a Y under "Also operating in other NERC Regions" adds one; a Y
  under "Operating in these RTOs" names a market.
- `xwalk_subregion_transmission`: NERC region, balancing authority and owner of the wires of power plants whose balancing
  authority has several subregions, and the subregion eGRID puts such plants in. `Transmission or Distribution System Owner
  ID` is EIA's number; -9999 says unknown. It says where plants on these wires are, which is nearly always where the customers
  are; single plants were filed with the wrong owner. A row therefore counts only where its NERC region is one of the utility's
  own in EIA-861 (PG&E's row with NPCC falls out). SPP was dissolved as a NERC region in 2018 and its plants went to MRO:
  utilities that still say SPP agree with both.
- `xwalk_subregion_utility`: the same for single owners of plants. `Utility ID` owns the plant, not the wires; only rows where
  both are the same number count.
- `xwalk_balancing_authority`: the subregion of a balancing authority that lies in one; blank where it has several.
- `ba_codes`: names of the balancing authorities; used to find the utilities that are one themselves: equal names, spelling of
  "Company" and punctuation aside.

The balancing authority is the utility itself, else the one market that it operates in (California's only for utilities with an
office there: others trade in it from outside). The subregion is that of the balancing authority where it lies in one, else those
of the wires. What none of this tells is left blank.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO

from python_calamine import CalamineWorkbook

from domain.errors import FactorSetError
from scoring.factors.importers.published import Imported, ParameterTable, hash_findings, require_columns

KNOWN_SHA256S = {
    "eia861_2020": "6aa0298968bcd6b36a3f0c233c23759cad21717fa6d1b881090dbf80669b30a1",
    "eia861_2019": "c831878f7333d126614e0ca3c2b668b1e1c7af674f7b3d7075df9dd37a63c55b",
    "transmission": "cb2056caad0d1670f6bf98801d9ccd7f9f3af61f7ebb36998557e856eadb48a5",
    "owners": "83a74778e62e056a4b824a9a9b73421ac8090ec119a1f87206029d7fca0a8372",
    "authorities": "1642d48f5174aa58c0d6ec2fd3aaf2c558cf41547a7876a33f5fbc36db631633",
    "authority_names": "8f101cf1c8430bfca700b2a20c0f7325d8caafab374589418eea981d6b07d8fc",
}
COLUMNS = ("utility_id", "name", "office_state", "balancing_authority", "subregions")

_HEAD_2019 = ("Data Year", "Utility Number", "Utility Name", "Short Form", "State", "Ownership Type", "NERC Region")
_HEAD_2020 = ("Data Year", "Utility Number", "Utility Name", "State", "Ownership Type", "NERC Region")
_NERC_FLAGS = ("TRE", "FRCC", "MRO", "NPCC", "RFC", "SERC", "SPP", "WECC")
_AUTHORITY_OF_MARKET = {
    "CAISO": "CISO",
    "ERCOT": "ERCO",
    "PJM": "PJM",
    "NYISO": "NYIS",
    "SPP": "SWPP",
    "MISO": "MISO",
    "ISONE": "ISNE",
}
_NERC_SPELLINGS = {"SPP": ("SPP", "MRO"), "RF": ("RFC",), "ERCOT": ("TRE",), "HICC": ("HI",), "NY": ("NPCC",)}
"""Regions in EIA-861 that the crosswalk writes otherwise. SPP's regional entity was dissolved on 2018-08-31."""

_WITHHELD, _UNKNOWN = "88888", "-9999"
_TRANSMISSION_COLUMNS = ("NERC Region", "Balancing Authority Code", "Transmission or Distribution System Owner ID", "SUBRGN")
_OWNER_COLUMNS = (*_TRANSMISSION_COLUMNS[:3], "Utility ID", "SUBRGN")
_AUTHORITY_COLUMNS = ("Flag", "SUBRGN", "Balancing Authority Code", "Balancing Authority Name")
_NAME_COLUMNS = ("BACODE", "BANAME")


@dataclass(frozen=True)
class Utility:
    """One utility of EIA-861.

    Attributes:
        utility_id: EIA's number.
        name: As it filed.
        office_state: State of its office.
        nerc_regions: Its NERC regions in the crosswalk's words.
        markets: RTOs that it operates in.
    """

    utility_id: str
    name: str
    office_state: str
    nerc_regions: frozenset[str]
    markets: frozenset[str]


@dataclass(frozen=True)
class _Wires:
    """One crosswalk row of an owner: a NERC region that its wires are in, and the subregion there."""

    nerc_region: str
    subregion: str


def import_us_utilities(
    *, eia861_2020: bytes, eia861_2019: bytes, transmission: bytes, owners: bytes, authorities: bytes, authority_names: bytes
) -> Imported:
    """Utilities with the subregions that their wires lie in.

    Args:
        eia861_2020: EIA-861 utility data of 2020; of a utility in both years, this one counts.
        eia861_2019: The same of 2019, in which the small ones that file the short form stand too.
        transmission: eGRID's `xwalk_subregion_transmission`.
        owners: eGRID's `xwalk_subregion_utility`.
        authorities: eGRID's `xwalk_balancing_authority`.
        authority_names: eGRID's `ba_codes`.

    Returns:
        The parameter table "us_utilities", sorted by number; several subregions are separated by spaces.

    Raises:
        FactorSetError: A column, a number or a name is not what it must be.

    Source:
        EIA Form EIA-861; USEPA/egrid, static tables of the eGRID production model.
    """
    files = {
        "eia861_2020": eia861_2020,
        "eia861_2019": eia861_2019,
        "transmission": transmission,
        "owners": owners,
        "authorities": authorities,
        "authority_names": authority_names,
    }
    of_2019, of_2020 = _utilities(eia861_2019, 2019, _HEAD_2019), _utilities(eia861_2020, 2020, _HEAD_2020)
    wires = _wires(transmission, owners)
    subregion_of = _subregion_of_authority(authorities)
    itself = _authority_of_name(authority_names)
    rows = [_row(utility, wires.get(utility.utility_id, ()), subregion_of, itself) for utility in {**of_2019, **of_2020}.values()]
    table = ParameterTable(
        name="us_utilities",
        columns=COLUMNS,
        rows=tuple(sorted(rows, key=lambda row: int(row[0]))),
        publisher="US EIA and US EPA",
        edition="EIA-861 2020 and 2019; eGRID production model tables of 2025-01-17",
        source_url="https://www.eia.gov/electricity/data/eia861/",
        licence="US federal government work, public domain (17 USC 105)",
        note="office_state is where the utility's office is, not where its customers are; subregions are those of its wires "
        "(https://github.com/USEPA/egrid), blank where no file tells.",
    )
    hashes = (
        text for name, data in files.items() for text in hash_findings(data, (KNOWN_SHA256S[name],), f"US utilities, {name}")
    )
    return Imported(parameter_tables=(table,), findings=(*hashes, _count_finding(table.rows)))


def _count_finding(rows: Sequence[tuple[str, ...]]) -> str:
    by_count = [sum(len(row[4].split()) == count for row in rows) for count in (0, 1)]
    several = len(rows) - sum(by_count)
    return f"US utilities: {len(rows)}, of which {by_count[1]} in one subregion, {several} in several, {by_count[0]} not told"


def _row(
    utility: Utility, wires: Sequence[_Wires], subregion_of: Mapping[str, str], itself: Mapping[str, str]
) -> tuple[str, ...]:
    authority = itself.get(_plain(utility.name)) or _market_authority(utility)
    of_wires = {one.subregion for one in wires if one.nerc_region in utility.nerc_regions}
    subregions = {subregion_of[authority]} if subregion_of.get(authority) else of_wires
    return utility.utility_id, utility.name, utility.office_state, authority, " ".join(sorted(subregions))


def _market_authority(utility: Utility) -> str:
    markets = set(utility.markets)
    if len(markets) != 1 or (markets == {"CAISO"} and utility.office_state != "CA"):
        return ""
    return _AUTHORITY_OF_MARKET.get(markets.pop(), "")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\bcompany\b", "co", name.lower()))


def _utilities(data: bytes, year: int, head: Sequence[str]) -> dict[str, Utility]:
    workbook = CalamineWorkbook.from_filelike(BytesIO(data))
    found: dict[str, Utility] = {}
    for sheet_name in ("States", "Territories"):
        record = f"EIA-861 utility data {year}, sheet {sheet_name}"
        if sheet_name not in workbook.sheet_names:
            raise FactorSetError(expected=f"a sheet {sheet_name}", got=", ".join(workbook.sheet_names), record=record)
        rows = workbook.get_sheet_by_name(sheet_name).to_python()
        require_columns(rows[1], [*head, *_NERC_FLAGS, *_AUTHORITY_OF_MARKET, "Other"], record=record)
        for row_number, cells in enumerate(rows[2:], 3):
            utility = _utility([_text(cell) for cell in cells], len(head), f"{record}, row {row_number}")
            if utility.utility_id == _WITHHELD:
                continue
            if utility.utility_id in found:
                raise FactorSetError(expected="every utility once", got=utility.utility_id, record=f"{record}, row {row_number}")
            found[utility.utility_id] = utility
    return found


def _utility(cells: Sequence[str], first_flag: int, record: str) -> Utility:
    number, name = cells[1], cells[2]
    state, nerc_region = cells[first_flag - 3], cells[first_flag - 1]
    if not number.isdigit() or not name:
        raise FactorSetError(expected="a utility's number and name", got=f"{number or 'none'}, {name or 'none'}", record=record)
    also = {flag for flag, cell in zip(_NERC_FLAGS, cells[first_flag:], strict=False) if cell == "Y"}
    regions = {other for region in {nerc_region, *also} for other in _NERC_SPELLINGS.get(region, (region,))}
    first_market = first_flag + len(_NERC_FLAGS)
    names = (*_AUTHORITY_OF_MARKET, "Other")
    markets = {market for market, cell in zip(names, cells[first_market:], strict=False) if cell == "Y"}
    return Utility(number, name, state, frozenset(regions - {""}), frozenset(markets))


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _lines(data: bytes, columns: Sequence[str], record: str) -> list[list[str]]:
    lines = list(csv.reader(StringIO(data.decode("utf-8-sig"))))
    require_columns(lines[0] if lines else [], columns, record=record)
    return [[cell.strip() for cell in line] for line in lines[1:]]


def _wires(transmission: bytes, owners: bytes) -> Mapping[str, Sequence[_Wires]]:
    wires: dict[str, list[_Wires]] = defaultdict(list)
    for nerc_region, _, owner, subregion in _lines(transmission, _TRANSMISSION_COLUMNS, "eGRID crosswalk of wires"):
        wires[owner].append(_Wires(nerc_region, subregion))
    for nerc_region, _, owner, utility_id, subregion in _lines(owners, _OWNER_COLUMNS, "eGRID crosswalk of owners"):
        if owner == utility_id:
            wires[owner].append(_Wires(nerc_region, subregion))
    wires.pop(_UNKNOWN, None)
    for owner, found in wires.items():
        bad = [one.subregion for one in found if not re.fullmatch(r"[A-Z]{4}", one.subregion)]
        if bad:
            raise FactorSetError(
                expected="a subregion such as CAMX", got=bad[0], record=f"eGRID crosswalk of wires, owner {owner}"
            )
    return wires


def _subregion_of_authority(data: bytes) -> Mapping[str, str]:
    return {code: subregion for _, subregion, code, _ in _lines(data, _AUTHORITY_COLUMNS, "eGRID crosswalk of authorities")}


def _authority_of_name(data: bytes) -> Mapping[str, str]:
    lines = _lines(data, _NAME_COLUMNS, "eGRID balancing authority codes")
    codes = {line[0]: line[1] for line in lines}
    missing = [code for code in _AUTHORITY_OF_MARKET.values() if code not in codes]
    if missing:
        raise FactorSetError(
            expected="codes of all seven markets", got=f"no {missing[0]}", record="eGRID balancing authority codes"
        )
    return {_plain(name): code for code, name in codes.items()}
