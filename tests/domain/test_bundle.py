"""The bundle's file: canonical, complete, and the inverse of itself."""

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.activity import ActivityKey
from domain.bundle import (
    AuditorName,
    Bundle,
    BundleGroup,
    ChainReference,
    FactorProof,
    bundle_from_bytes,
    envelope_from_json,
    envelope_to_json,
    issuance_from_json,
    issuance_to_json,
)
from domain.canonical import to_canonical
from domain.errors import CanonicalError
from domain.issuance import ZERO_ADDRESS, Envelope, Issuance, IssuanceKind
from domain.period import Month
from domain.statement import Unscored

HASH = st.binary(min_size=32, max_size=32)
GRAMS = st.integers(-(2**63), 2**63 - 1)
YM = st.sampled_from([202401, 202412, 202501])
ISSUANCES = st.builds(
    Issuance,
    holder=st.just(ZERO_ADDRESS),
    kind=st.sampled_from(IssuanceKind),
    region=st.integers(0, 255),
    from_month_ym=YM,
    to_month_ym=YM,
    revision=st.integers(1, 99),
    subject=HASH,
    inputs_root=HASH,
    manifest_hash=HASH,
    method_hash=HASH,
    gross_location_g_co2e=GRAMS,
    gross_market_g_co2e=GRAMS,
    retired_g_co2e=st.integers(0, 2**63 - 1),
    net_g_co2e=GRAMS,
)
SMALL = st.integers(0, 2**53 - 1)
ENVELOPES = st.builds(Envelope, root=HASH, count=SMALL, region=SMALL, method_hash=HASH, deadline_s=SMALL, epoch=SMALL)
TEXT = st.text(max_size=12)
HEX = HASH.map(bytes.hex)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
BUNDLES = st.builds(
    Bundle,
    manifest=TEXT,
    issuance=ISSUANCES,
    envelope=ENVELOPES,
    signatures=TEXTS,
    batch_proof=TEXTS,
    auditors=st.lists(st.builds(AuditorName, TEXT, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    chain=st.builds(
        ChainReference,
        label=TEXT,
        chain_id=st.integers(0, 10**40 - 1),
        contract=TEXT,
        action=st.sampled_from(["anchor", "issue"]),
        token_id_hex=TEXT,
        transaction_hex=TEXT,
        block_number=st.integers(-1, 2**40),
    ),
    keys=st.fixed_dictionaries({"inputs": HEX, "lines": HEX, "originals": HEX}),
    groups=st.lists(st.builds(BundleGroup, TEXT, TEXTS), max_size=2).map(tuple),
    lines=TEXTS,
    unscored=st.just((Unscored(Month(2025, 4), ActivityKey("water", "US", 2025, "m3"), 5, "no factor"),)),
    originals=TEXTS,
    factors=st.lists(st.builds(FactorProof, TEXT, SMALL, TEXTS), max_size=2).map(tuple),
)


@pytest.fixture
def bundle() -> Bundle:
    """A small bundle."""
    issuance = Issuance(ZERO_ADDRESS, IssuanceKind.AUDITED_EMISSIONS, 0, 202504, 202505, 1, *(bytes(32),) * 4, 5, 5, 0, 5)
    chain = ChainReference("local", 7, ZERO_ADDRESS, "anchor", "00" * 32, "", -1)
    envelope = Envelope(bytes(32), 1, 0, bytes(32), 1, 1)
    return Bundle("{}", issuance, envelope, (), (), (), chain, {}, (), (), (), (), ())


@settings(deadline=None)  # building one is slow, reading it is not the reason
@given(BUNDLES)
def test_any_bundle_comes_back(made: Bundle) -> None:
    """Writing and reading gives the same bundle, with the checksum of its content."""
    assert bundle_from_bytes(made.to_bytes()) == made.sealed()


@given(ISSUANCES)
def test_any_issuance_comes_back(issuance: Issuance) -> None:
    """Amounts of 64 bits and hashes survive."""
    assert issuance_from_json(issuance_to_json(issuance)) == issuance


@given(ENVELOPES)
def test_any_envelope_comes_back(envelope: Envelope) -> None:
    """What auditors sign survives."""
    assert envelope_from_json(envelope_to_json(envelope)) == envelope


def test_checksum_is_the_hash_of_the_rest(bundle: Bundle) -> None:
    """Anybody can compute it: SHA-256 of the canonical content without it."""
    content = json.loads(bundle.to_bytes())
    checksum = content.pop("checksum")
    assert checksum == sha256(to_canonical(content)).hexdigest()


def test_reading_does_not_compare_the_checksum(bundle: Bundle) -> None:
    """A wrong checksum is read, so that verification can name it."""
    content = {**json.loads(bundle.to_bytes()), "checksum": "ab" * 32}
    assert bundle_from_bytes(to_canonical(content)).checksum_hex == "ab" * 32


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "climate-fitness/bundle/2"}, "This bundle has a format that this version does not know"),
        ({"more": 1}, "holds fields that its format does not have"),
        ({"manifest": 1}, "manifest"),
        ({"keys": {"lines": "AB" * 32}}, "lines"),
        ({"signatures": "text"}, "signatures"),
        ({"checksum": ""}, "checksum"),
        ({"groups": [{"group": "a"}]}, "leaves"),
    ],
)
def test_other_content_is_refused(bundle: Bundle, change: dict[str, Any], words: str) -> None:
    """Another version, a field too many, a field of another kind: refused by name."""
    with pytest.raises(CanonicalError, match=words):
        bundle_from_bytes(to_canonical({**json.loads(bundle.to_bytes()), **change}))


