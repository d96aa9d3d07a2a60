"""The contract of a connector: a manifest, a generator that asks for documents, and a pure parser.

A connector sends nothing itself and knows no secret. `pull` yields what it wants to have (`Get`, `Post`) and what it has read
(`Batch`); app's one driver signs the request, sends, waits, renews tokens, archives the original bytes and commits each batch
with its cursor in one transaction. So a connector is tested without a network:

    pulling = connector.pull(link, None)
    request = next(pulling)                            # a Get
    batch = pulling.send(Document(body, request.url))  # a Batch, or the next Get

`parse` serves uploaded files and pulled documents alike, and an auditor reads the same bytes again: whatever it needs to know
besides what the provider said (which meter, which unit) goes into the document's first line, see `Get.context`. A connector that
knows files only has no `pull`: it is `None`.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from domain.canonical import Json
from domain.declared import ActivityDocument
from domain.series import MeterDocument


class ClientAuth(StrEnum):
    """How we name ourselves at a token endpoint (RFC 6749 section 2.3.1)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    NONE = "none"


class KeyPlace(StrEnum):
    """Where a key that the person gave us goes in each request."""

    BASIC_USER = "basic-user"
    """User of HTTP Basic, with an empty password."""
    BEARER = "bearer"
    HEADER = "header"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class OAuth2:
    """How a provider is asked in a person's name by OAuth 2 (RFC 6749), code with PKCE.

    Attributes:
        authorize_url: Where the person is sent to consent.
        token_url: Where codes and refresh tokens become access tokens.
        scope: As the provider wants it, opaque: it may contain `=` and `;`, and is never split.
        revoke_url: Where a token is revoked (RFC 7009); empty where the provider has no such address.
        issuer: What the provider calls itself in `iss` (RFC 9207) and in id tokens; empty where it sends none.
        client_auth: How we name ourselves.
        uses_pkce: Whether PKCE S256 is sent; every provider that does not refuse it gets it.
        extra_params: Further query parameters of the address that the person is sent to.
        keeps: Fields of the token reply that belong to the link: addresses that the provider gives with the tokens.
        consent_address: That one of `keeps` where the consent itself is: DELETE ends it. Empty where the provider has none.
    """

    authorize_url: str
    token_url: str
    scope: str
    revoke_url: str = ""
    issuer: str = ""
    client_auth: ClientAuth = ClientAuth.BASIC
    uses_pkce: bool = True
    extra_params: Mapping[str, str] = field(default_factory=dict)
    keeps: frozenset[str] = frozenset()
    consent_address: str = ""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that the person copies from the provider's pages.

    Attributes:
        place: Where it goes in each request.
        name: Of the header or query parameter.
        help: Where the person finds it, in one sentence.
    """

    place: KeyPlace
    name: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class LinkedItem:
    """A consent that the provider's own page gives (Plaid Link): the person returns with a public token.

    Attributes:
        link_path: Where a link token is asked for.
        exchange_path: Where the public token becomes an access token.
        revoke_path: Where the access token ends.
    """

    link_path: str
    exchange_path: str
    revoke_path: str


Auth = OAuth2 | ApiKey | LinkedItem | None
"""How a provider is asked; None: it needs no name."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that only the person can say when a connection is made.

    Attributes:
        name: Its key in the link.
        label: For people.
        help: Where they find it.
        choices: Value to label; empty for free text.
        pattern: Regular expression that the whole answer must match; empty for any of up to 200 signs.
        is_required: Whether it may be left out.
    """

    name: str
    label: str
    help: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    pattern: str = ""
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider that a connector reads: a row of data, never a class.

    Attributes:
        provider_id: Its name in commands and addresses: "coned".
        title: Its name for people.
        base_url: What its addresses begin with; requests go to this host and those of `hosts`, and nowhere else.
        auth: How it is asked.
        countries: Two-letter codes where it serves.
        hosts: Further hosts that its answers may name.
        requests_per_s: Requests that it allows per second, for all connections of one installation.
        requests_per_day_count: Requests that it allows per day; 0 where it says none.
        registration_days_count: Days until the provider admits us as a client; 0 where it works at once.
        quirks: What is particular: handed to the connector in the link, under its name.
        help_url: The provider's own page for people who connect.
    """

    provider_id: str
    title: str
    base_url: str
    auth: Auth = None
    countries: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    requests_per_s: float = 1.0
    requests_per_day_count: int = 0
    registration_days_count: int = 0
    quirks: Mapping[str, str] = field(default_factory=dict)
    help_url: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a connector is and needs, for people and for the driver.

    Attributes:
        connector_id: Its name in commands and addresses: "green-button".
        title: Its name for people.
        kinds: Names of the kinds of activity that it can bring.
        parser_version: Stands in manifests; changes when the same document would be read differently.
        upload_media_types: Media types of files that `parse` reads; empty where there is nothing to upload.
        providers: Whom it can pull from, as rows of data.
        questions: What the person is asked when a connection is made.
        every_hours: How often a connection is pulled.
    """

    connector_id: str
    title: str
    kinds: frozenset[str]
    parser_version: str
    upload_media_types: frozenset[str] = frozenset()
    providers: tuple[Provider, ...] = ()
    questions: tuple[Question, ...] = ()
    every_hours: int = 24

    @property
    def works_now(self) -> bool:
        """Whether nobody has to be asked before it can be used."""
        return bool(self.upload_media_types) or any(one.registration_days_count == 0 for one in self.providers)

    def availability(self) -> str:
        """`works now`, or how long the registration with the provider takes, or that there is none to ask."""
        waits = sorted(one.registration_days_count for one in self.providers if one.registration_days_count)
        if self.works_now and not waits:
            return "works now"
        waiting = f"needs registration with the provider, about {waits[0]} days" if waits else ""
        if not self.works_now:
            return waiting or "has no provider here"
        return f"works now ({'files' if self.upload_media_types else 'some providers'}); pulling {waiting}"


Link = Mapping[str, str]
"""What a connection knows besides its secrets: `base_url`, the provider's quirks, addresses that came with the tokens, the
person's answers, and `now` (the instant of this pull, RFC 3339 in UTC), by name."""


