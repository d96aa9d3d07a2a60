"""Tables of anything that people keep: CSV or Excel workbooks, each row an activity, by a mapping."""

from collections.abc import Callable, Mapping

from connectors.base import Manifest, Pull
from connectors.guess import Guess, LineLook, Shop
from connectors.spreadsheet.guess import guess_of, look_at
from connectors.spreadsheet.parse import FIELDS, PARSER_VERSION, parse
from domain.activity import KINDS
from domain.canonical import Json
from domain.declared import ActivityDocument


class Spreadsheet:
    """The connector for tables of activities."""

    manifest = Manifest(
        connector_id="spreadsheet",
        title="Any table of your own",
        kinds=frozenset(KINDS),
        parser_version=PARSER_VERSION,
        upload_media_types=frozenset({"text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}),
    )
    pull: Callable[[Mapping[str, str], str | None], Pull] | None = None
    mapped_fields = FIELDS

    def parse(self, body: bytes) -> ActivityDocument:
        """The activities of one table.

        Args:
            body: CSV or a workbook, with its mapping before it.

        Returns:
            One activity for each row, and what was refused with line and reason.

        Raises:
            DocumentError: It is no table, it has no mapping, or it lacks a column of it.
        """
        return parse(body)

    def guess(self, body: bytes, said: Mapping[str, Json]) -> Guess:
        """What a table seems to mean.

        Args:
            body: The file as it came.
            said: What the person has answered so far.

        Raises:
            DocumentError: It is no table.
        """
        return guess_of(body, said)

    def look(self, body: bytes, most_count: int) -> tuple[LineLook, ...]:
        """The first rows as they would be read.

        Args:
            body: The file with its mapping before it.
            most_count: How many at most.

        Raises:
            DocumentError: Nothing of it can be used.
        """
        return look_at(body, most_count)

    def unplaced(self, body: bytes) -> tuple[Shop, ...]:  # noqa: ARG002 - as the contract has it
        """Merchants of whom nothing says what they sell: here every line says its kind."""
        return ()


SPREADSHEET = Spreadsheet()
"""The one instance; it has no state."""
