"""Programs from npm that the contract is compared with: anvil, and solc with OpenZeppelin's contracts."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.ledger.contract.scene import SENDERS, START_S, Request, RpcRefusal

HERE = Path(__file__).parent
ANVIL = "@foundry-rs/anvil@1.7.1"
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
def running_anvil(folder: Path, *, chain_id: int) -> Iterator[Request]:
    """JSON-RPC of an anvil on loopback, on which everybody has funds; its time begins as the embedded chain's in tests."""
    binary = next((folder / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil"))
    command = [str(binary), "--port", "0", "--hardfork", "prague", "--chain-id", str(chain_id), "--timestamp", str(START_S)]
    log = folder / f"anvil-{chain_id}.log"  # a file: it writes a line for each request, and a full pipe would stop it
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(folder)})
    try:
        address = _listening(log)
        with httpx2.Client(timeout=20) as client:

            def request(method: str, params: list[Any]) -> Any:  # noqa: ANN401 - JSON
                body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
                answer = client.post(f"http://{address}", json=body).json()
                if "error" in answer:
                    data = answer["error"].get("data") or "0x"
                    raise RpcRefusal(answer["error"]["message"], bytes.fromhex(data[2:]))
                if answer["result"] is None:
                    time.sleep(0.002)
                return answer["result"]

            for sender in SENDERS:
                request("anvil_setBalance", [sender.address, hex(10**27)])
            yield request
    finally:
        process.terminate()
        process.wait()


def _listening(log: Path) -> str:
    for _ in range(500):
        for line in log.read_text(encoding="utf-8").splitlines():
            if line.startswith("Listening on"):
                return line.split()[-1]
        time.sleep(0.02)
    raise AssertionError("anvil does not listen after 10 seconds")
