"""What a document does not say itself, before its first byte: which meter, which unit, whose account.

The archive keeps the framed bytes, so that whoever parses them again, years later and elsewhere, reads the same:

    #cf-context/1 {"fuel":"electricity","mpan":"1200000345678"}
    {"count":48,"next":null,"results":[...]}
"""

from collections.abc import Mapping

from domain.canonical import Json, from_canonical, to_canonical
from domain.errors import CanonicalError, DocumentError

PREFIX = b"#cf-context/1 "
MAX_CONTEXT_BYTES = 10_000


def framed(context: Mapping[str, Json], body: bytes) -> bytes:
    """The bytes with their context before them; the bytes alone where there is none.

    Args:
        context: Names and values; no secrets.
        body: As it came.

    Returns:
        What the archive keeps and `parse` reads.
    """
    return PREFIX + to_canonical(dict(context)) + b"\n" + body if context else body


def unframed(body: bytes) -> tuple[dict[str, Json], bytes]:
    """The context and the bytes as they came.

    Args:
        body: As `framed` made it.

    Returns:
        An empty context where there is none, and the rest.

    Raises:
        DocumentError: It begins like a context and is none.
    """
    if not body.startswith(PREFIX):
        return {}, body
    line, found, _ = body[len(PREFIX) : len(PREFIX) + MAX_CONTEXT_BYTES].partition(b"\n")
    try:
        context = from_canonical(line) if found else None
    except CanonicalError:
        context = None
    if not isinstance(context, dict):
        raise DocumentError(
            "The context of this document is damaged",
            expected="one line of canonical JSON",
            got=line[:40].decode(errors="replace"),
            record="line 1",
            next_step="Fetch it again.",
        )
    return context, body[len(PREFIX) + len(line) + 1 :]
