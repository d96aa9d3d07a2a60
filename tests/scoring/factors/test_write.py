"""Writing a folder: what went in comes out, everything is in the log, and twins are refused."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import to_canonical
from domain.errors import FactorSetError
from domain.factor import EmissionFactor, Gas, LifeCycleScope
from domain.merkle import leaf_hash, merkle_root
from scoring.factors.folder import FORMAT, FactorFolder
from scoring.factors.importers.published import Imported, ParameterTable, PublishedRow, SourceTable
from scoring.factors.log import PARAMETERS_FORMAT
from scoring.factors.write import folder_files, with_manifest
from tests.scoring.sets import folder_of, imported, parameter, row, source

RATES = ParameterTable(
    name="rates",
    columns=("month", "rate"),
    rows=(("2024-01", "1.5"), ("2024-02", "1.6")),
    publisher="Central Bank",
    edition="2024",
    source_url="https://example.org/rates",
    licence="public domain",
    note="Means of days.",
)
GERMANY = row("DE", 2023, co2="400", ch4="0.1", biogenic_co2="7", label='Table 1 / "Germany", total; net')


def written(*parts: Imported) -> FactorFolder:
    """The folder that these parts are written as."""
    return folder_of(folder_files(parts, version="v"))


def test_row_is_read_as_it_was_written() -> None:
    """Every field of a row comes back: the table's and its own."""
    table = source(note="Re-keyed.", gwp_set="AR4")
    own = replace(GERMANY, rate="total", attributes={"b": "2", "a": "1"}, uncertainty_percent="5", data_quality="temporal=2")
    (found,) = written(imported(table, rows=[own])).rows("electricity")
    assert found == EmissionFactor(
        publisher="Power Board",
        edition="2024",
        table="Table 1",
        kind="electricity",
        unit="kWh",
        region="DE",
        year=2023,
        published={Gas.CO2: "400", Gas.CH4: "0.1", Gas.BIOGENIC_CO2: "7"},
        published_unit="g/kWh",
        gwp_set="AR4",
        life_cycle_scope=LifeCycleScope.GENERATION,
        rate="total",
        source_url="https://example.org/power",
        licence="CC BY 4.0",
        note="Re-keyed.",
        label='Table 1 / "Germany", total; net',
        attributes={"a": "1", "b": "2"},
        uncertainty_percent="5",
        data_quality="temporal=2",
    )


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
CELLS = st.builds(
    PublishedRow,
    table_id=st.just("power"),
    region=st.sampled_from(["DE", "NA", "US/egrid/CAMX"]),
    year=st.integers(1990, 2100),
    rate=TEXTS,
    by_gas=st.dictionaries(st.sampled_from(["co2", "ch4", "n2o", "co2e", "biogenic_co2"]), st.sampled_from(["0", "0.10", "12"])),
    label=TEXTS,
    attributes=st.dictionaries(st.sampled_from("abc"), st.text("abc_=,\"'é 1.-/", min_size=1, max_size=8), max_size=3),
    uncertainty_percent=st.sampled_from(["", "5"]),
    data_quality=st.sampled_from(["", "temporal=2", "reliability=4;temporal=2;geographical=1;technological=4;collection=1"]),
)


@given(st.lists(CELLS, max_size=5, unique_by=repr))
def test_every_row_survives(rows: list[PublishedRow]) -> None:
    """Whatever a publisher prints, what is read is what was imported, in its order, to the last zero and quote."""
    distinct = list({(one.rate, one.label, one.region, one.year, repr(sorted(one.by_gas.items()))): one for one in rows}.values())
    found = written(imported(source(), rows=distinct)).rows("electricity")
    assert [
        (one.region, one.year, one.rate, one.label, dict(one.attributes), {str(gas): text for gas, text in one.published.items()})
        for one in found
    ] == [(one.region, one.year, one.rate, one.label, dict(one.attributes), dict(one.by_gas)) for one in distinct]
    assert [(one.uncertainty_percent, one.data_quality) for one in found] == [
        (one.uncertainty_percent, one.data_quality) for one in distinct
    ]


