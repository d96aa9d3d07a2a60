"""Where providers send people back: who answers must be told from the answer, or from the address that it comes to (mix-up).

A provider that names itself in its answers (`iss`) sends people to the common address; the name is checked before the code is
used. Every other one has an address of its own: an answer of provider A that is brought to B's address is refused, and B's code
never goes to A.

Source:
    RFC 9207; RFC 9700 section 4.4.2.2 (distinct redirect addresses for each issuer).
"""

from hmac import compare_digest

from connectors.base import OAuth2, Provider
from domain.errors import SecurityError

CALLBACK_PATH = "/connect/callback"
"""Path of the common address; that of a provider's own one goes on with a slash and its id."""


def own_redirect_uri(common_uri: str, provider: Provider) -> str:
    """Where a provider sends people back, exactly as it is registered there.

    Args:
        common_uri: The common address of this installation.
        provider: Whose row.

    Returns:
        The address.
    """
    name = _name_in_path(provider)
    return f"{common_uri}/{name}" if name else common_uri


def check_came_to(provider: Provider, came_to: str) -> None:
    """Refuse an answer that came to another address than the asked provider's.

    Args:
        provider: Who was asked.
        came_to: Provider's id in the path that the answer came to; empty for the common address.

    Raises:
        SecurityError: It did: somebody else answers, or wants us to believe so.
    """
    if not compare_digest(_name_in_path(provider).encode(), came_to.encode("utf-8", "replace")):
        raise SecurityError(
            "This answer comes from another provider than was asked", next_step="Begin again: connect the account once more."
        )


def _name_in_path(provider: Provider) -> str:
    is_named_in_answers = isinstance(provider.auth, OAuth2) and bool(provider.auth.issuer)
    return "" if is_named_in_answers else provider.provider_id
