"""ADEME's Impact CO2: stages added exactly, what is left out, and what is refused."""

import json
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from domain.errors import FactorSetError
from domain.kinds import KINDS, checked_attributes
from scoring.factors.importers.ademe import KNOWN_SHA256S, import_ademe
from scoring.factors.importers.published import Imported, PublishedRow

HELD = tuple(name for name in KNOWN_SHA256S if name != "usagenumerique")
"""The ten files that lie in the shared folder; the services are tested with an excerpt of the publisher's own file."""

SERVICES = b"""[
 {"name": "Email", "slug": "email", "unit": "email", "category": 10, "ecv": [
  {"value": 0.001286218, "id": 13}, {"value": 8.684837e-05, "id": 14}, {"value": 3.580927e-05, "id": 15},
  {"value": 0.00093525547, "id": 16}, {"value": 0.00011768151, "id": 17}]},
 {"name": "Streaming vid\xc3\xa9o", "prefix": "Heure[s] de ", "slug": "streamingvideo", "category": 10, "ecv": [
  {"value": 0.0327361035, "id": 13}, {"value": 0.002903607, "id": 14}, {"value": 0.02780804, "id": 15},
  {"value": 0.000236636, "id": 16}, {"value": 0.00033236641, "id": 17}]},
 {"name": "Go de donn\xc3\xa9e", "slug": "telechargement", "category": 10, "ecv": [{"value": 0.0092693467, "id": 15}]}
]"""


@pytest.fixture(scope="module")
def read(shared_dir: Path) -> Callable[[str], bytes]:
    """Bytes of one of the files."""
    return lambda name: (shared_dir / f"data/raw/ademe/impactco2-{name}.json").read_bytes()


def _one(found: Imported, rate: str = "", **attributes: str) -> PublishedRow:
    (row,) = [row for row in found.rows if row.rate == rate and row.attributes == attributes]
    return row


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("alimentation", {"food": 59}),
        ("fruitsetlegumes", {"food": 76}),
        ("boisson", {}),
        ("chauffage", {}),
        ("repas", {"meal": 6}),
        ("habillement", {"product": 19}),
        ("mobilier", {"product": 5}),
        ("electromenager", {"product": 11}),
        ("numerique", {"product": 15}),
        ("deplacement", {"rail": 12, "bus": 8, "car": 4, "motorcycle": 4, "flight": 9}),
    ],
)
def test_count_by_kind(read: Callable[[str], bytes], name: str, counts: dict[str, int]) -> None:
    """Rows by kind, all of France, and known bytes."""
    found = import_ademe(name, read(name))
    kind_of = {table.table_id: table.kind for table in found.tables}
    assert Counter(kind_of[row.table_id] for row in found.rows) == counts
    assert {(row.region, row.year) for row in found.rows} <= {("FR", 2026)}
    assert not [text for text in found.findings if "SHA-256" in text]


def test_attributes_are_the_kinds_own_and_unique(read: Callable[[str], bytes]) -> None:
    """Every row is found by kind, unit, rate and attributes alone; life cycle in all tables."""
    keys: Counter[object] = Counter()
    for name in HELD:
        found = import_ademe(name, read(name))
        tables = {table.table_id: table for table in found.tables}
        assert {table.life_cycle_scope for table in found.tables} <= {"life_cycle"}
        for row in found.rows:
            table = tables[row.table_id]
            checked_attributes(KINDS[table.kind], row.attributes, record=row.label)
            keys[(table.kind, table.unit, row.rate, *sorted(row.attributes.items()))] += 1
    assert [key for key, count in keys.items() if count > 1] == []


def test_label_adds_up_to_the_value(read: Callable[[str], bytes]) -> None:
    """Whoever adds the stages in the label on a calculator gets the row's digits, in every file but the meals'."""
    checked = 0
    for name in set(HELD) - {"repas"}:
        for row in import_ademe(name, read(name)).rows:
            parts = row.label.rpartition(": ")[2].split(" + ")
            assert sum(Fraction(part.rpartition(" ")[2]) for part in parts) == Fraction(row.by_gas["co2e"]), row.label
            checked += 1
    assert checked == 222


