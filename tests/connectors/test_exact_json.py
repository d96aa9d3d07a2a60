"""JSON in which every number stays the digits that were sent, whatever it is nested in."""

import json
import sys
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.exact_json import MAX_DEPTH, Ambiguous, NotANumber, Number, listed, named, read_exact, text
from domain.errors import DocumentTooLargeError, HostileDocumentError, TruncatedDocumentError, UnknownFormatError

VALUES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@pytest.fixture
def no_recursion_limit() -> Iterator[None]:
    """A limit as the library of the chain sets it: the decoder no longer stops before the stack does."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(100_000, before))
    yield
    sys.setrecursionlimit(before)


@given(VALUES, st.booleans())
def test_values_come_back(value: object, is_ascii: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """Everything but numbers is what the standard library reads."""
    assert read_exact(json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")) == value


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_are_their_digits(number: Decimal) -> None:
    """A number is the text that was sent, and no text is taken for one."""
    digits = format(number, "f")
    found = read_exact(f'[{digits}, "{digits}"]'.encode())
    assert isinstance(found, list)
    assert [type(one) for one in found] == [Number, str]
    assert found == [digits, digits]


def test_what_is_no_number_stands_where_it_is() -> None:
    """NaN and infinities are told apart from texts and numbers."""
    found = read_exact(b'[NaN, -Infinity, "NaN"]')
    assert isinstance(found, list)
    assert [type(one) for one in found] == [NotANumber, NotANumber, str]


def test_a_name_that_stands_twice_has_no_value() -> None:
    """Which value is meant, nobody can tell: nothing is found in such an object, and the others stand."""
    found = read_exact(b'{"good":{"a":"x"},"bad":{"a":"x","a":"y"}}')
    assert isinstance(named(found, "bad"), Ambiguous)
    assert (text(named(found, "good"), "a"), text(named(found, "bad"), "a")) == ("x", "")


def test_what_is_not_there_is_empty() -> None:
    """Names that are missing, and values of another sort, are no fault yet."""
    found = read_exact(b'{"list":[1],"text":"t","number":7}')
    assert (listed(found, "list"), listed(found, "text"), listed(7, "list")) == (["1"], [], [])
    assert (text(found, "text"), text(found, "number"), text(None, "text")) == ("t", "", "")


@pytest.mark.usefixtures("no_recursion_limit")
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b'[{"a":' * 500_000,
        b'["]",' * 500_000,
        b'["\\"]",' * 500_000,
        b'{"]":' * 500_000,
        b"[" * 200 + b"]" * 200,
        b"[[]," * 100_000,
    ],
    ids=["lists", "objects", "both", "closed in texts", "closed in texts with signs", "closed in names", "whole", "side by side"],
)
def test_deep_nesting_is_refused_before_it_is_read(body: bytes) -> None:
    """However high a library has set Python's recursion limit, the stack is not used up."""
    with pytest.raises(HostileDocumentError, match=f"nested too deeply; expected at most {MAX_DEPTH} levels"):
        read_exact(body)


def test_allowed_depth() -> None:
    """Sixty-four levels are read, and brackets in texts are none."""
    assert read_exact(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    assert read_exact(json.dumps(["[[" * 5_000, '"[{' * 5_000]).encode()) is not None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", TruncatedDocumentError),
        (b'{"a":[1,2', TruncatedDocumentError),
        (b'{"a":"b', TruncatedDocumentError),
        (b"<html></html>", UnknownFormatError),
        (b"a,b\n1,2", UnknownFormatError),
        (b"[1] [2]", UnknownFormatError),
        (b"\xff\xfe[\x00]\x00", UnknownFormatError),
        (b" " * 20_000_001, DocumentTooLargeError),
    ],
)
def test_what_is_no_json_is_refused(body: bytes, error: type[Exception]) -> None:
    """By what it looks like."""
    with pytest.raises(error):
        read_exact(body)
