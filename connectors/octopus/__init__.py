"""Octopus Energy (Great Britain): half hours of electricity and gas, with the key that a customer finds in the own account.

1. The account names its meter points and meters.
2. Of a meter that is new everything of the last two years is fetched, piece by piece, each with its own cursor.
3. From then on each pull begins ten days before the newest reading, or at the first gap of the last sixty days: readings come
   late, and are corrected.
"""

from collections.abc import Callable, Generator, Sequence
from itertools import pairwise
from urllib.parse import quote, urljoin

from connectors.base import ApiKey, Batch, Document, Get, KeyPlace, Link, Manifest, Post, Provider, Pull, Question
from connectors.octopus.meters import Meter, meters_of
from connectors.octopus.parse import PARSER_VERSION, parse, read_page
from domain.canonical import from_canonical, to_canonical
from domain.errors import ConnectorBugError, FormatChangedError
from domain.period import instant_from_text, instant_of_epoch_s, instant_to_text
from domain.series import MeterDocument

PAGE_SIZE = 25_000
"""The most readings that the API gives at once."""

_DAY_S = 86_400
_BACKFILL_S, _PIECE_S, _OVERLAP_S, _LONGEST_WAIT_S = 730 * _DAY_S, 92 * _DAY_S, 10 * _DAY_S, 60 * _DAY_S
_MOST_PAGES_COUNT = 200
_OK, _NOT_FOUND = 200, 404

Begins = dict[str, str]
"""Where the next pull of each meter begins, RFC 3339 in UTC, by its name: the cursor."""


def _pull(link: Link, cursor: str | None) -> Pull:
    begins, now_s = _begins(cursor), _second(link["now"])
    account = yield Get(f"accounts/{quote(link['account'], safe='')}/")
    gas_unit, serials = link.get("gas_unit", ""), link.get("gas_kwh_serials", "")
    for meter in meters_of(_came(account).body, gas_unit=gas_unit, gas_kwh_serials=serials):
        begins.setdefault(meter.name, _text(now_s // _DAY_S * _DAY_S - _BACKFILL_S))
        is_served = True
        while is_served and now_s - (begin_s := _second(begins[meter.name])) > _PIECE_S:
            is_served = yield from _pull_piece(meter, begins, begin_s, begin_s + _PIECE_S)
        if is_served:
            yield from _pull_piece(meter, begins, begin_s, None)


def _pull_piece(
    meter: Meter, begins: Begins, begin_s: int, end_s: int | None
) -> Generator[Get | Post | Batch, Document | None, bool]:
    """The readings from one instant to another, or to the newest, page by page; the last page moves the cursor.

    Args:
        meter: Whose.
        begins: Cursor of every meter; this one's is moved.
        begin_s: Begin, seconds since 1970.
        end_s: End; None: the newest.

    Returns:
        Whether the meter is served.

    Raises:
        FormatChangedError: There is always one more page.
    """
    until = {"period_to": _text(end_s)} if end_s else {}
    params = {"page_size": str(PAGE_SIZE), "order_by": "period", "period_from": _text(begin_s), **until}
    path = f"{meter.fuel}-meter-points/{meter.point}/meters/{quote(meter.serial, safe='')}/consumption/"
    request = Get(path, params, context=meter.to_context(), passes=frozenset({_NOT_FOUND}))
    spans_s: list[tuple[int, int]] = []
    seen = {""}
    while True:
        answer = _came((yield request))
        if answer.status == _NOT_FOUND:
            return False
        page = read_page(answer.body) if answer.status == _OK else None
        spans_s += page.spans_s if page else []
        if page is None or not page.next_url:
            begins[meter.name] = _text(end_s or _next_begin_s(begin_s, sorted(spans_s)))
            if page is not None:
                yield Batch(page.document, to_canonical(begins).decode(), answer)
            return True
        yield Batch(page.document, None, answer)
        if page.next_url in seen or len(seen) > _MOST_PAGES_COUNT:
            raise FormatChangedError("Paging does not end", expected="another page", got=f"page {len(seen)} again and again")
        seen.add(page.next_url)
        request = Get(urljoin(answer.url, page.next_url), context=meter.to_context())


def _next_begin_s(begin_s: int, spans_s: Sequence[tuple[int, int]]) -> int:
    """Where the next pull begins: ten days before the newest reading, or with the last reading before the first gap.

    Args:
        begin_s: Where this one began.
        spans_s: Begin and end of each reading, sorted.

    Returns:
        Seconds since 1970, at most sixty days before the newest reading.
    """
    if not spans_s:
        return begin_s
    gaps = (before[0] for before, after in pairwise(spans_s) if after[0] > before[1])
    newest_s = spans_s[-1][1]
    return max(min(newest_s - _OVERLAP_S, next(gaps, newest_s)), newest_s - _LONGEST_WAIT_S)


def _came(document: Document | None) -> Document:
    if document is None:
        raise ConnectorBugError("A request was answered with nothing", expected="a document")
    return document


def _begins(cursor: str | None) -> Begins:
    value = from_canonical(cursor.encode()) if cursor else {}
    return {name: str(begin) for name, begin in value.items()} if isinstance(value, dict) else {}


def _second(text: str) -> int:
    return int(instant_from_text(text).timestamp())


def _text(at_s: int) -> str:
    return instant_to_text(instant_of_epoch_s(at_s))


class Octopus:
    """The connector for Octopus Energy."""

    manifest = Manifest(
        connector_id="octopus",
        title="Octopus Energy (electricity, gas)",
        kinds=frozenset({"electricity", "electricity_export", "natural_gas"}),
        parser_version=PARSER_VERSION,
        providers=(
            Provider(
                "octopus-energy",
                "Octopus Energy",
                "https://api.octopus.energy/v1/",
                ApiKey(KeyPlace.BASIC_USER, help="In your account, under Personal details, API access: it begins with sk_live_."),
                countries=frozenset({"GB"}),
                help_url="https://octopus.energy/dashboard/new/accounts/personal-details/api-access",
            ),
        ),
        questions=(
            Question("account", "Account number", "On each bill: A-1234ABCD.", pattern=r"A-[0-9A-Z]{4,16}"),
            Question(
                "gas_unit",
                "What your gas meter counts",
                "Octopus Energy does not say it. The meter's display does: SMETS2 meters count m3; SMETS1 meters come as kWh.",
                {"m3": "Cubic metres (m3)", "kWh": "Kilowatt-hours (kWh)", "none": "I have no gas from them"},
            ),
            Question(
                "gas_kwh_serials",
                "Serial numbers of gas meters that count kWh, where the others do not",
                "Only where a gas meter was replaced. Commas between them.",
                is_required=False,
            ),
        ),
    )
    pull: Callable[[Link, str | None], Pull] | None = staticmethod(_pull)

    def parse(self, body: bytes) -> MeterDocument:
        """The readings of one answer.

        Args:
            body: Its bytes, after the line that names the meter.

        Returns:
            One series in kWh or m3, or none where the answer is empty, and what was refused with the reason.

        Raises:
            DocumentError: No meter is named, or it is no page of readings.
        """
        return parse(body)


OCTOPUS = Octopus()
"""The one instance; it has no state."""
