"""The contract on a real chain: what it stores, says, refuses, and what that costs."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from eth_abi.abi import decode
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from domain.errors import AlreadyIssuedError, ChainError, ExpiredError, LedgerError, QuorumError
from domain.issuance import ZERO_ADDRESS, Issuance, IssuanceKind
from ledger.contract.artifact import load_artifact
from ledger.issuance import batch_root, keccak, leaf_of, token_id
from ledger.signing import ORDER, AuditorKey, RelayerKey
from tests.ledger.local_chain import Local

ISSUE_GAS_TARGET = 95_000
ANCHOR_GAS_TARGET = 61_000


def log_of(local: Local, transaction_hash: bytes, signature: str) -> dict[str, Any]:
    """The one log entry of an event in a transaction."""
    receipt = local.chain.request("eth_getTransactionReceipt", ["0x" + transaction_hash.hex()])
    topic = "0x" + keccak(signature.encode()).hex()
    (entry,) = [entry for entry in receipt["logs"] if entry["topics"][0] == topic]
    return dict(entry)


def refusal(local: Local, function: str, *arguments: object, sender: RelayerKey | None = None) -> LedgerError:
    """The named error with which the contract refuses a call."""
    with pytest.raises(LedgerError) as refused:
        local.send(function, *arguments, sender=sender)
    return refused.value


# ---- issue ----


def test_issue_stores_the_token(local: Local) -> None:
    """Holder, net grams, kind, state and root are readable on the chain."""
    issuance = local.issuance()
    assert local.issue(issuance).is_success
    token = local.token(issuance)
    assert (token.holder.lower(), token.net_g_co2e, token.kind, token.status) == (issuance.holder, 119_000, 3, 1)
    assert token.root == leaf_of(issuance)


def test_issue_stores_the_hash_of_its_statement(local: Local) -> None:
    """`hash_of` is the issuance's own leaf, which commits to inputs root and manifest."""
    issuance = local.issuance()
    local.issue(issuance)
    assert local.call("hash_of", token_id(issuance)) == leaf_of(issuance)
    assert local.call("holder_of", token_id(issuance)) == issuance.holder


def test_issue_emits_the_statement(local: Local) -> None:
    """The event carries root, inputs root, manifest hash and all four signed amounts."""
    issuance = local.issuance(gross_location_g_co2e=-5, net_g_co2e=-7, retired_g_co2e=2)
    entry = log_of(
        local,
        local.issue(issuance).transaction_hash,
        "Issued(uint256,bytes32,bytes32,bytes32,int64,int64,uint64,int64)",
    )
    types = ["bytes32", "bytes32", "bytes32", "int64", "int64", "uint64", "int64"]
    assert decode(types, bytes.fromhex(entry["data"][2:])) == (
        leaf_of(issuance),
        issuance.inputs_root,
        issuance.manifest_hash,
        -5,
        120_000,
        2,
        -7,
    )
    assert int(entry["topics"][1], 16) == token_id(issuance)


def test_issue_emits_transfer_single(local: Local) -> None:
    """Wallets see a mint: from zero to the holder, the id, the net grams."""
    issuance = local.issuance()
    entry = log_of(local, local.issue(issuance).transaction_hash, "TransferSingle(address,address,address,uint256,uint256)")
    assert [int(topic, 16) for topic in entry["topics"][1:]] == [
        int(local.relayer.address, 16),
        0,
        int(issuance.holder, 16),
    ]
    assert decode(["uint256", "uint256"], bytes.fromhex(entry["data"][2:])) == (token_id(issuance), 119_000)


@pytest.mark.parametrize(("net_g_co2e", "balance"), [(-1, 0), (0, 0), (1, 1), (2**63 - 1, 2**63 - 1), (-(2**63), 0)])
def test_balance_is_net_above_zero(local: Local, net_g_co2e: int, balance: int) -> None:
    """The balance is the net in grams, and 0 where it is negative."""
    issuance = local.issuance(net_g_co2e=net_g_co2e)
    local.issue(issuance)
    assert local.call("balanceOf", *holder_and_id(issuance)) == balance


def holder_and_id(issuance: Issuance) -> tuple[str, int]:
    """Holder with checksum, and token id."""
    from eth_utils.address import to_checksum_address

    return to_checksum_address(issuance.holder), token_id(issuance)


