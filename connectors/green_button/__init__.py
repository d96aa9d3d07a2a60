"""Green Button: the usage data of North American utilities (NAESB REQ.21 ESPI), from a file or through the utility's consent."""

from connectors.base import Link, Manifest, Pull
from connectors.green_button.parse import PARSER_VERSION, parse
from connectors.green_button.providers import PROVIDERS
from connectors.green_button.pull import pull
from domain.series import MeterDocument


class GreenButton:
    """The connector for Green Button, Download and Connect My Data."""

    manifest = Manifest(
        connector_id="green-button",
        title="Green Button (electricity, gas, water of your utility)",
        kinds=frozenset({"electricity", "electricity_export", "natural_gas", "propane", "water", "steam"}),
        parser_version=PARSER_VERSION,
        upload_media_types=frozenset({"application/atom+xml", "application/xml", "text/xml", "application/zip"}),
        providers=PROVIDERS,
    )

    def pull(self, link: Link, cursor: str | None) -> Pull:
        """The documents of one consent: see `connectors.green_button.pull`.

        Args:
            link: `resourceURI` and `now`, the provider's quirks, and what a notification named.
            cursor: Of the last pull.
        """
        return pull(link, cursor)

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
