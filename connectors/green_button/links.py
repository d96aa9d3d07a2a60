"""Addresses of ESPI objects, and finding an object by an address that need not be written like its own.

Feeds join their objects by Atom links. The same object may be named absolutely in one entry and relatively in another, with or
without a slash at the end; so addresses are compared without scheme, host and outer slashes, and, where that finds nothing, by
their last segments.
"""

import re
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

_HOST = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/]*")
_SLASHES = re.compile(r"/{2,}")
_MAX_HREF_SIZE = 500
_MAX_SEGMENTS_COUNT = 24
_MIN_TAIL_SEGMENTS_COUNT = 2  # one segment alone ("01") says too little


def href_key(href: str) -> str:
    """An address as it is compared: "https://x.org//a/b/" and "/a/b" are both "a/b".

    Args:
        href: The link's href.

    Returns:
        Path (with query) without scheme, host, doubled and outer slashes, and leading dots; empty for one that is too long to
        be honest.
    """
    stripped = href.strip()
    if len(stripped) > _MAX_HREF_SIZE:
        return ""
    path = _SLASHES.sub("/", _HOST.sub("", stripped, count=1) if _HOST.match(stripped) else stripped)
    while path.startswith(("../", "./")):
        path = path.partition("/")[2]
    return path.strip("/")


def parents(key: str) -> Iterator[str]:
    """The address itself, then what it lies in, from the inside out."""
    segments = key.split("/")
    for size in range(len(segments), 0, -1):
        yield "/".join(segments[:size])


class AddressBook(Generic[T]):
    """Things by their addresses. An address that several things claim finds none of them."""

    def __init__(self, addresses: Iterable[tuple[str, T]]) -> None:
        self._exact: dict[str, T | None] = {}
        self._by_tail: dict[str, T | None] = {}
        for key, thing in addresses:
            if key:
                _claim(self._exact, key, thing)
                for tail in _tails(key):
                    _claim(self._by_tail, tail, thing)

    def find(self, key: str) -> T | None:
        """The one thing at this address; by its last segments where the whole address is unknown.

        Args:
            key: A normalised address.

        Returns:
            The thing, or None where there is none or more than one.
        """
        if key in self._exact:
            return self._exact[key]
        if key in self._by_tail:
            return self._by_tail[key]
        return next((self._exact[tail] for tail in _tails(key) if tail in self._exact), None)

    def find_any(self, keys: Iterable[str]) -> T | None:
        """The thing at the first of these addresses that has one."""
        return next((found for found in map(self.find, keys) if found is not None), None)

    def find_around(self, key: str) -> T | None:
        """The innermost thing that this address lies in."""
        return self.find_any(parents(key)) if key else None


def _claim(book: dict[str, T | None], key: str, thing: T) -> None:
    book[key] = thing if book.get(key, thing) == thing else None


def _tails(key: str) -> Iterator[str]:
    """Ends of an address, longest first, without the address itself."""
    segments = key.split("/")[-_MAX_SEGMENTS_COUNT:]
    for first in range(1, len(segments) - _MIN_TAIL_SEGMENTS_COUNT + 1):
        yield "/".join(segments[first:])
