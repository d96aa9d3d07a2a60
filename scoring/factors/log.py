"""The factor set as an append-ordered RFC 6962 log: its identity, and the proof that one entry is in it.

An entry is a published row, or a whole table of parameters by the hash of its file. Everything that a result depends on is in it.
"""

from collections.abc import Sequence
from functools import cached_property

from domain.canonical import Json, to_canonical
from domain.merkle import EMPTY_ROOT, HASH_SIZE, merkle_levels

PARAMETERS_FORMAT = "climate-fitness/parameter-table/1"
"""Name and version of a parameter table's entry."""


class FactorLog:
    """The log over the entries' leaf hashes, in the order of their admission.

    Args:
        leaf_hashes: Leaf hashes of all entries ever admitted, oldest first, 32 bytes each, one after the other.
    """

    def __init__(self, leaf_hashes: bytes) -> None:
        self._bytes = leaf_hashes

    @cached_property
    def leaf_hashes(self) -> Sequence[bytes]:
        """Leaf hash of every entry, in order."""
        return [self._bytes[at : at + HASH_SIZE] for at in range(0, len(self._bytes), HASH_SIZE)]

    @cached_property
    def root(self) -> bytes:
        """Root over all entries, 32 bytes."""
        return self._levels[-1][0] if self.leaf_hashes else EMPTY_ROOT

    def path(self, index: int) -> tuple[bytes, ...]:
        """Hashes that lead from one entry to the root, from the leaf upwards.

        Args:
            index: Position of the entry.

        Returns:
            What `inclusion_proof` gives, without hashing everything again.

        Raises:
            IndexError: There is no such entry.
        """
        if not 0 <= index < len(self.leaf_hashes):
            raise IndexError(f"expected an entry from 0 to {len(self.leaf_hashes) - 1}, got {index}")
        siblings = ((level, (index >> height) ^ 1) for height, level in enumerate(self._levels[:-1]))
        return tuple(level[at] for level, at in siblings if at < len(level))

    @cached_property
    def _levels(self) -> Sequence[Sequence[bytes]]:
        return merkle_levels(self.leaf_hashes)


def parameter_entry(table: dict[str, Json], sha256_hex: str) -> bytes:
    """Canonical bytes of a parameter table's entry in the log.

    Args:
        table: What `tables.json` says of it: name, publisher, edition, columns, licence, note, source_url.
        sha256_hex: SHA-256 of its file.

    Returns:
        The entry.
    """
    return to_canonical({**table, "format": PARAMETERS_FORMAT, "sha256": sha256_hex})
