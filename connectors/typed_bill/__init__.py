"""A bill that a person typed: the words they gave, kept as a document of their own, so that it is read like any other."""

from collections.abc import Callable, Mapping

from connectors.base import Manifest, Pull
from connectors.typed_bill.parse import PARSER_VERSION, parse
from domain.series import MeterDocument


class TypedBill:
    """The connector for typed bills."""

    manifest = Manifest(
        connector_id="typed-bill",
        title="A bill that you type",
        kinds=frozenset({"electricity"}),
        parser_version=PARSER_VERSION,
        upload_media_types=frozenset({"application/json"}),
    )
    pull: Callable[[Mapping[str, str], str | None], Pull] | None = None

    def parse(self, body: bytes) -> MeterDocument:
        """The one reading of a typed bill.

        Args:
            body: As `bill_document` makes it.

        Returns:
            A series with one reading as long as the bill.

        Raises:
            DocumentError: The bytes are not a typed bill, or what was typed cannot be.
        """
        return parse(body)


TYPED_BILL = TypedBill()
"""The one instance; it has no state."""