@pytest.mark.parametrize("attributes", [{"fuel": "a;b"}, {"a=b": "c"}, {"a;b": "c"}])
def test_attribute_that_the_file_cannot_hold_is_refused(attributes: dict[str, str]) -> None:
    """A semicolon or an equals sign that would be read as another attribute is refused when it is written, by name."""
    with pytest.raises(FactorSetError, match=r"An attribute holds a sign that the file separates with.*got .*; in power"):
        folder_files([imported(source(), rows=[replace(GERMANY, attributes=attributes)])], version="v")


def test_log_holds_rows_and_tables_of_parameters_in_their_order() -> None:
    """Rows by table, then each table of parameters as one entry: the root is over all of them."""
    parts = [
        imported(
            source(), rows=[GERMANY, replace(GERMANY, region="FR")], parameters=[parameter("grid_gross_loss", "DE", "0.04")]
        ),
        Imported(parameter_tables=(RATES,)),
    ]
    files = folder_files(parts, version="v")
    folder = folder_of(files)
    rows = [one.canonical_bytes for one in folder.rows("electricity")]
    rates = to_canonical(
        {
            "columns": ["month", "rate"],
            "edition": "2024",
            "format": PARAMETERS_FORMAT,
            "licence": "public domain",
            "name": "rates",
            "note": "Means of days.",
            "publisher": "Central Bank",
            "sha256": sha256(files["parameters/rates.csv"]).hexdigest(),
            "source_url": "https://example.org/rates",
        }
    )
    entries = list(folder.entries())
    assert (entries[:2], entries[-1], len(entries)) == (rows, rates, 4)
    assert folder.root_hex == merkle_root([leaf_hash(entry) for entry in entries]).hex()
    assert folder.leaves == b"".join(leaf_hash(entry) for entry in entries)


def test_changed_parameter_is_another_root() -> None:
    """An exchange rate is in the log: another digit is another factor set."""
    other = replace(RATES, rows=(("2024-01", "1.5"), ("2024-02", "1.7")))
    roots = {written(imported(source(), rows=[GERMANY]), Imported(parameter_tables=(one,))).root_hex for one in (RATES, other)}
    assert len(roots) == 2


def test_same_input_gives_the_same_bytes() -> None:
    """Writing is deterministic, and says what it wrote."""
    parts = [imported(source(), rows=[GERMANY]), Imported(parameter_tables=(RATES,))]
    files = folder_files(parts, version="v")
    assert files == folder_files(parts, version="v")
    manifest = json.loads(files["dataset.json"])
    assert (manifest["format"], manifest["version"], manifest["row_count"], manifest["size"]) == (FORMAT, "v", 1, 2)
    assert manifest["files"] == {name: sha256(data).hexdigest() for name, data in files.items() if name != "dataset.json"}


def test_rows_of_several_files_keep_the_order_of_admission() -> None:
    """Rows of one kind from two tables and files stand one after the other, as the log has them."""
    parts = [imported(source(one), rows=[row("DE", 2023, one, co2=text)]) for one, text in (("b", "2"), ("a", "1"))]
    folder = written(*parts)
    assert [one.published[Gas.CO2] for one in folder.rows("electricity")] == ["2", "1"]
    assert list(folder.all_rows()) == list(folder.rows("electricity"))


def test_twin_rows_are_refused() -> None:
    """Two rows that are equal to the last character would have one id."""
    with pytest.raises(FactorSetError, match="Two rows of the log are equal; expected each row once; got entry 1 again"):
        folder_files([imported(source(), rows=[GERMANY, GERMANY])], version="v")


