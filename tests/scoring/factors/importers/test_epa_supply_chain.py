"""EPA's factors per dollar: published numbers as printed, the check by gas, the scores, and what is refused."""

import csv
import gzip
from collections import Counter
from fractions import Fraction
from io import StringIO
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from domain.kinds import KINDS
from domain.units import find_unit
from scoring.factors.importers.epa_supply_chain import GWP_AR5, V1_2, V1_3, import_supply_chain
from scoring.factors.importers.published import Imported, PublishedRow

BY_GAS = "SupplyChainGHGEmissionFactors_v1.3.0_NAICS_byGHG_USD2022.csv.gz"
SCORES = "SupplyChainEmissionFactorsforUSIndustriesCommodities_v1.0.xlsx"
NAMES = (V1_2.file_name, V1_3.file_name, BY_GAS, SCORES)


@pytest.fixture(scope="module")
def files(shared_dir: Path) -> tuple[bytes, bytes, bytes, bytes]:
    """Bytes of v1.2, v1.3, v1.3 by gas and v1.0."""
    folder = shared_dir / "data" / "raw" / "epa"
    v1_2, v1_3, by_gas, scores = ((folder / name).read_bytes() for name in NAMES)
    return v1_2, v1_3, by_gas, scores


@pytest.fixture(scope="module")
def imported(files: tuple[bytes, bytes, bytes, bytes]) -> Imported:
    """Both editions."""
    return import_supply_chain(*files)


def _row(imported: Imported, edition: str, naics: str, margins: str) -> PublishedRow:
    want = (f"epa-supply-chain-{edition}", {"naics": naics, "margins": margins})
    rows = [row for row in imported.rows if (row.table_id, row.attributes) == want]
    assert len(rows) == 1
    return rows[0]


def test_every_industry_has_four_rows(imported: Imported) -> None:
    """1,016 industries, two editions, with and without margins."""
    counts = Counter((row.table_id, row.year, row.attributes["margins"]) for row in imported.rows)
    assert counts == {
        ("epa-supply-chain-v1.2", 2021, "without"): 1016,
        ("epa-supply-chain-v1.2", 2021, "with"): 1016,
        ("epa-supply-chain-v1.3", 2022, "without"): 1016,
        ("epa-supply-chain-v1.3", 2022, "with"): 1016,
    }
    assert {row.region for row in imported.rows} == {"US"}


@pytest.mark.parametrize(
    ("edition", "naics", "margins", "text"),
    [
        ("v1.3", "111110", "without", "0.488"),  # row 2, column E
        ("v1.3", "111110", "with", "0.532"),  # row 2, column G
        ("v1.3", "511210", "with", "0.08"),  # 0.036 + 0.045, printed as 0.08
        ("v1.3", "722511", "with", "0.194"),
        ("v1.3", "327310", "with", "3.924"),  # the largest
        ("v1.2", "111110", "with", "1.326"),
    ],
)
def test_factors_are_as_printed(imported: Imported, edition: str, naics: str, margins: str, text: str) -> None:
    """The published decimal text, kg CO2e per USD."""
    assert _row(imported, edition, naics, margins).by_gas == {"co2e": text}


def test_label_and_scores_of_a_row(imported: Imported) -> None:
    """A reader finds the row by code, title and column; its scores are those of N2O of 1111A0 in v1.0, sheet row 4."""
    row = _row(imported, "v1.3", "111110", "with")
    assert row.label == "111110 Soybean Farming / with Margins"
    assert row.data_quality == "reliability=4;temporal=2;geographical=1;technological=4;collection=1"


def test_scores_are_those_of_the_largest_gas(imported: Imported) -> None:
    """Beef is mostly methane (0.078 x 25 against 0.528 of CO2): its scores are those of 1121A0's methane, sheet row 31."""
    for edition in ("v1.2", "v1.3"):
        row = _row(imported, edition, "112111", "without")
        assert row.data_quality == "reliability=4;temporal=2;geographical=1;technological=1;collection=1"


def test_rows_without_scores_are_named(imported: Imported) -> None:
    """3,940 rows have scores; construction and other sectors that v1.0 does not have under their code have none."""
    assert sum(bool(row.data_quality) for row in imported.rows) == 3940
    assert imported.findings[-1].startswith(
        "EPA Supply Chain Emission Factors: 124 rows have no quality scores in v1.0: 236117, "
    )


