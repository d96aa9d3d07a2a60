"""One contract on any node, every entry in one line, and what became of each call: tests give the same calls to several.

Calls are encoded and signed here without the chain client, sent without a simulation and with a fixed gas limit, so that a
refused call is mined too and equal calls are equal bytes on every node.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.address import to_checksum_address

from domain.issuance import Envelope, Issuance, IssuanceKind
from ledger.issuance import (
    batch_proofs,
    batch_revocation_digest,
    batch_root,
    envelope_digest,
    keccak,
    leaf_of,
    pack_item,
    revocation_digest,
    token_id,
)
from ledger.signing import AuditorKey, RelayerKey, sort_signatures, to_compact

START_S = 1_790_000_000
DEADLINE_S = START_S + 10**6
GAS = 16_000_000
MAX_FEE_WEI = 10**10
METHOD_HASH = keccak(b"method")
REASON_HASH = keccak(b"reason")

Request = Callable[[str, list[Any]], Any]


class RpcRefusal(Exception):  # noqa: N818 - what a node says, not our error
    """A node's error, with the data of a revert.

    Args:
        message: What the node says.
        data: Return data of the call.
    """

    def __init__(self, message: str, data: bytes = b"") -> None:
        super().__init__(message)
        self.data = data


@dataclass(frozen=True)
class Outcome:
    """What became of a call.

    Attributes:
        is_done: Whether it was not refused.
        reason: The contract's words where it was refused; empty where it gave none.
        gas: Gas that it took.
        logs: Topics and data of each event of the contract, in order, as hexadecimal digits.
    """

    is_done: bool
    reason: str
    gas: int
    logs: tuple[tuple[tuple[str, ...], str], ...]

    def events(self, signature: str) -> list[tuple[list[int], bytes]]:
        """The indexed words and the data of each event of a type."""
        topic = "0x" + keccak(signature.encode()).hex()
        return [
            ([int(word, 16) for word in topics[1:]], bytes.fromhex(data[2:])) for topics, data in self.logs if topics[0] == topic
        ]


TRANSFER_SINGLE = "TransferSingle(address,address,address,uint256,uint256)"
TRANSFER_BATCH = "TransferBatch(address,address,address,uint256[],uint256[])"


@cache
def key(number: int) -> RelayerKey:
    """An account that sends: 1 is the admin, others are holders and strangers."""
    return RelayerKey.from_bytes(bytes([number]) * 32)


@cache
def auditor(number: int) -> AuditorKey:
    """An auditor's key, from 101."""
    return AuditorKey.from_bytes(bytes([number]) * 32)


ADMIN = key(1)
AUDITORS = (auditor(101), auditor(102), auditor(103))
PEOPLE = tuple(key(number) for number in (11, 12, 13))
SENDERS = (ADMIN, *PEOPLE)


def issuance(number: int = 1, **changes: Any) -> Issuance:  # noqa: ANN401 - any field
    """A statement of a subject of its own, held by the first of the people."""
    fields: dict[str, Any] = {
        "holder": PEOPLE[0].address,
        "kind": IssuanceKind.AUDITED_EMISSIONS,
        "region": 0,
        "from_month_ym": 202403,
        "to_month_ym": 202404,
        "revision": 1,
        "subject": keccak(b"subject %d" % number),
        "inputs_root": keccak(b"inputs %d" % number),
        "manifest_hash": keccak(b"manifest %d" % number),
        "method_hash": METHOD_HASH,
        "gross_location_g_co2e": 123_456,
        "gross_market_g_co2e": 120_000,
        "retired_g_co2e": 1_000,
        "net_g_co2e": 119_000,
    }
    return Issuance(**{**fields, **changes})


