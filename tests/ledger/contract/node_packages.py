"""What the contract is compared with: anvil (`tests.anvil` installs it), and solc with OpenZeppelin's contracts from npm."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.anvil import running_anvil
from tests.ledger.contract.scene import SENDERS, START_S, Request, RpcRefusal

HERE = Path(__file__).parent
SOLC = ("solc@0.8.30", "@openzeppelin/contracts@5.7.0")


def install(folder: Path, *packages: str) -> Path:
    """A folder with these packages; nothing of theirs is run at installation."""
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *packages]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


def compile_twin(folder: Path) -> tuple[list[dict[str, Any]], bytes]:
    """ABI and creation code of `twin.sol`."""
    for name in ("twin.sol", "compile_twin.cjs"):
        (folder / name).write_bytes((HERE / name).read_bytes())
    done = subprocess.run(
        [shutil.which("node") or "node", "compile_twin.cjs"], cwd=folder, check=True, capture_output=True, timeout=300
    )
    output = json.loads(done.stdout)
    return output["abi"], bytes.fromhex(output["bytecode"])


@contextmanager
def anvil_request(binary: Path, *, chain_id: int) -> Iterator[Request]:
    """JSON-RPC of an anvil on loopback, on which everybody has funds; its time begins as the embedded chain's in tests."""
    options = ("--hardfork", "prague", "--chain-id", str(chain_id), "--timestamp", str(START_S))
    with running_anvil(binary, *options) as anvil, httpx2.Client(timeout=20) as client:

        def request(method: str, params: list[Any]) -> Any:  # noqa: ANN401 - JSON
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            answer = client.post(anvil.url, json=body).json()
            if "error" in answer:
                data = answer["error"].get("data") or "0x"
                raise RpcRefusal(answer["error"]["message"], bytes.fromhex(data[2:]))
            if answer["result"] is None:
                time.sleep(0.002)
            return answer["result"]

        for sender in SENDERS:
            anvil.fund(sender.address, 10**27)
        yield request
