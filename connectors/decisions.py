"""What a person decided about activities that are told twice: a document like any other, so that an auditor reads it, too.

    #cf-decision/1
    {"because":"same_purchase","decided_at":"2026-03-10T12:00:00Z","instead":["bank-file","2024-0815"],"number":1,
     "restored":[],"set_aside":["tx-17"]}

It belongs to the connector whose activities it is about, whichever that is. What is set aside counts no longer, whatever its
source goes on saying of it, until it is restored.
"""

from collections.abc import Sequence

from domain.canonical import Json, from_canonical, to_canonical
from domain.declared import ActivityDocument
from domain.errors import CanonicalError, DocumentError
from domain.fields import Fields

PREFIX = b"#cf-decision/1\n"
MEDIA_TYPE = "application/x-ndjson"


def decision_document(
    decided_at: str,
    *,
    number: int,
    set_aside: Sequence[str] = (),
    restored: Sequence[str] = (),
    because: str = "",
    instead: Sequence[str] = (),
) -> bytes:
    """The document of a decision.

    Args:
        decided_at: When, RFC 3339 in UTC.
        number: How many documents spoke about it before: the same can be decided again, also in the same instant.
        set_aside: Record keys that count no longer.
        restored: Record keys that count again.
        because: Name of the rule that found the pair; empty where no rule did.
        instead: Connector and record key of what counts in their place.

    Returns:
        Its bytes, for `read_decision`.
    """
    said: dict[str, Json] = {
        "because": because,
        "decided_at": decided_at,
        "instead": list(instead),
        "number": number,
        "restored": list(restored),
        "set_aside": list(set_aside),
    }
    return PREFIX + to_canonical(said)


def is_decision(body: bytes) -> bool:
    """Whether this is a decision, and no document of a provider."""
    return body.startswith(PREFIX)


def read_decision(body: bytes) -> ActivityDocument:
    """What a decision says.

    Args:
        body: As `decision_document` made it.

    Returns:
        A document that declares nothing, and sets aside or restores.

    Raises:
        DocumentError: It is damaged.
    """
    try:
        fields = Fields(from_canonical(body[len(PREFIX) :], record="decision"), "decision")
        return ActivityDocument(
            (), set_aside_keys=tuple(fields.texts("set_aside")), restored_keys=tuple(fields.texts("restored")), title="decision"
        )
    except CanonicalError as error:
        raise DocumentError(
            "This decision is damaged", expected=error.expected, got=error.got, record=error.record, next_step="Decide again."
        ) from error
