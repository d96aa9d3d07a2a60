"""Batches: many statements in one call, and statements claimed from an anchored root."""

from dataclasses import replace

import pytest
from eth_abi.abi import decode

from domain.issuance import ZERO_ADDRESS, IssuanceKind
from ledger.issuance import batch_proofs, batch_root, keccak, leaf_of, pack_item, token_id
from tests.ledger.contract.scene import (
    AUDITORS,
    METHOD_HASH,
    PEOPLE,
    SENDERS,
    TRANSFER_SINGLE,
    Scene,
    auditor,
    by_leaf,
    issuance,
    root_of,
    unit,
    words,
)

ISSUED = "Issued(uint256,bytes32,bytes32,bytes32,int64,int64,uint64,int64)"


# ---- issue_many ----


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 100, 128])
def test_batch_is_anchored_and_issued(scene: Scene, count: int) -> None:
    """The root is the standard tree's, and every token names it, whatever the size of the batch."""
    batch = by_leaf([issuance(number) for number in range(count)])
    outcome = scene.issue_many(batch)
    assert outcome.is_done, outcome.reason
    assert outcome.gas < 2**24
    assert scene.view("batch_of", root_of(batch))[:4] == (1, 0, count, 1)
    assert len(outcome.events(ISSUED)) == len(outcome.events(TRANSFER_SINGLE)) == count
    for one in batch[:: max(1, count // 5)]:
        assert scene.view("hash_of", token_id(one)) == root_of(batch)
        assert scene.view("token_of", token_id(one)) == (one.holder.lower(), 119_000, 3, 1, 1)
        assert scene.balance(one.holder, one) == 119_000


def test_batch_events_say_what_a_single_issue_says(scene: Scene) -> None:
    """Each statement of a batch has the events of an issue, with the batch's root."""
    batch = by_leaf([issuance(1), issuance(2, net_g_co2e=-5)])
    outcome = scene.issue_many(batch, PEOPLE[1])
    transfers = {words[-1]: words for words, _ in outcome.events(TRANSFER_SINGLE)}
    assert len(transfers) == 1
    issued = {indexed[0]: data for indexed, data in outcome.events(ISSUED)}
    for one in batch:
        data = issued[token_id(one)]
        assert data[:96] == root_of(batch) + one.inputs_root + one.manifest_hash
        assert int.from_bytes(data[-32:], "big", signed=True) == one.net_g_co2e
    assert outcome.events("Anchored(bytes32)") == [([int.from_bytes(root_of(batch), "big")], b"")]


@pytest.mark.parametrize("is_reversed", [True, False])
def test_leaves_must_ascend(scene: Scene, is_reversed: bool) -> None:  # noqa: FBT001 - parametrised
    """Another order or a statement twice is refused; nothing of the batch is kept."""
    one, other = by_leaf([issuance(1), issuance(2)])
    batch = [other, one] if is_reversed else [one, one]
    assert scene.issue_many(batch).reason == "leaves are not ascending"
    assert scene.view("hash_of", token_id(one)) == bytes(32)


def test_empty_batch(scene: Scene) -> None:
    """A batch of nothing is refused."""
    assert scene.issue_many([]).reason == "batch is empty"


def test_more_than_128_are_refused(scene: Scene) -> None:
    """The bound of the array is the contract's own."""
    assert not scene.issue_many(by_leaf([issuance(number) for number in range(129)])).is_done


@pytest.mark.parametrize("change", [{"region": 1}, {"method_hash": bytes(32)}])
def test_batch_is_of_one_region_and_method(scene: Scene, change: dict[str, object]) -> None:
    """A statement of another region or method does not travel with a batch, although its root was signed."""
    batch = by_leaf([issuance(1), replace(issuance(2), **change)])  # type: ignore[arg-type]  # any field
    envelope = scene.envelope(root_of(batch), 2)
    outcome = scene.call(PEOPLE[0], "issue_many", *scene.batch(envelope, batch), scene.deadline(), scene.signatures(envelope))
    assert outcome.reason in {"root is not the batch's", "leaves are not ascending"}
    assert scene.status(batch[0]) == 0


@pytest.mark.parametrize(("region", "method_hash"), [(1, METHOD_HASH), (0, bytes(32))])
def test_envelope_is_the_batchs(scene: Scene, region: int, method_hash: bytes) -> None:
    """Signatures for one region and method do not issue a batch of another."""
    batch = by_leaf([replace(issuance(number), region=region, method_hash=method_hash) for number in (1, 2)])
    signed = scene.signatures(scene.envelope(root_of(batch), 2))
    given = (root_of(batch), region, method_hash, [pack_item(one) for one in batch])
    assert not scene.call(PEOPLE[0], "issue_many", *given, scene.deadline(), signed).is_done


def test_batch_needs_its_quorum(scene: Scene) -> None:
    """Signatures of one batch do not issue another; too few and too late are refused."""
    batch = by_leaf([issuance(1), issuance(2)])
    envelope = scene.envelope(root_of(batch), 2)
    other = scene.signatures(scene.envelope(keccak(b"another"), 2))
    refused = scene.call(PEOPLE[0], "issue_many", *scene.batch(envelope, batch), scene.deadline(), other)
    assert refused.reason in {"signer is not an auditor of the region", "signers are not ascending"}
    few = scene.signatures(envelope, AUDITORS[:1])
    refused = scene.call(PEOPLE[0], "issue_many", *scene.batch(envelope, batch), scene.deadline(), few)
    assert refused.reason == "too few signatures"
    late = scene.envelope(root_of(batch), 2, deadline_s=1)
    refused = scene.call(PEOPLE[0], "issue_many", *scene.batch(late, batch), scene.deadline(1), scene.signatures(late))
    assert refused.reason == "deadline has passed"


def test_root_must_be_the_batchs(scene: Scene) -> None:
    """Signatures of a root that the statements do not have issue nothing: one left out, one changed, one more."""
    batch = by_leaf([issuance(number) for number in range(4)])
    envelope = scene.envelope(root_of(batch), 4)
    for given in (batch[:3], by_leaf([*batch[:3], issuance(9)]), by_leaf([*batch, issuance(9)])):
        signed = scene.envelope(root_of(batch), len(given))
        outcome = scene.call(PEOPLE[0], "issue_many", *scene.batch(envelope, given), scene.deadline(), scene.signatures(signed))
        assert outcome.reason == "root is not the batch's"
    assert scene.view("batch_of", envelope.root)[4] == 0


def test_batch_is_issued_once(scene: Scene) -> None:
    """The same batch again, and an anchored batch, are refused."""
    batch = by_leaf([issuance(1), issuance(2)])
    assert scene.issue_many(batch).is_done
    assert scene.issue_many(batch).reason == "already anchored"
    assert scene.anchor(batch).reason == "already anchored"


def test_one_bad_statement_refuses_the_batch(scene: Scene) -> None:
    """A statement that is issued already, or cannot be, refuses all: nothing is issued half."""
    scene.issue(issuance(1))
    batch = by_leaf([replace(issuance(1), net_g_co2e=5), issuance(2)])
    assert scene.issue_many(batch).reason == "already issued"
    batch = by_leaf([replace(issuance(3), holder=ZERO_ADDRESS), issuance(2)])
    assert scene.issue_many(batch).reason == "holder is zero"
    assert scene.status(issuance(2)) == 0


def test_two_statements_of_one_period_in_a_batch(scene: Scene) -> None:
    """Two statements of one token id cannot be in one batch that is issued."""
    batch = by_leaf([issuance(1), replace(issuance(1), net_g_co2e=5)])
    assert scene.issue_many(batch).reason == "already issued"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": 0}, "kind is not issued here"),
        ({"kind": 5}, "kind is not issued here"),
        ({"revision": 0}, "revision is zero"),
        ({"to_month_ym": 202403}, "period is empty"),
        ({"kind": IssuanceKind.REC}, "units have an amount only"),
    ],
)
def test_statements_that_no_entry_takes(scene: Scene, change: dict[str, int], reason: str) -> None:
    """What `issue` refuses, a batch and a claim refuse too."""
    bad = replace(issuance(1), **change)  # type: ignore[arg-type]  # any field
    assert scene.issue_many([bad]).reason == reason
    assert scene.anchor([bad]).is_done
    assert scene.claim([bad], 0).reason == reason


