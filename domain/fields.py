"""Typed reading of canonical JSON objects, with the record and field named in every refusal."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from domain.canonical import Json
from domain.errors import CanonicalError, ClimateFitnessError

T = TypeVar("T")

_AMOUNT = re.compile(r"(?:0|-?[1-9][0-9]{0,39})\Z")
_HEX32 = re.compile(r"[0-9a-f]{64}\Z")


class Fields:
    """An object of canonical JSON, read field by field.

    Args:
        value: What stands in the document.
        record: Its name, for messages.

    Raises:
        CanonicalError: The value is not an object.
    """

    def __init__(self, value: Json, record: str) -> None:
        if not isinstance(value, Mapping):
            raise CanonicalError(expected="an object", got=type(value).__name__, record=record)
        self._value = value
        self.record = record

    def names(self) -> frozenset[str]:
        """The names that it has."""
        return frozenset(self._value)

    def raw(self, name: str) -> Json:
        """The value of a field as it stands.

        Args:
            name: The field.

        Returns:
            Its value.

        Raises:
            CanonicalError: It is missing.
        """
        if name not in self._value:
            raise CanonicalError("A field is missing", expected=name, got=", ".join(sorted(self._value)), record=self.record)
        return self._value[name]

    def text(self, name: str) -> str:
        """A field that is text.

        Args:
            name: The field.

        Returns:
            Its text.

        Raises:
            CanonicalError: It is missing or is not text.
        """
        value = self.raw(name)
        if not isinstance(value, str):
            raise self._wrong(name, "text", value)
        return value

    def integer(self, name: str) -> int:
        """A field that is an integer.

        Args:
            name: The field.

        Returns:
            Its number; the unit is the field's.

        Raises:
            CanonicalError: It is missing or is not an integer.
        """
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, "an integer", value)
        return value

    def boolean(self, name: str) -> bool:
        """A field that is true or false.

        Args:
            name: The field.

        Returns:
            Its value.

        Raises:
            CanonicalError: It is missing or is neither.
        """
        value = self.raw(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return value

    def amount(self, name: str) -> int:
        """A field that is an integer written as text, as large amounts are.

        Args:
            name: The field.

        Returns:
            Its number; the unit is the field's.

        Raises:
            CanonicalError: It is missing or is not the shortest decimal text of an integer.
        """
        value = self.text(name)
        if not _AMOUNT.match(value):
            raise self._wrong(name, "an integer as text", value)
        return int(value)

    def hash_hex(self, name: str) -> str:
        """A field that is 32 bytes in lower-case hexadecimal.

        Args:
            name: The field.

        Returns:
            Its 64 digits.

        Raises:
            CanonicalError: It is missing or is anything else.
        """
        value = self.text(name)
        if not _HEX32.match(value):
            raise self._wrong(name, "64 lower-case hexadecimal digits", value)
        return value

    def nested(self, name: str) -> "Fields":
        """A field that is an object.

        Args:
            name: The field.

        Returns:
            Its fields.

        Raises:
            CanonicalError: It is missing or is not an object.
        """
        return Fields(self.raw(name), f"{self.record}.{name}")

    def items(self, name: str) -> list[Json]:
        """A field that is an array.

        Args:
            name: The field.

        Returns:
            Its items.

        Raises:
            CanonicalError: It is missing or is not an array.
        """
        value = self.raw(name)
        if not isinstance(value, list | tuple):
            raise self._wrong(name, "an array", value)
        return list(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A field that is an array of texts.

        Args:
            name: The field.

        Returns:
            The texts.

        Raises:
            CanonicalError: It is missing or holds something else.
        """
        values = self.items(name)
        for value in values:
            if not isinstance(value, str):
                raise self._wrong(name, "texts", value)
        return tuple(str(value) for value in values)

    def objects(self, name: str) -> Iterator["Fields"]:
        """The objects of a field that is an array of them.

        Args:
            name: The field.

        Yields:
            The fields of each.

        Raises:
            CanonicalError: It is missing or holds something else.
        """
        for index, value in enumerate(self.items(name)):
            yield Fields(value, f"{self.record}.{name}[{index}]")

    def made(self, name: str, make: Callable[[str], T]) -> T:
        """A text field turned into something else, such as a member of an enumeration.

        Args:
            name: The field.
            make: Takes the text; raises `ValueError` or a domain error where it does not fit.

        Returns:
            What `make` gives.

        Raises:
            CanonicalError: It is missing or does not fit.
        """
        value = self.text(name)
        try:
            return make(value)
        except (ValueError, ClimateFitnessError) as error:
            raise self._wrong(name, f"what {getattr(make, '__name__', 'the field')} takes", value) from error

    def _wrong(self, name: str, expected: str, got: object) -> CanonicalError:
        return CanonicalError(f"The field {name} is not {expected}", expected=expected, got=got, record=self.record)


def refuse_other_content(value: Json, again: Json, record: str) -> None:
    """Refuse a document that says more than was read from it, or says it otherwise.

    Args:
        value: What stands in the document.
        again: What was read from it, as this version writes it.
        record: The document's name, for the message.

    Raises:
        CanonicalError: The two differ: a field that the format does not have, or another form of the same value.
    """
    if again != value:
        names = sorted(value) if isinstance(value, Mapping) else value
        raise CanonicalError(
            "This holds something that its format does not have",
            expected="the form that this version writes",
            got=names,
            record=record,
        )
