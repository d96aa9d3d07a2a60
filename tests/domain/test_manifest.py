"""The manifest: one byte string, read back exactly or not at all."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import cast

import pytest
from hypothesis import given

from domain.activity import EvidenceClass
from domain.canonical import Json, from_canonical, to_canonical
from domain.errors import CanonicalError
from domain.factor import FactorSetId
from domain.manifest import Manifest, ManifestFormat, RetiredUnits, TreeId, manifest_from_canonical
from domain.period import MonthRange
from domain.statement import Totals
from tests.domain.strategies import MANIFESTS

MANIFEST = Manifest(
    subject_hex="11" * 32,
    period=MonthRange.from_text("2024-Q1"),
    revision=1,
    reason="",
    inputs=TreeId("22" * 32, 91),
    originals=TreeId("33" * 32, 2),
    lines=TreeId("44" * 32, 6),
    evidence_ppm={EvidenceClass.UPLOADED: 900_000, EvidenceClass.TYPED: 100_000},
    coverage_ppm=999_542,
    factor_set=FactorSetId(520, "55" * 32),
    method="cf-method/1",
    parsers={"green-button": "1"},
    totals=Totals(10**15, 10**15, 0, 0, 0, 0),
    is_self_declared=False,
)


VCS, GOLD = RetiredUnits("VCS", "7-1-2", 1000), RetiredUnits("GS", "9", 1)
RETIRED = replace(MANIFEST, retired_units=(GOLD, VCS), totals=replace(MANIFEST.totals, retired_g_co2e=1001))


def changed(**fields: Json) -> bytes:
    """The manifest's canonical bytes with these fields in place of its own."""
    return to_canonical({**MANIFEST.to_json(), **fields})


@given(MANIFESTS)
def test_manifest_round_trip(manifest: Manifest) -> None:
    """A manifest is read back from its canonical bytes, with the same hash."""
    again = manifest_from_canonical(manifest.canonical_bytes)
    assert (again, again.manifest_hash) == (manifest, manifest.manifest_hash)


def test_hash_is_of_the_canonical_bytes() -> None:
    """What auditors sign is SHA-256 of the canonical bytes."""
    assert sha256(MANIFEST.canonical_bytes).digest() == MANIFEST.manifest_hash


def test_manifest_as_json() -> None:
    """The layout of version 2."""
    assert from_canonical(MANIFEST.canonical_bytes) == {
        "coverage_ppm": 999_542,
        "evidence_ppm": {"typed": 100_000, "uploaded": 900_000},
        "factor_set": {"root": "55" * 32, "size": 520},
        "format": "climate-fitness/manifest/2",
        "inputs": {"leaf_count": 91, "root": "22" * 32},
        "is_self_declared": False,
        "lines": {"leaf_count": 6, "root": "44" * 32},
        "method": "cf-method/1",
        "originals": {"leaf_count": 2, "root": "33" * 32},
        "parsers": {"green-button": "1"},
        "period": "2024-01..2024-03",
        "reason": "",
        "retired_units": [],
        "revision": 1,
        "statements_used": [],
        "subject": "11" * 32,
        "totals": {
            "avoided_ug_co2e": "0",
            "biogenic_co2_ug": "0",
            "gross_location_ug_co2e": "1000000000000000",
            "gross_market_ug_co2e": "1000000000000000",
            "net_ug_co2e": "1000000000000000",
            "retired_g_co2e": "0",
            "unscored_count": 0,
        },
    }


def test_former_format_comes_back() -> None:
    """A manifest of version 1 is read as one, and keeps its hash: it was signed."""
    former = replace(MANIFEST, format=ManifestFormat.V1)
    again = manifest_from_canonical(former.canonical_bytes)
    assert (again.format, again.manifest_hash) == (ManifestFormat.V1, former.manifest_hash)
    assert former.manifest_hash != MANIFEST.manifest_hash


