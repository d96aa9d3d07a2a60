"""One search for one activity key, and what it has to say."""

from collections.abc import Mapping

from domain.activity import ActivityKey
from domain.factor import Basis, GwpSet, Step, Told
from scoring.factors.factor_set import FactorSet


class Search:
    """What a search knows and collects.

    Args:
        key: The activity key.
        factor_set: Rows to choose from.
        basis: Location or market.
        gwp_set: Set that single gases are weighted with.
    """

    __slots__ = ("_chain", "attributes", "basis", "factor_set", "flags", "gwp_set", "is_place_decided", "key", "trace")

    def __init__(self, key: ActivityKey, factor_set: FactorSet, basis: Basis, gwp_set: GwpSet) -> None:
        self.key, self.factor_set, self.basis, self.gwp_set = key, factor_set, basis, gwp_set
        self.attributes: Mapping[str, str] = dict(key.attributes)
        self.trace: list[Told] = []
        self.flags: list[str] = []
        self._chain: tuple[str, ...] | None = None
        self.is_place_decided = False

    @property
    def chain(self) -> tuple[str, ...]:
        """Places to look in, finest first; the world where the key has no place.

        Raises:
            PlaceError: The key's region does not exist.
        """
        if self._chain is None:
            region = self.key.region
            utility = self.attributes.get("utility", "")
            self._chain, self.is_place_decided = self.factor_set.chain(region, utility) if region else (("WORLD",), False)
        return self._chain

    def say(self, template: str, *values: object) -> None:
        """Add a step; it is put into words only where somebody reads it."""
        self.trace.append(Step(template, values))

    def flag(self, name: str) -> None:
        """Add a flag, once."""
        if name not in self.flags:
            self.flags.append(name)