def test_food_is_the_exact_sum(read: Callable[[str], bytes]) -> None:
    """Strawberries: 0.227 + 0.261 + 0.0131 + 0.00997. Beef's stages are computed floats, summed to the last digit."""
    strawberries = _one(import_ademe("fruitsetlegumes", read("fruitsetlegumes")), food="strawberries")
    assert strawberries.by_gas == {"co2e": "0.51107"}
    assert strawberries.label.startswith("Fraise / CIQUAL 13014: Agriculture 0.227 + Transport 0.261")
    beef = _one(import_ademe("alimentation", read("alimentation")), food="beef")
    assert beef.by_gas == {"co2e": "28.00916999999999926"}


def test_mangoes_by_air_are_not_those_by_sea(read: Callable[[str], bytes]) -> None:
    """One slug of theirs, two foods."""
    found = import_ademe("fruitsetlegumes", read("fruitsetlegumes"))
    by_air, by_sea = (Fraction(_one(found, food=f"mangoes_by_{way}").by_gas["co2e"]) for way in ("air", "sea"))
    assert by_air > 15 * by_sea


def test_food_of_another_category_is_left_out(read: Callable[[str], bytes]) -> None:
    """The food file repeats fruit by an older total, and milk per litre: both are named."""
    findings = import_ademe("alimentation", read("alimentation")).findings
    assert len(findings) == 12
    assert "ADEME, alimentation.json, mangue: left out, the file of its own category (9) has it" in findings
    assert "ADEME, alimentation.json, laitdevache: left out, the file of its own category (3) has it" in findings


def test_meals_as_printed(read: Callable[[str], bytes]) -> None:
    """Six totals per meal, with the source that ADEME names."""
    found = import_ademe("repas", read("repas"))
    assert {row.attributes["meal"]: row.by_gas["co2e"] for row in found.rows} == {
        "beef": "7.26",
        "vegetarian": "0.51",
        "vegan": "0.39",
        "white_fish": "1.98",
        "oily_fish": "1.11",
        "chicken": "1.58",
    }
    assert found.tables[0].published_unit == "kg/meal"
    assert "base-carbone?docLink=Repas" in _one(found, meal="beef").label


def test_product_without_its_use(read: Callable[[str], bytes]) -> None:
    """A smartphone: 2.1 + 83 + 0.2 kg; the 0.2 kg a year of use are in the home's electricity."""
    found = import_ademe("numerique", read("numerique"))
    assert _one(found, product="smartphone").by_gas == {"co2e": "85.3"}
    assert "use phase is left out" in found.tables[0].note


def test_end_of_life_counts_where_it_emits(read: Callable[[str], bytes]) -> None:
    """Jeans: four stages and 0.63563578618721 kg at the end of life."""
    jeans = _one(import_ademe("habillement", read("habillement")), product="jeans")
    assert jeans.by_gas == {"co2e": "23.835635786187209"}
    assert jeans.label.endswith(" + Fin de vie 0.63563578618721")


def test_recycling_credit_is_not_counted(read: Callable[[str], bytes]) -> None:
    """An oven's -30.0927 kg is an avoided emission: out of the gross row, named in the findings."""
    found = import_ademe("electromenager", read("electromenager"))
    assert _one(found, product="oven_electric").by_gas == {"co2e": "217.59"}
    assert "ADEME, electromenager.json, fourelectrique: credit of -30.0927 kg at the end of life is not counted" in found.findings
    assert [text for text in found.findings if "more than the making" in text] == [
        "ADEME, electromenager.json, cafetieredosette: the end of life (52.7491626905852 kg) is more than the making"
    ]


def test_bed_that_contradicts_itself_is_left_out(read: Callable[[str], bytes]) -> None:
    """The total says 115 kg and the stages 444 kg: neither is taken."""
    found = import_ademe("mobilier", read("mobilier"))
    assert found.findings == ("ADEME, mobilier.json, lit: left out, the total says 115, the stages sum to 443.810000000000056",)
    assert "bed" not in {row.attributes["product"] for row in found.rows}