def test_tables_fit_the_kind_and_say_the_price_year(imported: Imported) -> None:
    """Per USD, life cycle, with the publisher's own GWP set; the note says what without margins means."""
    by_id = {table.table_id: table for table in imported.tables}
    assert {name: table.gwp_set for name, table in by_id.items()} == {
        "epa-supply-chain-v1.2": "AR4",
        "epa-supply-chain-v1.3": "AR5",
    }
    for table in imported.tables:
        assert (table.kind, table.unit, table.published_unit, table.life_cycle_scope) == (
            "purchase",
            "USD",
            "kg/USD",
            "life_cycle",
        )
        assert find_unit("USD").dimension in KINDS["purchase"].dimensions
    assert "Per USD of 2022 at purchaser price, both columns" in by_id["epa-supply-chain-v1.3"].note


def test_attributes_are_those_of_the_kind(imported: Imported) -> None:
    """Every row carries what the rule of purchases looks up, and nothing else."""
    assert {tuple(sorted(row.attributes)) for row in imported.rows} == {("margins", "naics")}
    assert {row.attributes["margins"] for row in imported.rows} <= set(KINDS["purchase"].attribute("margins").choices)  # type: ignore[union-attr]


def test_no_row_is_of_the_three_gases_alone(imported: Imported) -> None:
    """Other gases stand in every row, up to a third of it: so co2e only, and a finding says so."""
    assert any(
        "2032 of 2032 rows hold gases besides CO2, CH4 and N2O (up to 33.7 % of the CO2e)" in one for one in imported.findings
    )


def test_gases_weighted_with_ar5_give_the_total(imported: Imported) -> None:
    """98 % within 0.0011, the others named; none is outside what the rounding of its own digits allows."""
    assert any("weighted with AR5 1994 of 2032 rows give the published CO2e within 0.0011" in one for one in imported.findings)
    assert not [one for one in imported.findings if "outside the rounding" in one]


def test_soybean_by_gas_is_its_total(files: tuple[bytes, bytes, bytes, bytes]) -> None:
    """The same sum by hand, for the first industry: 0.532 kg CO2e per USD."""
    lines = csv.DictReader(StringIO(gzip.decompress(files[2]).decode("utf-8-sig")))
    gases = [line for line in lines if line["2017 NAICS Code"] == "111110"]
    total = sum(Fraction(line["Supply Chain Emission Factors with Margins"]) * GWP_AR5[line["GHG"]] for line in gases)
    assert len(gases) == 18
    assert abs(total - Fraction("0.532")) < Fraction(1, 1000)


def test_editions_differ_by_more_than_a_quarter_in_a_third(imported: Imported) -> None:
    """387 industries moved: the findings name each USEEIO sector once."""
    assert any("387 of 1016 industries moved by more than a quarter" in one for one in imported.findings)
    assert any("with margins, 111110 from 1.326 to 0.532" in one for one in imported.findings)


def test_known_files_give_no_hash_finding(imported: Imported) -> None:
    """The four files held are the ones that were looked at."""
    assert not [one for one in imported.findings if "SHA-256" in one]


def test_same_bytes_give_the_same_rows(imported: Imported, files: tuple[bytes, bytes, bytes, bytes]) -> None:
    """Idempotent and in the same order."""
    assert import_supply_chain(*files) == imported


def test_titles_are_a_table(imported: Imported) -> None:
    """1,016 codes in order, with EPA's titles."""
    (titles,) = imported.parameter_tables
    assert titles.name == "naics_titles"
    assert len(titles.rows) == 1016
    assert titles.rows == tuple(sorted(titles.rows))
    assert ("445110", "Supermarkets and Other Grocery (except Convenience) Stores") in titles.rows


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"2017 NAICS Code"', b'"2022 NAICS Code"', r"columns are not the expected ones.*got 2022 NAICS Code"),
        (b"0.488,0.044,0.532", b"0.488,0.044,0.632", r"do not add up; expected 0.532; got 0.632; in .*v1.3, row 2, 111110"),
        (b"0.488,0.044,0.532", b"NaN,0.044,0.532", r"expected a printed number of zero or more; got NaN; in .*row 2, 111110"),
        (b"0.488,0.044,0.532", b"0.488,0.044", r"expected 8 cells; got 7; in .*row 2"),
        (b"111120,", b"111110,", r"expected each NAICS code once; got 111110; in .*row 3"),
        (b"111120,", b"11112,", r"expected a NAICS code of six digits; got 11112; in .*row 3"),
        (b"kg CO2e/2022 USD", b"kg CO2e/2018 USD", r"expected All GHGs in kg CO2e/2022 USD, purchaser price; got .*2018"),
    ],
)
def test_changed_file_is_refused(files: tuple[bytes, bytes, bytes, bytes], old: bytes, new: bytes, message: str) -> None:
    """A header, a number, a sum, a code or a unit that is another one is refused with its row."""
    assert old in files[1]
    with pytest.raises(FactorSetError, match=message):
        import_supply_chain(files[0], files[1].replace(old, new, 1), files[2], files[3])


