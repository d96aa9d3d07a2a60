"""Hashes of issuances: equal to the contract's, to eth_account's, and to OpenZeppelin's tree."""

import random
from dataclasses import replace
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import LedgerError
from domain.issuance import ZERO_ADDRESS, Envelope, Issuance, IssuanceKind
from ledger.issuance import (
    BATCH_REVOCATION_TYPE,
    ENVELOPE_TYPE,
    ISSUANCE_TYPE,
    REVOCATION_TYPE,
    batch_proof,
    batch_revocation_digest,
    batch_root,
    envelope_digest,
    issuance_hash,
    keccak,
    leaf_of,
    pack_item,
    revocation_digest,
    token_id,
    verify_batch_proof,
)
from tests.ledger.local_chain import Local

HASHES = st.binary(min_size=32, max_size=32)
SIGNED_GRAMS = st.integers(-(2**63), 2**63 - 1)
ISSUANCES = st.builds(
    Issuance,
    holder=st.binary(min_size=20, max_size=20).map(lambda value: "0x" + value.hex()),
    kind=st.sampled_from(IssuanceKind),
    region=st.integers(0, 255),
    from_month_ym=st.integers(0, 2**32 - 1),
    to_month_ym=st.integers(0, 2**32 - 1),
    revision=st.integers(0, 2**16 - 1),
    subject=HASHES,
    inputs_root=HASHES,
    manifest_hash=HASHES,
    method_hash=HASHES,
    gross_location_g_co2e=SIGNED_GRAMS,
    gross_market_g_co2e=SIGNED_GRAMS,
    retired_g_co2e=st.integers(0, 2**64 - 1),
    net_g_co2e=SIGNED_GRAMS,
)
ENVELOPES = st.builds(
    Envelope,
    root=HASHES,
    count=st.integers(0, 2**32 - 1),
    region=st.integers(0, 255),
    method_hash=HASHES,
    deadline_s=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 2**32 - 1),
)
ON_THE_CHAIN = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def fields_of(type_text: str) -> list[dict[str, str]]:
    """The fields of an EIP-712 type string as typed data names them."""
    inside = type_text.partition("(")[2].removesuffix(")")
    return [dict(zip(("type", "name"), field.split(" "), strict=True)) for field in inside.split(",")]


def typed(primary: str, type_text: str, message: dict[str, Any], *, chain_id: int, contract: str) -> bytes:
    """What eth_account hashes for typed data."""
    signable = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                primary: fields_of(type_text),
            },
            "primaryType": primary,
            "domain": {
                "name": "Climate Statements",
                "version": "1",
                "chainId": chain_id,
                "verifyingContract": contract,
            },
            "message": message,
        }
    )
    return bytes(signable.body) if primary == "Issuance" else keccak(b"\x19\x01" + signable.header + signable.body)


