"""Green Button (NAESB REQ.21 ESPI) documents as series of interval readings. Pure: bytes in, values out.

1. `envelope`: size, encoding, what the file is.
2. `scan` with `blocks`: one streaming pass; readings become columns of integers.
3. `join`: which readings are of which meter, by Atom links.
4. `assemble`: unit, direction and commodity of each, or the reason why a series is refused.

Left out on purpose: money (`cost`), UsageSummary, and everything of the customer schema; no name or address is kept.
"""

from connectors.green_button.assemble import assemble
from connectors.green_button.envelope import xml_of
from connectors.green_button.scan import scan
from domain.errors import UnknownFormatError
from domain.series import MeterDocument

PARSER_VERSION = "green-button-2"
"""Stands in manifests; changes when the same document would give other series."""


def parse(body: bytes) -> MeterDocument:
    """The meter readings of one Green Button document.

    Args:
        body: An ESPI document: Atom feed, single entry or bare object, of any size up to 100 MB; or a zip with one of them.

    Returns:
        Its series, each in an exact unit, and what was refused with the reason; the rest stands. A document with no readings
        (ReadingTypes or summaries only) has no series, and one refusal that says so.

    Raises:
        UnknownFormatError: It is not XML, or not Green Button; the message says what it looks like, or where it breaks.
        DocumentError: Nothing of it can be used: cut off (`TruncatedDocumentError`), a DOCTYPE or deep nesting
            (`HostileDocumentError`), too large (`DocumentTooLargeError`).

    Source:
        NAESB REQ.21 ESPI 1.1 to 4.0 (espi.xsd), RFC 4287 (Atom).
    """
    feed = scan(xml_of(body))
    if not feed.has_espi and not feed.is_empty_feed:
        raise UnknownFormatError(
            "This XML document is not Green Button",
            expected="elements of http://naesb.org/espi",
            got=f"root element {feed.root_name}",
            next_step="Choose the XML file of the utility's Green Button download.",
        )
    return assemble(feed)
