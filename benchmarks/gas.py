"""Gas of every entry of the contract, measured on the embedded chain, as one JSON object.

    python benchmarks/gas.py

Gas does not depend on the machine; seconds do. The figures of the Hyperledger contract are quoted, not run here.
"""

import json
import resource
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from domain.issuance import Envelope, Issuance, IssuanceKind
from ledger.chain import ChainClient
from ledger.embedded import EmbeddedChain
from ledger.issuance import keccak, leaf_of
from ledger.signing import AuditorKey, RelayerKey, sign_envelope

START_S = 1_790_000_000
ISSUE_COUNT = 50
RELAYER = RelayerKey.from_bytes(bytes([1]) * 32)
AUDITORS = tuple(AuditorKey.from_bytes(bytes([number]) * 32) for number in (2, 3, 4))
PUBLISHED = {
    "what": "Hyperledger Labs NetEmissionsTokenNetwork.issue, one statement, no quorum",
    "issue_gas": 609_758,
    "issue_with_empty_strings_gas": 295_027,
    "source": "measured once with OpenZeppelin 4.9.6, solc runs 200, and the strings of its own example; quoted here, not run",
}


def statement(number: int) -> Issuance:
    """A statement of a subject of its own."""
    return Issuance(
        holder="0x" + "ab" * 20,
        kind=IssuanceKind.AUDITED_EMISSIONS,
        region=0,
        from_month_ym=202403,
        to_month_ym=202404,
        revision=1,
        subject=keccak(b"subject %d" % number),
        inputs_root=keccak(b"inputs %d" % number),
        manifest_hash=keccak(b"manifest %d" % number),
        method_hash=keccak(b"method"),
        gross_location_g_co2e=123_456 + number,
        gross_market_g_co2e=120_000,
        retired_g_co2e=1_000,
        net_g_co2e=119_000,
    )


class Bench:
    """One contract with a quorum on a fresh chain.

    Args:
        chain: The chain.
        quorum: How many of the three auditors sign.
    """

    def __init__(self, chain: EmbeddedChain, *, quorum: int) -> None:
        self.client = ChainClient(chain)
        self.client.deploy(RELAYER, auditors={key.address: 1 for key in AUDITORS}, quorum=quorum)
        self.quorum = quorum

    def signed(self, root: bytes, count: int) -> tuple[Envelope, list[bytes]]:
        """An envelope with its signatures."""
        envelope = Envelope(root, count, 0, keccak(b"method"), START_S + 3600, self.client.epoch())
        chain_id, contract = self.client.chain_id, self.client.contract
        return envelope, [sign_envelope(key, envelope, chain_id=chain_id, contract=contract) for key in AUDITORS[: self.quorum]]

    def gas(self, raw: bytes) -> int:
        """Gas of a transaction that is sent now."""
        receipt = self.client.receipt(self.client.broadcast(raw))
        assert receipt is not None
        assert receipt.is_success
        return receipt.gas_used

    def issue_gas(self, number: int) -> int:
        """Gas of one issue."""
        issuance = statement(number)
        envelope, signatures = self.signed(leaf_of(issuance), 1)
        return self.gas(self.client.prepare_issue(RELAYER, issuance, envelope, signatures).raw)

    def anchor_gas(self, count: int) -> int:
        """Gas of anchoring a batch of so many statements."""
        envelope, signatures = self.signed(keccak(b"batch of %d" % count), count)
        return self.gas(self.client.prepare_anchor(RELAYER, envelope, signatures).raw)


def measure() -> dict[str, Any]:
    """Everything that is measured, as JSON values."""
    gas: dict[str, int] = {}
    seconds = 0.0
    for quorum in (1, 2, 3):
        with tempfile.TemporaryDirectory() as folder:
            chain = EmbeddedChain(Path(folder) / "chain", funded=(RELAYER.address,), clock=lambda: START_S)
            with chain:
                bench = Bench(chain, quorum=quorum)
                receipt = chain.request("eth_getBlockByNumber", ["0x1", False])
                gas["deploy"] = int(receipt["gasUsed"], 16)
                started = time.perf_counter()
                issued = [bench.issue_gas(number) for number in range(ISSUE_COUNT)]
                seconds += time.perf_counter() - started
                gas[f"issue_{quorum}_signatures_max"] = max(issued)
                for count in (1, 1_000, 100_000):
                    gas[f"anchor_{count}_statements_{quorum}_signatures"] = bench.anchor_gas(count)
    rows = 3 * ISSUE_COUNT
    return {
        "what": "gas",
        "rows": rows,
        "seconds": round(seconds, 3),
        "per_second": round(rows / seconds, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "result_sha256": sha256(json.dumps(gas, sort_keys=True).encode()).hexdigest(),
        "gas": gas,
        "targets": {"issue_2_signatures_max": 95_000, "anchor_100000_statements_2_signatures": 61_000},
        "alternative": PUBLISHED,
        "ratio": round(PUBLISHED["issue_gas"] / gas["issue_2_signatures_max"], 2),  # type: ignore[operator]  # a number
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
