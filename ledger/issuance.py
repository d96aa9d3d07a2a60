"""Hashes of issuances and envelopes, as the contract computes them.

Every field is one 32-byte word, so the encoding is written out here in plain Python where it can be audited; the only thing
borrowed is Keccak-256. Layouts (|| joins words, integers are big-endian two's complement, addresses right-aligned):

    hashStruct(issuance) = keccak(ISSUANCE_TYPEHASH || its 14 fields in the order of `domain.issuance.Issuance`)
    leaf                 = keccak(keccak(hashStruct(issuance)))
    node                 = keccak(the smaller child || the larger child)
    token id             = keccak(subject || kind || from_month_ym || to_month_ym || revision)
    domain separator     = keccak(DOMAIN_TYPEHASH || keccak(name) || keccak(version) || chain id || contract)
    digest to sign       = keccak(0x19 0x01 || domain separator || hashStruct(envelope or revocation))
    checkpoint           = keccak(size || root)

A unit (REC, offset) is an issuance too: its amount stands in `net_g_co2e`, in watt-hours where it is a REC.

The tree is OpenZeppelin's StandardMerkleTree over ("bytes32",): leaves sorted, heap order, sorted pairs. The root of a batch
of one is that issuance's own leaf.

Source:
    EIP-712; @openzeppelin/merkle-tree 1.0.8, `src/core.ts` and `src/standard.ts`.
"""

from collections.abc import Sequence
from hashlib import sha256

from sha3 import keccak_256

from domain.errors import LedgerError
from domain.issuance import Envelope, Issuance

DOMAIN_NAME = "Climate Statements"
DOMAIN_VERSION = "1"
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
ENVELOPE_TYPE = "Envelope(bytes32 root,uint32 count,uint8 region,bytes32 method_hash,uint64 deadline_s,uint32 epoch)"
REVOCATION_TYPE = "Revocation(uint256 id,uint8 region,bytes32 reason_hash,uint64 deadline_s,uint32 epoch)"
BATCH_REVOCATION_TYPE = "BatchRevocation(bytes32 root,bytes32 reason_hash,uint64 deadline_s,uint32 epoch)"
ISSUANCE_TYPE = (
    "Issuance(address holder,uint8 kind,uint8 region,uint32 from_month_ym,uint32 to_month_ym,uint16 revision,"
    "bytes32 subject,bytes32 inputs_root,bytes32 manifest_hash,bytes32 method_hash,"
    "int64 gross_location_g_co2e,int64 gross_market_g_co2e,uint64 retired_g_co2e,int64 net_g_co2e)"
)


MOST_ISSUED_COUNT = 128
"""Most statements that one call of the contract issues."""


def keccak(data: bytes) -> bytes:
    """Keccak-256, Ethereum's hash (not NIST's SHA3-256), 32 bytes.

    Args:
        data: Any bytes.
    """
    digest: bytes = keccak_256(data).digest()
    return digest


_ISSUANCE_TYPEHASH = keccak(ISSUANCE_TYPE.encode("ascii"))
_ENVELOPE_TYPEHASH = keccak(ENVELOPE_TYPE.encode("ascii"))
_REVOCATION_TYPEHASH = keccak(REVOCATION_TYPE.encode("ascii"))
_BATCH_REVOCATION_TYPEHASH = keccak(BATCH_REVOCATION_TYPE.encode("ascii"))
_DOMAIN_PREFIX = b"".join(keccak(text.encode("ascii")) for text in (DOMAIN_TYPE, DOMAIN_NAME, DOMAIN_VERSION))


def issuance_hash(issuance: Issuance) -> bytes:
    """EIP-712 hashStruct of an issuance, 32 bytes.

    Args:
        issuance: The statement as the chain names it.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    return keccak(_ISSUANCE_TYPEHASH + b"".join(issuance_words(issuance)))


def leaf_of(issuance: Issuance) -> bytes:
    """Leaf of an issuance in a batch tree, 32 bytes; the root of a batch of one.

    Args:
        issuance: The statement as the chain names it.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    return keccak(keccak(issuance_hash(issuance)))


