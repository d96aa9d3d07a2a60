"""Food of Poore & Nemecek and of Clark et al.: published values, shared names, and what is refused."""

from pathlib import Path

import pytest

from domain.errors import FactorSetError
from domain.kinds import KINDS, checked_attributes
from scoring.factors.importers.food import import_clark, import_poore
from scoring.factors.importers.published import Imported

CLARK_HEADER = b"Entity,Year,ghg_kg,ghg_1000kcal\n"


@pytest.fixture(scope="module")
def poore_bytes(shared_dir: Path) -> bytes:
    """The publisher's file of 2018."""
    return (shared_dir / "data/raw/owid/ghg-per-kg-poore.csv").read_bytes()


@pytest.fixture(scope="module")
def clark_bytes(shared_dir: Path) -> bytes:
    """The publisher's file of 2022."""
    return (shared_dir / "data/raw/owid/food-impacts-clark-2022.csv").read_bytes()


def _by_food(found: Imported) -> dict[str, str]:
    return {row.attributes["food"]: row.by_gas["co2e"] for row in found.rows}


def test_poore_values_as_printed(poore_bytes: bytes) -> None:
    """Lines 5, 21 and 44 of the file; 43 foods of 2018 for the world."""
    found = import_poore(poore_bytes)
    foods = _by_food(found)
    assert (foods["beef_from_beef_herd"], foods["milk"], foods["wine"]) == ("99.48", "3.15", "1.79")
    assert {(row.region, row.year, row.rate) for row in found.rows} == {("WORLD", 2018, "")}
    assert len(foods) == len(found.rows) == 43
    assert found.findings == ()


def test_clark_values_keep_every_digit(clark_bytes: bytes) -> None:
    """Computed numbers stay as the file prints them, up to 17 significant digits; 211 foods."""
    found = import_clark(clark_bytes)
    foods = _by_food(found)
    assert foods["bacon"] == "19.314209012302378"
    assert foods["bagels"] == "0.8028126"
    assert len(foods) == len(found.rows) == 211
    assert found.findings == ()


def test_same_food_same_name(poore_bytes: bytes, clark_bytes: bytes) -> None:
    """Sixteen foods are in both under one name, with different numbers of different publishers."""
    poore, clark = import_poore(poore_bytes), import_clark(clark_bytes)
    shared = _by_food(poore).keys() & _by_food(clark).keys()
    assert len(shared) == 16
    assert {"milk", "soy_milk", "tofu", "peanuts", "coffee", "olive_oil", "tomatoes"} <= shared
    assert poore.tables[0].publisher != clark.tables[0].publisher


def test_names_are_attributes_of_food(poore_bytes: bytes, clark_bytes: bytes) -> None:
    """Every row's attributes are the kind's own, in lower case without spaces."""
    for row in (*import_poore(poore_bytes).rows, *import_clark(clark_bytes).rows):
        checked_attributes(KINDS["food"], row.attributes, record=row.label)
        assert row.attributes["food"].replace("_", "").isalnum()
        assert row.attributes["food"].islower()


def test_label_is_the_publishers_word(clark_bytes: bytes) -> None:
    """A reader finds the row by its own words; their typing error is not repeated in our name."""
    labels = {row.attributes["food"]: row.label for row in import_clark(clark_bytes).rows}
    assert labels["milk"] == "Cow's milk"
    assert labels["soy_dessert"] == "Soy desert"


def test_reading_twice_gives_the_same(clark_bytes: bytes) -> None:
    """Same bytes, same rows in the same order."""
    assert import_clark(clark_bytes) == import_clark(clark_bytes)


def test_other_columns_are_refused(poore_bytes: bytes) -> None:
    """A renamed column is refused, with what was expected."""
    changed = poore_bytes.replace(b"per kilogram (kg", b"per 100 grams (kg")
    with pytest.raises(
        FactorSetError, match=r"expected Entity, Code, Year, .*per kilogram.*per 100 grams.*Poore & Nemecek, food"
    ):
        import_poore(changed)


@pytest.mark.parametrize("cell", ["NaN", "", "-1.5", "1e3", "1,5", "0.123456789012345678"])
def test_what_is_no_computed_number_is_refused(cell: str) -> None:
    """Blank, negative, exponent, comma, more digits than a double has."""
    line = f'Ale,2022,"{cell}",1\n'.encode()
    with pytest.raises(FactorSetError, match=r"zero or more with at most 17 significant digits.*in Clark et al\., food, Ale"):
        import_clark(CLARK_HEADER + line)


def test_poore_number_of_many_digits_is_refused(poore_bytes: bytes) -> None:
    """A printed number has few digits; a computed one in this file means another file."""
    with pytest.raises(FactorSetError, match=r"got 99\.4800000000001; in Poore & Nemecek, food, Beef \(beef herd\)"):
        import_poore(poore_bytes.replace(b"99.48", b"99.4800000000001"))


def test_another_year_is_refused() -> None:
    """Rows of another edition are not read as those of 2022."""
    with pytest.raises(FactorSetError, match=r"The row is of another year; expected 2022; got 2023; in Clark et al\., food, Ale"):
        import_clark(CLARK_HEADER + b"Ale,2023,0.5,1\n")


def test_food_that_stands_twice_is_refused() -> None:
    """Two rows of one name have no meaning."""
    with pytest.raises(FactorSetError, match="A food stands twice; expected one row; got ALE"):
        import_clark(CLARK_HEADER + b"Ale,2022,0.5,1\nALE,2022,0.6,1\n")


def test_empty_file_is_refused() -> None:
    """No header, no rows."""
    with pytest.raises(FactorSetError, match="columns are not the expected ones"):
        import_poore(b"")


def test_changed_bytes_are_a_finding(poore_bytes: bytes) -> None:
    """An unknown file with good content is read, and named."""
    found = import_poore(poore_bytes.replace(b"99.48", b"99.49"))
    assert _by_food(found)["beef_from_beef_herd"] == "99.49"
    assert "is not one that this importer knows" in found.findings[0]
