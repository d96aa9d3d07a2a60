"""Mappings: strict JSON there and back, numbers and days as they are written."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.context import framed
from connectors.mapping import (
    DateOrder,
    Decimals,
    Sign,
    TableMapping,
    changed,
    day_of,
    mapping_and_file,
    mapping_from_json,
    plain_number,
    with_mapping,
)
from connectors.table import DELIMITERS, ENCODINGS, Layout
from domain.canonical import Json
from domain.errors import DocumentError, InputError, NumberError, TimeError

FIELDS = frozenset({"date", "amount", "currency"})
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
MAPPINGS = st.builds(
    TableMapping,
    columns=st.dictionaries(
        st.sampled_from(sorted(FIELDS)), st.lists(NAMES | st.integers(1, 500), min_size=1, max_size=3).map(tuple), max_size=3
    ),
    constants=st.dictionaries(st.sampled_from(sorted(FIELDS)), NAMES, max_size=3),
    values=st.dictionaries(st.sampled_from(sorted(FIELDS)), st.dictionaries(NAMES, NAMES, max_size=3), max_size=3),
    layout=st.builds(Layout, st.sampled_from(sorted(ENCODINGS)), st.sampled_from(DELIMITERS), NAMES),
    header_row=st.integers(0, 200),
    decimals=st.sampled_from(Decimals),
    date_order=st.sampled_from(DateOrder),
    sign=st.sampled_from(Sign),
    end_is_included=st.booleans(),
)


@given(MAPPINGS, st.binary(max_size=50))
def test_mapping_goes_before_a_file_and_comes_back(mapping: TableMapping, body: bytes) -> None:
    """What was framed is what is read, and the file is untouched."""
    assert mapping_and_file(with_mapping(body, mapping), FIELDS) == (mapping, body)


def test_file_alone_has_no_mapping() -> None:
    """Neither a bare file nor another context is taken for one."""
    assert mapping_and_file(b"a,b\n", FIELDS) == (None, b"a,b\n")
    assert mapping_and_file(framed({"currency": "EUR"}, b"a"), FIELDS) == (None, b"a")


@pytest.mark.parametrize(
    ("bad", "record"),
    [
        ([], "mapping"),
        ({"colums": {}}, "mapping"),
        ({"format": "other/1"}, "format"),
        ({"columns": {"amout": ["A"]}}, "columns"),
        ({"columns": {"amount": []}}, "columns, amount"),
        ({"columns": {"amount": [0]}}, "columns, amount"),
        ({"columns": {"amount": [True]}}, "columns, amount"),
        ({"columns": {"amount": ["x" * 300]}}, "columns, amount"),
        ({"constants": {"currency": 5}}, "constants, currency"),
        ({"encoding": "utf-7"}, "encoding"),
        ({"delimiter": "x"}, "delimiter"),
        ({"header_row": -1}, "header_row"),
        ({"header_row": True}, "header_row"),
        ({"decimals": ";"}, "decimals"),
        ({"date_order": "dym"}, "date_order"),
        ({"sign": ""}, "sign"),
        ({"end_is_included": "yes"}, "end_is_included"),
        ({"values": {"amount": {"a": 1}}}, "values of amount, a"),
        ({"values": {"amount": [["a"]]}}, "values of amount"),
        ({"values": {"amount": "a"}}, "values of amount"),
        ({"constants": {"currency": "\ud800"}}, "constants, currency"),
    ],
)
def test_bad_mapping_is_refused(bad: Json, record: str) -> None:
    """A name, a type or a value that no mapping has."""
    with pytest.raises(DocumentError, match="mapping cannot be used") as refused:
        mapping_from_json(bad, FIELDS)
    assert refused.value.record == record


def test_answer_changes_one_thing() -> None:
    """A column instead of a constant, and the other way round; null takes away."""
    base = TableMapping(columns={"date": ("D",), "amount": ("A",)}, constants={"currency": "EUR"})
    assert changed(base, {"columns": {"currency": ["C"]}}, FIELDS).constants == {}
    assert changed(base, {"constants": {"amount": "5"}}, FIELDS).columns == {"date": ("D",)}
    assert changed(base, {"columns": {"amount": None}}, FIELDS).columns == {"date": ("D",)}
    assert changed(base, {"decimals": ","}, FIELDS).decimals is Decimals.COMMA
    first = changed(base, {"values": {"amount": {"ä": "1"}}}, FIELDS)
    assert changed(first, {"values": {"amount": [["b", "2"]]}}, FIELDS).values == {"amount": {"ä": "1", "b": "2"}}


def test_mapping_has_a_size() -> None:
    """It stands in one line before the file."""
    large = TableMapping(values={"amount": {f"{i}" * 100: "x" for i in range(90)}})
    with pytest.raises(DocumentError, match="too large"):
        with_mapping(b"", large)


@given(
    st.decimals(min_value=-(10**12), max_value=10**12, places=2),
    st.sampled_from([(Decimals.POINT, ","), (Decimals.POINT, "'"), (Decimals.COMMA, "."), (Decimals.COMMA, " ")]),
    st.sampled_from(["-{}", "({})", "{}-", "\u2212{}"]),
    st.sampled_from(["{}", "{} EUR", "EUR {}", "€{}", "{} €"]),
)
def test_number_is_what_was_written(value: Decimal, style: tuple[Decimals, str], below: str, beside: str) -> None:
    """Groups, marks, signs and currencies of the world, there and back, exact."""
    decimals, group = style
    text = f"{abs(value):,.2f}".replace(",", "G").replace(".", decimals.value).replace("G", group)
    text = beside.format(below.format(text) if value < 0 else text)
    number, currency = plain_number(text, decimals, record="amount")
    assert Decimal(number) == value
    assert currency in {"", "EUR"}


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    """Nothing else ever comes out: plain digits that a Decimal takes, or a refusal."""
    for decimals in Decimals:
        try:
            number, _ = plain_number(text, decimals, record="amount")
        except NumberError:
            continue
        assert number.isascii()
        assert Decimal(number).is_finite()


@given(st.dates(date(1990, 1, 1), date(2089, 12, 31)), st.sampled_from(DateOrder), st.sampled_from("./-"), st.booleans())
def test_day_is_what_was_written(day: date, order: DateOrder, mark: str, is_short: bool) -> None:  # noqa: FBT001 - drawn
    """Every order and mark, four digits of the year or two."""
    year = f"{day.year % 100:02d}" if is_short else f"{day.year:04d}"
    parts = {"y": year, "m": f"{day.month:02d}", "d": f"{day.day:02d}"}
    assert day_of(mark.join(parts[sign] for sign in order.value), order, record="date") == day.isoformat()


@given(st.text(max_size=14))
def test_any_text_is_a_day_or_refused(text: str) -> None:
    """An ISO day, or a refusal; nothing else."""
    for order in DateOrder:
        try:
            found = day_of(text, order, record="date")
        except TimeError:
            continue
        assert date.fromisoformat(found).year >= 1990


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Whatever a mapping stands before: an error of ours, never another."""
    for context in (b"#cf-context/1 " + body, with_mapping(body, TableMapping())):
        try:
            mapping_and_file(context, FIELDS)
        except InputError as error:
            assert error.message  # noqa: PT017 - any of ours is right