def token_id(issuance: Issuance) -> int:
    """Id of an issuance's token, 0 <= id < 2^256: one per subject, kind, period and revision.

    Args:
        issuance: The statement as the chain names it.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    words = issuance_words(issuance)
    return int.from_bytes(keccak(b"".join((words[6], words[1], words[3], words[4], words[5]))), "big")


def issuance_words(issuance: Issuance) -> tuple[bytes, ...]:
    """The 14 words of an issuance, 32 bytes each, in the order of its fields.

    Args:
        issuance: The statement as the chain names it.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    return (
        _address(issuance.holder, "holder"),
        _unsigned(int(issuance.kind), 8, "kind"),
        _unsigned(issuance.region, 8, "region"),
        _unsigned(issuance.from_month_ym, 32, "from_month_ym"),
        _unsigned(issuance.to_month_ym, 32, "to_month_ym"),
        _unsigned(issuance.revision, 16, "revision"),
        _word(issuance.subject, "subject"),
        _word(issuance.inputs_root, "inputs_root"),
        _word(issuance.manifest_hash, "manifest_hash"),
        _word(issuance.method_hash, "method_hash"),
        _signed(issuance.gross_location_g_co2e, 64, "gross_location_g_co2e"),
        _signed(issuance.gross_market_g_co2e, 64, "gross_market_g_co2e"),
        _unsigned(issuance.retired_g_co2e, 64, "retired_g_co2e"),
        _signed(issuance.net_g_co2e, 64, "net_g_co2e"),
    )


def pack_item(issuance: Issuance) -> tuple[int, bytes, bytes, bytes, int]:
    """A statement as the contract's `claim` and `issue_many` take it: 5 words, without region and method.

    Args:
        issuance: The statement as the chain names it.

    Returns:
        Holder | kind << 160 | revision << 168 | from month << 184 | to month << 216; subject; inputs root; manifest hash; the
        four amounts in their order, 64 bits each in two's complement, the first one lowest.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    words = [int.from_bytes(word, "big") for word in issuance_words(issuance)]
    holder, kind, _, from_month_ym, to_month_ym, revision = words[:6]
    terms = holder | kind << 160 | revision << 168 | from_month_ym << 184 | to_month_ym << 216
    grams = sum((word & (1 << 64) - 1) << 64 * index for index, word in enumerate(words[10:]))
    return terms, issuance.subject, issuance.inputs_root, issuance.manifest_hash, grams


def domain_separator(*, chain_id: int, contract: str) -> bytes:
    """EIP-712 domain separator of one contract on one chain, 32 bytes.

    Args:
        chain_id: The chain's id (EIP-155).
        contract: The contract's 0x address.

    Raises:
        LedgerError: The address or the id is not one.
    """
    return keccak(_DOMAIN_PREFIX + _unsigned(chain_id, 256, "chain_id") + _address(contract, "contract"))


def envelope_digest(envelope: Envelope, *, chain_id: int, contract: str) -> bytes:
    """What an auditor signs, 32 bytes: it holds for one contract on one chain, until the deadline, in one epoch.

    Args:
        envelope: The batch.
        chain_id: The chain's id (EIP-155).
        contract: The contract's 0x address.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    struct = keccak(
        _ENVELOPE_TYPEHASH
        + _word(envelope.root, "root")
        + _unsigned(envelope.count, 32, "count")
        + _unsigned(envelope.region, 8, "region")
        + _word(envelope.method_hash, "method_hash")
        + _unsigned(envelope.deadline_s, 64, "deadline_s")
        + _unsigned(envelope.epoch, 32, "epoch")
    )
    return keccak(b"\x19\x01" + domain_separator(chain_id=chain_id, contract=contract) + struct)


