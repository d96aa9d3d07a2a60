"""Restated and withdrawn statements, and the pause: nothing that ended comes to life again."""

from dataclasses import replace

import pytest

from domain.issuance import Issuance, IssuanceKind
from ledger.issuance import batch_proofs, keccak, leaf_of, token_id
from tests.ledger.contract.scene import (
    ADMIN,
    AUDITORS,
    PEOPLE,
    TRANSFER_SINGLE,
    Scene,
    auditor,
    by_leaf,
    issuance,
    root_of,
    unit,
    words,
)

SUPERSEDED = "Superseded(uint256,uint256)"
REVOKED = "Revoked(uint256,bytes32)"
ACTIVE, IS_SUPERSEDED, IS_REVOKED = 1, 2, 3


def restated(one: Issuance, revision: int = 2) -> Issuance:
    """The statement with other figures and a later revision."""
    return replace(one, revision=revision, net_g_co2e=one.net_g_co2e + revision, manifest_hash=keccak(b"restated"))


# ---- supersede ----


def test_restatement_takes_the_place(scene: Scene) -> None:
    """The former token ends with its figures readable, the new one is active, one burn and one issue are logged."""
    one, new = issuance(1), restated(issuance(1))
    scene.issue(one)
    outcome = scene.supersede(new)
    assert outcome.is_done, outcome.reason
    assert (scene.status(one), scene.status(new)) == (IS_SUPERSEDED, ACTIVE)
    assert (scene.balance(one.holder, one), scene.balance(new.holder, new)) == (0, 119_002)
    assert scene.view("token_of", token_id(one))[:2] == (one.holder.lower(), 119_000)
    assert scene.view("hash_of", token_id(one)) == leaf_of(one)
    assert outcome.events(SUPERSEDED) == [([token_id(one), token_id(new)], b"")]
    burned, issued = outcome.events(TRANSFER_SINGLE)
    assert burned[0][1:] == [int(one.holder, 16), 0]
    assert burned[1] == token_id(one).to_bytes(32, "big") + (119_000).to_bytes(32, "big")
    assert issued[0][1:] == [0, int(new.holder, 16)]


def test_restatement_may_have_another_holder(scene: Scene) -> None:
    """A subject that changed its wallet gets the restated token in the new one."""
    scene.issue(issuance(1))
    new = replace(restated(issuance(1)), holder=PEOPLE[1].address)
    assert scene.supersede(new).is_done
    assert (scene.balance(PEOPLE[0], issuance(1)), scene.balance(PEOPLE[1], new)) == (0, 119_002)


def test_restatements_of_restatements(scene: Scene) -> None:
    """Of any number of revisions the last one alone is active."""
    scene.issue(issuance(1))
    for revision in range(2, 6):
        assert scene.supersede(restated(issuance(1), revision)).is_done
    statuses = [scene.status(restated(issuance(1), revision)) for revision in range(1, 6)]
    assert statuses == [IS_SUPERSEDED] * 4 + [ACTIVE]


def test_supersede_needs_a_restatement_and_a_quorum(scene: Scene) -> None:
    """Revision 1, an issued revision, units, and signatures of too few are refused."""
    scene.issue(issuance(1))
    assert scene.supersede(issuance(2)).reason == "not a restatement"
    assert scene.supersede(replace(issuance(2), revision=0)).reason == "not a restatement"
    new = restated(issuance(1))
    envelope = scene.envelope(leaf_of(new), 1)
    few = scene.signatures(envelope, AUDITORS[:1])
    assert scene.call(PEOPLE[0], "supersede", words(new), scene.deadline(), few).reason == "too few signatures"
    assert scene.status(issuance(1)) == ACTIVE
    assert scene.supersede(new).is_done
    assert scene.supersede(new).reason == "already issued"
    assert scene.supersede(replace(new, net_g_co2e=1)).reason == "already issued"
    assert scene.supersede(unit(3, revision=2)).reason == "units are not restated"


