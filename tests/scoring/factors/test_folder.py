"""Reading a folder: rows, parameters, positions in the log; packs behind a base; gases whose weights are divided out."""

import json
from fractions import Fraction
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import ActivityKey
from domain.errors import FactorSetError, NotFoundError
from domain.factor import Basis, Gas, GwpSet
from domain.merkle import leaf_hash, merkle_root, verify_inclusion
from domain.number import round_half_even
from scoring.factors.factor_set import FactorSet, set_of_folders
from scoring.factors.folder import FactorFolder, FolderPrefix, parameter_file, quality_text
from scoring.factors.importers.published import Imported, ParameterTable
from scoring.factors.write import folder_files, json_bytes, with_manifest
from scoring.resolve import resolve
from tests.scoring.sets import files_of, folder_of, imported, parameter, row, set_of, source

AIRPORTS = ParameterTable(
    name="airports",
    columns=("iata", "name"),
    rows=(("WDH", "Windhoek"), ("ZRH", "Zürich")),
    publisher="Airports",
    edition="2024",
    source_url="",
    licence="public domain",
)


@lru_cache(maxsize=1)
def files() -> dict[str, bytes]:
    """Two tables of electricity around one of gas, and a table of airports."""
    gas = source("gas", kind="natural_gas", unit="m3", published_unit="kg/m3", life_cycle_scope="combustion")
    rows = [
        row("DE", 2022, co2="410"),
        row("DE", 2023, co2="400"),
        row("DE", 2023, "gas", co2="2"),
        row("DE", 2023, "later", co2="399"),
    ]
    losses = [parameter("grid_gross_loss", "DE", text, year) for text, year in (("0.05", 2022), ("0.04", 2023), ("0.06", 2021))]
    part = imported(source(), gas, source("later", edition="2025"), rows=rows, parameters=losses)
    return files_of(part, Imported(parameter_tables=(AIRPORTS,)))


def folder(**changes: bytes) -> FactorFolder:
    """The folder, with some files changed; "__" stands for a slash and "_" before the ending for a point."""
    return folder_of({**files(), **{name.replace("__", "/"): data for name, data in changes.items()}})


def factors() -> FactorSet:
    """The folder as a set."""
    return set_of_folders([folder()])


def test_tables_stand_in_the_order_of_their_admission() -> None:
    """Rows by table first, then tables of parameters, each one entry of the log."""
    found = [(entry.table_id, entry.kind, entry.row_count, entry.entry_count) for entry in folder().tables]
    assert found[:5] == [
        ("power", "electricity", 2, 2),
        ("gas", "natural_gas", 1, 1),
        ("later", "electricity", 1, 1),
        ("parameters", "", 9, 1),
        ("airports", "", 2, 1),
    ]
    assert [entry[0] for entry in found[5:]] == ["regions", "zips", "zones"]


def test_rows_of_a_kind_are_read_alone() -> None:
    """Asking for gas reads no other kind's file, so a damaged one is no matter until somebody asks for it."""
    found = folder(**{"factors__electricity.csv": b"damaged"})
    assert [one.published for one in found.rows("natural_gas")] == [{Gas.CO2: "2"}]
    with pytest.raises(FactorSetError, match=r"A file of the factor set is damaged; .*in factors/electricity\.csv\. Install"):
        found.rows("electricity")


def test_rows_come_in_the_order_of_the_log() -> None:
    """All rows stand by table, though a kind's file holds the rows of both its tables."""
    assert [(one.kind, one.published[Gas.CO2]) for one in folder().all_rows()] == [
        ("electricity", "410"),
        ("electricity", "400"),
        ("natural_gas", "2"),
        ("electricity", "399"),
    ]


def test_row_is_found_at_its_position() -> None:
    """Each position of the log leads to the row whose leaf stands there."""
    found = folder()
    for index, want in enumerate(found.all_rows()):
        assert found.row_at(index) == want
        assert found.leaves[index * 32 : index * 32 + 32] == leaf_hash(want.canonical_bytes)


@pytest.mark.parametrize("index", [4, 5, 8, 9, 10**6])
def test_position_without_a_row_is_refused(index: int) -> None:
    """A table of parameters, and what lies behind the log's end, is no row."""
    with pytest.raises(FactorSetError, match=f"This entry of the log is no row; expected a row; got entry {index}"):
        folder().row_at(index)


