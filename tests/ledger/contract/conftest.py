"""The contract on an embedded chain, and other contracts to hold what it issues."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ledger.contract.artifact import load_artifact
from ledger.embedded import EmbeddedChain
from ledger.rpc import RpcError
from tests.ledger.contract.scene import SENDERS, START_S, Request, RpcRefusal, Scene


def embedded_request(chain: EmbeddedChain) -> Request:
    """JSON-RPC of an embedded chain, as scenes want it."""

    def request(method: str, params: list[Any]) -> Any:  # noqa: ANN401 - JSON
        try:
            return chain.request(method, params)
        except RpcError as error:
            raise RpcRefusal(str(error), bytes.fromhex((error.data_hex or "0x")[2:])) from error

    return request


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[EmbeddedChain]:
    """An empty chain on which everybody has funds."""
    funded = tuple(sender.address for sender in SENDERS)
    with EmbeddedChain(tmp_path / "chain.sqlite", funded=funded, clock=lambda: START_S) as chain:
        yield chain


@pytest.fixture
def scene(chain: EmbeddedChain) -> Scene:
    """The contract, two signatures wanted."""
    artifact = load_artifact()
    return Scene(embedded_request(chain), artifact.abi, artifact.bytecode)


@cache
def receiver_code() -> tuple[bytes, list[dict[str, Any]]]:
    """Creation code and ABI of `receiver.vy`, compiled now."""
    from vyper.compiler import compile_code  # type: ignore[import-untyped]

    source = Path(__file__).with_name("receiver.vy").read_text(encoding="utf-8")
    output = compile_code(source, output_formats=("abi", "bytecode"))
    return bytes.fromhex(output["bytecode"].removeprefix("0x")), output["abi"]


@pytest.fixture
def new_receiver(scene: Scene) -> Callable[..., str]:
    """Makes a contract that can hold units; see `receiver.vy` for its moods."""

    def make(mood: int = 0) -> str:
        from eth_abi.abi import encode

        return scene.create(receiver_code()[0] + encode(["uint256"], [mood]))

    return make