def test_supersede_before_the_first_was_issued(scene: Scene) -> None:
    """A former revision that was never issued can never be, on any path."""
    first, new = issuance(1), restated(issuance(1))
    batch = by_leaf([first, issuance(2)])
    scene.anchor(batch)
    outcome = scene.supersede(new)
    assert outcome.events(SUPERSEDED) == [([token_id(first), token_id(new)], b"")]
    assert len(outcome.events(TRANSFER_SINGLE)) == 1
    assert scene.view("token_of", token_id(first)) == ("0x" + "00" * 20, 0, 3, IS_SUPERSEDED, 0)
    assert scene.view("hash_of", token_id(first)) == bytes(32)
    assert scene.view("uri", token_id(first)) == ""
    assert scene.view("locked", token_id(first)) is False
    assert scene.claim(batch, batch.index(first)).reason == "already issued"
    assert scene.issue(first).reason == "already issued"
    assert scene.issue_many([first]).reason == "already issued"
    assert scene.issue_many([replace(first, net_g_co2e=1)]).reason == "already issued"


def test_superseded_token_is_not_claimed_to_life(scene: Scene) -> None:
    """A claimed statement that was superseded is refused by its own batch."""
    batch = by_leaf([issuance(1), issuance(2)])
    scene.anchor(batch)
    index = batch.index(issuance(1))
    scene.claim(batch, index)
    scene.supersede(restated(issuance(1)))
    assert scene.claim(batch, index).reason == "already issued"
    assert scene.balance(PEOPLE[0], issuance(1)) == 0


@pytest.mark.parametrize("entry", ["claim", "issue_many"])
def test_batches_restate_too(scene: Scene, entry: str) -> None:
    """A restated statement that is claimed, or issued in a batch, supersedes the former one."""
    scene.issue(issuance(1))
    batch = by_leaf([restated(issuance(1)), issuance(2)])
    if entry == "claim":
        scene.anchor(batch)
        outcome = scene.claim(batch, batch.index(restated(issuance(1))))
    else:
        outcome = scene.issue_many(batch)
    assert outcome.is_done, outcome.reason
    assert (scene.status(issuance(1)), scene.status(restated(issuance(1)))) == (IS_SUPERSEDED, ACTIVE)
    assert len(outcome.events(SUPERSEDED)) == 1


def test_claims_in_any_order(scene: Scene) -> None:
    """Revisions 1 to 4 in one batch, claimed in the order 3, 1, 2, 4: the last one alone is active."""
    batch = by_leaf([restated(issuance(1), revision) for revision in range(1, 5)])
    where = [batch.index(restated(issuance(1), revision)) for revision in range(1, 5)]
    scene.anchor(batch)
    reasons = [scene.claim(batch, where[revision - 1]).reason for revision in (3, 1, 2, 4)]
    assert reasons == ["", "already issued", "already issued", ""]
    assert [scene.status(batch[place]) for place in where] == [IS_SUPERSEDED] * 3 + [ACTIVE]


def test_batch_with_two_revisions(scene: Scene) -> None:
    """Two revisions in one batch: whichever comes first, one is active at the end or nothing is issued."""
    for number in range(6):
        batch = by_leaf([issuance(number), restated(issuance(number))])
        outcome = scene.issue_many(batch)
        if batch[0].revision == 1:
            assert [scene.status(one) for one in batch] == [IS_SUPERSEDED, ACTIVE]
        else:
            assert outcome.reason == "already issued"
            assert [scene.status(one) for one in batch] == [0, 0]