def test_table_of_parameters_before_rows_is_no_row() -> None:
    """Where parameters were admitted before rows, their position still leads to no row, and the next one to the first row."""
    content = json.loads(files()["tables.json"])
    content["tables"].insert(0, content["tables"].pop(4))
    shifted = files()["factors/electricity.csv"].replace(b"\n2,", b"\n3,").replace(b"\n0,", b"\n1,")
    gas = files()["factors/natural_gas.csv"].replace(b"\n1,", b"\n2,")
    own = {"tables.json": json_bytes(content), "factors/electricity.csv": shifted, "factors/natural_gas.csv": gas}
    kept = {name: data for name, data in files().items() if name not in {"dataset.json", "leaves.bin"}}
    found = folder_of(with_manifest({**kept, **own}, version="v"))
    assert found.row_at(1).published == {Gas.CO2: "410"}
    with pytest.raises(FactorSetError, match="is no row; expected a row; got entry 0"):
        found.row_at(0)


def test_every_entry_proves_itself() -> None:
    """Rows lead to the set's root, and a table of parameters has its place in it, too."""
    found = factors()
    root = bytes.fromhex(found.id.root_hex)
    for one in found.factors:
        proof = found.proof(one.factor_id)
        assert verify_inclusion(leaf_hash(proof.row), proof.index, proof.size, proof.path, root)
    entries = list(found.folders[0].entries())
    assert (found.id.size, merkle_root([leaf_hash(entry) for entry in entries])) == (len(entries), root)
    found.check()


def test_table_of_parameters_is_read_row_by_row() -> None:
    """Column to text; a table that there is not is empty."""
    assert factors().table("airports") == ({"iata": "WDH", "name": "Windhoek"}, {"iata": "ZRH", "name": "Zürich"})
    assert factors().table("ships") == ()


def test_changed_table_of_parameters_is_refused_by_name() -> None:
    """A rate that somebody edited is noticed when it is read."""
    changed = files()["parameters/airports.csv"].replace(b"ZRH", b"XRH")
    with pytest.raises(FactorSetError, match=r"damaged; expected SHA-256 [0-9a-f]{64}; got [0-9a-f]{64}; in parameters/airports"):
        set_of_folders([folder(**{"parameters__airports.csv": changed})]).table("airports")


def test_newest_parameter_is_taken() -> None:
    """Of several years of one number the newest is given, whatever its place in the file; other regions have none."""
    found = factors().parameter("grid_gross_loss", "DE")
    assert found is not None
    assert (found.year, found.value_text) == (2023, "0.04")
    assert factors().parameter("grid_gross_loss", "FR") is None


def test_file_that_the_manifest_does_not_name_is_refused() -> None:
    """Nothing beside the manifest's files is read."""
    with pytest.raises(FactorSetError, match=r"expected SHA-256 of a file that dataset\.json names; got .*; in extra\.csv"):
        folder(**{"extra.csv": b"a"}).read("extra.csv")


def test_leaves_of_another_length_are_refused() -> None:
    """The leaf file holds as many hashes as the manifest says entries."""
    base = files()
    found = folder_of(base)
    found.size = found.size + 1
    with pytest.raises(FactorSetError, match=rf"expected {found.size} leaf hashes; got {found.size - 1}; in leaves\.bin"):
        _ = found.leaves


@pytest.mark.parametrize(
    ("name", "file"),
    [("airports", "parameters/airports.csv"), ("parameters", "parameters.csv"), ("zips", "zips.csv"), ("regions", "regions.csv")],
)
def test_file_of_a_table_of_parameters(name: str, file: str) -> None:
    """Single parameters and the region graph lie beside the folder of parameters, everything else in it."""
    assert parameter_file(name) == file


@pytest.mark.parametrize("text", ["", "temporal=2", "4211", "421x1"])
def test_quality_that_is_no_five_digits_stays_as_it_is(text: str) -> None:
    """Only five digits stand for five scores."""
    assert quality_text(text) == text
    assert quality_text("42141") == "reliability=4;temporal=2;geographical=1;technological=4;collection=1"


PACK_ROWS = st.lists(
    st.tuples(st.sampled_from(["DE", "FR"]), st.integers(2000, 2030), st.integers(0, 999)), unique=True, max_size=6
)


@given(PACK_ROWS)
def test_base_is_a_prefix_of_the_set_with_a_pack(rows: list[tuple[str, int, int]]) -> None:
    """A pack is appended: the base's leaves come first, its rows keep their positions, and the base alone has its own root."""
    pack = imported(source("pack", publisher="Own"), rows=[row(place, year, "pack", co2=str(g)) for place, year, g in rows])
    base, both = folder(), folder_of(folder_files([pack], version="own.1"))
    whole = set_of_folders([base, both])
    alone = set_of_folders([base])
    leaves = base.leaves + both.leaves
    assert whole.id.size == base.size + len(rows)
    assert whole.id.root_hex == merkle_root([leaves[at : at + 32] for at in range(0, len(leaves), 32)]).hex()
    assert alone.id.root_hex == merkle_root([leaves[at : at + 32] for at in range(0, len(base.leaves), 32)]).hex()
    assert whole.version == "test.1+own.1"
    for one in alone.factors:
        assert whole.proof(one.factor_id).index == alone.proof(one.factor_id).index
    whole.check()


