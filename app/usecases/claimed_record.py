"""A record as a statement claims it: the leaf that an auditor gets, read once however many of its checks ask."""

from collections.abc import Sequence

from domain.activity import Activity
from domain.canonical import from_canonical
from domain.fields import Fields
from domain.record import activity_from_json


class ClaimedRecord(Fields):
    """A record as the subject claims it, read once however many checks ask.

    Args:
        leaf: Its canonical bytes.
        group: Name of its group.

    Raises:
        CanonicalError: The bytes are no canonical JSON object.
    """

    def __init__(self, leaf: bytes, group: str) -> None:
        super().__init__(from_canonical(leaf, record=group), f"input of {group}")
        self._activities: list[Activity] | None = None

    def activities(self) -> Sequence[Activity]:
        """The activities that it claims, in their order.

        Raises:
            CanonicalError: One is none.
        """
        if self._activities is None:
            self._activities = [activity_from_json(value, record=self.record) for value in self.items("activities")]
        return self._activities
