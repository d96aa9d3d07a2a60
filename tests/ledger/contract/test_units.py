"""RECs and offsets: ordinary ERC-1155 balances, asked receivers, and retirement for good."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from eth_abi.abi import decode, encode

from domain.issuance import Issuance, IssuanceKind
from ledger.issuance import keccak, leaf_of, pack_item, token_id
from tests.ledger.contract.conftest import receiver_code
from tests.ledger.contract.scene import (
    ADMIN,
    METHOD_HASH,
    PEOPLE,
    TRANSFER_BATCH,
    TRANSFER_SINGLE,
    Scene,
    by_leaf,
    issuance,
    root_of,
    unit,
    words,
)

ME, OTHER, THIRD = PEOPLE
TAKES, REFUSES, ANSWERS_NONSENSE, CALLS_BACK = range(4)
BENEFICIARY = keccak(b"subject of a statement")
NOBODY = "0x" + "00" * 20


def move(
    scene: Scene,
    one: Issuance,
    amount: int,
    *,
    sender: Any = ME,  # noqa: ANN401 - a key
    owner: str = "",
    to: str = OTHER.address,
    data: bytes = b"",
) -> Any:  # noqa: ANN401 - an outcome
    """Transfer of a unit."""
    return scene.call(sender, "safeTransferFrom", owner or ME.address, to, token_id(one), amount, data)


def asked(scene: Scene, receiver: str, question: str) -> Any:  # noqa: ANN401 - what it answers
    """What a receiver remembers."""
    answer = scene.request("eth_call", [{"to": receiver, "data": "0x" + keccak(f"{question}()".encode())[:4].hex()}, "latest"])
    (entry,) = [entry for entry in receiver_code()[1] if entry.get("name") == question]
    return decode([entry["outputs"][0]["type"]], bytes.fromhex(answer[2:]))[0]


# ---- what is issued ----


@pytest.mark.parametrize("way", ["issue", "issue_many", "claim"])
@pytest.mark.parametrize("kind", [IssuanceKind.REC, IssuanceKind.OFFSET])
def test_units_are_issued_to_their_holder(scene: Scene, way: str, kind: IssuanceKind) -> None:
    """On every path the holder has the whole amount, the supply is the amount, and the token names its root."""
    one = unit(1, kind=kind)
    batch = by_leaf([one, issuance(2)])
    if way == "issue":
        outcome = scene.issue(one)
    elif way == "issue_many":
        outcome = scene.issue_many(batch)
    else:
        scene.anchor(batch)
        outcome = scene.claim(batch, batch.index(one))
    assert outcome.is_done, outcome.reason
    assert scene.balance(ME, one) == scene.view("totalSupply", token_id(one)) == 1_000
    assert scene.view("token_of", token_id(one)) == (NOBODY, 1_000, int(kind), 1, 0 if way == "issue" else 1)
    assert scene.view("hash_of", token_id(one)) == (leaf_of(one) if way == "issue" else root_of(batch))
    assert scene.view("holder_of", token_id(one)) == NOBODY
    assert scene.view("locked", token_id(one)) is False


def test_units_are_issued_once(scene: Scene) -> None:
    """A second issue of a unit's key is refused on every path, after a transfer and a retirement too."""
    one = unit(1)
    batch = [one, unit(2)]
    scene.anchor(batch)
    scene.issue(one)
    move(scene, one, 400)
    scene.call(OTHER, "retire", token_id(one), 400, BENEFICIARY)
    scene.call(ME, "retire", token_id(one), 600, BENEFICIARY)
    assert scene.view("totalSupply", token_id(one)) == 0
    assert scene.issue(one).reason == "already issued"
    assert scene.issue_many([one]).reason == "already issued"
    assert scene.claim(batch, 0).reason == "already issued"


def test_claim_of_units_again(scene: Scene) -> None:
    """A claim after transfers and retirements changes nothing and is not refused."""
    batch = [unit(1), unit(2)]
    scene.anchor(batch)
    scene.claim(batch, 0)
    move(scene, batch[0], 400)
    scene.call(OTHER, "retire", token_id(batch[0]), 300, BENEFICIARY)
    again = scene.claim(batch, 0)
    assert (again.is_done, again.logs) == (True, ())
    assert [scene.balance(one, batch[0]) for one in PEOPLE] == [600, 100, 0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"net_g_co2e": 0}, "amount is zero"),
        ({"net_g_co2e": -5}, "amount is zero"),
        ({"gross_location_g_co2e": 1}, "units have an amount only"),
        ({"gross_market_g_co2e": -1}, "units have an amount only"),
        ({"retired_g_co2e": 1}, "units have an amount only"),
    ],
)
def test_units_that_are_refused(scene: Scene, change: dict[str, int], reason: str) -> None:
    """A unit is an amount above zero and nothing else."""
    assert scene.issue(unit(1, **change)).reason == reason


