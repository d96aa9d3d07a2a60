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

    Kinds: 1 REC, 2 offset, 3 audited emissions, 4 self-declared emissions.

    Emissions are a debt, so these tokens are account-bound: every transfer reverts. A token's balance is
    its net in grams CO2e while it is active, 0 where net is negative; the signed figure is in the event
    `Issued` and under the leaf. A restated statement (revision n + 1) takes the place of the former one.

    RECs and offsets are units, ordinary transferable ERC-1155 balances, and are retired for a beneficiary,
    for good. Their amount stands in `net_g_co2e`, which for an offset is grams CO2e; for a REC it counts
    WATT-HOURS (one signed type serves every kind; `uri` names the unit). The other three figures are 0.
@dev
    - A contract that is named as holder of emissions is NOT called back (no `onERC1155Received` on issue).
      ERC-1155 has the callback so that a receiver can refuse what it cannot move again. A debt cannot be
      moved by anybody, and a debtor must not be able to refuse (or to stop, by reverting) a debt that
      auditors signed. Units call back, as the standard says.
    - Whatever is called back finds everything done: each entry checks, then writes and logs all of it, and
      calls receivers last, once. So no lock is needed, and a receiver may pass on or retire at once what it
      was given.
    - No strings and no personal data are stored. `uri` is a data URI made from what was issued; it never
      changes, so there is no event `URI`.
    - The auditor epoch travels in the upper half of `deadline`, not as a word of its own: calldata and one
      storage slot fewer keep `anchor` under 61,000 gas with two signatures.
    - There are no immutables: the deployed code equals the committed artifact byte for byte on every
      chain, so a client can compare code hashes.
    - Where there is a token of revision n, no earlier revision of its statement can be issued or claimed:
      their slots are taken, by the token that they had or by a mark without holder, grams and batch.
    - A pause stops what is new by the auditors' word: anchor, issue, issue_many, supersede. It does not stop
      revocations, and what they vouched for before stays as it is: claims (of a root that was anchored with
      stolen keys, `revoke_batch` stops them), transfers, retirement; nor checkpoints, which need no auditor.
    - Statements of a batch come packed (`Item`): 5 words each instead of 14, without the batch's own region.
    - What the contract cannot see, the auditors' nodes refuse: a leaf that is superseded or revoked in a new
      batch, two leaves of one token id in one batch, another method than the envelope's.