@pytest.mark.parametrize("name", ["manifest", "issuance", "envelope", "chain", "keys", "checksum", "factors"])
def test_missing_field_is_refused(bundle: Bundle, name: str) -> None:
    """Every field must be there."""
    content = json.loads(bundle.to_bytes())
    del content[name]
    with pytest.raises(CanonicalError, match=name):
        bundle_from_bytes(to_canonical(content))


@pytest.mark.parametrize(("part", "field"), [("issuance", "kind"), ("chain", "action")])
def test_unknown_word_is_refused(bundle: Bundle, part: str, field: str) -> None:
    """A kind of token or an action that does not exist is refused."""
    content = json.loads(bundle.to_bytes())
    content[part][field] = 9 if field == "kind" else "mint"
    with pytest.raises(CanonicalError, match=field):
        bundle_from_bytes(to_canonical(content))


def test_layout_is_part_of_the_file(bundle: Bundle) -> None:
    """White space makes another file."""
    with pytest.raises(CanonicalError, match="not canonical JSON"):
        bundle_from_bytes(bundle.to_bytes() + b"\n")


def test_sealing_again_changes_nothing(bundle: Bundle) -> None:
    """The checksum does not depend on the checksum."""
    assert replace(bundle, checksum_hex="ff" * 32).sealed() == bundle.sealed()


def rows(count: int) -> list[str]:
    """That many short texts."""
    return ["x"] * count


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"signatures": rows(65)}, "more signatures than a bundle may have; expected at most 64; got 65"),
        ({"auditors": [{"address": "", "node": "", "operator": "", "region": ""}] * 65}, "more auditors"),
        ({"batch_proof": rows(65)}, "more batch_proof"),
        ({"lines": rows(10_001)}, "more lines than a bundle may have; expected at most 10,000; got 10,001"),
        ({"unscored": [{}] * 10_001}, "more unscored"),
        ({"originals": rows(10_001)}, "more originals"),
        ({"factors": [{"index": 0, "path": [], "row": ""}] * 10_001}, "more factors"),
        ({"factors": [{"index": 0, "path": rows(65), "row": ""}]}, "more path"),
        (
            {"groups": [{"group": "g", "leaves": rows(50_001)}] * 2},
            "more leaves than a bundle may have; expected at most 100,000",
        ),
        ({"groups": [{"group": "g", "leaves": []}] * 10_001}, "more groups"),
        ({"manifest": "x" * (512 * 1024 + 1)}, "A text of this bundle is too long; expected at most 524,288 bytes; got 524,289"),
        ({"manifest": "€" * (512 * 1024 // 3 + 1)}, "A text of this bundle is too long"),
        ({"groups": [{"group": "x" * (512 * 1024 + 1), "leaves": []}]}, "A text of this bundle is too long"),
    ],
)
def test_oversized_bundle_is_refused(bundle: Bundle, change: dict[str, Any], words: str) -> None:
    """Whatever is more or longer than in any bundle of ours is refused by name before anything is done with it."""
    with pytest.raises(CanonicalError) as refused:
        bundle_from_bytes(to_canonical({**json.loads(bundle.to_bytes()), **change}))
    assert words in refused.value.sentence()


def test_largest_bundle_is_read(bundle: Bundle) -> None:
    """Just within every limit nothing is refused."""
    large = replace(
        bundle,
        manifest="x" * (512 * 1024),
        signatures=tuple(rows(64)),
        batch_proof=tuple(rows(64)),
        keys=dict.fromkeys(("inputs", "lines", "originals"), "00" * 32),
        auditors=(AuditorName("", "", "", ""),) * 64,
        lines=tuple(rows(10_000)),
        originals=tuple(rows(10_000)),
        factors=(FactorProof("", 0, tuple(rows(64))),) * 100,
        groups=(BundleGroup("g", tuple(rows(50_000))),) * 2,
    )
    assert bundle_from_bytes(large.to_bytes()) == large.sealed()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lines": ["{}"]}, "shows lines without the key that they are checked with; expected the key of the lines, or no lines"),
        ({"unscored": [{}]}, "shows unscored without the key"),
        ({"factors": [{"index": 0, "path": [], "row": ""}]}, "shows factors without the key"),
        ({"groups": [{"group": "g", "leaves": ["{}"]}]}, "shows groups without the key that they are checked with"),
        ({"originals": ["00" * 32]}, "shows originals without the key"),
        ({"keys": {"lines": "00" * 32}, "groups": [{"group": "g", "leaves": []}]}, "shows groups without the key"),
        (
            {"keys": {"others": "00" * 32}},
            "has keys that its format does not have; expected inputs, lines, originals; got others",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused(bundle: Bundle, change: dict[str, Any], words: str) -> None:
    """Content that no root is recomputed from must not stand in a bundle that holds: nothing rides along."""
    with pytest.raises(CanonicalError) as refused:
        bundle_from_bytes(to_canonical({**json.loads(bundle.to_bytes()), **change}))
    assert words in refused.value.sentence()
