"""What a wallet sends to claim a statement: the calldata of the contract's `claim`. Anybody may send it; its holder gets it.

Pure: takes and returns bytes. The layout is that of the contract ABI specification (head and tail of 32-byte words).
"""

from collections.abc import Sequence

from domain.errors import LedgerError
from domain.issuance import ZERO_ADDRESS, Issuance
from ledger.issuance import keccak, leaf_of, pack_item, verify_batch_proof

SIGNATURE = "claim(bytes32,bytes32,(uint256,bytes32,bytes32,bytes32,uint256),bytes32[])"
"""The entry's signature, of which the first four bytes of the hash are its selector."""

_HEAD_WORDS_COUNT = 8
"""Root, method, the five words of the packed statement, and where the proof begins."""


def claim_data(root: bytes, issuance: Issuance, proof: Sequence[bytes]) -> bytes:
    """The calldata that claims a statement of an anchored batch.

    Args:
        root: Root of the batch, 32 bytes.
        issuance: The statement, with the holder that stands in its leaf.
        proof: Hashes from its leaf to the root, 32 bytes each.

    Returns:
        Selector and arguments.

    Raises:
        LedgerError: It has no holder, or is not in the batch; the contract would refuse it.
    """
    if issuance.holder == ZERO_ADDRESS:
        raise LedgerError("This statement has no holder to claim it", expected="an account in its leaf", got=issuance.holder)
    if not verify_batch_proof(leaf_of(issuance), list(proof), root):
        raise LedgerError("This statement is not in the batch", expected=root.hex(), got=leaf_of(issuance).hex())
    terms, subject, inputs_root, manifest_hash, grams = pack_item(issuance)
    words = (root, issuance.method_hash, _word(terms), subject, inputs_root, manifest_hash, _word(grams))
    tail = (_word(_HEAD_WORDS_COUNT * 32), _word(len(proof)), *proof)
    return keccak(SIGNATURE.encode("ascii"))[:4] + b"".join((*words, *tail))


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
