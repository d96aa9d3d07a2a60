"""JSON of any size, one member at a time: what is held is one window of text and one value, however long the file is."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from domain.errors import DocumentError, HostileDocumentError, TruncatedDocumentError, UnknownFormatError

WINDOW_SIZE = 1_000_000
"""Bytes read at a time."""

MAX_VALUE_SIZE = 4_000_000
"""Characters of one value that is read whole; a trip with its path has up to about 100,000."""

_LOOKAHEAD_SIZE = 64
"""Characters that must follow a value, or the end of the file: a number at the edge of the window may go on behind it."""

_MOST_ZEROS_COUNT = 20
_SPACE = " \t\n\r"
_GAP = re.compile(r"[ \t\n\r]*")


class Member(NamedTuple):
    """One value at the top of a file.

    Attributes:
        name: Of the member that it is, or that it is an element of; empty in a bare list.
        value: Decimal fractions as text, exact; whole numbers as int.
        is_element: Whether it is an element of a list.
    """

    name: str
    value: object
    is_element: bool


def members(read: Callable[[int], bytes]) -> Iterator[Member]:
    """The elements of a bare list, or the members of an object, of which lists are given element by element.

    Args:
        read: Gives the next bytes, at most so many; none at the end. UTF-8, with or without byte order mark.

    Yields:
        Them in their order.

    Raises:
        UnknownFormatError: Not UTF-8, or neither a list nor an object.
        TruncatedDocumentError: The file ends too early.
        HostileDocumentError: Deep nesting, or a value of more than `MAX_VALUE_SIZE` characters.
        DocumentError: It is no JSON.
    """
    text = _Text(read)
    opening = text.sign()
    if opening == "[":
        yield from _elements(text, "")
    elif opening == "{":
        yield from _object(text)
    else:
        raise UnknownFormatError(expected="a JSON object or list", got=f"text that begins with {opening!r}")
    text.check_end()


def _object(text: "_Text") -> Iterator[Member]:
    if text.peek() == "}":
        text.sign()
        return
    while True:
        name = text.value()
        if not isinstance(name, str):
            raise text.broken("a name in quotation marks", repr(name))
        text.expect(":")
        if text.peek() == "[":
            text.sign()
            yield from _elements(text, name)
        else:
            yield Member(name, text.value(), is_element=False)
        if text.expect(",}") == "}":
            return


def _elements(text: "_Text", name: str) -> Iterator[Member]:
    if text.peek() == "]":
        text.sign()
        return
    while True:
        yield Member(name, text.value(), is_element=True)
        if text.expect(",]") == "]":
            return


class _Text:
    """The window that is being read, and the place in it."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read, self._decoder = read, codecs.getincrementaldecoder("utf-8-sig")()
        self._window, self._at, self._before_count, self._is_last = "", 0, 0, False

    def peek(self) -> str:
        """The next character that is no white space.

        Raises:
            TruncatedDocumentError: There is none.
        """
        while True:
            self._at = _GAP.match(self._window, self._at).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self._at < len(self._window):
                return self._window[self._at]
            if self._is_last:
                raise TruncatedDocumentError("This file ends too early", expected="more JSON", got=f"{self._where()} characters")
            self._fill()

    def sign(self) -> str:
        """The next character that is no white space, taken."""
        found = self.peek()
        self._at += 1
        return found

    def expect(self, choices: str) -> str:
        """The next sign, which is one of these."""
        found = self.sign()
        if found not in choices:
            raise self.broken(f"one of {' '.join(choices)}", found)
        return found

    def check_end(self) -> None:
        """Nothing but white space follows."""
        while not self._is_last or self._window[self._at :].strip(_SPACE):
            if self._window[self._at :].strip(_SPACE):
                raise self.broken("the end of the file", self.peek())
            self._at = len(self._window)
            self._fill()

    def value(self) -> object:
        """The next value, whole.

        Raises:
            HostileDocumentError: It is nested too deeply.
        """
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._window, self._at)
            except json.JSONDecodeError as error:
                self._more_or(error)
                continue
            except RecursionError as error:
                raise HostileDocumentError("This file is nested too deeply", expected="flat JSON", got="deep nesting") from error
            except ValueError as error:  # a whole number of thousands of digits
                raise self.broken("numbers that can be", "a number that is too long") from error
            if end + _LOOKAHEAD_SIZE > len(self._window) and not self._is_last:
                self._fill()
                continue
            self._at = end
            return value

    def broken(self, expected: str, got: str) -> DocumentError:
        """The refusal of a file that is no JSON here."""
        return DocumentError(
            "This file is no JSON",
            expected=expected,
            got=got,
            record=f"character {self._where()}",
            next_step="Export it again, and do not change it.",
        )

    def _more_or(self, error: json.JSONDecodeError) -> None:
        """Widen the window behind a value that does not end in it.

        Raises:
            HostileDocumentError: It is wide enough.
            TruncatedDocumentError: The file ends in the value.
        """
        if self._is_last:
            if error.pos >= len(self._window.rstrip(_SPACE)) - 1 or error.msg.startswith("Unterminated"):
                raise TruncatedDocumentError(
                    "This file ends too early", expected="more JSON", got=f"{self._where()} characters"
                ) from error
            self._at = error.pos
            raise self.broken("JSON", error.msg) from error
        if len(self._window) - self._at > MAX_VALUE_SIZE:
            raise HostileDocumentError(
                "A value of this file is too long, or no JSON",
                expected=f"at most {MAX_VALUE_SIZE} characters",
                got=error.msg,
                record=f"character {self._where()}",
            ) from error
        self._fill()

    def _fill(self) -> None:
        """Forget what was read, and read as much again as there is, at least a window.

        Raises:
            UnknownFormatError: The bytes are not UTF-8.
        """
        self._before_count += self._at
        rest = self._window[self._at :]
        found = self._read(max(WINDOW_SIZE, len(rest)))
        self._is_last = not found
        try:
            self._window = rest + self._decoder.decode(found, final=self._is_last)
        except UnicodeDecodeError as error:
            raise UnknownFormatError(
                "This file is not UTF-8",
                expected="JSON in UTF-8",
                got=error.reason,
                next_step="Upload the file as it was exported.",
            ) from error
        self._at = 0

    def _where(self) -> int:
        return self._before_count + self._at


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DocumentError("A name stands twice in one object", expected="each name once", got=f"{len(pairs)} names")
    return found


def _no_constant(text: str) -> object:
    raise DocumentError("This file is no JSON", expected="plain numbers", got=text)


def _plain(text: str) -> str:
    """A fraction in plain digits: Java writes 1.2345678E7. What cannot be a length stays as it is, and is refused as one."""
    if "e" not in text and "E" not in text:
        return text
    value = Decimal(text)
    return f"{value:f}" if abs(value.adjusted()) <= _MOST_ZEROS_COUNT else text


_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_float=_plain, parse_constant=_no_constant)
