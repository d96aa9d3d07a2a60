"""Our proofs in other people's checkers: npm @openzeppelin/merkle-tree, pymerkle, aics-tlog and eth-account.

Everything is taken from exported files as a stranger gets them, and from the type strings in docs/ledger.md; no hash of ours is
asked. Each checker is also given proofs that are wrong, which it must refuse: one that says yes to all proves nothing.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest as hmac_digest
from pathlib import Path
from typing import Any

import pymerkle
import pytest
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from pymerkle.proof import InclusionProof

from app.assemble import open_desk
from app.store import statements
from app.usecases.close_month_end import close_open, endorse_month_end
from app.usecases.disclose import disclose_record, show_inputs
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.send_outbox import send_outbox
from domain.period import MonthRange
from ledger import merkle
from tests.app.usecases.installation import Installation

pytestmark = pytest.mark.interop

HERE = Path(__file__).parent
LEDGER_DOC = HERE.parents[1] / "docs" / "ledger.md"
MONTH = MonthRange.from_text("2025-04")
SUBJECTS_COUNT = 7
TLOG = "aics-tlog==0.2.1"


@dataclass(frozen=True)
class Exported:
    """Files of one batch, as strangers get them.

    Attributes:
        bundles: With everything.
        disclosures: One record each.
    """

    bundles: tuple[dict[str, Any], ...]
    disclosures: tuple[dict[str, Any], ...]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """Seven households, closed and signed as one batch."""
    made = Installation.open(tmp_path_factory.mktemp("batch"))
    everybody = [made.household(f"Household {number}") for number in range(SUBJECTS_COUNT)]
    for number, whose in enumerate(everybody):
        for day in range(1, 4 + number):
            made.stay(whose, f"2025-04-{day:02d}")
    desk = open_desk(made.services)
    assert [one for step in close_open(made.services, MONTH) for one in step.refused] == []
    assert list(endorse_month_end(made.services, desk, MONTH)) == []
    send_outbox(made.services, desk)
    bundles, disclosures = [], []
    with made.looking() as work:
        for whose in everybody:
            (row,) = statements.of_subject(work.session, whose.tenant_id, whose.subject_id)
            bundles.append(json.loads(export_bundle(work, row, Shown.EVERYTHING).to_bytes()))
            record = show_inputs(work, row)[0].records[-1]
            disclosures.append(json.loads(disclose_record(work, row, record.record_id).to_bytes()))
    yield Exported(tuple(bundles), tuple(disclosures))
    desk.close()
    made.close()


def type_of(name: str) -> list[dict[str, str]]:
    """Fields of an EIP-712 type, from the document."""
    found = re.search(rf"^{name}\((.*)\)$", LEDGER_DOC.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return [dict(zip(("type", "name"), field.split(" "), strict=True)) for field in found[1].split(",")]


def typed(primary: str, message: dict[str, Any], bundle: dict[str, Any]) -> SignableMessage:
    """What eth-account makes of a struct of a bundle."""
    types = type_of(primary)
    content = {
        field["name"]: int(message[field["name"]])
        if "int" in field["type"]
        else f"0x{message[field['name']]}"
        if field["type"] == "bytes32"
        else message[field["name"]]
        for field in types
    }
    domain = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
    return encode_typed_data(
        full_message={
            "types": {"EIP712Domain": [{"name": n, "type": t} for n, t in domain.items()], primary: types},
            "primaryType": primary,
            "domain": {
                "name": "Climate Statements",
                "version": "1",
                "chainId": int(bundle["chain"]["chain_id"]),
                "verifyingContract": bundle["chain"]["contract"],
            },
            "message": content,
        }
    )


def changed(hex_text: str) -> str:
    """Hexadecimal text with its first digit changed."""
    return ("1" if hex_text[0] == "0" else "0") + hex_text[1:]


def test_eth_account_recovers_the_signers(exported: Exported) -> None:
    """From the bundle's typed data eth-account recovers the address that the bundle names; of another envelope it does not."""
    for bundle in exported.bundles:
        named = [auditor["address"] for auditor in bundle["auditors"]]
        signable = typed("Envelope", bundle["envelope"], bundle)
        assert [Account.recover_message(signable, signature=bytes.fromhex(one)) for one in bundle["signatures"]] == named
        for other in ({"count": bundle["envelope"]["count"] + 1}, {"epoch": 9}, {"root": changed(bundle["envelope"]["root"])}):
            forged = typed("Envelope", {**bundle["envelope"], **other}, bundle)
            assert Account.recover_message(forged, signature=bytes.fromhex(bundle["signatures"][0])) not in named


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with OpenZeppelin's tree."""
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([*command, "@openzeppelin/merkle-tree@1.0.8"], cwd=folder, check=True, capture_output=True, timeout=300)
    (folder / "merkle.mjs").write_bytes((HERE / "merkle.mjs").read_bytes())
    return folder


