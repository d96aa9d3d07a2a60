"""Google Timeline: where a phone was, as the person exported it. Uploaded files; there is no way to ask Google for them."""

from collections.abc import Callable

from connectors.base import Link, Manifest, Pull
from connectors.google_timeline.modes import COUNTED
from connectors.google_timeline.parse import PARSER_VERSION, parse
from domain.declared import ActivityDocument


class GoogleTimeline:
    """The connector for exports of Google Timeline and Location History."""

    manifest = Manifest(
        connector_id="google-timeline",
        title="Google Timeline (trips by car, bus, train, ferry, plane)",
        kinds=frozenset(mode.kind for mode in COUNTED.values()),
        parser_version=PARSER_VERSION,
        upload_media_types=frozenset({"application/json", "application/zip"}),
    )
    pull: Callable[[Link, str | None], Pull] | None = None

    def parse(self, body: bytes) -> ActivityDocument:
        """The trips of one export.

        Args:
            body: Its original bytes.

        Returns:
            One activity a trip, and what was refused with the reason.

        Raises:
            DocumentError: Nothing of it can be used.
        """
        return parse(body)


GOOGLE_TIMELINE = GoogleTimeline()
"""The one instance; it has no state."""