@pytest.mark.parametrize(
    ("kind", "name", "amount"),
    [(IssuanceKind.REC, "Renewable energy", "amount_wh"), (IssuanceKind.OFFSET, "Carbon offset", "g_co2e")],
)
def test_metadata_names_the_unit(scene: Scene, kind: IssuanceKind, name: str, amount: str) -> None:
    """What a balance counts stands in the metadata: watt-hours of a REC, grams of an offset."""
    one = unit(1, 2**63 - 1, kind=kind)
    scene.issue(one)
    metadata = json.loads(unquote(scene.view("uri", token_id(one)).partition(",")[2]))
    assert (metadata["name"], metadata["decimals"]) == (name, 0)
    assert metadata["properties"] == {
        "kind": int(kind),
        amount: str(2**63 - 1),
        "batch": "0",
        "root": "0x" + leaf_of(one).hex(),
    }


# ---- transfers ----


def test_transfer(scene: Scene) -> None:
    """The amount moves, the supply stays, the standard's event is logged."""
    one = unit(1)
    scene.issue(one)
    outcome = move(scene, one, 300)
    assert outcome.is_done, outcome.reason
    assert [scene.balance(owner, one) for owner in (ME, OTHER)] == [700, 300]
    assert scene.view("totalSupply", token_id(one)) == 1_000
    ((indexed, data),) = outcome.events(TRANSFER_SINGLE)
    assert indexed == [int(ME.address, 16)] * 2 + [int(OTHER.address, 16)]
    assert data == token_id(one).to_bytes(32, "big") + (300).to_bytes(32, "big")


@pytest.mark.parametrize("amount", [0, 1_000])
def test_transfer_to_oneself(scene: Scene, amount: int) -> None:
    """Nothing is doubled and nothing lost; an amount of 0 moves nothing."""
    scene.issue(unit(1))
    assert move(scene, unit(1), amount, to=ME.address).is_done
    assert scene.balance(ME, unit(1)) == 1_000


def test_batch_transfer(scene: Scene) -> None:
    """Several tokens move in one call with one event; the same token may stand twice."""
    for number in (1, 2):
        scene.issue(unit(number))
    ids, amounts = [token_id(unit(1)), token_id(unit(2)), token_id(unit(1))], [100, 200, 300]
    outcome = scene.call(ME, "safeBatchTransferFrom", ME.address, OTHER.address, ids, amounts, b"")
    assert outcome.is_done, outcome.reason
    assert [scene.balance(OTHER, unit(number)) for number in (1, 2)] == [400, 200]
    ((indexed, data),) = outcome.events(TRANSFER_BATCH)
    assert indexed == [int(ME.address, 16)] * 2 + [int(OTHER.address, 16)]
    assert decode(["uint256[]", "uint256[]"], data) == (tuple(ids), tuple(amounts))


def test_batch_transfer_is_all_or_none(scene: Scene) -> None:
    """One amount too large, one debt or lists of different length refuse the whole."""
    scene.issue(unit(1))
    scene.issue(issuance(2))
    one, debt = token_id(unit(1)), token_id(issuance(2))
    for ids, amounts, reason in (
        ([one, one], [600, 401], "balance is too small"),
        ([one, debt], [1, 1], "token is account-bound"),
        ([one, 7], [1, 0], "no such token"),
        ([one], [1, 2], "lengths differ"),
    ):
        refused = scene.call(ME, "safeBatchTransferFrom", ME.address, OTHER.address, ids, amounts, b"")
        assert refused.reason == reason
    assert scene.balance(ME, unit(1)) == 1_000
    assert scene.call(ME, "safeBatchTransferFrom", ME.address, OTHER.address, [], [], b"").is_done
    assert not scene.call(ME, "safeBatchTransferFrom", ME.address, OTHER.address, [one] * 129, [1] * 129, b"").is_done


