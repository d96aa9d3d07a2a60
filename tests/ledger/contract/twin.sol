// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ERC1155Supply} from "@openzeppelin/contracts/token/ERC1155/extensions/ERC1155Supply.sol";
import {ERC1155Utils} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Utils.sol";
import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// The rules of climate_statements.vy once more, from docs/ledger.md, the simple way: OpenZeppelin's parts, one mapping per
/// question, no packing, no regard for gas. For tests only: both get the same calls.
contract Twin is ERC1155Supply, EIP712, Ownable2Step, Pausable {
    struct Issuance {
        address holder;
        uint8 kind;
        uint8 region;
        uint32 from_month_ym;
        uint32 to_month_ym;
        uint16 revision;
        bytes32 subject;
        bytes32 inputs_root;
        bytes32 manifest_hash;
        bytes32 method_hash;
        int64 gross_location_g_co2e;
        int64 gross_market_g_co2e;
        uint64 retired_g_co2e;
        int64 net_g_co2e;
    }

    struct Item {
        uint256 terms;
        bytes32 subject;
        bytes32 inputs_root;
        bytes32 manifest_hash;
        uint256 grams;
    }

    struct Signature {
        uint256 r;
        uint256 vs;
    }

    struct Auditor {
        address account;
        uint256 regions;
    }

    enum Status {
        None,
        Active,
        Superseded,
        Revoked
    }

    struct Token {
        Status status;
        bool was_issued;
        uint8 kind;
        uint8 region;
        address holder;
        uint256 amount;
        uint256 batch;
        bytes32 root;
    }

    struct Batch {
        uint256 number;
        uint8 region;
        uint32 count;
        uint256 epoch;
        uint256 anchored_at_s;
        bool is_revoked;
    }

    event Issued(
        uint256 indexed id,
        bytes32 root,
        bytes32 inputs_root,
        bytes32 manifest_hash,
        int64 gross_location_g_co2e,
        int64 gross_market_g_co2e,
        uint64 retired_g_co2e,
        int64 net_g_co2e
    );
    event Anchored(bytes32 indexed root);
    event Superseded(uint256 indexed id, uint256 indexed by);
    event Revoked(uint256 indexed id, bytes32 reason_hash);
    event BatchRevoked(bytes32 indexed root, bytes32 reason_hash);
    event Retired(uint256 indexed id, address indexed holder, bytes32 indexed beneficiary, uint256 amount);
    event Checkpoint(address indexed writer, bytes32 indexed channel, uint256 size, bytes32 root);
    event EpochStarted(uint256 epoch, uint256 quorum);
    event Paused(bool is_paused);

    error Refused(string reason);

    bytes32 constant ISSUANCE = keccak256(
        "Issuance(address holder,uint8 kind,uint8 region,uint32 from_month_ym,uint32 to_month_ym,uint16 revision,bytes32 subject,bytes32 inputs_root,bytes32 manifest_hash,bytes32 method_hash,int64 gross_location_g_co2e,int64 gross_market_g_co2e,uint64 retired_g_co2e,int64 net_g_co2e)"
    );
    bytes32 constant ENVELOPE =
        keccak256("Envelope(bytes32 root,uint32 count,uint8 region,bytes32 method_hash,uint64 deadline_s,uint32 epoch)");
    bytes32 constant REVOCATION =
        keccak256("Revocation(uint256 id,uint8 region,bytes32 reason_hash,uint64 deadline_s,uint32 epoch)");
    bytes32 constant BATCH_REVOCATION =
        keccak256("BatchRevocation(bytes32 root,bytes32 reason_hash,uint64 deadline_s,uint32 epoch)");

    uint256 public epoch;
    uint256 public quorum;
    mapping(address => uint256) regions;
    uint256 batch_count;
    mapping(bytes32 root => Batch) batches;
    mapping(uint256 id => Token) tokens;
    mapping(uint256 id => mapping(bytes32 beneficiary => uint256)) retired;
    mapping(address writer => mapping(bytes32 channel => bytes32)) checkpoints;

    constructor(address admin, uint8 quorum_, Auditor[] memory auditors)
        ERC1155("")
        EIP712("Climate Statements", "1")
        Ownable(admin)
    {
        quorum = quorum_;
        for (uint256 i = 0; i < auditors.length; i++) regions[auditors[i].account] = auditors[i].regions;
        _startEpoch();
    }

    // ---- statements ----

    function anchor(
        bytes32 root,
        uint32 count,
        uint8 region,
        bytes32 method_hash,
        uint96 deadline,
        Signature[] calldata signatures
    ) external whenNotPaused {
        _require(count > 0, "count");
        _require(signatures.length <= 8, "signatures");
        _vouched(root, count, region, method_hash, deadline, signatures);
        _anchor(root, count, region);
    }

    function issue(Issuance calldata issuance, uint96 deadline, Signature[] calldata signatures)
        external
        whenNotPaused
        returns (uint256)
    {
        _require(issuance.revision == 1, "revision");
        return _issueAlone(issuance, deadline, signatures);
    }

    function supersede(Issuance calldata issuance, uint96 deadline, Signature[] calldata signatures)
        external
        whenNotPaused
        returns (uint256)
    {
        _require(issuance.revision > 1, "revision");
        return _issueAlone(issuance, deadline, signatures);
    }

    function issue_many(
        bytes32 root,
        uint8 region,
        bytes32 method_hash,
        Item[] calldata items,
        uint96 deadline,
        Signature[] calldata signatures
    ) external whenNotPaused {
        uint256 count = items.length;
        _require(count > 0 && count <= 128, "count");
        _require(signatures.length <= 8, "signatures");
        Issuance[] memory issuances = new Issuance[](count);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            issuances[i] = _unpack(items[i], region, method_hash);
            leaves[i] = _leaf(issuances[i]);
            _require(i == 0 || leaves[i] > leaves[i - 1], "order");
        }
        _require(_root(leaves) == root, "root");
        _vouched(root, uint32(count), region, method_hash, deadline, signatures);
        _anchor(root, uint32(count), region);
        batches[root].number = ++batch_count;
        for (uint256 i = 0; i < count; i++) {
            _put(issuances[i], root, batches[root].number);
        }
        for (uint256 i = 0; i < count; i++) _ask(issuances[i]);
    }

    function claim(bytes32 root, bytes32 method_hash, Item calldata item, bytes32[] calldata proof)
        external
        returns (uint256 id)
    {
        Batch storage batch = batches[root];
        _require(batch.anchored_at_s != 0 && !batch.is_revoked, "batch");
        _require(proof.length <= 32, "proof");
        Issuance memory issuance = _unpack(item, batch.region, method_hash);
        bytes32 leaf = _leaf(issuance);
        _require(MerkleProof.verifyCalldata(proof, root, leaf), "proof");
        id = _id(issuance, issuance.revision);
        Token storage token = tokens[id];
        // Done already: two statements of one token in one batch with one amount and holder are for the auditors to refuse.
        bool is_claimed = token.status == Status.Active && token.batch != 0 && token.batch == batch.number
            && token.amount == _amount(issuance) && (token.kind < 3 || token.holder == issuance.holder);
        if (is_claimed) return id;
        if (batch.number == 0) batch.number = ++batch_count;
        _put(issuance, root, batch.number);
        _ask(issuance);
    }

    function revoke(uint256 id, uint8 region, bytes32 reason_hash, uint96 deadline, Signature[] calldata signatures)
        external
    {
        Token storage token = tokens[id];
        _require(token.status == Status.None || token.status == Status.Active, "status");
        _require(token.status == Status.None || token.region == region, "region");
        _signed(
            keccak256(abi.encode(REVOCATION, id, region, reason_hash, uint256(uint64(deadline)), uint256(deadline >> 64))),
            region,
            deadline,
            signatures
        );
        if (token.was_issued && token.kind > 2) _move(token.holder, address(0), id, token.amount);
        token.status = Status.Revoked;
        emit Revoked(id, reason_hash);
    }

    function revoke_batch(bytes32 root, bytes32 reason_hash, uint96 deadline, Signature[] calldata signatures) external {
        Batch storage batch = batches[root];
        _require(batch.anchored_at_s != 0 && !batch.is_revoked, "batch");
        _signed(
            keccak256(abi.encode(BATCH_REVOCATION, root, reason_hash, uint256(uint64(deadline)), uint256(deadline >> 64))),
            batch.region,
            deadline,
            signatures
        );
        batch.is_revoked = true;
        emit BatchRevoked(root, reason_hash);
    }

    function retire(uint256 id, uint256 amount, bytes32 beneficiary) external {
        _require(amount > 0 && beneficiary != 0, "amount or beneficiary");
        _require(_isUnit(id) && tokens[id].status == Status.Active, "token");
        _burn(msg.sender, id, amount);
        retired[id][beneficiary] += amount;
        emit Retired(id, msg.sender, beneficiary, amount);
    }

    function checkpoint(bytes32 channel, uint64 former_size, bytes32 former_root, uint64 size, bytes32 root) external {
        bytes32 last = checkpoints[msg.sender][channel];
        if (last == 0) _require(former_size == 0 && former_root == 0, "first");
        else _require(keccak256(abi.encode(former_size, former_root)) == last, "former");
        _require(size > former_size, "size");
        checkpoints[msg.sender][channel] = keccak256(abi.encode(size, root));
        emit Checkpoint(msg.sender, channel, size, root);
    }

    // ---- the admin's ----

    function start_epoch() external onlyOwner {
        _startEpoch();
    }

    function pause() external onlyOwner {
        _require(!paused(), "paused");
        _pause();
        emit Paused(true);
        _startEpoch();
    }

    function unpause() external onlyOwner {
        _unpause();
        emit Paused(false);
        _startEpoch();
    }

    // ---- views ----

    function token_of(uint256 id) external view returns (address, uint256, uint256, uint256, uint256) {
        Token storage token = tokens[id];
        address holder = token.was_issued && token.kind < 3 ? address(0) : token.holder;
        return (holder, token.amount, token.kind, uint256(token.status), token.batch);
    }

    function hash_of(uint256 id) external view returns (bytes32) {
        return tokens[id].root;
    }

    function batch_of(bytes32 root) external view returns (uint256, uint256, uint256, uint256) {
        Batch storage batch = batches[root];
        return (batch.number, batch.region, batch.count, batch.epoch);
    }

    function is_batch_revoked(bytes32 root) external view returns (bool) {
        return batches[root].is_revoked;
    }

    function retired_of(uint256 id, bytes32 beneficiary) external view returns (uint256) {
        return retired[id][beneficiary];
    }

    function checkpoint_of(address writer, bytes32 channel) external view returns (bytes32) {
        return checkpoints[writer][channel];
    }

    // ---- inside ----

    function _issueAlone(Issuance calldata issuance, uint96 deadline, Signature[] calldata signatures)
        private
        returns (uint256)
    {
        _require(signatures.length <= 8, "signatures");
        bytes32 leaf = _leaf(issuance);
        _vouched(leaf, 1, issuance.region, issuance.method_hash, deadline, signatures);
        _put(issuance, leaf, 0);
        _ask(issuance);
        return _id(issuance, issuance.revision);
    }

    function _put(Issuance memory issuance, bytes32 root, uint256 batch) private {
        bool is_unit = issuance.kind < 3;
        _require(issuance.kind >= 1 && issuance.kind <= 4, "kind");
        _require(issuance.holder != address(0), "holder");
        _require(issuance.from_month_ym < issuance.to_month_ym, "period");
        _require(issuance.revision > 0, "revision");
        if (is_unit) {
            _require(issuance.revision == 1 && issuance.net_g_co2e > 0, "unit");
            _require(
                issuance.gross_location_g_co2e == 0 && issuance.gross_market_g_co2e == 0 && issuance.retired_g_co2e == 0,
                "unit"
            );
        }
        uint256 id = _id(issuance, issuance.revision);
        _require(tokens[id].status == Status.None, "issued");
        // Every earlier revision ends: those that were issued and are active, and those that never were.
        for (uint16 revision = issuance.revision - 1; revision > 0; revision--) {
            uint256 former = _id(issuance, revision);
            Token storage token = tokens[former];
            if (token.status == Status.Active) {
                _move(token.holder, address(0), former, token.amount);
                token.status = Status.Superseded;
                emit Superseded(former, id);
            } else if (token.status == Status.None) {
                token.status = Status.Superseded;
                token.kind = issuance.kind;
                emit Superseded(former, id);
            }
        }
        uint256 amount = _amount(issuance);
        tokens[id] = Token(Status.Active, true, issuance.kind, issuance.region, issuance.holder, amount, batch, root);
        _move(address(0), issuance.holder, id, amount);
        emit Issued(
            id,
            root,
            issuance.inputs_root,
            issuance.manifest_hash,
            issuance.gross_location_g_co2e,
            issuance.gross_market_g_co2e,
            issuance.retired_g_co2e,
            issuance.net_g_co2e
        );
    }

    function _ask(Issuance memory issuance) private {
        if (issuance.kind < 3) {
            uint256 id = _id(issuance, issuance.revision);
            ERC1155Utils.checkOnERC1155Received(msg.sender, address(0), issuance.holder, id, _amount(issuance), "");
        }
    }

    function _amount(Issuance memory issuance) private pure returns (uint256) {
        return issuance.net_g_co2e > 0 ? uint256(int256(issuance.net_g_co2e)) : 0;
    }

    function _move(address from, address to, uint256 id, uint256 amount) private {
        uint256[] memory ids = new uint256[](1);
        uint256[] memory amounts = new uint256[](1);
        ids[0] = id;
        amounts[0] = amount;
        _update(from, to, ids, amounts);
    }

    function _update(address from, address to, uint256[] memory ids, uint256[] memory amounts) internal override {
        if (from != address(0) && to != address(0)) {
            for (uint256 i = 0; i < ids.length; i++) {
                _require(_isUnit(ids[i]) && tokens[ids[i]].status == Status.Active, "token");
            }
        }
        super._update(from, to, ids, amounts);
    }

    function _isUnit(uint256 id) private view returns (bool) {
        return tokens[id].was_issued && tokens[id].kind < 3;
    }

    function _anchor(bytes32 root, uint32 count, uint8 region) private {
        _require(batches[root].anchored_at_s == 0, "anchored");
        batches[root] = Batch(0, region, count, epoch, block.timestamp, false);
        emit Anchored(root);
    }

    function _vouched(
        bytes32 root,
        uint32 count,
        uint8 region,
        bytes32 method_hash,
        uint96 deadline,
        Signature[] calldata signatures
    ) private view {
        bytes32 envelope = keccak256(
            abi.encode(ENVELOPE, root, count, region, method_hash, uint256(uint64(deadline)), uint256(deadline >> 64))
        );
        _signed(envelope, region, deadline, signatures);
    }

    function _signed(bytes32 struct_hash, uint8 region, uint96 deadline, Signature[] calldata signatures) private view {
        _require(block.timestamp <= uint64(deadline), "deadline");
        _require(deadline >> 64 == epoch, "epoch");
        _require(signatures.length >= quorum && signatures.length <= 8, "quorum");
        _require(region < 192, "region");
        bytes32 digest = _hashTypedDataV4(struct_hash);
        address former = address(0);
        for (uint256 i = 0; i < signatures.length; i++) {
            address signer = ECDSA.recover(digest, bytes32(signatures[i].r), bytes32(signatures[i].vs));
            _require(signer > former, "order");
            _require(regions[signer] & (1 << region) != 0, "auditor");
            former = signer;
        }
    }

    function _leaf(Issuance memory issuance) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(bytes.concat(keccak256(abi.encode(ISSUANCE, issuance))))));
    }

    function _id(Issuance memory issuance, uint16 revision) private pure returns (uint256) {
        return uint256(
            keccak256(
                abi.encode(issuance.subject, issuance.kind, issuance.from_month_ym, issuance.to_month_ym, revision)
            )
        );
    }

    function _unpack(Item calldata item, uint8 region, bytes32 method_hash) private pure returns (Issuance memory) {
        _require(item.terms >> 248 == 0, "terms");
        return Issuance(
            address(uint160(item.terms)),
            uint8(item.terms >> 160),
            region,
            uint32(item.terms >> 184),
            uint32(item.terms >> 216),
            uint16(item.terms >> 168),
            item.subject,
            item.inputs_root,
            item.manifest_hash,
            method_hash,
            int64(uint64(item.grams)),
            int64(uint64(item.grams >> 64)),
            uint64(item.grams >> 128),
            int64(uint64(item.grams >> 192))
        );
    }

    function _root(bytes32[] memory leaves) private pure returns (bytes32) {
        uint256 count = leaves.length;
        bytes32[] memory tree = new bytes32[](2 * count - 1);
        for (uint256 i = 0; i < count; i++) tree[2 * count - 2 - i] = leaves[i];
        for (uint256 i = count - 1; i > 0; i--) {
            tree[i - 1] = Hashes.commutativeKeccak256(tree[2 * i - 1], tree[2 * i]);
        }
        return tree[0];
    }

    function _startEpoch() private {
        epoch++;
        emit EpochStarted(epoch, quorum);
    }

    function _require(bool holds, string memory reason) private pure {
        if (!holds) revert Refused(reason);
    }
}