def test_self_declared_statement_is_issued(local: Local) -> None:
    """Kind 4 is issued beside kind 3, and says so."""
    issuance = local.issuance(kind=IssuanceKind.SELF_DECLARED_EMISSIONS)
    local.issue(issuance)
    assert local.token(issuance).kind == 4


def test_issue_gas(local: Local) -> None:
    """A single issue with two auditors and the stored root stays under the target."""
    gas = local.issue(local.issuance()).gas_used
    print(f"issue: {gas} gas, target {ISSUE_GAS_TARGET}")  # noqa: T201 - shown by pytest -s
    assert gas <= ISSUE_GAS_TARGET


def test_period_is_issued_once(local: Local) -> None:
    """A second issuance of the period is refused with what is stored, whatever it says."""
    issuance = local.issuance()
    local.issue(issuance)
    with pytest.raises(AlreadyIssuedError, match="The statement is issued already") as refused:
        local.issue(replace(issuance, net_g_co2e=1, inputs_root=bytes(32)))
    assert refused.value.stored_root == leaf_of(issuance)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": 0}, "kind is not issued here"),
        ({"kind": 5}, "kind is not issued here"),
        ({"kind": IssuanceKind.REC}, "units have an amount only"),
        ({"kind": IssuanceKind.OFFSET, "net_g_co2e": 0}, "amount is zero"),
        ({"kind": IssuanceKind.OFFSET, "net_g_co2e": -1}, "amount is zero"),
        ({"holder": ZERO_ADDRESS}, "holder is zero"),
        ({"to_month_ym": 202403}, "period is empty"),
        ({"from_month_ym": 202405}, "period is empty"),
    ],
)
def test_issuances_that_are_refused(local: Local, change: dict[str, Any], reason: str) -> None:
    """What this contract does not issue is refused by name, although auditors signed it."""
    with pytest.raises(ChainError, match=rf"The contract refuses; .*; got {reason}"):
        local.issue(local.issuance(**change))


@pytest.mark.parametrize("revision", [0, 2])
def test_only_a_first_revision_is_issued(local: Local, revision: int) -> None:
    """Another revision is superseded with, not issued."""
    issuance = local.issuance(revision=revision)
    envelope = local.envelope(leaf_of(issuance))
    error = refusal(local, "issue", local.words(issuance), envelope.epoch << 64 | envelope.deadline_s, local.compact(envelope))
    assert isinstance(error, ChainError)
    assert "not a first revision" in error.sentence()


def test_signed_figures_cannot_be_changed(local: Local) -> None:
    """Signatures of one statement do not issue another."""
    envelope = local.envelope(leaf_of(local.issuance()))
    words = local.words(local.issuance(net_g_co2e=118_999))
    error = refusal(local, "issue", words, envelope.epoch << 64 | envelope.deadline_s, local.compact(envelope))
    assert isinstance(error, QuorumError)


# ---- anchor ----


def test_anchor_stores_the_batch(local: Local) -> None:
    """Root, count, region, epoch and time are one slot."""
    root = batch_root([leaf_of(local.issuance(number)) for number in range(5)])
    local.anchor(root, count=5)
    batch = local.batch(root)
    assert (batch.count, batch.region, batch.epoch, batch.number) == (5, 0, 1, 0)
    assert batch.anchored_at_s >= local.clock()


def test_anchor_emits_the_root(local: Local) -> None:
    """The event can be found by the root."""
    root = keccak(b"root")
    entry = log_of(local, local.anchor(root).transaction_hash, "Anchored(bytes32)")
    assert entry["topics"][1] == "0x" + root.hex()


@pytest.mark.parametrize("count", [1, 1_000, 100_000])
def test_anchor_gas(local: Local, count: int) -> None:
    """Anchoring any number of issuances with two auditors stays under the target."""
    gas = local.anchor(keccak(b"root"), count=count).gas_used
    print(f"anchor of {count}: {gas} gas, target {ANCHOR_GAS_TARGET}")  # noqa: T201 - shown by pytest -s
    assert gas <= ANCHOR_GAS_TARGET


