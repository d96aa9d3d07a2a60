"""Activities in a file: what people and businesses do, one per line, in the words of `estimate`."""

from collections.abc import Callable, Mapping

from connectors.activities.parse import PARSER_VERSION, parse
from connectors.base import Manifest, Pull
from domain.activity import KINDS
from domain.declared import ActivityDocument


class Activities:
    """The connector for files of activities."""

    manifest = Manifest(
        connector_id="activities",
        title="Activities in a file",
        kinds=frozenset(KINDS),
        parser_version=PARSER_VERSION,
        upload_media_types=frozenset({"application/x-ndjson", "application/jsonl", "text/csv"}),
    )
    pull: Callable[[Mapping[str, str], str | None], Pull] | None = None

    def parse(self, body: bytes) -> ActivityDocument:
        """The activities of one file.

        Args:
            body: NDJSON or CSV.

        Returns:
            What it declares and takes back, and what was refused with line and reason.

        Raises:
            DocumentError: The file is no text of ours.
        """
        return parse(body)


ACTIVITIES = Activities()
"""The one instance; it has no state."""