def test_other_format_is_refused() -> None:
    """A manifest of another version says which version is known and what to do."""
    with pytest.raises(CanonicalError) as caught:
        manifest_from_canonical(changed(format="climate-fitness/manifest/3"))
    assert caught.value.sentence() == (
        "This manifest has a format that this version does not know; expected climate-fitness/manifest/1 or "
        "climate-fitness/manifest/2; got climate-fitness/manifest/3; in manifest. Use the version of the program that made it."
    )


@pytest.mark.parametrize("name", sorted(set(MANIFEST.to_json()) - {"statements_used"}))
def test_missing_field_is_refused(name: str) -> None:
    """Every field is needed and named when missing."""
    data = to_canonical({field: value for field, value in MANIFEST.to_json().items() if field != name})
    with pytest.raises(CanonicalError, match=f"A field is missing; expected {name}; "):
        manifest_from_canonical(data)


def test_missing_list_is_refused() -> None:
    """The list that is still empty is part of the format."""
    data = to_canonical({field: value for field, value in MANIFEST.to_json().items() if field != "statements_used"})
    with pytest.raises(CanonicalError, match="This manifest holds fields that its format does not have"):
        manifest_from_canonical(data)


@pytest.mark.parametrize("name", sorted(MANIFEST.to_json()))
def test_null_is_refused(name: str) -> None:
    """No field may be null."""
    with pytest.raises(CanonicalError):
        manifest_from_canonical(changed(**{name: None}))


@pytest.mark.parametrize(
    "fields",
    [
        {"extra": 1},
        {"retired_units": [{**VCS.to_json(), "vintage": "2020"}], "totals": RETIRED.totals.to_json()},
        {"statements_used": [{}]},
        {"evidence_ppm": {"uploaded": 1, "rumour": 2}},
        {"inputs": {"leaf_count": 91, "root": "22" * 32, "salt": ""}},
        {"factor_set": {"root": "55" * 32, "size": 520, "name": ""}},
        {"period": "2024-Q1"},
        {"period": "2024-03..2024-03"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_extra_and_other_forms_are_refused(fields: Mapping[str, Json]) -> None:
    """What the format does not have, or would write otherwise, is refused at every depth."""
    with pytest.raises(CanonicalError, match="This manifest holds fields that its format does not have"):
        manifest_from_canonical(changed(**fields))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"subject": "11" * 31}, "The field subject is not 64 lower-case hexadecimal digits"),
        ({"subject": "AA" * 32}, "The field subject is not 64 lower-case hexadecimal digits"),
        ({"revision": "1"}, "The field revision is not an integer"),
        ({"revision": True}, "The field revision is not an integer"),
        ({"is_self_declared": 0}, "The field is_self_declared is not true or false"),
        ({"period": "soon"}, "The field period is not what from_text takes"),
        ({"inputs": {"leaf_count": "91", "root": "22" * 32}}, "The field leaf_count is not an integer"),
        ({"lines": []}, "expected an object; got list; in manifest.lines"),
        ({"parsers": {"green-button": 1}}, "The field green-button is not text"),
        ({"evidence_ppm": {"typed": "1"}}, "The field typed is not an integer"),
        ({"totals": {**MANIFEST.totals.to_json(), "net_ug_co2e": "1"}}, "The net is not gross less retired"),
        ({"totals": {**MANIFEST.totals.to_json(), "extra": "0"}}, "This holds something that its format does not have"),
    ],
)
def test_wrong_fields_are_refused(fields: Mapping[str, Json], message: str) -> None:
    """A field that is not what it must be is named."""
    with pytest.raises(CanonicalError) as caught:
        manifest_from_canonical(changed(**fields))
    assert message in caught.value.sentence()


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", MANIFEST.canonical_bytes + b"\n", MANIFEST.canonical_bytes[:-1]])
def test_other_documents_are_refused(data: bytes) -> None:
    """Empty, other and re-formatted documents are no manifest."""
    with pytest.raises(CanonicalError, match="in manifest"):
        manifest_from_canonical(data)


