"""The shipped artifact is what the source compiles to."""

from hashlib import sha256
from pathlib import Path

import pytest

from ledger.contract import compile as compiling
from ledger.contract.artifact import ARTIFACT_PATH, SOURCE_PATH, load_artifact

# The compiler is part of the `dev` extra; a skip is a failure where CI=true.
pytest.importorskip("vyper")


def test_artifact_is_recompiled_byte_for_byte() -> None:
    """Compiling the committed source gives the committed file."""
    assert compiling.main(["--check"]) == 0


def test_changed_artifact_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One changed byte in the artifact fails the check and says what to do."""
    changed = tmp_path / "climate_statements.json"
    changed.write_bytes(ARTIFACT_PATH.read_bytes().replace(b"5f", b"5e", 1))
    monkeypatch.setattr(compiling, "ARTIFACT_PATH", changed)
    assert compiling.main(["--check"]) == 1
    assert "is not what the source compiles to; run python -m ledger.contract.compile" in capsys.readouterr().err


def test_artifact_names_its_source() -> None:
    """The artifact names compiler, settings and the hash of its source."""
    artifact = load_artifact()
    assert artifact.source_sha256_hex == sha256(SOURCE_PATH.read_bytes()).hexdigest()
    assert (artifact.compiler, artifact.evm_version, artifact.optimize) == ("vyper 0.4.3", "prague", "gas")


def test_code_fits_the_chain() -> None:
    """The deployed code is under EIP-170's 24,576 bytes."""
    assert len(load_artifact().deployed_bytecode) < 24_576