def test_transfers_that_are_refused(scene: Scene) -> None:
    """More than there is, to nobody, another's, a debt, a token that is not."""
    one, debt = unit(1), issuance(2)
    scene.issue(one)
    scene.issue(debt)
    assert move(scene, one, 1_001).reason == "balance is too small"
    assert move(scene, one, 2**256 - 1).reason == "balance is too small"
    assert move(scene, one, 1, to=NOBODY).reason == "receiver is zero"
    assert move(scene, one, 1, sender=OTHER).reason == "not the owner nor approved"
    assert move(scene, one, 1, sender=OTHER, owner=OTHER.address).reason == "balance is too small"
    assert move(scene, debt, 1).reason == "token is account-bound"
    assert move(scene, debt, 0).reason == "token is account-bound"
    assert move(scene, unit(3), 0).reason == "no such token"
    assert scene.balance(ME, one) == 1_000


def test_operator_moves_what_it_was_given(scene: Scene) -> None:
    """An approved operator moves units, until it is no longer approved; a debt it moves never."""
    one = unit(1)
    scene.issue(one)
    scene.issue(issuance(2))
    outcome = scene.call(ME, "setApprovalForAll", OTHER.address, True)  # noqa: FBT003 - ABI order
    ((indexed, data),) = outcome.events("ApprovalForAll(address,address,bool)")
    assert (indexed, data) == ([int(ME.address, 16), int(OTHER.address, 16)], (1).to_bytes(32, "big"))
    assert scene.view("isApprovedForAll", ME.address, OTHER.address) is True
    assert scene.view("isApprovedForAll", OTHER.address, ME.address) is False
    moved = move(scene, one, 10, sender=OTHER, to=THIRD.address)
    assert moved.events(TRANSFER_SINGLE)[0][0] == [int(one_.address, 16) for one_ in (OTHER, ME, THIRD)]
    assert move(scene, issuance(2), 1, sender=OTHER).reason == "token is account-bound"
    scene.call(ME, "setApprovalForAll", OTHER.address, False)  # noqa: FBT003 - ABI order
    assert move(scene, one, 10, sender=OTHER).reason == "not the owner nor approved"
    assert scene.call(ME, "setApprovalForAll", NOBODY, True).reason == "operator is zero"  # noqa: FBT003 - ABI order


# ---- receivers ----


def test_receiver_is_asked(scene: Scene, new_receiver: Callable[..., str]) -> None:
    """A contract is asked once, with operator, sender and data, after the balance has changed."""
    receiver = new_receiver(TAKES)
    scene.issue(unit(1))
    assert move(scene, unit(1), 5, to=receiver, data=b"for you").is_done
    assert scene.balance(receiver, unit(1)) == 5
    assert asked(scene, receiver, "asked_count") == 1
    assert asked(scene, receiver, "last_operator") == asked(scene, receiver, "last_sender") == ME.address.lower()
    assert asked(scene, receiver, "last_data") == b"for you"
    batch = scene.call(ME, "safeBatchTransferFrom", ME.address, receiver, [token_id(unit(1))] * 2, [5, 5], b"many")
    assert batch.is_done
    assert (asked(scene, receiver, "asked_count"), asked(scene, receiver, "last_data")) == (2, b"many")


@pytest.mark.parametrize(("mood", "reason"), [(REFUSES, "not today"), (ANSWERS_NONSENSE, "receiver refuses")])
def test_receiver_that_does_not_take_it(scene: Scene, new_receiver: Callable[..., str], mood: int, reason: str) -> None:
    """What a receiver refuses stays where it was, on every way to it, and others get theirs."""
    receiver = new_receiver(mood)
    mine, its = unit(1), unit(2, holder=receiver)
    scene.issue(mine)
    batch = by_leaf([its, unit(3)])
    scene.anchor(batch)
    refused = [
        move(scene, mine, 5, to=receiver),
        scene.call(ME, "safeBatchTransferFrom", ME.address, receiver, [token_id(mine)], [5], b""),
        scene.issue(its),
        scene.issue_many(by_leaf([its, unit(4)])),
        scene.claim(batch, batch.index(its)),
    ]
    assert [outcome.reason for outcome in refused] == [reason] * 5
    assert scene.balance(ME, mine) == 1_000
    assert [scene.status(one) for one in (its, unit(4))] == [0, 0]
    assert scene.claim(batch, batch.index(unit(3))).is_done


def test_contract_that_is_no_receiver(scene: Scene) -> None:
    """A contract without the standard's functions, as this one, is sent nothing."""
    scene.issue(unit(1))
    assert not move(scene, unit(1), 5, to=scene.contract).is_done
    assert not scene.issue(unit(2, holder=scene.contract)).is_done
    assert scene.balance(ME, unit(1)) == 1_000