def test_every_bit_of_a_manifest_counts() -> None:
    """A manifest with any one bit flipped is refused or has another hash."""
    original = MANIFEST.canonical_bytes
    for index in range(len(original)):
        data = bytearray(original)
        data[index] ^= 1
        try:
            manifest = manifest_from_canonical(bytes(data))
        except CanonicalError:
            continue
        assert manifest.manifest_hash == sha256(bytes(data)).digest() != MANIFEST.manifest_hash


@pytest.mark.parametrize(
    "other",
    [
        replace(MANIFEST, revision=2),
        replace(MANIFEST, reason="late data"),
        replace(MANIFEST, is_self_declared=True),
        replace(MANIFEST, method="cf-method/2"),
    ],
    ids=["revision", "reason", "self-declared", "method"],
)
def test_other_content_has_another_hash(other: Manifest) -> None:
    """Auditors sign one content."""
    assert other.manifest_hash != MANIFEST.manifest_hash


def test_format_stands_in_the_manifest() -> None:
    """The version of the layout travels with the manifest."""
    assert cast("dict[str, Json]", from_canonical(MANIFEST.canonical_bytes))["format"] == ManifestFormat.V2


@pytest.mark.parametrize(
    ("fields", "record"),
    [
        ({"revision": 0}, "manifest.revision"),
        ({"coverage_ppm": 1_000_001}, "manifest.coverage_ppm"),
        ({"evidence_ppm": {"typed": 999_999}}, "manifest.evidence_ppm"),
        ({"lines": {"leaf_count": -1, "root": "44" * 32}}, "manifest.lines.leaf_count"),
        ({"retired_units": [VCS.to_json()]}, "manifest.retired_units"),
        ({"totals": RETIRED.totals.to_json()}, "manifest.retired_units"),
    ],
    ids=["revision", "coverage", "shares", "count", "units without a total", "total without units"],
)
def test_impossible_numbers_are_refused(fields: Mapping[str, Json], record: str) -> None:
    """Numbers that no closing gives are refused by name."""
    with pytest.raises(CanonicalError, match="A number of this manifest cannot be") as refused:
        manifest_from_canonical(changed(**fields))
    assert refused.value.record == record


def test_retired_units_as_json() -> None:
    """Units are named by registry and serial, in grams as text, and add up to the totals; they are read back."""
    assert RETIRED.to_json()["retired_units"] == [
        {"amount_g_co2e": "1", "registry": "GS", "serial": "9"},
        {"amount_g_co2e": "1000", "registry": "VCS", "serial": "7-1-2"},
    ]
    assert manifest_from_canonical(RETIRED.canonical_bytes) == RETIRED


@pytest.mark.parametrize(
    "units",
    [(VCS, GOLD), (GOLD, GOLD), (replace(GOLD, amount_g_co2e=0),), (replace(GOLD, amount_g_co2e=-1), VCS)],
    ids=["unsorted", "twice", "nothing", "negative"],
)
def test_units_stand_once_sorted_and_above_zero(units: tuple[RetiredUnits, ...]) -> None:
    """The same units cannot count twice, and nothing is retired below zero, whatever the sum says."""
    retired_g = sum(one.amount_g_co2e for one in units)
    other = replace(MANIFEST, retired_units=units, totals=replace(MANIFEST.totals, retired_g_co2e=retired_g))
    with pytest.raises(CanonicalError, match="expected each units once, sorted, more than zero"):
        manifest_from_canonical(other.canonical_bytes)


def test_unit_that_is_no_object_is_refused() -> None:
    """Retired units are objects of three fields."""
    with pytest.raises(CanonicalError, match=r"expected an object; got str; in manifest\.retired_units"):
        manifest_from_canonical(changed(retired_units=["x"]))