"""

interface UnitReceiver:
    def onERC1155Received(
        operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1024]
    ) -> bytes4: nonpayable
    def onERC1155BatchReceived(
        operator: address,
        sender: address,
        ids: DynArray[uint256, 128],
        amounts: DynArray[uint256, 128],
        data: Bytes[1024],
    ) -> bytes4: nonpayable

# The same function without data: what an issue calls. A longer type would cost every issue its memory.
interface IssueReceiver:
    def onERC1155Received(
        operator: address, sender: address, id: uint256, amount: uint256, data: Bytes[1]
    ) -> bytes4: nonpayable

event TransferSingle:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    id: uint256
    value: uint256

event TransferBatch:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    ids: DynArray[uint256, 128]
    values: DynArray[uint256, 128]

event ApprovalForAll:
    owner: indexed(address)
    operator: indexed(address)
    approved: bool

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

# Of a statement that was never issued too, where a later revision was.
event Superseded:
    id: indexed(uint256)
    by: indexed(uint256)

# Of a statement that was never issued too: it never will be.
event Revoked:
    id: indexed(uint256)
    reason_hash: bytes32

event BatchRevoked:
    root: indexed(bytes32)
    reason_hash: bytes32

event Retired:
    id: indexed(uint256)
    holder: indexed(address)
    beneficiary: indexed(bytes32)
    amount: uint256

event Checkpoint:
    writer: indexed(address)
    channel: indexed(bytes32)
    size: uint256
    root: bytes32

event Paused:
    is_paused: bool

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

# A statement in a batch that is issued at once, without the batch's region and method: 5 words, not 14.
struct Item:
    terms: uint256  # holder | kind << 160 (8 bits) | revision << 168 (16) | from_month_ym << 184 (32) | to_month_ym << 216 (32)
    subject: bytes32
    inputs_root: bytes32
    manifest_hash: bytes32
    # gross_location_g_co2e | gross_market_g_co2e << 64 | retired_g_co2e << 128 | net_g_co2e << 192 (64 bits each, two's complement)
    grams: uint256

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
MAX_ITEMS: constant(uint256) = 128
MAX_PROOF: constant(uint256) = 32
MAX_REVISIONS: constant(uint256) = 64
BATCH_MASK: constant(uint256) = 2**24 - 1
# Batch numbers from here on mean: a batch of one, of region (number - SINGLE).
SINGLE: constant(uint256) = 2**24 - 256
AMOUNT_MASK: constant(uint256) = 2**64 - 1
SLOT_WITHOUT_RETIRED: constant(uint256) = 2**96 - 1
BATCH_REVOKED: constant(uint256) = 2**160
EVERY_BYTE: constant(uint256) = max_value(uint256) // 255
DEADLINE_MASK: constant(uint256) = 2**64 - 1
MAX_AUDITORS: constant(uint256) = 64
REGIONS_MASK: constant(uint256) = 2**192 - 1

KIND_REC: constant(uint8) = 1
KIND_AUDITED_EMISSIONS: constant(uint8) = 3
KIND_SELF_DECLARED_EMISSIONS: constant(uint8) = 4

STATUS_ACTIVE: constant(uint256) = 1
STATUS_SUPERSEDED: constant(uint256) = 2
STATUS_REVOKED: constant(uint256) = 3

# Half the order of secp256k1 (0x7fff...20a0): the larger s of a signature's two forms is refused (EIP-2).
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

# What a receiver answers when it takes units: the selectors of its own functions (ERC-1155).
ON_RECEIVED: constant(bytes4) = 0xf23a6e61
ON_BATCH_RECEIVED: constant(bytes4) = 0xbc197c81

MAX_URI: constant(uint256) = 1024

NAME_HASH: constant(bytes32) = keccak256("Climate Statements")
VERSION_HASH: constant(bytes32) = keccak256("1")
DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
ENVELOPE_TYPEHASH: constant(bytes32) = keccak256(
    "Envelope(bytes32 root,uint32 count,uint8 region,bytes32 method_hash,uint64 deadline_s,uint32 epoch)"
)
REVOCATION_TYPEHASH: constant(bytes32) = keccak256(
    "Revocation(uint256 id,uint8 region,bytes32 reason_hash,uint64 deadline_s,uint32 epoch)"
)
BATCH_REVOCATION_TYPEHASH: constant(bytes32) = keccak256(
    "BatchRevocation(bytes32 root,bytes32 reason_hash,uint64 deadline_s,uint32 epoch)"
)
ISSUANCE_TYPEHASH: constant(bytes32) = keccak256(
    "Issuance(address holder,uint8 kind,uint8 region,uint32 from_month_ym,uint32 to_month_ym,uint16 revision,bytes32 subject,bytes32 inputs_root,bytes32 manifest_hash,bytes32 method_hash,int64 gross_location_g_co2e,int64 gross_market_g_co2e,uint64 retired_g_co2e,int64 net_g_co2e)"
)

# The present epoch, quorum and pause stand in every auditor's slot beside its regions, so that checking k
# signatures reads k slots and no more. Whatever the admin changes starts a new epoch and writes all slots.
# slots[auditor]: regions (bit r: may sign for region r, 192 bits) | quorum << 192 (8) | epoch << 200 (32)
#                 | paused << 232 (1)
slots: HashMap[address, uint256]
auditors: DynArray[address, MAX_AUDITORS]
epoch: public(uint256)
quorum: public(uint256)
paused: public(bool)
admin: public(address)
offered_admin: public(address)

# batches[root]: number (24 bits, 0 until a token names it) | region << 24 (8) | count << 32 (32)
#                | epoch << 64 (32) | anchored_at_s << 96 (64) | revoked << 160 (1)
batches: HashMap[bytes32, uint256]
batch_count: uint256
# tokens[id]: batch number (24 bits; 0: never issued, and never will be) | status << 24 (4) | kind << 28 (4)
#             | grams << 32 (64) | holder << 96 (160); of a unit: | amount << 32 (64) | retired << 96 (64)
tokens: HashMap[uint256, uint256]
# roots[batch number or token id]: a token of a batch of one keeps its root under its own id.
roots: HashMap[uint256, bytes32]
# Of units alone: what accounts hold, and what was retired for whom.
balances: HashMap[uint256, HashMap[address, uint256]]
retired: HashMap[uint256, HashMap[bytes32, uint256]]
approvals: HashMap[address, HashMap[address, bool]]
# checkpoints[writer][channel]: keccak256(size, root) of the last one
checkpoints: HashMap[address, HashMap[bytes32, bytes32]]


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
    self._check_quorum(digest, region, convert(deadline, uint256), signatures)
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
    assert issuance.revision == 1, "not a first revision"
    return self._issue_one(issuance, deadline, signatures)


@external
def supersede(
    issuance: Issuance, deadline: uint96, signatures: DynArray[Signature, MAX_SIGNATURES]
) -> uint256:
    """
    @notice Issue a restated statement (revision 2 or more), a batch of one, in place of all former revisions:
        the one that is active becomes superseded, those that were never issued can never be.
    @param issuance The statement; same subject, kind and period as the former one.
    @param deadline Until when the signatures hold: auditor epoch << 64 | last second (Unix time).
    @param signatures EIP-2098 signatures of the envelope with count 1, ascending by signer.
    @return The new token's id.
    """
    assert issuance.revision > 1, "not a restatement"
    return self._issue_one(issuance, deadline, signatures)


@external
def issue_many(
    root: bytes32,
    region: uint8,
    method_hash: bytes32,
    items: DynArray[Item, MAX_ITEMS],
    deadline: uint96,
    signatures: DynArray[Signature, MAX_SIGNATURES],
):
    """
    @notice Anchor a batch and issue all of its statements to their holders. Anybody may send it.
    @param root Root of the batch.
    @param region The region of all of its statements.
    @param method_hash The method of all of its statements.
    @param items Its 1 to 128 statements, packed, ascending by leaf; restated ones supersede.
    @param deadline Until when the signatures hold: auditor epoch << 64 | last second (Unix time).
    @param signatures EIP-2098 signatures of the batch's envelope, ascending by signer.
    """
    count: uint256 = len(items)
    assert count != 0, "batch is empty"
    assert self.batches[root] == 0, "already anchored"
    digest: bytes32 = self._envelope_digest(root, convert(count, uint32), region, method_hash, deadline)
    self._check_quorum(digest, region, convert(deadline, uint256), signatures)
    number: uint256 = self._next_number(root)
    self.batches[root] = (
        number
        | convert(region, uint256) << 24
        | count << 32
        | (convert(deadline, uint256) >> 64) << 64
        | block.timestamp << 96
    )
    log Anchored(root=root)
    # OpenZeppelin's heap: node i over 2i + 1 and 2i + 2, the sorted leaves at the end, the largest first.
    tree: bytes32[2 * MAX_ITEMS] = empty(bytes32[2 * MAX_ITEMS])
    former: uint256 = 0
    position: uint256 = 2 * count - 1
    has_units: bool = False
    id: uint256 = 0
    leaf: bytes32 = empty(bytes32)
    for item: Item in items:
        issuance: Issuance = self._unpack(item, region, method_hash)
        id, leaf = self._admit(issuance)
        assert convert(leaf, uint256) > former, "leaves are not ascending"
        former = convert(leaf, uint256)
        position = unsafe_sub(position, 1)
        tree[position] = leaf
        assert self.tokens[id] == 0, "already issued"
        if issuance.revision != 1:
            self._supersede(
                issuance.subject,
                issuance.kind,
                issuance.from_month_ym,
                issuance.to_month_ym,
                issuance.revision,
                id,
            )
        if issuance.kind < KIND_AUDITED_EMISSIONS:
            has_units = True
        self._put(issuance, id, root, number)
    for i: uint256 in range(unsafe_sub(count, 1), bound=MAX_ITEMS):
        position = unsafe_sub(position, 1)
        one: bytes32 = tree[unsafe_add(position << 1, 1)]
        other: bytes32 = tree[unsafe_add(position << 1, 2)]
        if convert(one, uint256) < convert(other, uint256):
            tree[position] = keccak256(abi_encode(one, other))
        else:
            tree[position] = keccak256(abi_encode(other, one))
    assert tree[0] == root, "root is not the batch's"
    if has_units:
        for item: Item in items:
            issuance: Issuance = self._unpack(item, region, method_hash)
            if issuance.kind < KIND_AUDITED_EMISSIONS:
                self._call_holder(issuance, self._token_id(issuance))


@external
def claim(root: bytes32, method_hash: bytes32, item: Item, proof: DynArray[bytes32, MAX_PROOF]) -> uint256:
    """
    @notice Issue one statement of an anchored batch to its holder. Anybody may send it, also again.
    @param root Root of the batch.
    @param method_hash The method of the statement.
    @param item The statement, packed; a restated one supersedes.
    @param proof Hashes from its leaf upwards.
    @return The token's id.
    """
    batch: uint256 = self.batches[root]
    assert batch != 0, "not anchored"
    assert batch < BATCH_REVOKED, "batch is revoked"
    issuance: Issuance = self._unpack(item, convert((batch >> 24) & 255, uint8), method_hash)
    id: uint256 = 0
    node: bytes32 = empty(bytes32)
    id, node = self._admit(issuance)
    for sibling: bytes32 in proof:
        if convert(node, uint256) < convert(sibling, uint256):
            node = keccak256(abi_encode(node, sibling))
        else:
            node = keccak256(abi_encode(sibling, node))
    assert node == root, "statement is not in the batch"
    number: uint256 = batch & BATCH_MASK
    token: uint256 = self.tokens[id]
    if token != 0:
        # Claimed before from this batch and still active: done. Everything else cannot be claimed.
        former: uint256 = (
            number
            | STATUS_ACTIVE << 24
            | convert(issuance.kind, uint256) << 28
            | convert(max(issuance.net_g_co2e, 0), uint256) << 32
        )
        if issuance.kind < KIND_AUDITED_EMISSIONS:
            token &= SLOT_WITHOUT_RETIRED
        else:
            former |= convert(issuance.holder, uint256) << 96
        assert token == former, "already issued"
        return id
    if number == 0:
        number = self._next_number(root)
        self.batches[root] = batch | number
    if issuance.revision != 1:
        self._supersede(
            issuance.subject,
            issuance.kind,
            issuance.from_month_ym,
            issuance.to_month_ym,
            issuance.revision,
            id,
        )
    self._put(issuance, id, root, number)
    if issuance.kind < KIND_AUDITED_EMISSIONS:
        self._call_holder(issuance, id)
    return id


@external
def revoke(
    id: uint256,
    region: uint8,
    reason_hash: bytes32,
    deadline: uint96,
    signatures: DynArray[Signature, MAX_SIGNATURES],
):
    """
    @notice Withdraw a statement by a quorum of its region, for good; also one that was never issued: it then
        never will be, from any batch, and nothing of it is shown but its id. A restatement can take its place.
        A revoked unit stays where it is and can be neither moved nor retired.
    @param id The token's id.
    @param region The token's region. Of a token that was never issued the contract does not know it: there
        the signers vouch for it, and only who saw the statement can know the id (its subject is random).
    @param reason_hash Salted hash of the reason's text; the text is served by the nodes.
    @param deadline Until when the signatures hold: auditor epoch << 64 | last second (Unix time).
    @param signatures EIP-2098 signatures of the revocation, ascending by signer, at least the quorum.
    """
    token: uint256 = self.tokens[id]
    if token != 0:
        assert (token >> 24) & 15 == STATUS_ACTIVE, "token is not active"
        assert self._region_of(token) == convert(region, uint256), "token is of another region"
    digest: bytes32 = self._revocation_digest(id, region, reason_hash, deadline)
    self._check_revocation(digest, region, deadline, signatures)
    self.tokens[id] = (token & ~(convert(15, uint256) << 24)) | STATUS_REVOKED << 24
    if token != 0 and not self._is_unit(token):
        self._log_end(self._holder(token), id, self._grams(token))
    log Revoked(id=id, reason_hash=reason_hash)


@external
def revoke_batch(
    root: bytes32,
    reason_hash: bytes32,
    deadline: uint96,
    signatures: DynArray[Signature, MAX_SIGNATURES],
):
    """
    @notice Let nothing more be claimed from a batch. What was claimed or issued is revoked one by one.
    @param root Root of the batch.
    @param reason_hash Salted hash of the reason's text.
    @param deadline Until when the signatures hold: auditor epoch << 64 | last second (Unix time).
    @param signatures EIP-2098 signatures of the revocation, ascending by signer, at least the quorum.
    """
    batch: uint256 = self.batches[root]
    assert batch != 0, "not anchored"
    assert batch < BATCH_REVOKED, "batch is revoked"
    digest: bytes32 = self._batch_revocation_digest(root, reason_hash, deadline)
    self._check_revocation(digest, convert((batch >> 24) & 255, uint8), deadline, signatures)
    self.batches[root] = batch | BATCH_REVOKED
    log BatchRevoked(root=root, reason_hash=reason_hash)


@external
def retire(id: uint256, amount: uint256, beneficiary: bytes32):
    """
    @notice Use up RECs or offsets of one's own, for good.
    @param id The token's id.
    @param amount Watt-hours of a REC, grams CO2e of an offset; more than 0.
    @param beneficiary For whom: the subject commitment of the statement that counts it, or an account
        (right-aligned). Never a name. Each retirement counts for one beneficiary.
    """
    assert beneficiary != empty(bytes32), "beneficiary is zero"
    assert amount != 0, "amount is zero"
    token: uint256 = self._take(msg.sender, id, amount)
    self.retired[id][beneficiary] = unsafe_add(self.retired[id][beneficiary], amount)  # at most what was issued
    self.tokens[id] = token + (amount << 96)
    self._log_end(msg.sender, id, amount)
    log Retired(id=id, holder=msg.sender, beneficiary=beneficiary, amount=amount)


# ---- channels ----


@external
def checkpoint(channel: bytes32, former_size: uint64, former_root: bytes32, size: uint64, root: bytes32):
    """
    @notice Anchor a checkpoint of a channel: its log grew from the former checkpoint to this one.
    @dev Every account has channels of its own (they are kept by sender), so nobody can take another's name or
        write in another's place, and nobody need be asked. A writer whose key may change writes from a
        contract account. That the new tree extends the former one is checked by witnesses and readers.
    @param channel The channel's id, chosen by its writer: the hash of its origin line.
    @param former_size Entries at the last checkpoint; 0 for the first one.
    @param former_root Root at the last checkpoint; zero for the first one.
    @param size Entries now, more than before.
    @param root RFC 6962 root of the log now.
    """
    stored: bytes32 = self.checkpoints[msg.sender][channel]
    if stored == empty(bytes32):
        assert former_size == 0 and former_root == empty(bytes32), "not the last checkpoint"
    else:
        assert stored == self._checkpoint_hash(former_size, former_root), "not the last checkpoint"
    assert size > former_size, "checkpoint does not grow"
    self.checkpoints[msg.sender][channel] = self._checkpoint_hash(size, root)
    log Checkpoint(writer=msg.sender, channel=channel, size=convert(size, uint256), root=root)


@external
@view
def checkpoint_of(writer: address, channel: bytes32) -> bytes32:
    """@notice keccak256(size, root), two words, of a channel's last checkpoint; zero where there is none."""
    return self.checkpoints[writer][channel]


