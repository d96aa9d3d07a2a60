"""Signers: one contract for the key in a file and the key that is somewhere else; the key is shown nowhere."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import ChainError
from ledger.signers import RemoteSigner, SignDer, TransactionSigner
from ledger.signing import ORDER, AuditorKey, RelayerKey
from ledger.transactions import Transaction, decode_signed, from_fields

SECRET = bytes(range(1, 33))
ADDRESS = RelayerKey.from_bytes(SECRET).address
CALL = Transaction(
    chain_id=31_337,
    nonce=7,
    tip_wei=10**9,
    max_fee_wei=3 * 10**9,
    gas=90_000,
    to="0x32dCAB0EF3FB2De2fce1D2E0799D36239671F04A",
    value_wei=0,
    data=b"\x01\x02",
)


def der(r: int, s: int) -> bytes:
    """A signature as a key service answers it."""
    parts = b"".join(bytes((2, len(one))) + one for one in (_signed_bytes(r), _signed_bytes(s)))
    return bytes((0x30, len(parts))) + parts


def _signed_bytes(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def key_service(*, has_high_s: bool = False, secret: bytes = SECRET) -> SignDer:
    """A service that keeps a key and gives signatures, with the low s or, as some do, the high one."""
    key = AuditorKey.from_bytes(secret)

    def sign(digest: bytes) -> bytes:
        signature = key.sign_digest(digest)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return der(r, ORDER - s if has_high_s else s)

    return sign


def from_keystore(folder: Path) -> TransactionSigner:
    """The key in an encrypted file."""
    RelayerKey.from_bytes(SECRET).save(folder / "relayer.json", "open sesame", iterations=2)
    return RelayerKey.load(folder / "relayer.json", "open sesame")


SIGNERS: dict[str, Callable[[Path], TransactionSigner]] = {
    "keystore": from_keystore,
    "service": lambda _: RemoteSigner(ADDRESS, key_service()),
    "service with high s": lambda _: RemoteSigner(ADDRESS, key_service(has_high_s=True)),
}


@pytest.fixture(params=SIGNERS)
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> TransactionSigner:
    """Every signer there is."""
    return SIGNERS[request.param](tmp_path)


# ---- the contract of every signer ----


def test_sender_is_its_address(signer: TransactionSigner) -> None:
    """Foreign code recovers the signer's address from what it signed, and the hash is the transaction's."""
    raw, transaction_hash = signer.sign_transaction(CALL.to_fields())
    assert Account.recover_transaction(raw) == signer.address == ADDRESS
    assert decode_signed(raw) == CALL
    assert Account.sign_transaction(CALL.to_fields(), SECRET).hash == transaction_hash


def test_signs_the_same_bytes_again(signer: TransactionSigner) -> None:
    """The same fields are the same transaction, whoever signs: here all hold one key (RFC 6979)."""
    assert signer.sign_transaction(CALL.to_fields()) == RelayerKey.from_bytes(SECRET).sign_transaction(CALL.to_fields())


def test_signs_another_offer_for_the_nonce(signer: TransactionSigner) -> None:
    """A signer has no opinion about nonces: a replacement is signed."""
    dearer, _ = signer.sign_transaction({**CALL.to_fields(), "maxFeePerGas": CALL.max_fee_wei * 2})
    assert (decode_signed(dearer).nonce, decode_signed(dearer).max_fee_wei) == (CALL.nonce, CALL.max_fee_wei * 2)


def test_creates_contracts(signer: TransactionSigner) -> None:
    """A transaction without a receiver is one that creates a contract."""
    raw, _ = signer.sign_transaction({**CALL.to_fields(), "to": ""})
    assert decode_signed(raw).to == ""
    assert Account.recover_transaction(raw) == ADDRESS


@pytest.mark.parametrize("change", [{"nonce": -1}, {"gas": "many"}, {"maxFeePerGas": 2**256}, {"nonce": None}])
def test_impossible_fields_are_refused(signer: TransactionSigner, change: dict[str, int | str | bytes]) -> None:
    """What is no transaction is refused before it is signed."""
    with pytest.raises(ChainError, match="This transaction cannot be signed"):
        signer.sign_transaction({**CALL.to_fields(), **change})


def test_missing_field_is_refused(signer: TransactionSigner) -> None:
    """A field that is left out is not guessed."""
    fields = {name: value for name, value in CALL.to_fields().items() if name != "gas"}
    with pytest.raises(ChainError, match="This transaction cannot be signed"):
        signer.sign_transaction(fields)


def test_key_is_shown_nowhere(signer: TransactionSigner, caplog: pytest.LogCaptureFixture) -> None:
    """Neither text, nor log, nor error holds the key."""
    caplog.set_level(logging.DEBUG)
    signer.sign_transaction(CALL.to_fields())
    with pytest.raises(ChainError) as refused:
        signer.sign_transaction({**CALL.to_fields(), "gas": "many"})
    shown = f"{signer} {signer!r} {refused.value!r} {refused.value.sentence()} {caplog.text}".lower()
    assert SECRET.hex() not in shown
    assert str(int.from_bytes(SECRET, "big")) not in shown
    assert repr(SECRET).lower() not in shown


# ---- what only a remote signer can do wrong ----


def test_key_of_another_account_is_refused() -> None:
    """A service that signs with another key is found out before anything is sent."""
    signer = RemoteSigner(ADDRESS, key_service(secret=bytes([9]) * 32))
    with pytest.raises(ChainError, match=f"The signer signs with another key; expected a signature of {ADDRESS}"):
        signer.sign_transaction(CALL.to_fields())


def test_silent_service_is_asked_later() -> None:
    """A service that does not answer is an error that says to try again."""

    def silent(_: bytes) -> bytes:
        raise TimeoutError

    with pytest.raises(ChainError, match=r"The signer does not answer; got TimeoutError\. Try again later"):
        RemoteSigner(ADDRESS, silent).sign_transaction(CALL.to_fields())


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=80), st.builds(der, st.integers(0, 2**257), st.integers(0, 2**257))))
def test_answer_that_is_no_signature(answer: bytes) -> None:
    """Whatever a service answers that is not our signature is refused by name."""
    with pytest.raises(ChainError, match="The signer"):
        RemoteSigner(ADDRESS, lambda _: answer).sign_transaction(CALL.to_fields())


# ---- transactions ----


@given(
    nonce=st.integers(0, 2**64 - 1),
    fee=st.integers(0, 2**128),
    gas=st.integers(0, 2**24),
    data=st.binary(max_size=300),
    chain_id=st.integers(1, 2**53),
)
@settings(max_examples=100, deadline=None)
def test_own_encoding_equals_the_library(nonce: int, fee: int, gas: int, data: bytes, chain_id: int) -> None:
    """Our bytes of a transaction are those of eth-account, and reading them back gives the transaction."""
    call = Transaction(
        chain_id=chain_id, nonce=nonce, tip_wei=fee // 2, max_fee_wei=fee, gas=gas, to=CALL.to, value_wei=0, data=data
    )
    raw, _ = RemoteSigner(ADDRESS, key_service()).sign_transaction(call.to_fields())
    assert raw == bytes(Account.sign_transaction(call.to_fields(), SECRET).raw_transaction)
    assert decode_signed(raw) == call == from_fields(call.to_fields())


@given(st.binary(max_size=200))
def test_other_bytes_are_no_transaction(raw: bytes) -> None:
    """Bytes that were damaged in the database are refused by name."""
    with pytest.raises(ChainError, match="These bytes are no transaction"):
        decode_signed(b"\x02" + raw)
