"""The factor set: every admitted row, found by what it is for; its identity, and proofs of its rows.

Rows are read when somebody asks for their kind, so that a start costs what it uses.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

from domain.errors import AttributeValueError, FactorSetError, NotFoundError
from domain.factor import CompiledFactor, EmissionFactor, FactorSetId, GwpSet, LifeCycleScope
from domain.merkle import leaf_hash
from domain.number import decimal_from_text, fraction_of
from scoring.aliases import fitting_choices
from scoring.factors.compile import GwpValues, compile_factor
from scoring.factors.folder import FactorFolder, FolderPrefix, PublishedParameter, TableEntry
from scoring.factors.log import FactorLog
from scoring.regions import RegionGraph, region_graph_from_csv

__all__ = ["FactorSet", "PublishedParameter", "RowProof"]

_ID_HEX_COUNT = 16
_KEPT_COUNT = 65_536
_ONE = Fraction(1)
_GRAPH_FILES = frozenset({"regions.csv", "zips.csv", "zones.csv"})


@dataclass(frozen=True)
class RowProof:
    """That one row is in the factor set.

    Attributes:
        row: The row's canonical bytes.
        index: Its position in the log.
        size: Entries of the log.
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
        folders: Where they are read from: the shipped data set, then each installed pack.
        id: Size and root of the log.
        version: Version of the data set: "2026.11.0"; with packs, their names behind it.

    Invariant: immutable; two sets with one `id` hold the same rows. Compared by identity, so it can be a cache's key.
    """

    folders: tuple[FactorFolder, ...] = field(repr=False)
    id: FactorSetId
    version: str
    _kinds: dict[str, tuple[EmissionFactor, ...]] = field(default_factory=dict, repr=False)
    _places: dict[str, dict[tuple[str, str], dict[tuple[tuple[str, str], ...], list[EmissionFactor]]]] = field(
        default_factory=dict, repr=False
    )
    _parameter_tables: dict[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict, repr=False)
    _compiled: dict[tuple[str, GwpSet, int, int], CompiledFactor] = field(default_factory=dict, repr=False)

    @property
    def tables(self) -> tuple[TableEntry, ...]:
        """Every table in the order of its admission."""
        return tuple(entry for folder in self.folders for entry in folder.tables)

    @cached_property
    def regions(self) -> RegionGraph:
        """What lies inside what."""
        base, *packs = self.folders
        extra = [pack.read("regions.csv") for pack in packs if "regions.csv" in pack.files]
        return region_graph_from_csv(base.read("regions.csv"), base.read("zips.csv"), base.read("zones.csv"), *extra)

    @cached_property
    def factors(self) -> tuple[EmissionFactor, ...]:
        """Every row in the order of the log: reads all of them."""
        return tuple(row for folder in self.folders for row in folder.all_rows())

    @cached_property
    def row_count(self) -> int:
        """How many published rows there are."""
        return sum(entry.row_count for entry in self.tables if entry.kind)

    def of_kind(self, kind: str) -> tuple[EmissionFactor, ...]:
        """Every row of a kind, oldest admitted first; none where the set holds none."""
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = tuple(row for folder in self.folders for row in folder.rows(kind))
        return found

    def rows(
        self,
        kind: str,
        region: str,
        *,
        rates: Sequence[str] = (),
        scopes: Sequence[LifeCycleScope] = (),
        unit: str = "",
    ) -> tuple[EmissionFactor, ...]:
        """Rows of one kind and region, oldest admitted first.

        Args:
            kind: Name of the kind.
            region: Exactly this region.
            rates: Only these rates; any where empty.
            scopes: Only these life-cycle scopes; any where empty.
            unit: Only rows per this unit; any where empty.

        Returns:
            The rows; none where the set holds none.
        """
        return tuple(
            row
            for row in self.of_kind(kind)
            if row.region == region
            and (not rates or row.rate in rates)
            and (not scopes or row.life_cycle_scope in scopes)
            and (not unit or row.unit == unit)
        )

    def by_attributes(self, kind: str, region: str, unit: str) -> Mapping[tuple[tuple[str, str], ...], Sequence[EmissionFactor]]:
        """Rows of one kind, region and unit by the attributes that they carry, sorted by name."""
        places = self._places.get(kind)
        if places is None:
            places = {}
            for row in self.of_kind(kind):
                of_place = places.setdefault((row.region, row.unit), {})
                of_place.setdefault(tuple(sorted(row.attributes.items())), []).append(row)
            self._places[kind] = places
        return places.get((region, unit), {})

    def choices(self, kind: str, attribute: str) -> tuple[str, ...]:
        """Values of an attribute that rows of a kind carry, sorted."""
        cached = self._choices.get((kind, attribute))
        if cached is None:
            cached = tuple(sorted({row.attributes[attribute] for row in self.of_kind(kind) if attribute in row.attributes}))
            self._choices[kind, attribute] = cached
        return cached

    @cached_property
    def _choices(self) -> dict[tuple[str, str], tuple[str, ...]]:
        return {}

    def chain(self, region: str, utility: str = "") -> tuple[tuple[str, ...], bool]:
        """The places that a factor is looked for in, finest first.

        Args:
            region: Path of a region.
            utility: EIA number of the utility, where a ZIP code lies in several grid subregions.

        Returns:
            Paths, of a ZIP code in several subregions the one that the utility's wires lie in, else the first; and whether the
            utility decided.

        Raises:
            PlaceError: There is no such ZIP code or region.
            AttributeValueError: There is no such utility.
        """
        found = self._chains.get(region)
        if found is None:
            found = self._chains[region] = self.regions.chain(region)
        if not utility:
            return found, False
        wires = self.utilities.get(utility)
        if wires is None:
            raise AttributeValueError(
                "There is no such utility",
                expected="the EIA number of a US utility, such as 14328",
                got=utility,
                record="utility",
                next_step="Take the number from form EIA-861, or leave it out.",
            )
        if not region.startswith("US/zip/"):
            return found, False
        own = [code for code in self.regions.zip_range(region).subregions if code in wires]
        return ((f"US/egrid/{own[0]}", *found[1:]), True) if len(own) == 1 else (found, False)

    @cached_property
    def _chains(self) -> dict[str, tuple[str, ...]]:
        return {}

    def is_on_several_grids(self, region: str) -> bool:
        """Whether a ZIP code lies in several grid subregions."""
        return region in self._several_grids

    @cached_property
    def _several_grids(self) -> frozenset[str]:
        found = (one for one in self.regions.zips() if len(one.subregions) > 1)
        return frozenset(f"US/zip/{number:05d}" for one in found for number in range(one.first_number, one.last_number + 1))

    @cached_property
    def utilities(self) -> Mapping[str, tuple[str, ...]]:
        """EIA number of every US utility to the grid subregions that its wires are known to lie in."""
        return {line["utility_id"]: tuple(line["subregions"].split()) for line in self.table("us_utilities")}

    def require_choice(self, kind: str, attribute: str, value: str) -> None:
        """Refuse a value of an open attribute that no row carries.

        Args:
            kind: Name of the kind.
            attribute: Name of the attribute.
            value: What came.

        Raises:
            AttributeValueError: No row carries it; the message lists those first that may be meant, then all where they are few.
        """
        held = self.choices(kind, attribute)
        if value in held:
            return
        close = fitting_choices(attribute, value, held)
        few = len(held) <= 40  # noqa: PLR2004 - a list that a person still reads
        shown = ", ".join(dict.fromkeys([*close, *held]) if few else close or held[:12])
        raise AttributeValueError(
            f"The factor set has no {attribute} of this name for {kind}",
            expected=f"one of {shown}" + ("" if few or close else ", ..."),
            got=value,
            record=attribute,
            next_step=f"`climate-fitness factors list --kind {kind}` lists all {len(held)}.",
        )

    def table(self, name: str) -> Sequence[Mapping[str, str]]:
        """A table of parameters, row by row, column to text.

        Args:
            name: Such as "fx_monthly".

        Returns:
            Its rows, those of packs behind the shipped ones; empty where no folder has it.
        """
        found = self._parameter_tables.get(name)
        if found is None:
            found = tuple(row for folder in self.folders for row in folder.parameter_rows(name))
            self._parameter_tables[name] = found
        return found

    def row(self, factor_id: str) -> EmissionFactor:
        """The row of this id.

        Args:
            factor_id: First 16 hexadecimal digits of its leaf hash in the log.

        Returns:
            The row.

        Raises:
            NotFoundError: The set has no such row.
        """
        index = self._index_of(factor_id)
        position = bisect_right(self._first_indexes, index) - 1
        folder = self.folders[position]
        return folder.row_at(index - self._first_indexes[position])

    def compiled(self, factor: EmissionFactor, gwp_set: GwpSet, scale: Fraction = _ONE) -> CompiledFactor:
        """A row in integers under a GWP set.

        Args:
            factor: The row.
            gwp_set: Set that single gases are weighted with.
            scale: Units of the row in one unit of the activity.

        Returns:
            The compiled factor, kept for the next time.

        Raises:
            FactorError: It does not fit in 64-bit lines.
        """
        key = (factor.factor_id, gwp_set, scale.numerator, scale.denominator)
        found = self._compiled.get(key)
        if found is None:
            found = compile_factor(factor, gwp_set, self.gwps, scale=scale)
            if len(self._compiled) < _KEPT_COUNT:
                self._compiled[key] = found
        return found

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
        return RowProof(self.row(factor_id).canonical_bytes, index, self.id.size, self._log.path(index))

    def at_size(self, size: int) -> "FactorSet | None":
        """The set as it was when its log had so many entries: the log is append-only, so they are the first ones of it.

        Args:
            size: Entries of the log then.

        Returns:
            A set of its own id, whose rows, tables, parameters and proofs are those of then; the set itself at its own size. None
            where it never had this size, or the region graph, without which nothing can be found, came later.
        """
        if size == self.id.size:
            return self
        if not 0 < size < self.id.size:
            return None
        kept: list[FactorFolder] = []
        left_count = size
        for folder in self.folders:
            if left_count > 0:
                kept.append(folder if folder.size <= left_count else FolderPrefix(folder, left_count))
                left_count -= folder.size
        return set_of_folders(kept) if kept[0].files.keys() >= _GRAPH_FILES else None

    def parameter(self, name: str, region: str) -> PublishedParameter | None:
        """The newest published number of this name for exactly this region; None where there is none."""
        return max(self._parameters.get((name, region), ()), key=lambda found: found.year, default=None)

    @cached_property
    def parameters(self) -> tuple[PublishedParameter, ...]:
        """Published numbers that are no factors and stand one by one."""
        return tuple(found for folder in self.folders for found in folder.parameters())

    def check(self) -> None:
        """Recompute every leaf, and the root over all.

        Raises:
            FactorSetError: They are not what the set states.
        """
        leaves = b"".join(leaf_hash(entry) for folder in self.folders for entry in folder.entries())
        got = FactorLog(leaves).root.hex()
        if got != self.id.root_hex or len(leaves) != len(self._leaves):
            raise FactorSetError(
                "The rows are not those of the stated root",
                expected=f"{self.id.size} entries with root {self.id.root_hex}",
                got=f"{len(leaves) // 32} entries with root {got}",
                record="leaves.bin",
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
    def _parameters(self) -> Mapping[tuple[str, str], Sequence[PublishedParameter]]:
        found: dict[tuple[str, str], list[PublishedParameter]] = {}
        for one in self.parameters:
            found.setdefault((one.name, one.region), []).append(one)
        return found

    @cached_property
    def _leaves(self) -> bytes:
        return b"".join(folder.leaves for folder in self.folders)

    @cached_property
    def _first_indexes(self) -> list[int]:
        return [0, *accumulate(len(folder.leaves) // 32 for folder in self.folders)][:-1]

    @cached_property
    def _log(self) -> FactorLog:
        return FactorLog(self._leaves)

    @cached_property
    def _indexes(self) -> Mapping[str, int]:
        text = self._leaves.hex()
        return {text[at : at + _ID_HEX_COUNT]: at // 64 for at in range(0, len(text), 64)}

    def _index_of(self, factor_id: str) -> int:
        index = self._indexes.get(factor_id)
        if index is None:
            raise NotFoundError(
                "The factor set has no such row",
                expected="the id of a row",
                got=factor_id,
                record=f"factor set {self.version}",
                next_step="It may be a row of a newer set or of a pack that is not installed: compare the sets' roots.",
            )
        return index


def set_of_folders(folders: Sequence[FactorFolder]) -> FactorSet:
    """The factor set of a base folder and the packs appended to it, in this order.

    Args:
        folders: The base first.

    Returns:
        The set. Alone, the base's root is the one that it states; with packs the root is computed over all leaves, and the
        base's log is a prefix of it.
    """
    base, *packs = folders
    if not packs:
        return FactorSet((base,), FactorSetId(base.size, base.root_hex), base.version)
    leaves = b"".join(folder.leaves for folder in folders)
    root = FactorLog(leaves).root
    names = "+".join(folder.version for folder in folders)
    return FactorSet(tuple(folders), FactorSetId(len(leaves) // 32, root.hex()), names)
