"""Utilities of the US: which subregion a utility decides for, which it does not, and what is refused."""

from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from domain.errors import FactorSetError
from scoring.factors.importers.published import Imported
from scoring.factors.importers.us_utilities import COLUMNS, import_us_utilities

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def files(shared_dir: Path) -> Files:
    """The six files."""
    raw = shared_dir / "data" / "raw"
    static = raw / "epa" / "egrid-static"
    return {
        "eia861_2020": (raw / "hyperledger/Utility_Data_2020.xlsx").read_bytes(),
        "eia861_2019": (raw / "hyperledger/Utility_Data_2019.xlsx").read_bytes(),
        "transmission": (static / "xwalk_subregion_transmission.csv").read_bytes(),
        "owners": (static / "xwalk_subregion_utility.csv").read_bytes(),
        "authorities": (static / "xwalk_balancing_authority.csv").read_bytes(),
        "authority_names": (static / "ba_codes.csv").read_bytes(),
    }


@pytest.fixture(scope="module")
def imported(files: Files) -> Imported:
    """What they give."""
    return import_us_utilities(**files)


@pytest.fixture(scope="module")
def by_id(imported: Imported) -> dict[str, tuple[str, ...]]:
    """Rows by EIA number."""
    return {row[0]: row for row in imported.parameter_tables[0].rows}


def test_counts(imported: Imported) -> None:
    """3,353 utilities of both years; a thousand lie in one subregion, and most are not told."""
    assert imported.findings == ("US utilities: 3353, of which 1000 in one subregion, 7 in several, 2346 not told",)
    assert imported.parameter_tables[0].columns == COLUMNS
    assert [int(row[0]) for row in imported.parameter_tables[0].rows] == sorted(
        int(row[0]) for row in imported.parameter_tables[0].rows
    )


def test_row_of_another_nerc_region_is_not_believed(by_id: dict[str, tuple[str, ...]]) -> None:
    """The crosswalk has wires of PG&E in NPCC and RFCE; PG&E is in WECC, and in CAMX."""
    assert by_id["14328"] == ("14328", "Pacific Gas & Electric Co.", "CA", "CISO", "CAMX")


@pytest.mark.parametrize(
    ("utility_id", "authority", "subregions"),
    [
        ("4226", "NYIS", "NYCW"),  # Consolidated Edison
        ("13573", "NYIS", "NYUP"),  # Niagara Mohawk
        ("11171", "NYIS", "NYLI"),  # Long Island Power Authority
        ("5109", "MISO", "RFCM"),  # DTE Electric
        ("9996", "SWPP", "SPNO"),  # Kansas City, Kansas: says SPP, the crosswalk says SPP and MRO
        ("803", "AZPS", "AZNM"),  # Arizona Public Service is a balancing authority itself
        ("44372", "ERCO", "ERCT"),  # Oncor: its market lies in one subregion; the crosswalk's NWPP is not believed
        ("10071", "", "HIMS"),  # Kauai: EIA writes HICC, the crosswalk HI
        ("30151", "", "AZNM RMPA"),  # Tri-State has wires in both
    ],
)
def test_utilities_that_are_told(by_id: dict[str, tuple[str, ...]], utility_id: str, authority: str, subregions: str) -> None:
    """Wires, market or the utility itself tell."""
    assert by_id[utility_id][3:] == (authority, subregions)


@pytest.mark.parametrize("utility_id", ["7140", "11208", "16868", "6641"])
def test_what_no_file_tells_is_blank(by_id: dict[str, tuple[str, ...]], utility_id: str) -> None:
    """Georgia Power, Los Angeles, Seattle (trades in California's market), 4-County (rows of other NERC regions): blank."""
    assert by_id[utility_id][3:] == ("", "")


def test_office_is_not_where_the_customers_are(by_id: dict[str, tuple[str, ...]]) -> None:
    """Massachusetts Electric has its office in New York; New England's market says where it is."""
    assert by_id["11804"][2:] == ("NY", "ISNE", "NEWE")


def test_utilities_of_territories_and_of_2019_alone_are_in(by_id: dict[str, tuple[str, ...]]) -> None:
    """Puerto Rico stands on the second tab; Abbeville (SC) filed the short form of 2019; 88888 is nobody."""
    assert by_id["15497"][1] == "Puerto Rico Electric Pwr Authority"
    assert by_id["34"][1] == "City of Abbeville - (SC)"
    assert "88888" not in by_id


def test_import_is_deterministic(files: Files, imported: Imported) -> None:
    """The same bytes give the same rows."""
    assert import_us_utilities(**files) == imported


def test_unknown_file_is_a_finding(files: Files) -> None:
    """A crosswalk with one more line is read and named."""
    changed = files | {"transmission": files["transmission"] + b"WECC,NA,7140,SRSO\n"}
    found = import_us_utilities(**changed)
    assert found.findings[0].startswith("US utilities, transmission: SHA-256")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("transmission", b"SUBRGN", b"REGION", r"expected NERC Region, .*SUBRGN; got .*REGION; in eGRID crosswalk of wires"),
        ("transmission", b",SRVC", b",17", r"expected a subregion such as CAMX; got 17; in eGRID crosswalk of wires, owner"),
        ("authority_names", b"CISO,", b"CIS0,", r"expected codes of all seven markets; got no CISO"),
        ("owners", b"Utility ID", b"Utility", r"expected .*Utility ID.*; in eGRID crosswalk of owners"),
    ],
)
def test_bad_crosswalks_are_refused(files: Files, name: str, old: bytes, new: bytes, message: str) -> None:
    """Renamed columns, a code that is no subregion, a market without a code."""
    with pytest.raises(FactorSetError, match=message):
        import_us_utilities(**{**files, name: files[name].replace(old, new)})


@pytest.mark.parametrize(
    ("cell", "value", "message"),
    [
        ("B2", "Utility ID", r"expected Data Year, Utility Number, .*; in EIA-861 utility data 2020, sheet States"),
        ("B3", "NaN", r"expected a utility's number and name; got NaN, City of Aberdeen - \(MS\); in .*sheet States, row 3"),
        ("C3", "", r"got 55, none; in EIA-861 utility data 2020, sheet States, row 3"),
        ("B4", 55, r"expected every utility once; got 55; in EIA-861 utility data 2020, sheet States, row 4"),
    ],
)
def test_bad_utility_data_is_refused(files: Files, cell: str, value: object, message: str) -> None:
    """Another header, no number, no name, a number twice: refused with the row."""
    workbook = openpyxl.load_workbook(BytesIO(files["eia861_2020"]))
    workbook["States"][cell] = value
    out = BytesIO()
    workbook.save(out)
    with pytest.raises(FactorSetError, match=message):
        import_us_utilities(**{**files, "eia861_2020": out.getvalue()})
