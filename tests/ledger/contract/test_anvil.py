"""The contract on another EVM (anvil, from npm): the same outcomes, events and gas as on py-evm, call for call."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.contract.artifact import load_artifact
from ledger.embedded import EmbeddedChain
from ledger.issuance import keccak, token_id
from tests.anvil import anvil_binary
from tests.ledger.contract.conftest import embedded_request
from tests.ledger.contract.node_packages import anvil_request
from tests.ledger.contract.random_calls import World, calls_of
from tests.ledger.contract.scene import PEOPLE, Outcome, Request, Scene, by_leaf, issuance, unit
from tests.ledger.contract.test_restatements import restated

__all__ = ["anvil_binary"]

pytestmark = pytest.mark.interop

NUMBERS = count(1)


@pytest.fixture
def anvil(anvil_binary: Path, chain: EmbeddedChain) -> Iterator[Request]:
    """An anvil with the embedded chain's id."""
    with anvil_request(anvil_binary, chain_id=chain.chain_id) as request:
        yield request


@pytest.fixture
def scenes(chain: EmbeddedChain, anvil: Request) -> tuple[Scene, Scene]:
    """The contract on both, at one address: what is signed and sent is the same to the byte."""
    artifact = load_artifact()
    ours, theirs = (Scene(request, artifact.abi, artifact.bytecode) for request in (embedded_request(chain), anvil))
    assert (ours.contract, ours.chain_id, ours.deployment_gas) == (theirs.contract, theirs.chain_id, theirs.deployment_gas)
    return ours, theirs


def test_every_entry_takes_the_same_gas(scenes: tuple[Scene, Scene]) -> None:
    """One call of each entry: done on both, with equal gas and events."""
    one, other, many = issuance(1), unit(2), by_leaf([issuance(number) for number in range(10, 138)])
    anchored = by_leaf([issuance(number) for number in range(200, 300)])
    channel, root = keccak(b"channel"), keccak(b"log")
    told: list[list[Outcome]] = [
        [
            scene.issue(one),
            scene.issue(other),
            scene.issue_many(many),
            scene.anchor(anchored),
            scene.claim(anchored, 7),
            scene.claim(anchored, 7),
            scene.supersede(restated(one)),
            scene.revoke(token_id(many[0])),
            scene.revoke(token_id(anchored[0])),
            scene.revoke_batch(scene.view("hash_of", token_id(anchored[7]))),
            scene.call(PEOPLE[0], "setApprovalForAll", PEOPLE[1].address, True),  # noqa: FBT003 - ABI order
            scene.call(PEOPLE[1], "safeTransferFrom", PEOPLE[0].address, PEOPLE[2].address, token_id(other), 5, b"data"),
            scene.call(
                PEOPLE[0], "safeBatchTransferFrom", PEOPLE[0].address, PEOPLE[2].address, [token_id(other)] * 2, [5, 6], b""
            ),
            scene.call(PEOPLE[0], "retire", token_id(other), 5, root),
            scene.call(PEOPLE[0], "checkpoint", channel, 0, bytes(32), 5, root),
            scene.pause(),
            scene.unpause(),
        ]
        for scene in scenes
    ]
    assert all(outcome.is_done for outcome in told[0])
    assert told[0] == told[1]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**64))
def test_random_calls_are_one_on_both(scenes: tuple[Scene, Scene], seed: int) -> None:
    """Whatever is called: accepted or refused with the same words, events and gas."""
    number = next(NUMBERS)
    worlds = [World(scene, number) for scene in scenes]
    for call in calls_of(seed, length=25):
        ours, theirs = (world.call(call) for world in worlds)
        assert ours == theirs, call
