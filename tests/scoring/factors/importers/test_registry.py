"""Every kind of file that can be imported reads the publisher's own file."""

from pathlib import Path

import pytest

from domain.errors import FactorSetError, NotFoundError
from scoring.factors.factor_set import FactorSet
from scoring.factors.importers.registry import FILE_KINDS, NamedFile, find_file_kind, import_files
from scoring.factors.load import shipped_factor_set
from scoring.factors.packs import build_pack, merged

FILES = {
    "electricity-maps": "electricitymaps/yearly_2024.json",
    "oefdb": "climatiq/OpenEmissionFactorsDB-2022-05-12.csv.gz",
    "memobank": "memobank/payment-cards-mcc-kgco2e-per-eur.csv.gz",
    "unfccc-ifi": "unfccc/IFI_Default_Grid_Factors_2021_v3.1.csv",
    "india": "india/open-india-emission-factors-v1.2.json",
    "ademe": "ademe/impactco2-alimentation.json",
    "eea": "hyperledger/eea/co2-emission-intensity-6.csv",
    "food-poore": "owid/ghg-per-kg-poore.csv",
    "food-clark": "owid/food-impacts-clark-2022.csv",
    "egrid-hub-2025": "epa/ghg-emission-factors-hub-2025.xlsx",
    "epa-hub-2025": "epa/ghg-emission-factors-hub-2025.xlsx",
    "defra-2024": "defra/ghg-conversion-factors-2024-flat_v1_1.xlsx",
    "defra-2017": "defra/ghg-conversion-factors-2017-flat.xls.gz",
}


def region_of(factors: FactorSet) -> dict[str, str]:
    """Countries by name, as an installation knows them."""
    return {name: region for region, name in factors.regions.names.items() if "/" not in region}


@pytest.mark.parametrize("name", FILES)
def test_publishers_file_is_read(name: str, shared_dir: Path) -> None:
    """Known bytes give rows, and no finding of an unknown hash."""
    path = shared_dir / "data" / "raw" / FILES[name]
    (found,) = import_files(FILE_KINDS[name], [NamedFile(path.name, path.read_bytes())], region_of(shipped_factor_set()))
    assert found.rows
    assert not [text for text in found.findings if "is not one that this importer knows" in text]


@pytest.mark.parametrize("name", [name for name in FILES if FILE_KINDS[name].is_shipped])
def test_edition_that_is_shipped_changes_nothing(name: str, shared_dir: Path) -> None:
    """The publisher's file, read again, gives exactly rows that the package holds."""
    shipped, path = shipped_factor_set(), shared_dir / "data" / "raw" / FILES[name]
    found = merged(import_files(FILE_KINDS[name], [NamedFile(path.name, path.read_bytes())], region_of(shipped)))
    assert build_pack(found, name=name, installed=shipped) == {}


def test_every_kind_says_what_it_is() -> None:
    """Name and title."""
    assert all(kind.name == name and kind.title for name, kind in FILE_KINDS.items())


def test_unknown_kind_lists_the_kinds() -> None:
    """What would fit is in the message."""
    with pytest.raises(NotFoundError, match=r"expected one of electricity-maps, oefdb, memobank, own-factors.*got ecoinvent"):
        find_file_kind("ecoinvent")


def test_year_must_stand_in_the_name() -> None:
    """Electricity Maps' files say nothing about their year."""
    with pytest.raises(FactorSetError, match=r"called yearly_2024\.json; got data\.json"):
        import_files(FILE_KINDS["electricity-maps"], [NamedFile("data.json", b"{}")], {})