@pytest.mark.parametrize("way", ["issue", "issue_many", "claim"])
def test_holder_of_units_is_asked(scene: Scene, new_receiver: Callable[..., str], way: str) -> None:
    """A contract that units are issued to is asked as in a transfer, from zero; of emissions it is not."""
    receiver = new_receiver(TAKES)
    one, debt = unit(1, holder=receiver), issuance(2, holder=receiver)
    batch = by_leaf([one, debt])
    if way == "issue":
        outcomes = [scene.issue(one), scene.issue(debt)]
    elif way == "issue_many":
        outcomes = [scene.issue_many(batch)]
    else:
        scene.anchor(batch)
        outcomes = [scene.claim(batch, index) for index in range(2)]
    assert all(outcome.is_done for outcome in outcomes)
    assert asked(scene, receiver, "asked_count") == 1
    assert (asked(scene, receiver, "last_sender"), asked(scene, receiver, "last_operator")) == (NOBODY, ADMIN.address.lower())
    assert (scene.balance(receiver, one), scene.balance(receiver, debt)) == (1_000, 119_000)


def test_debtor_cannot_refuse_its_debt(scene: Scene, new_receiver: Callable[..., str]) -> None:
    """A contract that reverts on everything still gets its emissions."""
    receiver = new_receiver(REFUSES)
    assert scene.issue(issuance(1, holder=receiver)).is_done
    assert scene.balance(receiver, issuance(1)) == 119_000


def re_enter(scene: Scene, receiver: str, then: bytes) -> None:
    """Let a receiver call this when it is asked."""
    (entry,) = [entry for entry in receiver_code()[1] if entry.get("name") == "set_then"]

    types = [part["type"] for part in entry["inputs"]]
    data = keccak(f"set_then({','.join(types)})".encode())[:4] + encode(types, [scene.contract, then])
    assert scene.call_data(ADMIN, receiver, data).is_done


def test_receiver_that_comes_back_for_more(scene: Scene, new_receiver: Callable[..., str]) -> None:
    """A receiver that takes from its sender while it is asked gets nothing: the balance is gone, the right is missing."""
    receiver = new_receiver(CALLS_BACK)
    scene.issue(unit(1))
    re_enter(scene, receiver, scene.encode("safeTransferFrom", ME.address, receiver, token_id(unit(1)), 5, b""))
    assert move(scene, unit(1), 5, to=receiver).is_done
    assert asked(scene, receiver, "has_called") is False
    scene.call(ME, "setApprovalForAll", receiver, True)  # noqa: FBT003 - ABI order
    other = new_receiver(CALLS_BACK)
    scene.call(ME, "setApprovalForAll", other, True)  # noqa: FBT003 - ABI order
    re_enter(scene, other, scene.encode("safeTransferFrom", ME.address, other, token_id(unit(1)), 996, b""))
    assert move(scene, unit(1), 5, to=other).is_done
    assert asked(scene, other, "has_called") is False
    assert [scene.balance(owner, unit(1)) for owner in (ME, receiver, other)] == [990, 5, 5]


@pytest.mark.parametrize("way", ["issue", "claim"])
def test_receiver_that_issues_again(scene: Scene, new_receiver: Callable[..., str], way: str) -> None:
    """A holder that calls the same issue or claim while it is asked does not get it twice."""
    receiver = new_receiver(CALLS_BACK)
    one = unit(1, holder=receiver)
    if way == "issue":
        envelope = scene.envelope(leaf_of(one), 1)
        again = scene.encode("issue", words(one), scene.deadline(), scene.signatures(envelope))
    else:
        scene.anchor([one])
        again = scene.encode("claim", leaf_of(one), METHOD_HASH, pack_item(one), [])
    re_enter(scene, receiver, again)
    outcome = scene.issue(one) if way == "issue" else scene.claim([one], 0)
    assert outcome.is_done, outcome.reason
    assert asked(scene, receiver, "asked_count") == 1
    assert asked(scene, receiver, "has_called") is (way == "claim")  # done already, and said so
    assert scene.balance(receiver, one) == scene.view("totalSupply", token_id(one)) == 1_000
    assert len(outcome.events(TRANSFER_SINGLE)) == 1