# ---- what the chain knows of a statement ----


@external
@view
def hash_of(id: uint256) -> bytes32:
    """@notice Root of the batch that holds this token's statement; zero where there is no such token."""
    return self._root_of(id)


@external
@view
def holder_of(id: uint256) -> address:
    """@notice Holder of emissions; zero of units, which many may hold, and where there is no such token."""
    return self._holder(self.tokens[id])


@external
@view
def token_of(id: uint256) -> Token:
    """
    @notice A token's slot, unpacked; all zero where there is no such token.
    @dev `status`: 1 active, 2 superseded, 3 revoked (holder and grams stay readable). Superseded or revoked with
        batch 0 and `hash_of` zero: it was never issued and never will be. `net_g_co2e` of a unit is the amount
        that was issued, `holder` zero.
    """
    slot: uint256 = self.tokens[id]
    return Token(
        holder=self._holder(slot),
        net_g_co2e=self._grams(slot),
        kind=(slot >> 28) & 15,
        status=(slot >> 24) & 15,
        batch=self._batch_number(slot),
    )


@external
@view
def retired_of(id: uint256, beneficiary: bytes32) -> uint256:
    """@notice How much of a unit was retired for this beneficiary."""
    return self.retired[id][beneficiary]


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
        anchored_at_s=(slot >> 96) & DEADLINE_MASK,
    )


