"""What a utility posts when a file is ready: a BatchList with addresses. Anybody could post one, so it is only a hint."""

import re
from urllib.parse import urljoin, urlsplit
from xml.parsers import expat

from domain.errors import DocumentTooLargeError, HostileDocumentError, UnknownFormatError

MAX_NOTIFICATION_SIZE = 256 * 1024
"""Bytes of a notification; an address has some hundred."""

MAX_ADDRESSES_COUNT = 500
"""Addresses of one notification."""

_RESOURCES = "http://naesb.org/espi resources"
_ROOT = "http://naesb.org/espi BatchList"
_IS_FINAL = True
_MOST_WORDS_COUNT = 12
_WORD = re.compile(r"(?!\.+\Z)[A-Za-z0-9._~=+:@-]{1,200}")


def notified_urls(body: bytes, base_url: str, hosts: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Addresses of prepared files in a notification, as far as they are the utility's own.

    Nothing signs a notification. So an address counts only at the utility's registered host, and by the scheme and port that it
    is registered with; any other is left out.

    Args:
        body: `<BatchList xmlns="http://naesb.org/espi"><resources>...` as it was posted.
        base_url: The provider's address; a relative address is below it.
        hosts: Further hosts of the provider.

    Returns:
        Absolute addresses, each once, in order.

    Raises:
        DocumentTooLargeError: More bytes or addresses than a utility sends.
        HostileDocumentError: It has a document type declaration.
        UnknownFormatError: It is no BatchList.

    Source:
        NAESB REQ.21 ESPI, espi.xsd BatchList, function block 39 (push).
    """
    if len(body) > MAX_NOTIFICATION_SIZE:
        raise DocumentTooLargeError(
            expected=f"at most {MAX_NOTIFICATION_SIZE} bytes", got=f"{len(body)} bytes", record="notification"
        )
    found = dict.fromkeys(_joined(base_url, text.strip()) for text in _resources(body) if text.strip())
    if len(found) > MAX_ADDRESSES_COUNT:
        raise DocumentTooLargeError(
            expected=f"at most {MAX_ADDRESSES_COUNT} addresses", got=str(len(found)), record="notification"
        )
    base = urlsplit(base_url)
    places = {(base.scheme, place) for place in (base.netloc, *hosts)}
    return tuple(url for url in found if _place(url) in places and url.isascii() and url.isprintable() and " " not in url)


def consent_names(url: str) -> tuple[str, ...]:
    """Every name that an address may have for a consent, so that files of a notification find the connection they are for.

    `.../resource/Batch/Subscription/42` and a file of it, `.../resource/Batch/Prepared/42/1?part=2`, have one in common: what
    stands before the collection, without `Batch`, and the id behind it.

    Args:
        url: Absolute.

    Returns:
        Names, that of the whole path last; none where the path is written in a way that can be read as another one.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ()
    words = [word for word in parts.path.strip("/").split("/") if word != "Batch"]
    if not parts.netloc or len(words) > _MOST_WORDS_COUNT or not all(_WORD.fullmatch(word) for word in words):
        return ()
    root = f"{parts.scheme}://{parts.netloc.lower()}"
    return tuple(" ".join(["/".join([root, *words[: at - 1]]), words[at]]) for at in range(1, len(words)))


def _joined(base_url: str, text: str) -> str:
    try:
        return urljoin(base_url, text)
    except ValueError:
        return ""


def _place(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()


def _resources(body: bytes) -> list[str]:
    """The texts of all `resources`.

    Raises:
        HostileDocumentError: It has a document type declaration.
        UnknownFormatError: It is no BatchList.
    """
    found: list[str] = []
    path: list[str] = []

    def opened(name: str, _attributes: object) -> None:
        if not path and name != _ROOT:
            raise UnknownFormatError("This is no notification", expected="a BatchList", got=name, record="notification")
        path.append(name)
        if path[1:] == [_RESOURCES]:
            found.append("")

    def closed(_name: str) -> None:
        path.pop()

    def said(text: str) -> None:
        if path[1:] == [_RESOURCES]:
            found[-1] += text

    def declared(*_declaration: object) -> None:
        raise HostileDocumentError("This notification has a document type declaration", expected="none", record="notification")

    reader = expat.ParserCreate(namespace_separator=" ")
    reader.StartElementHandler, reader.EndElementHandler, reader.CharacterDataHandler = opened, closed, said
    reader.StartDoctypeDeclHandler = declared
    reader.buffer_text = True
    try:
        reader.Parse(body, _IS_FINAL)
    except expat.ExpatError as error:
        raise UnknownFormatError("This is no notification", expected="XML", got=str(error), record="notification") from error
    return found
