"""The factor set: every admitted row, found by what it is for; its identity, and proofs of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from domain.errors import FactorSetError, NotFoundError
from domain.factor import CompiledFactor, EmissionFactor, FactorSetId, GwpSet, LifeCycleScope
from domain.number import decimal_from_text, fraction_of
from scoring.factors.compile import GwpValues, compile_factor
from scoring.factors.log import FactorLog
from scoring.regions import RegionGraph


@dataclass(frozen=True)
class PublishedParameter:
    """A published number that is no emission factor.

    Attributes:
        name: "gwp100_ch4", "grid_gross_loss", "consumption_co2_per_person".
        region: Region path; for a GWP the report.
        year: Calendar year of the data.
        value_text: Published decimal text.
        unit: Unit of the value.
        publisher: Who published it.
        edition: Edition as the publisher names it.
        source_url: Where.
        note: What a reader must know.
    """

    name: str
    region: str
    year: int
    value_text: str
    unit: str
    publisher: str
    edition: str
    source_url: str
    note: str


@dataclass(frozen=True)
class RowProof:
    """That one row is in the factor set.

    Attributes:
        row: The row's canonical bytes.
        index: Its position in the log.
        size: Rows of the log.
        path: Hashes from the leaf upwards, 32 bytes each.
    """

    row: bytes
    index: int
    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, eq=False)
class FactorSet:
    """All rows ever admitted, oldest first.

    Attributes:
        factors: The rows.
        parameters: Published numbers that are no factors.
        regions: What lies inside what.
        id: Size and root of the log.
        version: Version of the data set: "2026.11.0".

    Invariant: immutable; two sets with one `id` hold the same rows. Compared by identity, so it can be a cache's key.
    """

    factors: tuple[EmissionFactor, ...] = field(repr=False)
    parameters: tuple[PublishedParameter, ...] = field(repr=False)
    regions: RegionGraph = field(repr=False)
    id: FactorSetId
    version: str

    def rows(
        self, kind: str, region: str, *, rates: Sequence[str] = (), scopes: Sequence[LifeCycleScope] = ()
    ) -> tuple[EmissionFactor, ...]:
        """Rows of one kind and region, oldest admitted first.

        Args:
            kind: Name of the kind.
            region: Exactly this region.
            rates: Only these rates; any where empty.
            scopes: Only these life-cycle scopes; any where empty.

        Returns:
            The rows; none where the set holds none.
        """
        found = self._by_place.get((kind, region), ())
        return tuple(f for f in found if (not rates or f.rate in rates) and (not scopes or f.life_cycle_scope in scopes))

    def row(self, factor_id: str) -> EmissionFactor:
        """The row of this id.

        Args:
            factor_id: First 16 hexadecimal digits of the SHA-256 of its canonical JSON.

        Returns:
            The row.

        Raises:
            NotFoundError: The set has no such row.
        """
        return self.factors[self._index_of(factor_id)]

    def compiled(self, factor: EmissionFactor, gwp_set: GwpSet) -> CompiledFactor:
        """A row in integers under a GWP set."""
        return compile_factor(factor, gwp_set, self.gwps)

    def proof(self, factor_id: str) -> RowProof:
        """That a row is in this set.

        Args:
            factor_id: The row's id.

        Returns:
            Its bytes, position and path to the root of `id`.

        Raises:
            NotFoundError: The set has no such row.
        """
        index = self._index_of(factor_id)
        return RowProof(self.factors[index].canonical_bytes, index, len(self.factors), self._log.path(index))

    def parameter(self, name: str, region: str) -> PublishedParameter | None:
        """The newest published number of this name for exactly this region; None where there is none."""
        found = [p for p in self.parameters if p.name == name and p.region == region]
        return max(found, key=lambda p: p.year, default=None)

    def check(self) -> None:
        """Recompute the root over all rows.

        Raises:
            FactorSetError: It is not the root that the set states.
        """
        got = self._log.root.hex()
        if got != self.id.root_hex or len(self.factors) != self.id.size:
            raise FactorSetError(
                "The rows are not those of the stated root",
                expected=f"{self.id.size} rows with root {self.id.root_hex}",
                got=f"{len(self.factors)} rows with root {got}",
                record="factors.csv",
                next_step="Install the package again.",
            )

    @cached_property
    def gwps(self) -> GwpValues:
        """Global warming potentials of every report, as published."""
        return {
            report: {
                gas: fraction_of(decimal_from_text(found.value_text))
                for gas in ("ch4", "n2o")
                if (found := self.parameter(f"gwp100_{gas}", report))
            }
            for report in GwpSet
        }

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str], tuple[EmissionFactor, ...]]:
        found: dict[tuple[str, str], list[EmissionFactor]] = {}
        for factor in self.factors:
            found.setdefault((factor.kind, factor.region), []).append(factor)
        return {place: tuple(rows) for place, rows in found.items()}

    @cached_property
    def _log(self) -> FactorLog:
        return FactorLog(self.factors)

    @cached_property
    def _indexes(self) -> Mapping[str, int]:
        return {factor.factor_id: index for index, factor in enumerate(self.factors)}

    def _index_of(self, factor_id: str) -> int:
        index = self._indexes.get(factor_id)
        if index is None:
            raise NotFoundError(
                "The factor set has no such row",
                expected="the id of a row",
                got=factor_id,
                record=f"factor set {self.version}",
                next_step="It may be a row of a newer set: compare the sets' roots.",
            )
        return index
