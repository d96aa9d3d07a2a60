"""A record as a statement claims it: the leaf that an auditor gets, read once however many of its checks ask."""

import json
from collections.abc import Sequence

from domain.activity import Activity
from domain.canonical import from_canonical
from domain.fields import Fields
from domain.record import activity_from_json, quick_leaf


class ClaimedRecord(Fields):
    """A record as the subject claims it, read once however many checks ask.

    Args:
        leaf: Its canonical bytes.
        group: Name of its group.

    Raises:
        CanonicalError: The bytes are no canonical JSON object.
    """

    def __init__(self, leaf: bytes, group: str) -> None:
        quick = quick_leaf(leaf)  # what it reads is canonical: no need to look again
        super().__init__(from_canonical(leaf, record=group) if quick is None else json.loads(leaf), f"input of {group}")
        self._activities = None if quick is None else list(quick.activities)
        self._texts: dict[str, tuple[str, ...]] = {}

    def text(self, name: str) -> str:
        """A field that is text.

        Args:
            name: The field.

        Returns:
            Its text.

        Raises:
            CanonicalError: It is missing or is not text.
        """
        value = self._value.get(name)
        return value if type(value) is str else super().text(name)

    def texts(self, name: str) -> tuple[str, ...]:
        """A field that is an array of texts.

        Args:
            name: The field.

        Returns:
            The texts.

        Raises:
            CanonicalError: It is missing or holds something else.
        """
        found = self._texts.get(name)
        if found is None:
            found = self._texts[name] = super().texts(name)
        return found

    def activities(self) -> Sequence[Activity]:
        """The activities that it claims, in their order.

        Raises:
            CanonicalError: One is none.
        """
        if self._activities is None:
            self._activities = [activity_from_json(value, record=self.record) for value in self.items("activities")]
        return self._activities
