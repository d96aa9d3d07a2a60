"""Our contract against a twin of other parts (Solidity with OpenZeppelin's contracts, from npm) under random calls.

The twin was written from docs/ledger.md and shares no code with ours: one mapping per question, OpenZeppelin's ERC-1155, EIP-712,
ECDSA and Merkle proofs. Both get the same calls on one chain, each with signatures for its own address.
"""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.contract.artifact import load_artifact
from ledger.embedded import EmbeddedChain
from ledger.issuance import keccak, token_id
from tests.ledger.contract.conftest import embedded_request
from tests.ledger.contract.node_packages import SOLC, compile_twin, install
from tests.ledger.contract.random_calls import BENEFICIARIES, World, calls_of
from tests.ledger.contract.scene import PEOPLE, Outcome, Scene, by_leaf, issuance

pytestmark = pytest.mark.interop

NUMBERS = count(1)
OUR_TOPICS = {
    "0x" + keccak(f"{entry['name']}({','.join(part['type'] for part in entry['inputs'])})".encode()).hex()
    for entry in load_artifact().abi
    if entry["type"] == "event"
}


@pytest.fixture(scope="module")
def twin_code(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, object]], bytes]:
    """ABI and creation code of the twin, compiled now."""
    return compile_twin(install(tmp_path_factory.mktemp("node"), *SOLC))


@pytest.fixture
def scenes(chain: EmbeddedChain, twin_code: tuple[list[dict[str, object]], bytes]) -> tuple[Scene, Scene]:
    """Ours and the twin on one chain."""
    artifact, request = load_artifact(), embedded_request(chain)
    ours = Scene(request, artifact.abi, artifact.bytecode)
    twin = Scene(request, *twin_code)
    twin.nonces = ours.nonces = {}
    return ours, twin


def events(outcome: Outcome) -> list[tuple[tuple[str, ...], str]]:
    """The events that both have: OpenZeppelin's parts log more of their own."""
    return [entry for entry in outcome.logs if entry[0][0] in OUR_TOPICS]


def state(world: World) -> list[object]:
    """Everything that can be asked of the tokens, batches and channels of a sequence."""
    scene = world.scene
    told: list[object] = []
    for one in world.tokens():
        token = token_id(one)
        told.append((token, scene.view("token_of", token), scene.view("hash_of", token), scene.view("totalSupply", token)))
        told.append([scene.balance(person, one) for person in PEOPLE])
        told.append([scene.view("retired_of", token, beneficiary) for beneficiary in BENEFICIARIES])
    for batch in range(4):
        told.append(scene.view("batch_of", world.root(batch))[:4])
        told.append(scene.view("is_batch_revoked", world.root(batch)))
    channel = keccak(b"channel %d" % world.number)
    told.append([scene.view("checkpoint_of", person.address, channel) for person in PEOPLE])
    told.append([scene.view("isApprovedForAll", one.address, other.address) for one in PEOPLE for other in PEOPLE])
    told.append((scene.view("epoch"), scene.view("quorum"), scene.view("paused")))
    return told


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**64))
def test_twin_does_the_same(scenes: tuple[Scene, Scene], seed: int) -> None:
    """Accepted or refused alike, with the same events, and everything that can be asked is answered alike."""
    number = next(NUMBERS)
    worlds = [World(scene, number) for scene in scenes]
    for call in calls_of(seed, length=25):
        ours, twins = (world.call(call) for world in worlds)
        assert ours.is_done is twins.is_done, (call, ours.reason)
        assert list(ours.logs) == events(twins), call
    assert state(worlds[0]) == state(worlds[1])


def test_difference_would_be_seen(scenes: tuple[Scene, Scene]) -> None:
    """The comparison is not blind: a statement that only one of them was given makes events and states differ."""
    worlds = [World(scene, 1_000) for scene in scenes]
    assert state(worlds[0]) == state(worlds[1])
    only = worlds[0].statement((0, 3, 1, 0, 0, 0))
    assert events(scenes[0].issue(only))
    assert state(worlds[0]) != state(worlds[1])


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
def test_twin_builds_the_same_trees(scenes: tuple[Scene, Scene], count: int) -> None:
    """Batches of any size have the root that the Python and OpenZeppelin's hashes give."""
    batch = by_leaf([issuance(number) for number in range(count)])
    ours, twins = (scene.issue_many(batch) for scene in scenes)
    assert ours.is_done
    assert list(ours.logs) == events(twins)
