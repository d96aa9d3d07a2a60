"""Every connector that is installed, found through entry points: a package of somebody else adds one without touching us.

Group `climate_fitness.connectors`; name = the connector's id; value = an object that keeps `connectors.base.Connector`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points

from connectors.activities import ACTIVITIES
from connectors.bank_file import BANK_FILE
from connectors.base import Connector, Link, Manifest, Provider, Pull
from connectors.decisions import is_decision, read_decision
from connectors.demo_travel import DEMO_TRAVEL
from connectors.google_timeline import GOOGLE_TIMELINE
from connectors.green_button import GREEN_BUTTON
from connectors.octopus import OCTOPUS
from connectors.plaid import PLAID
from connectors.smartcar import SMARTCAR
from connectors.spreadsheet import SPREADSHEET
from connectors.travel_impact_model import TRAVEL_IMPACT_MODEL
from connectors.travel_impact_model.parse import is_flights
from connectors.typed_bill import TYPED_BILL
from domain.declared import ActivityDocument
from domain.errors import ConnectorBugError, NotFoundError
from domain.series import MeterDocument

GROUP = "climate_fitness.connectors"
"""Name of the entry-point group."""

_OURS: tuple[Connector, ...] = (
    ACTIVITIES,
    BANK_FILE,
    DEMO_TRAVEL,
    GOOGLE_TIMELINE,
    GREEN_BUTTON,
    OCTOPUS,
    PLAID,
    SMARTCAR,
    SPREADSHEET,
    TRAVEL_IMPACT_MODEL,
    TYPED_BILL,
)
_OWN = {one.manifest.connector_id: one for one in _OURS}  # also where not installed
_local: dict[str, tuple[Provider, ...]] = {}


def names() -> tuple[str, ...]:
    """Ids of all connectors, sorted."""
    return tuple(sorted(_OWN.keys() | _installed().keys()))


@dataclass(frozen=True, slots=True)
class _Extended:
    """A connector with further providers."""

    connector: Connector
    manifest: Manifest

    @property
    def pull(self) -> Callable[[Link, str | None], Pull] | None:
        """As the connector's own."""
        return self.connector.pull

    def parse(self, body: bytes) -> MeterDocument | ActivityDocument:
        """As the connector's own."""
        return self.connector.parse(body)


def set_local_providers(providers: Mapping[str, Sequence[Provider]]) -> None:
    """Let connectors pull from simulators on this machine too, in this process: for the demo and for tests.

    Their ports are known only once they listen, so they cannot be rows of a manifest.

    Args:
        providers: Id of a connector to its further providers, in place of all that were set before; one with the id of a row
            takes that row's place.
    """
    _local.clear()
    _local.update({name: tuple(rows) for name, rows in providers.items()})


def find(name: str) -> Connector:
    """The connector of this id.

    Args:
        name: Such as "green-button".

    Returns:
        The connector.

    Raises:
        NotFoundError: There is none of this name; the message lists all.
        ConnectorBugError: Its package is gone, or broken.
    """
    found = _find(name)
    local = _local.get(name)
    if not local:
        return found
    ids = {one.provider_id for one in local}
    rows = (*local, *(one for one in found.manifest.providers if one.provider_id not in ids))
    return _Extended(found, replace(found.manifest, providers=rows))


def _find(name: str) -> Connector:
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
    try:
        loaded: Connector = entry_point.load()
    except (ImportError, AttributeError) as error:
        raise ConnectorBugError(
            "This connector is installed, and cannot be loaded",
            expected=entry_point.value,
            got=str(error),
            record=name,
            next_step="Install its package again, or uninstall it.",
        ) from error
    return loaded


def read(name: str, body: bytes) -> MeterDocument | ActivityDocument:
    """What a document of a connector says: its provider wrote it, a person decided it, or a model was asked about its flights.

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
    if is_decision(body):
        return read_decision(body)
    return TRAVEL_IMPACT_MODEL.parse(body) if is_flights(body) else connector.parse(body)


def connectors() -> tuple[Connector, ...]:
    """All connectors, sorted by id."""
    return tuple(find(name) for name in names())


def _installed() -> dict[str, EntryPoint]:
    """Entry points of the group by name."""
    return {one.name: one for one in entry_points(group=GROUP)}