@external
@view
def is_batch_revoked(root: bytes32) -> bool:
    """@notice Whether nothing more can be claimed from a batch."""
    return self.batches[root] >= BATCH_REVOKED


@external
@view
def locked(id: uint256) -> bool:
    """@notice Whether a token is bound to its account (signature of EIP-5192): emissions are, units are not."""
    slot: uint256 = self.tokens[id]
    return slot & BATCH_MASK != 0 and not self._is_unit(slot)


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
def pause():
    """@notice Stop anchor, issue, issue_many and supersede, in a new epoch. Revocations and claims go on."""
    self._check_admin()
    assert not self.paused, "paused"
    self.paused = True
    log Paused(is_paused=True)
    self._start_epoch()


@external
def unpause():
    """@notice Go on, in a new epoch: what was signed before or in the pause must be signed again."""
    self._check_admin()
    assert self.paused, "not paused"
    self.paused = False
    log Paused(is_paused=False)
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
def revocation_digest(id: uint256, region: uint8, reason_hash: bytes32, deadline: uint96) -> bytes32:
    """@notice What auditors sign to revoke a token: the EIP-712 digest (`deadline` as in `revoke`)."""
    return self._revocation_digest(id, region, reason_hash, deadline)


@external
@view
def batch_revocation_digest(root: bytes32, reason_hash: bytes32, deadline: uint96) -> bytes32:
    """@notice What auditors sign to revoke a batch: the EIP-712 digest (`deadline` as in `revoke_batch`)."""
    return self._batch_revocation_digest(root, reason_hash, deadline)