def as_message(value: Issuance | Envelope) -> dict[str, Any]:
    """A dataclass as a typed-data message."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


@given(ISSUANCES)
def test_issuance_hash_is_eth_accounts(issuance: Issuance) -> None:
    """An independent library hashes the struct to the same value."""
    message = {**as_message(issuance), "kind": int(issuance.kind)}
    assert issuance_hash(issuance) == typed("Issuance", ISSUANCE_TYPE, message, chain_id=1, contract=ZERO_ADDRESS)


@given(ENVELOPES, st.integers(1, 2**53))
def test_envelope_digest_is_eth_accounts(envelope: Envelope, chain_id: int) -> None:
    """An independent library signs the same digest."""
    contract = "0x" + "12" * 20
    theirs = typed("Envelope", ENVELOPE_TYPE, as_message(envelope), chain_id=chain_id, contract=contract)
    assert envelope_digest(envelope, chain_id=chain_id, contract=contract) == theirs


WORDS = st.integers(0, 2**256 - 1)


@given(WORDS, st.integers(0, 255), HASHES, st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
def test_revocation_digests_are_eth_accounts(token: int, region: int, reason_hash: bytes, deadline_s: int, epoch: int) -> None:
    """An independent library signs the same digests to revoke a token and a batch."""
    signing = {"chain_id": 7, "contract": "0x" + "12" * 20}
    terms = {"reason_hash": reason_hash, "deadline_s": deadline_s, "epoch": epoch}
    message = {"id": token, "region": region, **terms}
    ours = revocation_digest(token, region=region, **terms, **signing)  # type: ignore[arg-type]  # of several types
    assert ours == typed("Revocation", REVOCATION_TYPE, message, **signing)  # type: ignore[arg-type]  # as above
    root = token.to_bytes(32, "big")
    ours = batch_revocation_digest(root, **terms, **signing)  # type: ignore[arg-type]  # as above
    assert ours == typed("BatchRevocation", BATCH_REVOCATION_TYPE, {"root": root, **terms}, **signing)  # type: ignore[arg-type]  # as above


@ON_THE_CHAIN
@given(token=WORDS, region=st.integers(0, 255), reason_hash=HASHES, deadline_s=st.integers(0, 2**64 - 1))
def test_revocation_digests_are_the_contracts(local: Local, token: int, region: int, reason_hash: bytes, deadline_s: int) -> None:
    """The digests to sign are what the contract checks."""
    signing = {"chain_id": local.chain.chain_id, "contract": local.client.contract, "epoch": 7, "deadline_s": deadline_s}
    until = 7 << 64 | deadline_s
    ours = revocation_digest(token, region=region, reason_hash=reason_hash, **signing)  # type: ignore[arg-type]  # of several types
    assert local.call("revocation_digest", token, region, reason_hash, until) == ours
    root = token.to_bytes(32, "big")
    ours = batch_revocation_digest(root, reason_hash=reason_hash, **signing)  # type: ignore[arg-type]  # as above
    assert local.call("batch_revocation_digest", root, reason_hash, until) == ours


@ON_THE_CHAIN
@given(issuance=ISSUANCES)
def test_hashes_are_the_contracts(local: Local, issuance: Issuance) -> None:
    """Struct hash, leaf and token id are what the contract computes."""
    words = local.words(issuance)
    assert local.call("issuance_hash", words) == issuance_hash(issuance)
    assert local.call("leaf_of", words) == leaf_of(issuance)
    assert local.call("token_id_of", words) == token_id(issuance)


@ON_THE_CHAIN
@given(envelope=ENVELOPES)
def test_digest_is_the_contracts(local: Local, envelope: Envelope) -> None:
    """The digest to sign is what the contract checks."""
    ours = envelope_digest(envelope, chain_id=local.chain.chain_id, contract=local.client.contract)
    assert local.digest(envelope) == ours


@pytest.mark.parametrize("field", ["subject", "kind", "from_month_ym", "to_month_ym", "revision"])
def test_token_id_depends_on_its_key(local: Local, field: str) -> None:
    """Each part of the key gives another token."""
    issuance = local.issuance()
    other: dict[str, Any] = {
        "subject": bytes(32),
        "kind": IssuanceKind.SELF_DECLARED_EMISSIONS,
        "from_month_ym": 1,
        "to_month_ym": 209901,
        "revision": 2,
    }
    assert token_id(replace(issuance, **{field: other[field]})) != token_id(issuance)


def test_token_id_does_not_depend_on_the_result(local: Local) -> None:
    """Other figures, another holder or other inputs are the same token: a period is issued once."""
    issuance = local.issuance()
    other = replace(issuance, holder=ZERO_ADDRESS, net_g_co2e=1, inputs_root=bytes(32), manifest_hash=bytes(32))
    assert token_id(other) == token_id(issuance)


def test_leaf_depends_on_every_field(local: Local) -> None:
    """There is no field that could be changed behind a root."""
    issuance = local.issuance()
    for name in issuance.__dataclass_fields__:
        value = getattr(issuance, name)
        changed: Any = bytes(32) if isinstance(value, bytes) else ZERO_ADDRESS if isinstance(value, str) else value + 1
        assert leaf_of(replace(issuance, **{name: changed})) != leaf_of(issuance)


def openzeppelin_root(values: list[bytes]) -> bytes:
    """OpenZeppelin's tree, written from its documentation: heap array, sorted leaves at its end, sorted pairs."""
    level = dict(enumerate(sorted((keccak(keccak(value)) for value in values), reverse=True), len(values) - 1))
    for i in range(len(values) - 2, -1, -1):
        level[i] = keccak(b"".join(sorted((level[2 * i + 1], level[2 * i + 2]))))
    return level[0]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 100])