def revocation_digest(
    token_id: int, *, region: int, reason_hash: bytes, deadline_s: int, epoch: int, chain_id: int, contract: str
) -> bytes:
    """What an auditor signs to withdraw a statement, 32 bytes.

    Args:
        token_id: The statement's token, whether it was ever issued or not.
        region: Index in `domain.issuance.REGIONS`; the token's.
        reason_hash: Salted hash of the reason's text, 32 bytes.
        deadline_s: Last second, since 1970, at which the chain accepts it.
        epoch: The contract's auditor epoch.
        chain_id: The chain's id (EIP-155).
        contract: The contract's 0x address.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    struct = keccak(
        _REVOCATION_TYPEHASH
        + _unsigned(token_id, 256, "token_id")
        + _unsigned(region, 8, "region")
        + _word(reason_hash, "reason_hash")
        + _unsigned(deadline_s, 64, "deadline_s")
        + _unsigned(epoch, 32, "epoch")
    )
    return keccak(b"\x19\x01" + domain_separator(chain_id=chain_id, contract=contract) + struct)


def batch_revocation_digest(
    root: bytes, *, reason_hash: bytes, deadline_s: int, epoch: int, chain_id: int, contract: str
) -> bytes:
    """What an auditor signs so that nothing more is claimed from a batch, 32 bytes.

    Args:
        root: Root of the batch, 32 bytes.
        reason_hash: Salted hash of the reason's text, 32 bytes.
        deadline_s: Last second, since 1970, at which the chain accepts it.
        epoch: The contract's auditor epoch.
        chain_id: The chain's id (EIP-155).
        contract: The contract's 0x address.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    struct = keccak(
        _BATCH_REVOCATION_TYPEHASH
        + _word(root, "root")
        + _word(reason_hash, "reason_hash")
        + _unsigned(deadline_s, 64, "deadline_s")
        + _unsigned(epoch, 32, "epoch")
    )
    return keccak(b"\x19\x01" + domain_separator(chain_id=chain_id, contract=contract) + struct)


def checkpoint_hash(entry_count: int, root: bytes) -> bytes:
    """What the contract keeps of a channel's last checkpoint, 32 bytes.

    Args:
        entry_count: Entries of the channel's log (the checkpoint's size).
        root: RFC 6962 root of the log, 32 bytes.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    return keccak(_unsigned(entry_count, 64, "entry_count") + _word(root, "root"))


def batch_root(leaves: Sequence[bytes]) -> bytes:
    """Root of a batch tree, 32 bytes.

    Args:
        leaves: Leaves of the batch's issuances in any order, 32 bytes each, at least one.

    Raises:
        LedgerError: There is no leaf, or one stands twice.
    """
    return _tree(leaves)[0]


def batch_proof(leaves: Sequence[bytes], leaf: bytes) -> tuple[bytes, ...]:
    """Hashes that lead from one leaf to the root of its batch, from the leaf upwards; none in a batch of one.

    Args:
        leaves: Leaves of the batch's issuances in any order, 32 bytes each.
        leaf: The leaf to prove.

    Raises:
        LedgerError: The leaf is not in the batch.
    """
    tree = _tree(leaves)
    if leaf not in leaves:
        raise LedgerError("This issuance is not in the batch", expected=f"one of {len(leaves)} leaves", got=leaf.hex())
    index = tree.index(leaf, len(tree) - len(leaves))
    path = []
    while index > 0:
        path.append(tree[index + 1 if index % 2 else index - 1])
        index = (index - 1) // 2
    return tuple(path)


def batch_proofs(leaves: Sequence[bytes]) -> tuple[bytes, dict[bytes, tuple[bytes, ...]]]:
    """Root of a batch, and the proof of every leaf: the tree is built once.

    Args:
        leaves: Leaves of the batch's issuances in any order, 32 bytes each, at least one.

    Returns:
        The root, 32 bytes, and leaf to its proof, as `batch_proof` gives it.

    Raises:
        LedgerError: There is no leaf, or one stands twice.
    """
    tree = _tree(leaves)
    proofs: list[tuple[bytes, ...]] = [()] * len(tree)
    for index in range(1, len(tree)):  # a parent comes before its children
        proofs[index] = (tree[index + 1 if index % 2 else index - 1], *proofs[(index - 1) // 2])
    first = len(tree) - len(leaves)
    return tree[0], dict(zip(tree[first:], proofs[first:], strict=True))


def verify_batch_proof(leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a leaf is in the batch with this root.

    Args:
        leaf: `leaf_of` an issuance, never bytes that came with the proof: the tree does not fix its own depth.
        proof: Hashes from the leaf upwards.
        root: The batch's root, 32 bytes.
    """
    computed = leaf
    for sibling in proof:
        if len(sibling) != 32:  # noqa: PLR2004  # the size of a hash
            return False
        computed = _pair(computed, sibling)
    return computed == root


