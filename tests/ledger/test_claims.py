"""The calldata of a claim: what the ABI's own encoder makes, refused where the contract would refuse it."""

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector

from domain.errors import LedgerError
from domain.issuance import ZERO_ADDRESS, Issuance, IssuanceKind
from ledger.claims import SIGNATURE, claim_data
from ledger.contract.artifact import load_artifact
from ledger.issuance import batch_proof, batch_root, keccak, leaf_of, pack_item


def issuance(number: int, *, net_g_co2e: int = -5) -> Issuance:
    """A statement of a subject of its own, net negative."""
    return Issuance(
        holder="0x" + "ab" * 20,
        kind=IssuanceKind.AUDITED_EMISSIONS,
        region=1,
        from_month_ym=202504,
        to_month_ym=202505,
        revision=3,
        subject=keccak(b"subject %d" % number),
        inputs_root=keccak(b"inputs"),
        manifest_hash=keccak(b"manifest"),
        method_hash=keccak(b"method"),
        gross_location_g_co2e=2**62,
        gross_market_g_co2e=-1,
        retired_g_co2e=2**63,
        net_g_co2e=net_g_co2e,
    )


@pytest.mark.parametrize("count", [1, 2, 7])
def test_calldata_is_the_abis(count: int) -> None:
    """Byte for byte what eth-abi encodes for the entry in the shipped artifact."""
    batch = [issuance(number) for number in range(count)]
    leaves = [leaf_of(one) for one in batch]
    root = batch_root(leaves)
    for one, leaf in zip(batch, leaves, strict=True):
        proof = batch_proof(leaves, leaf)
        types = ["bytes32", "bytes32", "(uint256,bytes32,bytes32,bytes32,uint256)", "bytes32[]"]
        theirs = encode(types, [root, one.method_hash, pack_item(one), list(proof)])
        assert claim_data(root, one, proof) == function_signature_to_4byte_selector(SIGNATURE) + theirs


def test_signature_is_the_contracts() -> None:
    """The entry has these arguments in the artifact."""
    (entry,) = [one for one in load_artifact().abi if one.get("name") == "claim"]
    item = "(" + ",".join(part["type"] for part in entry["inputs"][2]["components"]) + ")"
    types = [item if one["type"] == "tuple" else one["type"] for one in entry["inputs"]]
    assert f"claim({','.join(types)})" == SIGNATURE


def test_what_the_contract_would_refuse() -> None:
    """Nobody's statement, or one of another batch, costs no gas: it is refused here."""
    one, other = issuance(1), issuance(2)
    with pytest.raises(LedgerError, match="This statement has no holder to claim it"):
        claim_data(bytes(32), replace(one, holder=ZERO_ADDRESS), ())
    with pytest.raises(LedgerError, match="This statement is not in the batch"):
        claim_data(leaf_of(other), one, ())
