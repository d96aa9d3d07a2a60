"""How a kind of activity chooses among published rows. One file per kind holds its rule: `scoring/electricity.py`."""

from dataclasses import dataclass

from domain.factor import LifeCycleScope


@dataclass(frozen=True)
class KindRule:
    """Which rows fit a kind.

    Attributes:
        rows_kind: Kind that the rows are filed under (exported electricity is weighed with electricity's).
        unit: Canonical unit that the activity must be in.
        rates: Rates of the publishers that fit.
        scopes: Life-cycle scopes that may be used, the matching one first; any other is flagged.
        is_purchased_energy: Has a market-based method of its own (scope 2).
    """

    rows_kind: str
    unit: str
    rates: tuple[str, ...]
    scopes: tuple[LifeCycleScope, ...]
    is_purchased_energy: bool