@external
@view
def eip712Domain() -> (bytes1, String[18], String[1], uint256, address, bytes32, DynArray[uint256, 1]):
    """@notice The signing domain (EIP-5267): name, version, chain id and contract are in use."""
    return 0x0f, "Climate Statements", "1", chain.id, self, empty(bytes32), []


@external
@pure
def version() -> String[8]:
    """@notice Version of this contract."""
    return "2.0.0"


# ---- ERC-1155 and ERC-165 ----


@external
@view
def balanceOf(owner: address, id: uint256) -> uint256:
    """
    @notice Of emissions the net in grams CO2e where `owner` holds them and they are active, else 0; of units what
        `owner` has (watt-hours or grams CO2e).
    """
    return self._balance(owner, id)


@external
@view
def balanceOfBatch(
    owners: DynArray[address, MAX_ITEMS], ids: DynArray[uint256, MAX_ITEMS]
) -> DynArray[uint256, MAX_ITEMS]:
    """@notice `balanceOf` of each pair."""
    assert len(owners) == len(ids), "lengths differ"
    balances: DynArray[uint256, MAX_ITEMS] = []
    for i: uint256 in range(len(ids), bound=MAX_ITEMS):
        balances.append(self._balance(owners[i], ids[i]))
    return balances


@external
@view
def totalSupply(id: uint256) -> uint256:
    """@notice Sum of all balances of a token: of units what was issued and not retired."""
    slot: uint256 = self.tokens[id]
    if self._is_unit(slot):
        return self._grams(slot) - ((slot >> 96) & AMOUNT_MASK)
    return self._balance(self._holder(slot), id)


@external
@view
def isApprovedForAll(owner: address, operator: address) -> bool:
    """@notice Whether `operator` may move the units of `owner`; nobody moves emissions."""
    return self.approvals[owner][operator]


@external
def setApprovalForAll(operator: address, approved: bool):
    """@notice Let an operator move one's units, or no longer."""
    assert operator != empty(address), "operator is zero"
    self.approvals[msg.sender][operator] = approved
    log ApprovalForAll(owner=msg.sender, operator=operator, approved=approved)


