"""Gas of every entry of the contract, measured on the embedded chain, as one JSON object.

    python benchmarks/gas.py

Gas does not depend on the machine; seconds do. The figures of the Hyperledger contract are quoted, not run here.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from eth_abi.abi import encode

from domain.issuance import Envelope, Issuance, IssuanceKind
from ledger.chain import ChainClient
from ledger.contract.artifact import load_artifact
from ledger.embedded import EmbeddedChain
from ledger.issuance import (
    batch_proofs,
    batch_revocation_digest,
    envelope_digest,
    keccak,
    leaf_of,
    pack_item,
    revocation_digest,
    token_id,
)
from ledger.signing import AuditorKey, RelayerKey, sign_envelope, sort_signatures, to_compact

START_S = 1_790_000_000
DEADLINE_S = START_S + 3600
ISSUE_COUNT = 20
BATCH_COUNTS = (1, 10, 100, 128)
TREE_COUNTS = (1, 1_000, 100_000)
CLAIMS_COUNT = 4
GAS_LIMIT = 2**24
RELAYER = RelayerKey.from_bytes(bytes([1]) * 32)
HOLDER = RelayerKey.from_bytes(bytes([9]) * 32)
AUDITORS = tuple(AuditorKey.from_bytes(bytes([number]) * 32) for number in (2, 3, 4))
METHOD_HASH = keccak(b"method")
REASON_HASH = keccak(b"reason")
PUBLISHED = {
    "what": "Hyperledger Labs NetEmissionsTokenNetwork.issue, one statement, no quorum",
    "issue_gas": 609_758,
    "issue_with_empty_strings_gas": 295_027,
    "source": "measured once with OpenZeppelin 4.9.6, solc runs 200, and the strings of its own example; quoted here, not run",
}
TARGETS = {
    "issue": 95_000,
    "issue_many of 128, each": 33_000,
    "anchor of 1": 61_000,
    "anchor of 1,000": 61_000,
    "anchor of 100,000": 61_000,
    "claim, tree of 100,000": 69_000,
}
"""Most gas that an entry may take with two signatures (design, sections 7 and 8)."""


def statement(number: int) -> Issuance:
    """A statement of a subject of its own."""
    return Issuance(
        holder=HOLDER.address,
        kind=IssuanceKind.AUDITED_EMISSIONS,
        region=0,
        from_month_ym=202403,
        to_month_ym=202404,
        revision=1,
        subject=keccak(b"subject %d" % number),
        inputs_root=keccak(b"inputs %d" % number),
        manifest_hash=keccak(b"manifest %d" % number),
        method_hash=METHOD_HASH,
        gross_location_g_co2e=123_456 + number,
        gross_market_g_co2e=120_000,
        retired_g_co2e=1_000,
        net_g_co2e=119_000,
    )


def offsets(number: int) -> Issuance:
    """A unit: offsets of a project of its own."""
    amounts = {"gross_location_g_co2e": 0, "gross_market_g_co2e": 0, "retired_g_co2e": 0, "net_g_co2e": 1_000_000}
    return replace(statement(number), kind=IssuanceKind.OFFSET, **amounts)  # type: ignore[arg-type]  # integers


class Bench:
    """One contract with a quorum on a fresh chain.

    Args:
        chain: The chain.
        quorum: How many of the three auditors sign.
    """

    def __init__(self, chain: EmbeddedChain, *, quorum: int) -> None:
        self.chain = chain
        self.client = ChainClient(chain)
        self.client.deploy(RELAYER, auditors={key.address: 1 for key in AUDITORS}, quorum=quorum)
        self.quorum = quorum
        self.domain: dict[str, Any] = {"chain_id": self.client.chain_id, "contract": self.client.contract}
        self.deadline = self.client.epoch() << 64 | DEADLINE_S

    def digest(self, root: bytes, count: int) -> bytes:
        """What is signed of a batch."""
        return envelope_digest(Envelope(root, count, 0, METHOD_HASH, DEADLINE_S, self.client.epoch()), **self.domain)

    def signed(self, root: bytes, count: int) -> tuple[Envelope, list[bytes]]:
        """An envelope with its signatures."""
        envelope = Envelope(root, count, 0, METHOD_HASH, DEADLINE_S, self.client.epoch())
        return envelope, [sign_envelope(key, envelope, **self.domain) for key in AUDITORS[: self.quorum]]

    def compact(self, digest: bytes) -> list[tuple[int, int]]:
        """Signatures of any digest, as the contract takes them."""
        signatures = [key.sign_digest(digest) for key in AUDITORS[: self.quorum]]
        return [to_compact(signature) for signature in sort_signatures(digest, signatures)]

    def gas(self, raw: bytes) -> int:
        """Gas of a transaction that is sent now."""
        receipt = self.client.receipt(self.client.broadcast(raw))
        assert receipt is not None
        assert receipt.is_success
        return receipt.gas_used

    def issue_gas(self, issuance: Issuance) -> int:
        """Gas of one issue."""
        envelope, signatures = self.signed(leaf_of(issuance), 1)
        return self.gas(self.client.prepare_issue(RELAYER, issuance, envelope, signatures).raw)

    def anchor_gas(self, root: bytes, count: int) -> int:
        """Gas of anchoring a batch of so many statements."""
        envelope, signatures = self.signed(root, count)
        return self.gas(self.client.prepare_anchor(RELAYER, envelope, signatures).raw)

    def call_gas(self, function: str, *arguments: object, sender: RelayerKey = RELAYER) -> int:
        """Gas of any entry."""
        (entry,) = [one for one in load_artifact().abi if one.get("name") == function]
        types = [_type_of(part) for part in entry["inputs"]]
        data = keccak(f"{function}({','.join(types)})".encode())[:4] + encode(types, arguments)
        raw, _ = sender.sign_transaction(
            {
                "chainId": self.client.chain_id,
                "nonce": int(self.chain.request("eth_getTransactionCount", [sender.address, "latest"]), 16),
                "gas": GAS_LIMIT,
                "maxFeePerGas": 10**10,
                "maxPriorityFeePerGas": 0,
                "to": self.client.contract,
                "value": 0,
                "data": data,
            }
        )
        return self.gas(raw)

    def issue_many_gas(self, issuances: Sequence[Issuance]) -> int:
        """Gas of a batch that is issued at once."""
        listed = sorted(issuances, key=leaf_of)
        root, _ = batch_proofs([leaf_of(one) for one in listed])
        items = [pack_item(one) for one in listed]
        signatures = self.compact(self.digest(root, len(listed)))
        return self.call_gas("issue_many", root, 0, METHOD_HASH, items, self.deadline, signatures)

    def supersede_gas(self, issuance: Issuance) -> int:
        """Gas of a restatement."""
        return self.call_gas("supersede", _words(issuance), self.deadline, self.compact(self.digest(leaf_of(issuance), 1)))

    def revoke_gas(self, token: int) -> int:
        """Gas of a revocation."""
        terms: dict[str, Any] = {"reason_hash": REASON_HASH, "deadline_s": DEADLINE_S, "epoch": self.client.epoch()}
        digest = revocation_digest(token, region=0, **terms, **self.domain)
        return self.call_gas("revoke", token, 0, REASON_HASH, self.deadline, self.compact(digest))

    def revoke_batch_gas(self, root: bytes) -> int:
        """Gas of a batch's revocation."""
        terms: dict[str, Any] = {"reason_hash": REASON_HASH, "deadline_s": DEADLINE_S, "epoch": self.client.epoch()}
        digest = batch_revocation_digest(root, **terms, **self.domain)
        return self.call_gas("revoke_batch", root, REASON_HASH, self.deadline, self.compact(digest))


