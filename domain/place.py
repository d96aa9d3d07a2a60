"""Where an activity happens: the finest place that is known, and its time zone.

A region is a path, coarse to fine: `US`, `US/zip/94110`, `US/state/CA`, `US/egrid/CAMX`, `GB`, `WORLD`. What lies inside what is
the factor set's region graph (`scoring/factors`); here a place only says its own name.
"""

import re
from dataclasses import dataclass

from domain.errors import PlaceError

_ZIP = re.compile(r"(?:US-)?([0-9]{5})(?:-[0-9]{4})?\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """A place as somebody gave it.

    Attributes:
        region: Path of the finest region known: `US/zip/94110` or `DE`.
        country: ISO 3166-1 alpha-2.
        zone: IANA time zone, or empty where it is not known yet.
    """

    region: str
    country: str
    zone: str = ""


def place_from_text(text: str, *, zone: str = "", record: str = "") -> Place:
    """The place that a US ZIP code or a two-letter country code says.

    Args:
        text: `94110`, `94110-1234`, `US-94110` or `DE`.
        zone: IANA time zone, where it is known.
        record: Where it stands, for the message.

    Returns:
        The place.

    Raises:
        PlaceError: The text is neither.
    """
    stripped = text.strip()
    stripped = stripped.upper() if stripped.isascii() else stripped  # other alphabets' capitals can be ASCII: "ß" becomes "SS"
    as_zip = _ZIP.match(stripped)
    if as_zip:
        return Place(f"US/zip/{as_zip[1]}", "US", zone)
    if _COUNTRY.match(stripped):
        return Place(stripped, stripped, zone)
    raise PlaceError(
        expected="a five-digit US ZIP code or a two-letter country code (94110, DE)",
        got=text,
        record=record,
        next_step="Give the place where the meter is.",
    )
