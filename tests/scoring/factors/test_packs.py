"""Packs: their files, their place behind the shipped set, and that nothing is ever put in twice."""

from dataclasses import replace

import pytest

from domain.errors import FactorSetError, PlaceError
from domain.merkle import leaf_hash, verify_inclusion
from scoring.factors.factor_set import FactorSet
from scoring.factors.importers.published import Imported, PublishedRow, RegionRow, SourceTable
from scoring.factors.load import shipped_factor_set
from scoring.factors.packs import build_pack, factors_of_imported, folder_of_files, leaves_of, merged, with_packs, without_rows

TABLE = SourceTable(
    table_id="t1",
    publisher="Testpublisher",
    edition="1",
    table="T",
    kind="electricity",
    unit="kWh",
    published_unit="g/kWh",
    gwp_set="not stated",
    life_cycle_scope="life_cycle",
    source_url="https://example.org",
    licence="ODbL 1.0",
)
ROWS = tuple(
    PublishedRow("t1", region, 2024, "carbon_intensity", {"co2e": text}) for region, text in (("AQ", "1.5"), ("NA", "2.5"))
)
IMPORTED = Imported((TABLE,), ROWS)


def pack_of(imported: Imported, base: FactorSet, name: str = "test") -> FactorSet:
    """The base with a pack of these rows."""
    return with_packs(base, [folder_of_files(build_pack(imported, name=name, installed=base))])


def test_base_is_a_prefix_of_the_log(factors: FactorSet) -> None:
    """Rows of a pack stand behind; the leaves before are the base's, byte for byte."""
    found = pack_of(IMPORTED, factors)
    leaves = [folder.leaves for folder in found.folders]
    assert b"".join(leaves)[: len(factors.folders[0].leaves)] == factors.folders[0].leaves
    assert found.id.size == factors.id.size + 2
    assert found.id.root_hex != factors.id.root_hex
    found.check()


def test_row_of_a_pack_is_found_and_proven(factors: FactorSet) -> None:
    """By its id, and by a path to the new root."""
    found = pack_of(IMPORTED, factors)
    row = found.rows("electricity", "AQ")[-1]
    assert (row.publisher, row.published) == ("Testpublisher", {"co2e": "1.5"})
    assert found.row(row.factor_id) == row
    proof = found.proof(row.factor_id)
    root = bytes.fromhex(found.id.root_hex)
    assert verify_inclusion(leaf_hash(proof.row), proof.index, proof.size, proof.path, root)


def test_rows_of_the_base_are_found_through_the_pack(factors: FactorSet) -> None:
    """Their ids do not change."""
    row = factors.rows("electricity", "DE")[0]
    assert pack_of(IMPORTED, factors).row(row.factor_id) == row


def test_same_input_gives_the_same_bytes(factors: FactorSet) -> None:
    """A pack is a function of the rows and its name."""
    assert build_pack(IMPORTED, name="test", installed=factors) == build_pack(IMPORTED, name="test", installed=factors)


def test_what_is_installed_is_not_put_in_again(factors: FactorSet) -> None:
    """All rows there: no pack. One new row: that row alone."""
    found = pack_of(IMPORTED, factors)
    assert build_pack(IMPORTED, name="test", installed=found) == {}
    more = replace(IMPORTED, rows=(*ROWS, replace(ROWS[0], year=2023)))
    assert [row.year for row in folder_of_files(build_pack(more, name="test-2", installed=found)).all_rows()] == [2023]


def test_corrected_row_is_a_further_row(factors: FactorSet) -> None:
    """A newer number stands behind the older one; both are kept."""
    first = pack_of(IMPORTED, factors)
    second = pack_of(replace(IMPORTED, rows=(replace(ROWS[0], by_gas={"co2e": "9"}),)), first, "test-2")
    assert [row.published["co2e"] for row in second.rows("electricity", "AQ") if row.publisher == "Testpublisher"] == ["1.5", "9"]  # type: ignore[index]
    assert second.version.startswith(f"{factors.version}+test.")
    assert "+test-2." in second.version


def test_no_pack_is_the_base_itself(factors: FactorSet) -> None:
    """No second object, no second cache."""
    assert with_packs(factors, []) is factors


