"""What a connection keeps sealed: its tokens, and its link (the person's answers, and addresses that came with the tokens)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum

from app.services import Whose, Work
from app.store.connections import ConnectionRow
from app.usecases.sealing import seal, unseal
from connectors.base import Link, Provider
from domain.canonical import from_canonical, to_canonical
from domain.errors import SecurityError


class Rotation(StrEnum):
    """Whether a provider gives a new refresh token with each renewal."""

    UNKNOWN = ""
    YES = "yes"
    """The old one is dead once it was used: an answer that is lost ends the consent."""
    NO = "no"
    """The last renewal left it as it was: asking again is harmless."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What asks in the person's name.

    Attributes:
        access_token: Asks for data: an access token, or the key that the person gave.
        refresh_token: Asks for the next access token; empty where there is none, or where it must not be used again.
        rotation: What the last renewal showed.
        item_id: The provider's name of a linked item; empty elsewhere.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    rotation: Rotation = Rotation.UNKNOWN
    item_id: str = ""


def seal_tokens(work: Work, whose: Whose, connection_id: str, tokens: Tokens) -> bytes:
    """A connection's tokens, sealed under the subject's key for this connection alone.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection_id: Whose tokens.
        tokens: In clear.

    Returns:
        Sealed canonical JSON.

    Raises:
        NotFoundError: The subject has no key: it was erased.
    """
    plain = {name: str(value) for name, value in asdict(tokens).items() if value}
    return seal(work, whose, _tokens_field(connection_id), to_canonical(plain))


def open_tokens(work: Work, connection: ConnectionRow) -> Tokens | None:
    """A connection's tokens; None where it has none (any more).

    Args:
        work: The open transaction and the services.
        connection: As it stands.

    Returns:
        Them in clear.

    Raises:
        NotFoundError: The subject has no key: it was erased.
        SecurityError: They were changed, or belong to another connection.
    """
    if connection.sealed_tokens is None:
        return None
    whose = Whose(connection.tenant_id, connection.subject_id)
    plain = texts_of(unseal(work, whose, _tokens_field(connection.id), connection.sealed_tokens))
    known = {one.name for one in fields(Tokens)} - {"rotation"}
    return Tokens(**{name: plain[name] for name in known & plain.keys()}, rotation=Rotation(plain.get("rotation", "")))


def seal_link(work: Work, whose: Whose, connection_id: str, link: Mapping[str, str]) -> bytes:
    """A connection's link, sealed: answers can be account numbers.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection_id: Whose link.
        link: Names to texts.

    Returns:
        Sealed canonical JSON.

    Raises:
        NotFoundError: The subject has no key: it was erased.
    """
    return seal(work, whose, _link_field(connection_id), to_canonical(dict(link)))


def open_link(work: Work, connection: ConnectionRow) -> dict[str, str]:
    """A connection's link: answers and addresses, without what the provider's row says.

    Args:
        work: The open transaction and the services.
        connection: As it stands.

    Returns:
        Names to texts; empty where there is none.

    Raises:
        NotFoundError: The subject has no key: it was erased.
        SecurityError: It was changed, or belongs to another connection.
    """
    if connection.sealed_link is None:
        return {}
    whose = Whose(connection.tenant_id, connection.subject_id)
    return texts_of(unseal(work, whose, _link_field(connection.id), connection.sealed_link))


def full_link(provider: Provider, own: Mapping[str, str]) -> Link:
    """What a connector is handed: the provider's address and quirks, and what this connection knows besides.

    Args:
        provider: Its row.
        own: As `open_link` gives it.

    Returns:
        Names to texts; what an answer says never hides the provider's address.
    """
    return {**provider.quirks, **own, "base_url": provider.base_url}


def texts_of(data: bytes) -> dict[str, str]:
    """Names to texts, as canonical JSON holds them.

    Args:
        data: Canonical JSON that was sealed by us.

    Returns:
        The mapping.

    Raises:
        SecurityError: It is another value.
    """
    value = from_canonical(data, record="sealed value")
    if not isinstance(value, dict):
        raise SecurityError("A sealed value is not what was sealed", expected="names to texts", got=type(value).__name__)
    return {name: str(text) for name, text in value.items()}


def _tokens_field(connection_id: str) -> str:
    return f"tokens/{connection_id}"


def _link_field(connection_id: str) -> str:
    return f"link/{connection_id}"
