"""A real embedded chain with a real contract for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.chain import ChainClient
from ledger.embedded import EmbeddedChain
from ledger.signing import AuditorKey, RelayerKey
from tests.ledger.local_chain import Clock, Local


@pytest.fixture
def relayer() -> RelayerKey:
    """Who pays."""
    return RelayerKey.from_bytes(bytes([1]) * 32)


@pytest.fixture
def auditors() -> tuple[AuditorKey, ...]:
    """Three auditors."""
    return tuple(AuditorKey.from_bytes(bytes([number]) * 32) for number in (2, 3, 4))


@pytest.fixture
def local(tmp_path: Path, relayer: RelayerKey, auditors: tuple[AuditorKey, ...]) -> Iterator[Local]:
    """A chain with the contract, two signatures wanted."""
    clock = Clock()
    with EmbeddedChain(tmp_path / "chain.sqlite", funded=(relayer.address,), clock=clock) as chain:
        client = ChainClient(chain)
        client.deploy(relayer, auditors={key.address: 1 for key in auditors}, quorum=2)
        yield Local(chain, client, relayer, auditors, clock)
