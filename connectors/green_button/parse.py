"""Green Button (NAESB REQ.21 ESPI) documents as series of interval readings. Pure: bytes in, values out.

1. `envelope`: size, encoding, what the file is; a zip may hold many documents, which are read as one.
2. `scan` with `blocks`: one streaming pass; readings become columns of integers.
3. `join`: which readings are of which meter, by Atom links.
4. `assemble`: unit, direction and commodity of each, or the reason why a series is refused.

Left out on purpose: money (`cost`), UsageSummary, and everything of the customer schema; no name or address is kept.
"""

import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.context import unframed
from connectors.green_button.assemble import assemble
from connectors.green_button.envelope import xmls_of
from connectors.green_button.scan import scan
from domain.canonical import Json
from domain.errors import DocumentError, UnknownFormatError
from domain.series import IntervalSeries, LocalTime, MeterDocument

PARSER_VERSION = "green-button-2"
"""Stands in manifests; changes when the same document would give other series."""

PULLED: Mapping[str, Json] = {"from": "subscription"}
"""Context of a document that was pulled: meter points are named by what follows `Subscription/7/`, which is one consent's."""

_SUBSCRIPTION = re.compile(r"(?:.*/)?Subscription/[^/]+/(?=.)")


def parse(body: bytes) -> MeterDocument:
    """The meter readings of one Green Button document.

    Args:
        body: An ESPI document: Atom feed, single entry or bare object, of any size up to 100 MB; or a zip of such. With the
            context `PULLED` before it, meter points keep their names when a person consents anew.

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
    context, rest = unframed(body)
    parts: list[tuple[str, MeterDocument]] = []
    for name, xml in xmls_of(rest):
        try:
            parts.append((name, _one(xml)))
        except DocumentError as error:
            if not name:
                raise
            parts.append((name, MeterDocument((), (error,))))
    document = parts[0][1] if len(parts) == 1 else _merged(parts)
    return _without_subscription(document) if context == PULLED else document


def _one(xml: bytes) -> MeterDocument:
    """The readings of one XML document.

    Raises:
        UnknownFormatError: It is not Green Button.
    """
    feed = scan(xml)
    if not feed.has_espi and not feed.is_empty_feed:
        raise UnknownFormatError(
            "This XML document is not Green Button",
            expected="elements of http://naesb.org/espi",
            got=f"root element {feed.root_name}",
            next_step="Choose the XML file of the utility's Green Button download.",
        )
    return assemble(feed)


def _merged(parts: Sequence[tuple[str, MeterDocument]]) -> MeterDocument:
    """Documents of one zip as one: a reading that stands in several of them counts once, as the newest says."""
    series: list[IntervalSeries] = []
    refused: list[DocumentError] = []
    local_times: dict[str, LocalTime] = {}
    seen: dict[tuple[object, ...], set[tuple[int, int]]] = {}
    for name, part in sorted(parts, key=lambda one: max((each.updated_at_s for each in one[1].series), default=0), reverse=True):
        known = {key: frozenset(spans) for key, spans in seen.items()}  # within one document equal spans are two readings
        for one in part.series:
            meter = (one.usage_point, one.kind, one.direction, one.unit, one.is_additive)
            left = _without(one, known.get(meter, frozenset()))
            seen.setdefault(meter, set()).update(zip(one.starts_s, one.durations_s, strict=True))
            if len(left.values):
                series.append(left)
        refused += [
            type(error)(
                error.message,
                expected=error.expected,
                got=error.got,
                record=f"{name}: {error.record}" if error.record else name,
                next_step=error.next_step,
            )
            for error in part.refused
        ]
        local_times = {**part.local_times, **local_times}
    return MeterDocument(tuple(series), tuple(refused), local_times, parts[0][1].title)


def _without(series: IntervalSeries, known: frozenset[tuple[int, int]]) -> IntervalSeries:
    """A series without the readings of these spans (begin and length, seconds)."""
    spans_s = zip(series.starts_s, series.durations_s, strict=True)
    rows = [row for row, span_s in enumerate(spans_s) if span_s not in known]
    if len(rows) == len(series.values):
        return series
    columns = (series.starts_s, series.durations_s, series.values, series.qualities or array("q"))
    starts_s, durations_s, values, qualities = (array("q", [column[row] for row in rows] if column else []) for column in columns)
    return replace(series, starts_s=starts_s, durations_s=durations_s, values=values, qualities=qualities)


def _without_subscription(document: MeterDocument) -> MeterDocument:
    """A document whose meter points are named apart from the consent that they came by."""

    def named(point: str) -> str:
        return _SUBSCRIPTION.sub("", point, count=1)

    series = tuple(replace(one, usage_point=named(one.usage_point)) for one in document.series)
    return replace(document, series=series, local_times={named(point): clock for point, clock in document.local_times.items()})