def test_root_is_anchored_once(local: Local) -> None:
    """A second anchor of a root is refused with the root, so that a caller can take it for done."""
    local.anchor(keccak(b"root"))
    with pytest.raises(AlreadyIssuedError, match="The root is anchored already") as refused:
        local.anchor(keccak(b"root"))
    assert refused.value.stored_root == keccak(b"root")


def test_empty_batch_is_refused(local: Local) -> None:
    """A batch holds at least one issuance."""
    with pytest.raises(ChainError, match="got batch is empty"):
        local.anchor(keccak(b"root"), count=0)


def test_unknown_root(local: Local) -> None:
    """Of a root that was not anchored the chain knows nothing."""
    assert local.client.batch_of(keccak(b"root")) is None
    assert local.client.token(1) is None
    assert local.call("hash_of", 1) == bytes(32)


# ---- quorum ----


def anchor_with(local: Local, signatures: list[tuple[int, int]], **changes: int) -> LedgerError:
    """The error of an anchor with these signatures as they are."""
    return refusal(local, "anchor", *local.terms(local.envelope(keccak(b"root"), **changes)), signatures)


def test_too_few_signatures(local: Local) -> None:
    """One signature is no quorum of two."""
    envelope = local.envelope(keccak(b"root"))
    error = anchor_with(local, local.compact(envelope, local.auditors[:1]))
    assert (type(error), error.got) == (QuorumError, "too few signatures")


def test_no_signature(local: Local) -> None:
    """No signature is no quorum."""
    assert anchor_with(local, []).got == "too few signatures"
    assert local.client.batch_of(keccak(b"root")) is None


def test_same_signer_twice(local: Local) -> None:
    """One auditor cannot sign for two."""
    envelope = local.envelope(keccak(b"root"))
    signature = local.compact(envelope)[0]
    assert anchor_with(local, [signature, signature]).got == "signers are not ascending"


def test_signers_out_of_order(local: Local) -> None:
    """Signers must ascend: that is how the contract sees doubles."""
    envelope = local.envelope(keccak(b"root"))
    assert anchor_with(local, local.compact(envelope)[::-1]).got == "signers are not ascending"


def test_stranger_does_not_count(local: Local) -> None:
    """Three signatures of which one is a stranger's are refused."""
    envelope = local.envelope(keccak(b"root"))
    stranger = AuditorKey.from_bytes(bytes([9]) * 32)
    error = anchor_with(local, local.compact(envelope, (*local.auditors[:2], stranger)))
    assert error.got == "signer is not an auditor of the region"


@pytest.mark.parametrize("region", [1, 191, 192, 200, 255])
def test_auditors_of_another_region(local: Local, region: int) -> None:
    """An auditor signs for its own regions only; quorum and epoch bits of its slot are no regions."""
    envelope = local.envelope(keccak(b"root"), region=region)
    assert anchor_with(local, local.compact(envelope), region=region).got == "signer is not an auditor of the region"