@dataclass(frozen=True, slots=True)
class Get:
    """A document that a connector wants.

    Attributes:
        url: Where it is: absolute, or a path below the provider's base address.
        params: Query parameters.
        accept: Media type.
        headers: Further headers; never credentials, which the driver adds.
        context: What `parse` must know besides the bytes; goes before them as one line, see `framed`.
        passes: Statuses besides 200 and 204 that the connector wants to see itself, such as 404 for "no hourly data".
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    accept: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Json] = field(default_factory=dict)
    passes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Post:
    """A document that a connector asks for with a JSON body.

    Attributes:
        url: As `Get.url`.
        json: The body, without credentials: the driver adds those that the provider wants in it.
        accept: Media type.
        headers: As `Get.headers`.
        context: As `Get.context`.
        passes: As `Get.passes`.
    """

    url: str
    json: Mapping[str, Json]
    accept: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Json] = field(default_factory=dict)
    passes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Document:
    """A document that came.

    Attributes:
        body: What `parse` reads and the archive keeps: the original bytes, after the line of `Get.context` where there is one.
        url: Where it came from.
        headers: Of the answer, names in lower case.
        status: HTTP status: 200, 204, or one of those that the request passes; every other one is the driver's business.
    """

    body: bytes
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction stores: what a document says, and where the next pull begins.

    Attributes:
        document: What `parse` read of the document that came last.
        cursor: Where the next pull begins, in the connector's own words; None keeps the old one.
        source: The document that it was read from; the one that came last where left out.
    """

    document: MeterDocument | ActivityDocument
    cursor: str | None = None
    source: Document | None = None


Pull = Generator[Get | Post | Batch, Document | None, None]
"""Yields requests and batches; is sent the document of each request, and None after each batch. Errors that it raises:
`TryLaterError` where the provider is not ready, `FormatChangedError` where an answer is not what it was."""


class Connector(Protocol):
    """One provider, or one format.

    Contract: `parse` and the generator of `pull` are pure: the same input gives the same output, with no clock, network or
    state between calls. Both may be used from several threads.
    """

    @property
    def manifest(self) -> Manifest:
        """What it is and needs."""

    @property
    def pull(self) -> Callable[[Link, str | None], Pull] | None:
        """Takes the link and the last cursor (None at first); None for files only."""

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