# ---- claim ----


@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_statement_is_claimed(scene: Scene, count: int) -> None:
    """Anybody brings a statement of an anchored batch to its holder."""
    batch = [issuance(number) for number in range(count)]
    scene.anchor(batch)
    outcome = scene.claim(batch, count // 2, PEOPLE[2])
    assert outcome.is_done, outcome.reason
    one = batch[count // 2]
    assert scene.view("token_of", token_id(one)) == (PEOPLE[0].address.lower(), 119_000, 3, 1, 1)
    assert scene.view("hash_of", token_id(one)) == root_of(batch)
    assert scene.view("batch_of", root_of(batch))[:3] == (1, 0, count)
    ((indexed, data),) = outcome.events(ISSUED)
    assert (indexed, data[:32]) == ([token_id(one)], root_of(batch))


def test_claim_again_is_done_already(scene: Scene) -> None:
    """A second claim changes nothing, says nothing and is not refused."""
    batch = [issuance(1), issuance(2)]
    scene.anchor(batch)
    scene.claim(batch, 0)
    again = scene.claim(batch, 0, PEOPLE[1])
    assert (again.is_done, again.logs) == (True, ())


def test_batches_are_numbered_as_they_are_claimed(scene: Scene) -> None:
    """The first token that names a batch gives it its number."""
    batches = [[issuance(10 * group + number) for number in range(3)] for group in range(3)]
    for batch in batches:
        scene.anchor(batch)
    for batch in (batches[2], batches[0], batches[0], batches[2]):
        for index in range(2):
            assert scene.claim(batch, index).is_done
    assert [scene.view("batch_of", root_of(batch))[0] for batch in batches] == [2, 0, 1]


def test_claim_after_issue_many_is_done(scene: Scene) -> None:
    """What a batch issued at once, a claim finds."""
    batch = by_leaf([issuance(1), issuance(2), issuance(3)])
    scene.issue_many(batch)
    again = scene.claim(batch, 1)
    assert (again.is_done, again.logs) == (True, ())


@pytest.mark.parametrize("is_issued_first", [True, False])
def test_issued_alone_and_claimed(scene: Scene, is_issued_first: bool) -> None:  # noqa: FBT001 - parametrised
    """A statement that was issued alone cannot be claimed from a batch, nor the other way round."""
    batch = [issuance(1), issuance(2)]
    scene.anchor(batch)
    if is_issued_first:
        scene.issue(issuance(1))
        assert scene.claim(batch, 0).reason == "already issued"
    else:
        scene.claim(batch, 0)
        assert scene.issue(issuance(1)).reason == "already issued"
        assert scene.issue_many([issuance(1)]).reason == "already issued"


def test_other_figures_of_a_claimed_statement(scene: Scene) -> None:
    """Another statement of the period is refused, from another batch and from the same one."""
    first = [issuance(1), issuance(2)]
    changed = [replace(issuance(1), net_g_co2e=5), replace(issuance(1), holder=PEOPLE[1].address), issuance(1)]
    scene.anchor(first)
    scene.anchor(changed)
    scene.claim(first, 0)
    assert [scene.claim(changed, index).reason for index in range(3)] == ["already issued"] * 3
    scene.claim(changed, 0)
    mixed = [issuance(5), replace(issuance(5), net_g_co2e=7), replace(issuance(5), holder=PEOPLE[1].address)]
    scene.anchor(mixed)
    assert [scene.claim(mixed, index).reason for index in range(3)] == ["", "already issued", "already issued"]


def test_claims_that_are_refused(scene: Scene) -> None:
    """An unknown root, a changed figure, another's proof, a proof too short or too long, a node as a leaf."""
    batch = [issuance(number) for number in range(5)]
    root, proofs = batch_proofs([leaf_of(one) for one in batch])
    proof = list(proofs[leaf_of(batch[0])])
    assert scene.claim_with(root, batch[0], proof).reason == "not anchored"
    scene.anchor(batch)
    for changed in (replace(batch[0], net_g_co2e=1), replace(batch[0], holder=PEOPLE[1].address), batch[1]):
        assert scene.claim_with(root, changed, proof).reason == "statement is not in the batch"
    for wrong in ([], proof[:-1], [*proof, root], [bytes(32), *proof[1:]], proof[::-1]):
        assert scene.claim_with(root, batch[0], wrong).reason == "statement is not in the batch"
    assert not scene.claim_with(root, batch[0], [bytes(32)] * 33).is_done
    assert scene.claim_with(root, replace(batch[0], method_hash=bytes(32)), proof).reason == "statement is not in the batch"
    assert scene.claim_with(root, batch[0], proof).is_done


def test_packed_words_are_exact(scene: Scene) -> None:
    """The largest and the least of each field arrive; a bit above the last field is refused."""
    for number, (low, high) in enumerate(((-(2**63), 2**63 - 1), (2**63 - 1, -(2**63)), (-1, 0))):
        one = issuance(
            number,
            from_month_ym=0,
            to_month_ym=2**32 - 1,
            gross_location_g_co2e=low,
            gross_market_g_co2e=high,
            retired_g_co2e=2**64 - 1 - number,
            net_g_co2e=low,
        )
        batch = [one, issuance(50 + number)]
        scene.anchor(batch)
        outcome = scene.claim(batch, 0)
        assert outcome.is_done, outcome.reason
        ((_, data),) = outcome.events(ISSUED)
        amounts = decode(["int64", "int64", "uint64", "int64"], data[96:])
        assert amounts == (low, high, 2**64 - 1 - number, low)
    batch = [issuance(90), issuance(91)]
    scene.anchor(batch)
    root, proofs = batch_proofs([leaf_of(one) for one in batch])
    terms, *rest = pack_item(batch[0])
    proof = list(proofs[leaf_of(batch[0])])
    assert not scene.call(PEOPLE[0], "claim", root, METHOD_HASH, (terms | 1 << 248, *rest), proof).is_done
    assert scene.call(PEOPLE[0], "claim", root, METHOD_HASH, (terms, *rest), proof).is_done


def test_batch_of_another_region(scene: Scene) -> None:
    """A statement of one region in a batch of another cannot be claimed: its region is the batch's."""
    batch = [issuance(1), issuance(2, region=1)]
    scene.anchor(batch)
    assert scene.claim(batch, 1).reason == "statement is not in the batch"


def test_person_is_anchored_not_claimed(scene: Scene) -> None:
    """A statement without holder stays under its root."""
    batch = [issuance(1, holder=ZERO_ADDRESS), issuance(2)]
    scene.anchor(batch)
    assert scene.claim(batch, 0).reason == "holder is zero"


def test_claims_of_other_regions(scene: Scene) -> None:
    """A batch of another region is claimed under that region's auditors."""
    batch = [issuance(1, region=2), issuance(2, region=2)]
    assert scene.anchor(batch).is_done
    assert scene.claim(batch, 0).is_done
    assert scene.issue(issuance(3, region=1)).is_done
    envelope = scene.envelope(leaf_of(issuance(4, region=1)), 1, region=1)
    signed = scene.signatures(envelope, [AUDITORS[0], auditor(104)])
    assert (
        scene.call(SENDERS[0], "issue", words(issuance(4, region=1)), scene.deadline(), signed).reason
        == "signer is not an auditor of the region"
    )


def test_signatures_of_another_chain_or_contract(scene: Scene) -> None:
    """What was signed for another chain or another contract is worth nothing here."""
    one = issuance(1)
    envelope = scene.envelope(leaf_of(one), 1)
    for field, value in (("chain_id", 1), ("contract", PEOPLE[0].address)):
        former = getattr(scene, field)
        setattr(scene, field, value)
        signed = scene.signatures(envelope)
        setattr(scene, field, former)
        refused = scene.call(SENDERS[0], "issue", words(one), scene.deadline(), signed)
        assert refused.reason in {"signer is not an auditor of the region", "signers are not ascending"}
    assert scene.status(one) == 0


def test_root_of_a_batch_of_one_is_one_thing(scene: Scene) -> None:
    """A batch of one has the same root in all entries, so one signature serves whichever comes first, once."""
    one = issuance(1)
    assert batch_root([leaf_of(one)]) == leaf_of(one)
    assert scene.issue_many([one]).is_done
    assert scene.issue(one).reason == "already issued"
    assert scene.anchor([one]).reason == "already anchored"
    other = unit(2)
    assert scene.anchor([other]).is_done
    assert scene.issue(other).is_done
    assert scene.claim([other], 0).reason == "already issued"