def test_file_cut_short_is_refused(files: tuple[bytes, bytes, bytes, bytes]) -> None:
    """Fewer industries than there are is no edition."""
    short = b"".join(files[1].splitlines(keepends=True)[:-1])
    with pytest.raises(FactorSetError, match=r"expected 1016 NAICS codes; got 1015"):
        import_supply_chain(files[0], short, files[2], files[3])


def test_missing_gas_is_refused(files: tuple[bytes, bytes, bytes, bytes]) -> None:
    """The check by gas does not pass over an industry that lacks one."""
    lines = gzip.decompress(files[2]).splitlines(keepends=True)
    with pytest.raises(FactorSetError, match=r"expected 18 gases; got fewer for 111110"):
        import_supply_chain(files[0], files[1], gzip.compress(b"".join([lines[0], *lines[2:]])), files[3])


def test_wrong_gas_amount_is_a_finding(files: tuple[bytes, bytes, bytes, bytes]) -> None:
    """A gas that no rounding explains is named with industry and column."""
    changed = gzip.decompress(files[2]).replace(b'"1.34e-01","3.78e-02","1.72e-01"', b'"1.34e-01","3.78e-02","1.92e-01"', 1)
    found = import_supply_chain(files[0], files[1], gzip.compress(changed), files[3])
    assert [one for one in found.findings if "outside" in one] == [
        "EPA Supply Chain Emission Factors v1.3 by gas: 111110 with margins is outside the rounding of its own digits"
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"1.34e-01"', b'"NaN"', r"expected a printed number of zero or more; got NaN; in .*by gas, row 3"),
        (b'"1.34e-01"', b'"-1.34e-01"', r"expected a printed number of zero or more; got -1.34e-01; in .*by gas, row 3"),
        (b'"1.34e-01",', b"", r"expected 8 cells; got 7; in .*by gas, row 3"),
        (b'"Carbon dioxide"', b'"Radon"', r"expected one of Carbon dioxide, .*; got Radon; in .*by gas, row 3"),
    ],
)
def test_changed_file_by_gas_is_refused(files: tuple[bytes, bytes, bytes, bytes], old: bytes, new: bytes, message: str) -> None:
    """The file that only checks is checked itself."""
    changed = gzip.decompress(files[2]).replace(old, new, 1)
    with pytest.raises(FactorSetError, match=message):
        import_supply_chain(files[0], files[1], gzip.compress(changed), files[3])


def test_gwps_are_those_of_the_ipcc(shared_dir: Path) -> None:
    """Every gas that the list of AR5 has under a name of ours has our value."""
    text = (shared_dir / "data/raw/gwp/globalwarmingpotentials.csv").read_text()
    lines = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    published = {line["Species"].replace("-", "").lower(): line["AR5GWP100"] for line in lines}
    names = {
        "Methane": "ch4",
        "Nitrous oxide": "n2o",
        "Carbon tetrafluoride": "cf4",
        "Hexafluoroethane": "c2f6",
        "Perfluoropropane": "c3f8",
        "Perfluorobutane": "c4f10",
        "Perfluorocyclobutane": "cc4f8",
        "Perfluorohexane": "c6f14",
        "Sulfur hexafluoride": "sf6",
        "Nitrogen trifluoride": "nf3",
    } | {gas: gas.replace("-", "").lower() for gas in GWP_AR5 if gas.startswith("HFC-")}
    assert {gas: float(published[name]) for gas, name in names.items()} == {gas: GWP_AR5[gas] for gas in names}
    assert GWP_AR5.keys() - names.keys() == {"Carbon dioxide", "HFCs and PFCs, unspecified"}


def test_what_is_no_gzip_or_no_workbook_is_refused(files: tuple[bytes, bytes, bytes, bytes]) -> None:
    """Each of the two says what it is not."""
    with pytest.raises(FactorSetError, match=r"expected a gzip file"):
        import_supply_chain(files[0], files[1], b"no", files[3])
    with pytest.raises(FactorSetError, match=r"expected a workbook with that sheet"):
        import_supply_chain(files[0], files[1], files[2], b"no")


def test_bomb_is_not_unpacked(files: tuple[bytes, bytes, bytes, bytes]) -> None:
    """A small file that unpacks to more than 16 MiB is refused."""
    with pytest.raises(FactorSetError, match=r"expected at most 16777216 bytes unpacked; got more"):
        import_supply_chain(files[0], files[1], gzip.compress(bytes(16 * 2**20 + 1)), files[3])
