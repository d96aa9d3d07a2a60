"""What holds after any calls in any order, read from the contract and rebuilt from its events."""

from collections import Counter
from itertools import count

from eth_abi.abi import decode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.issuance import IssuanceKind
from ledger.issuance import token_id
from tests.ledger.contract.random_calls import BENEFICIARIES, World, calls_of
from tests.ledger.contract.scene import PEOPLE, TRANSFER_BATCH, TRANSFER_SINGLE, Outcome, Scene

ISSUED = "Issued(uint256,bytes32,bytes32,bytes32,int64,int64,uint64,int64)"
RETIRED = "Retired(uint256,address,bytes32,uint256)"
BAD_MOODS = {"few", "stranger", "late", "former epoch"}  # "other region" is right for a statement of that region
IS_ACTIVE, IS_SUPERSEDED = 1, 2


class Told:
    """Balances, issues and retirements as events alone tell them."""

    def __init__(self) -> None:
        self.balances: Counter[tuple[int, int]] = Counter()
        self.issued: Counter[int] = Counter()
        self.retired: Counter[tuple[int, int]] = Counter()

    def read(self, outcome: Outcome) -> None:
        """Add what a call logged."""
        for indexed, data in outcome.events(TRANSFER_SINGLE):
            token, amount = decode(["uint256", "uint256"], data)
            self._move(indexed[1], indexed[2], token, amount)
        for indexed, data in outcome.events(TRANSFER_BATCH):
            for token, amount in zip(*decode(["uint256[]", "uint256[]"], data), strict=True):
                self._move(indexed[1], indexed[2], token, amount)
        self.issued.update(indexed[0] for indexed, _ in outcome.events(ISSUED))
        for indexed, data in outcome.events(RETIRED):
            self.retired[indexed[0], indexed[2]] += int.from_bytes(data, "big")

    def _move(self, sender: int, receiver: int, token: int, amount: int) -> None:
        if sender:
            self.balances[sender, token] -= amount
        if receiver:
            self.balances[receiver, token] += amount


def check(world: World, told: Told) -> None:
    """Every invariant, for every token that the sequence can make."""
    scene = world.scene
    active: Counter[tuple[bytes, int]] = Counter()
    for one in world.tokens():
        token = token_id(one)
        _, amount, _, status, _ = scene.view("token_of", token)
        balances = [scene.balance(person, one) for person in PEOPLE]
        # What wallets compute from events is what the contract says; nobody holds what nobody was given.
        assert balances == [told.balances[int(person.address, 16), token] for person in PEOPLE]
        assert scene.view("totalSupply", token) == sum(balances)
        assert min(balances) >= 0
        # A token is issued once, and then names its root; what was never issued has no root, no holder, no balance.
        assert told.issued[token] <= 1
        assert (scene.view("hash_of", token) != bytes(32)) is (told.issued[token] == 1)
        if told.issued[token] == 0:
            assert (amount, sum(balances)) == (0, 0)
            assert status != IS_ACTIVE
        # What was retired left the supply and stays with its beneficiary.
        retired = sum(scene.view("retired_of", token, beneficiary) for beneficiary in BENEFICIARIES)
        assert retired == sum(told.retired[token, int.from_bytes(one_, "big")] for one_ in BENEFICIARIES)
        if one.kind < IssuanceKind.AUDITED_EMISSIONS:
            assert sum(balances) + retired == amount
        else:
            assert retired == 0
            assert sum(balances) == (amount if status == IS_ACTIVE else 0)
            active[one.subject, one.kind] += status == IS_ACTIVE
            later = [
                scene.view("hash_of", token_id(other)) != bytes(32)
                for other in world.tokens()
                if (other.subject, other.kind) == (one.subject, one.kind) and other.revision > one.revision
            ]
            assert not (any(later) and status in {0, IS_ACTIVE}), "an earlier revision lives beside a later one"
    assert max(active.values(), default=0) <= 1


NUMBERS = count(1)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**64))
def test_invariants(scene: Scene, seed: int) -> None:
    """Supply is the sum of balances, a key is issued once, what is retired stays so, and nothing is without a quorum."""
    if scene.view("paused"):
        assert scene.unpause().is_done
    world, told = World(scene, next(NUMBERS)), Told()
    retired_before: Counter[tuple[int, int]] = Counter()
    for call in calls_of(seed, length=25):
        outcome = world.call(call)
        told.read(outcome)
        if call[-1] in BAD_MOODS and isinstance(call[-1], str):
            assert not outcome.is_done, "done without a quorum"
        if not outcome.is_done:
            assert outcome.logs == ()
            assert outcome.reason, f"{call[0]} is refused without a word"
        assert all(told.retired[key] >= amount for key, amount in retired_before.items())
        retired_before = told.retired.copy()
    check(world, told)