def test_two_tables_of_one_id_are_refused() -> None:
    """A table's id names one table."""
    parts: list[Imported] = [imported(source(), rows=[GERMANY]), imported(source(), rows=[row("FR", 2023, co2="1")])]
    with pytest.raises(FactorSetError, match="Two tables have one id; expected a new id; got power"):
        folder_files(parts, version="v")


def test_row_without_a_table_is_refused() -> None:
    """A row belongs to one of its file's tables."""
    with pytest.raises(FactorSetError, match=r"A row belongs to no table; .*got nowhere"):
        folder_files([imported(source(), rows=[row("DE", 2023, "nowhere", co2="1")])], version="v")


def test_two_tables_of_parameters_with_one_name_are_refused() -> None:
    """A table of parameters is a file of its own."""
    with pytest.raises(FactorSetError, match="Two tables of parameters have one name; expected a new name; got rates"):
        folder_files([Imported(parameter_tables=(RATES, RATES))], version="v")


def test_manifest_of_changed_files_states_their_root() -> None:
    """Files that somebody edited get a manifest of their own, whose root is what they hold."""
    files = folder_files([imported(source(), rows=[GERMANY])], version="v")
    edited = {name: data.replace(b"400", b"401") for name, data in files.items() if name not in {"dataset.json", "leaves.bin"}}
    again = folder_of(with_manifest(edited, version="v2"))
    assert again.rows("electricity")[0].published[Gas.CO2] == "401"
    assert again.root_hex != folder_of(files).root_hex


def test_table_of_another_kind_is_another_file() -> None:
    """Rows lie in a file per kind; a kind without rows has none."""
    gas = replace(source("gas"), kind="natural_gas", unit="m3", published_unit="kg/m3", life_cycle_scope="combustion")
    folder = written(imported(source(), gas, rows=[GERMANY, row("DE", 2023, "gas", co2="2")]))
    assert {name for name in folder.files if name.startswith("factors/")} == {
        "factors/electricity.csv",
        "factors/natural_gas.csv",
    }
    assert [one.kind for one in folder.all_rows()] == ["electricity", "natural_gas"]
    assert folder.rows("water") == ()


def test_made_up_tables_are_as_an_importer_makes_them() -> None:
    """The table of these tests is a table like any other."""
    assert isinstance(source(), SourceTable)


def test_later_build_continues_the_log() -> None:
    """What is new comes behind what was admitted; a table of parameters that changed stays as an entry without its file."""
    power = replace(imported(source(), rows=[GERMANY]), parameter_tables=(RATES,))
    first = folder_of(folder_files([power], version="1"))
    newer = replace(RATES, edition="2025", rows=(*RATES.rows, ("2025-01", "1.7")))
    wind = imported(source("wind"), rows=[replace(GERMANY, table_id="wind", year=2024)])
    later = [replace(imported(source(), rows=[GERMANY]), parameter_tables=(newer,)), wind]
    second = folder_of(folder_files([wind, *later[:1]], version="2", before=first))
    assert second.leaves.startswith(first.leaves)
    assert len(second.leaves) == len(first.leaves) + 2 * 32  # a row, and the newer table of rates
    assert [entry["rate"] for entry in second.parameter_rows("rates")] == ["1.5", "1.6", "1.7"]
    assert {found.year for found in second.rows("electricity")} == {2023, 2024}
    assert b"".join(leaf_hash(entry) for entry in second.entries()) == second.leaves
    third = folder_of(folder_files(later, version="3", before=second))
    assert third.leaves == second.leaves


def test_admitted_rows_never_change() -> None:
    """A table that lost its rows, or has others under its old id, is no continuation."""
    first = written(imported(source(), rows=[GERMANY]))
    with pytest.raises(FactorSetError, match="An admitted table is gone; expected the rows of power"):
        folder_files([imported(source("wind"), rows=[replace(GERMANY, table_id="wind")])], version="2", before=first)
    with pytest.raises(FactorSetError, match="The log does not continue the one before"):
        folder_files([imported(source(), rows=[replace(GERMANY, year=2022)])], version="2", before=first)