@pytest.mark.parametrize(("revision", "is_done"), [(65, True), (66, False)])
def test_many_unissued_revisions(scene: Scene, revision: int, is_done: bool) -> None:  # noqa: FBT001 - parametrised
    """64 revisions that were never issued are closed in one call; of more, an earlier one must come first."""
    outcome = scene.supersede(restated(issuance(1), revision))
    assert outcome.is_done is is_done
    assert outcome.gas < 2**24
    if not is_done:
        assert outcome.reason == "too many revisions at once"
        assert scene.supersede(restated(issuance(1), 40)).is_done
        assert scene.supersede(restated(issuance(1), revision)).is_done
    assert scene.issue(issuance(1)).reason == "already issued"


# ---- revoke ----


@pytest.mark.parametrize("way", ["issue", "issue_many", "claim"])
def test_statement_is_revoked(scene: Scene, way: str) -> None:
    """However it was issued: no balance, figures and root still readable, the reason's hash in the event, no way back."""
    one = issuance(1)
    batch = by_leaf([one, issuance(2)])
    if way == "issue":
        scene.issue(one)
    elif way == "issue_many":
        scene.issue_many(batch)
    else:
        scene.anchor(batch)
        scene.claim(batch, batch.index(one))
    outcome = scene.revoke(token_id(one))
    assert outcome.is_done, outcome.reason
    assert outcome.events(REVOKED) == [([token_id(one)], keccak(b"reason"))]
    ((indexed, _),) = outcome.events(TRANSFER_SINGLE)
    assert indexed[1:] == [int(one.holder, 16), 0]
    assert (scene.status(one), scene.balance(one.holder, one)) == (IS_REVOKED, 0)
    assert scene.view("hash_of", token_id(one)) != bytes(32)
    assert scene.revoke(token_id(one)).reason == "token is not active"
    assert scene.issue(one).reason == "already issued"
    if way != "issue":
        assert scene.claim(batch, batch.index(one)).reason == "already issued"


def test_revoked_before_it_was_claimed(scene: Scene) -> None:
    """A statement that was never issued is revoked by its id alone, and no batch brings it to life."""
    batch, later = by_leaf([issuance(1), issuance(2)]), by_leaf([issuance(1), issuance(3)])
    scene.anchor(batch)
    scene.anchor(later)
    outcome = scene.revoke(token_id(issuance(1)))
    assert outcome.is_done
    assert outcome.events(TRANSFER_SINGLE) == []
    assert scene.view("token_of", token_id(issuance(1))) == ("0x" + "00" * 20, 0, 0, IS_REVOKED, 0)
    assert scene.claim(batch, batch.index(issuance(1))).reason == "already issued"
    assert scene.claim(later, later.index(issuance(1))).reason == "already issued"
    assert scene.issue(issuance(1)).reason == "already issued"
    assert scene.issue_many([issuance(1)]).reason == "already issued"
    assert scene.claim(batch, batch.index(issuance(2))).is_done


def test_restatement_after_a_revocation(scene: Scene) -> None:
    """A revoked statement stays revoked when its restatement is issued."""
    scene.issue(issuance(1))
    scene.revoke(token_id(issuance(1)))
    outcome = scene.supersede(restated(issuance(1)))
    assert outcome.events(SUPERSEDED) == []
    assert (scene.status(issuance(1)), scene.status(restated(issuance(1)))) == (IS_REVOKED, ACTIVE)
    assert scene.revoke(token_id(issuance(1))).reason == "token is not active"


def test_revision_revoked_unissued_hides_no_earlier_one(scene: Scene) -> None:
    """Where revision 2 was revoked before it was claimed, revision 3 closes revision 1 too."""
    batch = by_leaf([restated(issuance(1), revision) for revision in (1, 2, 3)])
    scene.anchor(batch)
    scene.revoke(token_id(restated(issuance(1), 2)))
    assert scene.claim(batch, batch.index(restated(issuance(1), 3))).is_done
    statuses = [scene.status(restated(issuance(1), revision)) for revision in (1, 2, 3)]
    assert statuses == [IS_SUPERSEDED, IS_REVOKED, ACTIVE]
    assert scene.claim(batch, batch.index(restated(issuance(1), 1))).reason == "already issued"