def take_token(taken: dict[int, bytes], issuance: Issuance, leaf: bytes) -> None:
    """Refuse a batch in which two statements have one token: of a subject, kind, period and revision there is one.

    The contract cannot see it: the first one that is claimed wins, and the other one stands below a root that auditors signed.

    Args:
        taken: Token to leaf of the statements that were looked at before; this one is added.
        issuance: The next one.
        leaf: Its leaf, 32 bytes.

    Raises:
        LedgerError: Its token is another leaf's.
    """
    number = token_id(issuance)
    former = taken.setdefault(number, leaf)
    if former != leaf:
        raise LedgerError(
            "Two statements of one batch have the same token",
            expected="one statement of each subject, kind, period and revision",
            got=f"leaves {former.hex()} and {leaf.hex()}",
            record=f"token {number:064x}",
            next_step="Sign the one that stands; restate the other one under a revision of its own.",
        )


def reason_hash(salt: bytes, reason: str) -> bytes:
    """What the chain is told of the reason of a revocation: SHA-256(04 || salt || UTF-8), 32 bytes.

    Args:
        salt: 32 random bytes.
        reason: In plain words.
    """
    return sha256(b"\x04" + salt + reason.encode()).digest()


def _tree(leaves: Sequence[bytes]) -> list[bytes]:
    if not leaves:
        raise LedgerError("A batch cannot be empty", expected="at least one leaf", got="none")
    if len(set(leaves)) != len(leaves):
        raise LedgerError("An issuance stands twice in one batch", expected="each leaf once")
    # Heap order: node i has the children 2i + 1 and 2i + 2; the sorted leaves fill the end, largest first.
    tree = [b""] * (len(leaves) - 1) + sorted(leaves, reverse=True)
    for i in range(len(leaves) - 2, -1, -1):
        tree[i] = _pair(tree[2 * i + 1], tree[2 * i + 2])
    return tree


def _pair(one: bytes, other: bytes) -> bytes:
    return keccak(one + other if one < other else other + one)


def _word(value: bytes, field: str) -> bytes:
    if len(value) != 32:  # noqa: PLR2004  # the size of an EVM word
        raise LedgerError("This field is not a hash", expected="32 bytes", got=f"{len(value)} bytes", record=field)
    return value


def _unsigned(value: int, bits: int, field: str) -> bytes:
    if not 0 <= value < 1 << bits:
        raise LedgerError("This number does not fit the contract", expected=f"0 to 2^{bits} - 1", got=value, record=field)
    return value.to_bytes(32, "big")


def _signed(value: int, bits: int, field: str) -> bytes:
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise LedgerError(
            "This number does not fit the contract", expected=f"-2^{bits - 1} to 2^{bits - 1} - 1", got=value, record=field
        )
    return value.to_bytes(32, "big", signed=True)


def _address(value: str, field: str) -> bytes:
    digits = value.removeprefix("0x")
    try:
        account = bytes.fromhex(digits) if len(digits) == 40 and value != digits else b""  # noqa: PLR2004  # 20 bytes
    except ValueError:
        account = b""
    if not account:
        raise LedgerError("This is not an account", expected="0x and 40 hexadecimal digits", got=value, record=field)
    return account.rjust(32, b"\x00")