@external
def safeTransferFrom(sender: address, receiver: address, id: uint256, amount: uint256, data: Bytes[1024]):
    """@notice Move units; emissions are refused. A receiver that is a contract is asked."""
    self._check_transfer(sender, receiver)
    self._move(sender, receiver, id, amount)
    log TransferSingle(operator=msg.sender, sender=sender, receiver=receiver, id=id, value=amount)
    if receiver.is_contract:
        answer: bytes4 = extcall UnitReceiver(receiver).onERC1155Received(msg.sender, sender, id, amount, data)
        self._check_answer(answer, ON_RECEIVED)


@external
def safeBatchTransferFrom(
    sender: address,
    receiver: address,
    ids: DynArray[uint256, MAX_ITEMS],
    amounts: DynArray[uint256, MAX_ITEMS],
    data: Bytes[1024],
):
    """@notice Move units of several tokens at once, all or none; emissions are refused."""
    assert len(ids) == len(amounts), "lengths differ"
    self._check_transfer(sender, receiver)
    for i: uint256 in range(len(ids), bound=MAX_ITEMS):
        self._move(sender, receiver, ids[i], amounts[i])
    log TransferBatch(operator=msg.sender, sender=sender, receiver=receiver, ids=ids, values=amounts)
    if receiver.is_contract:
        answer: bytes4 = extcall UnitReceiver(receiver).onERC1155BatchReceived(msg.sender, sender, ids, amounts, data)
        self._check_answer(answer, ON_BATCH_RECEIVED)


@external
@view
def uri(id: uint256) -> String[MAX_URI]:
    """@notice ERC-1155 metadata of a token as a data URI (RFC 2397), made from what was issued; empty where there is none."""
    slot: uint256 = self.tokens[id]
    if slot & BATCH_MASK == 0:
        return ""
    kind: uint256 = (slot >> 28) & 15
    name: String[31] = "Audited%20net%20emissions"
    if kind == convert(KIND_SELF_DECLARED_EMISSIONS, uint256):
        name = "Self-declared%20net%20emissions"
    about: String[96] = "Net%20greenhouse%20gas%20emissions%20of%20one%20holder%20and%20period%2C%20in%20grams%20CO2e"
    unit: String[10] = "net_g_co2e"
    if kind == convert(KIND_REC, uint256):
        name = "Renewable%20energy"
        about = "Renewable%20energy%20certificates%20of%20one%20source%20and%20period%2C%20in%20watt-hours"
        unit = "amount_wh"
    elif kind < convert(KIND_AUDITED_EMISSIONS, uint256):
        name = "Carbon%20offset"
        about = "Carbon%20offsets%20of%20one%20source%20and%20period%2C%20in%20grams%20CO2e"
        unit = "g_co2e"
    return concat(
        "data:application/json,%7B%22name%22%3A%22",
        name,
        "%22%2C%22decimals%22%3A0%2C%22description%22%3A%22",
        about,
        "%22%2C%22properties%22%3A%7B%22kind%22%3A",
        uint2str(kind),
        "%2C%22",
        unit,
        "%22%3A%22",
        uint2str(self._grams(slot)),
        "%22%2C%22batch%22%3A%22",
        uint2str(self._batch_number(slot)),
        "%22%2C%22root%22%3A%220x",
        self._hex(self._root_of(id)),
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
    deadline: uint256,
    signatures: DynArray[Signature, MAX_SIGNATURES],
):
    assert block.timestamp <= deadline & DEADLINE_MASK, "deadline has passed"
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
    # Every auditor's slot has the same quorum, epoch and pause: the last one's will do.
    assert len(signatures) >= (slot >> 192) & 255, "too few signatures"
    if slot >> 200 != deadline >> 64:
        assert slot >> 232 == deadline >> 96, "paused"
        raise "epoch has passed"


@internal
@view
def _check_revocation(
    digest: bytes32,
    region: uint8,
    deadline: uint96,
    signatures: DynArray[Signature, MAX_SIGNATURES],
):
    # A revocation holds in a pause too: it is asked for with the pause's own bit above the epoch.
    self._check_quorum(
        digest, region, convert(deadline, uint256) | convert(self.paused, uint256) << 96, signatures
    )


@internal
@view
def _envelope_digest(
    root: bytes32,
    count: uint32,
    region: uint8,
    method_hash: bytes32,
    deadline: uint96,
) -> bytes32:
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
    return self._digest(envelope)


@internal
@view
def _revocation_digest(id: uint256, region: uint8, reason_hash: bytes32, deadline: uint96) -> bytes32:
    return self._digest(
        keccak256(
            abi_encode(
                REVOCATION_TYPEHASH,
                id,
                region,
                reason_hash,
                convert(deadline, uint256) & DEADLINE_MASK,
                convert(deadline, uint256) >> 64,
            )
        )
    )