def test_high_s_is_refused(local: Local) -> None:
    """An s above half the order is refused; most do not even fit beside the parity bit of EIP-2098."""
    envelope = local.envelope(keccak(b"root"))
    (r, _), other = local.compact(envelope)
    assert anchor_with(local, [(r, ORDER // 2 + 1), other]).got == "signature has a high s"


def test_signature_of_nobody(local: Local) -> None:
    """A signature that recovers to nobody (address zero) is refused, although zero is not an auditor's slot."""
    assert anchor_with(local, [(5, 1), (5, 1)]).got == "signers are not ascending"


def test_deadline(local: Local) -> None:
    """Signatures hold until their deadline and not a second longer."""
    envelope = local.envelope(keccak(b"root"), deadline_s=int(local.clock()) + 60)
    signatures = local.sign(envelope)
    local.clock.now_s += 61
    with pytest.raises(ExpiredError, match="deadline has passed"):
        local.client.prepare_anchor(local.relayer, envelope, signatures)
    local.clock.now_s -= 1
    assert local.mined(local.client.prepare_anchor(local.relayer, envelope, signatures).raw).is_success


@pytest.mark.parametrize("field", ["count", "region", "method_hash", "deadline_s"])
def test_signed_terms_cannot_be_changed(local: Local, field: str) -> None:
    """Each part of the envelope is signed."""
    envelope = local.envelope(keccak(b"root"))
    value = getattr(envelope, field)
    changed = replace(envelope, **{field: bytes(32) if isinstance(value, bytes) else value + 1})  # type: ignore[arg-type]  # any field
    error = refusal(local, "anchor", *local.terms(changed), local.compact(envelope))
    assert isinstance(error, QuorumError)


def test_former_epoch_is_refused(local: Local) -> None:
    """Signatures of a former epoch are worthless, by the contract's own check too."""
    envelope = local.envelope(keccak(b"root"))
    signatures = local.compact(envelope)
    local.send("start_epoch")
    error = refusal(local, "anchor", *local.terms(envelope), signatures)
    assert (type(error), error.got) == (ExpiredError, "epoch has passed")


# ---- admin ----


def test_removed_auditor_no_longer_counts(local: Local) -> None:
    """A removed auditor's signature is refused, and a new epoch has begun."""
    local.send("set_auditor", local.auditors[0].address, 0)
    envelope = local.envelope(keccak(b"root"))
    assert envelope.epoch == 2
    assert anchor_with(local, local.compact(envelope)).got == "signer is not an auditor of the region"
    assert local.client.auditor_regions(local.auditors[0].address) == 0
    assert len(local.call("auditor_list")) == 2


def test_new_auditor_counts(local: Local) -> None:
    """An auditor that was added signs with those that were there."""
    new = AuditorKey.from_bytes(bytes([7]) * 32)
    local.send("set_auditor", new.address, 0b101)
    envelope = local.envelope(keccak(b"root"))
    signatures = local.sign(envelope, (local.auditors[2], new))
    assert local.mined(local.client.prepare_anchor(local.relayer, envelope, signatures).raw).is_success
    assert local.client.auditor_regions(new.address) == 0b101


def test_quorum_can_be_changed(local: Local) -> None:
    """From then on three signatures are needed, and three are enough."""
    local.send("set_quorum", 3)
    assert (local.client.quorum(), local.client.epoch()) == (3, 2)
    envelope = local.envelope(keccak(b"root"))
    assert anchor_with(local, local.compact(envelope)).got == "too few signatures"
    signatures = local.sign(envelope, local.auditors)
    assert local.mined(local.client.prepare_anchor(local.relayer, envelope, signatures).raw).is_success


@pytest.mark.parametrize("quorum", [0, 9])
def test_impossible_quorum_is_refused(local: Local, quorum: int) -> None:
    """A quorum of none, or of more than a call can carry, is refused."""
    assert refusal(local, "set_quorum", quorum).got == "quorum is not 1 to 8"


def test_region_of_another_bit_is_refused(local: Local) -> None:
    """Regions end where the slot's quorum begins."""
    assert refusal(local, "set_auditor", local.auditors[0].address, 2**192).got == "regions are 0 to 191"


def test_zero_auditor_is_refused(local: Local) -> None:
    """The zero address, which a failed recovery gives, is never an auditor."""
    assert refusal(local, "set_auditor", ZERO_ADDRESS, 1).got == "auditor is zero"


def stranger_with_funds(local: Local) -> RelayerKey:
    """An account that can pay and has no rights."""
    stranger = RelayerKey.from_bytes(bytes([8]) * 32)
    raw, _ = local.relayer.sign_transaction(
        {
            "chainId": local.chain.chain_id,
            "nonce": int(local.chain.request("eth_getTransactionCount", [local.relayer.address, "latest"]), 16),
            "gas": 21_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 0,
            "to": stranger.address,
            "value": 10**18,
            "data": b"",
        }
    )
    assert local.mined(raw).is_success
    return stranger


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("set_auditor", (ZERO_ADDRESS, 1)),
        ("set_quorum", (1,)),
        ("start_epoch", ()),
        ("offer_admin", (ZERO_ADDRESS,)),
    ],
)
def test_stranger_is_not_the_admin(local: Local, function: str, arguments: tuple[Any, ...]) -> None:
    """Only the admin changes auditors, quorum, epoch or admin."""
    assert refusal(local, function, *arguments, sender=stranger_with_funds(local)).got == "not the admin"


def test_admin_is_handed_over_in_two_steps(local: Local) -> None:
    """The new admin must accept; until then the old one stays, and nobody else can take the place."""
    stranger = stranger_with_funds(local)
    assert refusal(local, "accept_admin", sender=stranger).got == "not the offered admin"
    local.send("offer_admin", stranger.address)
    assert local.call("admin") == local.relayer.address.lower()
    local.send("accept_admin", sender=stranger)
    assert local.call("admin") == stranger.address.lower()
    assert refusal(local, "start_epoch").got == "not the admin"


def test_anybody_may_send(local: Local) -> None:
    """Whoever pays, the signatures decide: a stranger can anchor what auditors signed."""
    stranger = stranger_with_funds(local)
    envelope = local.envelope(keccak(b"root"))
    assert local.mined(local.client.prepare_anchor(stranger, envelope, local.sign(envelope)).raw).is_success


# ---- ERC-1155, ERC-165, ERC-5267 ----


@pytest.mark.parametrize(
    ("interface", "is_supported"),
    [("01ffc9a7", True), ("d9b67a26", True), ("0e89341c", True), ("ffffffff", False), ("80ac58cd", False)],
)
def test_supported_interfaces(local: Local, interface: str, is_supported: bool) -> None:  # noqa: FBT001 - parametrised
    """ERC-165, ERC-1155 and its metadata are supported; ERC-721 is not."""
    assert local.call("supportsInterface", bytes.fromhex(interface)) is is_supported


def test_selectors_are_the_standards() -> None:
    """The functions of ERC-1155 have their standard types, by their selectors."""
    wanted = {
        "balanceOf(address,uint256)": "00fdd58e",
        "balanceOfBatch(address[],uint256[])": "4e1273f4",
        "setApprovalForAll(address,bool)": "a22cb465",
        "isApprovedForAll(address,address)": "e985e9c5",
        "safeTransferFrom(address,address,uint256,uint256,bytes)": "f242432a",
        "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)": "2eb2c2d6",
        "uri(uint256)": "0e89341c",
        "supportsInterface(bytes4)": "01ffc9a7",
    }
    declared = {
        f"{entry['name']}({','.join(part['type'] for part in entry['inputs'])})"
        for entry in load_artifact().abi
        if entry["type"] == "function"
    }
    assert set(wanted) <= declared
    assert {text: keccak(text.encode()).hex()[:8] for text in wanted} == wanted


def test_token_cannot_be_transferred(local: Local) -> None:
    """A debt stays with its account: transfers are refused."""
    issuance = local.issuance(holder=local.relayer.address)
    local.issue(issuance)
    me, other, token = local.relayer.address, local.auditors[0].address, token_id(issuance)
    assert refusal(local, "safeTransferFrom", me, other, token, 1, b"").got == "token is account-bound"
    assert refusal(local, "safeBatchTransferFrom", me, other, [token], [1], b"").got == "token is account-bound"
    assert local.call("locked", token) is True
    assert local.call("locked", 1) is False


def test_balances_of_a_batch(local: Local) -> None:
    """Each pair is answered as `balanceOf` would."""
    issuance = local.issuance()
    local.issue(issuance)
    holder, token = holder_and_id(issuance)
    owners, ids = [holder, local.relayer.address, holder], [token, token, 1]
    assert list(local.call("balanceOfBatch", owners, ids)) == [119_000, 0, 0]


def test_balances_need_pairs(local: Local) -> None:
    """Lists of different length are refused."""
    with pytest.raises(ChainError, match="lengths differ"):
        local.call("balanceOfBatch", [local.relayer.address], [])


def test_nobody_holds_what_does_not_exist(local: Local) -> None:
    """The zero address has no balance of a missing token."""
    assert local.call("balanceOf", ZERO_ADDRESS, 1) == 0


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (IssuanceKind.AUDITED_EMISSIONS, "Audited net emissions"),
        (IssuanceKind.SELF_DECLARED_EMISSIONS, "Self-declared net emissions"),
    ],
)
def test_metadata(local: Local, kind: IssuanceKind, name: str) -> None:
    """`uri` is a data URI with JSON that says name, decimals, kind, net grams, and under which root the statement stands."""
    issuance = local.issuance(kind=kind)
    local.issue(issuance)
    media_type, _, text = local.call("uri", token_id(issuance)).partition(",")
    metadata = json.loads(unquote(text))
    assert media_type == "data:application/json"
    assert (metadata["name"], metadata["decimals"]) == (name, 0)
    assert metadata["properties"] == {
        "kind": int(kind),
        "net_g_co2e": "119000",
        "batch": "0",
        "root": "0x" + leaf_of(issuance).hex(),
    }


