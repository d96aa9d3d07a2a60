"""Green Button Connect My Data: the feed of one consent, in windows of bounded size, then what was changed since.

1. At first everything published in two years, oldest first: closed windows, and an open one at the end.
2. From then on what was updated since the feed's own time of the last one: new readings, and corrections of old ones. A utility
   that does not understand `updated-min` is asked again for what was published in the last seven days: later are 0.2 % of data.

A window's address depends on the cursor alone: utilities that prepare files (202) begin anew where an address differs. When a
notification says where a prepared file is, the driver puts its addresses into the link as `notified`; they stand in for the
window that the cursor is at, unless they name another one. Nothing signs a notification: where one of its files cannot be had or
read, it counts for nothing, and the window itself is asked for.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from connectors.base import Batch, Document, Get, Link, Post, Pull
from connectors.green_button.parse import PULLED, parse
from domain.errors import ConnectorBugError, DocumentError, NeedsConsentError, TryLaterError
from domain.period import instant_from_text, instant_of_epoch_s, instant_to_text
from domain.series import MeterDocument

PUBLISHED, UPDATED = "published", "updated"
_OVERLAP = timedelta(days=7)
_OK, _ACCEPTED, _NO_CONTENT, _BAD_REQUEST, _NOT_FOUND = 200, 202, 204, 400, 404
_REFUSALS = frozenset({_BAD_REQUEST, 401, 403, _NOT_FOUND, 410})
_UNREADABLE = 0
_WINDOW_NAMES = frozenset(f"{sort}{end}" for sort in (PUBLISHED, UPDATED) for end in ("-min", "-max", "Min", "Max"))
_PREPARING_S = 3_600.0
_ATOM = "application/atom+xml"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pull is: the cursor.

    Attributes:
        sort: By which time the feed is cut: `published` or `updated`.
        begin: Where the next window begins, RFC 3339 in UTC.
        since: While two years are read: the feed's time when that began, so that what is corrected meanwhile is asked for later.
    """

    sort: str
    begin: str
    since: str = ""

    def to_text(self) -> str:
        """Two or three words."""
        return f"{self.sort} {self.begin} {self.since}".rstrip()


def pull(link: Link, cursor: str | None) -> Pull:
    """The documents of one consent, as `connectors.base` says.

    Args:
        link: `resourceURI`, `now`, the provider's quirks (see `providers`), and after a notification `notified`: addresses with
            spaces between them.
        cursor: Of the last pull.

    Yields:
        Requests and batches.

    Raises:
        NeedsConsentError: The consent came without an address of data.
    """
    if not link.get("resourceURI"):
        raise NeedsConsentError("The utility said yes, but not where the data are", expected="resourceURI in the token reply")
    now = instant_from_text(link["now"])
    place = Place(*cursor.split()) if cursor else Place(PUBLISHED, _first_begin(link, now))
    urls = link.get("notified", "").split()
    window = _window(place, _end(place, link, now), link)
    notified = [Get(url, accept=_ATOM, context=PULLED, passes=_REFUSALS) for url in urls if _stands_in(url, window)]
    is_last = False
    while not is_last:
        end = _end(place, link, now)
        statuses, last, seen_s = yield from _read(notified or [_window(place, end, link)], is_hint=bool(notified))
        if notified and not set(statuses) <= {_OK, _NO_CONTENT}:  # they waited too long, or are none of ours
            notified = []
            continue
        if _BAD_REQUEST in statuses:
            begin = instant_from_text(place.begin) - _OVERLAP
            place = Place(PUBLISHED, instant_to_text(begin))
            continue
        seen = instant_of_epoch_s(seen_s) if seen_s else None
        if notified and end and seen:  # it was asked for when less was published
            end = min(end, seen)
        place, notified, is_last = _after(place, end, seen, link), [], end is None
        if last is not None:
            yield Batch(last[1], place.to_text(), last[0])


