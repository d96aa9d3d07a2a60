"""Keys and signatures: one signer each, low s only, files that only their owner opens."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ChainError, QuorumError, SecurityError
from ledger.signing import (
    ORDER,
    AuditorKey,
    RelayerKey,
    check_quorum,
    from_compact,
    recover_signer,
    sign_envelope,
    sort_signatures,
    to_compact,
)
from tests.ledger.local_chain import Local

DIGEST = bytes(range(32))
SECRETS = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))


@given(SECRETS, st.binary(min_size=32, max_size=32))
def test_signer_is_recovered(secret: bytes, digest: bytes) -> None:
    """Whoever signed is found again from the signature."""
    key = AuditorKey.from_bytes(secret)
    assert recover_signer(digest, key.sign_digest(digest)) == key.address


@given(SECRETS, st.binary(min_size=32, max_size=32))
def test_signature_is_eth_accounts(secret: bytes, digest: bytes) -> None:
    """eth_account signs the same bytes with the same key (RFC 6979)."""
    theirs = Account.unsafe_sign_hash(digest, secret)
    assert AuditorKey.from_bytes(secret).sign_digest(digest) == bytes(theirs.signature)


@given(SECRETS, st.binary(min_size=32, max_size=32))
def test_compact_and_back(secret: bytes, digest: bytes) -> None:
    """EIP-2098's two words hold the whole signature."""
    signature = AuditorKey.from_bytes(secret).sign_digest(digest)
    assert from_compact(*to_compact(signature)) == signature


def high_s(signature: bytes) -> bytes:
    """The other form of a signature, with the high s."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def test_high_s_is_refused(auditors: tuple[AuditorKey, ...]) -> None:
    """The second form of a signature counts for nothing."""
    signature = high_s(auditors[0].sign_digest(DIGEST))
    with pytest.raises(QuorumError, match="This signature has a high s"):
        recover_signer(DIGEST, signature)
    with pytest.raises(QuorumError, match="This is not a signature with a low s"):
        to_compact(signature)


@pytest.mark.parametrize(
    "change",
    [
        lambda signature: signature[:-1],
        lambda signature: signature + b"\x00",
        lambda _: b"",
        lambda signature: signature[:64] + b"\x1d",
        lambda signature: bytes(32) + signature[32:],
        lambda signature: signature[:32] + bytes(32) + signature[64:],
        lambda signature: ORDER.to_bytes(32, "big") + signature[32:],
    ],
)
def test_malformed_signature_is_refused(auditors: tuple[AuditorKey, ...], change: Callable[[bytes], bytes]) -> None:
    """Size, v, r and s are checked before anything is computed."""
    with pytest.raises(QuorumError, match="This is not a signature; expected 65 bytes r, s, v with v 27 or 28"):
        recover_signer(DIGEST, change(auditors[0].sign_digest(DIGEST)))


def test_point_off_the_curve_is_nobody() -> None:
    """An r that belongs to no point of the curve is nobody's signature."""
    signature = (5).to_bytes(32, "big") + (1).to_bytes(32, "big") + b"\x1b"
    with pytest.raises(QuorumError, match="This signature is of nobody"):
        recover_signer(DIGEST, signature)


def test_signatures_ascend_by_signer(auditors: tuple[AuditorKey, ...]) -> None:
    """The order is that of the signers' addresses, whatever order they came in."""
    signatures = [key.sign_digest(DIGEST) for key in auditors]
    ordered = sort_signatures(DIGEST, signatures)
    signers = [int(recover_signer(DIGEST, signature), 16) for signature in ordered]
    assert signers == sorted(int(key.address, 16) for key in auditors)
    assert sort_signatures(DIGEST, signatures[::-1]) == ordered


def test_double_signature_is_refused(auditors: tuple[AuditorKey, ...]) -> None:
    """One auditor counts once."""
    signature = auditors[0].sign_digest(DIGEST)
    with pytest.raises(QuorumError, match="One signature stands twice"):
        sort_signatures(DIGEST, [signature, signature])