def test_rows_of_a_pack_are_found_by_id_and_by_kind() -> None:
    """A pack's row is read from the pack, proved in the whole, and comes after the base's."""
    pack = imported(source("pack", publisher="Own"), rows=[row("DE", 2023, "pack", co2="1")])
    whole = set_of_folders([folder(), folder_of(folder_files([pack], version="own.1"))])
    mine = whole.of_kind("electricity")[-1]
    assert (mine.publisher, whole.row(mine.factor_id)) == ("Own", mine)
    assert whole.proof(mine.factor_id).index == whole.id.size - 1
    assert [one.publisher for one in whole.rows("electricity", "DE")] == ["Power Board", "Power Board", "Power Board", "Own"]


GERMANY = ActivityKey("electricity", "DE", 2023, "kWh")
# Gas columns as DEFRA prints them: already CO2e, weighted with AR4 (25 and 298).
WEIGHTED = {"co2": "100", "ch4": "2.5", "n2o": "2.98", "co2e": "105.48"}


@pytest.mark.parametrize(
    ("gwp_set", "ch4_ug", "n2o_ug"),
    [(GwpSet.AR4, 2_500_000, 2_980_000), (GwpSet.AR5, 2_800_000, 2_650_000), (GwpSet.AR6, 2_790_000, 2_730_000)],
)
def test_publishers_weights_are_divided_out(gwp_set: GwpSet, ch4_ug: int, n2o_ug: int) -> None:
    """0.1 g of methane and 0.01 g of nitrous oxide, printed as 2.5 and 2.98 g CO2e (AR4), are weighted with the set asked for."""
    weighted = set_of(imported(source(gwp_set="AR4"), rows=[row("DE", 2023, **WEIGHTED)]))
    chosen = resolve(GERMANY, weighted, Basis.LOCATION, gwp_set=gwp_set).chosen
    assert chosen is not None
    split = chosen.ug_per_unit
    assert (split.co2_ug, split.ch4_ug, split.n2o_ug, split.unsplit_ug) == (100_000_000, ch4_ug, n2o_ug, 0)
    assert chosen.gwp_set == gwp_set


def test_division_of_weights_is_said() -> None:
    """The steps name both the publisher's weights and those used."""
    weighted = set_of(imported(source(gwp_set="AR4"), rows=[row("DE", 2023, **WEIGHTED)]))
    assert (
        "Gases are weighted with IPCC AR6 over 100 years: CH4 27.9, N2O 273. The publisher's own weights (AR4: CH4 25, N2O 298) "
        "are divided out first." in resolve(GERMANY, weighted, Basis.LOCATION, gwp_set=GwpSet.AR6).steps
    )


def test_masses_of_single_gases_are_weighted_once() -> None:
    """A row that prints masses (no set) is multiplied and never divided."""
    masses = set_of(imported(source(gwp_set=""), rows=[row("DE", 2023, co2="100", ch4="0.1", n2o="0.01")]))
    chosen = resolve(GERMANY, masses, Basis.LOCATION).chosen
    assert chosen is not None
    assert (chosen.ug_per_unit.ch4_ug, chosen.ug_per_unit.n2o_ug) == (2_800_000, 2_650_000)


@given(st.integers(0, 10**6), st.sampled_from(GwpSet), st.sampled_from(GwpSet))
def test_weights_divided_out_are_exact(mg_ch4: int, own: GwpSet, wanted: GwpSet) -> None:
    """From one set to another is one exact fraction, rounded once to a microgram."""
    weights = {GwpSet.AR4: Fraction(25), GwpSet.AR5: Fraction(28), GwpSet.AR6: Fraction("27.9")}
    text = f"{mg_ch4 // 1000}.{mg_ch4 % 1000:03d}"
    found = set_of(imported(source(gwp_set=own), rows=[row("DE", 2023, co2="0", ch4=text)]))
    got = found.compiled(found.rows("electricity", "DE")[0], wanted).ug_per_unit.ch4_ug
    assert got == round_half_even(Fraction(mg_ch4 * 1000) / weights[own] * weights[wanted])


