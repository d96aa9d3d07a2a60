"""ETag on reads, If-Match on writes (RFC 9110, sections 8.8.3 and 13.1)."""

import re
from hashlib import sha256

from fastapi import Request
from fastapi.responses import Response

from app.api.problems import ProblemError, edge_problem
from domain.disclosure import Disclosure

ENTITY_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
"""One entity tag (RFC 9110, section 8.8.3)."""

PRIVATE = "private, no-cache"
"""Cache-Control of what one person may see: kept by the browser, asked about each time."""


def etag_of(content: bytes) -> str:
    """The strong entity tag of bytes: half of their SHA-256, quoted."""
    return f'"{sha256(content).hexdigest()[:32]}"'


def is_unchanged(request: Request, etag: str) -> bool:
    """Whether the caller holds this version already: If-None-Match names it (weak comparison) or is `*`."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return given.strip() == "*" or etag in {tag for _, tag in ENTITY_TAG.findall(given)}


def tagged_response(
    request: Request,
    content: bytes,
    *,
    media_type: str = "application/json",
    cache_control: str = PRIVATE,
    etag: str = "",
    vary: str = "Cookie, Authorization, Accept",
) -> Response:
    """The reply to a read: 200 with its ETag, or 304 without a body.

    Args:
        request: The read.
        content: The representation, as it would be sent.
        media_type: Its type.
        cache_control: Who may keep it.
        etag: Its entity tag where it is stored beside it; computed where left out.
        vary: Request headers that the representation depends on.

    Returns:
        The response.
    """
    tag = etag or etag_of(content)
    headers = {"ETag": tag, "Cache-Control": cache_control, "Vary": vary}
    if is_unchanged(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def check_if_match(request: Request, etag: str, *, is_required: bool = False) -> None:
    """Refuse a write made on an older version.

    Args:
        request: The write.
        etag: Strong entity tag of the present version.
        is_required: Whether the write must name a version.

    Raises:
        ProblemError: 412 if If-Match names other versions only; 428 if it is required and missing.
    """
    lines = request.headers.getlist("if-match")
    if not lines:
        if is_required:
            raise ProblemError(edge_problem("precondition-required"))
        return
    given = ",".join(lines)
    strong = {tag for weak, tag in ENTITY_TAG.findall(given) if not weak}
    if given.strip() != "*" and etag not in strong:
        raise ProblemError(edge_problem("precondition-failed", expected=etag, headers={"ETag": etag}))


def file_response(request: Request, made: Disclosure) -> Response:
    """A disclosure as a download.

    Args:
        request: What was asked.
        made: The disclosure.

    Returns:
        The reply, with its ETag.
    """
    response = tagged_response(request, made.to_bytes())
    response.headers["Content-Disposition"] = f'attachment; filename="disclosure-{made.checksum_hex[:12]}.json"'
    return response