def test_receiver_may_retire_at_once(scene: Scene, new_receiver: Callable[..., str]) -> None:
    """What a receiver was given it can use up, or pass on, while it is asked; the order of events stays true."""
    receiver = new_receiver(CALLS_BACK)
    scene.issue(unit(1))
    re_enter(scene, receiver, scene.encode("retire", token_id(unit(1)), 5, BENEFICIARY))
    outcome = move(scene, unit(1), 5, to=receiver)
    assert asked(scene, receiver, "has_called") is True
    assert scene.view("retired_of", token_id(unit(1)), BENEFICIARY) == 5
    assert [words_[2] for words_, _ in outcome.events(TRANSFER_SINGLE)] == [int(receiver, 16), 0]


# ---- retirement ----


def test_retirement(scene: Scene) -> None:
    """Retired units leave balance and supply, are kept for their beneficiary, and are told."""
    one = unit(1)
    scene.issue(one)
    outcome = scene.call(ME, "retire", token_id(one), 300, BENEFICIARY)
    assert outcome.is_done, outcome.reason
    assert scene.balance(ME, one) == scene.view("totalSupply", token_id(one)) == 700
    assert scene.view("retired_of", token_id(one), BENEFICIARY) == 300
    assert scene.view("token_of", token_id(one))[1] == 1_000
    ((indexed, data),) = outcome.events("Retired(uint256,address,bytes32,uint256)")
    assert indexed == [token_id(one), int(ME.address, 16), int.from_bytes(BENEFICIARY, "big")]
    assert int.from_bytes(data, "big") == 300
    assert outcome.events(TRANSFER_SINGLE)[0][0][1:] == [int(ME.address, 16), 0]
    scene.call(ME, "retire", token_id(one), 700, BENEFICIARY)
    assert scene.view("retired_of", token_id(one), BENEFICIARY) == 1_000
    assert scene.call(ME, "retire", token_id(one), 1, BENEFICIARY).reason == "balance is too small"


def test_retirements_that_are_refused(scene: Scene) -> None:
    """Nothing, for nobody, more than one has, another's, a debt, a token that is not."""
    one = unit(1)
    scene.issue(one)
    scene.issue(issuance(2))
    for sender, token, amount, beneficiary, reason in (
        (ME, token_id(one), 0, BENEFICIARY, "amount is zero"),
        (ME, token_id(one), 1, bytes(32), "beneficiary is zero"),
        (ME, token_id(one), 1_001, BENEFICIARY, "balance is too small"),
        (OTHER, token_id(one), 1, BENEFICIARY, "balance is too small"),
        (ME, token_id(issuance(2)), 1, BENEFICIARY, "token is account-bound"),
        (ME, 7, 1, BENEFICIARY, "no such token"),
    ):
        assert scene.call(sender, "retire", token, amount, beneficiary).reason == reason
    assert scene.call(OTHER, "retire", token_id(one), 1, BENEFICIARY).reason == "balance is too small"


def test_operator_does_not_retire(scene: Scene) -> None:
    """An approved operator moves, but only who holds retires."""
    scene.issue(unit(1))
    scene.call(ME, "setApprovalForAll", OTHER.address, True)  # noqa: FBT003 - ABI order
    assert scene.call(OTHER, "retire", token_id(unit(1)), 1, BENEFICIARY).reason == "balance is too small"


def test_revoked_units_stand_still(scene: Scene) -> None:
    """Revoked units stay where they are, and are neither moved nor retired; what was retired before stays told."""
    one = unit(1)
    scene.issue(one)
    move(scene, one, 400)
    scene.call(OTHER, "retire", token_id(one), 100, BENEFICIARY)
    outcome = scene.revoke(token_id(one))
    assert outcome.is_done
    assert outcome.events(TRANSFER_SINGLE) == []
    assert move(scene, one, 1).reason == "token is not active"
    assert scene.call(OTHER, "retire", token_id(one), 1, BENEFICIARY).reason == "token is not active"
    assert [scene.balance(owner, one) for owner in (ME, OTHER)] == [600, 300]
    assert scene.view("totalSupply", token_id(one)) == 900
    assert scene.view("retired_of", token_id(one), BENEFICIARY) == 100
    assert scene.status(one) == 3


def test_pause_leaves_what_people_hold(scene: Scene) -> None:
    """In a pause units are moved and retired as ever."""
    scene.issue(unit(1))
    scene.pause()
    assert move(scene, unit(1), 5).is_done
    assert scene.call(OTHER, "retire", token_id(unit(1)), 5, BENEFICIARY).is_done
