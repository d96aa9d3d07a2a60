"""Our tables of categories: every code exists, every category is mapped once, and the words are those that we know."""

import csv
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from scoring.factors.importers.category_maps import CONFIDENCES, import_category_maps
from scoring.factors.importers.epa_supply_chain import V1_3
from scoring.factors.importers.published import ParameterTable
from scoring.purchase import codes_of

KEPT = resources.files("scoring.factors").joinpath("kept")
LINE = "high,The category is this industry.\n"


@pytest.fixture(scope="module")
def factors(shared_dir: Path) -> dict[str, float]:
    """NAICS code to kg CO2e per USD with margins, of v1.3."""
    with (shared_dir / "data/raw/epa" / V1_3.file_name).open(encoding="utf-8-sig") as file:
        return {line["2017 NAICS Code"]: float(line[list(line)[6]]) for line in csv.DictReader(file)}


@pytest.fixture(scope="module")
def tables(factors: dict[str, float]) -> tuple[ParameterTable, ParameterTable]:
    """Both tables, checked against the codes of v1.3."""
    mcc, plaid = (KEPT.joinpath(name).read_bytes() for name in ("mcc_naics.csv", "plaid_naics.csv"))
    first, second = import_category_maps(mcc, plaid, factors.keys()).parameter_tables
    return first, second


def test_every_mcc_of_the_list_is_mapped_once(tables: tuple[ParameterTable, ParameterTable], shared_dir: Path) -> None:
    """All 981 codes of the public list, and none twice; airlines, car rental and hotels by range."""
    with (shared_dir / "data/raw/mcc/mcc_codes.csv").open() as file:
        listed = {line["mcc"] for line in csv.DictReader(file)}
    counts = Counter(code for row in tables[0].rows for code in codes_of(row[0]))
    assert len(listed) == 981
    assert listed <= counts.keys()
    assert set(counts.values()) == {1}


def test_codes_beyond_the_list_are_named(tables: tuple[ParameterTable, ParameterTable], shared_dir: Path) -> None:
    """Codes issued after the list of 2020, and the free numbers inside the three ranges; no others."""
    with (shared_dir / "data/raw/mcc/mcc_codes.csv").open() as file:
        listed = {line["mcc"] for line in csv.DictReader(file)}
    beyond = {code for row in tables[0].rows for code in codes_of(row[0])} - listed
    assert {code for code in beyond if not code.startswith("3")} == {
        "4813", "5262", "5552", "5715", "6050", "6532", "6533", "6536", "6537", "6538", "6540", "7322", "9406",
    }  # fmt: skip


def test_every_plaid_category_is_mapped_once(tables: tuple[ParameterTable, ParameterTable], shared_dir: Path) -> None:
    """All detailed and primary identifiers; the transfers, which the list held leaves out, are the only further ones."""
    with (shared_dir / "data/raw/plaid/pfc-identifiers.csv").open() as file:
        listed = {name for line in csv.DictReader(file) for name in line.values()}
    counts = Counter(row[0] for row in tables[1].rows)
    assert listed <= counts.keys()
    assert set(counts.values()) == {1}
    assert {name.partition("_")[0] for name in counts.keys() - listed} == {"TRANSFER"}


def test_every_code_exists_and_every_line_has_a_reason(
    tables: tuple[ParameterTable, ParameterTable], factors: dict[str, float]
) -> None:
    """NAICS of v1.3, or none with confidence none; a confidence that we know; a sentence."""
    for _, naics, confidence, why in (row for table in tables for row in table.rows):
        assert (naics in factors) == (confidence != "none")
        assert naics == "" or confidence != "none"
        assert confidence in CONFIDENCES
        assert why.endswith(".")


def test_shops_are_scored_by_their_goods(tables: tuple[ParameterTable, ParameterTable]) -> None:
    """The factor of trade, per dollar of its margin, stands for second-hand goods only, with low confidence."""
    trade = [row for table in tables for row in table.rows if row[1].startswith(("42", "44", "45"))]
    assert {row[2] for row in trade} == {"low"}
    assert {row[0] for row in trade} == {"5521", "5832", "5931", "5932", "5933", "5935", "5972"}


@pytest.mark.parametrize(
    "category",
    [
        "6011",
        "6010",
        "4829",
        "9311",
        "9222",
        "INCOME_WAGES",
        "LOAN_PAYMENTS_MORTGAGE_PAYMENT",
        "TRANSFER_OUT",
        "TRANSFER_OUT_WITHDRAWAL",
    ],
)
def test_what_is_no_purchase_has_no_industry(tables: tuple[ParameterTable, ParameterTable], category: str) -> None:
    """Cash, money sent on, taxes, fines, income, debt."""
    (row,) = (row for table in tables for row in table.rows if row[0] == category)
    assert row[1:3] == ("", "none")


def test_groceries_are_low_and_above_the_shop(tables: tuple[ParameterTable, ParameterTable], factors: dict[str, float]) -> None:
    """5411 is food, 0.485 per dollar, not the grocer's own 0.186; a basket of 0.2 to 1.1 is low confidence."""
    (row,) = (row for row in tables[0].rows if row[0] == "5411")
    assert (row[1], row[2]) == ("311412", "low")
    assert (factors["311412"], factors["445110"]) == (0.485, 0.186)


def test_tables_say_version_and_author(tables: tuple[ParameterTable, ParameterTable]) -> None:
    """Ours, and which version."""
    assert [(one.name, one.publisher, one.edition) for one in tables] == [
        ("mcc_naics", "Climate Fitness", "mcc-naics/1"),
        ("plaid_naics", "Climate Fitness", "plaid-naics/1"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mcc,naics,why\n", r"columns are not the expected ones.*got mcc, naics, why"),
        (
            f"mcc,naics,confidence,why\n0742,999999,{LINE}",
            r"expected a NAICS code that has a factor.*got 999999; in mcc-naics/1, row 2",
        ),
        (f"mcc,naics,confidence,why\n0742,,{LINE}", r"expected a NAICS code that has a factor.*got none"),
        ("mcc,naics,confidence,why\n0742,111110,none,x\n", r"or none with confidence none; got 111110"),
        (
            "mcc,naics,confidence,why\n0742,111110,sure,x\n",
            r"expected one of high, medium, low, none; got sure; in mcc-naics/1, row 2",
        ),
        ("mcc,naics,confidence,why\n0742,111110,high,\n", r"expected a category, a NAICS code, a confidence and a reason"),
        (f"mcc,naics,confidence,why\n3000-3002,111110,{LINE}3001,111110,{LINE}", r"expected each category once; got 3001"),
    ],
)
def test_faulty_table_is_refused(text: str, message: str) -> None:
    """Header, code, confidence, reason, and a code that a range holds already."""
    plaid = f"plaid_category,naics,confidence,why\nTRAVEL,111110,{LINE}"
    with pytest.raises(FactorSetError, match=message):
        import_category_maps(text.encode(), plaid.encode(), {"111110"})