def test_quorum_names_its_signers(local: Local) -> None:
    """The rule off the chain gives the addresses that the contract would accept."""
    envelope = local.envelope(DIGEST)
    signers = check_quorum(envelope, local.sign(envelope), **where(local))
    assert set(signers) == {key.address for key in local.auditors[:2]}


@pytest.mark.parametrize(
    ("count", "region", "message"),
    [
        (1, 0, "Too few auditors signed; expected 2 signatures; got 1"),
        (2, 1, "This signer is not an auditor of the region; expected an auditor of region 1"),
    ],
)
def test_quorum_that_does_not_hold(local: Local, count: int, region: int, message: str) -> None:
    """Too few signatures, or auditors of another region, are no quorum."""
    envelope = local.envelope(DIGEST, region=region)
    with pytest.raises(QuorumError, match=message):
        check_quorum(envelope, local.sign(envelope)[:count], **where(local))


def where(local: Local) -> dict[str, Any]:
    """Chain, contract, auditors and quorum of the local network."""
    return {
        "chain_id": local.chain.chain_id,
        "contract": local.client.contract,
        "auditors": {key.address: 1 for key in local.auditors},
        "quorum": 2,
    }


def test_signature_is_for_one_chain_and_contract(local: Local) -> None:
    """The same envelope for another chain or contract has another signature."""
    envelope, key = local.envelope(DIGEST), local.auditors[0]
    here = sign_envelope(key, envelope, chain_id=1, contract=local.client.contract)
    assert here != sign_envelope(key, envelope, chain_id=2, contract=local.client.contract)
    assert here != sign_envelope(key, envelope, chain_id=1, contract=key.address)


def test_key_file_round_trip(tmp_path: Path, auditors: tuple[AuditorKey, ...]) -> None:
    """A key that was saved is the same key when it is opened."""
    auditors[0].save(tmp_path / "key.json", "correct horse", iterations=2)
    assert AuditorKey.load(tmp_path / "key.json", "correct horse") == auditors[0]


def test_key_file_is_its_owners(tmp_path: Path, auditors: tuple[AuditorKey, ...]) -> None:
    """Nobody else can read the file, and the key is not in it."""
    path = tmp_path / "key.json"
    auditors[0].save(path, "correct horse", iterations=2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (bytes([2]) * 32).hex() not in path.read_text()


def test_key_file_is_not_replaced(tmp_path: Path, auditors: tuple[AuditorKey, ...]) -> None:
    """Saving over a key would lose it."""
    auditors[0].save(tmp_path / "key.json", "correct horse", iterations=2)
    with pytest.raises(SecurityError, match="The key cannot be saved; expected a new file"):
        auditors[1].save(tmp_path / "key.json", "correct horse", iterations=2)


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"version": 3}'])
def test_file_that_is_no_key(tmp_path: Path, content: str | None) -> None:
    """A missing or foreign file is refused by name."""
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SecurityError, match="The key cannot be opened; expected a version 3 keystore"):
        AuditorKey.load(path, "correct horse")


def test_wrong_passphrase_is_refused(tmp_path: Path, auditors: tuple[AuditorKey, ...]) -> None:
    """The passphrase is needed."""
    auditors[0].save(tmp_path / "key.json", "correct horse", iterations=2)
    with pytest.raises(SecurityError, match="The key cannot be opened"):
        AuditorKey.load(tmp_path / "key.json", "wrong horse")


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(32), ORDER.to_bytes(32, "big"), bytes(33)])
def test_bytes_that_are_no_key(secret: bytes) -> None:
    """A key is a scalar of the curve."""
    with pytest.raises(SecurityError, match="This is not a signing key; expected 32 bytes"):
        AuditorKey.from_bytes(secret)


def test_key_is_not_shown(auditors: tuple[AuditorKey, ...]) -> None:
    """A key in a log line shows its address only."""
    assert repr(auditors[0]) == f"AuditorKey(address='{auditors[0].address}')"


def test_transaction_that_cannot_be_signed(relayer: RelayerKey) -> None:
    """A transaction without its fields is refused."""
    with pytest.raises(ChainError, match="This transaction cannot be signed"):
        relayer.sign_transaction({"nonce": 0})