def unit(number: int = 1, amount: int = 1_000, **changes: Any) -> Issuance:  # noqa: ANN401 - any field
    """Offsets of a project of its own, grams; RECs in watt-hours where the kind says so."""
    fields: dict[str, Any] = {
        "kind": IssuanceKind.OFFSET,
        "gross_location_g_co2e": 0,
        "gross_market_g_co2e": 0,
        "retired_g_co2e": 0,
        "net_g_co2e": amount,
    }
    return issuance(number, **{**fields, **changes})


def by_leaf(issuances: Sequence[Issuance]) -> list[Issuance]:
    """In the order that `issue_many` wants."""
    return sorted(issuances, key=leaf_of)


def words(one: Issuance) -> tuple[Any, ...]:
    """An issuance as the contract's functions take it."""
    fields = [getattr(one, name) for name in one.__dataclass_fields__]
    return (one.holder.lower(), int(one.kind), *fields[2:])


class Scene:
    """A contract that was deployed now, with three auditors of region 0, and one each of regions 1 and 2.

    Args:
        request: One JSON-RPC exchange; raises `RpcRefusal`.
        abi: The contract's.
        creation: Its creation code.
        quorum: How many must sign.
    """

    def __init__(self, request: Request, abi: Sequence[Mapping[str, Any]], creation: bytes, *, quorum: int = 2) -> None:
        self.request = request
        # Of functions of one name the one with most inputs: OpenZeppelin has a `totalSupply` of everything too.
        functions = sorted((entry for entry in abi if entry["type"] == "function"), key=lambda entry: len(entry["inputs"]))
        self.functions = {
            entry["name"]: (
                f"{entry['name']}({','.join(_type(part) for part in entry['inputs'])})",
                [_type(part) for part in entry["inputs"]],
                [_type(part) for part in entry["outputs"]],
            )
            for entry in functions
        }
        self.chain_id = int(request("eth_chainId", []), 16)
        self.nonces: dict[str, int] = {}
        self.epoch = 1
        self.signers: Sequence[AuditorKey] = ()
        self.deadline_s = DEADLINE_S
        self.contract = ""
        auditors = [(one.address, regions) for one, regions in zip(AUDITORS, (1, 1, 1), strict=True)]
        auditors += [(auditor(104).address, 0b110), (auditor(105).address, 0b110)]
        arguments = encode(["address", "uint8", "(address,uint256)[]"], [ADMIN.address, quorum, auditors])
        self.contract = self.create(creation + arguments)

    # ---- calls ----

    def create(self, creation: bytes, sender: RelayerKey = ADMIN) -> str:
        """Checksummed address of a contract that is made now."""
        receipt = self._mine(sender, "", creation)
        assert receipt["status"] == "0x1", "the contract was not made"
        self.deployment_gas = int(receipt["gasUsed"], 16)
        return to_checksum_address(receipt["contractAddress"])

    def call(self, sender: RelayerKey, function: str, *arguments: object) -> Outcome:
        """A transaction to the contract."""
        return self.call_data(sender, self.contract, self.encode(function, *arguments))

    def call_data(self, sender: RelayerKey, to: str, data: bytes) -> Outcome:
        """A transaction to any contract."""
        receipt = self._mine(sender, to, data)
        logs = tuple(
            (tuple(entry["topics"]), entry["data"])
            for entry in receipt["logs"]
            if entry["address"].lower() == self.contract.lower()
        )
        is_done = receipt["status"] == "0x1"
        reason = "" if is_done else self._reason(sender.address, to, data)
        return Outcome(is_done, reason, int(receipt["gasUsed"], 16), logs)

    def view(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - what the ABI says
        """What a view answers; a tuple where it gives several values."""
        answer = self.request("eth_call", [{"to": self.contract, "data": _hex(self.encode(function, *arguments))}, "latest"])
        values = decode(self.functions[function][2], bytes.fromhex(answer[2:]))
        return values[0] if len(values) == 1 else values

    def encode(self, function: str, *arguments: object) -> bytes:
        """Calldata."""
        signature, types, _ = self.functions[function]
        return keccak(signature.encode())[:4] + encode(types, arguments)

    def _mine(self, sender: RelayerKey, to: str, data: bytes) -> Any:  # noqa: ANN401 - JSON
        nonce = self.nonces.setdefault(sender.address, self._nonce(sender.address))
        raw, transaction_hash = sender.sign_transaction(
            {
                "chainId": self.chain_id,
                "nonce": nonce,
                "gas": GAS,
                "maxFeePerGas": MAX_FEE_WEI,
                "maxPriorityFeePerGas": 0,
                "to": to,
                "value": 0,
                "data": data,
            }
        )
        self.request("eth_sendRawTransaction", [_hex(raw)])
        self.nonces[sender.address] = nonce + 1
        receipt = None
        while receipt is None:  # a node may need a moment
            receipt = self.request("eth_getTransactionReceipt", [_hex(transaction_hash)])
        return receipt

    def _nonce(self, address: str) -> int:
        return int(self.request("eth_getTransactionCount", [address, "latest"]), 16)

    def _reason(self, sender: str, to: str, data: bytes) -> str:
        call = {"from": sender, "to": to, "data": _hex(data), "gas": hex(GAS)}
        try:
            self.request("eth_call", [call, "latest"])
        except RpcRefusal as refusal:
            if refusal.data[:4] == keccak(b"Error(string)")[:4]:
                return str(decode(["string"], refusal.data[4:])[0])
            return ""
        raise AssertionError("the call was refused in its block and is not refused after it")

    # ---- what auditors sign ----

    @contextmanager
    def signing(self, **terms: Any) -> Iterator[None]:  # noqa: ANN401 - of several types
        """Other `signers`, `epoch` or `deadline_s` for a while."""
        former = {name: getattr(self, name) for name in terms}
        vars(self).update(terms)
        try:
            yield
        finally:
            vars(self).update(former)

    def deadline(self, deadline_s: int | None = None) -> int:
        """Epoch and last second in one word."""
        return self.epoch << 64 | (self.deadline_s if deadline_s is None else deadline_s)

    def compact(self, digest: bytes, signers: Sequence[AuditorKey]) -> list[tuple[int, int]]:
        """Signatures of a digest in the contract's order."""
        return [to_compact(one) for one in sort_signatures(digest, [signer.sign_digest(digest) for signer in signers])]

    def envelope(self, root: bytes, count: int, *, region: int = 0, deadline_s: int | None = None) -> Envelope:
        """An envelope of the present epoch."""
        until = self.deadline_s if deadline_s is None else deadline_s
        return Envelope(root, count, region, METHOD_HASH, until, self.epoch)

    def signatures(self, envelope: Envelope, signers: Sequence[AuditorKey] = ()) -> list[tuple[int, int]]:
        """Signatures of the region's first two auditors, or of these."""
        digest = envelope_digest(envelope, chain_id=self.chain_id, contract=self.contract)
        return self.compact(digest, signers or self.signers or _quorum(envelope.region))

    @cached_property
    def _domain(self) -> dict[str, Any]:
        return {"chain_id": self.chain_id, "contract": self.contract}

    # ---- entries, everything in order ----

    def anchor(self, issuances: Sequence[Issuance], sender: RelayerKey = ADMIN) -> Outcome:
        """Anchor the batch of these statements."""
        envelope = self.envelope(root_of(issuances), len(issuances), region=issuances[0].region)
        return self.call(
            sender,
            "anchor",
            envelope.root,
            envelope.count,
            envelope.region,
            METHOD_HASH,
            self.deadline(),
            self.signatures(envelope),
        )

    def issue(self, one: Issuance, sender: RelayerKey = ADMIN, *, entry: str = "issue") -> Outcome:
        """Issue a statement alone."""
        envelope = self.envelope(leaf_of(one), 1, region=one.region)
        return self.call(sender, entry, words(one), self.deadline(), self.signatures(envelope))

    def supersede(self, one: Issuance, sender: RelayerKey = ADMIN) -> Outcome:
        """Issue a restated statement alone."""
        return self.issue(one, sender, entry="supersede")

    def issue_many(self, issuances: Sequence[Issuance], sender: RelayerKey = ADMIN) -> Outcome:
        """Issue a batch, in the order given."""
        leaves = [leaf_of(one) for one in issuances]
        root = batch_root(leaves) if leaves and len(set(leaves)) == len(leaves) else bytes(32)
        envelope = self.envelope(root, len(issuances), region=issuances[0].region if issuances else 0)
        return self.call(sender, "issue_many", *self.batch(envelope, issuances), self.deadline(), self.signatures(envelope))

    def batch(self, envelope: Envelope, issuances: Sequence[Issuance]) -> tuple[Any, ...]:
        """A batch as `issue_many` takes it."""
        return envelope.root, envelope.region, envelope.method_hash, [pack_item(one) for one in issuances]

    def claim(self, issuances: Sequence[Issuance], index: int, sender: RelayerKey = ADMIN) -> Outcome:
        """Claim one statement of a batch."""
        root, proofs = batch_proofs([leaf_of(one) for one in issuances])
        return self.claim_with(root, issuances[index], proofs[leaf_of(issuances[index])], sender)

    def claim_with(self, root: bytes, one: Issuance, proof: Sequence[bytes], sender: RelayerKey = ADMIN) -> Outcome:
        """Claim with any proof."""
        return self.call(sender, "claim", root, one.method_hash, pack_item(one), list(proof))

    def revoke(
        self,
        token: int,
        *,
        region: int = 0,
        signers: Sequence[AuditorKey] = (),
        deadline_s: int | None = None,
        sender: RelayerKey = ADMIN,
    ) -> Outcome:
        """Withdraw a statement."""
        until = self.deadline_s if deadline_s is None else deadline_s
        digest = revocation_digest(
            token, region=region, reason_hash=REASON_HASH, deadline_s=until, epoch=self.epoch, **self._domain
        )
        signed = self.compact(digest, signers or self.signers or _quorum(region))
        return self.call(sender, "revoke", token, region, REASON_HASH, self.deadline(until), signed)

    def revoke_batch(self, root: bytes, signers: Sequence[AuditorKey] = (), sender: RelayerKey = ADMIN) -> Outcome:
        """Let nothing more be claimed from a batch."""
        digest = batch_revocation_digest(
            root, reason_hash=REASON_HASH, deadline_s=self.deadline_s, epoch=self.epoch, **self._domain
        )
        return self.call(
            sender,
            "revoke_batch",
            root,
            REASON_HASH,
            self.deadline(),
            self.compact(digest, signers or self.signers or AUDITORS[:2]),
        )

    def pause(self) -> Outcome:
        """Stop what is new."""
        outcome = self.call(ADMIN, "pause")
        self.epoch += outcome.is_done
        return outcome

    def unpause(self) -> Outcome:
        """Go on."""
        outcome = self.call(ADMIN, "unpause")
        self.epoch += outcome.is_done
        return outcome

    # ---- views ----

    def status(self, one: Issuance) -> int:
        """0 none, 1 active, 2 superseded, 3 revoked."""
        return int(self.view("token_of", token_id(one))[3])

    def balance(self, owner: RelayerKey | str, one: Issuance) -> int:
        """What an account has of a token."""
        return int(self.view("balanceOf", owner if isinstance(owner, str) else owner.address, token_id(one)))


def root_of(issuances: Sequence[Issuance]) -> bytes:
    """Root of a batch."""
    return batch_root([leaf_of(one) for one in issuances])


def _quorum(region: int) -> Sequence[AuditorKey]:
    return AUDITORS[:2] if region == 0 else (auditor(104), auditor(105))


def _type(entry: Mapping[str, Any]) -> str:
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(part) for part in entry['components'])}){kind.removeprefix('tuple')}"


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