def test_longest_metadata_fits(local: Local) -> None:
    """The largest figure does not overflow the URI."""
    issuance = local.issuance(kind=IssuanceKind.SELF_DECLARED_EMISSIONS, net_g_co2e=2**63 - 1)
    local.issue(issuance)
    text = unquote(local.call("uri", token_id(issuance)).partition(",")[2])
    assert json.loads(text)["properties"]["net_g_co2e"] == str(2**63 - 1)


def test_signing_domain_is_published(local: Local) -> None:
    """ERC-5267: the fields that the domain separator is made of."""
    data = local.client._encode("eip712Domain")  # noqa: SLF001 - seven values, which the client never reads
    answer = local.chain.request("eth_call", [{"to": local.client.contract, "data": "0x" + data.hex()}, "latest"])
    types = ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"]
    fields, name, version, chain_id, contract, salt, extensions = decode(types, bytes.fromhex(answer[2:]))
    assert (fields, name, version, chain_id) == (b"\x0f", "Climate Statements", "1", local.chain.chain_id)
    assert (contract, salt, extensions) == (local.client.contract.lower(), bytes(32), ())


def test_version(local: Local) -> None:
    """The contract says its version."""
    assert local.client.contract_version() == "2.0.0"


def test_contract_as_holder_is_not_called(local: Local) -> None:
    """A contract that is named as holder gets its token without a callback (see the contract's note)."""
    issuance = local.issuance(holder=local.client.contract)
    assert local.issue(issuance).is_success
    assert local.call("balanceOf", local.client.contract, token_id(issuance)) == 119_000