def batches(bench: Bench) -> dict[str, int]:
    """Gas of batches, each statement's share, anchors and claims."""
    gas: dict[str, int] = {}
    for count in BATCH_COUNTS:  # the first batch ever pays 17,100 gas more, for the counter's slot
        total = bench.issue_many_gas([statement(1_000 * count + number) for number in range(count)])
        assert total <= GAS_LIMIT
        gas[f"issue_many of {count}"] = total
        gas[f"issue_many of {count}, each"] = -(-total // count)
    for count in TREE_COUNTS:
        # A few statements among leaves of nobody: what a claim costs depends on the size of the tree alone.
        mine = [statement(1_000_000 + 10 * count + number) for number in range(min(count, CLAIMS_COUNT))]
        leaves = [leaf_of(one) for one in mine] + [keccak(b"leaf %d" % number) for number in range(count - len(mine))]
        root, proofs = batch_proofs(leaves)
        gas[f"anchor of {count:,}"] = bench.anchor_gas(root, count)
        claims = [bench.call_gas("claim", root, METHOD_HASH, pack_item(one), list(proofs[leaf_of(one)])) for one in mine]
        gas[f"first claim of a batch, tree of {count:,}"] = claims[0]
        if claims[1:]:
            gas[f"claim, tree of {count:,}"] = max(claims[1:])
    gas["revoke_batch"] = bench.revoke_batch_gas(root)
    return gas


def entries(bench: Bench) -> dict[str, int]:
    """Gas of every other entry that people and relayers call."""
    one, units, root = statement(3_000_000), offsets(1), keccak(b"log")
    token, me, other = token_id(units), HOLDER.address, AUDITORS[0].address
    move = ("safeTransferFrom", me, other, token, 1_000, b"")
    return {
        "issue": bench.issue_gas(one),
        "issue of units": bench.issue_gas(units),
        "supersede": bench.supersede_gas(replace(one, revision=2)),
        "supersede of what was never issued": bench.supersede_gas(replace(statement(3_000_001), revision=2)),
        "revoke": bench.revoke_gas(token_id(replace(one, revision=2))),
        "revoke of what was never issued": bench.revoke_gas(token_id(statement(3_000_002))),
        "transfer to a new holder": bench.call_gas(*move, sender=HOLDER),
        "transfer": bench.call_gas(*move, sender=HOLDER),
        "retire for a new beneficiary": bench.call_gas("retire", token, 1_000, root, sender=HOLDER),
        "retire": bench.call_gas("retire", token, 1_000, root, sender=HOLDER),
        "checkpoint, first": bench.call_gas("checkpoint", root, 0, bytes(32), 1_000, root, sender=HOLDER),
        "checkpoint": bench.call_gas("checkpoint", root, 1_000, root, 2_000, keccak(root), sender=HOLDER),
    }


def measure() -> dict[str, Any]:
    """Everything that is measured, as JSON values."""
    gas: dict[str, int] = {}
    table: dict[str, int] = {}
    seconds = 0.0
    for quorum in (1, 2, 3):
        with tempfile.TemporaryDirectory() as folder:
            funded = (RELAYER.address, HOLDER.address)
            chain = EmbeddedChain(Path(folder) / "chain", funded=funded, clock=lambda: START_S)
            with chain:
                bench = Bench(chain, quorum=quorum)
                receipt = chain.request("eth_getBlockByNumber", ["0x1", False])
                gas["deploy"] = int(receipt["gasUsed"], 16)
                started = time.perf_counter()
                issued = [bench.issue_gas(statement(number)) for number in range(ISSUE_COUNT)]
                seconds += time.perf_counter() - started
                gas[f"issue_{quorum}_signatures_max"] = max(issued)
                for count in TREE_COUNTS:
                    gas[f"anchor_{count}_statements_{quorum}_signatures"] = bench.anchor_gas(keccak(b"%d" % count), count)
                if quorum == 2:  # noqa: PLR2004 - what the targets are for
                    table = {**entries(bench), **batches(bench)}
    rows = 3 * ISSUE_COUNT
    everything = {"gas": gas, "entries": table}
    return {
        "what": "gas of the contract's entries, on the embedded chain",
        "rows": rows,
        "seconds": round(seconds, 3),
        "per_second": round(rows / seconds, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "result_sha256": sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest(),
        "gas": gas,
        "entries with two signatures": {name: _row(name, used) for name, used in table.items()},
        "alternative": PUBLISHED,
        "ratio": round(PUBLISHED["issue_gas"] / gas["issue_2_signatures_max"], 2),  # type: ignore[operator]  # a number
        "ratio_in_a_batch": round(PUBLISHED["issue_gas"] / table["issue_many of 128, each"], 2),  # type: ignore[operator]  # as above
    }


def _row(name: str, used: int) -> dict[str, Any]:
    row: dict[str, Any] = {"gas": used}
    if name in TARGETS:
        row |= {"at most": TARGETS[name], "reached": "yes" if used <= TARGETS[name] else "no"}
    return row


def _words(issuance: Issuance) -> tuple[Any, ...]:
    fields = [getattr(issuance, name) for name in issuance.__dataclass_fields__]
    return (issuance.holder, int(issuance.kind), *fields[2:])


def _type_of(entry: dict[str, Any]) -> str:
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type_of(part) for part in entry['components'])}){kind.removeprefix('tuple')}"


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
