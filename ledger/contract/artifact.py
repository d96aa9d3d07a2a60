"""The compiled contract as it is shipped: nothing at run time needs a compiler."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ARTIFACT_PATH = Path(__file__).with_name("climate_statements.json")
SOURCE_PATH = Path(__file__).with_name("climate_statements.vy")


@dataclass(frozen=True)
class Artifact:
    """One compiled contract.

    Attributes:
        name: The source file's stem.
        compiler: Compiler and version that gave these bytes.
        evm_version: Fork that the code is compiled for.
        optimize: The compiler's optimisation goal.
        source_sha256_hex: SHA-256 of the source file, 64 hexadecimal digits.
        abi: The contract's application binary interface (entries of Ethereum's ABI JSON).
        bytecode: What a deployment sends, before the constructor's arguments.
        deployed_bytecode: What stands on the chain afterwards; the contract has no immutables.
    """

    name: str
    compiler: str
    evm_version: str
    optimize: str
    source_sha256_hex: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    deployed_bytecode: bytes


@cache
def load_artifact() -> Artifact:
    """The artifact that is committed beside the source."""
    fields = json.loads(ARTIFACT_PATH.read_bytes())
    return Artifact(
        **{name: fields[name] for name in ("name", "compiler", "evm_version", "optimize", "source_sha256_hex", "abi")},
        bytecode=bytes.fromhex(fields["bytecode_hex"]),
        deployed_bytecode=bytes.fromhex(fields["deployed_bytecode_hex"]),
    )
