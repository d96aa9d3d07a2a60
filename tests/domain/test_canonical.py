"""Canonical JSON: the bytes of RFC 8785, and refusal of everything that has another form."""

from collections.abc import Iterator
from types import MappingProxyType

import pytest
import rfc8785
from hypothesis import given

from domain.canonical import (
    MAX_DEPTH_COUNT,
    MAX_INTEGER,
    Json,
    canonical_sha256,
    from_canonical,
    from_json,
    sha256_hex,
    to_canonical,
)
from domain.errors import CanonicalError
from domain.factor import Gas
from tests.domain.strategies import JSON_VALUES

DOCUMENT = to_canonical({"a": [1, -2, True, None, "x\u20ac\n"], "b": {"c": "10", "d": False}, "empty": {}, "list": []})


def nested(levels_count: int) -> Json:
    """Arrays within arrays."""
    value: Json = []
    for _ in range(levels_count - 1):
        value = [value]
    return value


@given(JSON_VALUES)
def test_bytes_are_those_of_rfc8785(value: Json) -> None:
    """An independent implementation of RFC 8785 writes the same bytes."""
    assert to_canonical(value) == rfc8785.dumps(value)


@given(JSON_VALUES)
def test_reading_gives_the_value_back(value: Json) -> None:
    """What was written is read as the same value."""
    assert from_canonical(to_canonical(value)) == value


@given(JSON_VALUES)
def test_layout_does_not_matter_to_the_tolerant_reader(value: Json) -> None:
    """The reader of any layout finds the same value among white space."""
    spaced = to_canonical([value]).replace(b"[", b" [\n", 1)
    assert from_json(spaced) == [value]


def test_rfc8785_appendix_string_example() -> None:
    """RFC 8785 section 3.2.2 (its string and literals, without the fractions): escapes as printed there."""
    value: Json = {"string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/", "literals": [None, True, False]}
    expected = '{"literals":[null,true,false],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    assert to_canonical(value) == expected.encode()


def test_rfc8785_utf8_example() -> None:
    """RFC 8785 section 3.2.4 prints these bytes for the literals and the string of its example."""
    expected = bytes.fromhex(
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c"
        "22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d"
    )
    read = from_json(b'{"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}')
    assert to_canonical(read) == expected


@pytest.mark.parametrize(("number", "text"), [(0, b"0"), (9007199254740991, b"9007199254740991"), (-1, b"-1")])
def test_rfc8785_appendix_b_integers(number: int, text: bytes) -> None:
    """RFC 8785 appendix B: the integers of its table are written so."""
    assert to_canonical(number) == text


@pytest.mark.parametrize(
    ("character", "escape"),
    [("\b", "\\b"), ("\t", "\\t"), ("\n", "\\n"), ("\f", "\\f"), ("\r", "\\r"), ("\x1f", "\\u001f"), ("\x7f", "\x7f")],
)
def test_control_characters(character: str, escape: str) -> None:
    """RFC 8785 section 3.2.2.2: five short escapes, lower-case hexadecimal for the rest below 0x20, nothing above."""
    assert to_canonical(character) == f'"{escape}"'.encode()


def changed_documents() -> Iterator[bytes]:
    """The document with each byte as each other byte, left out, and doubled."""
    for index in range(len(DOCUMENT)):
        before, after = DOCUMENT[:index], DOCUMENT[index + 1 :]
        yield before + after
        yield before + DOCUMENT[index : index + 1] * 2 + after
        yield from (before + bytes([byte]) + after for byte in range(256) if byte != DOCUMENT[index])


def test_every_changed_byte_is_noticed() -> None:
    """A canonical document with any byte changed, left out or doubled is refused or says another value."""
    for changed in changed_documents():
        try:
            value = from_canonical(changed)
        except CanonicalError:
            continue
        assert to_canonical(value) != DOCUMENT


@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b' {"a":1}',
        b'"\\u0041"',
        b'"\\/"',
        b'"\\u000A"',
        b'"\\u20ac"',
        b"-0",
    ],
)
def test_other_forms_of_the_same_value_are_refused(data: bytes) -> None:
    """Order, white space and needless escapes are not canonical, though the tolerant reader takes them."""
    from_json(data)
    with pytest.raises(
        CanonicalError, match="These bytes are not canonical JSON; expected RFC 8785 bytes; first difference at byte"
    ):
        from_canonical(data)