def test_zone_of_a_pack_is_a_place(factors: FactorSet) -> None:
    """It falls back to its country; without the pack it is none."""
    zone = replace(
        IMPORTED, rows=(replace(ROWS[0], region="ZONE/DK-DK1"),), regions=(RegionRow("ZONE/DK-DK1", "West Denmark", "DK"),)
    )
    found = pack_of(zone, factors)
    assert found.regions.chain("ZONE/DK-DK1")[:2] == ("ZONE/DK-DK1", "DK")
    assert found.regions.region_of_text("ZONE/DK-DK1") == "ZONE/DK-DK1"
    assert found.regions.names["US"] == factors.regions.names["US"]
    with pytest.raises(PlaceError):
        factors.regions.chain("ZONE/DK-DK1")


@pytest.mark.parametrize(
    "imported",
    [
        replace(IMPORTED, rows=(replace(ROWS[0], region="ATLANTIS"),)),
        replace(IMPORTED, regions=(RegionRow("ZONE/X", "X", "ATLANTIS"),)),
    ],
)
def test_unknown_place_is_refused(factors: FactorSet, imported: Imported) -> None:
    """A row in a place that nobody names could never be found."""
    with pytest.raises(FactorSetError, match=r"expected an ISO 3166-1 country code.*got ATLANTIS"):
        build_pack(imported, name="test", installed=factors)


def test_region_of_the_base_is_not_renamed(factors: FactorSet) -> None:
    """A pack that names Germany otherwise changes nothing."""
    files = build_pack(replace(IMPORTED, regions=(RegionRow("DE", "Prussia", "WORLD"),)), name="test", installed=factors)
    assert "regions.csv" not in files


def test_row_without_a_table_is_refused(factors: FactorSet) -> None:
    """A row names a table of its import."""
    with pytest.raises(FactorSetError, match="A row belongs to no table"):
        build_pack(replace(IMPORTED, tables=()), name="test", installed=factors)


def test_same_edition_twice_is_refused() -> None:
    """Two files of one year cannot both be right."""
    with pytest.raises(FactorSetError, match="expected each edition once; got t1 twice"):
        merged([IMPORTED, IMPORTED])


def test_files_of_one_publisher_are_one_import() -> None:
    """Tables, rows, regions once each, findings in order."""
    other = Imported((replace(TABLE, table_id="t2"),), (replace(ROWS[0], table_id="t2"),), findings=("b",))
    found = merged([replace(IMPORTED, findings=("a",)), other])
    assert ([one.table_id for one in found.tables], len(found.rows), found.findings) == (["t1", "t2"], 3, ("a", "b"))


def test_rows_that_are_left_take_their_tables_along(factors: FactorSet) -> None:
    """A table without a row is no table."""
    leaves = {leaf_hash(row.canonical_bytes) for row in factors_of_imported(IMPORTED)}
    assert without_rows(IMPORTED, leaves).tables == ()
    assert without_rows(IMPORTED, leaves_of(factors)) == IMPORTED


def test_damaged_pack_is_named(factors: FactorSet) -> None:
    """A changed number in a file of a pack is refused when it is read."""
    files = build_pack(IMPORTED, name="test", installed=factors)
    files["factors/electricity.csv"] = files["factors/electricity.csv"].replace(b"1.5", b"0.5")
    with pytest.raises(FactorSetError, match=r"damaged.*factors/electricity.csv"):
        with_packs(factors, [folder_of_files(files)]).rows("electricity", "AQ")


def test_missing_file_of_a_pack_is_named(factors: FactorSet) -> None:
    """So is one that is not there."""
    files = build_pack(IMPORTED, name="test", installed=factors)
    del files["leaves.bin"]
    with pytest.raises(FactorSetError, match=r"missing; expected leaves\.bin"):
        with_packs(factors, [folder_of_files(files)])


def test_shipped_set_is_not_changed(factors: FactorSet) -> None:
    """Appending gives a new set; the shipped one stays."""
    size = factors.id.size
    pack_of(IMPORTED, factors)
    assert shipped_factor_set().id.size == size