def openzeppelin(folder: Path, values: Sequence[str], proofs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What OpenZeppelin's tree says."""
    run = subprocess.run(
        [shutil.which("node") or "node", "merkle.mjs"],
        cwd=folder,
        input=json.dumps({"values": values, "proofs": proofs}),
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_openzeppelin_takes_the_batch(exported: Exported, node_folder: Path) -> None:
    """Over eth-account's struct hashes, OpenZeppelin makes the signed root and takes every proof, and no changed one."""
    values = ["0x" + typed("Issuance", bundle["issuance"], bundle).body.hex() for bundle in exported.bundles]
    root = exported.bundles[0]["envelope"]["root"]
    proofs: list[dict[str, Any]] = [
        {"root": f"0x{root}", "value": value, "proof": [f"0x{node}" for node in bundle["batch_proof"]]}
        for value, bundle in zip(values, exported.bundles, strict=True)
    ]
    wrong = []
    for index, one in enumerate(proofs):
        path = list(one["proof"])
        other = proofs[index - 1]
        wrong += [
            {**one, "value": other["value"]},
            {**one, "proof": path[:-1]},
            {**one, "proof": [*path, path[0]]},
            {**one, "proof": ["0x" + changed(path[0][2:]), *path[1:]]},
            {**one, "root": "0x" + changed(root)},
        ]
    found = openzeppelin(node_folder, values, [*proofs, *wrong])
    assert {bundle["envelope"]["root"] for bundle in exported.bundles} == {root}
    assert found["root"] == f"0x{root}"
    assert found["verdicts"] == [True] * len(proofs) + [False] * len(wrong)
    assert found["proofs"] == [one["proof"] for one in proofs]


@dataclass(frozen=True)
class SaltedTree:
    """The inputs tree of a bundle, made of the byte layouts in docs/ledger.md.

    Attributes:
        groups: Entries (salt and leaf) of each group, in order.
        group_hashes: The groups' nodes.
        root: The root that the manifest names.
    """

    groups: tuple[tuple[bytes, ...], ...]
    group_hashes: tuple[bytes, ...]
    root: bytes


def tree_of(bundle: dict[str, Any]) -> SaltedTree:
    """The tree, its subtrees hashed by pymerkle."""
    key, index = bytes.fromhex(bundle["keys"]["inputs"]), 0
    groups, hashes = [], []
    for group_index, group in enumerate(bundle["groups"]):
        entries: list[bytes] = []
        totals: dict[str, str] = {}
        for leaf in group["leaves"]:
            entries.append(hmac_digest(key, index.to_bytes(8, "big"), "sha256") + leaf.encode())
            index += 1
            for activity in json.loads(leaf)["activities"]:
                name = sha256(json.dumps(activity["key"], sort_keys=True, separators=(",", ":")).encode()).hexdigest()
                totals[name] = str(int(totals.get(name, "0")) + int(activity["quantity_micro"]))
        about = {"group": group["group"], "leaf_count": len(entries), "totals": totals}
        salt = hmac_digest(key, b"group" + group_index.to_bytes(8, "big"), "sha256")
        hidden = sha256(b"\x03" + salt + json.dumps(about, sort_keys=True, separators=(",", ":")).encode()).digest()
        hashes.append(sha256(b"\x02" + hidden + pymerkle_tree(entries).get_root()).digest())
        groups.append(tuple(entries))
    return SaltedTree(tuple(groups), tuple(hashes), bytes.fromhex(json.loads(bundle["manifest"])["inputs"]["root"]))


def pymerkle_tree(entries: Sequence[bytes]) -> Any:  # noqa: ANN401  # pymerkle has no types
    """Entries in pymerkle's tree, which hashes them as RFC 6962 leaves."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    return tree


def test_pymerkle_makes_the_inputs_root(exported: Exported) -> None:
    """Subtrees by pymerkle, groups above them by hand: the root that auditors signed."""
    for bundle in exported.bundles:
        tree = tree_of(bundle)
        assert merkle_of(tree.group_hashes) == tree.root
        assert bundle["issuance"]["inputs_root"] == tree.root.hex()


def merkle_of(nodes: Sequence[bytes]) -> bytes:
    """RFC 6962's root over hashes, written from its definition."""
    if len(nodes) == 1:
        return nodes[0]
    split = 1 << (len(nodes) - 1).bit_length() - 1
    return sha256(b"\x01" + merkle_of(nodes[:split]) + merkle_of(nodes[split:])).digest()


def test_pymerkle_takes_disclosed_records(exported: Exported) -> None:
    """The way of a disclosed record inside its group is pymerkle's own proof; another record's hash it refuses."""
    for bundle, disclosure in zip(exported.bundles, exported.disclosures, strict=True):
        leaf = disclosure["leaf"]
        entry = bytes.fromhex(leaf["salt"]) + leaf["text"].encode()
        (entries,) = tree_of(bundle).groups
        tree = pymerkle_tree(entries)
        proof = tree.prove_inclusion(entries.index(entry) + 1)
        ours = [bytes.fromhex(node["sibling"]) for node in leaf["path"]]
        base = sha256(b"\x00" + entry).digest()
        assert proof.path[1:] == ours
        assert [bit == 1 for bit in proof.rule[: len(ours)]] == [node["side"] == "left" for node in leaf["path"]]
        rebuilt = InclusionProof.deserialize({**proof.serialize(), "path": [base.hex(), *(node.hex() for node in ours)]})
        pymerkle.verify_inclusion(base, tree.get_root(), rebuilt)
        other = sha256(b"\x00" + entries[entries.index(entry) - 1]).digest()
        with pytest.raises(pymerkle.InvalidProof):
            pymerkle.verify_inclusion(other, tree.get_root(), rebuilt)


@pytest.fixture(scope="module")
def tlog_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has aics-tlog, which needs 3.12: this one, or another one of this machine."""
    newer = next((found for name in ("python3.13", "python3.12") if (found := _working(name))), None)
    python = Path(sys.executable) if sys.version_info >= (3, 12) else newer
    if python is None:
        pytest.skip("aics-tlog needs Python 3.12 or newer, and this machine has none; CI leaves this out by name where it is so")
    folder = tmp_path_factory.mktemp("tlog")
    subprocess.run([python, "-m", "venv", folder], check=True, timeout=120)
    command = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", TLOG]
    subprocess.run(command, check=True, timeout=300, env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **_index()})
    return folder / "bin/python"


def _working(name: str) -> Path | None:
    """A Python by its name, where it really starts."""
    found = shutil.which(name)
    is_working = found and subprocess.run([found, "-c", "import venv"], capture_output=True, check=False).returncode == 0
    return Path(found) if found and is_working else None


def _index() -> dict[str, str]:
    """Where packages come from, as it is set for this machine; its constraints are for our own Python."""
    import os

    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "SSL_", "REQUESTS_")) and "CONSTRAINT" not in name
    }


def tlog(python: Path, checks: Sequence[dict[str, object]]) -> list[bool]:
    """What aics-tlog says of each proof."""
    run = subprocess.run(
        [python, HERE / "tlog_check.py"], input=json.dumps(checks), capture_output=True, check=True, text=True, timeout=120
    )
    found: list[bool] = json.loads(run.stdout)
    return found


def inclusion(index: int, hashes: Sequence[bytes], root: bytes, proof: Sequence[bytes], *, size: int = 0) -> dict[str, object]:
    """An inclusion proof, to be asked about."""
    return {
        "kind": "inclusion",
        "index": index,
        "size": size or len(hashes),
        "hashes": {"leaf": hashes[index].hex(), "root": root.hex()},
        "proof": [node.hex() for node in proof],
    }


def test_aics_tlog_takes_inputs_and_factors(exported: Exported, tlog_python: Path) -> None:
    """Every record in its group, every group below the signed root, every factor in its log; no wrong one."""
    right, wrong = [], []
    for bundle in exported.bundles:
        tree = tree_of(bundle)
        levels = [([sha256(b"\x00" + entry).digest() for entry in group], None) for group in tree.groups]
        for hashes, root in [*levels, (list(tree.group_hashes), tree.root)]:
            for index in range(len(hashes)):
                proof = merkle.inclusion_proof(index, hashes)
                top = root or merkle.root(hashes)
                right.append(inclusion(index, hashes, top, proof))
                wrong.append(inclusion(index, hashes, sha256(top).digest(), proof))
                wrong.append(inclusion(index, hashes, top, (*proof, top)))
                if proof:
                    wrong.append(inclusion(index, hashes, top, proof[:-1]))
                    wrong.append(inclusion(index, hashes, top, (sha256(proof[0]).digest(), *proof[1:])))
        log = json.loads(bundle["manifest"])["factor_set"]
        for factor in bundle["factors"]:
            row = {
                "kind": "inclusion",
                "index": factor["index"],
                "size": log["size"],
                "hashes": {"leaf": sha256(b"\x00" + factor["row"].encode()).hexdigest(), "root": log["root"]},
                "proof": factor["path"],
            }
            right.append(row)
            wrong += [{**row, "index": factor["index"] ^ 1}, {**row, "proof": factor["path"][1:]}]
    assert tlog(tlog_python, right) == [True] * len(right)
    assert tlog(tlog_python, wrong) == [False] * len(wrong)


def test_aics_tlog_takes_every_consistency_proof(tlog_python: Path) -> None:
    """Our consistency proofs of all pairs up to size 64, and none with another root, a node less or a node more."""
    hashes = [sha256(bytes([index])).digest() for index in range(64)]
    right, wrong = [], []
    for size in range(1, 65):
        for former_size in range(1, size + 1):
            proof = merkle.consistency_proof(former_size, hashes[:size])
            one = {
                "kind": "consistency",
                "former_size": former_size,
                "size": size,
                "hashes": {"former_root": merkle.root(hashes[:former_size]).hex(), "root": merkle.root(hashes[:size]).hex()},
                "proof": [node.hex() for node in proof],
            }
            right.append(one)
            wrong.append({**one, "hashes": {**one["hashes"], "root": "ab" * 32}})  # type: ignore[dict-item]  # a dict
            wrong.append({**one, "proof": [*one["proof"], "ab" * 32]})  # type: ignore[misc]  # a list
            if proof:
                wrong.append({**one, "proof": one["proof"][:-1]})  # type: ignore[index]  # a list
    assert len(right) == 2080
    assert tlog(tlog_python, right) == [True] * len(right)
    assert tlog(tlog_python, wrong) == [False] * len(wrong)
