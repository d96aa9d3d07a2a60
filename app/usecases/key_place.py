"""Where a key that a person gave goes in a request: one place for all that ask with one."""

from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from connectors.base import ApiKey, KeyPlace
from domain.errors import ConnectorBugError


def with_params(url: str, params: Mapping[str, str]) -> str:
    """An address with query parameters behind those that it has.

    Args:
        url: Absolute.
        params: By name.

    Returns:
        The address.
    """
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params, quote_via=quote)}" if params else url


def with_key(auth: ApiKey, key: str, url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """An address and headers with the key in its place.

    Args:
        auth: Says the place.
        key: The person's.
        url: Absolute, with its parameters.
        headers: Without credentials.

    Returns:
        Both; names of headers in lower case, so that none stands twice.

    Raises:
        ConnectorBugError: There is no such place.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    match auth.place:
        case KeyPlace.BASIC_USER:
            sent["authorization"] = f"Basic {b64encode(f'{key}:'.encode()).decode()}"
        case KeyPlace.BEARER:
            sent["authorization"] = f"Bearer {key}"
        case KeyPlace.HEADER:
            sent[auth.name.lower()] = key
        case KeyPlace.QUERY:
            return with_params(url, {auth.name: key}), sent
        case _:
            raise ConnectorBugError("A key has no place", expected="a place of `KeyPlace`", got=str(auth.place))
    return url, sent
