"""`chain` in the real program, and commands beside a process that owns the embedded chain."""

import json
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.chain import owner_of
from tests.app.test_cli import MARCH, PROGRAM, address_of, answer, environment_of, run, status_of


@pytest.fixture
def imported(tmp_path: Path, shared_dir: Path) -> Path:
    """An installation with a month to close."""
    file = str(shared_dir / "fixtures" / MARCH)
    run("import", "green-button", file, "--place", "10001", "--zone", "America/New_York", folder=tmp_path)
    return tmp_path


def test_status_of_the_embedded_chain(imported: Path) -> None:
    """What the chain is worth, its contract and account, and how many roots stand there."""
    assert answer("close", "2011-03", folder=imported)["state"] == "issued"
    found = answer("chain", "status", folder=imported)
    assert found["chain"] == "local chain: its operator alone could rewrite it"
    assert found["contract"].startswith("0x")
    assert found["rpc"].startswith("http://127.0.0.1:")
    assert [(one["state"], one["count"]) for one in found["roots"]] == [("final", 1)]
    assert (found["elsewhere"], found["gas_per_day"]) == (0, 0)
    said = run("chain", "status", folder=imported).stdout.decode()
    assert "could rewrite it" in said


def test_embedded_chain_needs_no_deployment(imported: Path) -> None:
    """The embedded chain has its contract by itself; the command says what it is for."""
    done = run("chain", "deploy", folder=imported)
    assert done.returncode == 2
    assert "Set both to deploy on another chain" in done.stderr.decode()


def test_nothing_to_migrate(imported: Path) -> None:
    """Where all roots stand on the chain in use, migrating does nothing and is done."""
    answer("close", "2011-03", folder=imported)
    found = answer("chain", "migrate", folder=imported)
    assert (found["moved"], found["here"], found["on_their_way"]) == (0, {"final": 1}, 0)


def test_statement_is_revoked_by_a_command(imported: Path) -> None:
    """Withdrawn for good, after a plain word: the proof fails, the month can be closed again with a reason."""
    closed = answer("close", "2011-03", folder=imported)
    assert run("export", "bundle", closed["id"], "-o", str(imported / "bundle.json"), folder=imported).returncode == 0
    refused = run("revoke", closed["id"], "--reason", "Not ours.", folder=imported)
    assert refused.returncode == 2
    assert "Agree with --for-good" in refused.stderr.decode()
    found = answer("revoke", closed["id"], "--reason", "Not ours.", "--for-good", folder=imported)
    assert (found["statement"], found["state"], found["error"]) == (closed["id"], "final", "")
    verified = answer("verify", str(imported / "bundle.json"), folder=imported, code=1)
    assert (verified["first_failure"], verified["standing"]) == ("chain", "revoked")
    again = run("revoke", closed["id"][:8], "--reason", "Not ours.", "--for-good", folder=imported)
    assert again.returncode == 0
    assert "Revision 1 is revoked, on chain" in again.stdout.decode()
    second = answer("close", "2011-03", "--reason", "It was ours after all.", folder=imported)
    assert (second["state"], second["revision"]) == ("issued", 2)


def test_units_that_nobody_has(imported: Path) -> None:
    """Retiring needs a word, one amount, and units that are there; each refusal says what is missing."""
    token = "ab" * 32
    for options, said in (
        (["--kg", "1.5"], "Agree with --for-good"),
        (["--for-good"], "A retirement has one amount"),
        (["--kg", "1", "--kwh", "1", "--for-good"], "A retirement has one amount"),
        (["--kg", "1.0005", "--for-good"], "Units are retired by the gram or watt-hour"),
        (["--kg", "1.5", "--for-good"], "There is no such token on the chain"),
    ):
        done = run("retire-units", "--token", token, *options, folder=imported)
        assert done.returncode == 2, said
        assert said in done.stderr.decode()


def test_chain_that_does_not_answer(imported: Path) -> None:
    """A node that nobody runs is a sentence and exit code 2, without the node's address."""
    environment = environment_of(imported) | {
        "CF_CHAIN_URL": "http://127.0.0.1:9/secret-key",
        "CF_CHAIN_ID": "31337",
        "CF_CHAIN_CONTRACT": "0x" + "11" * 20,
    }
    done = subprocess.run([PROGRAM, "chain", "status"], env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert b"The chain does not answer" in done.stderr
    assert b"secret-key" not in done.stderr + done.stdout


def test_commands_beside_a_server(imported: Path) -> None:
    """While a server owns the chain, other processes close, verify and look through it; its address is its user's alone."""
    with subprocess.Popen(
        [PROGRAM, "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment_of(imported)
    ) as server:
        port, _ = address_of(server)
        while status_of(port, "/ready") != 200:
            assert server.poll() is None
        owner = owner_of(imported / "chain")
        assert owner is not None
        assert owner.pid == server.pid
        path = imported / "chain" / "owner.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        closed: dict[str, Any] = answer("close", "2011-03", folder=imported)
        assert closed["state"] == "issued"
        assert run("export", "bundle", closed["id"], "-o", str(imported / "bundle.json"), folder=imported).returncode == 0
        verified = run("verify", str(imported / "bundle.json"), "--json", folder=imported)
        assert json.loads(verified.stdout)["verdict"] == "holds"
        assert answer("chain", "status", folder=imported)["rpc"] == owner.url
        server.terminate()
        assert server.wait(timeout=30) == 0
    assert not path.exists()
    assert answer("chain", "status", folder=imported)["elsewhere"] == 0


def test_owner_that_was_killed(imported: Path) -> None:
    """The address that a dead owner left behind misleads nobody: the next process owns the chain."""
    with subprocess.Popen(
        [PROGRAM, "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment_of(imported)
    ) as server:
        port, _ = address_of(server)
        while status_of(port, "/ready") != 200:
            assert server.poll() is None
        server.kill()
    before = owner_of(imported / "chain")
    assert before is not None
    found = answer("chain", "status", folder=imported)
    assert found["rpc"] != before.url
