"""The contract of a connector: a manifest, a generator that asks for documents, and a pure parser.

A connector sends nothing itself. `pull` yields what it wants to have (`Get`) and what it has read (`Batch`); app's one driver
sends, waits, renews tokens, archives the original bytes and commits each batch. So a connector is tested without a network:

    pulling = connector.pull(link, None)
    request = next(pulling)                          # a Get
    batch = pulling.send(Document(body, request.url))  # a Batch, or the next Get

`parse` serves uploaded files and pulled documents alike. A connector that knows files only has no `pull`: it is `None`.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from domain.declared import ActivityDocument
from domain.series import MeterDocument


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a connector is and needs, for people and for the driver.

    Attributes:
        connector_id: Its name in commands and addresses: "green-button".
        title: Its name for people.
        kinds: Names of the kinds of activity that it can bring.
        parser_version: Stands in manifests; changes when the same document would be read differently.
        upload_media_types: Media types of files that `parse` reads; empty where there is nothing to upload.
        auth: How the provider is asked: "none" (files only), "api-key" or "oauth2".
        requests_per_s: Requests that the provider allows per second; 0 where there are none.
        registration_days_count: Days until the provider admits us as a client; 0 where it works now.
    """

    connector_id: str
    title: str
    kinds: frozenset[str]
    parser_version: str
    upload_media_types: frozenset[str] = frozenset()
    auth: str = "none"
    requests_per_s: float = 0.0
    registration_days_count: int = 0

    @property
    def works_now(self) -> bool:
        """Whether nobody has to be asked before it can be used."""
        return self.registration_days_count == 0

    def availability(self) -> str:
        """`works now`, or how long the registration with the provider takes."""
        if self.works_now:
            return "works now"
        return f"needs registration with the provider, about {self.registration_days_count} days"


@dataclass(frozen=True, slots=True)
class Get:
    """A document that a connector wants.

    Attributes:
        url: Where it is.
        params: Query parameters.
        accept: Media type.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    accept: str = "application/atom+xml"


@dataclass(frozen=True, slots=True)
class Document:
    """A document that came.

    Attributes:
        body: Its original bytes, already archived.
        url: Where it came from.
        headers: Of the answer, names in lower case.
        status: HTTP status, 200 or 204; every other one is the driver's business.
    """

    body: bytes
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction stores: readings or activities, and where the next pull begins.

    Attributes:
        document: The parsed document.
        cursor: Where the next pull begins, in the connector's own words; None keeps the old one.
    """

    document: MeterDocument | ActivityDocument
    cursor: str | None = None


Pull = Generator[Get | Batch, Document | None, None]
"""Yields requests and batches; is sent the document of each request, and None after each batch."""


class Connector(Protocol):
    """One provider, or one format.

    Contract: `parse` and the generator of `pull` are pure: the same input gives the same output, with no clock, network or
    state between calls. Both may be used from several threads.
    """

    @property
    def manifest(self) -> Manifest:
        """What it is and needs."""

    @property
    def pull(self) -> Callable[[Mapping[str, str], str | None], Pull] | None:
        """Takes the connection's link (addresses that the provider gave) and the last cursor; None for files only."""

    def parse(self, body: bytes) -> MeterDocument | ActivityDocument:
        """What one document says; all documents of a connector are of one sort.

        Args:
            body: Its original bytes.

        Returns:
            Of meters, series of readings; of anything else, activities one by one. Exact units, and what was refused with the
            reason.

        Raises:
            DocumentError: Nothing of it can be used.
        """