@internal
@view
def _batch_revocation_digest(root: bytes32, reason_hash: bytes32, deadline: uint96) -> bytes32:
    return self._digest(
        keccak256(
            abi_encode(
                BATCH_REVOCATION_TYPEHASH,
                root,
                reason_hash,
                convert(deadline, uint256) & DEADLINE_MASK,
                convert(deadline, uint256) >> 64,
            )
        )
    )


@internal
@view
def _digest(struct_hash: bytes32) -> bytes32:
    domain: bytes32 = keccak256(
        abi_encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, chain.id, self)
    )
    return keccak256(concat(0x1901, domain, struct_hash))


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
@pure
def _unpack(item: Item, region: uint8, method_hash: bytes32) -> Issuance:
    return Issuance(
        holder=convert(item.terms & (2**160 - 1), address),
        kind=convert((item.terms >> 160) & 255, uint8),
        region=region,
        from_month_ym=convert((item.terms >> 184) & (2**32 - 1), uint32),
        to_month_ym=convert(item.terms >> 216, uint32),
        revision=convert((item.terms >> 168) & (2**16 - 1), uint16),
        subject=item.subject,
        inputs_root=item.inputs_root,
        manifest_hash=item.manifest_hash,
        method_hash=method_hash,
        # Shifted up, then down with their sign.
        gross_location_g_co2e=convert(convert(convert(item.grams << 192, bytes32), int256) >> 192, int64),
        gross_market_g_co2e=convert(convert(convert(item.grams << 128, bytes32), int256) >> 192, int64),
        retired_g_co2e=convert((item.grams >> 128) & AMOUNT_MASK, uint64),
        net_g_co2e=convert(convert(convert(item.grams, bytes32), int256) >> 192, int64),
    )


@internal
@pure
def _admit(issuance: Issuance) -> (uint256, bytes32):
    assert unsafe_sub(issuance.kind, KIND_REC) <= KIND_SELF_DECLARED_EMISSIONS - KIND_REC, "kind is not issued here"
    assert issuance.holder != empty(address), "holder is zero"
    assert issuance.from_month_ym < issuance.to_month_ym, "period is empty"
    if issuance.kind < KIND_AUDITED_EMISSIONS:
        assert issuance.revision == 1, "units are not restated"
        assert issuance.net_g_co2e > 0, "amount is zero"
        assert (
            issuance.gross_location_g_co2e == 0
            and issuance.gross_market_g_co2e == 0
            and issuance.retired_g_co2e == 0
        ), "units have an amount only"
    return (
        convert(
            keccak256(
                abi_encode(
                    issuance.subject, issuance.kind, issuance.from_month_ym, issuance.to_month_ym, issuance.revision
                )
            ),
            uint256,
        ),
        keccak256(keccak256(keccak256(abi_encode(ISSUANCE_TYPEHASH, issuance)))),
    )


@internal
def _issue_one(
    issuance: Issuance, deadline: uint96, signatures: DynArray[Signature, MAX_SIGNATURES]
) -> uint256:
    id: uint256 = 0
    root: bytes32 = empty(bytes32)
    id, root = self._admit(issuance)
    assert self.tokens[id] == 0, "already issued"
    if issuance.revision != 1:
        self._supersede(
            issuance.subject,
            issuance.kind,
            issuance.from_month_ym,
            issuance.to_month_ym,
            issuance.revision,
            id,
        )
    digest: bytes32 = self._envelope_digest(
        root, 1, issuance.region, issuance.method_hash, deadline
    )
    self._check_quorum(digest, issuance.region, convert(deadline, uint256), signatures)
    self.roots[id] = root
    self._put(issuance, id, root, SINGLE | convert(issuance.region, uint256))
    if issuance.kind < KIND_AUDITED_EMISSIONS:
        self._call_holder(issuance, id)
    return id


@internal
def _put(issuance: Issuance, id: uint256, root: bytes32, number: uint256):
    grams: uint256 = 0
    if issuance.net_g_co2e > 0:
        grams = convert(issuance.net_g_co2e, uint256)
    slot: uint256 = number | STATUS_ACTIVE << 24 | convert(issuance.kind, uint256) << 28 | grams << 32
    if issuance.kind < KIND_AUDITED_EMISSIONS:
        self.balances[id][issuance.holder] = grams
    else:
        slot |= convert(issuance.holder, uint256) << 96
    self.tokens[id] = slot
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


@internal
def _call_holder(issuance: Issuance, id: uint256):
    if issuance.holder.is_contract:
        answer: bytes4 = extcall IssueReceiver(issuance.holder).onERC1155Received(
            msg.sender, empty(address), id, convert(issuance.net_g_co2e, uint256), b""
        )
        self._check_answer(answer, ON_RECEIVED)


@internal
@pure
def _check_answer(answer: bytes4, wanted: bytes4):
    assert answer == wanted, "receiver refuses"