# ---- invariants ----


def test_invariants_under_random_calls(local: Local) -> None:
    """Whatever is issued or anchored in whatever order: one token per key, its first statement, net above zero."""

    class Statements(RuleBasedStateMachine):
        """Random issues and anchors of few subjects, so that doubles are common."""

        @initialize()
        def begin(self) -> None:
            """A fresh range of subjects, as the chain outlives one example."""
            self.first = int(local.chain.request("eth_blockNumber", []), 16) * 1000
            self.issued: dict[int, Issuance] = {}
            self.roots: set[bytes] = set()

        @rule(
            subject=st.integers(0, 2),
            net_g_co2e=st.sampled_from((-(2**63), -1, 0, 1, 119_000, 2**63 - 1)),
            kind=st.sampled_from((IssuanceKind.AUDITED_EMISSIONS, IssuanceKind.SELF_DECLARED_EMISSIONS)),
        )
        def issue(self, subject: int, net_g_co2e: int, kind: IssuanceKind) -> None:
            """Issue; the second one of a key is refused with what the first one stored."""
            issuance = local.issuance(self.first + subject, net_g_co2e=net_g_co2e, kind=kind)
            if token_id(issuance) in self.issued:
                with pytest.raises(AlreadyIssuedError) as refused:
                    local.issue(issuance)
                assert refused.value.stored_root == leaf_of(self.issued[token_id(issuance)])
            else:
                assert local.issue(issuance).is_success
                self.issued[token_id(issuance)] = issuance

        @rule(number=st.integers(0, 2))
        def anchor(self, number: int) -> None:
            """Anchor; the second time is refused."""
            root = keccak(b"root %d %d" % (self.first, number))
            if root in self.roots:
                with pytest.raises(AlreadyIssuedError):
                    local.anchor(root)
            else:
                assert local.anchor(root).is_success
                self.roots.add(root)

        @invariant()
        def stored(self) -> None:
            """Every token is what its first statement said."""
            for token, issuance in self.issued.items():
                assert local.call("balanceOf", *holder_and_id(issuance)) == max(issuance.net_g_co2e, 0)
                assert local.call("hash_of", token) == leaf_of(issuance)

    run_state_machine_as_test(
        Statements,
        settings=settings(
            max_examples=12,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
