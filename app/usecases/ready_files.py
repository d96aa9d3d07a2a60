"""Files that a provider says are ready for a connection: kept sealed until the sync that reads them has stored them.

Nothing signs such a notice. So it is kept only where a connection waits for files, by the consent that the address names; the
driver asks none but the provider's own hosts, and the connector takes a file for what it asked for only where it can be.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urljoin

from app.services import Whose, Work
from app.store import connections
from app.store.connections import ConnectionRow, Health
from app.usecases.sealing import seal, unseal
from connectors.base import Provider
from connectors.green_button.notification import MAX_ADDRESSES_COUNT, consent_names
from domain.canonical import from_canonical, to_canonical
from domain.errors import SecurityError
from domain.period import instant_from_text, instant_to_text

RESOURCE = "resourceURI"
"""Field of the token reply where a person's data are: it names the consent."""

KEPT = timedelta(days=2)
"""For how long a utility keeps a prepared file (Con Edison, PG&E)."""


def consent_sha256(provider: Provider, kept: Mapping[str, str]) -> str:
    """What finds a connection by the addresses of a notice: the hash of what the provider calls the consent.

    Args:
        provider: Whose row.
        kept: What came with the tokens.

    Returns:
        SHA-256 in hexadecimal; empty where the provider does not name it by an address.
    """
    try:
        names = consent_names(urljoin(f"{provider.base_url.rstrip('/')}/", kept.get(RESOURCE, "")))
    except ValueError:
        return ""
    return _sha256(names[-1]) if kept.get(RESOURCE) and names else ""


def keep_ready(work: Work, provider: Provider, urls: Iterable[str]) -> tuple[ConnectionRow, ...]:
    """Keep the addresses of a notice with the connections that wait for them.

    Args:
        work: The open transaction and the services.
        provider: Who says so.
        urls: Addresses at the provider's own hosts.

    Returns:
        The connections that have such an address now.
    """
    by_name: dict[str, list[str]] = {}
    for url in urls:
        for name in consent_names(url):
            by_name.setdefault(_sha256(name), []).append(url)
    found = connections.of_items(work.session, provider.provider_id, by_name)
    told = []
    for row in found:
        if row.health is Health.WAITING:
            known = [*read_ready(work, row), *by_name[row.item_sha256]]
            sealed = _sealed(work, row, list(dict.fromkeys(known))[-MAX_ADDRESSES_COUNT:])
            if connections.set_notice(work.session, row.tenant_id, row.id, sealed, before=row.sealed_notice):
                told.append(row)
    return tuple(told)


def read_ready(work: Work, connection: ConnectionRow) -> tuple[str, ...]:
    """Addresses that are ready for a connection; none where the last notice is older than files are kept.

    Args:
        work: The open transaction and the services.
        connection: As it stands.

    Returns:
        Absolute addresses.

    Raises:
        SecurityError: They are not what was sealed.
        NotFoundError: The subject has no key: it was erased.
    """
    if connection.sealed_notice is None:
        return ()
    plain = unseal(work, Whose(connection.tenant_id, connection.subject_id), _field(connection), connection.sealed_notice)
    value = from_canonical(plain, record="notice")
    if not isinstance(value, dict) or not isinstance(value["urls"], list):
        raise SecurityError("A sealed value is not what was sealed", expected="a notice", got=type(value).__name__)
    is_kept = work.services.clock.now() - _instant(value["at"]) < KEPT
    return tuple(str(url) for url in value["urls"]) if is_kept else ()


def _sealed(work: Work, row: ConnectionRow, urls: list[str]) -> bytes:
    plain = to_canonical({"at": instant_to_text(work.services.clock.now()), "urls": list(urls)})
    return seal(work, Whose(row.tenant_id, row.subject_id), _field(row), plain)


def _instant(text: object) -> datetime:
    return instant_from_text(str(text))


def _sha256(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def _field(connection: ConnectionRow) -> str:
    return f"notice/{connection.id}"
