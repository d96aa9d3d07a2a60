"""Green Button: the usage downloads of North American utilities (NAESB REQ.21 ESPI). Uploaded documents; no account needed."""

from collections.abc import Callable, Mapping

from connectors.base import Manifest, Pull
from connectors.green_button.parse import PARSER_VERSION, parse
from domain.series import MeterDocument


class GreenButton:
    """The connector for Green Button files."""

    manifest = Manifest(
        connector_id="green-button",
        title="Green Button download (electricity, gas, water)",
        kinds=frozenset({"electricity", "electricity_export", "natural_gas", "propane", "water", "steam"}),
        parser_version=PARSER_VERSION,
        upload_media_types=frozenset({"application/atom+xml", "application/xml", "text/xml", "application/zip"}),
    )
    pull: Callable[[Mapping[str, str], str | None], Pull] | None = None

    def parse(self, body: bytes) -> MeterDocument:
        """The readings of one Green Button document.

        Args:
            body: Its original bytes.

        Returns:
            Series in exact units, and what was refused with the reason.

        Raises:
            DocumentError: Nothing of it can be used.
        """
        return parse(body)


GREEN_BUTTON = GreenButton()
"""The one instance; it has no state."""
