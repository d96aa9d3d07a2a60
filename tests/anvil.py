"""Anvil for tests: another Ethereum node (revm), a native binary out of an npm package, on loopback only.

A `conftest.py`, or a test file, imports `anvil_binary`; tests that use it are marked `interop`.
"""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

__all__ = ["anvil_binary"]

PACKAGE = "@foundry-rs/anvil@1.7.1"
CHAIN_ID = 31_337
RICH_WEI = 10**24


@pytest.fixture(scope="session")
def anvil_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program; `CF_TEST_ANVIL` names one that is installed already."""
    if named := os.environ.get("CF_TEST_ANVIL"):
        return Path(named)
    folder = tmp_path_factory.mktemp("anvil")
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", PACKAGE]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    (found,) = folder.glob("node_modules/@foundry-rs/anvil-*/bin/anvil*")
    return found


@dataclass
class Anvil:
    """A running node.

    Attributes:
        url: Where it is.
    """

    url: str

    def ask(self, method: str, *params: object) -> Any:  # noqa: ANN401 - JSON
        """The result of a method, also of those that only tests use."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - as above
            found = json.load(answer)
        assert "error" not in found, found
        return found["result"]

    def fund(self, address: str, wei: int = RICH_WEI) -> None:
        """Give an account what it may spend."""
        self.ask("anvil_setBalance", address, hex(wei))

    def mine(self, count: int = 1) -> None:
        """Make blocks."""
        self.ask("anvil_mine", hex(count))

    def number(self) -> int:
        """Number of the newest block."""
        return int(self.ask("eth_blockNumber"), 16)


@contextmanager
def running_anvil(binary: Path, *options: str) -> Iterator[Anvil]:
    """A fresh node on a free port, mining at once unless options say otherwise; a block is final under two others."""
    command = [str(binary), "--host", "127.0.0.1", "--port", "0", "--accounts", "1", "--slots-in-an-epoch", "1", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    reader = Thread(target=process.stdout.read)  # it tells every request: nobody may let it wait
    try:
        line = next(line for line in process.stdout if line.startswith("Listening on "))
        reader.start()
        yield Anvil(f"http://{line.removeprefix('Listening on ').strip()}")
    finally:
        process.terminate()
        process.wait()
        reader.join()
        process.stdout.close()
