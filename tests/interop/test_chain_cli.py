"""From the embedded chain to another one, as an operator types it: deploy, migrate, verify; on anvil."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.anvil import CHAIN_ID, Anvil, anvil_binary, running_anvil
from tests.app.test_cli import MARCH, PROGRAM, answer, environment_of, run

__all__ = ["anvil_binary"]

pytestmark = pytest.mark.interop


@pytest.fixture
def anvil(anvil_binary: Path) -> Iterator[Anvil]:
    """A node with a block every second."""
    with running_anvil(anvil_binary, "--block-time", "1") as node:
        yield node


def typed(*arguments: str, folder: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """A command with these settings, run to its end."""
    environment = environment_of(folder) | settings
    return subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, check=False, timeout=120)


def answered(*arguments: str, folder: Path, settings: dict[str, str], code: int = 0) -> Any:  # noqa: ANN401 - JSON
    """The JSON that it answers."""
    done = typed(*arguments, "--json", folder=folder, settings=settings)
    assert done.returncode == code, done.stderr.decode()
    return json.loads(done.stdout)


def test_embedded_to_private_to_public(anvil_binary: Path, anvil: Anvil, tmp_path: Path, shared_dir: Path) -> None:
    """A statement of the embedded chain is anchored on two others in turn; the bundle of the first day holds on each."""
    file, folder, bundle = str(shared_dir / "fixtures" / MARCH), tmp_path / "data", tmp_path / "bundle.json"
    run("import", "green-button", file, "--place", "10001", "--zone", "America/New_York", folder=folder)
    closed = answer("close", "2011-03", folder=folder)
    run("export", "bundle", closed["id"], "-o", str(bundle), folder=folder)
    account = answer("chain", "status", folder=folder)["account"]
    with running_anvil(anvil_binary, "--block-time", "1", "--chain-id", "424242") as public:
        for node, chain_id, name in ((anvil, CHAIN_ID, "Consortium"), (public, 424_242, "Everybody")):
            node.fund(account)
            settings = {"CF_CHAIN_URL": node.url, "CF_CHAIN_ID": str(chain_id), "CF_CHAIN_NAME": name}
            made = answered("chain", "deploy", folder=folder, settings=settings)
            assert answered("chain", "deploy", folder=folder, settings=settings) == made
            settings["CF_CHAIN_CONTRACT"] = made["contract"]
            assert answered("chain", "status", folder=folder, settings=settings, code=1)["elsewhere"] == 1
            moved = answered("chain", "migrate", folder=folder, settings=settings)
            assert (moved["moved"], moved["here"], moved["on_their_way"]) == (1, {"final": 1}, 0)
            assert answered("chain", "migrate", folder=folder, settings=settings)["moved"] == 0
            verified = answered("verify", str(bundle), folder=folder, settings=settings)
            (step,) = (one for one in verified["steps"] if one["name"] == "chain")
            assert verified["verdict"] == "holds"
            assert f"found; {name} (chain {chain_id}); the file names chain" in step["detail"]
            stranger = typed(
                "verify", str(bundle), "--chain", node.url, "--contract", made["contract"], folder=tmp_path / "x", settings={}
            )
            assert stranger.returncode == 0, stranger.stderr.decode()
