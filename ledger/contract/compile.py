"""Compiles the contract again. For developers and CI only: the shipped artifact needs no compiler.

    python -m ledger.contract.compile           writes the artifact
    python -m ledger.contract.compile --check   exits 1 where the committed artifact is not byte for byte what it would write

The compiler is pinned (`# pragma version`): another version gives other bytes. Bytecode metadata is left out, so that the
bytes depend on the source, the compiler and its two settings alone.
"""

import argparse
import json
import sys
from hashlib import sha256

from ledger.contract.artifact import ARTIFACT_PATH, SOURCE_PATH

EVM_VERSION = "prague"
OPTIMIZE = "gas"


def compile_artifact() -> bytes:
    """The artifact file's bytes, compiled now from the source beside this file."""
    # Here and not above, so that importing this module does not need the developers' compiler.
    import vyper  # type: ignore[import-untyped]  # noqa: PLC0415
    from vyper.compiler import compile_code  # type: ignore[import-untyped]  # noqa: PLC0415
    from vyper.compiler.settings import OptimizationLevel, Settings  # type: ignore[import-untyped]  # noqa: PLC0415

    source = SOURCE_PATH.read_text(encoding="utf-8")
    output = compile_code(
        source,
        output_formats=("abi", "bytecode", "bytecode_runtime"),
        settings=Settings(evm_version=EVM_VERSION, optimize=OptimizationLevel.from_string(OPTIMIZE)),
        no_bytecode_metadata=True,
    )
    artifact = {
        "name": SOURCE_PATH.stem,
        "compiler": f"vyper {vyper.__version__}",
        "evm_version": EVM_VERSION,
        "optimize": OPTIMIZE,
        "source_sha256_hex": sha256(source.encode("utf-8")).hexdigest(),
        "abi": output["abi"],
        "bytecode_hex": output["bytecode"].removeprefix("0x"),
        "deployed_bytecode_hex": output["bytecode_runtime"].removeprefix("0x"),
    }
    return (json.dumps(artifact, indent=1, sort_keys=True) + "\n").encode("ascii")


def main(arguments: list[str] | None = None) -> int:
    """Write or check the artifact; gives the exit code.

    Args:
        arguments: Command line without the program's name; the process's own by default.
    """
    parser = argparse.ArgumentParser(prog="python -m ledger.contract.compile", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed artifact, write nothing")
    compiled = compile_artifact()
    if parser.parse_args(arguments).check:
        if ARTIFACT_PATH.read_bytes() != compiled:
            sys.stderr.write(f"{ARTIFACT_PATH.name} is not what the source compiles to; run python -m ledger.contract.compile\n")
            return 1
        return 0
    ARTIFACT_PATH.write_bytes(compiled)
    return 0


if __name__ == "__main__":
    sys.exit(main())