def test_train_with_and_without_construction(read: Callable[[str], bytes]) -> None:
    """TGV: 0.0023 in use, 0.00293 with the train's construction; the Intercités is a variant of the same service."""
    found = import_ademe("deplacement", read("deplacement"))
    assert _one(found, "use", service="intercity").by_gas == {"co2e": "0.0023"}
    assert _one(found, "use_and_construction", service="intercity").by_gas == {"co2e": "0.00293"}
    assert _one(found, "use_intercites", service="intercity").by_gas == {"co2e": "0.0058"}
    assert _one(found, "use", service="underground").by_gas == {"co2e": "0.0042"}
    assert _one(found, "use", service="light_rail").by_gas == {"co2e": "0.0038"}


def test_flight_without_contrails_and_with(read: Callable[[str], bytes]) -> None:
    """Long haul: 0.0915 fuel; with contrails 0.1665; construction apart."""
    found = import_ademe("deplacement", read("deplacement"))
    long_haul = {"haul": "long", "cabin": "average"}
    assert _one(found, "use", **long_haul, radiative_forcing="without").by_gas == {"co2e": "0.0915"}
    assert _one(found, "use", **long_haul, radiative_forcing="with").by_gas == {"co2e": "0.1665"}
    assert _one(found, "use_and_construction", **long_haul, radiative_forcing="without").by_gas == {"co2e": "0.091794"}


def test_car_is_per_vehicle(read: Callable[[str], bytes]) -> None:
    """0.192 kg per km in use; the electric one 0.0198 kg, of French electricity."""
    found = import_ademe("deplacement", read("deplacement"))
    assert _one(found, "use", powertrain="unknown", size="average").by_gas == {"co2e": "0.192"}
    assert _one(found, "use", powertrain="electric", size="average").by_gas == {"co2e": "0.0198"}
    assert {table.kind: table.unit for table in found.tables}["car"] == "km"


def test_files_without_a_unit_of_ours_are_named(read: Callable[[str], bytes]) -> None:
    """Drinks per litre, heating per square metre, walking and electric bicycles: findings, no rows."""
    assert import_ademe("boisson", read("boisson")).findings[0].startswith("ADEME, boisson.json: left out, per litre")
    assert (
        import_ademe("chauffage", read("chauffage")).findings[0].startswith("ADEME, chauffage.json: left out, per square metre")
    )
    assert len(import_ademe("deplacement", read("deplacement")).findings) == 3


def test_digital_services_per_hour_and_item() -> None:
    """An hour of video is 0.06401675291 kg with the devices and 0.02837704241 without; a gigabyte has no unit."""
    found = import_ademe("usagenumerique", SERVICES)
    assert _one(found, service="video_streaming").by_gas == {"co2e": "0.06401675291"}
    assert _one(found, "without_devices", service="video_streaming").by_gas == {"co2e": "0.02837704241"}
    assert _one(found, service="email").by_gas == {"co2e": "0.00246181262"}
    assert {table.table_id: table.published_unit for table in found.tables} == {
        "ademe2026-digital-item": "kg/item",
        "ademe2026-digital-h": "kg/h",
    }
    assert "is not one that this importer knows" in found.findings[0]
    assert found.findings[1:] == ("ADEME, usagenumerique.json, telechargement: left out, there is no unit for it",)


def test_reading_twice_gives_the_same(read: Callable[[str], bytes]) -> None:
    """Same bytes, same rows in the same order."""
    for name in HELD:
        assert import_ademe(name, read(name)) == import_ademe(name, read(name))


def test_unknown_file_is_refused() -> None:
    """The name decides how a file is read."""
    with pytest.raises(FactorSetError, match=r"expected one of alimentation, boisson, .*; got cosmetique; in ADEME, Impact CO2"):
        import_ademe("cosmetique", b"[]")