def test_superseded_token_is_not_revoked(scene: Scene) -> None:
    """What was replaced has ended already."""
    scene.issue(issuance(1))
    scene.supersede(restated(issuance(1)))
    assert scene.revoke(token_id(issuance(1))).reason == "token is not active"


@pytest.mark.parametrize("way", ["issue", "claim"])
def test_revoking_is_for_the_tokens_own_region(scene: Scene, way: str) -> None:
    """Auditors of another region cannot revoke, however the token was issued; a batch of theirs does not help."""
    one = issuance(1, region=1)
    if way == "issue":
        scene.issue(one)
    else:
        scene.anchor([one, issuance(2, region=1)])
        scene.claim([one, issuance(2, region=1)], 0)
    assert scene.revoke(token_id(one), region=0).reason == "token is of another region"
    assert scene.revoke(token_id(one), region=2).reason == "token is of another region"
    refused = scene.revoke(token_id(one), region=1, signers=AUDITORS[:2])
    assert refused.reason == "signer is not an auditor of the region"
    assert scene.revoke(token_id(one), region=1).is_done


def test_revoking_needs_its_own_signatures(scene: Scene) -> None:
    """Too few, too late, for another id, or of a former epoch: refused."""
    one = issuance(1)
    scene.issue(one)
    assert scene.revoke(token_id(one), signers=AUDITORS[:1]).reason == "too few signatures"
    assert scene.revoke(token_id(one), deadline_s=1).reason == "deadline has passed"
    assert scene.revoke(token_id(one), signers=[AUDITORS[0], auditor(110)]).reason == "signer is not an auditor of the region"
    envelope = scene.envelope(leaf_of(one), 1)
    signed = scene.signatures(envelope)
    refused = scene.call(ADMIN, "revoke", token_id(one), 0, keccak(b"reason"), scene.deadline(), signed)
    assert refused.reason in {"signer is not an auditor of the region", "signers are not ascending"}
    scene.call(ADMIN, "start_epoch")
    assert scene.revoke(token_id(one)).reason == "epoch has passed"
    assert scene.status(one) == ACTIVE


# ---- revoke_batch ----


def test_revoked_batch_is_claimed_no_more(scene: Scene) -> None:
    """What was claimed before stays, to be revoked one by one; nothing more is claimed."""
    batch = by_leaf([issuance(number) for number in range(3)])
    scene.anchor(batch)
    scene.claim(batch, 0)
    outcome = scene.revoke_batch(root_of(batch))
    assert outcome.events("BatchRevoked(bytes32,bytes32)") == [([int.from_bytes(root_of(batch), "big")], keccak(b"reason"))]
    assert scene.view("is_batch_revoked", root_of(batch)) is True
    assert scene.claim(batch, 1).reason == "batch is revoked"
    assert scene.claim(batch, 0).reason == "batch is revoked"
    assert scene.status(batch[0]) == ACTIVE
    assert scene.anchor(batch).reason == "already anchored"
    number, _, count, epoch, anchored_at_s = scene.view("batch_of", root_of(batch))
    assert (number, count, epoch) == (1, 3, 1)
    assert 1_790_000_000 <= anchored_at_s < 1_790_001_000
    assert scene.revoke(token_id(batch[0])).is_done


def test_revoking_a_batch_is_refused(scene: Scene) -> None:
    """An unknown root, a second time, another region's auditors, too few."""
    batch = [issuance(1, region=1), issuance(2, region=1)]
    assert scene.revoke_batch(root_of(batch)).reason == "not anchored"
    scene.anchor(batch)
    assert scene.revoke_batch(root_of(batch)).reason == "signer is not an auditor of the region"
    assert scene.revoke_batch(root_of(batch), [auditor(104)]).reason == "too few signatures"
    assert scene.view("is_batch_revoked", root_of(batch)) is False
    assert scene.revoke_batch(root_of(batch), [auditor(104), auditor(105)]).is_done
    assert scene.revoke_batch(root_of(batch), [auditor(104), auditor(105)]).reason == "batch is revoked"


