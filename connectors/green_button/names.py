"""Namespaces of a Green Button document, and the limits that every reader keeps."""

from functools import lru_cache

from domain.errors import HostileDocumentError

ESPI = "espi"
"""Marks a name of NAESB's usage schema."""

ATOM = "atom"
"""Marks a name of RFC 4287."""

OTHER = ""
"""Marks every other name, the customer schema's with its personal data among them."""

MAX_DEPTH = 64
"""Elements inside each other; the deepest of the schema is 12."""

_LONG_NAME_SIZE = 200  # longer than any name of the schemas: not worth keeping in the cache

_FAMILY_OF_NAMESPACE = {"http://naesb.org/espi": ESPI, "http://www.w3.org/2005/Atom": ATOM}


def split_name(name: str) -> tuple[str, str]:
    """Which schema an element's name belongs to, and its local part.

    Args:
        name: As expat gives it: namespace, a space, local name.

    Returns:
        `ESPI`, `ATOM` or `OTHER`, and the local name.
    """
    return _split(name) if len(name) < _LONG_NAME_SIZE else (OTHER, name[:_LONG_NAME_SIZE])


@lru_cache(maxsize=256)
def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(" ")
    return _FAMILY_OF_NAMESPACE.get(namespace.rstrip("/"), OTHER), local


def too_deep(local: str) -> HostileDocumentError:
    """The refusal of a document whose elements are nested too deep."""
    return HostileDocumentError(
        "The elements of this document are nested too deep",
        expected=f"at most {MAX_DEPTH} levels",
        got=f"more, at element {local}",
        next_step="Ask the utility for a Green Button file.",
    )