def test_refusal_names_the_byte_and_the_next_step() -> None:
    """The message says where the bytes leave the canonical form, in which record, and what to do."""
    with pytest.raises(CanonicalError) as caught:
        from_canonical(b'{"a":1, "b":2}', record="manifest")
    assert caught.value.sentence() == (
        'These bytes are not canonical JSON; expected RFC 8785 bytes; first difference at byte 7; got  "b":2}; in manifest. '
        "Use the file as it was exported; do not re-format it."
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a":1,"a":1}', "A key stands twice; expected each key once; got a; in manifest"),
        (b"1.0", "expected an integer, or the amount as a string; got 1.0; in manifest"),
        (b"1e3", "expected an integer, or the amount as a string; got 1e3; in manifest"),
        (b"NaN", "expected an integer or a string; got NaN; in manifest"),
        (b"-Infinity", "expected an integer or a string; got -Infinity; in manifest"),
        (b'"\\ud800"', r"expected text without lone surrogates; got '\ud800'; in manifest"),
        (b'{"\xc3\xa4":1}', "expected ASCII keys; got ä; in manifest"),
        (b"9007199254740992", "expected an integer below 2^53, or a string; got one of 54 bits; in manifest"),
        (b"[-9007199254740992]", "expected an integer below 2^53, or a string; got one of 54 bits; in manifest[0]"),
        (b"\xff", "This is not JSON; expected UTF-8 JSON"),
        (b"\xef\xbb\xbf1", "This is not JSON; expected UTF-8 JSON"),
        (b"", "This is not JSON; expected UTF-8 JSON"),
        (b"01", "This is not JSON; expected UTF-8 JSON"),
        (b"[1,]", "This is not JSON; expected UTF-8 JSON"),
        (b'"\t"', "This is not JSON; expected UTF-8 JSON"),
        (b"1" * 5000, "This is not JSON that we read"),
    ],
)
def test_strict_refusals(data: bytes, message: str) -> None:
    """What has two readings, or none, is refused by name."""
    with pytest.raises(CanonicalError) as caught:
        from_json(data, record="manifest")
    assert message in caught.value.sentence()


@pytest.mark.parametrize("number", [MAX_INTEGER + 1, -MAX_INTEGER - 1, 10**5000], ids=["2^53", "-2^53", "10^5000"])
def test_integers_of_2_to_the_53_are_not_written(number: int) -> None:
    """An integer that some readers would round, however long, is refused."""
    with pytest.raises(CanonicalError, match=r"expected an integer below 2\^53, or a string"):
        to_canonical({"a": number})


def test_path_of_a_value_is_named() -> None:
    """The refusal of a value says where it stands."""
    with pytest.raises(CanonicalError, match=r"in \$\.a\[1\]\.b$"):
        to_canonical({"a": [0, {"b": "\udfff"}]})


@pytest.mark.parametrize("value", [1.5, b"x", {1, 2}, object()])
def test_other_types_are_not_written(value: object) -> None:
    """Fractions, bytes, sets and objects have no canonical form."""
    with pytest.raises(CanonicalError, match="expected text, integer, boolean, null, array or object; got"):
        to_canonical([value])  # type: ignore[list-item]  # what the type forbids is what is tested


@pytest.mark.parametrize("key", [1, "\u00e4", None])
def test_keys_are_ascii_text(key: object) -> None:
    """Keys that are no text or not ASCII are refused."""
    with pytest.raises(CanonicalError, match="expected ASCII keys"):
        to_canonical({key: 1})  # type: ignore[dict-item]  # what the type forbids is what is tested


def test_deepest_value_is_written_and_read() -> None:
    """The deepest nesting that may be written can be read."""
    value = nested(MAX_DEPTH_COUNT)
    assert from_canonical(to_canonical(value)) == value


def test_deeper_values_are_neither_written_nor_read() -> None:
    """One level more is refused on both sides."""
    with pytest.raises(CanonicalError, match="expected at most 64 levels; got deeper nesting"):
        to_canonical(nested(MAX_DEPTH_COUNT + 1))
    with pytest.raises(CanonicalError, match="expected at most 64 levels; got deeper nesting; in manifest"):
        from_json(b"[" * 65 + b"]" * 65, record="manifest")


def test_very_deep_document_is_refused() -> None:
    """A million opening brackets do not reach the interpreter's stack."""
    with pytest.raises(CanonicalError, match="deeper nesting"):
        from_json(b"[" * 1_000_000)


def test_brackets_inside_strings_are_no_depth() -> None:
    """Brackets and escaped quotes in text count for nothing."""
    value = ['\\"' + "[" * 100 + "\\"]
    assert from_canonical(to_canonical(value)) == value


def test_a_value_that_holds_itself_is_refused() -> None:
    """A list inside itself ends at the allowed depth."""
    value: list[Json] = []
    value.append(value)
    with pytest.raises(CanonicalError, match="deeper nesting"):
        to_canonical(value)


def test_any_mapping_is_an_object() -> None:
    """Read-only mappings and enumeration members are written as what they stand for."""
    assert to_canonical(MappingProxyType({Gas.CO2: (1, 2)})) == b'{"co2":[1,2]}'


def test_sha256_of_abc() -> None:
    """FIPS 180-4's example: SHA-256 of "abc"."""
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_hash_is_of_the_canonical_bytes() -> None:
    """The order of keys does not change the hash."""
    assert canonical_sha256({"b": 1, "a": 2}).hex() == sha256_hex(b'{"a":2,"b":1}')