@internal
def _supersede(
    subject: bytes32, kind: uint8, from_month_ym: uint32, to_month_ym: uint32, revision: uint16, id: uint256
):
    assert revision != 0, "revision is zero"
    former: uint16 = revision
    for i: uint256 in range(MAX_REVISIONS):
        former -= 1
        if former == 0:
            return
        former_id: uint256 = convert(
            keccak256(abi_encode(subject, kind, from_month_ym, to_month_ym, former)), uint256
        )
        slot: uint256 = self.tokens[former_id]
        status: uint256 = (slot >> 24) & 15
        if slot == 0:
            self.tokens[former_id] = STATUS_SUPERSEDED << 24 | convert(kind, uint256) << 28
            log Superseded(id=former_id, by=id)
        elif status == STATUS_ACTIVE:
            self.tokens[former_id] = slot ^ ((STATUS_ACTIVE ^ STATUS_SUPERSEDED) << 24)
            self._log_end(self._holder(slot), former_id, self._grams(slot))
            log Superseded(id=former_id, by=id)
        # Earlier ones were marked when this one was issued or superseded; not where it was revoked unissued.
        if slot & BATCH_MASK != 0 or status == STATUS_SUPERSEDED:
            return
    assert former == 1, "too many revisions at once"


@internal
def _next_number(root: bytes32) -> uint256:
    number: uint256 = self.batch_count + 1
    assert number < SINGLE, "batch numbers used up"
    self.batch_count = number
    self.roots[number] = root
    return number


@internal
@view
def _check_transfer(sender: address, receiver: address):
    assert receiver != empty(address), "receiver is zero"
    assert msg.sender == sender or self.approvals[sender][msg.sender], "not the owner nor approved"


@internal
def _take(owner: address, id: uint256, amount: uint256) -> uint256:
    token: uint256 = self.tokens[id]
    assert token & BATCH_MASK != 0, "no such token"
    assert self._is_unit(token), "token is account-bound"
    assert (token >> 24) & 15 == STATUS_ACTIVE, "token is not active"
    balance: uint256 = self.balances[id][owner]
    assert amount <= balance, "balance is too small"
    self.balances[id][owner] = unsafe_sub(balance, amount)
    return token


@internal
def _log_end(holder: address, id: uint256, amount: uint256):
    log TransferSingle(
        operator=msg.sender, sender=holder, receiver=empty(address), id=id, value=amount
    )


@internal
def _move(sender: address, receiver: address, id: uint256, amount: uint256):
    self._take(sender, id, amount)
    self.balances[id][receiver] = unsafe_add(self.balances[id][receiver], amount)  # at most what was issued


@internal
@pure
def _checkpoint_hash(size: uint64, root: bytes32) -> bytes32:
    return keccak256(abi_encode(size, root))


@internal
@pure
def _is_unit(slot: uint256) -> bool:
    kind: uint256 = (slot >> 28) & 15
    return kind != 0 and kind < convert(KIND_AUDITED_EMISSIONS, uint256)


@internal
@pure
def _batch_number(slot: uint256) -> uint256:
    number: uint256 = slot & BATCH_MASK
    return 0 if number >= SINGLE else number


@internal
@view
def _root_of(id: uint256) -> bytes32:
    number: uint256 = self.tokens[id] & BATCH_MASK
    return self.roots[id if number >= SINGLE else number]


@internal
@view
def _region_of(slot: uint256) -> uint256:
    number: uint256 = slot & BATCH_MASK
    if number >= SINGLE:
        return number - SINGLE
    return (self.batches[self.roots[number]] >> 24) & 255


@internal
@pure
def _hex(word: bytes32) -> String[64]:
    number: uint256 = convert(word, uint256)
    return convert(concat(self._hex_half(number >> 128), self._hex_half(number & (2**128 - 1))), String[64])


@internal
@pure
def _hex_half(nibbles: uint256) -> bytes32:
    # Spread 32 nibbles over 32 bytes, then add to each "0", or "a" - 10. (max // (2**n + 1): every other n bits.)
    spread: uint256 = nibbles
    spread = (spread | spread << 64) & (max_value(uint256) // (2**64 + 1))
    spread = (spread | spread << 32) & (max_value(uint256) // (2**32 + 1))
    spread = (spread | spread << 16) & (max_value(uint256) // (2**16 + 1))
    spread = (spread | spread << 8) & (max_value(uint256) // (2**8 + 1))
    spread = (spread | spread << 4) & (max_value(uint256) // (2**4 + 1))
    letters: uint256 = ((spread + EVERY_BYTE * 6) >> 4) & EVERY_BYTE
    return convert(spread + EVERY_BYTE * 48 + letters * 39, bytes32)


@internal
@view
def _balance(owner: address, id: uint256) -> uint256:
    slot: uint256 = self.tokens[id]
    if self._is_unit(slot):
        return self.balances[id][owner]
    if (slot >> 24) & 15 != STATUS_ACTIVE or self._holder(slot) != owner:
        return 0
    return self._grams(slot)


@internal
@pure
def _holder(slot: uint256) -> address:
    if self._is_unit(slot):
        return empty(address)
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
            (self.slots[auditor] & REGIONS_MASK)
            | self.quorum << 192
            | epoch << 200
            | convert(self.paused, uint256) << 232
        )
    log EpochStarted(epoch=epoch, quorum=self.quorum)