@pytest.mark.parametrize("data", [b"", b"{", b'[{"slug": "jeans", "ecv": [{"id": 1, "value": NaN}]}]', b"\xff\xfe"])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    """Empty, cut off, NaN, not UTF-8."""
    with pytest.raises(FactorSetError, match=r"expected JSON; got .*in ADEME, habillement\.json"):
        import_ademe("habillement", data)


@pytest.mark.parametrize("content", [{"slug": "jeans"}, [{"name": "Jeans"}], [1]])
def test_what_is_no_list_of_entries_is_refused(content: object) -> None:
    """Every entry has its slug."""
    with pytest.raises(FactorSetError, match="expected a list of entries, each with a slug"):
        import_ademe("habillement", json.dumps(content).encode())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"ecv": [{"id": 99, "value": 1}]},
            r"expected a life-cycle stage that ADEME names; got .*99.*in ADEME, habillement\.json, jeans",
        ),
        ({"ecv": [{"id": 1, "value": -1}]}, "expected a number of zero or more"),
        ({"ecv": [{"id": 1, "value": "1"}]}, "expected a number below 1000000 kg; got 1"),
        ({"ecv": [{"id": 1, "value": 1e30}]}, r"got 1E\+30"),
        ({"ecv": [{"id": 1, "value": 1e-31}]}, "got 1E-31"),
        ({"ecv": [{"id": 1, "value": 1}, {"id": 1, "value": 1}]}, "expected each stage once"),
        ({"ecv": None}, "expected a list of life-cycle stages"),
        ({"ecv": [{"id": 1, "value": 1}], "end": "0.6"}, r"expected a number below 1000000 kg; got 0\.6"),
    ],
)
def test_bad_stages_are_refused(changed: dict[str, Any], message: str) -> None:
    """An unknown stage, a negative or textual amount, a stage twice, none, an end of life in words."""
    with pytest.raises(FactorSetError, match=message):
        import_ademe("habillement", json.dumps([{"name": "Jeans", "slug": "jeans", **changed}]).encode())


def test_food_that_stands_twice_must_agree() -> None:
    """The file repeats one line word for word, which is one row; two that differ are refused."""
    entry = {"slug": "boeuf", "category": 2, "ecv": [{"id": 30, "value": 27.3}]}
    assert len(import_ademe("alimentation", json.dumps([entry, entry]).encode()).rows) == 1
    other = entry | {"ecv": [{"id": 30, "value": 27.4}]}
    with pytest.raises(FactorSetError, match=r"A food stands twice and differs; expected boeuf.*27.3; got boeuf.*27.4"):
        import_ademe("alimentation", json.dumps([entry, other]).encode())


def test_new_things_are_findings() -> None:
    """What has no name here is left out and named."""
    stages = {"ecv": [{"id": 1, "value": 1}], "total": 1}
    found = import_ademe("habillement", json.dumps([{"slug": "chapeau", **stages}]).encode())
    assert found.rows == ()
    assert "ADEME, habillement.json, chapeau: left out, a thing without a name here" in found.findings


def test_train_without_its_stages_is_refused() -> None:
    """Fuel and construction are both needed."""
    entry = {"name": "TGV", "slug": "tgv", "ecv": [{"id": 6, "value": 0.0023}]}
    with pytest.raises(
        FactorSetError, match=r"expected the stages Construction; got Carburant; in ADEME, deplacement.json, tgv TGV"
    ):
        import_ademe("deplacement", json.dumps([entry]).encode())


def test_flight_of_another_length_is_refused() -> None:
    """Short, medium and long are what ADEME has."""
    entry = {"name": "Avion", "slug": "avion", "ecvs": [{"subtitle": "Tour du monde", "ecv": []}]}
    with pytest.raises(FactorSetError, match="expected one of Court courrier, Moyen courrier, Long courrier; got Tour du monde"):
        import_ademe("deplacement", json.dumps([entry]).encode())
    with pytest.raises(FactorSetError, match="expected the lengths Court courrier, Moyen courrier, Long courrier"):
        import_ademe("deplacement", json.dumps([entry | {"ecvs": []}]).encode())
