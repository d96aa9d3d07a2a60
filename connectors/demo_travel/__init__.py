"""The demo's travel account: flights and trains. The smallest connector that pulls, and so the one to read first.

`pull` asks for pages of trips, `parse` reads one page; who sends, waits, renews tokens and stores is the driver's business.
"""

from connectors.base import Batch, Get, Link, Manifest, Pull
from connectors.demo_travel.parse import PARSER_VERSION, parse, read_page
from domain.declared import ActivityDocument
from domain.errors import ConnectorBugError, FormatChangedError

MOST_PAGES_COUNT = 200
"""Pages of fifty trips; more is a provider whose pages never end."""


class DemoTravel:
    """The connector for the demo's travel account."""

    manifest = Manifest(
        connector_id="demo-travel",
        title="Demo travel account (flights, trains)",
        kinds=frozenset({"flight", "rail"}),
        parser_version=PARSER_VERSION,
    )

    def pull(self, link: Link, cursor: str | None) -> Pull:  # noqa: ARG002 - everything that is asked for is below the base address
        """Trips that were changed since the last pull, page by page.

        Args:
            link: Not used.
            cursor: Time of the newest change that was read; None at first, for all trips.

        Yields:
            A request for each page, and the page's activities; the last page carries the cursor.

        Raises:
            FormatChangedError: There is always one more page.
            ConnectorBugError: The driver sent nothing.
        """
        newest = cursor or ""
        params = {"updated_since": newest} if newest else {}
        for _ in range(MOST_PAGES_COUNT):
            answer = yield Get("v1/trips", params)
            if answer is None:
                raise ConnectorBugError("A request was answered with nothing", expected="a document")
            page = read_page(answer.body)
            newest = max(newest, page.newest)
            yield Batch(page.document, None if page.next_page else newest)
            if not page.next_page:
                return
            params = {**params, "page": page.next_page}
        raise FormatChangedError("The pages of trips never end", expected=f"at most {MOST_PAGES_COUNT}", got="one more")

    def parse(self, body: bytes) -> ActivityDocument:
        """The flights and trains on one page of trips; see `connectors.demo_travel.parse`.

        Args:
            body: JSON, as it came.

        Raises:
            DocumentError: Nothing of it can be used.
        """
        return parse(body)


DEMO_TRAVEL = DemoTravel()
"""The one instance; it has no state."""
