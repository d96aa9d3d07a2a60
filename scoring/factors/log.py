"""The factor set as an append-ordered RFC 6962 log: its identity, and the proof that one row is in it."""

from collections.abc import Sequence
from functools import cached_property

from domain.factor import EmissionFactor
from domain.merkle import inclusion_proof, leaf_hash, merkle_root


class FactorLog:
    """The log over the rows' canonical bytes, in the order of their admission.

    Args:
        factors: All rows ever admitted, oldest first.
    """

    def __init__(self, factors: Sequence[EmissionFactor]) -> None:
        self._factors = factors

    @cached_property
    def leaf_hashes(self) -> tuple[bytes, ...]:
        """Leaf hash of every row, in order."""
        return tuple(leaf_hash(factor.canonical_bytes) for factor in self._factors)

    @cached_property
    def root(self) -> bytes:
        """Root over all rows, 32 bytes."""
        return merkle_root(self.leaf_hashes)

    def path(self, index: int) -> tuple[bytes, ...]:
        """Hashes that lead from one row to the root, from the leaf upwards."""
        return inclusion_proof(index, self.leaf_hashes)


def log_id(factors: Sequence[EmissionFactor]) -> tuple[int, bytes]:
    """Size and root of the log over these rows."""
    return len(factors), FactorLog(factors).root
