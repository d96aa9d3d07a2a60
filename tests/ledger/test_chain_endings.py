"""The chain client's calls that end something, or issue many: planned, signed, mined, and refused by name."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from domain.errors import AlreadyDoneError, AlreadyIssuedError, ChainError, ExpiredError, LedgerError, QuorumError
from domain.issuance import Issuance, IssuanceKind, Revocation
from ledger.chain import CANCEL_GAS, ChainClient, PlannedCall, Receipt, entry_of
from ledger.fees import Fees
from ledger.issuance import batch_proof, batch_root, leaf_of, reason_hash, take_token, token_id
from ledger.signing import AuditorKey, digest_of_revocation, recover_signer, sign_revocation
from ledger.transactions import decode_signed
from tests.ledger.local_chain import HOLDER, Local

HOUR_S = 3600
BENEFICIARY = bytes(range(32))


def done(local: Local, call: PlannedCall) -> Receipt:
    """The receipt of a planned call that is sent now."""
    receipt = local.mined(local.client.sign(local.relayer, call, nonce=call.chain_nonce).raw)
    assert receipt.is_success
    return receipt


def plan_issue(local: Local, issuance: Issuance) -> PlannedCall:
    """One statement, signed."""
    envelope = local.envelope(leaf_of(issuance))
    return local.client.plan_issue(local.relayer.address, issuance, envelope, local.sign(envelope))


def revocation(local: Local, issuance: Issuance, **changes: Any) -> Revocation:  # noqa: ANN401 - any field
    """A revocation that the contract would take now."""
    until = int(local.clock()) + HOUR_S
    return replace(Revocation(token_id(issuance), 0, b"r" * 32, until, local.client.epoch()), **changes)


def plan_revoke(local: Local, said: Revocation, signers: Sequence[AuditorKey] = ()) -> PlannedCall:
    """It, signed."""
    signatures = [
        sign_revocation(key, said, chain_id=local.chain.chain_id, contract=local.client.contract)
        for key in signers or local.auditors[:2]
    ]
    return local.client.plan_revoke(local.relayer.address, said, signatures)


def many(local: Local, issuances: Sequence[Issuance]) -> PlannedCall:
    """Several statements, signed."""
    envelope = local.envelope(batch_root([leaf_of(one) for one in issuances]), count=len(issuances))
    return local.client.plan_issue_many(local.relayer.address, issuances, envelope, local.sign(envelope))


def statuses(local: Local, issuances: Sequence[Issuance]) -> list[int | None]:
    """The contract's status of each; None: it knows nothing of it."""
    found = [local.client.token(token_id(one)) for one in issuances]
    return [None if one is None else one.status for one in found]


def test_restatement_supersedes(local: Local) -> None:
    """Revision 2 goes by the entry that takes the former token's place."""
    first, second = local.issuance(), local.issuance(revision=2, net_g_co2e=5)
    done(local, plan_issue(local, first))
    done(local, plan_issue(local, second))
    assert statuses(local, (first, second)) == [2, 1]
    assert (local.client.balance_of(HOLDER, token_id(first)), local.client.balance_of(HOLDER, token_id(second))) == (0, 5)


def test_first_that_comes_after_its_restatement(local: Local) -> None:
    """Its place is taken without a token: refused with what happened, and no root that could be taken for success."""
    done(local, plan_issue(local, local.issuance(revision=2)))
    with pytest.raises(AlreadyIssuedError, match="A newer revision took the statement's place") as refused:
        plan_issue(local, local.issuance())
    assert refused.value.stored_root == bytes(32)


def test_superseded_token_is_found_as_it_was(local: Local) -> None:
    """A token that was issued and superseded since names its root: whoever restores a backup finds that it was done."""
    first = local.issuance()
    done(local, plan_issue(local, first))
    done(local, plan_issue(local, local.issuance(revision=2)))
    with pytest.raises(AlreadyIssuedError) as refused:
        plan_issue(local, first)
    assert refused.value.stored_root == leaf_of(first)


