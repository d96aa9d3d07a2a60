# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Climate statements
@license Apache-2.0
@author The Climate Fitness contributors
@notice
    Net emissions statements, vouched for by a quorum of virtual auditors.

    Everything is a batch: the root of a tree of issuances, signed once by k auditors of one region.
    `anchor` stores the root of a batch of any size in one slot; `issue` is a batch of one and hands
    its token to the holder. A leaf of the tree is keccak256(keccak256(hashStruct(issuance))), a node
    is keccak256 of its two sorted children (OpenZeppelin's standard tree), so the root of a batch of
    one is that issuance's own leaf: `hash_of(id)` commits to every figure, to the inputs root and to
    the manifest. hashStruct is EIP-712's and holds neither chain id nor address: a root can be
    anchored again on another chain and old proofs stay valid. What binds a signature to one chain
    and one contract is the domain of the envelope around the root.

    Kinds: 3 audited emissions, 4 self-declared emissions. Emissions are a debt, so these tokens are
    account-bound: every transfer and approval reverts. A token's balance is its net in grams CO2e,
    0 where net is negative; the signed figure is in the event `Issued` and under the leaf.
@dev
    - A contract that is named as holder is NOT called back (no `onERC1155Received` on issue). ERC-1155
      has the callback so that a receiver can refuse what it cannot move again. Here nothing can be
      moved by anybody, and a debtor must not be able to refuse (or to stop, by reverting) a debt that
      auditors signed. Without any external call there is no reentrancy.
    - No strings and no personal data are stored. `uri` is a data URI made from the token's own slot.
    - The auditor epoch travels in the upper half of `deadline`, not as a word of its own: calldata and one
      storage slot fewer keep `anchor` under 61,000 gas with two signatures.
    - There are no immutables: the deployed code equals the committed artifact byte for byte on every
      chain, so a client can compare code hashes.
    - `issue` takes revision 1 only: two live tokens for one subject and period would count twice.
"""

event TransferSingle:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    id: uint256
    value: uint256

event Issued:
    id: indexed(uint256)
    root: bytes32
    inputs_root: bytes32
    manifest_hash: bytes32
    gross_location_g_co2e: int64
    gross_market_g_co2e: int64
    retired_g_co2e: uint64
    net_g_co2e: int64

event Anchored:
    root: indexed(bytes32)

event AuditorSet:
    auditor: indexed(address)
    regions: uint256

event EpochStarted:
    epoch: uint256
    quorum: uint256

event AdminOffered:
    admin: indexed(address)

event AdminChanged:
    admin: indexed(address)

struct Issuance:
    holder: address
    kind: uint8
    region: uint8
    from_month_ym: uint32
    to_month_ym: uint32
    revision: uint16
    subject: bytes32
    inputs_root: bytes32
    manifest_hash: bytes32
    method_hash: bytes32
    gross_location_g_co2e: int64
    gross_market_g_co2e: int64
    retired_g_co2e: uint64
    net_g_co2e: int64

# EIP-2098: r, then y parity (top bit) with s. One word less per signature than (r, s, v).
struct Signature:
    r: uint256
    vs: uint256

struct Auditor:
    account: address
    regions: uint256

struct Batch:
    number: uint256
    region: uint256
    count: uint256
    epoch: uint256
    anchored_at_s: uint256

struct Token:
    holder: address
    net_g_co2e: uint256
    kind: uint256
    status: uint256
    batch: uint256

MAX_SIGNATURES: constant(uint256) = 8
BATCH_MASK: constant(uint256) = 2**24 - 1
DEADLINE_MASK: constant(uint256) = 2**64 - 1
MAX_AUDITORS: constant(uint256) = 64
REGIONS_MASK: constant(uint256) = 2**192 - 1

KIND_AUDITED_EMISSIONS: constant(uint8) = 3
KIND_SELF_DECLARED_EMISSIONS: constant(uint8) = 4

STATUS_ACTIVE: constant(uint256) = 1

# Half the order of secp256k1 (0x7fff...20a0): the larger s of a signature's two forms is refused (EIP-2).
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

NAME_HASH: constant(bytes32) = keccak256("Climate Statements")
VERSION_HASH: constant(bytes32) = keccak256("1")
DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
ENVELOPE_TYPEHASH: constant(bytes32) = keccak256(
    "Envelope(bytes32 root,uint32 count,uint8 region,bytes32 method_hash,uint64 deadline_s,uint32 epoch)"
)
ISSUANCE_TYPEHASH: constant(bytes32) = keccak256(
    "Issuance(address holder,uint8 kind,uint8 region,uint32 from_month_ym,uint32 to_month_ym,uint16 revision,bytes32 subject,bytes32 inputs_root,bytes32 manifest_hash,bytes32 method_hash,int64 gross_location_g_co2e,int64 gross_market_g_co2e,uint64 retired_g_co2e,int64 net_g_co2e)"
)

# The present epoch and quorum stand in every auditor's slot beside its regions, so that checking k
# signatures reads k slots and no more. Whatever the admin changes starts a new epoch and writes all slots.
# slots[auditor]: regions (bit r: may sign for region r, 192 bits) | quorum << 192 (8) | epoch << 200 (32)
slots: HashMap[address, uint256]
auditors: DynArray[address, MAX_AUDITORS]
epoch: public(uint256)
quorum: public(uint256)
admin: public(address)
offered_admin: public(address)

# batches[root]: number (24 bits, 0 until a token names it) | region << 24 (8) | count << 32 (32)
#                | epoch << 64 (32) | anchored_at_s << 96 (64)
batches: HashMap[bytes32, uint256]
# tokens[id]: batch number (24 bits) | status << 24 (4) | kind << 28 (4) | grams << 32 (64) | holder << 96 (160)
tokens: HashMap[uint256, uint256]
# roots[batch number or token id]: a token of a batch of one has number 0 and keeps its root under its own id.
roots: HashMap[uint256, bytes32]


@deploy
def __init__(admin: address, quorum: uint8, auditors: DynArray[Auditor, MAX_AUDITORS]):
    """
    @notice Start with these auditors in epoch 1.
    @param admin Who may change auditors and quorum; on a public network a multisig or timelock.
    @param quorum How many auditors must sign, 1 to 8.
    @param auditors Accounts with the bitmap of the regions that they may sign for.
    """
    assert admin != empty(address), "admin is zero"
    self.admin = admin
    log AdminChanged(admin=admin)
    self._set_quorum(quorum)
    for auditor: Auditor in auditors:
        self._set_auditor(auditor.account, auditor.regions)
    self._start_epoch()


# ---- statements ----


@external
def anchor(
    root: bytes32,
    count: uint32,
    region: uint8,
    method_hash: bytes32,
    deadline: uint96,
    signatures: DynArray[Signature, MAX_SIGNATURES],
):
    """
    @notice Put the root of a batch of issuances on the chain, once. Anybody may send it.
    @param root Root of the batch tree.
    @param count How many issuances the tree holds, at least 1.
    @param region The auditors' region, 0 to 191.
    @param method_hash Hash of the method (business logic) that the auditors recomputed with.
    @param deadline Until when the signatures hold: auditor epoch << 64 | last second (Unix time).
    @param signatures EIP-2098 signatures of the envelope, ascending by signer, at least the quorum.
    """
    assert count != 0, "batch is empty"
    assert self.batches[root] == 0, "already anchored"
    digest: bytes32 = self._envelope_digest(root, count, region, method_hash, deadline)
    self._check_quorum(digest, region, deadline, signatures)
    self.batches[root] = (
        convert(region, uint256) << 24
        | convert(count, uint256) << 32
        | (convert(deadline, uint256) >> 64) << 64
        | block.timestamp << 96
    )
    log Anchored(root=root)


@external
def issue(
    issuance: Issuance, deadline: uint96, signatures: DynArray[Signature, MAX_SIGNATURES]
) -> uint256:
    """
    @notice Issue one statement to its holder: a batch of one. Anybody may send it.
    @param issuance The statement; month numbers are year * 100 + month, the end is exclusive.
    @param deadline Until when the signatures hold: auditor epoch << 64 | last second (Unix time).
    @param signatures EIP-2098 signatures of the envelope with count 1, ascending by signer.
    @return The token's id.
    """
    assert issuance.kind == KIND_AUDITED_EMISSIONS or issuance.kind == KIND_SELF_DECLARED_EMISSIONS, "kind is not issued here"
    assert issuance.holder != empty(address), "holder is zero"
    assert issuance.from_month_ym < issuance.to_month_ym, "period is empty"
    assert issuance.revision == 1, "not a first revision"
    id: uint256 = self._token_id(issuance)
    assert self.tokens[id] == 0, "already issued"
    root: bytes32 = self._leaf(self._issuance_hash(issuance))
    digest: bytes32 = self._envelope_digest(
        root, 1, issuance.region, issuance.method_hash, deadline
    )
    self._check_quorum(digest, issuance.region, deadline, signatures)
    self.roots[id] = root
    grams: uint256 = convert(max(issuance.net_g_co2e, 0), uint256)
    self.tokens[id] = (
        STATUS_ACTIVE << 24
        | convert(issuance.kind, uint256) << 28
        | grams << 32
        | convert(issuance.holder, uint256) << 96
    )
    log TransferSingle(
        operator=msg.sender, sender=empty(address), receiver=issuance.holder, id=id, value=grams
    )
    log Issued(
        id=id,
        root=root,
        inputs_root=issuance.inputs_root,
        manifest_hash=issuance.manifest_hash,
        gross_location_g_co2e=issuance.gross_location_g_co2e,
        gross_market_g_co2e=issuance.gross_market_g_co2e,
        retired_g_co2e=issuance.retired_g_co2e,
        net_g_co2e=issuance.net_g_co2e,
    )
    return id


# ---- what the chain knows of a statement ----


@external
@view
def hash_of(id: uint256) -> bytes32:
    """@notice Root of the batch that holds this token's statement; zero where there is no such token."""
    number: uint256 = self.tokens[id] & BATCH_MASK
    return self.roots[id if number == 0 else number]


@external
@view
def holder_of(id: uint256) -> address:
    """@notice Holder of a token; zero where there is no such token."""
    return self._holder(self.tokens[id])


@external
@view
def token_of(id: uint256) -> Token:
    """@notice A token's slot, unpacked; all zero where there is no such token."""
    slot: uint256 = self.tokens[id]
    return Token(
        holder=self._holder(slot),
        net_g_co2e=self._grams(slot),
        kind=(slot >> 28) & 15,
        status=(slot >> 24) & 15,
        batch=slot & BATCH_MASK,
    )


@external
@view
def batch_of(root: bytes32) -> Batch:
    """@notice An anchored batch's slot, unpacked; all zero where the root was not anchored."""
    slot: uint256 = self.batches[root]
    return Batch(
        number=slot & BATCH_MASK,
        region=(slot >> 24) & 255,
        count=(slot >> 32) & (2**32 - 1),
        epoch=(slot >> 64) & (2**32 - 1),
        anchored_at_s=slot >> 96,
    )


@external
@view
def locked(id: uint256) -> bool:
    """@notice Whether a token is bound to its account (signature of EIP-5192): all that exist are."""
    return self.tokens[id] != 0


# ---- auditors ----


@external
@view
def auditor_regions(auditor: address) -> uint256:
    """@notice Bitmap of the regions that an account may sign for now; 0 where it is no auditor."""
    return self.slots[auditor] & REGIONS_MASK


@external
@view
def auditor_list() -> DynArray[address, MAX_AUDITORS]:
    """@notice Every auditor of every region."""
    return self.auditors


@external
def set_auditor(auditor: address, regions: uint256):
    """
    @notice Let an account sign for these regions (bit r = region r, 0 to 191) and no others; none removes it.
    @dev Like every change of auditors it starts a new epoch: what was signed before must be signed again.
    """
    self._check_admin()
    self._set_auditor(auditor, regions)
    self._start_epoch()


@external
def set_quorum(quorum: uint8):
    """@notice Ask for this many signatures from now on, in a new epoch."""
    self._check_admin()
    self._set_quorum(quorum)
    self._start_epoch()


@external
def start_epoch():
    """@notice Make every envelope signed until now worthless."""
    self._check_admin()
    self._start_epoch()


@external
def offer_admin(admin: address):
    """@notice First step of a hand-over: name who may take the admin's place (zero withdraws)."""
    self._check_admin()
    self.offered_admin = admin
    log AdminOffered(admin=admin)


@external
def accept_admin():
    """@notice Second step of a hand-over, by the account that was named."""
    assert msg.sender == self.offered_admin, "not the offered admin"
    self.admin = msg.sender
    self.offered_admin = empty(address)
    log AdminChanged(admin=msg.sender)


# ---- the same hashes for everybody ----


@external
@view
def issuance_hash(issuance: Issuance) -> bytes32:
    """@notice EIP-712 hashStruct of an issuance."""
    return self._issuance_hash(issuance)


@external
@view
def leaf_of(issuance: Issuance) -> bytes32:
    """@notice An issuance's leaf in a batch tree; the root of a batch of one."""
    return self._leaf(self._issuance_hash(issuance))


@external
@view
def token_id_of(issuance: Issuance) -> uint256:
    """@notice The id that an issuance's token has or would have."""
    return self._token_id(issuance)


@external
@view
def envelope_digest(
    root: bytes32, count: uint32, region: uint8, method_hash: bytes32, deadline: uint96
) -> bytes32:
    """@notice What auditors sign: the EIP-712 digest of an envelope (`deadline` as in `anchor`)."""
    return self._envelope_digest(root, count, region, method_hash, deadline)


@external
@view
def eip712Domain() -> (bytes1, String[18], String[1], uint256, address, bytes32, DynArray[uint256, 1]):
    """@notice The signing domain (EIP-5267): name, version, chain id and contract are in use."""
    return 0x0f, "Climate Statements", "1", chain.id, self, empty(bytes32), []


@external
@pure
def version() -> String[8]:
    """@notice Version of this contract."""
    return "1.0.0"


# ---- ERC-1155 and ERC-165 ----


@external
@view
def balanceOf(owner: address, id: uint256) -> uint256:
    """@notice Net emissions of a token in grams CO2e where `owner` holds it, else 0; 0 where net is negative."""
    return self._balance(owner, id)


@external
@view
def balanceOfBatch(owners: DynArray[address, 128], ids: DynArray[uint256, 128]) -> DynArray[uint256, 128]:
    """@notice `balanceOf` of each pair."""
    assert len(owners) == len(ids), "lengths differ"
    balances: DynArray[uint256, 128] = []
    for i: uint256 in range(len(ids), bound=128):
        balances.append(self._balance(owners[i], ids[i]))
    return balances


@external
@pure
def isApprovedForAll(owner: address, operator: address) -> bool:
    """@notice Nobody may move another's debt."""
    return False


@external
@pure
def setApprovalForAll(operator: address, approved: bool):
    """@notice Refused: these tokens are bound to their account."""
    raise "token is account-bound"


@external
@pure
def safeTransferFrom(sender: address, receiver: address, id: uint256, amount: uint256, data: Bytes[1024]):
    """@notice Refused: these tokens are bound to their account."""
    raise "token is account-bound"


@external
@pure
def safeBatchTransferFrom(
    sender: address,
    receiver: address,
    ids: DynArray[uint256, 128],
    amounts: DynArray[uint256, 128],
    data: Bytes[1024],
):
    """@notice Refused: these tokens are bound to their account."""
    raise "token is account-bound"


@external
@view
def uri(id: uint256) -> String[512]:
    """@notice ERC-1155 metadata of a token as a data URI (RFC 2397), made from the token's slot."""
    slot: uint256 = self.tokens[id]
    name: String[32] = "Audited%20net%20emissions"
    if (slot >> 28) & 15 == convert(KIND_SELF_DECLARED_EMISSIONS, uint256):
        name = "Self-declared%20net%20emissions"
    return concat(
        "data:application/json,%7B%22name%22%3A%22",
        name,
        "%22%2C%22decimals%22%3A0%2C%22description%22%3A%22Net%20greenhouse%20gas%20emissions%20of%20one%20holder%20and%20period%2C%20in%20grams%20CO2e%22%2C%22properties%22%3A%7B%22net_g_co2e%22%3A%22",
        uint2str(self._grams(slot)),
        "%22%2C%22batch%22%3A%22",
        uint2str(slot & BATCH_MASK),
        "%22%7D%7D",
    )


@external
@pure
def supportsInterface(interface_id: bytes4) -> bool:
    """@notice ERC-165, ERC-1155 and its metadata extension."""
    return interface_id in [0x01ffc9a7, 0xd9b67a26, 0x0e89341c]


# ---- inside ----


@internal
@view
def _check_quorum(
    digest: bytes32,
    region: uint8,
    deadline: uint96,
    signatures: DynArray[Signature, MAX_SIGNATURES],
):
    assert block.timestamp <= convert(deadline, uint256) & DEADLINE_MASK, "deadline has passed"
    bit: uint256 = (1 << convert(region, uint256)) & REGIONS_MASK
    former: uint256 = 0
    slot: uint256 = max_value(uint256)  # without a signature the quorum is one that nobody reaches
    for signature: Signature in signatures:
        s: uint256 = signature.vs & (2**255 - 1)
        assert s <= HALF_ORDER, "signature has a high s"
        signer: address = ecrecover(digest, unsafe_add(27, signature.vs >> 255), signature.r, s)
        # Strictly ascending: no signer counts twice, and a failed recovery (zero) is never first.
        assert convert(signer, uint256) > former, "signers are not ascending"
        former = convert(signer, uint256)
        slot = self.slots[signer]
        assert slot & bit != 0, "signer is not an auditor of the region"
    # Every auditor's slot has the same quorum and epoch: the last one's will do.
    assert len(signatures) >= (slot >> 192) & 255, "too few signatures"
    assert slot >> 200 == convert(deadline, uint256) >> 64, "epoch has passed"


@internal
@view
def _envelope_digest(
    root: bytes32,
    count: uint32,
    region: uint8,
    method_hash: bytes32,
    deadline: uint96,
) -> bytes32:
    domain: bytes32 = keccak256(
        abi_encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, chain.id, self)
    )
    envelope: bytes32 = keccak256(
        abi_encode(
            ENVELOPE_TYPEHASH,
            root,
            count,
            region,
            method_hash,
            convert(deadline, uint256) & DEADLINE_MASK,
            convert(deadline, uint256) >> 64,
        )
    )
    return keccak256(concat(b"\x19\x01", domain, envelope))