@lru_cache(maxsize=1)
def continued() -> tuple[FactorSet, FactorSet]:
    """A set, and the set that it became when two rows and a table of parameters were admitted behind everything."""
    rows = [row("DE", 2022, co2="410"), row("DE", 2023, co2="400"), row("US", 2023, "gas", co2="2")]
    gas = source("gas", kind="natural_gas", unit="m3", published_unit="kg/m3", life_cycle_scope="combustion")
    before = files_of(imported(source(), gas, rows=rows))
    after = {name: data for name, data in before.items() if name not in {"dataset.json", "leaves.bin"}}
    tables = json.loads(after["tables.json"])
    number = len(tables["tables"])
    newer = dict(tables["tables"][0]) | {"table_id": "power-2024", "table": "Table 2", "row_count": 2}
    rates = {"columns": ["month", "rate"], "name": "rates", "row_count": 1, "source": tables["tables"][0]["source"]}
    tables["tables"] += [newer, rates]
    after["tables.json"] = json_bytes(tables)
    after["factors/electricity.csv"] += b"".join(f"{number},{region},2024,,,,390,,,,,,\n".encode() for region in ("DE", "FR"))
    after["parameters/rates.csv"] = b"month,rate\n2024-01,1.5\n"
    now = set_of_folders([folder_of(with_manifest(after, version="v2"))])
    now.check()
    return set_of_folders([folder_of(before)]), now


def test_earlier_state_is_the_set_of_then() -> None:
    """At its former size the set has the root, the rows, the tables and the parameters of then, and passes its own check."""
    then, now = continued()
    found = now.at_size(then.id.size)
    assert found is not None
    found.check()
    assert (found.id, found.factors, found.tables) == (then.id, then.factors, then.tables)
    assert (found.row_count, found.parameters) == (then.row_count, then.parameters)
    assert (list(found.table("rates")), len(now.table("rates"))) == ([], 1)


def test_earlier_state_chooses_as_then() -> None:
    """A row that came later is not chosen; the set of now chooses it."""
    then, now = continued()
    found = now.at_size(then.id.size)
    assert found is not None
    key = ActivityKey("electricity", "DE", 2024, "kWh")
    chosen = [resolve(key, one, Basis.LOCATION).chosen for one in (then, found, now)]
    assert [one.factor.year for one in chosen if one] == [2023, 2023, 2024]


def test_earlier_state_proves_its_rows_to_the_root_of_then() -> None:
    """Every row of then has a proof to the old root; a later one is not in it."""
    then, now = continued()
    found = now.at_size(then.id.size)
    assert found is not None
    for one in then.factors:
        proof = found.proof(one.factor_id)
        assert verify_inclusion(leaf_hash(proof.row), proof.index, proof.size, proof.path, bytes.fromhex(then.id.root_hex))
    with pytest.raises(NotFoundError, match="The factor set has no such row"):
        found.proof(now.of_kind("electricity")[-1].factor_id)


def test_state_inside_a_table() -> None:
    """A state may end inside a table: its first rows count."""
    then, now = continued()
    found = now.at_size(then.id.size + 1)
    assert found is not None
    found.check()
    assert [one.region for one in found.of_kind("electricity")] == ["DE", "DE", "DE"]
    assert found.tables[-1].row_count == 1


def test_states_that_never_were() -> None:
    """Nothing, more than there is, and one from before the region graph: none. Its own size is the set itself."""
    then, now = continued()
    assert [now.at_size(size) for size in (-1, 0, now.id.size + 1, then.id.size - 1, 2)] == [None] * 5
    assert now.at_size(now.id.size) is now


def test_state_with_a_whole_pack() -> None:
    """With a pack behind, the base alone and the base with the pack's first row are states, too."""
    base, _ = continued()
    pack = folder_of(
        folder_files(
            [imported(source("own"), rows=[row("FR", 2023, "own", co2="1"), row("GB", 2023, "own", co2="2")])], version="p"
        )
    )
    both = set_of_folders([*base.folders, pack])
    alone, first = both.at_size(base.id.size), both.at_size(base.id.size + 1)
    assert alone is not None
    assert first is not None
    assert alone.id == base.id
    assert [one.region for one in first.of_kind("electricity")] == ["DE", "DE", "FR"]


@pytest.mark.parametrize("size", [0, 99])
def test_prefix_of_no_size_is_refused(size: int) -> None:
    """A folder has no first nothing, and no more than all."""
    base, _ = continued()
    with pytest.raises(FactorSetError, match="expected 1 to"):
        FolderPrefix(base.folders[0], size)
