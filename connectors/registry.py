"""Every connector that is installed, found through entry points: a package of somebody else adds one without touching us.

Group `climate_fitness.connectors`; name = the connector's id; value = an object that keeps `connectors.base.Connector`.
"""

from importlib.metadata import EntryPoint, entry_points

from connectors.activities import ACTIVITIES
from connectors.base import Connector
from connectors.decisions import is_decision, read_decision
from connectors.google_timeline import GOOGLE_TIMELINE
from connectors.green_button import GREEN_BUTTON
from connectors.plaid import PLAID
from connectors.typed_bill import TYPED_BILL
from domain.declared import ActivityDocument
from domain.errors import NotFoundError
from domain.series import MeterDocument

GROUP = "climate_fitness.connectors"
"""Name of the entry-point group."""

_OURS: tuple[Connector, ...] = (ACTIVITIES, GOOGLE_TIMELINE, GREEN_BUTTON, PLAID, TYPED_BILL)
_OWN = {one.manifest.connector_id: one for one in _OURS}  # also where not installed


def names() -> tuple[str, ...]:
    """Ids of all connectors, sorted."""
    return tuple(sorted(_OWN.keys() | _installed().keys()))


def find(name: str) -> Connector:
    """The connector of this id.

    Args:
        name: Such as "green-button".

    Returns:
        The connector.

    Raises:
        NotFoundError: There is none of this name; the message lists all.
    """
    own = _OWN.get(name)
    if own is not None:
        return own
    entry_point = _installed().get(name)
    if entry_point is None:
        raise NotFoundError(
            "There is no such connector",
            expected=f"one of {', '.join(names())}",
            got=name,
            next_step="See `climate-fitness connectors list`.",
        )
    loaded: Connector = entry_point.load()
    return loaded


def read(name: str, body: bytes) -> MeterDocument | ActivityDocument:
    """What a document of a connector says: what its provider wrote, or what a person decided about its activities.

    Args:
        name: Id of the connector.
        body: The original bytes.

    Returns:
        As `Connector.parse` gives it.

    Raises:
        NotFoundError: There is no such connector.
        DocumentError: Nothing of it can be used.
    """
    connector = find(name)
    return read_decision(body) if is_decision(body) else connector.parse(body)


def connectors() -> tuple[Connector, ...]:
    """All connectors, sorted by id."""
    return tuple(find(name) for name in names())


def _installed() -> dict[str, EntryPoint]:
    """Entry points of the group by name."""
    return {one.name: one for one in entry_points(group=GROUP)}
