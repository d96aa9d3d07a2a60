"""Checkpoints of channels: each account's own, and only ever growing."""

import pytest

from domain.errors import LedgerError
from ledger.issuance import checkpoint_hash, keccak
from tests.ledger.contract.scene import ADMIN, PEOPLE, Scene

CHANNEL = keccak(b"example.org/emissions")
NONE = bytes(32)


def root(number: int) -> bytes:
    """A root of a log."""
    return keccak(b"log %d" % number)


def test_channel_grows(scene: Scene) -> None:
    """Each checkpoint follows the last one; the chain keeps the hash of the newest."""
    assert scene.view("checkpoint_of", PEOPLE[0].address, CHANNEL) == NONE
    former_size, former_root = 0, NONE
    for size in (1, 2, 100, 2**64 - 1):
        outcome = scene.call(PEOPLE[0], "checkpoint", CHANNEL, former_size, former_root, size, root(size))
        assert outcome.is_done, outcome.reason
        former_size, former_root = size, root(size)
        assert scene.view("checkpoint_of", PEOPLE[0].address, CHANNEL) == checkpoint_hash(size, root(size))
        ((indexed, data),) = outcome.events("Checkpoint(address,bytes32,uint256,bytes32)")
        assert indexed == [int(PEOPLE[0].address, 16), int.from_bytes(CHANNEL, "big")]
        assert data == size.to_bytes(32, "big") + root(size)


@pytest.mark.parametrize(
    ("former_size", "former_root", "size", "reason"),
    [
        (0, NONE, 9, "not the last checkpoint"),
        (5, root(6), 9, "not the last checkpoint"),
        (4, root(5), 9, "not the last checkpoint"),
        (5, root(5), 5, "checkpoint does not grow"),
        (5, root(5), 4, "checkpoint does not grow"),
        (5, root(5), 0, "checkpoint does not grow"),
    ],
)
def test_checkpoints_that_are_refused(scene: Scene, former_size: int, former_root: bytes, size: int, reason: str) -> None:
    """A fork, a rollback, another tree of the same size and a second beginning are refused."""
    assert scene.call(PEOPLE[0], "checkpoint", CHANNEL, 0, NONE, 5, root(5)).is_done
    assert scene.call(PEOPLE[0], "checkpoint", CHANNEL, former_size, former_root, size, root(9)).reason == reason
    assert scene.view("checkpoint_of", PEOPLE[0].address, CHANNEL) == checkpoint_hash(5, root(5))


@pytest.mark.parametrize(
    ("former_size", "former_root", "size", "reason"),
    [
        (0, NONE, 0, "checkpoint does not grow"),
        (1, root(1), 2, "not the last checkpoint"),
        (0, root(1), 2, "not the last checkpoint"),
    ],
)
def test_channel_begins_with_nothing(scene: Scene, former_size: int, former_root: bytes, size: int, reason: str) -> None:
    """A first checkpoint has none before it, and at least one entry."""
    assert scene.call(PEOPLE[0], "checkpoint", CHANNEL, former_size, former_root, size, root(2)).reason == reason


def test_channels_are_their_writers_own(scene: Scene) -> None:
    """Another account, the admin too, cannot write in a channel: under the same name it writes in its own."""
    scene.call(PEOPLE[0], "checkpoint", CHANNEL, 0, NONE, 5, root(5))
    for other in (PEOPLE[1], ADMIN):
        assert scene.call(other, "checkpoint", CHANNEL, 5, root(5), 6, root(6)).reason == "not the last checkpoint"
        assert scene.call(other, "checkpoint", CHANNEL, 0, NONE, 7, root(7)).is_done
        assert scene.view("checkpoint_of", other.address, CHANNEL) == checkpoint_hash(7, root(7))
    assert scene.view("checkpoint_of", PEOPLE[0].address, CHANNEL) == checkpoint_hash(5, root(5))


def test_checkpoints_go_on_in_a_pause(scene: Scene) -> None:
    """Channels do not depend on auditors."""
    scene.pause()
    assert scene.call(PEOPLE[0], "checkpoint", CHANNEL, 0, NONE, 5, root(5)).is_done


def test_checkpoint_that_does_not_fit() -> None:
    """A size that the contract cannot hold is refused by name."""
    with pytest.raises(LedgerError, match=r"This number does not fit the contract; .*; in entry_count"):
        checkpoint_hash(2**64, root(1))