@internal
@pure
def _issuance_hash(issuance: Issuance) -> bytes32:
    return keccak256(abi_encode(ISSUANCE_TYPEHASH, issuance))


@internal
@pure
def _leaf(struct_hash: bytes32) -> bytes32:
    return keccak256(keccak256(struct_hash))


@internal
@pure
def _token_id(issuance: Issuance) -> uint256:
    return convert(
        keccak256(
            abi_encode(
                issuance.subject,
                issuance.kind,
                issuance.from_month_ym,
                issuance.to_month_ym,
                issuance.revision,
            )
        ),
        uint256,
    )


@internal
@view
def _balance(owner: address, id: uint256) -> uint256:
    slot: uint256 = self.tokens[id]
    if slot == 0 or self._holder(slot) != owner:
        return 0
    return self._grams(slot)


@internal
@pure
def _holder(slot: uint256) -> address:
    return convert(slot >> 96, address)


@internal
@pure
def _grams(slot: uint256) -> uint256:
    return (slot >> 32) & (2**64 - 1)


@internal
@view
def _check_admin():
    assert msg.sender == self.admin, "not the admin"


@internal
def _set_auditor(auditor: address, regions: uint256):
    assert auditor != empty(address), "auditor is zero"
    assert regions <= REGIONS_MASK, "regions are 0 to 191"
    kept: DynArray[address, MAX_AUDITORS] = []
    for other: address in self.auditors:
        if other != auditor:
            kept.append(other)
    if regions != 0:
        kept.append(auditor)
    self.auditors = kept
    self.slots[auditor] = regions
    log AuditorSet(auditor=auditor, regions=regions)


@internal
def _set_quorum(quorum: uint8):
    assert quorum != 0 and convert(quorum, uint256) <= MAX_SIGNATURES, "quorum is not 1 to 8"
    self.quorum = convert(quorum, uint256)


@internal
def _start_epoch():
    epoch: uint256 = self.epoch + 1
    assert epoch < 2**32, "epochs used up"
    self.epoch = epoch
    for auditor: address in self.auditors:
        self.slots[auditor] = (
            (self.slots[auditor] & REGIONS_MASK) | self.quorum << 192 | epoch << 200
        )
    log EpochStarted(epoch=epoch, quorum=self.quorum)