def _read(
    requests: Sequence[Get],
    *,
    is_hint: bool,
) -> Generator[Get | Post | Batch, Document | None, tuple[list[int], tuple[Document, MeterDocument] | None, int]]:
    """Ask for documents; all but the last one are stored at once, so that one is in memory.

    Args:
        requests: For what.
        is_hint: Whether somebody else named them: then what cannot be read is answered for by its status, 0.

    Returns:
        Statuses; the last document, which will carry the cursor; when the feed was changed last, seconds since 1970, or 0.

    Raises:
        TryLaterError: The utility prepares them; it notifies us, and answers the same request later.
        ConnectorBugError: The driver sent nothing.
        DocumentError: It cannot be read.
    """
    statuses: list[int] = []
    last: tuple[Document, MeterDocument] | None = None
    seen_s = 0
    for request in requests:
        answer = yield request
        if answer is None:
            raise ConnectorBugError("A request was answered with nothing", expected="a document")
        if answer.status == _ACCEPTED:
            said = answer.headers.get("retry-after", "")
            raise TryLaterError("The utility prepares the readings", wait_s=float(said) if said.isdecimal() else _PREPARING_S)
        try:
            document = parse(answer.body) if answer.status == _OK else MeterDocument(())
        except DocumentError:
            if not is_hint:
                raise
            statuses.append(_UNREADABLE)
            continue
        statuses.append(answer.status)
        if answer.status in {_OK, _NO_CONTENT}:
            if last is not None:
                yield Batch(last[1], None, last[0])
            last = (answer, document)
            seen_s = max([seen_s, *(one.updated_at_s for one in last[1].series)])
    return statuses, last, seen_s


def _stands_in(url: str, window: Get) -> bool:
    """Whether an address of a notification can be that of a window's file: it names the same times, or none at all."""
    named = {name: text for name, text in parse_qsl(urlsplit(url).query, keep_blank_values=True) if name in _WINDOW_NAMES}
    return not named or named == dict(window.params)


def _first_begin(link: Link, now: datetime) -> str:
    """As far back as the utility keeps data, from the first of a month, so that asking again on another day asks the same."""
    first = now - timedelta(days=int(link.get("history_days", "730")))
    return instant_to_text(first.replace(day=1, hour=0, minute=0, second=0, microsecond=0))


def _end(place: Place, link: Link, now: datetime) -> datetime | None:
    """Where the window at this place ends; None where it is open: the last one, or the utility takes no end."""
    end = instant_from_text(place.begin) + timedelta(days=int(link.get("piece_days", "92")))
    return end if end < now and link.get("sends_max") != "no" else None


def _window(place: Place, end: datetime | None, link: Link) -> Get:
    """The request for one window in the utility's spelling."""
    names = [f"{place.sort}{end}" for end in (("Min", "Max") if link.get("window_names") == "camel" else ("-min", "-max"))]
    times = [place.begin, *([instant_to_text(end)] if end else [])]
    if link.get("window_format") == "day":
        times = [time[:10] for time in times]
    passes = {_ACCEPTED, _BAD_REQUEST} if place.sort == UPDATED else {_ACCEPTED}
    return Get(link["resourceURI"], dict(zip(names, times, strict=False)), accept=_ATOM, context=PULLED, passes=frozenset(passes))


def _after(place: Place, end: datetime | None, seen: datetime | None, link: Link) -> Place:
    """The place behind a window that was read."""
    since = place.since or (instant_to_text(seen) if seen else "")
    if end is not None:
        return replace(place, begin=instant_to_text(end), since=since if place.sort == PUBLISHED else "")
    if seen is not None and link.get("cursor") == PUBLISHED:
        return Place(PUBLISHED, instant_to_text(seen - _OVERLAP))
    if place.sort == PUBLISHED and since:
        return Place(UPDATED, since)
    return Place(UPDATED, instant_to_text(seen)) if seen else place
