"""JSON that is nested deeply is refused in a process that speaks to a chain; it does not end it."""

import subprocess
import sys

import pytest

LOADED = {
    "signing": "from ledger.signing import RelayerKey; from pathlib import Path; import tempfile;"
    " RelayerKey.from_bytes(bytes(range(32))).save(Path(tempfile.mkdtemp()) / 'key', 'x', iterations=2)",
    "evm": "import ledger.evm",
    "chain": "from contextlib import suppress\nimport ledger.evm\nfrom domain.errors import ChainError\n"
    "from ledger.chain import ChainClient\nwith suppress(ChainError): ChainClient('http://127.0.0.1:1', timeout_s=1.0)",
}
DEEP = """
import json, sys, threading
assert sys.getrecursionlimit() <= 12_288, sys.getrecursionlimit()
def read():
    try:
        json.loads("[" * 1_000_000 + "]" * 1_000_000)
    except RecursionError:
        print("refused")
read()
thread = threading.Thread(target=read)
thread.start()
thread.join()
"""


@pytest.mark.parametrize("loaded", LOADED)
def test_deep_json_is_refused(loaded: str) -> None:
    """Whichever library of Ethereum was loaded, on the main thread and on another."""
    done = subprocess.run([sys.executable, "-c", LOADED[loaded] + DEEP], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "refused\nrefused\n"), done.stderr
