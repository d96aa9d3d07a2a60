"""Files that banks give their customers: OFX, QIF, camt.052/053/054, and tables with a mapping."""

from collections.abc import Callable, Mapping

from connectors.bank_file.guess import guess_of, look_at, unplaced_in
from connectors.bank_file.parse import PARSER_VERSION, parse
from connectors.bank_file.rows import FIELDS
from connectors.base import Manifest, Pull
from connectors.guess import Guess, LineLook, Shop
from domain.canonical import Json
from domain.declared import ActivityDocument


class BankFile:
    """The connector for files of banks."""

    manifest = Manifest(
        connector_id="bank-file",
        title="Bank or card statement in a file",
        kinds=frozenset({"purchase"}),
        parser_version=PARSER_VERSION,
        upload_media_types=frozenset(
            {
                "application/x-ofx",
                "application/vnd.intu.qfx",
                "application/qif",
                "application/xml",
                "text/csv",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            }
        ),
    )
    pull: Callable[[Mapping[str, str], str | None], Pull] | None = None
    mapped_fields = FIELDS

    def parse(self, body: bytes) -> ActivityDocument:
        """The purchases of one file.

        Args:
            body: The file; QIF and tables with their mapping before them.

        Returns:
            Purchases by money, and what was refused with the reason.

        Raises:
            DocumentError: Nothing of it can be used, or it needs a mapping.
        """
        return parse(body)

    def guess(self, body: bytes, said: Mapping[str, Json]) -> Guess:
        """What a file seems to mean.

        Args:
            body: The file as it came.
            said: What the person has answered so far.

        Raises:
            DocumentError: It is no file of a bank.
        """
        return guess_of(body, said)

    def look(self, body: bytes, most_count: int) -> tuple[LineLook, ...]:
        """The first lines of a file as they would be read.

        Args:
            body: The file with its mapping before it.
            most_count: How many at most.

        Raises:
            DocumentError: Nothing of it can be used.
        """
        return look_at(body, most_count)

    def unplaced(self, body: bytes) -> tuple[Shop, ...]:
        """Merchants of whom nothing says what they sell.

        Args:
            body: The file with its mapping before it.

        Raises:
            DocumentError: Nothing of it can be used.
        """
        return unplaced_in(body)


BANK_FILE = BankFile()
"""The one instance; it has no state."""
