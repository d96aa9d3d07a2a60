"""Bank and card accounts through Plaid: payments as purchases. The person consents on Plaid's page.

An update may be many pages, and its cursor counts only when the last page is there. So pages are held until then and stored one
after the other, the cursor with the last. Of an update of more than `HELD_COUNT` pages the first are stored as they come, under
the old cursor: after a failure the same payments come again, under the same names.
"""

from collections.abc import Generator
from functools import partial

from connectors.base import Batch, Document, Get, Link, LinkedItem, Manifest, Post, Provider, Pull
from connectors.plaid.parse import PARSER_VERSION, Page, parse, read_page
from connectors.plaid.refusals import BeginAgain, begin_again
from domain.declared import ActivityDocument
from domain.errors import ConnectorBugError, FormatChangedError, TryLaterError

PAGE_SIZE = 500  # payments of one answer, the most that Plaid gives: the fewer pages, the fewer changes between them
HELD_COUNT = 20  # pages held in memory: 10,000 payments, about 30 MB
MOST_PAGES_COUNT = 2_000  # an update of a million payments has no end
MOST_TRIES_COUNT = 3
_REFUSED = 400
_SOON_S, _LATER_S = 120.0, 900.0
_LINK = LinkedItem("/link/token/create", "/item/public_token/exchange", "/item/remove")
_COUNTRIES = frozenset({"CA", "DE", "ES", "FR", "GB", "IE", "IT", "NL", "US"})
_QUIRKS = {  # how far back is fixed when the connection is made; the page leads back without a public token
    "products": "transactions",
    "days_requested": "730",
    "link_get_path": "/link/token/get",
}
_HELP = "https://plaid.com/docs/transactions/"
_provider = partial(Provider, auth=_LINK, countries=_COUNTRIES, quirks=_QUIRKS, help_url=_HELP)


def _pull(_: Link, cursor: str | None) -> Pull:
    start, lost_count = cursor or "", 0
    for _try in range(MOST_TRIES_COUNT):
        again, status = yield from _update(start)
        if again is None:
            if not cursor and status == "INITIAL_UPDATE_COMPLETE":
                raise TryLaterError("Your bank is still handing over older payments", wait_s=_LATER_S)
            return
        lost_count += again is BeginAgain.EVERYTHING
        start = "" if lost_count > 1 else start
    raise TryLaterError("The payments change faster than they can be read", wait_s=_LATER_S)


def _update(start: str) -> Generator[Get | Post | Batch, Document | None, tuple[BeginAgain | None, str]]:
    """One update, to its end or to where it has to begin again; and whether the bank has handed over the history.

    Raises:
        TryLaterError: The bank is not ready.
        FormatChangedError: The pages have no end.
        ConnectorBugError: The driver answered a request with nothing.
    """
    held: list[tuple[Document, Page]] = []
    at = start
    for number in range(MOST_PAGES_COUNT):
        asked: dict[str, int | str] = {"count": PAGE_SIZE} | ({"cursor": at} if at else {})
        answer = yield Post("/transactions/sync", asked, passes=frozenset({_REFUSED}))
        if answer is None:
            raise ConnectorBugError("A request was answered with nothing", expected="a document", got="None")
        if answer.status == _REFUSED:
            again = begin_again(answer.body)
            return (BeginAgain.EVERYTHING if start and not number else again), ""
        page = read_page(answer.body)
        if not page.next_cursor:
            raise TryLaterError("Your bank has not handed over any payments yet", wait_s=_SOON_S)
        if page.has_more and page.next_cursor == at:
            raise FormatChangedError("The next page is the same page", expected="another cursor", got=at)
        held.append((answer, page))
        at = page.next_cursor
        while held and (len(held) > HELD_COUNT or not page.has_more):
            source, first = held.pop(0)
            yield Batch(first.document, None if held or page.has_more else at, source)
        if not page.has_more:
            return None, page.status
    raise FormatChangedError("This update has no end", expected=f"at most {MOST_PAGES_COUNT} pages", got="more of them")


class Plaid:
    """The connector for bank and card accounts."""

    manifest = Manifest(
        connector_id="plaid",
        title="Bank and card accounts (Plaid)",
        kinds=frozenset({"purchase"}),
        parser_version=PARSER_VERSION,
        providers=(
            _provider("plaid-sandbox", "Plaid sandbox, with invented banks", "https://sandbox.plaid.com", requests_per_s=15.0),
            _provider("plaid", "Plaid", "https://production.plaid.com", requests_per_s=40.0, registration_days_count=14),
        ),
        every_hours=12,
    )
    pull = staticmethod(_pull)

    def parse(self, body: bytes) -> ActivityDocument:
        """The purchases of one answer of /transactions/sync; see `connectors.plaid.parse.parse`, which raises DocumentError."""
        return parse(body)


PLAID = Plaid()
"""The one instance; it has no state."""