def test_many_are_issued_at_once(local: Local) -> None:
    """In any order they are given: all tokens, one root."""
    issuances = [local.issuance(number) for number in range(1, 6)]
    receipt = done(local, many(local, issuances))
    assert statuses(local, issuances) == [1] * 5
    assert {local.token(one).root for one in issuances} == {batch_root([leaf_of(one) for one in issuances])}
    assert receipt.gas_used < 5 * 70_000


def test_many_of_which_one_is_taken(local: Local) -> None:
    """The root is not there: no success. Anchored, it is; and what is left is claimed, again without harm."""
    issuances = [local.issuance(number) for number in range(1, 4)]
    done(local, plan_revoke(local, revocation(local, issuances[1])))
    with pytest.raises(AlreadyIssuedError, match="A statement of the batch is issued or ended already") as refused:
        many(local, issuances)
    assert refused.value.stored_root == bytes(32)
    leaves = [leaf_of(one) for one in issuances]
    root = batch_root(leaves)
    local.anchor(root, count=3)
    with pytest.raises(AlreadyIssuedError, match="The root is anchored already") as there:
        many(local, issuances)
    assert there.value.stored_root == root
    for one in (issuances[0], issuances[2], issuances[0]):
        done(local, local.client.plan_claim(local.relayer.address, root, one, batch_proof(leaves, leaf_of(one))))
    assert statuses(local, issuances) == [1, 3, 1]


def test_statement_of_another_batch_is_not_claimed(local: Local) -> None:
    """Refused before the node is asked."""
    with pytest.raises(LedgerError, match="This statement is not in the batch"):
        local.client.plan_claim(local.relayer.address, bytes(32), local.issuance(), ())


def test_revoked_for_good(local: Local) -> None:
    """A token that is revoked can be neither revoked again, which is success, nor issued."""
    issuance = local.issuance()
    done(local, plan_issue(local, issuance))
    done(local, plan_revoke(local, revocation(local, issuance)))
    assert (statuses(local, [issuance]), local.client.balance_of(HOLDER, token_id(issuance))) == ([3], 0)
    with pytest.raises(AlreadyDoneError, match="The statement is revoked already"):
        plan_revoke(local, revocation(local, issuance))
    with pytest.raises(AlreadyIssuedError, match="The statement is revoked"):
        plan_issue(local, issuance)


def test_revocation_that_is_not_taken(local: Local) -> None:
    """Late, of another epoch or region, by too few, by a stranger, replayed from another contract, or of a superseded token."""
    first = local.issuance()
    done(local, plan_issue(local, first))
    with pytest.raises(ExpiredError, match="The contract refuses"):
        plan_revoke(local, revocation(local, first, deadline_s=int(local.clock()) - HOUR_S))
    with pytest.raises(ExpiredError, match=r"expected epoch 1; got epoch 9"):
        plan_revoke(local, revocation(local, first, epoch=9))
    with pytest.raises(ChainError, match="token is of another region"):
        plan_revoke(local, revocation(local, first, region=1))
    with pytest.raises(QuorumError, match="too few signatures"):
        plan_revoke(local, revocation(local, first), signers=local.auditors[:1])
    with pytest.raises(QuorumError, match="signer is not an auditor"):
        plan_revoke(local, revocation(local, first), signers=[local.auditors[0], AuditorKey.from_bytes(bytes([9]) * 32)])
    said = revocation(local, first)
    elsewhere = [sign_revocation(key, said, chain_id=1, contract=local.client.contract) for key in local.auditors[:2]]
    with pytest.raises(QuorumError):
        local.client.plan_revoke(local.relayer.address, said, elsewhere)
    done(local, plan_issue(local, local.issuance(revision=2)))
    with pytest.raises(ChainError, match="token is not active"):
        plan_revoke(local, revocation(local, first))
    assert statuses(local, [first]) == [2]


