"""Typed reading: each field is what it must be, or the refusal names record and field."""

from collections.abc import Callable

import pytest
from hypothesis import given

from domain.activity import Quality
from domain.canonical import Json
from domain.errors import CanonicalError
from domain.fields import Fields, refuse_other_content
from domain.period import Month
from tests.domain.strategies import AMOUNTS

HASH = "ab" * 32
FIELDS = Fields(
    {
        "text": "x",
        "integer": -3,
        "yes": True,
        "amount": "-12",
        "hash": HASH,
        "object": {"a": "b"},
        "objects": [{"a": "b"}, {"a": "c"}],
        "texts": ["p", "q"],
        "mixed": ["p", 1],
        "null": None,
        "month": "2024-03",
    },
    "manifest",
)


def test_each_reader_gives_its_type() -> None:
    """What fits is given as it stands, amounts as integers."""
    assert (FIELDS.text("text"), FIELDS.integer("integer"), FIELDS.boolean("yes")) == ("x", -3, True)
    assert (FIELDS.amount("amount"), FIELDS.hash_hex("hash"), FIELDS.texts("texts")) == (-12, HASH, ("p", "q"))


def test_names_are_what_stands_there() -> None:
    """The names of an object are known before its fields are read."""
    assert Fields({"b": 1, "a": 2}, "x").names() == {"a", "b"}


def test_nested_objects_carry_their_path() -> None:
    """A refusal inside an object names the whole path."""
    with pytest.raises(CanonicalError, match=r"A field is missing; expected z; got a; in manifest\.object"):
        FIELDS.nested("object").text("z")


def test_objects_of_an_array_carry_their_index() -> None:
    """A refusal inside an array names the index."""
    assert [(one.record, one.text("a")) for one in FIELDS.objects("objects")] == [
        ("manifest.objects[0]", "b"),
        ("manifest.objects[1]", "c"),
    ]


def test_missing_field_names_what_is_there() -> None:
    """A field that is missing is named beside those that are there."""
    with pytest.raises(CanonicalError) as caught:
        Fields({"b": 1, "a": 2}, "line").raw("c")
    assert caught.value.sentence() == "A field is missing; expected c; got a, b; in line"


@pytest.mark.parametrize(
    ("read", "name", "expected"),
    [
        (Fields.text, "integer", "text"),
        (Fields.text, "null", "text"),
        (Fields.integer, "text", "an integer"),
        (Fields.integer, "yes", "an integer"),
        (Fields.integer, "amount", "an integer"),
        (Fields.boolean, "integer", "true or false"),
        (Fields.boolean, "null", "true or false"),
        (Fields.amount, "text", "an integer as text"),
        (Fields.amount, "integer", "text"),
        (Fields.hash_hex, "text", "64 lower-case hexadecimal digits"),
        (Fields.items, "text", "an array"),
        (Fields.items, "object", "an array"),
        (Fields.texts, "mixed", "texts"),
    ],
)
def test_wrong_type_is_refused(read: Callable[[Fields, str], object], name: str, expected: str) -> None:
    """A field of another type is refused with field and record."""
    with pytest.raises(CanonicalError, match=f"^The field {name} is not {expected}; expected {expected}; got .*; in manifest$"):
        read(FIELDS, name)


@pytest.mark.parametrize("value", [None, [], "x", 1, True])
def test_only_objects_have_fields(value: Json) -> None:
    """Anything but an object is refused."""
    with pytest.raises(CanonicalError, match=r"expected an object; got .*; in proof"):
        Fields(value, "proof")


@given(AMOUNTS)
def test_amount_reads_what_str_writes(amount: int) -> None:
    """An integer's shortest text is read back."""
    assert Fields({"a": str(amount)}, "x").amount("a") == amount


@pytest.mark.parametrize("text", ["", "-", "+1", "01", "-0", "00", "1.0", "1e3", " 1", "1\n", "1_0", "\u0661", "1" * 41])
def test_other_texts_of_integers_are_refused(text: str) -> None:
    """Only the one shortest form is an amount."""
    with pytest.raises(CanonicalError, match="The field a is not an integer as text"):
        Fields({"a": text}, "x").amount("a")


@pytest.mark.parametrize("text", [HASH.upper(), HASH[:-1], HASH + "0", "0x" + HASH[2:], HASH + "\n", "g" * 64])
def test_other_texts_of_hashes_are_refused(text: str) -> None:
    """Capitals, prefixes and other lengths are no hash."""
    with pytest.raises(CanonicalError, match="The field a is not 64 lower-case hexadecimal digits"):
        Fields({"a": text}, "x").hash_hex("a")


def test_made_fields_are_made() -> None:
    """A text is turned into what the caller names."""
    assert FIELDS.made("month", Month.from_text) == Month(2024, 3)


@pytest.mark.parametrize(("make", "name"), [(Month.from_text, "from_text"), (Quality, "Quality")])
def test_made_field_that_does_not_fit_is_refused(make: Callable[[str], object], name: str) -> None:
    """A domain error or ValueError of the maker becomes a refusal of the field, with its cause."""
    with pytest.raises(CanonicalError, match=f"The field text is not what {name} takes; .*; in manifest") as caught:
        FIELDS.made("text", make)
    assert caught.value.__cause__ is not None


def test_same_content_is_no_other_content() -> None:
    """What is written as it was read passes."""
    refuse_other_content({"a": ["1"]}, {"a": ["1"]}, "line 3")


def test_other_content_is_refused() -> None:
    """A document that says more than was read from it names its fields and record."""
    with pytest.raises(CanonicalError) as caught:
        refuse_other_content({"b": 1, "a": 2}, {"a": 2}, "line 3")
    assert caught.value.sentence() == (
        "This holds something that its format does not have; expected the form that this version writes; got ['a', 'b']; "
        "in line 3"
    )