# ---- pause ----


def test_pause_stops_what_is_new(scene: Scene) -> None:
    """Anchor, issue, issue_many and supersede are refused with its word; claims and revocations go on; then all goes on."""
    batch = by_leaf([issuance(1), issuance(2)])
    scene.anchor(batch)
    scene.issue(issuance(3))
    outcome = scene.pause()
    assert outcome.events("Paused(bool)") == [([], (1).to_bytes(32, "big"))]
    assert scene.view("paused") is True
    refused = [
        scene.anchor([issuance(4)]),
        scene.issue(issuance(4)),
        scene.issue_many([issuance(4)]),
        scene.supersede(restated(issuance(3))),
    ]
    assert [one.reason for one in refused] == ["paused"] * 4
    assert scene.claim(batch, 0).is_done
    assert scene.revoke(token_id(issuance(3))).is_done
    assert scene.revoke_batch(root_of(batch)).is_done
    assert scene.pause().reason == "paused"
    assert scene.unpause().is_done
    assert scene.issue(issuance(4)).is_done
    assert scene.unpause().reason == "not paused"


def test_signatures_from_before_a_pause(scene: Scene) -> None:
    """What was signed before a pause, or in it, is worthless after it."""
    one = issuance(1)
    before = (words(one), scene.deadline(), scene.signatures(scene.envelope(leaf_of(one), 1)))
    scene.pause()
    within = (words(one), scene.deadline(), scene.signatures(scene.envelope(leaf_of(one), 1)))
    assert scene.call(ADMIN, "issue", *before).reason == "paused"
    scene.unpause()
    assert scene.call(ADMIN, "issue", *before).reason == "epoch has passed"
    assert scene.call(ADMIN, "issue", *within).reason == "epoch has passed"


def test_former_epoch_in_a_pause(scene: Scene) -> None:
    """A revocation of a former epoch is refused in a pause too, and for its epoch."""
    scene.issue(issuance(1))
    scene.pause()
    scene.epoch -= 1
    assert scene.revoke(token_id(issuance(1))).reason == "epoch has passed"


def test_auditors_change_in_a_pause(scene: Scene) -> None:
    """After a theft of keys: pause, put out the auditor, revoke with the others, go on."""
    batch = by_leaf([issuance(1), issuance(2)])
    scene.anchor(batch)
    scene.pause()
    scene.call(ADMIN, "set_auditor", AUDITORS[0].address, 0)
    scene.epoch += 1
    assert scene.revoke_batch(root_of(batch), AUDITORS[:2]).reason == "signer is not an auditor of the region"
    assert scene.revoke_batch(root_of(batch), AUDITORS[1:]).is_done
    assert scene.anchor([issuance(3)]).reason == "signer is not an auditor of the region"
    scene.unpause()
    root, _ = batch_proofs([leaf_of(issuance(3))])
    envelope = scene.envelope(root, 1)
    signed = scene.signatures(envelope, AUDITORS[1:])
    assert scene.call(ADMIN, "anchor", root, 1, 0, envelope.method_hash, scene.deadline(), signed).is_done


@pytest.mark.parametrize("function", ["pause", "unpause"])
def test_pause_is_the_admins(scene: Scene, function: str) -> None:
    """Nobody else stops the contract or lets it go on."""
    assert scene.call(PEOPLE[0], function).reason == "not the admin"


def test_self_declared_and_audited_are_two_tokens(scene: Scene) -> None:
    """A self-declared statement is not superseded by an audited one: kinds are part of the id."""
    declared = issuance(1, kind=IssuanceKind.SELF_DECLARED_EMISSIONS)
    scene.issue(declared)
    assert scene.supersede(restated(issuance(1))).is_done
    assert scene.status(declared) == ACTIVE