def test_units_are_retired_once(local: Local) -> None:
    """For a beneficiary that was served it is done already; more than there is, is refused."""
    offset = local.issuance(
        kind=IssuanceKind.OFFSET,
        holder=local.relayer.address,
        gross_location_g_co2e=0,
        gross_market_g_co2e=0,
        retired_g_co2e=0,
        net_g_co2e=1000,
    )
    done(local, plan_issue(local, offset))
    number, payer = token_id(offset), local.relayer.address
    done(local, local.client.plan_retire(payer, number, 400, BENEFICIARY))
    assert (local.client.retired_of(number, BENEFICIARY), local.client.balance_of(payer, number)) == (400, 600)
    with pytest.raises(AlreadyDoneError, match="These units are retired already"):
        local.client.plan_retire(payer, number, 400, BENEFICIARY)
    with pytest.raises(ChainError, match="balance is too small"):
        local.client.plan_retire(payer, number, 601, bytes(31) + b"\1")


def test_nothing_in_place_of_a_call(local: Local) -> None:
    """The same nonce, both fees higher, to oneself, no value, no data, no more gas than that takes; not above the ceiling."""
    call = plan_issue(local, local.issuance())
    waiting = local.client.sign(local.relayer, replace(call, fees=Fees(8 * 10**9, 10**9)), nonce=call.chain_nonce)
    signed = local.client.cancel(local.relayer, waiting.raw)
    assert signed is not None
    found, former = decode_signed(signed.raw), decode_signed(waiting.raw)
    assert (found.nonce, found.to, found.value_wei, found.data) == (former.nonce, local.relayer.address, 0, b"")
    assert found.gas == CANCEL_GAS
    assert found.max_fee_wei * 1000 >= former.max_fee_wei * 1125
    assert found.tip_wei * 1000 >= former.tip_wei * 1125
    assert local.mined(signed.raw).is_success
    assert statuses(local, [local.issuance()]) == [None]
    bounded = ChainClient(local.chain, contract=local.client.contract, fee_ceiling_wei=8 * 10**9)
    assert bounded.cancel(local.relayer, waiting.raw) is None


def test_one_token_of_two_leaves(local: Local) -> None:
    """Another figure of one subject, kind, period and revision is another leaf of one token: refused; the same leaf is not."""
    first, other = local.issuance(), local.issuance(net_g_co2e=1)
    assert token_id(first) == token_id(other)
    taken: dict[int, bytes] = {}
    for one in (first, local.issuance(2), local.issuance(revision=2), first):
        take_token(taken, one, leaf_of(one))
    assert len(taken) == 3
    with pytest.raises(LedgerError, match=f"got leaves {leaf_of(first).hex()} and {leaf_of(other).hex()}"):
        take_token(taken, other, leaf_of(other))


def test_calls_are_known_by_their_entry(local: Local) -> None:
    """Calldata name the contract's function that they are for."""
    issuances = [local.issuance(number) for number in (1, 2)]
    assert entry_of(many(local, issuances).data) == "issue_many"
    assert entry_of(plan_issue(local, issuances[0]).data) == "issue"
    assert entry_of(plan_issue(local, local.issuance(revision=2)).data) == "supersede"
    assert entry_of(plan_revoke(local, revocation(local, issuances[0])).data) == "revoke"
    assert [entry_of(data) for data in (b"", b"\0\0\0\0", b"\x12")] == ["", "", ""]


def test_reason_is_salted() -> None:
    """What the chain is told of a reason is SHA-256(04 || salt || reason): the same words under another salt are another hash."""
    assert reason_hash(b"s" * 32, "Wrong mètre.") == sha256(b"\x04" + b"s" * 32 + "Wrong mètre.".encode()).digest()


def test_revocation_is_signed_for_one_contract(local: Local) -> None:
    """The signature is of the digest that the contract computes."""
    said = revocation(local, local.issuance())
    digest = digest_of_revocation(said, chain_id=local.chain.chain_id, contract=local.client.contract)
    until = said.epoch << 64 | said.deadline_s
    assert digest == local.call("revocation_digest", said.token_id, said.region, said.reason_hash, until)
    key = local.auditors[0]
    signature = sign_revocation(key, said, chain_id=local.chain.chain_id, contract=local.client.contract)
    assert recover_signer(digest, signature) == key.address
