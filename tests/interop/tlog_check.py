"""Run by a Python that has aics-tlog: what that says of inclusion and consistency proofs, given as JSON on standard input."""

import json
import sys
from typing import Any

from aics_tlog.tree import verify_consistency, verify_inclusion


def holds(check: dict[str, Any]) -> bool:
    """Whether aics-tlog takes one proof."""
    values = {name: bytes.fromhex(value) for name, value in check["hashes"].items()}
    proof = [bytes.fromhex(node) for node in check["proof"]]
    if check["kind"] == "inclusion":
        return bool(verify_inclusion(values["leaf"], check["index"], check["size"], proof, values["root"]))
    return bool(verify_consistency(check["former_size"], check["size"], values["former_root"], values["root"], proof))


json.dump([holds(check) for check in json.load(sys.stdin)], sys.stdout)