def test_batch_root(local: Local, count: int) -> None:
    """The root of a batch is that of the standard tree of its struct hashes, in any order."""
    issuances = [local.issuance(number) for number in range(count)]
    leaves = [leaf_of(issuance) for issuance in issuances]
    random.Random(1).shuffle(leaves)  # noqa: S311 - a repeatable order
    assert batch_root(leaves) == openzeppelin_root([issuance_hash(issuance) for issuance in issuances])


def test_batch_of_one_is_its_leaf(local: Local) -> None:
    """A batch of one has no node: its root is the issuance's own hash."""
    leaf = leaf_of(local.issuance())
    assert batch_root([leaf]) == leaf
    assert batch_proof([leaf], leaf) == ()
    assert verify_batch_proof(leaf, (), leaf)


@given(st.sets(HASHES, min_size=1, max_size=40))
def test_every_leaf_of_a_batch_is_proved(leaves: set[bytes]) -> None:
    """Each leaf's proof leads to the root, and with one changed byte it does not."""
    listed = list(leaves)
    root = batch_root(listed)
    for leaf in listed:
        proof = batch_proof(listed, leaf)
        assert verify_batch_proof(leaf, proof, root)
        for i, sibling in enumerate(proof):
            changed = (*proof[:i], bytes([sibling[0] ^ 1]) + sibling[1:], *proof[i + 1 :])
            assert not verify_batch_proof(leaf, changed, root)
        assert not verify_batch_proof(keccak(leaf), proof, root)
        assert not verify_batch_proof(leaf, (*proof, root), root)
        assert not verify_batch_proof(leaf, (*proof, b""), root)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("holder", "ab" * 20, "This is not an account; expected 0x and 40 hexadecimal digits"),
        ("holder", "0x" + "zz" * 20, "This is not an account"),
        ("subject", b"short", "This field is not a hash; expected 32 bytes; got 5 bytes; in subject"),
        ("revision", 2**16, r"This number does not fit the contract; expected 0 to 2\^16 - 1; got 65536; in revision"),
        ("retired_g_co2e", -1, r"expected 0 to 2\^64 - 1; got -1; in retired_g_co2e"),
        ("net_g_co2e", 2**63, r"expected -2\^63 to 2\^63 - 1; got 9223372036854775808; in net_g_co2e"),
    ],
)
def test_fields_that_do_not_fit(local: Local, field: str, value: Any, message: str) -> None:  # noqa: ANN401 - of any type
    """A value outside the contract's type is refused by name, never cut."""
    with pytest.raises(LedgerError, match=message):
        leaf_of(replace(local.issuance(), **{field: value}))


def test_empty_batch_is_refused() -> None:
    """There is no root of nothing here."""
    with pytest.raises(LedgerError, match="A batch cannot be empty"):
        batch_root([])


def test_double_leaf_is_refused() -> None:
    """One issuance counts once in a batch."""
    with pytest.raises(LedgerError, match="An issuance stands twice in one batch"):
        batch_root([bytes(32), bytes(32)])


def test_foreign_leaf_has_no_proof() -> None:
    """What is not in the batch cannot be proved."""
    with pytest.raises(LedgerError, match="This issuance is not in the batch; expected one of 1 leaves"):
        batch_proof([bytes(32)], keccak(b""))


@given(ISSUANCES)
def test_packed_statement_holds_every_field(issuance: Issuance) -> None:
    """What `claim` is given says all that the leaf says but region and method, and can be read back."""

    def signed(word: int) -> int:
        return word - 2**64 if word >= 2**63 else word

    terms, subject, inputs_root, manifest_hash, grams = pack_item(issuance)
    amounts = [grams >> 64 * index & 2**64 - 1 for index in range(4)]
    read = Issuance(
        holder=f"0x{terms & 2**160 - 1:040x}",
        kind=IssuanceKind(terms >> 160 & 255),
        region=issuance.region,
        from_month_ym=terms >> 184 & 2**32 - 1,
        to_month_ym=terms >> 216,
        revision=terms >> 168 & 2**16 - 1,
        subject=subject,
        inputs_root=inputs_root,
        manifest_hash=manifest_hash,
        method_hash=issuance.method_hash,
        gross_location_g_co2e=signed(amounts[0]),
        gross_market_g_co2e=signed(amounts[1]),
        retired_g_co2e=amounts[2],
        net_g_co2e=signed(amounts[3]),
    )
    assert read == issuance
